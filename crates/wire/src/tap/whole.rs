//! A JSON answer that came in one piece: its usage is looked for from the end, where every format puts it, without
//! reading what stands before. Anything unusual is left to the probe.

use crate::Usage;
use crate::scan::value_end;
use crate::usage::Counts;
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// What may follow the usage object at most; real answers have a few short members there.
const MAX_BEHIND: usize = 4 << 10;

// Forward, though the last one is wanted: only that direction is searched in vectors.
static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usage\""));
static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"error\""));

/// The usage of a whole body; `None`: let the probe read it.
pub(super) fn usage(body: &[u8]) -> Option<Usage> {
    let body = body.trim_ascii();
    if body.first() != Some(&b'{') || ERROR.find(body).is_some() {
        return None;
    }
    let key = USAGE.find_iter(body).last()?;
    // Inside a string its quotes would be escaped.
    if body.get(key.checked_sub(1)?) == Some(&b'\\') {
        return None;
    }
    let start = object_at(body, key + b"\"usage\"".len())?;
    let mut counts = Counts::default();
    let end = start + counts.add_prefix(body.get(start..)?)?;
    let behind = body.get(end..).filter(|behind| behind.len() <= MAX_BEHIND)?;
    closes_the_root(behind).then(|| counts.usage())
}

/// Where the object begins whose colon comes next.
fn object_at(body: &[u8], mut at: usize) -> Option<usize> {
    let mut colon = false;
    loop {
        match body.get(at)? {
            b' ' | b'\n' | b'\r' | b'\t' => {}
            b':' if !colon => colon = true,
            b'{' if colon => return Some(at),
            _ => return None,
        }
        at += 1;
    }
}

/// What follows closes just one object more than it opens, with its last byte: then it follows a member of the root.
fn closes_the_root(behind: &[u8]) -> bool {
    let (mut at, mut depth) = (0, 1usize);
    while let Some(&byte) = behind.get(at) {
        at = match byte {
            b'"' => match value_end(behind, at) {
                Some(end) => end,
                None => return false,
            },
            b'{' | b'[' => {
                depth += 1;
                at + 1
            }
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return byte == b'}' && at + 1 == behind.len();
                }
                at + 1
            }
            _ => at + 1,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_roots_own_usage_counts() {
        let input = |body: &str| usage(body.as_bytes()).and_then(|usage| usage.input);
        assert_eq!(
            input(r#"{"choices":[{"a":"}"}],"usage" : {"prompt_tokens":3},"x":["}",{"y":1}]} "#),
            Some(3)
        );
        for left_to_the_probe in [
            r#"{"content":[{"input":{"usage":{"prompt_tokens":3}}}]}"#,
            r#"{"content":[{"usage":{"prompt_tokens":3}}],"x":1}"#,
            r#"{"text":"\"usage\":{\"prompt_tokens\":3}"}"#,
            r#"{"usage":{"prompt_tokens":3},"error":{}}"#,
            r#"{"usage":{"prompt_tokens":3}"#,
            r#"[{"usage":{"prompt_tokens":3}}]"#,
            r#"{"usage":null}"#,
            "",
        ] {
            assert_eq!(usage(left_to_the_probe.as_bytes()), None, "{left_to_the_probe}");
        }
    }
}
