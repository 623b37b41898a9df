//! Arguments of tool calls: a text in some dialects, an object in others.

use crate::json::{Json, Writer, parse_lossy};
use std::borrow::Cow;

/// The arguments as the text of a JSON object. Nothing, blanks and `null` are `{}` (OpenAI may send the first,
/// Cohere the last); what is no object is put into one, so that it isn't lost.
#[must_use]
pub fn arguments_object(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed == "null" {
        return Cow::Borrowed("{}");
    }
    match parse_lossy(trimmed.as_bytes()) {
        Ok(Json::Object(object)) => Cow::Borrowed(object.raw),
        // A model that writes its arguments twice escaped means the object inside.
        Ok(Json::String(inner)) if matches!(parse_lossy(inner.as_bytes()), Ok(Json::Object(_))) => {
            Cow::Owned(inner.into_owned())
        }
        // An object that was cut off; all else is a text, whose blanks may matter (a patch).
        _ if trimmed.starts_with('{') => Cow::Owned(wrapped(trimmed)),
        _ => Cow::Owned(wrapped(text)),
    }
}

/// The arguments as text, for dialects that have them so: as they came, `{}` where nothing came.
#[must_use]
pub fn arguments_text(text: &str) -> &str {
    match text.trim() {
        "" | "null" => "{}",
        _ => text,
    }
}

/// A custom tool's plain input as an object with one member, for targets that know functions only.
pub(crate) fn wrapped(input: &str) -> String {
    let mut out = Writer::with_capacity(input.len() + 16);
    out.begin().member("input", input).end();
    out.into_string()
}

/// The way back: the input of a custom tool out of the object that stands for it; the text itself if it is none.
pub(crate) fn unwrapped(arguments: &str) -> String {
    match parse_lossy(arguments.as_bytes()) {
        Ok(json) => match json.get("input").and_then(Json::text) {
            Some(input) => input.to_owned(),
            None => arguments.to_owned(),
        },
        Err(_) => arguments.to_owned(),
    }
}

/// Knows when a JSON object that comes in pieces is whole.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Whole {
    depth: u32,
    string: bool,
    escape: bool,
    begun: bool,
}

impl Whole {
    pub(crate) fn push(&mut self, piece: &str) {
        for byte in piece.bytes() {
            match byte {
                _ if self.escape => self.escape = false,
                b'\\' if self.string => self.escape = true,
                b'"' => self.string = !self.string,
                _ if self.string => {}
                b'{' | b'[' => {
                    self.depth += 1;
                    self.begun = true;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// An object, or an array, was opened.
    pub(crate) const fn has_begun(self) -> bool {
        self.begun
    }

    pub(crate) const fn is_whole(self) -> bool {
        self.begun && self.depth == 0 && !self.string
    }
}
