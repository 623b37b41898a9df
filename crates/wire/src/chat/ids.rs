//! Ids of tool calls. What a vendor won't take is mapped to something it takes: the same id always to the same, so
//! that call and result still meet, with nothing remembered.

use super::Quirks;
use std::borrow::Cow;

/// What ids of tool calls must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdRule {
    /// Any text.
    Any,
    /// `[A-Za-z0-9]{9}`: Mistral, which answers 400 with code 3280 to all else.
    Nine,
    /// `[A-Za-z0-9_-]{1,64}`: Anthropic and Bedrock,
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolUseBlock.html>.
    Word64,
    /// Up to 40 characters: OpenAI.
    Forty,
}

impl IdRule {
    fn holds(self, id: &str) -> bool {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        match self {
            Self::Any => !id.is_empty(),
            Self::Nine => id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric()),
            Self::Word64 => (1..=64).contains(&id.len()) && id.bytes().all(word),
            Self::Forty => (1..=40).contains(&id.len()),
        }
    }
}

/// The id as the target takes it: itself where it fits, else one made of it.
#[must_use]
pub fn fit_id<'a>(id: &'a str, rule: IdRule) -> Cow<'a, str> {
    if rule.holds(id) {
        return Cow::Borrowed(id);
    }
    let hash = hash(&[id.as_bytes()]);
    Cow::Owned(match rule {
        IdRule::Nine => base62(hash, 9),
        IdRule::Any | IdRule::Word64 | IdRule::Forty => format!("call_{}", base62(hash, 20)),
    })
}

/// A user's id as the target takes it: itself, or one made of it where it is too long. Claude Code's has some 150
/// characters.
#[must_use]
pub fn fit_user<'a>(user: &'a str, quirks: &Quirks) -> Cow<'a, str> {
    match user.chars().nth(quirks.user_most) {
        None => Cow::Borrowed(user),
        Some(_) => Cow::Owned(format!("user_{}", base62(hash(&[user.as_bytes()]), 20))),
    }
}

/// An id for a call that came without one, made of where it stands: the answer's id (or any text that differs
/// between answers) and the call's number in it.
#[must_use]
pub fn mint_id(answer: &str, number: usize) -> String {
    format!("call_{}", base62(hash(&[answer.as_bytes(), &number.to_le_bytes()]), 20))
}

/// FNV-1a over 128 bits, <http://www.isthe.com/chongo/tech/comp/fnv/>: stable for ever, and wide enough that two ids
/// of one conversation don't meet.
fn hash(parts: &[&[u8]]) -> u128 {
    let mut hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    for part in parts {
        for byte in *part {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
        // Parts are kept apart.
        hash = (hash ^ 0xff).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    hash
}

fn base62(mut hash: u128, digits: usize) -> String {
    const DIGITS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    (0..digits)
        .map(|_| {
            let digit = DIGITS.get((hash % 62) as usize).copied().unwrap_or(b'0');
            hash /= 62;
            char::from(digit)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_user_becomes_a_short_one_and_always_the_same() {
        let quirks = Quirks { user_most: 64, ..Quirks::default() };
        let long = format!("user_{}_account__session_1", "0".repeat(64));
        let short = fit_user(&long, &quirks);
        assert_eq!(short.len(), 25);
        assert_eq!(short, fit_user(&long, &quirks));
        assert_ne!(short, fit_user(&format!("{long}2"), &quirks));
        assert_eq!(fit_user("u-1", &quirks), "u-1");
        assert_eq!(fit_user(&"ü".repeat(64), &quirks), "ü".repeat(64));
        assert_eq!(fit_user(&long, &Quirks::default()), long);
    }
}
