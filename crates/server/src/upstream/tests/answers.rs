//! What goes out and what comes back when nothing goes wrong.

use super::*;
use http::{HeaderName, HeaderValue};
use wharf_wire::scan::Segments;

#[test]
fn a_request_goes_out_with_nothing_added_but_host_and_length() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let upstream = async {
            let mut socket = accept(&listener).await;
            let mut seen = Vec::new();
            for end in ["{\"a\":1}", "\r\n\r\n", "\r\n\r\n"] {
                seen.push(read_until(&mut socket, end).await);
                socket.write_all(OK).await.unwrap();
            }
            seen
        };
        let requests = async {
            let mut with_body = post(&origin, Payload::Bytes(Segments::from(Bytes::from("{\"a\":1}"))));
            Rc::make_mut(&mut with_body.headers)
                .insert(HeaderName::from_static("x-key"), HeaderValue::from_static("k"));
            with_body.authority = "api.test".into();
            for request in [with_body, post(&origin, Payload::Empty), get(&origin)] {
                let answer = client.send(request).await.unwrap();
                assert_eq!(answer.status, StatusCode::OK);
            }
        };
        let (seen, ()) = tokio::join!(upstream, requests);
        let host = format!("host: {}\r\n", origin.authority());
        assert_eq!(
            seen,
            [
                "POST /x?y=1 HTTP/1.1\r\nhost: api.test\r\nx-key: k\r\ncontent-length: 7\r\n\r\n{\"a\":1}"
                    .into(),
                format!("POST /x?y=1 HTTP/1.1\r\n{host}content-length: 0\r\n\r\n"),
                format!("GET /x?y=1 HTTP/1.1\r\n{host}\r\n"),
            ]
        );
    });
}

#[test]
fn an_answer_may_come_cut_anywhere() {
    let answers: [(&[u8], Option<u64>); 3] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Some(5)),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nt: v\r\n\r\n",
            None,
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello", None),
    ];
    run(async {
        let client = client();
        for (answer, length) in answers {
            let (listener, origin) = listen().await;
            for cut in 1..answer.len() {
                let upstream = async {
                    let mut socket = accept(&listener).await;
                    read_head(&mut socket).await;
                    socket.write_all(&answer[..cut]).await.unwrap();
                    settle().await;
                    socket.write_all(&answer[cut..]).await.unwrap();
                };
                let request = async {
                    let mut got = client.send(get(&origin)).await.unwrap();
                    assert_eq!(got.body.length(), length);
                    assert_eq!(collect(&mut got.body).await.unwrap(), b"hello", "cut at {cut}");
                    assert_eq!(got.body.chunk().await, Ok(None), "the end stays the end");
                };
                tokio::join!(upstream, request);
                settle().await;
            }
        }
    });
}

#[test]
fn chunks_that_came_together_are_one_piece() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let upstream = async {
            let mut socket = accept(&listener).await;
            read_head(&mut socket).await;
            socket.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
            settle().await;
            let mut chunks = b"5\r\n0123\n\r\n".repeat(300);
            chunks.extend_from_slice(b"0\r\n\r\n");
            socket.write_all(&chunks).await.unwrap();
            settle().await;
        };
        let request = async {
            let mut answer = client.send(get(&origin)).await.unwrap();
            let piece = answer.body.chunk().await.unwrap().unwrap();
            assert_eq!(piece, b"0123\n".repeat(300));
            assert_eq!(client.counts().idle, 1, "the connection is free at once");
            assert_eq!(answer.body.chunk().await, Ok(None));
        };
        tokio::join!(upstream, request);
    });
}

#[test]
fn a_large_body_comes_whole() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let content: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
        let upstream = async {
            for chunked in [false, true] {
                let mut socket = accept(&listener).await;
                read_head(&mut socket).await;
                let (head, tail) = if chunked {
                    let size = format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n", content.len());
                    (size, &b"\r\n0\r\n\r\n"[..])
                } else {
                    (format!("connection: close\r\ncontent-length: {}\r\n\r\n", content.len()), &b""[..])
                };
                socket.write_all(format!("HTTP/1.1 200 OK\r\n{head}").as_bytes()).await.unwrap();
                socket.write_all(&content).await.unwrap();
                socket.write_all(tail).await.unwrap();
            }
        };
        let request = async {
            for _ in 0..2 {
                assert!(fetch(&client, &origin).await.unwrap().1 == content);
            }
        };
        tokio::join!(upstream, request);
    });
}

#[test]
fn answers_without_a_body_end_at_their_head() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let answers: [&[u8]; 4] = [
            b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        ];
        let requests = async {
            for (nth, _) in answers.iter().enumerate() {
                let mut request = get(&origin);
                if nth == 0 {
                    request.method = Method::HEAD;
                }
                let mut answer = client.send(request).await.unwrap();
                assert_eq!(answer.body.length(), Some(0));
                assert_eq!(answer.body.chunk().await, Ok(None));
            }
            assert_eq!(client.counts().opened, 1, "all on one connection");
        };
        tokio::join!(script(&listener, &answers), requests);
    });
}

#[test]
fn ipv6_literals_are_dialled() {
    run(async {
        // Some containers have no IPv6 at all.
        let Ok(listener) = TcpListener::bind("[::1]:0").await else { return };
        let port = listener.local_addr().unwrap().port();
        let origin = Arc::new(Origin { scheme: Scheme::Http, host: "::1".into(), port, public: false });
        let client = client();
        let (answer, ()) = tokio::join!(fetch(&client, &origin), script(&listener, &[OK]));
        assert_eq!(answer.unwrap().1, b"ok");
    });
}
