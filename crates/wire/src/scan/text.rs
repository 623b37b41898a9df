//! JSON strings as bytes: where plain text stops, and what escapes mean. Knows nothing of objects or arrays.

use std::borrow::Cow;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = ONES << 7;
/// Words looked at one by one before whole blocks are: most strings are short.
const WORDS_FIRST: u32 = 4;
/// Words in a string that is not long: names, and what names things.
const WORDS_OF_SHORT: u32 = 8;
/// Strings up to this length are searched byte by byte.
const SHORT: usize = 24;

/// The index of the first byte from `at` on that is not plain text: a quote, a backslash or a control
/// character (or the end). `high` gathers the bits of what went by: see [`is_ascii`].
#[inline]
pub(crate) fn plain_end(body: &[u8], mut at: usize, high: &mut u64) -> usize {
    let mut clean = 0;
    while let Some(word) = body.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*word);
        *high |= word;
        let stops = stops(word);
        if stops != 0 {
            return at + (stops.trailing_zeros() / 8) as usize;
        }
        at += 8;
        clean += 1;
        if clean == WORDS_FIRST {
            at = clean_blocks(body, at, *high);
            clean = 0;
        }
    }
    while let Some(&byte) = body.get(at) {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            break;
        }
        *high |= u64::from(byte);
        at += 1;
    }
    at
}

/// As [`plain_end`], but after a few words it stops wherever it is: what is still plain there is a long text, for
/// which there are better ways.
#[inline(always)]
pub(crate) fn plain_start(body: &[u8], mut at: usize, high: &mut u64) -> usize {
    let mut seen = *high;
    for _ in 0..WORDS_OF_SHORT {
        let Some(word) = body.get(at..at + 8).and_then(<[u8]>::first_chunk::<8>) else { break };
        let word = u64::from_le_bytes(*word);
        seen |= word;
        let stops = stops(word);
        if stops != 0 {
            at += (stops.trailing_zeros() / 8) as usize;
            break;
        }
        at += 8;
    }
    *high = seen;
    at
}

/// No byte above 0x7f went by while these bits were gathered. A few bytes behind the text may count too.
pub(crate) const fn is_ascii(high: u64) -> bool {
    high & HIGHS == 0
}

/// The high bit of every byte that ends plain text; the lowest one set is exact, those above it may be wrong.
const fn stops(word: u64) -> u64 {
    // XOR with 2 moves the quote (0x22) to 0x20, next to the control characters: one comparison finds both.
    let low = word ^ (ONES * 2);
    let backslash = word ^ (ONES * b'\\' as u64);
    (low.wrapping_sub(ONES * 0x21) | backslash.wrapping_sub(ONES)) & !word & HIGHS
}

/// The high bit of every byte that is `byte`, and of no other.
pub(super) const fn equal(word: u64, byte: u8) -> u64 {
    let rest = word ^ (ONES * byte as u64);
    !(((rest & !HIGHS) + !HIGHS) | rest) & HIGHS
}

/// Goes on over whole blocks of plain text. Written so that the compiler makes vector code of it. As long as all
/// was ASCII, one signed comparison finds the bytes above it too: that is half the work.
pub(super) fn clean_blocks(body: &[u8], at: usize, high: u64) -> usize {
    let (blocks, _) = body.get(at..).unwrap_or_default().as_chunks::<64>();
    let plain = |block: &&[u8; 64]| {
        !block.iter().fold(false, |hit, &byte| hit | ((byte ^ 2) < 0x21) | (byte == b'\\'))
    };
    let plain_ascii = |block: &&[u8; 64]| {
        !block.iter().fold(false, |hit, &byte| hit | ((byte ^ 2).cast_signed() < 0x21) | (byte == b'\\'))
    };
    let clean = if is_ascii(high) {
        blocks.iter().take_while(plain_ascii).count()
    } else {
        blocks.iter().take_while(plain).count()
    };
    at + clean * 64
}

/// The length of the escape whose backslash is at `at`, or what is wrong with it.
#[inline]
pub(crate) fn escape_length(body: &[u8], at: usize) -> Result<usize, &'static str> {
    match body.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
        Some(b'u') => match body.get(at + 2..at + 6) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(6),
            _ => Err("a `\\u` without four hex digits"),
        },
        Some(_) => Err("an unknown escape"),
        None => Err("a string without an end"),
    }
}

/// The index behind a string whose opening quote is at `at`; `None` when it does not end.
pub(crate) fn string_end(body: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    // Most strings are names of members: a search made for long ones costs more than it saves there.
    for (index, byte) in body.get(at..)?.iter().take(SHORT).enumerate() {
        match byte {
            b'"' => return Some(at + index + 1),
            b'\\' => break,
            _ => {}
        }
    }
    loop {
        at += memchr::memchr2(b'"', b'\\', body.get(at..)?)?;
        if body.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The text between a string's quotes with its escapes resolved. What means nothing (half a surrogate pair,
/// bytes that are not UTF-8) becomes U+FFFD, since this is for comparing and showing, not for sending on.
pub(crate) fn unescape(raw: &[u8]) -> Cow<'_, str> {
    if !raw.contains(&b'\\') {
        // Most are short names of members: the strict reading is the cheap one.
        return std::str::from_utf8(raw).map_or_else(|_| String::from_utf8_lossy(raw), Cow::Borrowed);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(plain) = memchr::memchr(b'\\', rest) {
        let (before, escape) = rest.split_at(plain);
        text.push_str(&String::from_utf8_lossy(before));
        let (meaning, length) = escaped(escape);
        text.push(meaning);
        rest = escape.get(length..).unwrap_or_default();
    }
    text.push_str(&String::from_utf8_lossy(rest));
    Cow::Owned(text)
}

/// What the escape at the start of `escape` means, and its length.
fn escaped(escape: &[u8]) -> (char, usize) {
    match escape.get(1) {
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'u') => unicode(escape),
        Some(&byte @ (b'"' | b'\\' | b'/')) => (char::from(byte), 2),
        _ => (char::REPLACEMENT_CHARACTER, 2),
    }
}

fn unicode(escape: &[u8]) -> (char, usize) {
    let Some(first) = hex4(escape, 2) else { return (char::REPLACEMENT_CHARACTER, 2) };
    if !(0xd800..0xdc00).contains(&first) {
        return (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6);
    }
    if escape.get(6..8) == Some(br"\u")
        && let Some(second @ 0xdc00..=0xdfff) = hex4(escape, 8)
    {
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::REPLACEMENT_CHARACTER, 6)
}

fn hex4(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..at + 4)?.iter().try_fold(0, |sum, &byte| Some(sum * 16 + char::from(byte).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stops_at_the_same_byte_wherever_it_stands() {
        for stop in [b'"', b'\\', 0, 0x1f, b'\n'] {
            for at in 0..200 {
                let mut text = vec![b'#'; 200];
                text[at] = stop;
                let mut high = 0;
                assert_eq!(plain_end(&text, 0, &mut high), at);
                assert!(is_ascii(high));
            }
        }
    }

    #[test]
    fn a_byte_above_ascii_is_noticed_and_does_not_stop_the_text() {
        for at in 0..200 {
            let mut text = vec![b' '; 200];
            text[at] = 0x80;
            let mut high = 0;
            assert_eq!(plain_end(&text, 0, &mut high), 200);
            assert!(!is_ascii(high));
        }
    }

    #[test]
    fn escapes_are_resolved_and_nonsense_is_replaced() {
        assert_eq!(unescape(br"mod\u0065l"), "model");
        assert_eq!(unescape(br#"\"\\\/\b\f\n\r\t"#), "\"\\/\u{8}\u{c}\n\r\t");
        assert_eq!(unescape(br"\ud83d\ude00!"), "😀!");
        assert_eq!(unescape(br"\ud83d!"), "\u{fffd}!");
        assert_eq!(unescape(br"\ud83d\u0041"), "\u{fffd}A");
        assert_eq!(unescape(br"\u12"), "\u{fffd}12");
        assert_eq!(unescape(br"\"), "\u{fffd}");
    }
}
