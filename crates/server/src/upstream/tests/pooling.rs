//! Which connections are used again, and which are not.

use super::*;
use crate::clock;

#[test]
fn one_connection_serves_one_request_after_the_other() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let requests = async {
            for _ in 0..5 {
                fetch(&client, &origin).await.unwrap();
            }
            // An equal origin at another address, as after a reload of the configuration.
            fetch(&client, &Arc::new(Origin::clone(&origin))).await.unwrap();
        };
        tokio::join!(script(&listener, &[OK; 6]), requests);
        let counts = client.counts();
        assert_eq!((counts.opened, counts.reused, counts.stale, counts.idle), (1, 5, 0, 1));
    });
}

#[test]
fn a_fresh_request_gets_a_new_connection() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let upstream = async { tokio::join!(script(&listener, &[OK]), script(&listener, &[OK])) };
        let requests = async {
            fetch(&client, &origin).await.unwrap();
            let mut fresh = get(&origin);
            fresh.fresh = true;
            client.send(fresh).await.unwrap();
        };
        tokio::join!(upstream, requests);
        assert_eq!(client.counts().opened, 2);
    });
}

#[test]
fn answers_that_end_the_connection_are_obeyed() {
    let answers: [&[u8]; 4] = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
    ];
    run(async {
        for answer in answers {
            let (listener, origin) = listen().await;
            let client = client();
            let answers = [answer];
            let (got, ()) = tokio::join!(fetch(&client, &origin), script(&listener, &answers));
            assert_eq!(got.unwrap().1, b"ok");
            assert_eq!(client.counts().idle, 0, "{}", String::from_utf8_lossy(answer));
        }
    });
}

#[test]
fn an_idle_connection_that_spoke_or_closed_is_left_alone() {
    run(async {
        for farewell in [&b""[..], b"HTTP/1.1 408 Request Timeout\r\n\r\n"] {
            let (listener, origin) = listen().await;
            let client = client();
            let upstream = async {
                let mut socket = accept(&listener).await;
                read_head(&mut socket).await;
                socket.write_all(OK).await.unwrap();
                settle().await;
                socket.write_all(farewell).await.unwrap();
                let kept = (!farewell.is_empty()).then_some(socket);
                script(&listener, &[OK]).await;
                drop(kept);
            };
            let requests = async {
                fetch(&client, &origin).await.unwrap();
                settle().await;
                settle().await;
                fetch(&client, &origin).await.unwrap();
            };
            tokio::join!(upstream, requests);
            let counts = client.counts();
            assert_eq!((counts.opened, counts.reused, counts.stale), (2, 0, 0));
        }
    });
}

/// Two requests at the same time, so that each gets its own connection; the upstream's ends of them.
async fn two_at_once(client: &Client, listener: &TcpListener, origin: &Arc<Origin>) -> [TcpStream; 2] {
    let upstream = async {
        let mut sockets = [accept(listener).await, accept(listener).await];
        for socket in &mut sockets {
            read_head(socket).await;
        }
        for socket in &mut sockets {
            socket.write_all(OK).await.unwrap();
        }
        sockets
    };
    let (one, two, sockets) = tokio::join!(fetch(client, origin), fetch(client, origin), upstream);
    assert!(one.is_ok() && two.is_ok());
    sockets
}

#[test]
fn the_sweep_closes_what_expired_or_was_closed() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let pool = &client.worker.pool;
        let [kept, closed] = two_at_once(&client, &listener, &origin).await;
        assert_eq!(client.counts().idle, 2);
        drop(closed);
        settle().await;
        pool.sweep();
        assert_eq!(client.counts().idle, 1);
        clock::skip_millis(89_000);
        pool.sweep();
        assert_eq!(client.counts().idle, 1);
        clock::skip_millis(2_000);
        pool.sweep();
        assert_eq!(client.counts().idle, 0);
        drop(kept);
    });
}

#[test]
fn no_more_than_the_limit_is_kept() {
    run(async {
        let (listener, origin) = listen().await;
        let limits = Limits { idle: 1, ..Limits::default() };
        let client = Client::new(Arc::new(Tls::new(Vec::new())), limits);
        two_at_once(&client, &listener, &origin).await;
        assert_eq!(client.counts().idle, 1);
    });
}
