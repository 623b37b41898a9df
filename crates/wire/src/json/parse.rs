//! Text becomes a tree. Depth is bounded, so nesting can't exhaust the stack.

use super::{Array, Json, Object};
use crate::scan;
use std::borrow::Cow;

/// The deepest nesting that is read: as much as `scan` lets through.
pub const MAX_DEPTH: usize = scan::MAX_DEPTH;

/// Why a text is no JSON that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {at}")]
pub struct JsonError {
    /// The offset of what is wrong.
    pub at: usize,
    /// What is wrong with it, in a few words.
    pub reason: &'static str,
}

/// Reads one JSON value.
///
/// # Errors
/// When it is not JSON, not UTF-8, nested too deep, or holds half of a surrogate pair.
pub fn parse(text: &[u8]) -> Result<Json<'_>, JsonError> {
    read(text, false)
}

/// The same, with half surrogate pairs read as U+FFFD: for what an upstream said.
///
/// # Errors
/// When it is not JSON, not UTF-8, or nested too deep.
pub fn parse_lossy(text: &[u8]) -> Result<Json<'_>, JsonError> {
    read(text, true)
}

fn read(bytes: &[u8], lossy: bool) -> Result<Json<'_>, JsonError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| JsonError { at: error.valid_up_to(), reason: "not UTF-8" })?;
    let mut parser = Parser { text, at: 0, depth: 0, lossy };
    parser.blanks();
    let value = parser.value()?;
    parser.blanks();
    if parser.at < text.len() {
        return Err(parser.error("something follows the value"));
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    lossy: bool,
}

impl<'a> Parser<'a> {
    const fn error(&self, reason: &'static str) -> JsonError {
        JsonError { at: self.at, reason }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8, reason: &'static str) -> Result<(), JsonError> {
        self.blanks();
        if self.peek() != Some(byte) {
            return Err(self.error(reason));
        }
        self.at += 1;
        Ok(())
    }

    /// The text from `start` to here; what was walked over byte by byte ends at an ASCII byte.
    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn value(&mut self) -> Result<Json<'a>, JsonError> {
        match self.peek() {
            Some(b'"') => self.string().map(Json::String),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.error("not a JSON value")),
            None => Err(self.error("the text ends too early")),
        }
    }

    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Json<'a>, JsonError>,
    ) -> Result<Json<'a>, JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error("nested too deep"));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, JsonError> {
        if !self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            return Err(self.error("not a JSON value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self) -> Result<Json<'a>, JsonError> {
        let start = self.at;
        let mut members = Vec::new();
        self.at += 1;
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(Object { raw: self.since(start), members }));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.error("a member's name must be a string"));
            }
            let name = self.string()?;
            self.take(b':', "a `:` is missing")?;
            self.blanks();
            members.push((name, self.value()?));
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.error("a `,` or `}` is missing")),
            }
        }
        self.at += 1;
        Ok(Json::Object(Object { raw: self.since(start), members }))
    }

    fn array(&mut self) -> Result<Json<'a>, JsonError> {
        let start = self.at;
        let mut items = Vec::new();
        self.at += 1;
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(Array { raw: self.since(start), items }));
        }
        loop {
            self.blanks();
            items.push(self.value()?);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.error("a `,` or `]` is missing")),
            }
        }
        self.at += 1;
        Ok(Json::Array(Array { raw: self.since(start), items }))
    }

    fn number(&mut self) -> Result<Json<'a>, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Json::Number(self.since(start)))
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.error("a digit is missing")) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let start = self.at + 1;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let Some(stop) = memchr::memchr2(b'"', b'\\', rest) else {
            return Err(self.error("a string without an end"));
        };
        self.at = start + stop;
        if self.peek() == Some(b'"') {
            let plain = self.since(start);
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = String::with_capacity(stop + 32);
        text.push_str(self.since(start));
        self.escaped(&mut text)?;
        Ok(Cow::Owned(text))
    }

    /// The rest of a string, from its first backslash on.
    fn escaped(&mut self, text: &mut String) -> Result<(), JsonError> {
        loop {
            self.escape(text)?;
            let start = self.at;
            let rest = self.text.as_bytes().get(start..).unwrap_or_default();
            let Some(stop) = memchr::memchr2(b'"', b'\\', rest) else {
                return Err(self.error("a string without an end"));
            };
            self.at = start + stop;
            text.push_str(self.since(start));
            if self.peek() == Some(b'"') {
                self.at += 1;
                return Ok(());
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<(), JsonError> {
        let meaning = match self.text.as_bytes().get(self.at + 1) {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(&byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'u') => return self.unicode(text),
            _ => return Err(self.error("an unknown escape")),
        };
        self.at += 2;
        text.push(meaning);
        Ok(())
    }

    fn unicode(&mut self, text: &mut String) -> Result<(), JsonError> {
        let Some(first) = self.hex(self.at + 2) else {
            return Err(self.error("a `\\u` without four hex digits"));
        };
        let low = self.text.as_bytes().get(self.at + 6..self.at + 8) == Some(br"\u");
        let pair = match (first, low.then(|| self.hex(self.at + 8)).flatten()) {
            (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) => {
                Some(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
            }
            _ => None,
        };
        match char::from_u32(pair.unwrap_or(first)) {
            Some(meaning) => text.push(meaning),
            None if self.lossy => text.push(char::REPLACEMENT_CHARACTER),
            None => return Err(self.error("half of a surrogate pair")),
        }
        self.at += if pair.is_some() { 12 } else { 6 };
        Ok(())
    }

    fn hex(&self, at: usize) -> Option<u32> {
        let digits = self.text.as_bytes().get(at..at + 4)?;
        digits.iter().try_fold(0, |sum, &byte| Some(sum * 16 + char::from(byte).to_digit(16)?))
    }
}
