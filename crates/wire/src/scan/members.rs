//! The members of one JSON object, one after the other, for the slow paths: bodies that have to be edited, and
//! small objects such as usage. Expects JSON that `scan` accepted; on anything else it just ends early.

use std::borrow::Cow;
use std::ops::Range;

use super::text;

/// Where one member of an object stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The key with its quotes.
    pub key: Range<usize>,
    /// The value, without the blanks around it.
    pub value: Range<usize>,
}

impl Member {
    /// The key with its escapes resolved.
    #[must_use]
    pub fn name<'a>(&self, body: &'a [u8]) -> Cow<'a, str> {
        text::unescape(body.get(self.key.start + 1..self.key.end.saturating_sub(1)).unwrap_or_default())
    }

    /// The value's bytes.
    #[must_use]
    pub fn value<'a>(&self, body: &'a [u8]) -> &'a [u8] {
        body.get(self.value.clone()).unwrap_or_default()
    }
}

/// The members of an object, see [`members`].
#[derive(Debug, Clone)]
pub struct Members<'a> {
    body: &'a [u8],
    at: usize,
}

/// The top-level members of the object that `body` holds, in order; none when it is not an object.
#[must_use]
pub fn members(body: &[u8]) -> Members<'_> {
    let at = blank_end(body, 0);
    let at = if body.get(at) == Some(&b'{') { at + 1 } else { body.len() };
    Members { body, at }
}

impl Iterator for Members<'_> {
    type Item = Member;

    fn next(&mut self) -> Option<Member> {
        let body = self.body;
        let mut at = blank_end(body, self.at);
        if body.get(at) == Some(&b',') {
            at = blank_end(body, at + 1);
        }
        if body.get(at) != Some(&b'"') {
            self.at = body.len();
            return None;
        }
        let key = at..text::string_end(body, at)?;
        at = blank_end(body, key.end);
        if body.get(at) != Some(&b':') {
            return None;
        }
        at = blank_end(body, at + 1);
        let value = at..value_end(body, at)?;
        self.at = value.end;
        Some(Member { key, value })
    }
}

fn blank_end(body: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = body.get(at) {
        at += 1;
    }
    at
}

/// The index behind the value that starts at `at`.
pub(crate) fn value_end(body: &[u8], at: usize) -> Option<usize> {
    match body.get(at)? {
        b'"' => text::string_end(body, at),
        b'{' | b'[' => container_end(body, at),
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
            let rest = body.get(at..)?;
            Some(at + rest.iter().position(ends).unwrap_or(rest.len()))
        }
    }
}

fn container_end(body: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0usize;
    loop {
        match body.get(at)? {
            b'"' => {
                at = text::string_end(body, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(body: &str) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        members(body.as_bytes())
            .map(|member| (member.name(body.as_bytes()).into_owned(), text(member.value(body.as_bytes()))))
            .collect()
    }

    #[test]
    fn members_come_in_order_with_their_exact_values() {
        let body = r#" { "a" : [1, {"b": "]}"}] , "\u0062":"x\"y","c":-1.5e3 ,"d":{} } "#;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected =
            [pair("a", r#"[1, {"b": "]}"}]"#), pair("b", r#""x\"y""#), pair("c", "-1.5e3"), pair("d", "{}")];
        assert_eq!(listed(body), expected);
    }

    #[test]
    fn what_is_not_an_object_has_no_members() {
        for body in ["", "[1]", "\"a\"", "{}", "{", "{\"a\"", "{\"a\":", "{\"a\":[", "}"] {
            assert!(listed(body).is_empty(), "{body}");
        }
    }
}
