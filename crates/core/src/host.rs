//! The seam between the core and a host: what the core asks for, as values. No I/O happens here.

mod timeouts;

pub use timeouts::{TimeoutChanges, Timeouts};

use crate::headers::Headers;
use crate::store::{Op, Reply, Shard, StoreError};
use crate::time::Millis;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::Arc;
use wharf_wire::scan::{Arrived, Segments};

/// What carries out the core's decisions: native sockets, or a Worker's `fetch`.
///
/// Futures are not `Send`: a host runs one request on one thread.
#[expect(
    async_fn_in_trait,
    reason = "hosts are used generically on one thread, so no `Send` bound is wanted"
)]
pub trait Host: Clone + 'static {
    /// The host can leave from a region that a hint names; where it can't, a hint means direct.
    const HINTS: bool;
    /// How many calls one request may have in flight (model lists, probes).
    const PARALLEL: usize;
    /// How old may be what is known of keys before the store is asked what others have learnt.
    const LOOK: Millis = Millis::seconds(10);
    /// The content codings that `read` undoes, by their names in `Content-Encoding`.
    const DECODES: &'static [&'static str];
    /// An upstream's answer body, still open.
    type Body;
    /// A client's request body that has not been read; it cannot be replayed.
    type Upload;

    /// The time now.
    fn now(&self) -> Millis;
    /// 64 bits from a cryptographic random source.
    fn random(&self) -> u64;
    /// Sends a request and waits for the answer's head.
    async fn send(
        &self,
        request: UpstreamRequest<Self::Upload>,
    ) -> Result<Answer<Self::Body>, TransportError>;
    /// Whether this way out is there: asked before a body that cannot be sent again is given to it, where another way is
    /// allowed. A host whose ways fail in `send` before any of a body is taken need not look.
    async fn reaches(&self, _egress: &Egress) -> bool {
        true
    }
    /// The next piece of an answer's body; `None` at its clean end. Dropping the future loses nothing.
    async fn read(&self, body: &mut Self::Body) -> Result<Option<Bytes>, TransportError>;
    /// Whether `read` brings all of this body at once, and shows nothing before that.
    fn reads_whole(&self, _body: &Self::Body) -> bool {
        false
    }
    /// Reads a client's body to its end, or fails once it is over `limit` bytes. A host may look at a large one as
    /// it comes ([`Arriving`](wharf_wire::scan::Arriving)), or only hand over the bytes.
    async fn collect(&self, upload: &mut Self::Upload, limit: usize) -> Result<Arrived, CollectError>;
    /// The next piece of a client's body; `None` at its clean end.
    async fn receive(&self, upload: &mut Self::Upload) -> Result<Option<Bytes>, CollectError>;
    /// A client's body that has arrived completely already, without waiting; it can then be sent again.
    fn whole(&self, upload: &mut Self::Upload) -> Option<Bytes>;
    /// Waits.
    async fn sleep(&self, wait: Millis);
    /// One atomic step on one shard of shared state.
    async fn call(&self, shard: &Shard, op: Op) -> Result<Reply, StoreError>;
    /// Reads the configuration anew, where a host can: requests from now on find what it says.
    async fn reload(&self) -> Reloaded {
        Reloaded::Unable
    }
    /// Runs `work` beside the request, also after the client has left.
    fn defer(&self, work: impl Future<Output = ()> + 'static);
}

/// What came of reading the configuration anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// Another one is in force.
    Changed {
        /// What is different, a line each; no values.
        changes: Vec<String>,
        /// What a person should know.
        warnings: Vec<String>,
    },
    /// It says what it said before.
    Unchanged {
        /// What a person should know.
        warnings: Vec<String>,
    },
    /// It has these problems, a line each, and the one in force stays.
    Refused(Vec<String>),
    /// Not on this host.
    Unable,
}

/// Whether a URL is `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain.
    Http,
    /// With TLS.
    Https,
}

/// Where a connection goes: the key of a connection pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// Host name or address; an IPv6 address without its brackets.
    pub host: String,
    /// Port, also when it is the default one.
    pub port: u16,
    /// The name came from a caller: it is connected to only at public addresses ([`is_public`]), and over no
    /// connection that was made without that check.
    pub public: bool,
}

impl Origin {
    /// What goes in a `Host` header: the port only when it is not the scheme's own, IPv6 in brackets.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.scheme, self.port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => host,
            _ => format!("{host}:{}", self.port),
        }
    }
}

/// How a request leaves: straight, from a region of a hosted platform, or through an outbound proxy.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Egress {
    /// Straight from where we run.
    #[default]
    Direct,
    /// From a Durable Object placed by this hint (`wnam`, …); a host that has no such thing goes direct.
    Hint(Arc<str>),
    /// Through an outbound proxy.
    Proxy(Arc<Proxy>),
}

/// An outbound HTTP proxy (`http://` or `https://`).
///
/// No `Debug` on the credential: it may carry a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where the proxy listens.
    pub origin: Origin,
    /// The value of `Proxy-Authorization`, if the URL held user and password.
    pub authorization: Option<crate::secret::Secret>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Which HTTP version an upstream is spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// Over TLS what ALPN settles on (both are offered); HTTP/1.1 otherwise.
    #[default]
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only; without TLS by prior knowledge.
    Http2,
}

/// A request that is ready to go out: nothing in it is left to decide.
pub struct UpstreamRequest<U> {
    /// The method.
    pub method: Method,
    /// Where to connect to.
    pub origin: Arc<Origin>,
    /// The value of `Host` / `:authority`.
    pub authority: Arc<str>,
    /// Path and query, as they go on the wire.
    pub path: String,
    /// Headers without credentials, `Host`, `Content-Length`, `Transfer-Encoding` and hop-by-hop ones: the host writes
    /// those. Shared between the attempts of one call.
    pub headers: Rc<Headers>,
    /// This attempt's own headers: the credential. None of these names is in `headers`.
    pub own: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Payload<U>,
    /// Time limits.
    pub timeouts: Timeouts,
    /// The way out.
    pub egress: Egress,
    /// HTTP version wanted.
    pub version: HttpVersion,
    /// Do not use a kept-alive connection (the last one turned out dead).
    pub fresh: bool,
}

/// The address can be reached by everybody: it is none of the networks that only its neighbours can reach, in IPv4 or
/// written as IPv6. <https://www.iana.org/assignments/iana-ipv4-special-registry>,
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => public_v4(v4),
        IpAddr::V6(v6) => {
            let [first, second, .., high, low] = v6.segments();
            let bytes = |high: u16, low: u16| {
                let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
                Ipv4Addr::new(a, b, c, d)
            };
            match (first, second) {
                // IPv4 in IPv6's clothes: mapped, translated (64:ff9b::/96; 64:ff9b:1::/48 is anybody's own), 6to4.
                (0, 0) => v6.to_ipv4_mapped().is_some_and(public_v4),
                (0x64, 0xff9b) => v6.segments()[2..6] == [0; 4] && public_v4(bytes(high, low)),
                (0x2002, high) => public_v4(bytes(high, v6.segments()[2])),
                // Teredo, benchmarking, ORCHID, documentation.
                (0x2001, 0 | 2 | 0x10..=0x2f | 0xdb8) | (0x3fff, _) => false,
                // Global unicast is 2000::/3.
                _ => (0x2000..0x4000).contains(&first),
            }
        }
    }
}

const fn public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, d] = v4.octets();
    // Azure's platform address looks public, and is answered inside every virtual machine there:
    // <https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16>
    let platform = matches!((a, b, c, d), (168, 63, 129, 16));
    !platform
        && !matches!(
            (a, b, c),
            (0 | 10 | 127 | 224..=255, _, _)
                | (100, 64..=127, _)
                | (169, 254, _)
                | (172, 16..=31, _)
                | (192, 0, 0 | 2)
                | (192, 88, 99)
                | (192, 168, _)
                | (198, 18 | 19, _)
                | (198, 51, 100)
                | (203, 0, 113)
        )
}

/// A request body.
pub enum Payload<U> {
    /// No body: neither `Content-Length` nor `Transfer-Encoding` is written (but for `Content-Length: 0` on POST, PUT, PATCH).
    Empty,
    /// Held in memory: can be sent again.
    Bytes(Segments),
    /// Comes from the client as it is sent on: cannot be sent again.
    Stream {
        /// Bytes that were read already.
        first: Bytes,
        /// The rest.
        rest: U,
        /// The whole length (first and rest), where the client said it; else it is sent chunked.
        length: Option<u64>,
    },
}

/// An answer whose head is complete.
pub struct Answer<B> {
    /// Status.
    pub status: StatusCode,
    /// Headers as they came.
    pub headers: Headers,
    /// The open body.
    pub body: B,
}

/// Why a request got no answer, or an answer's body no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// The name did not resolve.
    Dns,
    /// Nobody listens there, or no route.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The outbound proxy refused or failed.
    Proxy,
    /// A kept-alive connection was closed before any byte of the answer.
    Stale,
    /// Closed or reset before the head was complete, or inside the body.
    Closed,
    /// The name of a caller's address leads to no public one.
    Private,
    /// What came is not HTTP, or a head over the limit.
    Garbage,
    /// No connection in time.
    ConnectTimeout,
    /// No head in time.
    HeadTimeout,
    /// Silence inside the body.
    IdleTimeout,
    /// The client's own body ended early or broke while it was being sent on.
    Upload,
}

impl TransportError {
    /// True for the three time-outs (504); everything else is 502.
    pub const fn is_timeout(self) -> bool {
        match self {
            Self::ConnectTimeout | Self::HeadTimeout | Self::IdleTimeout => true,
            Self::Dns
            | Self::Connect
            | Self::Tls
            | Self::Proxy
            | Self::Stale
            | Self::Closed
            | Self::Private
            | Self::Garbage
            | Self::Upload => false,
        }
    }

    /// A short stable word for logs and messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns_failure",
            Self::Connect => "connect_refused",
            Self::Tls => "tls_failure",
            Self::Proxy => "proxy_failure",
            Self::Stale => "stale_connection",
            Self::Closed => "closed_early",
            Self::Private => "private_address",
            Self::Garbage => "not_http",
            Self::ConnectTimeout => "connect_timeout",
            Self::HeadTimeout => "head_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::Upload => "upload_broken",
        }
    }
}

/// Why a client's body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CollectError {
    /// Over the limit.
    TooLarge,
    /// Ended early, or is not valid on the wire.
    Broken,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_only_neighbours_reach_are_not_public() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.9.9.9",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:0:8.8.8.8",
            "::ffff:169.254.169.254",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::8.8.8.8",
            "64:ff9b:0:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::1",
            "2002:0a00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn what_everybody_reaches_is() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "168.63.129.17",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1",
            "2001:4860::8888",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
