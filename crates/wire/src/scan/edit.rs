//! Changes to a body that leave every other byte as it was: a new model name spliced in, members dropped, usage
//! asked for. Expects a body that `scan` accepted.

use std::ops::Range;

use bytes::Bytes;

use super::members::{Member, members};

/// A body in up to three pieces, sent one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Segments {
    parts: [Bytes; 3],
}

impl Segments {
    /// The length of the whole body.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    /// There is no byte in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(Bytes::is_empty)
    }

    /// The pieces in order, without empty ones.
    pub fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.parts.iter().filter(|part| !part.is_empty())
    }

    /// The body in one piece; copied only when there is more than one.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut pieces = self.iter();
        match (pieces.next(), pieces.next()) {
            (None, _) => Bytes::new(),
            (Some(only), None) => only.clone(),
            (Some(_), Some(_)) => self.parts.concat().into(),
        }
    }
}

impl From<Bytes> for Segments {
    fn from(body: Bytes) -> Self {
        Self { parts: [body, Bytes::new(), Bytes::new()] }
    }
}

impl IntoIterator for Segments {
    type Item = Bytes;
    type IntoIter = std::iter::Filter<std::array::IntoIter<Bytes, 3>, fn(&Bytes) -> bool>;

    fn into_iter(self) -> Self::IntoIter {
        self.parts.into_iter().filter(|part| !part.is_empty())
    }
}

/// Puts `model`, as a JSON string, where `value` stands. Nothing else is copied.
#[must_use]
pub fn splice(body: &Bytes, value: Range<usize>, model: &str) -> Segments {
    replace(body, value, quoted(model).into())
}

/// Puts `new` where `range` stands (cut to the body's length).
pub(crate) fn replace(body: &Bytes, range: Range<usize>, new: Bytes) -> Segments {
    let end = range.end.min(body.len());
    let start = range.start.min(end);
    Segments { parts: [body.slice(..start), new, body.slice(end..)] }
}

fn quoted(text: &str) -> String {
    // Model names need no escapes.
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        return ["\"", text, "\""].concat();
    }
    serde_json::Value::from(text).to_string()
}

/// What to change in a body besides passing it on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Edits<'a> {
    /// The new value of `model`, wherever a top-level member of that name stands.
    pub model: Option<&'a str>,
    /// Names of top-level members to leave out.
    pub drop: &'a [&'a str],
    /// `stream_options.include_usage` shall be `true`. A dropped `stream_options` stays dropped.
    pub ask_usage: bool,
}

/// An edited body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The new body.
    pub body: Bytes,
    /// The members that were there and are left out, each once, in the body's order.
    pub dropped: Vec<String>,
}

/// Applies `edits` to the object that `body` holds. A body that is no object comes back as it is.
#[must_use]
pub fn edit(body: &Bytes, edits: &Edits<'_>) -> Edited {
    let mut all = members(body).peekable();
    let Some(first) = all.peek() else { return edit_empty(body, edits) };
    let mut out = Vec::with_capacity(body.len() + 64);
    out.extend_from_slice(slice(body, 0..first.key.start));
    let (mut dropped, mut kept, mut asked, mut last_end) = (Vec::new(), 0, false, first.key.start);
    for member in all {
        let name = member.name(body);
        let gap = last_end..member.key.start;
        last_end = member.value.end;
        if edits.drop.contains(&name.as_ref()) {
            if !dropped.iter().any(|known| *known == name) {
                dropped.push(name.into_owned());
            }
            continue;
        }
        if kept > 0 {
            out.extend_from_slice(slice(body, gap));
        }
        kept += 1;
        out.extend_from_slice(slice(body, member.key.start..member.value.start));
        asked |= name == "stream_options";
        write_value(&mut out, body, &member, &name, edits);
    }
    if edits.ask_usage && !asked && !edits.drop.contains(&"stream_options") {
        if kept > 0 {
            out.push(b',');
        }
        out.extend_from_slice(br#""stream_options":{"include_usage":true}"#);
    }
    out.extend_from_slice(slice(body, last_end..body.len()));
    Edited { body: out.into(), dropped }
}

/// An object without members, which may still be given one.
fn edit_empty(body: &Bytes, edits: &Edits<'_>) -> Edited {
    let text = body.trim_ascii();
    let bare = text.strip_prefix(b"{").is_some_and(|rest| rest.trim_ascii() == b"}");
    let body = if bare && edits.ask_usage && !edits.drop.contains(&"stream_options") {
        Bytes::from_static(br#"{"stream_options":{"include_usage":true}}"#)
    } else {
        body.clone()
    };
    Edited { body, dropped: Vec::new() }
}

fn write_value(out: &mut Vec<u8>, body: &[u8], member: &Member, name: &str, edits: &Edits<'_>) {
    let value = member.value(body);
    match (name, edits.model) {
        ("model", Some(model)) => out.extend_from_slice(quoted(model).as_bytes()),
        ("stream_options", _) if edits.ask_usage => write_options(out, value),
        _ => out.extend_from_slice(value),
    }
}

/// `stream_options` with `include_usage` set. Anything but an object or null is left for the provider to refuse.
fn write_options(out: &mut Vec<u8>, options: &[u8]) {
    if options == b"null" {
        out.extend_from_slice(br#"{"include_usage":true}"#);
        return;
    }
    if options.first() != Some(&b'{') {
        out.extend_from_slice(options);
        return;
    }
    let (mut set, mut end) = (false, 1);
    out.push(b'{');
    for member in members(options) {
        out.extend_from_slice(slice(options, end..member.value.start));
        end = member.value.end;
        if member.name(options) == "include_usage" {
            out.extend_from_slice(b"true");
            set = true;
        } else {
            out.extend_from_slice(member.value(options));
        }
    }
    if !set {
        out.extend_from_slice(if end > 1 { br#","include_usage":true"# } else { br#""include_usage":true"# });
    }
    out.extend_from_slice(slice(options, end..options.len()));
}

fn slice(bytes: &[u8], range: Range<usize>) -> &[u8] {
    bytes.get(range).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(body: &'static str, edits: &Edits<'_>) -> (String, Vec<String>) {
        let edited = edit(&Bytes::from_static(body.as_bytes()), edits);
        (String::from_utf8(edited.body.to_vec()).unwrap(), edited.dropped)
    }

    #[test]
    fn a_dropped_member_takes_its_comma_along_wherever_it_stands() {
        let edits = Edits { drop: &["a", "seed"], ..Edits::default() };
        let cases = [
            (r#"{"a":1, "b":2}"#, r#"{"b":2}"#),
            (r#"{ "b":2, "a":{"a":[1,2]} }"#, r#"{ "b":2 }"#),
            (r#"{"b":{"a":1},"\u0061":1 ,"c":3}"#, r#"{"b":{"a":1} ,"c":3}"#),
            (r#"{"a":1,"seed":2,"a":3}"#, "{}"),
            (r#"{"a":1,"b":2,"a":3}"#, r#"{"b":2}"#),
            (r#"["a"]"#, r#"["a"]"#),
        ];
        for (before, after) in cases {
            assert_eq!(edited(before, &edits).0, after);
        }
        assert_eq!(edited(r#"{"a":1,"seed":2,"a":3}"#, &edits).1, ["a", "seed"]);
        assert_eq!(edited(r#"{"b":1}"#, &edits).1, [""; 0]);
    }

    #[test]
    fn usage_is_asked_for_without_touching_other_options() {
        let edits = Edits { ask_usage: true, ..Edits::default() };
        let cases = [
            ("{}", r#"{"stream_options":{"include_usage":true}}"#),
            (r#"{"stream":true }"#, r#"{"stream":true,"stream_options":{"include_usage":true} }"#),
            (r#"{"stream_options":{}}"#, r#"{"stream_options":{"include_usage":true}}"#),
            (r#"{"stream_options": null}"#, r#"{"stream_options": {"include_usage":true}}"#),
            (r#"{"stream_options":{"x":1 }}"#, r#"{"stream_options":{"x":1,"include_usage":true }}"#),
            (
                r#"{"stream_options":{"include_usage":false,"x":1}}"#,
                r#"{"stream_options":{"include_usage":true,"x":1}}"#,
            ),
            (r#"{"stream_options":7}"#, r#"{"stream_options":7}"#),
        ];
        for (before, after) in cases {
            assert_eq!(edited(before, &edits).0, after);
        }
        let refused = Edits { drop: &["stream_options"], ..edits };
        assert_eq!(edited(r#"{"stream":true}"#, &refused).0, r#"{"stream":true}"#);
    }

    #[test]
    fn the_model_is_replaced_as_a_json_string() {
        let edits = Edits { model: Some("a\"b"), ..Edits::default() };
        assert_eq!(
            edited(r#"{"model" : null,"x":{"model":1}}"#, &edits).0,
            r#"{"model" : "a\"b","x":{"model":1}}"#
        );
    }

    #[test]
    fn one_piece_is_not_copied() {
        let body = Bytes::from_static(b"{}");
        assert_eq!(Segments::from(body.clone()).to_bytes().as_ptr(), body.as_ptr());
        assert!(Segments::default().is_empty());
    }
}
