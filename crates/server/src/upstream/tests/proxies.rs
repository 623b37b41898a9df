//! Through outbound proxies.

use super::secure::{Identity, accept_tls};
use super::*;
use wharf_core::host::Proxy;
use wharf_core::secret::Secret;

fn through(origin: &Origin, authorization: Option<&str>) -> Egress {
    let authorization = authorization.map(Secret::new);
    Egress::Proxy(Arc::new(Proxy { origin: Origin::clone(origin), authorization }))
}

fn origin(scheme: Scheme) -> Arc<Origin> {
    Arc::new(Origin { scheme, host: "localhost".into(), port: 8443, public: false })
}

#[test]
fn a_plain_origin_is_named_in_full() {
    run(async {
        let (listener, proxy) = listen().await;
        let client = client();
        let plain = origin(Scheme::Http);
        let egress = through(&proxy, Some("Basic dTpw"));
        let upstream = async {
            let mut socket = accept(&listener).await;
            let mut heads = Vec::new();
            for _ in 0..2 {
                heads.push(read_head(&mut socket).await);
                socket.write_all(OK).await.unwrap();
            }
            heads
        };
        let requests = async {
            for _ in 0..2 {
                client.send(UpstreamRequest { egress: egress.clone(), ..get(&plain) }).await.unwrap();
            }
        };
        let (heads, ()) = tokio::join!(upstream, requests);
        let expected = "GET http://localhost:8443/x?y=1 HTTP/1.1\r\nhost: localhost:8443\r\n\
                        proxy-authorization: Basic dTpw\r\n\r\n";
        assert_eq!(heads, [expected, expected]);
        let counts = client.counts();
        assert_eq!((counts.opened, counts.reused), (1, 1));
    });
}

#[test]
fn connections_through_a_proxy_are_kept_apart() {
    run(async {
        let (listener, proxy) = listen().await;
        let client = client();
        // The same host and port, once as the proxy and once as the origin itself.
        let requests = async {
            fetch(&client, &proxy).await.unwrap();
            client.send(UpstreamRequest { egress: through(&proxy, None), ..get(&proxy) }).await.unwrap();
            client
                .send(UpstreamRequest { egress: Egress::Hint("wnam".into()), ..get(&proxy) })
                .await
                .unwrap();
        };
        let upstream = async {
            let mut direct = accept(&listener).await;
            read_head(&mut direct).await;
            direct.write_all(OK).await.unwrap();
            script(&listener, &[OK]).await;
            read_head(&mut direct).await;
            direct.write_all(OK).await.unwrap();
        };
        tokio::join!(upstream, requests);
        let counts = client.counts();
        assert_eq!((counts.opened, counts.reused), (2, 1), "a hint goes direct");
    });
}

#[test]
fn a_tls_origin_is_reached_through_a_tunnel() {
    run(async {
        let identity = Identity::new();
        // The proxy itself: plain, and behind TLS.
        for scheme in [Scheme::Http, Scheme::Https] {
            let (listener, proxy) = listen().await;
            let proxy = Origin { scheme, ..Origin::clone(&proxy) };
            let client = identity.client();
            let egress = through(&proxy, Some("Basic dTpw"));
            let upstream = async {
                let socket = accept(&listener).await;
                if scheme == Scheme::Http {
                    tunnelled(socket, &identity).await
                } else {
                    tunnelled(accept_tls(socket, &identity, &[]).await, &identity).await
                }
            };
            let request = async {
                let tls = origin(Scheme::Https);
                let request = UpstreamRequest { egress: egress.clone(), ..get(&tls) };
                let mut answer = client.send(request).await.unwrap();
                assert_eq!(collect(&mut answer.body).await.unwrap(), b"ok");
            };
            let ((connect, head), ()) = tokio::join!(upstream, request);
            assert!(connect.starts_with("CONNECT localhost:8443 HTTP/1.1\r\n"), "{connect}");
            assert!(connect.contains("\r\nproxy-authorization: Basic dTpw\r\n"), "{connect}");
            assert!(head.starts_with("GET /x?y=1 HTTP/1.1\r\n") && !head.contains("proxy"), "{head}");
        }
    });
}

/// A proxy that opens the tunnel and is the origin, too: both heads.
async fn tunnelled<S>(mut socket: S, identity: &Identity) -> (String, String)
where
    S: AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let connect = read_head(&mut socket).await;
    socket.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    socket.flush().await.unwrap();
    let mut inside = accept_tls(socket, identity, &[]).await;
    let head = read_head(&mut inside).await;
    inside.write_all(OK).await.unwrap();
    inside.flush().await.unwrap();
    (connect, head)
}

#[test]
fn a_proxy_that_refuses_or_fails_is_told_apart() {
    run(async {
        let tls = origin(Scheme::Https);
        let client = client();
        let answers: [&[u8]; 3] =
            [b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", b"HTTP/1.1 200 O", b"\x00\x00\x00"];
        for answer in answers {
            let (listener, proxy) = listen().await;
            let answers = [answer];
            let request = UpstreamRequest { egress: through(&proxy, None), ..get(&tls) };
            let (got, ()) = tokio::join!(client.send(request), script(&listener, &answers));
            assert_eq!(refused(got), TransportError::Proxy);
        }
        let (listener, proxy) = listen().await;
        drop(listener);
        let request = UpstreamRequest { egress: through(&proxy, None), ..get(&tls) };
        assert_eq!(refused(client.send(request).await), TransportError::Proxy);
        // One that never answers runs into the limit on the whole connect.
        let (listener, proxy) = listen().await;
        let request = UpstreamRequest { egress: through(&proxy, None), timeouts: ms(60), ..get(&tls) };
        assert_eq!(refused(client.send(request).await), TransportError::ConnectTimeout);
        drop(listener);
    });
}
