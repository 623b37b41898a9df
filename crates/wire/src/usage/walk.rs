//! One pass over a small object of counts: names and numbers, nested objects one level down. What it does not know
//! how to read it says so, and the slow reader takes over. What it does read is valid JSON: nobody need look again.

use crate::scan::{is_ascii, plain_end, plain_start};

/// A number or an object in an object of counts.
pub(super) enum Found<'a> {
    /// `"prompt_tokens": 12`
    Count(&'a [u8], u64),
    /// A count in a nested object: that object's name, its own, the number.
    Nested(&'a [u8], &'a [u8], u64),
}

/// Reads the object that `text` begins with, hands on every count, and says how long the object is. `None` where
/// something is not as usual (an escape in a name, a float, a list): then nothing that was handed on may be used.
pub(super) fn walk(text: &[u8], mut with: impl FnMut(Found<'_>)) -> Option<usize> {
    let mut cursor = Cursor { rest: text };
    let whole = cursor.object(&mut |cursor, name| match cursor.number() {
        Some(count) => {
            with(Found::Count(name, count));
            true
        }
        None if cursor.next_is(b'{') => cursor.object(&mut |cursor, inner| match cursor.number() {
            Some(count) => {
                with(Found::Nested(name, inner, count));
                true
            }
            None => cursor.other(),
        }),
        None => cursor.other(),
    });
    whole.then(|| text.len() - cursor.rest.len())
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn blanks(&mut self) {
        while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn next_is(&self, byte: u8) -> bool {
        self.rest.first() == Some(&byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        self.blanks();
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// The members of an object, each at its value.
    fn object(&mut self, member: &mut dyn FnMut(&mut Self, &'a [u8]) -> bool) -> bool {
        if !self.take(b'{') {
            return false;
        }
        if self.take(b'}') {
            return true;
        }
        loop {
            let Some(name) = self.string() else { return false };
            if !self.take(b':') {
                return false;
            }
            self.blanks();
            if !member(self, name) {
                return false;
            }
            if !self.take(b',') {
                return self.take(b'}');
            }
        }
    }

    /// A string of ASCII without escapes.
    fn string(&mut self) -> Option<&'a [u8]> {
        if !self.take(b'"') {
            return None;
        }
        let mut high = 0;
        let mut end = plain_start(self.rest, 0, &mut high);
        if self.rest.get(end) != Some(&b'"') {
            // A long one, or one at the body's very end.
            end = plain_end(self.rest, end, &mut high);
        }
        let (text, behind) = self.rest.split_at_checked(end)?;
        self.rest = behind.strip_prefix(b"\"")?;
        is_ascii(high).then_some(text)
    }

    /// A whole number that ends where its value does.
    fn number(&mut self) -> Option<u64> {
        let (mut rest, mut digits, mut sum) = (self.rest, 0, 0u64);
        while let [digit @ b'0'..=b'9', behind @ ..] = rest {
            sum = sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            (rest, digits) = (behind, digits + 1);
        }
        let leads_with_zero = digits > 1 && self.next_is(b'0');
        if !(1..=19).contains(&digits) || leads_with_zero || matches!(rest.first(), Some(b'.' | b'e' | b'E'))
        {
            return None;
        }
        self.rest = rest;
        Some(sum)
    }

    /// A value that is no count: `null`, a word, a string.
    fn other(&mut self) -> bool {
        if self.next_is(b'"') {
            return self.string().is_some();
        }
        let words = [&b"null"[..], b"true", b"false"];
        let behind = words.into_iter().find_map(|word| self.rest.strip_prefix(word));
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }
}
