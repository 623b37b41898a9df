//! What differs between two tables, in words for a log: names and counts, never a value. Pure.

use crate::table::{Access, Entry, Table};
use std::collections::{BTreeSet, HashMap};

/// A line for each difference, none where there is none.
pub fn between(before: &Table, after: &Table) -> Vec<String> {
    let mut lines = Vec::new();
    providers(before, after, &mut lines);
    // Providers that came or went moved the others, which is no news.
    let same_names = !lines.is_empty() || before.names == after.names;
    // Without `..`: a new member of the table must be compared, too.
    let Table {
        entries: _,
        names: _,
        access,
        admin,
        aliases,
        routes,
        default_model,
        round_robin,
        gateway,
        cors,
        egress,
        place,
        limits,
        hold,
        keepalive,
        breaker,
        strict,
        fetch_images,
        dev,
    } = after;
    if before.access != *access {
        lines.push(format!("callers: {}, were {}", callers(access), callers(&before.access)));
    }
    named("route", &before.routes, routes, &mut lines);
    named("alias", &before.aliases, aliases, &mut lines);
    let settings = [
        ("names of providers", same_names),
        ("ADMIN_API_KEY", before.admin == *admin),
        ("DEFAULT_MODEL", before.default_model == *default_model),
        ("ENABLE_GLOBAL_ROUND_ROBIN", before.round_robin == *round_robin),
        ("AI Gateway", before.gateway == *gateway),
        ("cors", before.cors == *cors),
        ("egress", before.egress == *egress),
        ("region", before.place == *place),
        ("limits", before.limits == *limits),
        ("hold_ms", before.hold == *hold),
        ("keepalive_ms", before.keepalive == *keepalive),
        ("breaker", before.breaker == *breaker),
        ("strict", before.strict == *strict),
        ("fetch_images", before.fetch_images == *fetch_images),
        ("DEV", before.dev == *dev),
    ];
    let changed = settings.into_iter().filter(|(_, same)| !same);
    lines.extend(changed.map(|(name, _)| format!("{name} changed")));
    lines
}

/// Providers that can be called now and could not be before, the reverse, and those that are called otherwise.
fn providers(before: &Table, after: &Table, lines: &mut Vec<String>) {
    let of = |table: &Table| -> BTreeSet<String> {
        table.entries.iter().map(|entry| entry.provider.id.to_string()).collect()
    };
    for id in &of(before) | &of(after) {
        let find = |table: &'_ Table| table.entries.iter().position(|entry| entry.provider.id == id);
        let (old, new) = (
            find(before).and_then(|at| before.entries.get(at)),
            find(after).and_then(|at| after.entries.get(at)),
        );
        let usable = |entry: Option<&Entry>| entry.is_some_and(Entry::available);
        let what = match (usable(old), usable(new)) {
            (false, true) => format!("added, {}", count(new)),
            (true, false) => "removed".into(),
            (true, true) | (false, false) if old == new => continue,
            (true, true) if count(old) != count(new) => {
                format!("changed, {}, were {}", count(new), old.map_or(0, |entry| entry.pool.keys.len()))
            }
            (true, true) => format!("changed, {}", count(new)),
            (false, false) => "changed".into(),
        };
        lines.push(format!("provider {id} {what}"));
    }
}

fn count(entry: Option<&Entry>) -> String {
    match entry.map_or(0, |entry| entry.pool.keys.len()) {
        1 => "1 key".into(),
        count => format!("{count} keys"),
    }
}

fn callers(access: &Access) -> String {
    match access {
        Access::Keys(callers) if callers.len() == 1 => "holders of 1 key".into(),
        Access::Keys(callers) => format!("holders of {} keys", callers.len()),
        Access::Local => "local ones only".into(),
        Access::Open => "everybody".into(),
    }
}

/// Members of a section whose names the user chose, in the order of the alphabet.
fn named<T: PartialEq>(
    what: &str,
    before: &HashMap<String, T>,
    after: &HashMap<String, T>,
    lines: &mut Vec<String>,
) {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let verb = match (before.get(name), after.get(name)) {
            (None, _) => "added",
            (_, None) => "removed",
            (old, new) if old == new => continue,
            _ => "changed",
        };
        lines.push(format!("{what} {name} {verb}"));
    }
}
