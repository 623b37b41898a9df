//! Every way to get no answer, or half of one.

use super::*;
use crate::{clock, wheel};

/// What a fresh connection makes of `answer` followed by a close: the error of the head or of the body.
async fn verdict(answer: &[u8]) -> TransportError {
    let (listener, origin) = listen().await;
    let client = client();
    let answers = [answer];
    let (got, ()) = tokio::join!(fetch(&client, &origin), script(&listener, &answers));
    let error = got.err().unwrap_or_else(|| panic!("accepted: {}", String::from_utf8_lossy(answer)));
    assert_eq!(client.counts().idle, 0);
    error
}

#[test]
fn early_ends_are_told_from_garbage() {
    run(async {
        for cut in [
            &b""[..],
            b"HTTP/1.1 200 O",
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
        ] {
            assert_eq!(verdict(cut).await, TransportError::Closed, "{}", String::from_utf8_lossy(cut));
        }
        let mut huge = b"HTTP/1.1 200 OK\r\nx: ".to_vec();
        huge.resize(70_000, b'x');
        for garbage in [
            &b"SSH-2.0-OpenSSH_9.6\r\n\r\n"[..],
            b"\x16\x03\x01\x02\x00",
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            &huge,
        ] {
            let shown = String::from_utf8_lossy(&garbage[..garbage.len().min(40)]);
            assert_eq!(verdict(garbage).await, TransportError::Garbage, "{shown}");
        }
    });
}

#[test]
fn what_came_before_an_early_end_is_still_handed_on() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let request = async {
            let mut answer = client.send(get(&origin)).await.unwrap();
            assert_eq!(answer.body.chunk().await.unwrap().unwrap(), "he");
            assert_eq!(answer.body.chunk().await, Err(TransportError::Closed));
            assert_eq!(answer.body.chunk().await, Err(TransportError::Closed), "and again");
        };
        tokio::join!(script(&listener, &[b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe"]), request);
    });
}

#[test]
fn only_a_kept_connection_can_be_stale() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let upstream = async {
            let mut socket = accept(&listener).await;
            read_head(&mut socket).await;
            socket.write_all(OK).await.unwrap();
            // The second request is read, so that the close can't be seen before it is sent.
            read_head(&mut socket).await;
            drop(socket);
            let mut socket = accept(&listener).await;
            read_head(&mut socket).await;
            socket.write_all(OK).await.unwrap();
            read_head(&mut socket).await;
            socket.write_all(b"HTTP/1.1 2").await.unwrap();
        };
        let requests = async {
            fetch(&client, &origin).await.unwrap();
            assert_eq!(fetch(&client, &origin).await, Err(TransportError::Stale));
            fetch(&client, &origin).await.unwrap();
            assert_eq!(fetch(&client, &origin).await, Err(TransportError::Closed), "a byte came");
            let counts = client.counts();
            assert_eq!((counts.opened, counts.reused, counts.stale), (2, 2, 1));
        };
        tokio::join!(upstream, requests);
    });
}

#[test]
fn there_may_be_nobody_there() {
    run(async {
        let client = client();
        let (listener, origin) = listen().await;
        drop(listener);
        assert_eq!(fetch(&client, &origin).await, Err(TransportError::Connect));
        let nowhere =
            Arc::new(Origin { scheme: Scheme::Http, host: "name.invalid".into(), port: 80, public: false });
        assert_eq!(fetch(&client, &nowhere).await, Err(TransportError::Dns));
        // A server that reads the TLS hello and closes.
        let (listener, origin) = listen().await;
        let origin = Arc::new(Origin { scheme: Scheme::Https, ..Origin::clone(&origin) });
        let closing = async { drop(accept(&listener).await) };
        let (answer, ()) = tokio::join!(fetch(&client, &origin), closing);
        assert_eq!(answer, Err(TransportError::Tls));
    });
}

#[test]
fn a_silent_handshake_runs_into_the_connect_limit() {
    run(async {
        let client = client();
        let (listener, origin) = listen().await;
        let origin = Arc::new(Origin { scheme: Scheme::Https, ..Origin::clone(&origin) });
        let request = UpstreamRequest { timeouts: ms(60), ..get(&origin) };
        assert_eq!(refused(client.send(request).await), TransportError::ConnectTimeout);
        drop(listener);
    });
}

#[test]
fn silence_before_and_inside_an_answer_is_limited() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let upstream = async {
            let mut silent = accept(&listener).await;
            read_head(&mut silent).await;
            settle().await;
            clock::skip_millis(599_000);
            wheel::sweep();
            settle().await;
            clock::skip_millis(1_001);
            wheel::sweep();
            assert_eq!(silent.read(&mut [0]).await.unwrap(), 0, "closed");
            let mut slow = accept(&listener).await;
            read_head(&mut slow).await;
            slow.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n").await.unwrap();
            // Each byte starts the limit anew.
            for byte in b"he" {
                settle().await;
                clock::skip_millis(200_000);
                wheel::sweep();
                slow.write_all(&[*byte]).await.unwrap();
            }
            settle().await;
            clock::skip_millis(300_001);
            wheel::sweep();
            assert_eq!(slow.read(&mut [0]).await.unwrap(), 0, "closed");
        };
        let requests = async {
            assert_eq!(fetch(&client, &origin).await, Err(TransportError::HeadTimeout));
            let mut answer = client.send(get(&origin)).await.unwrap();
            assert_eq!(answer.body.chunk().await.unwrap().unwrap(), "h");
            assert_eq!(answer.body.chunk().await.unwrap().unwrap(), "e");
            assert_eq!(answer.body.chunk().await, Err(TransportError::IdleTimeout));
        };
        tokio::join!(upstream, requests);
    });
}

#[test]
fn whoever_stops_waiting_closes_the_connection() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        // Before the head.
        let mut sending = Box::pin(client.send(get(&origin)));
        let mut socket = tokio::select! {
            socket = async { let mut socket = accept(&listener).await; read_head(&mut socket).await; socket } => socket,
            _ = &mut sending => panic!("nothing was answered"),
        };
        drop(sending);
        assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
        // Inside the body.
        let upstream = async {
            let mut socket = accept(&listener).await;
            read_head(&mut socket).await;
            socket.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
            socket
        };
        let (answer, mut socket) = tokio::join!(client.send(get(&origin)), upstream);
        drop(answer);
        assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(client.counts().idle, 0);
    });
}

#[test]
fn a_target_that_could_be_two_requests_is_not_sent() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        for path in ["/a b", "/a\r\nx: y", "/\u{7f}"] {
            let request = UpstreamRequest { path: path.into(), ..get(&origin) };
            assert_eq!(refused(client.send(request).await), TransportError::Garbage);
        }
        drop(listener);
    });
}
