//! Addresses that callers name: https only, a name or a literal address, and where a redirect leads from one.

use crate::host::{Origin, Scheme};
use std::net::Ipv6Addr;

/// An address that may be fetched, if it turns out to be a public one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// A name, or an IPv6 address without its brackets.
    host: String,
    port: u16,
    /// Path and query, as they go on the wire.
    pub path: String,
}

impl Address {
    /// Reads an absolute URL; `None` for all that is not plainly https: another scheme, a user, an escaped host.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let rest = url.get("https://".len()..).filter(|_| scheme(url) == Some("https"))?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if !path.bytes().all(|b| b.is_ascii_graphic()) {
            return None;
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(literal) => {
                let (host, port) = literal.split_once(']')?;
                host.parse::<Ipv6Addr>().ok()?;
                (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some("443"))?)
            }
            None => authority.split_once(':').unwrap_or((authority, "443")),
        };
        let fit = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
        if host.is_empty() || !(authority.starts_with('[') || host.bytes().all(fit)) {
            return None;
        }
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        let port = port.parse().ok().filter(|port| digits && *port != 0)?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Some(Self { host: host.to_ascii_lowercase(), port, path })
    }

    /// Where a `Location` (RFC 9110 §10.2.2) leads from here.
    pub(super) fn beside(&self, location: &str) -> Option<Self> {
        if scheme(location).is_some() {
            return Self::parse(location);
        }
        let authority = self.origin().authority();
        if location.starts_with("//") {
            return Self::parse(&format!("https:{location}"));
        }
        let path = self.path.split('?').next().unwrap_or_default();
        let folder = match location.as_bytes().first() {
            Some(b'/') => "",
            Some(b'?') => path,
            _ => path.get(..=path.rfind('/')?)?,
        };
        Self::parse(&format!("https://{authority}{folder}{location}"))
    }

    /// Where to connect: at public addresses only.
    pub(super) fn origin(&self) -> Origin {
        Origin { scheme: Scheme::Https, host: self.host.clone(), port: self.port, public: true }
    }
}

/// The scheme of an absolute URL with an authority. A `://` further on belongs to somebody's query.
fn scheme(url: &str) -> Option<&'static str> {
    let (scheme, _) = url.split_once("://")?;
    let named =
        !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    named.then(|| if scheme.eq_ignore_ascii_case("https") { "https" } else { "another" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> Option<(String, String)> {
        Address::parse(url).map(|at| (at.origin().authority(), at.path))
    }

    #[test]
    fn what_is_plainly_https_is_read() {
        for (url, authority, path) in [
            ("https://a.example/x?y=1#z", "a.example", "/x?y=1"),
            ("HTTPS://A.Example", "a.example", "/"),
            ("https://a.example?x=/y", "a.example", "/?x=/y"),
            ("https://a.example:8443/", "a.example:8443", "/"),
            ("https://[2606:4700::1]:444/x", "[2606:4700::1]:444", "/x"),
            ("https://[::1]", "[::1]", "/"),
            ("https://a.example./x", "a.example.", "/x"),
            ("https://a.example/@b:1", "a.example", "/@b:1"),
        ] {
            assert_eq!(parts(url), Some((authority.to_owned(), path.to_owned())), "{url}");
        }
    }

    #[test]
    fn all_else_is_not() {
        for url in [
            "",
            "http://a.example/",
            "ftp://a.example/",
            "file:///etc/passwd",
            "//a.example/",
            "https:/a.example/",
            "https://",
            "https:///x",
            "https://user@a.example/",
            "https://user:pw@a.example/",
            "https://a.example:443@127.0.0.1/",
            "https://a.example\\@127.0.0.1/",
            "https://127.0.0.1%2f.a.example/",
            "https://%31%32%37.0.0.1/",
            "https://a.example:/",
            "https://a.example:0/",
            "https://a.example:+443/",
            "https://a.example:65536/",
            "https://a.example:1:2/",
            "https://::1/",
            "https://[::1/",
            "https://[::1]x/",
            "https://[fe80::1%25eth0]/",
            "https://[a.example]/",
            "https://\u{ff11}27.0.0.1/",
            "https://a.example/a b",
            "https://a.example/\r\nx: y",
        ] {
            assert_eq!(parts(url), None, "{url:?}");
        }
    }

    #[test]
    fn a_redirect_leads_beside_or_elsewhere_but_never_off_https() {
        let at = Address::parse("https://a.example:444/b/c?d=/e").unwrap();
        for (location, authority, path) in [
            ("f", "a.example:444", "/b/f"),
            ("/f?to=https://c.example/", "a.example:444", "/f?to=https://c.example/"),
            ("?g", "a.example:444", "/b/c?g"),
            ("//c.example/f", "c.example", "/f"),
            ("https://c.example", "c.example", "/"),
        ] {
            let next = at.beside(location).map(|at| (at.origin().authority(), at.path));
            assert_eq!(next, Some((authority.to_owned(), path.to_owned())), "{location}");
        }
        for location in ["http://a.example/", "file:///x", "//u@c.example/", "ftp://c.example"] {
            assert_eq!(at.beside(location), None, "{location}");
        }
    }
}
