//! Long strings a block at a time: a text full of escapes is checked without a branch for each of them, as those are
//! the branches that no processor predicts.
//!
//! What a byte may be follows from the few bytes before it. So a block is one test of all its bytes with their
//! neighbours, which the compiler makes vector code of. A block that is not plainly right is left to who looks byte
//! by byte: it may be wrong, or hold the string's end. What escapes there are: RFC 8259, section 7.

use super::text::{clean_blocks, equal, is_ascii};

/// Bytes in a block.
const BLOCK: usize = 64;

/// Bytes in a block of text with any escapes, which may end in the middle of one.
const SMALL: usize = 32;

/// Where one block of a kind is, more are: so many are looked at before a cheaper test is tried again.
const STAY: usize = 4;

/// How many bytes before a byte decide about it: a run of three backslashes, `u` and three digits.
const BEFORE: usize = 7;

/// Vectors are there: without them all this is slower than looking byte by byte.
const VECTORS: bool = cfg!(any(target_feature = "sse2", target_feature = "neon", target_feature = "simd128"));

/// Goes on from `at`, which is in a string but not inside an escape, over text and escapes that are right; the result
/// is such a place again. `high` gathers bits as in [`super::text::plain_end`].
pub(super) fn skip(body: &[u8], mut at: usize, high: &mut u64) -> usize {
    if !VECTORS || at < BEFORE {
        return at;
    }
    if body.get(at - 1) == Some(&b'\\') {
        // It ends an escape, but would look as if it began one.
        let Some(end) = any(body, at, high) else { return at };
        at = end;
    }
    loop {
        let ends;
        (at, ends) = if is_ascii(*high) { usual::<true>(body, at) } else { usual::<false>(body, at) };
        if ends {
            return at;
        }
        let begin = at;
        for _ in 0..STAY {
            let Some(end) = runs(body, at, high) else { break };
            at = end;
        }
        if at > begin {
            continue;
        }
        for _ in 0..STAY {
            let Some(end) = any(body, at, high) else { return at };
            at = end;
        }
    }
}

/// The block of `N` bytes that begins `back` bytes before `at`.
#[inline(always)]
fn block<const N: usize>(body: &[u8], at: usize, back: usize) -> Option<&[u8; N]> {
    body.get(at - back..)?.first_chunk()
}

/// Goes on over blocks in which every escape is one of those that prose and code are full of, and no backslash is
/// itself escaped, nor the byte before the first block. True when the string ends in the next one.
/// If `ASCII`, also stops at bytes above that: one signed comparison finds them too.
fn usual<const ASCII: bool>(body: &[u8], mut at: usize) -> (usize, bool) {
    while let (Some(one), Some(text)) = (block::<BLOCK>(body, at, 1), block::<BLOCK>(body, at, 0)) {
        let (mut wrong, mut ends, mut escapes) = (false, false, false);
        for (&one, &byte) in one.iter().zip(text) {
            let escaped = one == b'\\';
            let quote = byte == b'"';
            let known = quote | (byte == b'n') | (byte == b'r') | (byte == b't');
            let control = if ASCII { byte.cast_signed() < 0x20 } else { byte < 0x20 };
            wrong |= control | escaped & !known;
            ends |= quote & !escaped;
            escapes |= escaped;
        }
        if wrong | ends {
            return (at, ends);
        }
        // An escape that goes on in the next block belongs to that.
        at += if text.last() == Some(&b'\\') { BLOCK - 1 } else { BLOCK };
        if !escapes {
            at = clean_blocks(body, at, if ASCII { 0 } else { !0 });
        }
    }
    (at, false)
}

/// Goes on over one block whose backslashes stand in short runs, as where JSON is quoted in JSON.
fn runs(body: &[u8], at: usize, high: &mut u64) -> Option<usize> {
    let back = |count| block::<BLOCK>(body, at, count);
    let [text, one, two, three, four] = [back(0)?, back(1)?, back(2)?, back(3)?, back(4)?];
    let (mut wrong, mut bits) = (false, 0);
    for i in 0..BLOCK {
        let byte = text[i];
        let slash = |block: &[u8; BLOCK]| block[i] == b'\\';
        // Of up to three backslashes the first and the third escape what follows.
        let escaped = slash(one) & (!slash(two) | slash(three));
        let long = slash(one) & slash(two) & slash(three) & slash(four);
        let quote = byte == b'"';
        // Letters that differ in one bit are one comparison.
        let letter = (byte | 0x10 == b'r') | (byte | 0x08 == b'n') | (byte == b't') | (byte == b'/');
        let may = quote | letter | (byte == b'\\');
        wrong |= (byte < 0x20) | long | quote & !escaped | escaped & !may;
        bits |= byte;
    }
    *high |= u64::from(bits);
    (!wrong).then(|| at + whole(text))
}

/// Goes on over one block with any escapes, though not with long runs of backslashes.
fn any(body: &[u8], at: usize, high: &mut u64) -> Option<usize> {
    let back = |count| block::<SMALL>(body, at, count);
    let text = back(0)?;
    let [one, two, three, four] = [back(1)?, back(2)?, back(3)?, back(4)?];
    let [five, six, seven] = [back(5)?, back(6)?, back(7)?];
    let mut wrong = false;
    let mut bits = 0;
    for i in 0..SMALL {
        let byte = text[i];
        let slash = |block: &[u8; SMALL]| block[i] == b'\\';
        // Of up to three backslashes the first and the third escape what follows.
        let escaped = slash(one) & (!slash(two) | slash(three));
        let long = slash(one) & slash(two) & slash(three) & slash(four);
        let digit_due = (one[i] == b'u') & slash(two) & (!slash(three) | slash(four))
            | (two[i] == b'u') & slash(three) & (!slash(four) | slash(five))
            | (three[i] == b'u') & slash(four) & (!slash(five) | slash(six))
            | (four[i] == b'u') & slash(five) & (!slash(six) | slash(seven));
        let digit = (byte.wrapping_sub(b'0') <= 9) | ((byte | 0x20).wrapping_sub(b'a') <= 5);
        // Letters that differ in one bit are one comparison.
        let letter = (byte | 0x10 == b'r') | (byte | 0x08 == b'n') | (byte | 0x01 == b'u') | (byte == b'/');
        let quote = byte == b'"';
        let may = quote | letter | (byte == b'\\');
        wrong |= (byte < 0x20) | long | quote & !escaped | escaped & !may | digit_due & !digit;
        bits |= byte;
    }
    *high |= u64::from(bits);
    (!wrong).then(|| at + whole(text))
}

/// How much of a block is not part of an escape that goes on behind it: all, or what is before a run of backslashes
/// in its last bytes.
fn whole<const N: usize>(block: &[u8; N]) -> usize {
    let last = block.last_chunk().map_or(0, |last| u64::from_le_bytes(*last));
    let slashes = equal(last, b'\\');
    // The first of these bytes is there to tell whether a run begins at the second.
    let runs = slashes & !(slashes << 8) & !0xff;
    if runs == 0 { N } else { N - 8 + (runs.trailing_zeros() / 8) as usize }
}
