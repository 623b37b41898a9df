//! TLS: to clients with HTTP/2 by ALPN, and to upstreams under an authority of their own.

use crate::doors::{Identity, serve, tls_before};
use crate::{CALLER, CHAT, authorization, launch, post};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wharf_testkit::process::{Folder, Wharf};
use wharf_testkit::upstream::{Reply, Upstream};

/// Starts a gateway that serves TLS.
fn start(upstream: &Upstream, identity: &Identity) -> (Wharf, SocketAddr) {
    let launch = launch(&upstream.base(), &json!({}))
        .file("cert.pem", &identity.cert_pem)
        .file("key.pem", &identity.key_pem)
        .args(&["--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
    let wharf = launch.start();
    let address = wharf.address();
    (wharf, address)
}

async fn connect(
    address: SocketAddr,
    identity: &Identity,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(identity.ca_pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let tcp = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), tcp).await
}

fn local<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, work)
}

async fn h2(address: SocketAddr, identity: &Identity) -> SendRequest<Full<Bytes>> {
    let tls = connect(address, identity, &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (client, connection) = handshake(TokioExecutor::new(), TokioIo::new(tls)).await.unwrap();
    tokio::task::spawn_local(connection);
    client
}

fn request(method: &str, target: &str, body: &'static [u8]) -> http::Request<Full<Bytes>> {
    let builder = http::Request::builder().method(method).uri(format!("https://localhost{target}"));
    builder.header("authorization", authorization()).body(Full::new(Bytes::from_static(body))).unwrap()
}

#[test]
fn a_client_with_tls_gets_http_1_1_or_http_2_by_alpn() {
    let upstream = Upstream::echo();
    let identity = Identity::new(&[]);
    let (_wharf, address) = start(&upstream, &identity);
    local(async {
        for alpn in [&[][..], &[&b"http/1.1"[..]]] {
            let mut tls = connect(address, &identity, alpn).await.unwrap();
            let head = format!(
                "GET /openai/x HTTP/1.1\r\nHost: h\r\nAuthorization: {CALLER}\r\nConnection: close\r\n\r\n"
            );
            tls.write_all(head.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            tls.read_to_end(&mut answer).await.expect("an end with its goodbye");
            assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
        }
        let mut client = h2(address, &identity).await;
        let answers = (0..20).map(|_| client.send_request(request("POST", "/v1/chat/completions", CHAT)));
        for answer in answers.collect::<Vec<_>>() {
            let answer = answer.await.unwrap();
            assert_eq!(answer.status(), 200);
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let seen: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(seen["body"], r#"{"model":"m","messages":[]}"#);
        }
        let refused = http::Request::get("https://localhost/openai/x").body(Full::default()).unwrap();
        assert_eq!(client.send_request(refused).await.unwrap().status(), 401);
    });
    assert!(
        upstream.requests().iter().all(|request| request.header("authorization") == Some("Bearer own-key-1"))
    );
}

#[test]
fn streams_over_http_2_come_event_by_event_and_a_cut_is_a_reset() {
    let upstream = Upstream::echo();
    let identity = Identity::new(&[]);
    let (_wharf, address) = start(&upstream, &identity);
    let event = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let end = "data: [DONE]\n\n";
    local(async {
        let mut client = h2(address, &identity).await;
        for (last, whole) in [(end, true), ("data: {\"half", false)] {
            let (reply, feed) = Reply::fed(200);
            let mut reply = Some(reply.header("content-type", "text/event-stream"));
            upstream.respond(move |_| reply.take().unwrap_or_else(Reply::unscripted));
            feed.chunk(event);
            let mut answer =
                client.send_request(request("POST", "/v1/chat/completions", CHAT)).await.unwrap();
            for _ in 0..3 {
                let frame = answer.body_mut().frame().await.unwrap().unwrap();
                assert_eq!(frame.into_data().unwrap(), event);
                feed.chunk(event);
            }
            feed.chunk(last);
            feed.cut();
            assert_eq!(answer.into_body().collect().await.is_ok(), whole, "{last}");
        }
        let (reply, feed) = Reply::fed(200);
        let mut reply = Some(reply.header("content-type", "text/event-stream"));
        upstream.respond(move |_| reply.take().unwrap_or_else(Reply::unscripted));
        feed.chunk(event);
        let before = upstream.log().cancelled.len();
        let answer = client.send_request(request("POST", "/v1/chat/completions", CHAT)).await.unwrap();
        drop(answer);
        upstream.until("the cancel", |log| log.cancelled.len() > before).await;
    });
}

#[test]
fn an_upstream_under_an_authority_of_its_own_needs_that_authority() {
    let upstream = Upstream::echo();
    let identity = Identity::new(&[b"http/1.1"]);
    let port = tls_before(upstream.address(), &identity);
    let base = format!("https://localhost:{port}/v1");
    let distrusts = launch(&base, &json!({})).start();
    let response = post(&distrusts, "/v1/chat/completions", CHAT);
    assert_eq!(response.status, 502);
    assert!(response.text().contains("tls_failure"), "{}", response.text());
    let folder = Folder::new();
    let file = folder.write("ca.pem", &identity.ca_pem);
    for launch in [
        launch(&base, &json!({})).args(&["--ca-file", file.to_str().unwrap()]),
        launch(&base, &json!({"ca_file": file})),
    ] {
        assert_eq!(post(&launch.start(), "/v1/chat/completions", CHAT).status, 200);
    }
    let another_name = launch(&format!("https://127.0.0.2:{port}"), &json!({"ca_file": file})).start();
    assert_eq!(post(&another_name, "/openai/x", CHAT).status, 502, "the name counts as well");
    let plain = serve(|listener| async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let _gone = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let no_tls = launch(&format!("https://{plain}"), &json!({"ca_file": file})).start();
    assert_eq!(post(&no_tls, "/openai/x", CHAT).status, 502, "no TLS there at all");
}

#[test]
fn an_upstream_that_offers_http_2_is_spoken_to_in_it() {
    let identity = Identity::new(&[b"h2", b"http/1.1"]);
    let acceptor = identity.acceptor();
    let upstream = serve(move |listener| async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::task::spawn_local(async move {
                let tls = acceptor.accept(tcp).await.unwrap();
                let answer = service_fn(|request: http::Request<hyper::body::Incoming>| async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let seen = json!({
                        "version": format!("{:?}", head.version),
                        "authority": head.uri.authority().map(ToString::to_string),
                        "path": head.uri.path(),
                        "key": head.headers["authorization"].to_str().unwrap(),
                        "body": String::from_utf8_lossy(&body),
                    });
                    Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from(seen.to_string()))))
                });
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let _closed = server.serve_connection(TokioIo::new(tls), answer).await;
            });
        }
    });
    let base = format!("https://localhost:{}/v1", upstream.port());
    let wharf =
        launch(&base, &json!({})).file("ca.pem", &identity.ca_pem).args(&["--ca-file", "ca.pem"]).start();
    for _ in 0..3 {
        let seen = post(&wharf, "/v1/chat/completions", CHAT).json();
        assert_eq!(seen["version"], "HTTP/2.0");
        assert_eq!(
            (&seen["path"], &seen["key"]),
            (&json!("/v1/chat/completions"), &json!("Bearer own-key-1"))
        );
        assert_eq!(seen["authority"], json!(format!("localhost:{}", upstream.port())));
        assert_eq!(seen["body"], r#"{"model":"m","messages":[]}"#);
    }
}

#[test]
fn what_is_no_tls_gets_no_answer_in_the_clear() {
    let upstream = Upstream::echo();
    let identity = Identity::new(&[]);
    let (_wharf, address) = start(&upstream, &identity);
    let mut client = wharf_testkit::client::Client::connect(address);
    client.send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(client.read().is_err());
    local(async {
        let other = Identity::new(&[]);
        assert!(connect(address, &other, &[]).await.is_err(), "a stranger's authority");
        let mut client = h2(address, &identity).await;
        assert_eq!(client.send_request(request("GET", "/health", b"")).await.unwrap().status(), 200);
    });
}
