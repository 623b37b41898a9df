//! A conversation in which another vendor's model spoke, on its way to a provider of the caller's own dialect: what we
//! wrapped into the dialect's places of state comes out again, since the vendor refuses what it didn't sign.

use crate::json::{Json, Writer};

/// What becomes of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It stays.
    Stays,
    /// It goes.
    Goes,
    /// It stays without this member.
    Without(&'static str),
}

/// Writes a body anew with what becomes of the entries of `list`, or of those of the list `inner` in each of them;
/// `None`: all of them stay.
pub(crate) fn rewrite(
    body: &Json<'_>,
    list: &str,
    inner: Option<&str>,
    fate: &dyn Fn(&Json<'_>) -> Fate,
) -> Option<Vec<u8>> {
    let changes = |entry: &Json<'_>| fate(entry) != Fate::Stays;
    let touched = |entry: &Json<'_>| match inner {
        Some(inner) => entry.get(inner).is_some_and(|list| list.items().iter().any(changes)),
        None => changes(entry),
    };
    if !body.get(list)?.items().iter().any(touched) {
        return None;
    }
    let mut out = Writer::with_capacity(body.raw().len());
    members(body, &mut out, &mut |name, value, out| {
        if name != list {
            out.json(value);
            return;
        }
        out.list();
        for entry in value.items() {
            match inner {
                Some(inner) if touched(entry) => outer(entry, inner, fate, out),
                Some(_) => {
                    out.json(entry);
                }
                None => one(entry, fate(entry), out),
            }
        }
        out.end_list();
    });
    Some(out.into_bytes())
}

/// An entry with a list of its own; one that has nothing left goes.
fn outer(entry: &Json<'_>, inner: &str, fate: &dyn Fn(&Json<'_>) -> Fate, out: &mut Writer) {
    let left = |list: &Json<'_>| list.items().iter().any(|entry| fate(entry) != Fate::Goes);
    if !entry.get(inner).is_some_and(left) {
        return;
    }
    members(entry, out, &mut |name, value, out| {
        if name == inner {
            out.list();
            value.items().iter().for_each(|entry| one(entry, fate(entry), out));
            out.end_list();
        } else {
            out.json(value);
        }
    });
}

fn one(entry: &Json<'_>, fate: Fate, out: &mut Writer) {
    match fate {
        Fate::Goes => {}
        Fate::Stays => {
            out.json(entry);
        }
        Fate::Without(gone) => {
            out.begin();
            for (name, value) in entry.members().iter().filter(|(name, _)| name != gone) {
                out.name(name).json(value);
            }
            out.end();
        }
    }
}

fn members(object: &Json<'_>, out: &mut Writer, write: &mut dyn FnMut(&str, &Json<'_>, &mut Writer)) {
    out.begin();
    for (name, value) in object.members() {
        out.name(name);
        write(name, value, out);
    }
    out.end();
}
