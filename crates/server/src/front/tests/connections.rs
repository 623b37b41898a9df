//! Keep-alive, pipelining, versions, limits, stopping.

use super::*;
use tokio_rustls::TlsAcceptor;

#[test]
fn a_connection_serves_many_requests_also_sent_at_once() {
    local(async {
        let server = Server::start();
        let mut client = server.client().await;
        for _ in 0..3 {
            client.send(GET).await;
            assert_eq!(client.answer().await, (OK.to_owned(), b"hello".to_vec()));
        }
        let echo = |text: &str| format!("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n{text}");
        let all = [echo("one"), GET.to_owned(), echo("two"), "\r\n".to_owned() + GET].concat();
        client.send(&all).await;
        for body in ["one", "hello", "two", "hello"] {
            assert_eq!(client.answer().await.1, body.as_bytes());
        }
        for byte in all.as_bytes() {
            client.send([*byte]).await;
            tokio::task::yield_now().await;
        }
        for body in ["one", "hello", "two", "hello"] {
            assert_eq!(client.answer().await.1, body.as_bytes());
        }
        assert_eq!(server.drain.open(), 1);
    });
}

#[test]
fn the_client_decides_whether_the_connection_is_kept() {
    local(async {
        let server = Server::start();
        let close = "content-length: 5\r\nconnection: close\r\n\r\nhello";
        for head in ["GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"] {
            let mut client = server.client().await;
            client.send(head).await;
            assert!(client.rest().await.unwrap().ends_with(close));
        }
        let mut client = server.client().await;
        for _ in 0..2 {
            client.send("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
            assert_eq!(client.answer().await.0, format!("{OK}|connection: keep-alive"));
        }
    });
}

#[test]
fn answers_without_a_body_have_none() {
    local(async {
        let mut server = Server::start();
        let mut client = server.client().await;
        client.send("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let head = client.until("\r\n\r\n").await;
        assert!(head.contains("content-length: 5\r\n"), "{head}");
        client.send("HEAD /stream HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!(client.answer().await.0, "HTTP/1.1 200 OK");
        client.send("GET /none HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!(client.answer().await.0, "HTTP/1.1 204 No Content");
        client.send("GET /interim HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!(client.answer().await.0, "HTTP/1.1 502 Bad Gateway|content-length: 0");
        server.asked().await;
        server.asked().await;
        assert_eq!(server.events.recv().await, Some(Event::Over(Over::Finished, 0)));
    });
}

#[test]
fn an_absolute_target_is_served_as_its_path() {
    local(async {
        let mut server = Server::start();
        let mut client = server.client().await;
        client.send("GET http://b.example/p?q HTTP/1.1\r\nhost: a\r\n\r\n").await;
        client.answer().await;
        assert_eq!(server.asked().await, "GET /p?q b.example");
    });
}

#[test]
fn over_the_limit_a_client_is_turned_away() {
    local(async {
        let server = Server::start();
        let mut clients = Vec::new();
        for _ in 0..100 {
            clients.push(server.client().await);
        }
        let mut late = server.client().await;
        assert!(late.rest().await.unwrap().starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
        clients.clear();
        while server.drain.open() > 0 {
            tokio::task::yield_now().await;
        }
        let mut client = server.client().await;
        client.send(GET).await;
        assert_eq!(client.answer().await.0, OK);
    });
}

#[test]
fn stopping_closes_idle_connections_and_lets_running_ones_finish() {
    local(async {
        let mut server = Server::start();
        let (mut idle, mut busy) = (server.client().await, server.client().await);
        idle.send(GET).await;
        idle.answer().await;
        busy.send("GET /stream HTTP/1.1\r\nhost: a\r\n\r\n").await;
        server.data("a");
        busy.until("1\r\na\r\n").await;
        server.drain.start(60_000);
        assert_eq!(idle.rest().await.unwrap(), "");
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.drain.open(), 1);
        server.data("b");
        server.feed.send(Piece::End).unwrap();
        assert_eq!(busy.until("0\r\n\r\n").await, "1\r\nb\r\n0\r\n\r\n");
        assert_eq!(busy.rest().await.unwrap(), "");
        server.drain.drained().await;
        server.task.await.unwrap().unwrap();
        assert_eq!(server.events.recv().await, Some(Event::Asked("GET / a".into())));
    });
}

#[test]
fn what_outlives_the_bound_is_cut() {
    local(async {
        let mut server = Server::start();
        let mut client = server.client().await;
        client.send("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await;
        server.asked().await;
        server.drain.start(30);
        server.drain.drained().await;
        assert_eq!(server.events.recv().await, Some(Event::Dropped));
        assert_eq!(client.rest().await.unwrap(), "");
        server.task.await.unwrap().unwrap();
    });
}

#[test]
fn tls_clients_are_served_alike() {
    use rustls_pki_types::{PrivateKeyDer, ServerName};
    local(async {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let mut config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let tls = Some(TlsAcceptor::from(std::sync::Arc::new(config)));
        let server = Server::with(Settings { tls, ..Settings::default() }, None);
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = connector.connect(name, server.client().await.0).await.unwrap();
        let body = "x".repeat(300_000);
        let head = format!("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len());
        let (mut read, mut write) = tokio::io::split(&mut client);
        let sending = async {
            write.write_all(head.as_bytes()).await.unwrap();
            write.write_all(body.as_bytes()).await.unwrap();
            write.write_all(b"GET /stream HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
            write.flush().await.unwrap();
        };
        server.data("streamed");
        server.feed.send(Piece::End).unwrap();
        let mut seen = String::new();
        let (read, ()) = tokio::join!(read.read_to_string(&mut seen), sending);
        read.unwrap();
        assert!(seen.contains(&body) && seen.ends_with("\r\n\r\n8\r\nstreamed\r\n0\r\n\r\n"));
    });
}
