//! Which headers cross the gateway, in both directions. One list a direction; credentials never pass.

mod list;

pub use list::{Headers, Name};

use http::HeaderValue;
use http::header::{CONNECTION, HeaderName};

/// Headers that concern one connection only (RFC 9110 §7.6.1), whatever `Connection` says.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Headers that may carry a caller's credential, for every provider at once.
pub fn is_credential(name: &str) -> bool {
    matches!(name, "authorization" | "x-api-key" | "x-goog-api-key" | "api-key" | "xi-api-key" | "cookie")
}

/// A client's headers on their way upstream: what may not pass is taken out.
///
/// `aig` keeps `cf-aig-*` (an AI Gateway is in force).
pub fn to_upstream(mut headers: Headers, aig: bool) -> Headers {
    let listed = listed(&headers);
    headers.retain(|name| passes(name, aig, &listed));
    headers
}

/// Takes out what is for an AI Gateway, on a call that goes past it: the client's token for the gateway is among it.
pub fn past_gateway(headers: &mut Headers) {
    headers.retain(|name| !name.as_str().starts_with("cf-aig-"));
}

fn passes(name: &HeaderName, aig: bool, listed: &[HeaderName]) -> bool {
    let text = name.as_str();
    let ours = matches!(text, "host" | "expect" | "content-length" | "forwarded" | "sec-websocket-protocol")
        || text.starts_with("x-forwarded-")
        || text.starts_with("x-wharf-")
        || (text.starts_with("cf-") && !(aig && text.starts_with("cf-aig-")));
    !ours && !is_hop_by_hop(text) && !is_credential(text) && !listed.contains(name)
}

/// An upstream's headers on their way to the client, in place.
pub fn to_client(headers: &mut Headers) {
    let listed = listed(headers);
    headers.retain(|name| {
        let text = name.as_str();
        !(is_hop_by_hop(text)
            || text == "set-cookie"
            || text.starts_with("access-control-")
            || text.starts_with("x-wharf-")
            || listed.contains(name))
    });
}

/// The header names that `Connection` lists.
fn listed(headers: &Headers) -> Vec<HeaderName> {
    let mut names = Vec::new();
    for value in headers.get_all(CONNECTION) {
        for token in value.as_bytes().split(|b| *b == b',') {
            let token = token.trim_ascii();
            // These two name no header, and one of them is in most requests.
            if !token.eq_ignore_ascii_case(b"keep-alive") && !token.eq_ignore_ascii_case(b"close") {
                names.extend(HeaderName::from_bytes(token).ok());
            }
        }
    }
    names
}

/// A header's text, or nothing where it is not visible ASCII.
pub fn text(headers: &Headers, name: impl Name) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// A value made of text that is known to be fit for a header; anything else becomes empty.
pub fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> Headers {
        let mut map = Headers::new();
        for (name, value) in pairs {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn no_credential_and_no_trace_of_the_way_here_goes_upstream() {
        let client = map(&[
            ("authorization", "Bearer a"),
            ("x-api-key", "a"),
            ("x-goog-api-key", "a"),
            ("api-key", "a"),
            ("xi-api-key", "a"),
            ("cookie", "a"),
            ("host", "h"),
            ("expect", "100-continue"),
            ("forwarded", "for=1"),
            ("x-forwarded-for", "1"),
            ("cf-ray", "1"),
            ("cf-aig-metadata", "1"),
            ("x-wharf-direct", "true"),
            ("connection", "x-hop, close"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("content-length", "3"),
            ("anthropic-beta", "a"),
            ("anthropic-beta", "b"),
            ("user-agent", "sdk"),
            ("content-type", "text/x"),
        ]);
        let sent = to_upstream(client.clone(), false);
        let mut names: Vec<_> = sent.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["anthropic-beta", "content-type", "user-agent"]);
        assert_eq!(sent.get_all("anthropic-beta").count(), 2);
        assert!(to_upstream(client, true).contains_key("cf-aig-metadata"));
    }

    #[test]
    fn cookies_and_cors_of_the_upstream_stay_there() {
        let mut headers = map(&[
            ("set-cookie", "a"),
            ("access-control-allow-origin", "x"),
            ("connection", "x-gone"),
            ("x-gone", "1"),
            ("x-wharf-attempts", "9"),
            ("x-request-id", "theirs"),
            ("retry-after", "3"),
        ]);
        to_client(&mut headers);
        assert_eq!(headers, map(&[("x-request-id", "theirs"), ("retry-after", "3")]));
    }
}
