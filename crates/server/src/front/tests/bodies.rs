//! Request bodies: all framings and cuts, limits, `Expect`, and bodies nobody reads.

use super::*;

const CHUNKED: &str = "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";

#[test]
fn chunked_bodies_arrive_however_they_are_cut() {
    local(async {
        let server = Server::start();
        let mut client = server.client().await;
        let body = "3\r\nabc\r\na;x\r\n0123456789\r\n0\r\nt: v\r\n\r\n";
        for at in 0..body.len() {
            client.send(CHUNKED).await;
            client.send(&body[..at]).await;
            tokio::task::yield_now().await;
            client.send(&body[at..]).await;
            assert_eq!(client.answer().await.1, b"abc0123456789");
        }
        client.send(CHUNKED.replace("/echo", "/pieces")).await;
        for byte in body.as_bytes() {
            client.send([*byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(client.answer().await.1, b"abc0123456789");
    });
}

#[test]
fn a_long_body_arrives_whole() {
    local(async {
        let server = Server::start();
        let body: Vec<u8> = (0..10_u32 << 20).map(|at| at.to_le_bytes()[1]).collect();
        for target in ["/echo", "/pieces"] {
            let (mut client, length) = (server.client().await, body.len());
            let head = format!("POST {target} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
            let sent = body.clone();
            client.send(head).await;
            let (read, mut write) = client.0.into_split();
            let sending = tokio::task::spawn_local(async move {
                write.write_all(&sent).await.unwrap();
                write.write_all(GET.as_bytes()).await.unwrap();
                write
            });
            let write = sending.await.unwrap();
            let mut client = Client(read.reunite(write).unwrap());
            assert_eq!(client.answer().await.1, body);
            assert_eq!(client.answer().await.0, OK);
        }
    });
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_is_read() {
    local(async {
        let server = Server::start();
        let mut client = server.client().await;
        client.send("POST /small HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n").await;
        assert_eq!(client.answer().await.1, b"TooLarge");
        client.send("56789GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!(client.answer().await.0, OK);
        client.send(CHUNKED.replace("/echo", "/small")).await;
        client.send("3\r\nabc\r\n").await;
        tokio::task::yield_now().await;
        client.send("2\r\nde\r\n0\r\n\r\n").await;
        assert_eq!(client.answer().await.1, b"TooLarge");
        client.send("POST /small HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nabcd").await;
        assert_eq!(client.answer().await.1, b"abcd");
    });
}

#[test]
fn continue_is_sent_when_the_body_is_first_asked_for() {
    local(async {
        let server = Server::start();
        let expects = |target: &str| {
            format!("POST {target} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n")
        };
        let mut client = server.client().await;
        client.send(expects("/echo")).await;
        assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("12345").await;
        assert_eq!(client.answer().await, (OK.to_owned(), b"12345".to_vec()));
        // Who did not wait is not told to go on.
        client.send(expects("/echo") + "12345").await;
        assert_eq!(client.answer().await.1, b"12345");
        // Nobody knows whether the body will come: no next request can be found.
        client.send(expects("/")).await;
        assert_eq!(client.answer().await.0, format!("{OK}|connection: close"));
        assert_eq!(client.rest().await.unwrap(), "");
    });
}

#[test]
fn continue_is_never_sent_inside_an_answer() {
    local(async {
        let server = Server::start();
        let mut client = server.client().await;
        let expects =
            "POST /reflect HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n";
        client.send(expects).await;
        let head = client.until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("connection: close\r\n"), "{head}");
        client.send("123").await;
        assert_eq!(client.rest().await.unwrap(), "3\r\n123\r\n0\r\n\r\n");
    });
}

#[test]
fn a_body_can_be_read_while_its_answer_streams() {
    local(async {
        let server = Server::start();
        let mut client = server.client().await;
        client.send(CHUNKED.replace("/echo", "/reflect")).await;
        client.until("\r\n\r\n").await;
        for _ in 0..3 {
            client.send("2\r\nab\r\n").await;
            assert_eq!(client.until("ab\r\n").await, "2\r\nab\r\n");
        }
        client.send(format!("0\r\n\r\n{GET}")).await;
        client.until("0\r\n\r\n").await;
        assert_eq!(client.answer().await.0, OK);
    });
}

#[test]
fn an_unread_body_is_read_away_or_ends_the_connection() {
    local(async {
        let server = Server::start();
        let post = |length: usize| format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
        let mut client = server.client().await;
        client.send(post(60_000)).await;
        assert_eq!(client.answer().await.0, OK);
        client.send(vec![b'x'; 60_000]).await;
        client.send(GET).await;
        assert_eq!(client.answer().await.0, OK);
        client.send(post(1_000_000)).await;
        client.send(vec![b'x'; 1_000_000]).await;
        assert_eq!(client.answer().await.0, format!("{OK}|connection: close"));
        assert_eq!(client.rest().await.unwrap(), "");
    });
}

#[test]
fn a_client_that_leaves_inside_its_body_ends_the_exchange() {
    local(async {
        let mut server = Server::start();
        let mut client = server.client().await;
        client.send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n123").await;
        server.asked().await;
        client.0.shutdown().await.unwrap();
        let _seen = client.rest().await;
        while server.drain.open() > 0 {
            tokio::task::yield_now().await;
        }
    });
}
