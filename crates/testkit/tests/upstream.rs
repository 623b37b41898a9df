//! The fake upstream and the raw client, against each other.

use wharf_testkit::client::{Client, Framing, fetch};
use wharf_testkit::upstream::{Reply, Upstream, refused_address};

#[test]
fn a_request_is_recorded_as_received() {
    let upstream = Upstream::queued([Reply::new(201, "made").header("X-Odd", "1"), Reply::new(200, "")]);
    let mut client = Client::connect(upstream.address());
    client.send("POST /a%2Fb?x=%20&y HTTP/1.1\r\nHOST: h\r\nx-Two: 1\r\nX-two:  2\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\n\r\n");
    let response = client.read().unwrap();
    assert_eq!(
        (response.status, response.text().as_str(), response.header("x-odd")),
        (201, "made", Some("1"))
    );
    let second = client.request("GET", "/next", &[], b"");
    assert_eq!(second.framing, Framing::Sized(0));

    let requests = upstream.wait_for_requests(2);
    let first = &requests[0];
    assert_eq!((first.method.as_str(), first.target.as_str()), ("POST", "/a%2Fb?x=%20&y"));
    assert_eq!(first.headers[0], ("HOST".to_owned(), "h".to_owned()));
    assert_eq!(first.header_all("X-TWO"), ["1", "2"]);
    assert_eq!((first.text(), first.chunks.as_slice(), first.complete), ("abcde", &[3, 2][..], true));
    assert_eq!(requests[1].connection, 0, "the connection was kept");
}

#[test]
fn chunks_are_handed_over_one_by_one() {
    let (reply, feed) = Reply::fed(200);
    let upstream = Upstream::queued([reply.header("content-type", "text/event-stream")]);
    let mut client = Client::connect(upstream.address());
    client.send_request("GET", "/", &[], b"");
    let mut response = client.read_head("GET").unwrap();
    assert_eq!(response.framing, Framing::Chunked);
    feed.chunk("data: 1\n\n");
    assert_eq!(client.read_piece(&mut response).as_deref(), Some(&b"data: 1\n\n"[..]));
    feed.chunk("data: 2\n\n");
    assert_eq!(client.read_piece(&mut response).as_deref(), Some(&b"data: 2\n\n"[..]));
    feed.finish();
    assert_eq!(client.read_piece(&mut response), None);
    assert!(response.complete);
}

#[test]
fn a_client_that_leaves_is_seen_as_a_cancel() {
    let (reply, feed) = Reply::fed(200);
    let upstream = Upstream::queued([reply, Reply::stall()]);
    let mut client = Client::connect(upstream.address());
    client.send_request("GET", "/", &[], b"");
    client.read_head("GET").unwrap();
    drop(client);
    upstream.wait_for_cancels(1);
    drop(feed);

    let mut client = Client::connect(upstream.address());
    client.send_request("GET", "/", &[], b"");
    upstream.wait_for_requests(2);
    drop(client);
    let log = upstream.wait_for_cancels(2);
    assert_eq!((log.accepted, log.cancelled), (2, vec![0, 1]));
    assert_eq!(upstream.wait_until_closed().open, 0);
}

#[test]
fn an_idle_connection_that_the_peer_closes_is_no_cancel() {
    let upstream = Upstream::echo();
    drop(fetch(&upstream.base(), "GET", "/", &[], b""));
    let log = upstream.wait_until_closed();
    assert_eq!((log.closed_by_peer, log.cancelled), (vec![0], vec![]));
}

#[test]
fn every_broken_head_is_no_answer() {
    for reply in [Reply::close(), Reply::reset(), Reply::garbage(), Reply::half_head()] {
        let name = format!("{reply:?}");
        let upstream = Upstream::queued([reply]);
        let mut client = Client::connect(upstream.address());
        client.send_request("POST", "/", &[], b"body");
        assert!(client.read().is_err(), "{name}");
    }
}

#[test]
fn a_cut_answer_is_incomplete() {
    let long = "0123456789";
    for reply in [
        Reply::new(200, long).cut_body_after(4),
        Reply::chunked(200, [long, long]).cut_body_after(5),
        Reply::chunked(200, [long]).cut_body_after(15),
        Reply::new(200, long).cut_body_after(4).then_reset(),
    ] {
        let name = format!("{reply:?}");
        let upstream = Upstream::queued([reply]);
        let response = fetch(&upstream.base(), "GET", "/", &[], b"");
        assert!(!response.complete, "{name}");
    }
    let upstream = Upstream::queued([Reply::new(200, long).cut_after(20)]);
    let mut client = Client::connect(upstream.address());
    client.send_request("GET", "/", &[], b"");
    assert!(client.read().is_err(), "cut in the head");
}

#[test]
fn a_stale_connection_closes_after_a_whole_answer() {
    let upstream = Upstream::queued([Reply::new(200, "one").then_close()]);
    let mut client = Client::connect(upstream.address());
    let response = client.request("GET", "/", &[], b"");
    assert!(response.complete && response.header("connection").is_none());
    assert!(client.is_closed());
}

#[test]
fn interim_answers_come_first_and_bodies_may_end_with_the_connection() {
    let upstream = Upstream::queued([
        Reply::new(200, "after").after_interim(103, ("link", "</x>")),
        Reply::until_close(200, "until close"),
        Reply::oversized_header(70_000),
    ]);
    let mut client = Client::connect(upstream.address());
    assert_eq!(client.request("GET", "/", &[], b"").text(), "after");
    let response = client.request("GET", "/", &[], b"");
    assert_eq!((response.framing, response.complete), (Framing::UntilClose, true));
    let large = fetch(&upstream.base(), "HEAD", "/", &[], b"");
    assert_eq!(large.header("x-oversized").map(str::len), Some(70_000));
    assert_eq!(fetch(&upstream.base(), "GET", "/", &[], b"").status, 599, "the script is at its end");
}

#[test]
fn an_early_answer_does_not_wait_for_the_body() {
    let upstream = Upstream::start_early(|_| Reply::new(413, "too large"));
    let mut client = Client::connect(upstream.address());
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab");
    assert_eq!(client.read().unwrap().status, 413);
    client.send("cd");
    assert_eq!(upstream.wait_for_requests(1)[0].text(), "abcd");
}

#[test]
fn an_upgraded_connection_echoes() {
    let upstream = Upstream::queued([Reply::switch_and_echo("websocket")]);
    let mut client = Client::connect(upstream.address());
    client.send_request("GET", "/", &[("Connection", "Upgrade"), ("Upgrade", "websocket")], b"");
    let mut response = client.read_head("GET").unwrap();
    assert_eq!(response.status, 101);
    client.send("ping");
    assert_eq!(client.read_piece(&mut response).as_deref(), Some(&b"ping"[..]));
}

#[test]
fn nobody_listens_on_a_refused_address() {
    assert!(std::net::TcpStream::connect(refused_address()).is_err());
}

#[tokio::test(flavor = "current_thread")]
async fn a_test_on_a_runtime_can_wait_too() {
    let upstream = Upstream::echo();
    let base = upstream.base();
    let asking = tokio::task::spawn_blocking(move || fetch(&base, "PUT", "/x", &[("A", "b")], b"hi").json());
    let log = upstream.until("a request", |log| log.requests.iter().any(|request| request.complete)).await;
    assert_eq!(log.requests[0].text(), "hi");
    assert_eq!(asking.await.unwrap()["target"], "/x");
}
