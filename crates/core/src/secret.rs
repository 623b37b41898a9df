//! A credential that can be used but not printed: no `Debug`, no `Display`, no serialisation.

use sha2::{Digest, Sha256};

/// A provider key, a caller key, a token.
///
/// It has neither `Debug` nor `Display`, so that `{:?}` of anything that holds one does not compile.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the value as it is; trimming and checking is the reader's work.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for a header or a query on its way upstream, and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True for the empty string, which counts as no credential at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// SHA-256 of the value; credentials are compared by digest, in constant time.
    pub fn digest(&self) -> [u8; 32] {
        digest(self.0.as_bytes())
    }

    /// What `/status` shows: at most ten asterisks and the last three characters; `***` for a value of three or fewer.
    pub fn masked(&self) -> String {
        let length = self.0.chars().count();
        if length <= 3 {
            return "***".into();
        }
        let tail: String = self.0.chars().skip(length - 3).collect();
        format!("{}{tail}", "*".repeat((length - 3).min(10)))
    }
}

/// SHA-256 of any bytes.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_keeps_three_characters_at_most() {
        for (value, shown) in [("abc", "***"), ("", "***"), ("short", "**ort"), ("sk-0123456789abcdef", "**********def")] {
            assert_eq!(Secret::new(value).masked(), shown);
        }
    }
}
