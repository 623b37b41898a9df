//! TLS, with a certificate of our own that comes in by a CA file.

use super::*;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::AsyncWrite;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A self-signed server: `localhost` and `127.0.0.1`.
pub(super) struct Identity {
    signed: rcgen::CertifiedKey<rcgen::KeyPair>,
}

impl Identity {
    pub(super) fn new() -> Self {
        let names = vec!["localhost".into(), "127.0.0.1".into()];
        Self { signed: rcgen::generate_simple_self_signed(names).unwrap() }
    }

    /// A client that trusts it.
    pub(super) fn client(&self) -> Client {
        static NTH: AtomicU32 = AtomicU32::new(0);
        let nth = NTH.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("wharf-test-ca-{}-{nth}.pem", std::process::id()));
        std::fs::write(&path, self.signed.cert.pem()).unwrap();
        let roots = Tls::read_ca_file(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        Client::new(Arc::new(Tls::new(roots)), Limits::default())
    }

    fn config(&self, alpn: &[&[u8]]) -> Arc<ServerConfig> {
        let certificate: CertificateDer<'static> = self.signed.cert.der().clone();
        let key = PrivateKeyDer::try_from(self.signed.signing_key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }
}

/// The server's side of a handshake that succeeds.
pub(super) async fn accept_tls<S>(socket: S, identity: &Identity, alpn: &[&[u8]]) -> TlsStream<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    TlsAcceptor::from(identity.config(alpn)).accept(socket).await.unwrap()
}

pub(super) fn secured(origin: &Arc<Origin>) -> Arc<Origin> {
    Arc::new(Origin { scheme: Scheme::Https, ..Origin::clone(origin) })
}

#[test]
fn a_ca_file_is_trusted_and_the_connection_kept() {
    run(async {
        let identity = Identity::new();
        let (listener, origin) = listen().await;
        let origin = secured(&origin);
        let client = identity.client();
        let upstream = async {
            let mut tls = accept_tls(accept(&listener).await, &identity, &[b"http/1.1", b"h2"]).await;
            assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
            for _ in 0..3 {
                read_head(&mut tls).await;
                tls.write_all(OK).await.unwrap();
            }
            // An upstream that says goodbye.
            tls.shutdown().await.unwrap();
            let mut tls = accept_tls(accept(&listener).await, &identity, &[]).await;
            read_head(&mut tls).await;
            tls.write_all(OK).await.unwrap();
        };
        let requests = async {
            for _ in 0..3 {
                assert_eq!(fetch(&client, &origin).await.unwrap().1, b"ok");
            }
            settle().await;
            assert_eq!(fetch(&client, &origin).await.unwrap().1, b"ok");
        };
        tokio::join!(upstream, requests);
        let counts = client.counts();
        assert_eq!((counts.opened, counts.reused, counts.stale), (2, 2, 0));
    });
}

#[test]
fn a_large_body_goes_both_ways_through_tls() {
    run(async {
        let identity = Identity::new();
        let (listener, origin) = listen().await;
        let origin = secured(&origin);
        let client = identity.client();
        let content = Bytes::from((0..2_000_000_u32).map(|i| (i % 251) as u8).collect::<Vec<u8>>());
        let upstream = async {
            let mut tls = accept_tls(accept(&listener).await, &identity, &[]).await;
            read_head(&mut tls).await;
            let mut body = vec![0; content.len()];
            tls.read_exact(&mut body).await.unwrap();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            tls.write_all(head.as_bytes()).await.unwrap();
            tls.write_all(&body).await.unwrap();
            tls.flush().await.unwrap();
        };
        let request = async {
            let mut answer =
                client.send(post(&origin, Payload::Bytes(content.clone().into()))).await.unwrap();
            assert!(collect(&mut answer.body).await.unwrap() == content);
            assert_eq!(client.counts().idle, 1);
        };
        tokio::join!(upstream, request);
    });
}

#[test]
fn strangers_are_not_trusted() {
    run(async {
        let identity = Identity::new();
        let (listener, origin) = listen().await;
        let upstream = async {
            for _ in 0..2 {
                let socket = accept(&listener).await;
                assert!(TlsAcceptor::from(identity.config(&[])).accept(socket).await.is_err());
            }
        };
        let requests = async {
            // A certificate that nobody vouches for; and one for another name.
            assert_eq!(fetch(&client(), &secured(&origin)).await, Err(TransportError::Tls));
            let renamed = Arc::new(Origin { host: "other.test".into(), ..Origin::clone(&secured(&origin)) });
            let client = identity.client();
            client.worker.dialer.dns.preset("other.test", &[[127, 0, 0, 1].into()]);
            assert_eq!(fetch(&client, &renamed).await, Err(TransportError::Tls));
        };
        tokio::join!(upstream, requests);
    });
}
