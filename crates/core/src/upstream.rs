//! A target and a path become a URL: joined with exactly one slash, nothing doubled, nothing above the base.

use crate::table::Base;

/// The path (with query) of a request below a base URL.
///
/// `rest` is a path with a leading slash (or empty), perhaps with a query of its own; `query` is the client's.
pub fn join(base: &Base, rest: &str, query: &str) -> String {
    // `memchr`, here and below: at these lengths it is cheaper than a search for a `char`.
    let (rest, own_query) = match memchr::memchr(b'?', rest.as_bytes()) {
        Some(mark) => (&rest[..mark], &rest[mark + 1..]),
        None => (rest, ""),
    };
    let rest = below(&base.path, rest);
    let mut path = String::with_capacity(base.path.len() + rest.len() + query.len() + own_query.len() + 4);
    path.push_str(&base.path);
    if path.is_empty() || !rest.is_empty() {
        path.push('/');
    }
    path.push_str(rest.trim_start_matches('/'));
    let mut mark = '?';
    for part in [base.query.as_deref().unwrap_or(""), own_query, query] {
        if !part.is_empty() {
            path.push(mark);
            path.push_str(part);
            mark = '&';
        }
    }
    path
}

/// `rest` without a leading part that the base path already ends with: the whole base path, or the version
/// segment at its end. Starts with a slash, or is empty.
pub fn below<'a>(base_path: &str, rest: &'a str) -> &'a str {
    let rest = one_slash(rest);
    if base_path.is_empty() {
        return rest;
    }
    if let Some(behind) = behind(rest, base_path) {
        return behind;
    }
    match memchr::memrchr(b'/', base_path.as_bytes()).and_then(|at| base_path.get(at..)) {
        Some(last) if is_version(last.trim_start_matches('/')) => behind(rest, last).unwrap_or(rest),
        Some(_) | None => rest,
    }
}

/// `//double` -> `/double`: one slash where two parts meet.
fn one_slash(rest: &str) -> &str {
    let bare = rest.trim_start_matches('/');
    let cut = (rest.len() - bare.len()).saturating_sub(1);
    rest.get(cut..).unwrap_or(rest)
}

fn behind<'a>(rest: &'a str, part: &str) -> Option<&'a str> {
    let behind = rest.strip_prefix(part)?;
    (behind.is_empty() || behind.starts_with('/')).then_some(behind)
}

/// `v1`, `v2`, `v1beta`, `v1alpha2`: a `v`, digits, and perhaps a stage.
pub fn is_version(segment: &str) -> bool {
    let Some(rest) = segment.strip_prefix('v') else { return false };
    let stage = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    stage.len() < rest.len()
        && (stage.is_empty()
            || ["alpha", "beta"]
                .iter()
                .any(|s| stage.strip_prefix(s).is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Origin, Scheme};

    fn base(path: &str, query: Option<&str>) -> Base {
        let origin = Origin { scheme: Scheme::Https, host: "h".into(), port: 443, public: false };
        Base { origin: origin.into(), authority: "h".into(), path: path.into(), query: query.map(Into::into) }
    }

    #[test]
    fn both_proxies_spellings_reach_the_same_place() {
        for (at, rest, joined) in [
            ("/v1", "/chat/completions", "/v1/chat/completions"),
            ("/v1", "/v1/chat/completions", "/v1/chat/completions"),
            ("/v1", "/v1", "/v1"),
            ("/v1", "/", "/v1/"),
            ("/v1", "/v1beta/x", "/v1/v1beta/x"),
            ("/api", "/v1/chat/completions", "/api/v1/chat/completions"),
            ("/api", "/api/v1/chat/completions", "/api/v1/chat/completions"),
            ("/openai/v1", "/chat/completions", "/openai/v1/chat/completions"),
            ("/openai/v1", "/v1/chat/completions", "/openai/v1/chat/completions"),
            ("/openai/v1", "/openai/v1/chat/completions", "/openai/v1/chat/completions"),
            ("", "/v1/messages", "/v1/messages"),
            ("", "//double", "/double"),
            ("", "", "/"),
            ("/models", "/models2", "/models/models2"),
        ] {
            assert_eq!(join(&base(at, None), rest, ""), joined, "{at} + {rest}");
        }
    }

    #[test]
    fn queries_meet_in_order() {
        assert_eq!(
            join(&base("/v1", Some("api-version=1")), "/models?limit=5", "a=%20b"),
            "/v1/models?api-version=1&limit=5&a=%20b"
        );
        assert_eq!(join(&base("", None), "/x", ""), "/x");
    }

    #[test]
    fn versions_are_told_from_words() {
        for yes in ["v1", "v12", "v1beta", "v1alpha2"] {
            assert!(is_version(yes), "{yes}");
        }
        for no in ["v", "vision", "v1x", "1", "beta", "v1betax"] {
            assert!(!is_version(no), "{no}");
        }
    }
}
