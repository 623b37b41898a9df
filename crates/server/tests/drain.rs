//! SIGTERM: nothing new comes in, what runs goes on to its end, and the process ends well.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use serde_json::json;
use std::net::TcpStream;
use wharf_testkit::client::{Client, Response};
use wharf_testkit::process::{Launch, Wharf};
use wharf_testkit::upstream::{Feed, Reply, Upstream};

const CALLER: &str = "caller-key-of-drain";
const FIRST: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
const LAST: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

fn launch(upstream: &Upstream, drain_ms: u32) -> Launch {
    let config = json!({
        "PROXY_API_KEY": CALLER,
        "OPENAI_API_KEY": "own-key-1",
        "drain_ms": drain_ms,
        "providers": {"openai": {"base_url": upstream.base()}},
    });
    Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string())
}

fn send(client: &mut Client, target: &str) {
    let headers = [("authorization", &*format!("Bearer {CALLER}"))];
    client.send_request("POST", target, &headers, br#"{"model":"openai/m","stream":true,"messages":[]}"#);
}

/// A stream that is under way, once its first event is at the client.
fn streaming(upstream: &Upstream, wharf: &Wharf) -> (Client, Response, Feed) {
    let (reply, feed) = Reply::fed(200);
    let mut reply = Some(reply.header("content-type", "text/event-stream"));
    upstream.respond(move |_| reply.take().unwrap_or_else(Reply::unscripted));
    let mut client = Client::connect(wharf.address());
    send(&mut client, "/v1/chat/completions");
    feed.chunk(FIRST);
    let mut response = client.read_head("POST").expect("the head of a stream");
    assert_eq!(client.read_piece(&mut response).as_deref(), Some(FIRST.as_bytes()));
    (client, response, feed)
}

/// Sends the signal and tries until nobody listens any more: then every worker knows of it.
fn stop(wharf: &Wharf, signal: &str) {
    wharf.signal(signal);
    while let Ok(stream) = TcpStream::connect(wharf.address()) {
        drop(stream);
    }
    wharf.wait_for_stderr("a word about it", |text| text.contains("draining"));
}

#[test]
fn a_running_stream_goes_on_to_its_end_and_the_process_ends_well() {
    let upstream = Upstream::echo();
    for signal in ["TERM", "INT"] {
        let wharf = launch(&upstream, 30_000).start();
        let (mut client, mut response, feed) = streaming(&upstream, &wharf);
        stop(&wharf, signal);
        for _ in 0..3 {
            feed.chunk(FIRST);
            assert_eq!(client.read_piece(&mut response).as_deref(), Some(FIRST.as_bytes()), "{signal}");
        }
        feed.chunk(LAST);
        feed.finish();
        while client.read_piece(&mut response).is_some() {}
        assert!(response.complete && response.text().ends_with(LAST), "{signal}");
        let ended = wharf.wait();
        assert_eq!(ended.status.code(), Some(0), "{signal}: {}", ended.stderr);
        let line: serde_json::Value = serde_json::from_str(ended.stdout.trim()).expect("one line of the log");
        assert_eq!((&line["status"], &line["cut"]), (&json!(200), &json!(null)));
    }
}

#[test]
fn a_request_whose_answer_is_still_to_come_gets_it_and_its_connection_ends() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, 30_000).start();
    let (gate, opened) = std::sync::mpsc::channel::<()>();
    upstream.respond(move |_| {
        opened.recv().expect("the test says when");
        Reply::json(200, &json!({"late": true}))
    });
    let mut waiting = Client::connect(wharf.address());
    send(&mut waiting, "/openai/late");
    upstream.wait_for_requests(1);
    stop(&wharf, "TERM");
    gate.send(()).expect("the upstream waits");
    let response = waiting.read().expect("an answer");
    assert_eq!((response.status, response.header("connection")), (200, Some("close")));
    assert!(waiting.is_closed());
    assert_eq!(wharf.wait().status.code(), Some(0));
}

#[test]
fn ready_says_no_while_what_runs_goes_on() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, 30_000).start();
    let (mut client, mut response, feed) = streaming(&upstream, &wharf);
    let mut asks = Client::connect(wharf.address());
    assert_eq!(asks.request("GET", "/ready", &[], b"").status, 200);
    stop(&wharf, "TERM");
    // Behind the stream, on its connection: the only one that is still open.
    client.send_request("GET", "/ready", &[], b"");
    feed.chunk(LAST);
    feed.finish();
    while client.read_piece(&mut response).is_some() {}
    let ready = client.read().expect("an answer");
    assert_eq!((ready.status, ready.json()["status"].as_str()), (503, Some("draining")));
    assert!(client.is_closed());
    assert!(asks.is_closed());
    assert_eq!(wharf.wait().status.code(), Some(0));
}

#[test]
fn idle_connections_are_closed_and_hold_nobody_up() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, 30_000).start();
    let mut clients: Vec<Client> = (0..20).map(|_| Client::connect(wharf.address())).collect();
    for client in &mut clients[..10] {
        assert_eq!(client.request("GET", "/health", &[], b"").status, 200);
    }
    wharf.term();
    assert!(clients.iter_mut().all(Client::is_closed));
    assert_eq!(wharf.wait().status.code(), Some(0));
}

#[test]
fn what_does_not_end_in_time_is_cut_and_the_process_ends_well_all_the_same() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, 50).start();
    let (mut client, mut response, feed) = streaming(&upstream, &wharf);
    wharf.term();
    while client.read_piece(&mut response).is_some() {}
    assert!(!response.complete, "not a clean end");
    upstream.wait_for_cancels(1);
    drop(feed);
    let ended = wharf.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 1, "its line is written all the same: {}", ended.stdout);
}

#[test]
fn an_upload_under_way_is_finished() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, 30_000).start();
    let mut client = Client::connect(wharf.address());
    let head = format!(
        "POST /openai/files HTTP/1.1\r\nHost: h\r\nAuthorization: {CALLER}\r\nContent-Length: 10\r\n\r\n"
    );
    client.send(format!("{head}01234"));
    upstream.wait_for("the first half", |log| log.requests.iter().any(|request| request.body == b"01234"));
    stop(&wharf, "TERM");
    client.send("56789");
    let response = client.read().expect("an answer");
    assert_eq!((response.status, response.json()["body"].as_str()), (200, Some("0123456789")));
    assert_eq!(wharf.wait().status.code(), Some(0));
}

/// A supervisor may change its mind as soon as it has read that we listen.
#[test]
fn a_signal_right_after_the_start_is_a_clean_end_too() {
    let upstream = Upstream::echo();
    for _ in 0..8 {
        let wharf = launch(&upstream, 30_000).start();
        wharf.signal("TERM");
        assert_eq!(wharf.wait().status.code(), Some(0));
    }
}
