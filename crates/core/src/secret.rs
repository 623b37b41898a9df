//! A credential that can be used but not printed: no `Debug`, no `Display`, no serialisation.

use http::HeaderValue;
use sha2::{Digest, Sha256};

/// A provider key, a caller key, a token.
///
/// It has neither `Debug` nor `Display`, so that `{:?}` of anything that holds one does not compile.
#[derive(Clone)]
pub struct Secret {
    text: String,
    /// The value as a header and as a bearer credential, made once; `None` where it cannot stand in a header.
    headers: Option<(HeaderValue, HeaderValue)>,
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Secret {}

impl Secret {
    /// Takes the value as it is; trimming and checking is the reader's work.
    pub fn new(value: impl Into<String>) -> Self {
        let text = value.into();
        let sensitive = |text: &str| {
            let mut value = HeaderValue::from_str(text).ok()?;
            value.set_sensitive(true);
            Some(value)
        };
        let headers = sensitive(&text).zip(sensitive(&format!("Bearer {text}")));
        Self { text, headers }
    }

    /// The bare value for a header of its own, marked as sensitive; `None` if it cannot stand in a header.
    pub fn header(&self) -> Option<HeaderValue> {
        self.headers.as_ref().map(|(bare, _)| bare.clone())
    }

    /// `Bearer` and the value, marked as sensitive; `None` if it cannot stand in a header.
    pub fn bearer(&self) -> Option<HeaderValue> {
        self.headers.as_ref().map(|(_, bearer)| bearer.clone())
    }

    /// The value itself, for a header or a query on its way upstream, and for nothing else.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// True for the empty string, which counts as no credential at all.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// SHA-256 of the value; credentials are compared by digest, in constant time.
    pub fn digest(&self) -> [u8; 32] {
        digest(self.text.as_bytes())
    }

    /// What `/status` shows: at most ten asterisks and the last three characters; `***` for a value of three or fewer.
    pub fn masked(&self) -> String {
        let length = self.text.chars().count();
        if length <= 3 {
            return "***".into();
        }
        let tail: String = self.text.chars().skip(length - 3).collect();
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
        for (value, shown) in
            [("abc", "***"), ("", "***"), ("short", "**ort"), ("sk-0123456789abcdef", "**********def")]
        {
            assert_eq!(Secret::new(value).masked(), shown);
        }
    }
}
