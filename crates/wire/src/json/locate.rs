//! Which field a byte of a body belongs to: for errors that only know an offset.

use crate::scan::{string_end, unescape};

/// A container that is open: what of it was begun last.
enum Frame<'b> {
    /// The member's name with its quotes.
    Object(Option<&'b [u8]>),
    /// The item's number, and whether it has begun.
    Array(usize, bool),
}

/// The path of the innermost field at this offset, `messages[3].content`; `the body` where it is in none. On what is
/// no JSON the path ends early. One pass up to the offset, however deep it is nested.
#[must_use]
pub fn path_of(body: &[u8], at: usize) -> String {
    let path = text(&frames(body, at));
    if path.is_empty() { "the body".to_owned() } else { path }
}

fn frames(body: &[u8], at: usize) -> Vec<Frame<'_>> {
    let (mut frames, mut here) = (Vec::new(), 0);
    while let Some(&byte) = body.get(here).filter(|_| here <= at) {
        let start = here;
        here += 1;
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' | b':' => {}
            b',' => after(&mut frames),
            b'}' | b']' => drop(frames.pop()),
            b'"' => {
                here = string_end(body, start).unwrap_or(body.len());
                begin(&mut frames, body.get(start..here));
            }
            b'{' | b'[' => {
                begin(&mut frames, None);
                if start < at {
                    frames.push(if byte == b'{' { Frame::Object(None) } else { Frame::Array(0, false) });
                }
            }
            _ => begin(&mut frames, None),
        }
    }
    frames
}

/// A string, which may be a member's name, or another value begins.
fn begin<'b>(frames: &mut [Frame<'b>], string: Option<&'b [u8]>) {
    match frames.last_mut() {
        Some(Frame::Object(member @ None)) => *member = string,
        Some(Frame::Array(_, begun)) => *begun = true,
        Some(Frame::Object(Some(_))) | None => {}
    }
}

/// A comma: the next member or item has yet to begin.
const fn after(frames: &mut [Frame<'_>]) {
    match frames.last_mut() {
        Some(Frame::Object(member)) => *member = None,
        Some(Frame::Array(index, begun)) => (*index, *begun) = (*index + 1, false),
        None => {}
    }
}

fn text(frames: &[Frame<'_>]) -> String {
    let mut path = String::new();
    for frame in frames {
        match frame {
            Frame::Object(Some(name)) => {
                let name = unescape(name.get(1..name.len().saturating_sub(1)).unwrap_or_default());
                path.push_str(if path.is_empty() { "" } else { "." });
                path.push_str(if name.is_empty() { "\"\"" } else { &name });
            }
            Frame::Array(index, true) => path.extend(["[", &index.to_string(), "]"]),
            Frame::Object(None) | Frame::Array(_, false) => {}
        }
    }
    path
}
