//! Which field a byte of a body belongs to: for errors that only know an offset.

use crate::scan::{members, value_end};

/// The path of the innermost field at this offset, `messages[3].content`; `the body` where it is in none. On what is
/// no JSON the path ends early.
#[must_use]
pub fn path_of(body: &[u8], at: usize) -> String {
    let mut path = String::new();
    let (mut value, mut at) = (body, at);
    loop {
        let start = value.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(value.len());
        let inner = match value.get(start) {
            Some(b'{') => in_object(value, at, &mut path),
            Some(b'[') => in_array(value, start, at, &mut path),
            _ => None,
        };
        let Some((from, to)) = inner else { break };
        value = value.get(from..to).unwrap_or_default();
        at -= from;
    }
    if path.is_empty() { "the body".to_owned() } else { path }
}

fn in_object(value: &[u8], at: usize, path: &mut String) -> Option<(usize, usize)> {
    let member = members(value).find(|member| (member.key.start..member.value.end).contains(&at))?;
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(&member.name(value));
    member.value.contains(&at).then_some((member.value.start, member.value.end))
}

fn in_array(value: &[u8], start: usize, at: usize, path: &mut String) -> Option<(usize, usize)> {
    let mut from = start + 1;
    for index in 0_usize.. {
        let blanks =
            value.get(from..)?.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != b',')?;
        from += blanks;
        let to = value_end(value, from).filter(|to| *to > from)?;
        if (from..to).contains(&at) {
            path.push_str(&format!("[{index}]"));
            return Some((from, to));
        }
        from = to;
    }
    None
}
