//! Request bodies that come from a client while they are sent on.

use super::*;
use wharf_wire::scan::Segments;

const TOO_LARGE: &[u8] = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 4\r\n\r\nstop";

fn stream(first: &'static str, rest: Pieces, length: Option<u64>) -> Payload<Pieces> {
    Payload::Stream { first: Bytes::from_static(first.as_bytes()), rest, length }
}

#[test]
fn a_body_is_sent_on_with_its_length_or_in_chunks() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let upstream = async {
            let mut socket = accept(&listener).await;
            let mut seen = Vec::new();
            for end in ["hello", "0\r\n\r\n", "0\r\n\r\n"] {
                seen.push(read_until(&mut socket, end).await);
                socket.write_all(OK).await.unwrap();
            }
            seen
        };
        let requests = async {
            for body in [
                stream("he", Pieces::new(&["l", "lo"]), Some(5)),
                stream("he", Pieces::new(&["llo", "", "!"]), None),
                stream("", Pieces::new(&[]), None),
            ] {
                client.send(post(&origin, body)).await.unwrap();
            }
            assert_eq!(client.counts().opened, 1);
        };
        let (seen, ()) = tokio::join!(upstream, requests);
        assert!(seen[0].ends_with("content-length: 5\r\n\r\nhello"), "{}", seen[0]);
        let chunked = "transfer-encoding: chunked\r\n\r\n";
        assert!(
            seen[1].ends_with(&format!("{chunked}2\r\nhe\r\n3\r\nllo\r\n1\r\n!\r\n0\r\n\r\n")),
            "{}",
            seen[1]
        );
        assert!(seen[2].ends_with(&format!("{chunked}0\r\n\r\n")), "{}", seen[2]);
    });
}

#[test]
fn a_refusal_during_the_upload_is_delivered_and_ends_it() {
    run(async {
        for length in [Some(100), None] {
            let (listener, origin) = listen().await;
            let client = client();
            let upstream = async {
                let mut socket = accept(&listener).await;
                read_until(&mut socket, "part").await;
                socket.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
                settle().await;
                socket.write_all(TOO_LARGE).await.unwrap();
                socket
            };
            // The client falls silent after the first part: only the upstream's answer can end this.
            let body = stream("part", Pieces::default(), length);
            let (answer, socket) = tokio::join!(client.send(post(&origin, body)), upstream);
            let mut answer = answer.unwrap();
            assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
            assert_eq!(collect(&mut answer.body).await.unwrap(), b"stop");
            assert_eq!(client.counts().idle, 0, "half a request has gone over it");
            drop(socket);
        }
    });
}

#[test]
fn a_refusal_reaches_us_although_the_upstream_reads_no_more() {
    run(async {
        for closes in [false, true] {
            let (listener, origin) = listen().await;
            let client = client();
            let upstream = async {
                let mut socket = accept(&listener).await;
                read_head(&mut socket).await;
                socket.write_all(TOO_LARGE).await.unwrap();
                if closes {
                    // Its receive buffer is full of what it never read: this is a reset.
                    settle().await;
                    return None;
                }
                Some(socket)
            };
            let body = Payload::Bytes(Segments::from(Bytes::from(vec![b'x'; 16 << 20])));
            let (answer, socket) = tokio::join!(client.send(post(&origin, body)), upstream);
            let answer = answer.unwrap();
            assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
            assert_eq!(client.counts().idle, 0);
            drop(socket);
        }
    });
}

#[test]
fn an_answer_that_promises_success_does_not_end_the_upload() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let upstream = async {
            let mut socket = accept(&listener).await;
            read_head(&mut socket).await;
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n").await.unwrap();
            let body = read_until(&mut socket, "0\r\n\r\n").await;
            socket.write_all(b"done").await.unwrap();
            body
        };
        let body = stream("a", Pieces::new(&["b"; 50]), None);
        let (answer, body_seen) = tokio::join!(client.send(post(&origin, body)), upstream);
        assert_eq!(body_seen.matches("\r\nb\r\n").count(), 50);
        assert_eq!(collect(&mut answer.unwrap().body).await.unwrap(), b"done");
        assert_eq!(client.counts().idle, 1);
    });
}

#[test]
fn an_upload_that_breaks_never_looks_complete() {
    let broken = || {
        let mut pieces = Pieces::new(&["more"]);
        pieces.pieces.push_back(Err(CollectError::Broken));
        pieces
    };
    run(async {
        for (pieces, length) in [
            (broken(), None),
            (broken(), Some(100)),
            // Shorter and longer than it said.
            (Pieces::new(&["more"]), Some(100)),
            (Pieces::new(&["more"]), Some(5)),
        ] {
            let (listener, origin) = listen().await;
            let client = client();
            let upstream = async {
                let mut socket = accept(&listener).await;
                let mut all = Vec::new();
                socket.read_to_end(&mut all).await.unwrap();
                String::from_utf8(all).unwrap()
            };
            let request = client.send(post(&origin, stream("part", pieces, length)));
            let (answer, seen) = tokio::join!(async { refused(request.await) }, upstream);
            assert_eq!(answer, TransportError::Upload);
            assert!(!seen.ends_with("0\r\n\r\n"), "{seen}");
            assert_eq!(client.counts().idle, 0);
        }
    });
}
