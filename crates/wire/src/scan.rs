//! One pass over a JSON request body: is it valid, and what are `model` and `stream`? Nothing is allocated and
//! nothing recurses, so its cost does not depend on what a client nests. Editing a body is in `scan/edit.rs`, the same
//! pass over an answer in `scan/answer.rs`.
//!
//! JSON is RFC 8259: <https://www.rfc-editor.org/rfc/rfc8259>.

mod ahead;
mod answer;
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
pub use answer::{Answer, scan_answer};
pub(crate) use edit::replace;
pub use edit::{Edited, Edits, Segments, edit, splice};
pub(crate) use members::value_end;
pub use members::{Member, Members, members};
pub(crate) use text::{is_ascii, plain_end, plain_start, string_end, unescape};

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
    let mut scanner = Scanner::new(body, plain);
    scanner.run()?;
    Ok(scanner.found)
}

/// The top-level members that are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Model,
    Stream,
    StreamOptions,
    Usage,
    Error,
    Other,
}

impl Name {
    fn of(key: &[u8]) -> Self {
        match key {
            b"model" => Self::Model,
            b"stream" => Self::Stream,
            b"stream_options" => Self::StreamOptions,
            b"usage" => Self::Usage,
            b"error" => Self::Error,
            _ => Self::Other,
        }
    }
}

struct Scanner<'a> {
    body: &'a [u8],
    /// What is known of it: see [`scan_known`].
    plain: &'a [Range<usize>],
    depth: usize,
    /// One bit per open container: set for an object.
    objects: [u64; MAX_DEPTH / 64],
    /// The innermost open container is an object.
    object: bool,
    /// The bits of all that stood in strings, to know whether there was more than ASCII.
    high: u64,
    /// The top-level member being read, and where its value starts.
    member: Name,
    value_at: usize,
    found: Scan,
    /// Of an answer: what it is asked for, and what it says.
    answer: Option<Answer>,
}

/// Where the scanner stands goes from hand to hand and is no field, so that it stays in a register: a body of short names
/// and numbers costs little more than half of what it would (`examples/scan_speed.rs`).
impl<'a> Scanner<'a> {
    const fn new(body: &'a [u8], plain: &'a [Range<usize>]) -> Self {
        Self {
            body,
            plain,
            depth: 0,
            objects: [0; MAX_DEPTH / 64],
            object: false,
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
            answer: None,
        }
    }

    fn run(&mut self) -> Result<(), ScanError> {
        self.document()?;
        if !is_ascii(self.high)
            && let Some(at) = ahead::not_utf8(self.body, self.plain)
        {
            return fail(at, "not UTF-8");
        }
        Ok(())
    }

    fn document(&mut self) -> Result<(), ScanError> {
        if self.body.starts_with(b"\xef\xbb\xbf") {
            return fail(0, "a byte order mark");
        }
        let mut at = blank(self.body, 0);
        if self.body.get(at) == Some(&b'{') {
            self.found.root = Root::Object;
        }
        loop {
            let whole;
            (at, whole) = self.value(at)?;
            if whole {
                let more;
                (at, more) = self.after_value(at)?;
                if !more {
                    break;
                }
            }
        }
        at = blank(self.body, at);
        if at < self.body.len() { fail(at, "something behind the value") } else { Ok(()) }
    }

    /// Reads the value at `at`, or only its start: false means that the next value (its first element) is due.
    #[inline(always)]
    fn value(&mut self, at: usize) -> Result<(usize, bool), ScanError> {
        if self.depth == 1 {
            self.value_at = at;
            if self.member == Name::Usage
                && let Some(end) = self.usage(at)
            {
                return Ok((end, true));
            }
        }
        let end = match self.body.get(at) {
            Some(b'"') => self.string(at)?.0,
            Some(b'{') => {
                let next = self.open(true, at)?;
                if self.body.get(next) != Some(&b'}') {
                    return Ok((self.key(next)?, false));
                }
                self.close(next)
            }
            Some(b'[') => {
                let next = self.open(false, at)?;
                if self.body.get(next) != Some(&b']') {
                    return Ok((next, false));
                }
                self.close(next)
            }
            Some(b'-' | b'0'..=b'9') => number(self.body, at)?,
            Some(b't') => self.literal(at, b"true")?,
            Some(b'f') => self.literal(at, b"false")?,
            Some(b'n') => self.literal(at, b"null")?,
            Some(_) => return fail(at, "a value was expected"),
            None => return fail(at, "the body ends too early"),
        };
        Ok((end, true))
    }

    /// Goes on behind a value: true means that another one is due, false that the root is closed.
    #[inline(always)]
    fn after_value(&mut self, mut at: usize) -> Result<(usize, bool), ScanError> {
        loop {
            if self.depth <= 1 {
                if self.depth == 0 {
                    return Ok((at, false));
                }
                if self.member != Name::Other {
                    self.note_member(at);
                }
            }
            at = blank(self.body, at);
            match self.body.get(at) {
                Some(b',') => {
                    at = blank(self.body, at + 1);
                    return Ok((if self.object { self.key(at)? } else { at }, true));
                }
                Some(b'}') if self.object => at = self.close(at),
                Some(b']') if !self.object => at = self.close(at),
                Some(_) if self.object => return fail(at, "`,` or `}` was expected"),
                Some(_) => return fail(at, "`,` or `]` was expected"),
                None => return fail(at, "the body ends too early"),
            }
        }
    }

    #[inline(always)]
    fn open(&mut self, object: bool, at: usize) -> Result<usize, ScanError> {
        let Some(word) = self.objects.get_mut(self.depth / 64) else {
            return fail(at, "nested too deeply");
        };
        let bit = 1 << (self.depth % 64);
        *word = if object { *word | bit } else { *word & !bit };
        self.object = object;
        self.depth += 1;
        Ok(blank(self.body, at + 1))
    }

    #[inline(always)]
    fn close(&mut self, at: usize) -> usize {
        self.depth -= 1;
        let outer = self.depth.wrapping_sub(1);
        self.object = self.objects.get(outer / 64).is_some_and(|word| word >> (outer % 64) & 1 == 1);
        at + 1
    }

    /// Reads a key, its colon, and what is blank up to its value.
    #[inline(always)]
    fn key(&mut self, at: usize) -> Result<usize, ScanError> {
        match self.body.get(at) {
            Some(b'"') => {}
            Some(_) => return fail(at, "a key was expected"),
            None => return fail(at, "the body ends too early"),
        }
        let (mut end, escaped) = self.string(at)?;
        if self.depth == 1 {
            let raw = self.body.get(at + 1..end - 1).unwrap_or_default();
            self.member = if escaped { Name::of(unescape(raw).as_bytes()) } else { Name::of(raw) };
        }
        end = blank(self.body, end);
        if self.body.get(end) != Some(&b':') {
            return fail(end, "`:` was expected");
        }
        Ok(blank(self.body, end + 1))
    }

    /// Reads the string at `at`; true when it may hold escapes.
    #[inline(always)]
    fn string(&mut self, at: usize) -> Result<(usize, bool), ScanError> {
        // Most strings are names and short words.
        let end = plain_start(self.body, at + 1, &mut self.high);
        if self.body.get(end) == Some(&b'"') {
            return Ok((end + 1, false));
        }
        Ok((self.long_string(at, end)?, true))
    }

    /// Goes on at `at` in the string that began at `start`.
    #[inline(never)]
    fn long_string(&mut self, start: usize, mut at: usize) -> Result<usize, ScanError> {
        while let Some((known, later)) = self.plain.split_first() {
            if at < known.end {
                at = self.text(start, at, known.start)?;
                if at < known.start {
                    return Ok(at + 1);
                }
                at = at.max(known.end);
            }
            self.plain = later;
        }
        at = self.text(start, at, self.body.len())?;
        if at >= self.body.len() { fail(at, "a string without an end") } else { Ok(at + 1) }
    }

    /// Goes on at `at` in the string that began at `start`, up to its end or `limit`; an escape may lead behind that.
    #[inline]
    fn text(&mut self, start: usize, mut at: usize, limit: usize) -> Result<usize, ScanError> {
        let (body, mut high) = (self.body.get(..limit).unwrap_or_default(), self.high);
        let mut blocks_from = start + LONG;
        loop {
            if at >= blocks_from {
                at = blocks::skip(body, at, &mut high);
                blocks_from = at + LONG;
            }
            at = plain_end(body, at, &mut high);
            match body.get(at) {
                Some(b'\\') => match text::escape_length(self.body, at) {
                    Ok(length) => at += length,
                    Err(reason) => return fail(at, reason),
                },
                Some(b'"') | None => {
                    self.high = high;
                    return Ok(at);
                }
                Some(_) => return fail(at, "a raw control character in a string"),
            }
        }
    }

    #[inline(always)]
    fn literal(&self, at: usize, word: &'static [u8]) -> Result<usize, ScanError> {
        if !self.body.get(at..).is_some_and(|rest| rest.starts_with(word)) {
            return fail(at, "an unknown word");
        }
        Ok(at + word.len())
    }

    /// The value of a member that is looked at has just ended. The last of several counts.
    #[cold]
    fn note_member(&mut self, end: usize) {
        let range = self.value_at..end;
        let value = self.body.get(range.clone()).unwrap_or_default();
        match self.member {
            Name::Error if value == b"null" => {}
            Name::Error => self.note_error(),
            Name::Usage | Name::Other => {}
            _ if self.answer.is_some() => {}
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
        }
        self.member = Name::Other;
    }
}

/// Reads the number at `at`.
#[inline(always)]
fn number(body: &[u8], mut at: usize) -> Result<usize, ScanError> {
    if body.get(at) == Some(&b'-') {
        at += 1;
    }
    if body.get(at) == Some(&b'0') {
        at += 1;
        if let Some(b'0'..=b'9') = body.get(at) {
            return fail(at, "a number with a leading zero");
        }
    } else {
        at = digits(body, at)?;
    }
    match body.get(at) {
        Some(b'.' | b'e' | b'E') => fraction(body, at),
        _ => Ok(at),
    }
}

fn fraction(body: &[u8], mut at: usize) -> Result<usize, ScanError> {
    if body.get(at) == Some(&b'.') {
        at = digits(body, at + 1)?;
    }
    if let Some(b'e' | b'E') = body.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = body.get(at) {
            at += 1;
        }
        at = digits(body, at)?;
    }
    Ok(at)
}

#[inline(always)]
fn digits(body: &[u8], start: usize) -> Result<usize, ScanError> {
    let mut at = start;
    while let Some(b'0'..=b'9') = body.get(at) {
        at += 1;
    }
    if at == start { fail(at, "a number without digits") } else { Ok(at) }
}

/// The first place from `at` on that is not blank.
#[inline(always)]
fn blank(body: &[u8], mut at: usize) -> usize {
    // Mostly nothing is: one comparison tells.
    while let Some(byte @ ..=b' ') = body.get(at)
        && let b' ' | b'\n' | b'\r' | b'\t' = byte
    {
        at += 1;
    }
    at
}

#[cold]
fn fail<T>(at: usize, reason: &'static str) -> Result<T, ScanError> {
    Err(ScanError { at, reason })
}
