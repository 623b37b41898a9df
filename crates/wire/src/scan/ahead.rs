//! A large body is looked at while it arrives, each stretch while the processor's cache still holds it: the scan of
//! the whole then leaps over the long plain texts (images, files) that were seen, and need not fetch them again.

use super::text::clean_blocks;
use super::{Scan, ScanError, scan_known};
use bytes::{BufMut, Bytes, BytesMut};
use std::ops::Range;

/// So much must be new for a look at it: smaller bodies pay nothing, and small pieces wait for each other.
const LOOK: usize = 64 * 1024;

/// Plain texts from this length on are noted. Where none begins, the next is looked for so much farther on: a text
/// full of escapes is left to the scan.
const NOTED: usize = 4 * 1024;

/// A body that is being received. It can only grow at its end, so what was seen stays true.
#[derive(Debug)]
pub struct Arriving {
    whole: BytesMut,
    /// Everything before this was looked at.
    seen: usize,
    plain: Vec<Range<usize>>,
}

impl Arriving {
    /// A body that begins with what is in `buffer`, and grows in its memory.
    #[must_use]
    pub const fn new(buffer: BytesMut) -> Self {
        Self { whole: buffer, seen: 0, plain: Vec::new() }
    }

    /// How much is here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.whole.len()
    }

    /// Nothing is here yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.whole.is_empty()
    }

    /// Adds a piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.whole.extend_from_slice(piece);
        self.look();
    }

    /// Room for the next piece, for who reads into place; [`look`](Self::look) at it afterwards.
    pub fn room(&mut self) -> impl BufMut {
        &mut self.whole
    }

    /// Looks at what is new, unless it is little. What is plain, ASCII, and in a string if the body is JSON at all, is
    /// noted.
    pub fn look(&mut self) {
        if self.whole.len() - self.seen < LOOK {
            return;
        }
        while self.whole.len() - self.seen >= NOTED {
            let at = self.seen;
            let end = clean_blocks(&self.whole, at, 0);
            match self.plain.last_mut() {
                Some(last) if last.end == at => last.end = end,
                _ if end - at >= NOTED => self.plain.push(at..end),
                _ => {}
            }
            self.seen = if end - at >= NOTED { end } else { at + NOTED };
        }
    }

    /// The whole, made by `freeze` of the buffer it arrived in.
    #[must_use]
    pub fn finish(self, freeze: impl FnOnce(BytesMut) -> Bytes) -> Arrived {
        let Self { whole, mut plain, .. } = self;
        let (place, len) = (whole.as_ptr(), whole.len());
        let bytes = freeze(whole);
        if (bytes.as_ptr(), bytes.len()) != (place, len) {
            // Not the bytes that were looked at.
            plain.clear();
        }
        Arrived { bytes, plain }
    }
}

/// A body that is here whole, and what was seen of it on its way.
#[derive(Debug, Clone, Default)]
pub struct Arrived {
    bytes: Bytes,
    plain: Vec<Range<usize>>,
}

impl From<Bytes> for Arrived {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, plain: Vec::new() }
    }
}

impl Arrived {
    /// As [`scan`](super::scan()), past what was seen already.
    ///
    /// # Errors
    /// The same.
    pub fn scan(&self) -> Result<Scan, ScanError> {
        scan_known(&self.bytes, &self.plain)
    }

    /// The body.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

/// The offset of the first byte that is not UTF-8. What is known to be ASCII can neither be wrong nor end a character,
/// so the texts between are judged by themselves.
pub(super) fn not_utf8(body: &[u8], plain: &[Range<usize>]) -> Option<usize> {
    let starts = std::iter::once(0).chain(plain.iter().map(|known| known.end));
    let ends = plain.iter().map(|known| known.start).chain(std::iter::once(body.len()));
    starts.zip(ends).find_map(|(start, end)| {
        let error = std::str::from_utf8(body.get(start..end)?).err()?;
        Some(start + error.valid_up_to())
    })
}

#[cfg(test)]
mod tests {
    use super::super::scan;
    use super::*;
    use proptest::prelude::*;

    /// `body` as it arrives in pieces of these lengths, again and again.
    fn arrived(body: &[u8], lengths: &[usize]) -> Arrived {
        let mut arriving = Arriving::new(BytesMut::new());
        let (mut rest, mut lengths) = (body, lengths.iter().cycle());
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.len().min(*lengths.next().unwrap()));
            arriving.push(piece);
            rest = behind;
        }
        arriving.finish(BytesMut::freeze)
    }

    /// A part of a body: long plain texts, quotes, escapes and characters that end just there or just behind, and what
    /// is wrong.
    fn part() -> impl Strategy<Value = String> {
        let plain = (3_000..90_000_usize).prop_map(|length| "+Zg9/ ~".chars().cycle().take(length).collect());
        const WORDS: &[&str] = &[
            "\"",
            "\",\"",
            "\":\"",
            r"\n",
            r"\\",
            r"\\\",
            r#"\""#,
            r"\u00e9",
            r"\u12",
            "é",
            "😀",
            "\n",
            ",",
            ":",
            "{",
            "}",
            "[",
            "]",
            "1",
            "\u{1f}",
            "\u{7f}",
            "\",\"model\":\"x\",\"y\":\"",
        ];
        let words = prop::collection::vec(prop::sample::select(WORDS), 1..4).prop_map(|w| w.concat());
        let escapes = (1..6_000_usize).prop_map(|count| r"ab\n".repeat(count));
        prop_oneof![4 => plain, 4 => words, 1 => escapes]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn what_was_seen_ahead_changes_no_finding(
            parts in prop::collection::vec(part(), 1..8),
            around in prop::sample::select(&[("", ""), ("\"", "\""), (r#"{"model":"m","a":""#, r#""}"#)][..]),
            lengths in prop::collection::vec(1_000..200_000_usize, 1..5),
            wrong in prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>())),
            cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        ) {
            let mut body = [around.0, &parts.concat(), around.1].concat().into_bytes();
            if let Some((at, byte)) = wrong {
                let at = at.index(body.len());
                body[at] = byte;
            }
            body.truncate(cut.map_or(body.len(), |at| at.index(body.len())));
            prop_assert_eq!(arrived(&body, &lengths).scan(), scan(&body));
        }
    }

    #[test]
    fn a_change_at_any_place_around_a_noted_text_is_found() {
        let text = "a".repeat(2 * LOOK);
        let body = format!(r#"{{"a":"{text}","b":"\u00e9{text}é","model":"m"}}"#);
        let plain = arrived(body.as_bytes(), &[LOOK]).plain;
        assert!(plain.iter().map(ExactSizeIterator::len).sum::<usize>() > 3 * LOOK, "{plain:?}");
        let edges = plain.iter().flat_map(|known| [known.start, known.end]);
        for at in edges.flat_map(|edge| edge.saturating_sub(8)..(edge + 8).min(body.len())) {
            for byte in [b'"', b'\\', b'\n', 0x80, 0xc3, b'x', b'{'] {
                let mut body = body.clone().into_bytes();
                body[at] = byte;
                assert_eq!(arrived(&body, &[LOOK, 7]).scan(), scan(&body), "{byte} at {at}");
            }
        }
    }

    #[test]
    fn a_small_body_is_not_looked_at() {
        let body = format!("\"{}\"", "a".repeat(LOOK - 3));
        assert_eq!(arrived(body.as_bytes(), &[1_000]).plain.capacity(), 0);
    }

    #[test]
    fn other_bytes_than_those_that_arrived_are_scanned_whole() {
        let mut arriving = Arriving::new(BytesMut::new());
        arriving.push("a".repeat(2 * LOOK).as_bytes());
        assert_eq!(arriving.plain.len(), 1);
        let other = Bytes::from(vec![b'"'; 2 * LOOK]);
        assert!(arriving.finish(|_| other).plain.is_empty());
    }
}
