//! Heads that are refused, as a client on a socket sees it: one answer, then the end.

use super::*;
use crate::clock;
use crate::wheel;

/// What a client gets for `bytes`, to the end of the connection.
async fn refused(server: &Server, bytes: &[u8]) -> String {
    let mut client = server.client().await;
    client.send(bytes).await;
    let all = client.rest().await.unwrap();
    assert!(all.contains("content-length: 0\r\nconnection: close\r\n\r\n"), "{all}");
    assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{all}");
    all.lines().next().unwrap().to_owned()
}

#[test]
fn smuggling_attempts_get_400_and_nothing_behind_them_is_served() {
    local(async {
        let mut server = Server::start();
        let h = "host: a\r\n";
        let tail = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
        for head in [
            format!("POST / HTTP/1.1\r\n{h}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{h}transfer-encoding: chunked\r\nContent-Length: 4\r\n\r\n"),
            format!(
                "POST / HTTP/1.1\r\n{h}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n"
            ),
            format!("POST / HTTP/1.1\r\n{h}transfer-encoding: gzip, chunked\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{h}transfer-encoding: chunkedx\r\n\r\n"),
            format!("POST / HTTP/1.0\r\n{h}transfer-encoding: chunked\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{h}content-length: 4\r\ncontent-length: 5\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{h}content-length: 4, 4\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{h}content-length: +4\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{h}content-length: 99999999999999999999\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{h}content-length : 4\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{h}x: y\r\n content-length: 4\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{h}x: y\0\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{h}x: y\rz: a\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{h}x: y\nz: a\r\n\r\n"),
            format!("POST / HTTP/1.1\r\n{h}{h}\r\n"),
            "POST / HTTP/1.1\r\n\r\n".to_owned(),
            "POST\r\n\r\n".to_owned(),
            "PO(ST / HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
            "GET /\x7f HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
            "GET /\u{fc} HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        ] {
            let line = refused(&server, format!("{head}{tail}").as_bytes()).await;
            assert_eq!(line, "HTTP/1.1 400 Bad Request", "{head:?}");
        }
        server.events.try_recv().unwrap_err();
    });
}

#[test]
fn limits_and_methods_have_their_own_statuses() {
    local(async {
        let server = Server::with(Settings { head: 1000, ..Settings::default() }, None);
        let long = "x".repeat(1000);
        let cases = [
            (format!("GET /{long}"), "HTTP/1.1 414 URI Too Long"),
            (format!("GET / HTTP/1.1\r\nx: {long}"), "HTTP/1.1 431 Request Header Fields Too Large"),
            ("CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n".to_owned(), "HTTP/1.1 405 Method Not Allowed"),
            ("\x16\x03\x01\x02".to_owned(), "HTTP/1.1 400 Bad Request"),
        ];
        for (bytes, line) in cases {
            assert_eq!(refused(&server, bytes.as_bytes()).await, line);
        }
    });
}

#[test]
fn a_bad_chunk_ends_the_connection() {
    local(async {
        let mut server = Server::start();
        let mut client = server.client().await;
        client.send("POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nx\r\n").await;
        client.send("GET /next HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let all = client.rest().await.unwrap();
        assert!(all.starts_with("HTTP/1.1 400") && all.ends_with("connection: close\r\n\r\nBroken"), "{all}");
        assert_eq!(server.asked().await, "POST /echo a");
        server.events.try_recv().unwrap_err();
    });
}

#[test]
fn a_head_that_does_not_end_is_closed_and_so_is_an_idle_connection() {
    local(async {
        let server = Server::start();
        let (mut slow, mut idle) = (server.client().await, server.client().await);
        idle.send(GET).await;
        assert_eq!(idle.answer().await.0, OK);
        slow.send("GET / HT").await;
        // A later exchange shows that the server has seen all of the above.
        let mut other = server.client().await;
        other.send(GET).await;
        other.answer().await;
        clock::skip_millis(10_001);
        wheel::sweep();
        assert_eq!(slow.rest().await.unwrap(), "");
        idle.send(GET).await;
        assert_eq!(idle.answer().await.0, OK);
        other.send(GET).await;
        other.answer().await;
        clock::skip_millis(120_001);
        wheel::sweep();
        assert_eq!(idle.rest().await.unwrap(), "");
    });
}
