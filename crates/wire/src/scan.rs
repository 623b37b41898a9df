//! One pass over a JSON request body: is it valid, and what are `model` and `stream`? Nothing is allocated and
//! nothing recurses, so its cost does not depend on what a client nests. Editing a body is in `scan/edit.rs`.
//!
//! JSON is RFC 8259: <https://www.rfc-editor.org/rfc/rfc8259>.

mod ahead;
mod blocks;
mod edit;
mod members;
mod text;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

/// What of a string is looked at byte by byte before blocks are tried, again and again.
const LONG: usize = 32;
pub use ahead::{Arrived, Arriving};
pub(crate) use edit::replace;
pub use edit::{Edited, Edits, Segments, edit, splice};
pub(crate) use members::value_end;
pub use members::{Member, Members, members};
pub(crate) use text::{plain_end, string_end, unescape};

/// The deepest nesting that is accepted.
pub const MAX_DEPTH: usize = 1024;

/// What a valid JSON body says about how to route it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// What the whole body is.
    pub root: Root,
    /// The last top-level `model`.
    pub model: Model,
    /// `model` was given more than once.
    pub model_twice: bool,
    /// `stream` is `true`.
    pub stream: bool,
    /// `stream_options` is there and not null.
    pub stream_options: bool,
    /// `stream_options.include_usage` is `true`.
    pub include_usage: bool,
}

/// What a body is as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// A JSON object.
    Object,
    /// Valid JSON, but no object.
    Other,
}

/// The top-level member `model`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Model {
    /// There is none.
    Missing,
    /// A string.
    Text {
        /// Where it stands, quotes included.
        value: Range<usize>,
        /// It holds escapes.
        escaped: bool,
    },
    /// Anything but a string: null, a number, an object …
    Other,
}

impl Scan {
    /// The model's name, escapes resolved.
    #[must_use]
    pub fn model<'a>(&self, body: &'a [u8]) -> Option<Cow<'a, str>> {
        let Model::Text { value, .. } = &self.model else { return None };
        body.get(value.start + 1..value.end - 1).map(unescape)
    }
}

/// Why a body is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid JSON at byte {at}: {reason}")]
pub struct ScanError {
    /// The offset of the first byte that can't be.
    pub at: usize,
    /// What is wrong with it, in a few words.
    pub reason: &'static str,
}

/// Checks that `body` is one JSON value and finds what routing needs.
///
/// # Errors
/// When it is not valid JSON, not UTF-8, or nested deeper than [`MAX_DEPTH`].
pub fn scan(body: &[u8]) -> Result<Scan, ScanError> {
    scan_known(body, &[])
}

/// As [`scan`]; `plain` are the places, in order, where nothing but ASCII stands that needs no escape in a string.
fn scan_known(body: &[u8], plain: &[Range<usize>]) -> Result<Scan, ScanError> {
    let mut scanner = Scanner {
        body,
        plain,
        at: 0,
        depth: 0,
        objects: [0; MAX_DEPTH / 64],
        high: 0,
        member: Name::Other,
        value_at: 0,
        found: Scan {
            root: Root::Other,
            model: Model::Missing,
            model_twice: false,
            stream: false,
            stream_options: false,
            include_usage: false,
        },
    };
    scanner.document()?;
    if !text::is_ascii(scanner.high)
        && let Some(at) = ahead::not_utf8(body, plain)
    {
        return Err(ScanError { at, reason: "not UTF-8" });
    }
    Ok(scanner.found)
}

/// The top-level members that routing looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Model,
    Stream,
    StreamOptions,
    Other,
}

impl Name {
    fn of(key: &[u8]) -> Self {
        match key {
            b"model" => Self::Model,
            b"stream" => Self::Stream,
            b"stream_options" => Self::StreamOptions,
            _ => Self::Other,
        }
    }
}

struct Scanner<'a> {
    body: &'a [u8],
    /// What is known of it: see [`scan_known`].
    plain: &'a [Range<usize>],
    at: usize,
    depth: usize,
    /// One bit per open container: set for an object.
    objects: [u64; MAX_DEPTH / 64],
    /// The bits of all that stood in strings, to know whether there was more than ASCII.
    high: u64,
    /// The top-level member being read, and where its value starts.
    member: Name,
    value_at: usize,
    found: Scan,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), ScanError> {
        if self.body.starts_with(b"\xef\xbb\xbf") {
            return self.fail("a byte order mark");
        }
        self.blank();
        if self.peek() == Some(b'{') {
            self.found.root = Root::Object;
        }
        loop {
            if !self.value()? {
                continue;
            }
            if !self.after_value()? {
                break;
            }
        }
        self.blank();
        if self.at < self.body.len() { self.fail("something behind the value") } else { Ok(()) }
    }

    /// Reads a value, or only its start: false means that the next value (its first element) is due.
    #[inline]
    fn value(&mut self) -> Result<bool, ScanError> {
        self.blank();
        if self.depth == 1 {
            self.value_at = self.at;
        }
        match self.peek() {
            Some(b'"') => {
                self.string()?;
            }
            Some(b'{') => {
                self.open(true)?;
                if self.peek() != Some(b'}') {
                    self.key()?;
                    return Ok(false);
                }
                self.close();
            }
            Some(b'[') => {
                self.open(false)?;
                if self.peek() != Some(b']') {
                    return Ok(false);
                }
                self.close();
            }
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.literal(b"true")?,
            Some(b'f') => self.literal(b"false")?,
            Some(b'n') => self.literal(b"null")?,
            Some(_) => return self.fail("a value was expected"),
            None => return self.fail("the body ends too early"),
        }
        Ok(true)
    }

    /// Goes on behind a value: true means that another one is due, false that the root is closed.
    #[inline]
    fn after_value(&mut self) -> Result<bool, ScanError> {
        loop {
            if self.depth <= 1 {
                if self.depth == 0 {
                    return Ok(false);
                }
                if self.member != Name::Other {
                    self.note_member();
                }
            }
            self.blank();
            let object = self.in_object();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    if object {
                        self.blank();
                        self.key()?;
                    }
                    return Ok(true);
                }
                Some(b'}') if object => self.close(),
                Some(b']') if !object => self.close(),
                Some(_) => {
                    return self.fail(if object {
                        "`,` or `}` was expected"
                    } else {
                        "`,` or `]` was expected"
                    });
                }
                None => return self.fail("the body ends too early"),
            }
        }
    }

    fn open(&mut self, object: bool) -> Result<(), ScanError> {
        let Some(word) = self.objects.get_mut(self.depth / 64) else {
            return self.fail("nested too deeply");
        };
        let bit = 1 << (self.depth % 64);
        *word = if object { *word | bit } else { *word & !bit };
        self.depth += 1;
        self.at += 1;
        self.blank();
        Ok(())
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }

    fn in_object(&self) -> bool {
        let top = self.depth - 1;
        self.objects.get(top / 64).is_some_and(|word| word >> (top % 64) & 1 == 1)
    }

    /// Reads a key and its colon.
    #[inline]
    fn key(&mut self) -> Result<(), ScanError> {
        match self.peek() {
            Some(b'"') => {}
            Some(_) => return self.fail("a key was expected"),
            None => return self.fail("the body ends too early"),
        }
        let start = self.at + 1;
        let escaped = self.string()?;
        if self.depth == 1 {
            let raw = self.body.get(start..self.at - 1).unwrap_or_default();
            self.member = if escaped { Name::of(unescape(raw).as_bytes()) } else { Name::of(raw) };
        }
        self.blank();
        if self.peek() != Some(b':') {
            return self.fail("`:` was expected");
        }
        self.at += 1;
        Ok(())
    }

    /// Reads a string; true when it may hold escapes.
    #[inline]
    fn string(&mut self) -> Result<bool, ScanError> {
        // Most strings are names and short words.
        let at = text::plain_start(self.body, self.at + 1, &mut self.high);
        if self.body.get(at) == Some(&b'"') {
            self.at = at + 1;
            return Ok(false);
        }
        self.long_string(at)?;
        Ok(true)
    }

    /// Goes on in a string from `at`.
    fn long_string(&mut self, mut at: usize) -> Result<(), ScanError> {
        while let Some((known, later)) = self.plain.split_first() {
            if at < known.end {
                at = self.text(at, known.start)?;
                if at < known.start {
                    self.at = at + 1;
                    return Ok(());
                }
                at = at.max(known.end);
            }
            self.plain = later;
        }
        at = self.text(at, self.body.len())?;
        if at >= self.body.len() {
            return Err(ScanError { at, reason: "a string without an end" });
        }
        self.at = at + 1;
        Ok(())
    }

    /// Goes on in a string from `at`, up to its end or `limit`; an escape may lead behind that.
    #[inline]
    fn text(&mut self, mut at: usize, limit: usize) -> Result<usize, ScanError> {
        let (body, mut high) = (self.body.get(..limit).unwrap_or_default(), self.high);
        let mut blocks_from = self.at + LONG;
        loop {
            if at >= blocks_from {
                at = blocks::skip(body, at, &mut high);
                blocks_from = at + LONG;
            }
            at = plain_end(body, at, &mut high);
            match body.get(at) {
                Some(b'\\') => match text::escape_length(self.body, at) {
                    Ok(length) => at += length,
                    Err(reason) => return Err(ScanError { at, reason }),
                },
                Some(b'"') | None => {
                    self.high = high;
                    return Ok(at);
                }
                Some(_) => return Err(ScanError { at, reason: "a raw control character in a string" }),
            }
        }
    }

    fn number(&mut self) -> Result<(), ScanError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if let Some(b'0'..=b'9') = self.peek() {
                return self.fail("a number with a leading zero");
            }
        } else {
            self.digits()?;
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
        Ok(())
    }

    fn digits(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { self.fail("a number without digits") } else { Ok(()) }
    }

    fn literal(&mut self, word: &'static [u8]) -> Result<(), ScanError> {
        if !self.body.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return self.fail("an unknown word");
        }
        self.at += word.len();
        Ok(())
    }

    /// The value of a member that routing looks at has just ended. The last of several counts.
    #[cold]
    fn note_member(&mut self) {
        let range = self.value_at..self.at;
        let value = self.body.get(range.clone()).unwrap_or_default();
        match self.member {
            Name::Model => {
                self.found.model_twice |= self.found.model != Model::Missing;
                self.found.model = if value.first() == Some(&b'"') {
                    Model::Text { value: range, escaped: memchr::memchr(b'\\', value).is_some() }
                } else {
                    Model::Other
                };
            }
            Name::Stream => self.found.stream = value == b"true",
            Name::StreamOptions => {
                let last = members(value).filter(|member| member.name(value) == "include_usage").last();
                self.found.stream_options = value != b"null";
                self.found.include_usage = last.is_some_and(|member| member.value(value) == b"true");
            }
            Name::Other => {}
        }
        self.member = Name::Other;
    }

    #[inline]
    fn blank(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    #[cold]
    fn fail<T>(&self, reason: &'static str) -> Result<T, ScanError> {
        Err(ScanError { at: self.at, reason })
    }
}
