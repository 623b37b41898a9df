//! URLs of the configuration in parts. What cannot be read is described, never quoted: a URL may hold a password.

use super::problem::At;
use super::read::{Cx, Read};
use super::shape::Shape;
use crate::host::{Origin, Proxy, Scheme};
use crate::secret::Secret;
use crate::table::Base;
use jsonc_parser::ast::Value;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Stands for `CLOUDFLARE_ACCOUNT_ID` in a base URL.
const ACCOUNT: &str = "{account}";

/// A base URL that was found readable; `{account}` is filled in later. Nothing in it: it was not, which was reported.
#[derive(Clone)]
pub(super) struct BaseUrl(Option<String>);

impl BaseUrl {
    /// Checks a text, or says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        parse_base(&text.replace(ACCOUNT, "account")).map(|_| Self(Some(text.into())))
    }

    /// Its parts; `None` while it needs an account that is not known.
    pub(super) fn base(&self, account: Option<&str>) -> Option<Base> {
        let text = self.0.as_deref()?;
        if text.contains(ACCOUNT) {
            parse_base(&text.replace(ACCOUNT, account?)).ok()
        } else {
            parse_base(text).ok()
        }
    }

    /// True when [`base`](Self::base) needs an account.
    pub(super) fn needs_account(&self) -> bool {
        self.0.as_deref().is_some_and(|text| text.contains(ACCOUNT))
    }
}

impl Read for BaseUrl {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        let Some(text) = String::read(value, at, cx) else { return Some(Self(None)) };
        let parsed = Self::parse(&text);
        parsed.map_err(|message| cx.out.problem(at, message, HINT)).or(Ok::<_, ()>(Self(None))).ok()
    }
    fn shape() -> Shape {
        Shape::Text(Some("^[Hh][Tt][Tt][Pp][Ss]?://"))
    }
}

/// What a base URL looks like.
pub(super) const HINT: &str = "for example https://llm.example.com/v1";

/// A path to append to a base URL; begins with a slash.
pub(super) struct SubPath(pub(super) String);

impl Read for SubPath {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        let text = String::read(value, at, cx)?;
        let path = if text.starts_with('/') { text } else { format!("/{text}") };
        let (bare, _) = path.split_once('?').unwrap_or((&path, ""));
        if let Err(message) = check_path(bare).and_then(|()| check_characters(&path)) {
            cx.out.problem(at, message, "for example /chat/completions");
            return None;
        }
        Some(Self(path))
    }
    fn shape() -> Shape {
        Shape::FILLED
    }
}

/// Scheme and host of a URL, and what is around them.
struct Parts<'a> {
    user: Option<&'a str>,
    origin: Origin,
    path: &'a str,
    query: Option<&'a str>,
}

/// A base URL in parts, without a trailing slash.
pub(super) fn parse_base(text: &str) -> Result<Base, &'static str> {
    let parts = parse(text)?;
    if parts.user.is_some() {
        return Err("a base URL must not hold user or password; put a key in `keys`");
    }
    check_path(parts.path)?;
    let query = parts.query.filter(|query| !query.is_empty()).map(str::to_owned);
    let authority = Arc::from(parts.origin.authority());
    let path = parts.path.trim_end_matches('/').to_owned();
    Ok(Base { origin: Arc::new(parts.origin), authority, path, query })
}

/// An outbound proxy: scheme, user and password, host and port, no path.
pub(super) fn parse_proxy(text: &str) -> Result<Proxy, &'static str> {
    let parts = parse(text)?;
    if !matches!(parts.path, "" | "/") || parts.query.is_some() {
        return Err("a proxy's URL ends after host and port");
    }
    let authorization = parts.user.map(|user| {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        let mut pair = decoded(name);
        pair.push(b':');
        pair.extend(decoded(password));
        Secret::new(format!("Basic {}", base64(&pair)))
    });
    Ok(Proxy { origin: parts.origin, authorization })
}

fn parse(text: &str) -> Result<Parts<'_>, &'static str> {
    check_characters(text)?;
    let (scheme, rest) = text.split_once("://").ok_or("must begin with http:// or https://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return Err("must begin with http:// or https://"),
    };
    let (place, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (user, place) = place.rsplit_once('@').map_or((None, place), |(user, place)| (Some(user), place));
    let (path, query) = tail.split_once('?').map_or((tail, None), |(path, query)| (path, Some(query)));
    Ok(Parts { user, origin: origin(scheme, place)?, path, query })
}

fn origin(scheme: Scheme, place: &str) -> Result<Origin, &'static str> {
    let default = if scheme == Scheme::Http { 80 } else { 443 };
    let (host, port) = if let Some(rest) = place.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or("an IPv6 address needs its closing bracket")?;
        let address: Ipv6Addr = address.parse().map_err(|_| "the address in brackets is not IPv6")?;
        (address.to_string(), port.strip_prefix(':').or((port.is_empty()).then_some("")))
    } else {
        let (host, port) = place.split_once(':').unwrap_or((place, ""));
        let valid = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        if host.is_empty() {
            return Err("has no host");
        }
        if !valid || host.starts_with('.') || host.contains("..") || is_odd_number(host) {
            return Err("has a host that is not a name or an address");
        }
        (host.to_ascii_lowercase(), Some(port))
    };
    let port = match port {
        Some("") => default,
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
            port.parse().ok().filter(|port| *port > 0).ok_or("has a port that is not from 1 to 65535")?
        }
        _ => return Err("has a port that is not from 1 to 65535"),
    };
    Ok(Origin { scheme, host, port, public: false })
}

/// `127.1`, `0`, `0x7f000001`: resolvers read these as addresses, and nobody sees that they may be this machine's.
/// Browsers' rule: what ends in a number is an IPv4 address. <https://url.spec.whatwg.org/#ends-in-a-number-checker>
fn is_odd_number(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let last = host.rsplit('.').next().unwrap_or_default();
    let hex = last.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    let number = hex || (!last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()));
    number && host.parse::<Ipv4Addr>().is_err()
}

fn check_characters(text: &str) -> Result<(), &'static str> {
    if text.contains('#') {
        return Err("must not have a fragment (`#`)");
    }
    let odd = |b: u8| {
        !b.is_ascii_graphic() || matches!(b, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
    };
    if text.bytes().any(odd) {
        return Err("holds a character that must be percent-encoded in a URL");
    }
    Ok(())
}

fn check_path(path: &str) -> Result<(), &'static str> {
    let dots =
        |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if path.split('/').any(dots) { Err("must not have `.` or `..` as a part of its path") } else { Ok(()) }
}

fn decoded(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

/// RFC 4648 base64 with padding: the one place in the core that needs it.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().enumerate().fold(0_u32, |word, (i, byte)| word | u32::from(*byte) << (16 - 8 * i));
        for i in 0..4 {
            let sextet = (word >> (18 - 6 * i)) & 63;
            text.push(if i <= chunk.len() { char::from(ALPHABET[sextet as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_read_into_parts() {
        for (text, authority, port, path, query) in [
            ("https://api.openai.com/v1", "api.openai.com", 443, "/v1", None),
            ("http://127.0.0.1:9100/v1/", "127.0.0.1:9100", 9100, "/v1", None),
            ("HTTP://Host.Example:80", "host.example", 80, "", None),
            ("http://[::1]:8080//", "[::1]:8080", 8080, "", None),
            ("https://[2001:DB8::1]/a/b", "[2001:db8::1]", 443, "/a/b", None),
            ("https://x.example/v1?api-version=1&b", "x.example", 443, "/v1", Some("api-version=1&b")),
            ("https://x.example?y=1", "x.example", 443, "", Some("y=1")),
            ("https://my_service:8443/", "my_service:8443", 8443, "", None),
        ] {
            let base = parse_base(text).expect(text);
            assert_eq!(
                (&*base.authority, base.origin.port, base.path.as_str()),
                (authority, port, path),
                "{text}"
            );
            assert_eq!(base.query.as_deref(), query, "{text}");
        }
    }

    #[test]
    fn unreadable_urls_say_why() {
        for (text, why) in [
            ("api.openai.com/v1", "begin with http"),
            ("ftp://x", "begin with http"),
            ("https://", "no host"),
            ("https:///v1", "no host"),
            ("https://a b/", "percent-encoded"),
            ("https://x/é", "percent-encoded"),
            ("https://x/{region}", "percent-encoded"),
            ("https://u:p@x/", "user or password"),
            ("https://x/#a", "fragment"),
            ("https://x:0/", "port"),
            ("https://x:99999/", "port"),
            ("https://x:+80/", "port"),
            ("https://[::1/", "closing bracket"),
            ("https://[::1]x/", "port"),
            ("https://[zz]/", "not IPv6"),
            ("https://x/a/../b", "`..`"),
            ("https://x/a/%2E%2e", "`..`"),
            ("https://x*y/", "not a name"),
            ("https://.x/", "not a name"),
            ("http://127.1:8787/", "not a name"),
            ("http://0:8787/", "not a name"),
            ("http://2130706433/", "not a name"),
            ("http://0x7f.1/", "not a name"),
            ("http://0X7F000001/", "not a name"),
            ("http://127.0.0.256/", "not a name"),
        ] {
            let message = parse_base(text).expect_err(text);
            assert!(message.contains(why), "{text}: {message}");
        }
    }

    #[test]
    fn the_account_is_filled_in() {
        let url = BaseUrl::parse("https://x.example/{account}/ai").expect("readable");
        assert!(url.needs_account() && url.base(None).is_none());
        assert_eq!(url.base(Some("abc")).expect("a base").path, "/abc/ai");
    }

    #[test]
    fn a_proxy_keeps_its_password_as_basic_authorization() {
        let proxy = parse_proxy("http://user:p%40ss@proxy.example:3128").expect("readable");
        assert_eq!(proxy.origin.port, 3128);
        assert_eq!(proxy.authorization.expect("a password").expose(), "Basic dXNlcjpwQHNz");
        assert!(parse_proxy("https://proxy.example/").expect("readable").authorization.is_none());
        assert!(parse_proxy("socks5://proxy.example").is_err());
        assert!(parse_proxy("http://proxy.example/x").is_err());
    }

    #[test]
    fn base64_pads() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
