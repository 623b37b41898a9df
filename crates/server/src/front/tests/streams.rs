//! Streamed answers: joining, ends, cuts, and clients that leave.

use super::*;
use crate::clock;
use crate::wheel;

const STREAM: &str = "GET /stream HTTP/1.1\r\nhost: a\r\n\r\n";

#[test]
fn pieces_leave_at_once_and_ready_ones_together() {
    local(async {
        let mut server = Server::start();
        let mut client = server.client().await;
        client.send(STREAM).await;
        let head = client.until("\r\n\r\n").await;
        assert!(
            head.contains("transfer-encoding: chunked\r\n") && !head.contains("content-length"),
            "{head}"
        );
        server.data("one");
        assert_eq!(client.until("one\r\n").await, "3\r\none\r\n");
        server.data("two");
        server.data("");
        server.data("three");
        assert_eq!(client.until("three\r\n").await, "8\r\ntwothree\r\n");
        let long = "x".repeat(20_000);
        server.data("a");
        server.data(long.clone());
        server.data("b");
        server.feed.send(Piece::End).unwrap();
        let rest = client.until("0\r\n\r\n").await;
        assert_eq!(rest, format!("4e21\r\na{long}\r\n1\r\nb\r\n0\r\n\r\n"));
        server.asked().await;
        assert_eq!(server.events.recv().await, Some(Event::Over(Over::Finished, 20_013)));
        client.send(GET).await;
        assert_eq!(client.answer().await.0, OK);
    });
}

#[test]
fn a_known_length_is_kept_to() {
    local(async {
        for (pieces, whole) in [(vec!["abc", "de"], true), (vec!["abc"], false), (vec!["abc", "def"], false)]
        {
            let mut server = Server::with(Settings::default(), Some(5));
            let mut client = server.client().await;
            pieces.into_iter().for_each(|piece| server.data(piece));
            server.feed.send(Piece::End).unwrap();
            client.send(STREAM).await;
            client.send(GET).await;
            assert!(client.until("\r\n\r\n").await.contains("content-length: 5\r\n"));
            if whole {
                client.until("abcde").await;
                assert_eq!(client.answer().await.0, OK);
            } else {
                assert!(client.rest().await.unwrap_or_default().len() < 5);
            }
            server.asked().await;
            assert!(matches!(server.events.recv().await, Some(Event::Over(Over::Finished, _))));
        }
    });
}

#[test]
fn an_abort_never_looks_like_an_end() {
    local(async {
        let mut server = Server::start();
        let mut client = server.client().await;
        client.send(STREAM).await;
        client.until("\r\n\r\n").await;
        server.data("one");
        server.feed.send(Piece::Abort).unwrap();
        assert_eq!(client.rest().await.unwrap(), "3\r\none\r\n");
        server.asked().await;
        assert_eq!(server.events.recv().await, Some(Event::Over(Over::Finished, 3)));
    });
}

#[test]
fn a_1_0_client_sees_the_close_as_end_and_a_reset_as_cut() {
    local(async {
        for (last, whole) in [(Piece::End, true), (Piece::Abort, false)] {
            let server = Server::start();
            let mut client = server.client().await;
            client.send("GET /stream HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
            let head = client.until("\r\n\r\n").await;
            assert!(head.contains("connection: close\r\n") && !head.contains("transfer-encoding"), "{head}");
            server.data("one");
            client.until("one").await;
            server.feed.send(last).unwrap();
            assert_eq!(client.rest().await.is_ok(), whole);
        }
    });
}

#[test]
fn a_client_that_leaves_drops_handler_and_source() {
    local(async {
        let mut server = Server::start();
        let mut client = server.client().await;
        client.send("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await;
        server.asked().await;
        drop(client);
        assert_eq!(server.events.recv().await, Some(Event::Dropped));
        let mut client = server.client().await;
        client.send(STREAM).await;
        server.asked().await;
        server.data("one");
        client.until("one\r\n").await;
        drop(client);
        assert_eq!(server.events.recv().await, Some(Event::Over(Over::ClientGone, 3)));
    });
}

#[test]
fn a_client_with_a_next_request_under_way_is_still_watched() {
    local(async {
        let mut server = Server::start();
        let mut client = server.client().await;
        client.send(format!("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n{GET}")).await;
        server.asked().await;
        client.send(GET).await;
        client.0.shutdown().await.unwrap();
        assert_eq!(server.events.recv().await, Some(Event::Dropped));
    });
}

#[test]
fn a_client_that_takes_nothing_is_cut() {
    local(async {
        let mut server = Server::start();
        let mut client = server.client().await;
        client.send(STREAM).await;
        client.until("\r\n\r\n").await;
        server.asked().await;
        // More than the kernel's buffers take; the source is not asked further once they are full.
        for _ in 0..200 {
            server.data(vec![b'x'; 100_000]);
        }
        server.drain.start(600_000);
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        clock::skip_millis(300_001);
        wheel::sweep();
        assert!(matches!(server.events.recv().await, Some(Event::Over(Over::ClientGone, _))));
    });
}
