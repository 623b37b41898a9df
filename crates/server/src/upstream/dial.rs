//! Opening a connection: name, TCP by happy eyeballs (RFC 8305), proxy, TLS.

use super::dns::Dns;
use super::proxy;
use super::stream::Stream;
use super::tls::Tls;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::sleep;
use wharf_core::host::{HttpVersion, Origin, Proxy, Scheme, TransportError, is_public};

/// How long an address may take before the next one is tried beside it.
const STAGGER: Duration = Duration::from_millis(250);

/// After this much silence the kernel asks whether the peer is still there, so that an answer that takes minutes
/// survives the address translation on its way, and a peer that vanished is noticed.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Opens connections for one worker.
pub(super) struct Dialer {
    pub(super) dns: Dns,
    tls: Arc<Tls>,
}

/// Where a connection leads, and how it is spoken to.
#[derive(Clone, Copy)]
pub(super) struct Route<'a> {
    pub(super) origin: &'a Origin,
    pub(super) proxy: Option<&'a Proxy>,
    pub(super) version: HttpVersion,
}

impl Route<'_> {
    /// Through a proxy, plain HTTP/1.1 is not tunnelled: the request names its target in full.
    pub(super) fn is_absolute_form(&self) -> bool {
        self.proxy.is_some() && self.origin.scheme == Scheme::Http && self.version != HttpVersion::Http2
    }
}

impl Dialer {
    pub(super) fn new(tls: Arc<Tls>) -> Self {
        Self { dns: Dns::default(), tls }
    }

    /// A connection that is ready for its first request.
    pub(super) async fn dial(&self, route: Route<'_>) -> Result<Stream, TransportError> {
        let mut stream = match route.proxy {
            None => self.tcp(route.origin).await?,
            Some(proxy) => self.through(proxy, route).await?,
        };
        if route.origin.scheme == Scheme::Https {
            stream = self.tls.connect(stream, &route.origin.host, route.version).await?;
            if route.version == HttpVersion::Http2 && !stream.is_h2() {
                return Err(TransportError::Tls);
            }
        }
        Ok(stream)
    }

    /// No connection came about in time: the addresses may have changed.
    pub(super) fn give_up(&self, route: Route<'_>) {
        self.dns.forget(&route.proxy.map_or(route.origin, |proxy| &proxy.origin).host);
    }

    /// A stream to the proxy, or through it to the origin. Whatever goes wrong here is the proxy's fault.
    async fn through(&self, proxy: &Proxy, route: Route<'_>) -> Result<Stream, TransportError> {
        let mut stream = self.tcp(&proxy.origin).await.map_err(|_| TransportError::Proxy)?;
        if proxy.origin.scheme == Scheme::Https {
            let connected = self.tls.connect(stream, &proxy.origin.host, HttpVersion::Http1).await;
            stream = connected.map_err(|_| TransportError::Proxy)?;
        }
        if !route.is_absolute_form() {
            proxy::tunnel(&mut stream, route.origin, proxy).await?;
        }
        Ok(stream)
    }

    async fn tcp(&self, origin: &Origin) -> Result<Stream, TransportError> {
        let mut found = self.dns.resolve(&origin.host).await?;
        if origin.public && !found.iter().all(|ip| is_public(*ip)) {
            found = found.iter().copied().filter(|ip| is_public(*ip)).collect();
            if found.is_empty() {
                return Err(TransportError::Private);
            }
        }
        match race(&interleave(&found, origin.port)).await {
            Ok(tcp) => Ok(Stream::Plain(tcp)),
            Err(error) => {
                tracing::debug!(host = origin.host, port = origin.port, %error, "no connection");
                self.dns.forget(&origin.host);
                Err(TransportError::Connect)
            }
        }
    }
}

/// The addresses with families taking turns, beginning with the one that the resolver put first.
fn interleave(found: &[IpAddr], port: u16) -> Vec<SocketAddr> {
    let first_is_v6 = found.first().is_some_and(IpAddr::is_ipv6);
    let mut one = found.iter().filter(|ip| ip.is_ipv6() == first_is_v6);
    let mut other = found.iter().filter(|ip| ip.is_ipv6() != first_is_v6);
    let mut turns = Vec::with_capacity(found.len());
    while turns.len() < found.len() {
        turns.extend([one.next(), other.next()].into_iter().flatten().map(|ip| SocketAddr::new(*ip, port)));
    }
    turns
}

/// The first of `addresses` that accepts. The next one is tried when the last failed, or has been silent for a while.
async fn race(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut trying = FuturesUnordered::new();
    let mut rest = addresses.iter();
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    loop {
        match rest.next() {
            Some(address) => trying.push(connect(*address)),
            None if trying.is_empty() => return Err(failure),
            None => {}
        }
        let waiting = rest.len() > 0;
        tokio::select! {
            biased;
            Some(done) = trying.next() => match done {
                Ok(tcp) => return Ok(tcp),
                Err(error) => failure = error,
            },
            () = sleep(STAGGER), if waiting => {}
        }
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 4);
    SockRef::from(&tcp).set_tcp_keepalive(&keepalive)?;
    Ok(tcp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::local;
    use socket2::{Domain, Socket, Type};
    use std::net::Ipv4Addr;
    use std::sync::Arc;
    use tokio::net::TcpListener;
    use wharf_core::host::Scheme;

    #[test]
    fn families_take_turns() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let found = [ip("::1"), ip("::2"), ip("::3"), ip("10.0.0.1")];
        let turns: Vec<IpAddr> = interleave(&found, 80).iter().map(SocketAddr::ip).collect();
        assert_eq!(turns, [ip("::1"), ip("10.0.0.1"), ip("::2"), ip("::3")]);
        assert!(interleave(&[], 80).is_empty());
    }

    async fn listening() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[test]
    fn a_refused_address_gives_way_to_the_next_at_once() {
        local(async {
            let (gone, dead) = listening().await;
            drop(gone);
            let (_listener, live) = listening().await;
            let tcp = race(&[dead, live]).await.unwrap();
            assert_eq!(tcp.peer_addr().unwrap(), live);
            assert!(tcp.nodelay().unwrap());
            assert!(race(&[dead, dead]).await.is_err());
            assert!(race(&[]).await.is_err());
        });
    }

    #[test]
    fn a_silent_address_is_overtaken() {
        local(async {
            // A listener whose queue is full lets further handshakes hang.
            let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            full.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
            full.listen(0).unwrap();
            let silent = full.local_addr().unwrap().as_socket().unwrap();
            let _queued = TcpStream::connect(silent).await.unwrap();
            let (_listener, live) = listening().await;
            let tcp = race(&[silent, live]).await.unwrap();
            assert_eq!(tcp.peer_addr().unwrap(), live);
        });
    }

    #[test]
    fn an_address_that_refuses_is_forgotten() {
        local(async {
            let dialer = Dialer::new(Arc::new(Tls::new(Vec::new())));
            let (gone, dead) = listening().await;
            drop(gone);
            dialer.dns.preset("moving.invalid", &[dead.ip()]);
            let origin = Origin {
                scheme: Scheme::Http,
                host: "moving.invalid".into(),
                port: dead.port(),
                public: false,
            };
            let route = Route { origin: &origin, proxy: None, version: HttpVersion::Auto };
            let failed = async || dialer.dial(route).await.err().unwrap();
            assert_eq!(failed().await, TransportError::Connect);
            assert_eq!(failed().await, TransportError::Dns, "asked anew");
        });
    }
}
