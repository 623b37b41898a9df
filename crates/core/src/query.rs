//! The query string: which members are credentials of ours, and what is left for the upstream.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// True if a member's name is `key` once percent-decoded; the case counts.
fn is_key(member: &str) -> bool {
    let name = member.split('=').next().unwrap_or(member);
    name == "key" || (name.contains('%') && *percent_decode_str(name).decode_utf8_lossy() == *"key")
}

/// The first non-empty value of a `key` member, decoded.
pub fn key(query: &str) -> Option<Cow<'_, str>> {
    query.split('&').filter(|m| is_key(m)).find_map(|member| {
        let (_, value) = member.split_once('=')?;
        (!value.is_empty()).then(|| percent_decode_str(value).decode_utf8_lossy())
    })
}

/// The query without any `key` member; the others stay in their order and encoding.
pub fn without_key(query: &str) -> Cow<'_, str> {
    if !query.split('&').any(is_key) {
        return Cow::Borrowed(query);
    }
    Cow::Owned(query.split('&').filter(|m| !is_key(m)).collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_key_is_found_and_removed() {
        assert_eq!(key("a=1&%6Bey=s%20x").as_deref(), Some("s x"));
        assert_eq!(key("key=&key=b").as_deref(), Some("b"));
        assert_eq!(key("Key=b&keys=c&key"), None);
        assert_eq!(without_key("a=1&%6Bey=s&b=%20&key=2&k%65y"), "a=1&b=%20");
        assert_eq!(without_key("Key=b&monkey=c"), "Key=b&monkey=c");
        assert_eq!(without_key("key=1"), "");
    }
}
