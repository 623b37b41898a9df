//! What happens before the first byte of a stream: an empty one, a silent one, one that never comes.

use crate::{DIALECTS, launch, send, sse, start};
use serde_json::{Value, json};
use wharf_testkit::client::Client;
use wharf_testkit::upstream::{Reply, Upstream, refused_address};

/// The status, and the error's code, type or status in each dialect.
fn error(body: &Value) -> &str {
    let error = &body["error"];
    [&error["status"], &error["code"], &error["type"]].into_iter().find_map(Value::as_str).unwrap_or("none")
}

#[test]
fn an_empty_stream_is_a_bad_gateway() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let expected = ["upstream_unreachable", "upstream_unreachable", "api_error", "UNAVAILABLE"];
    for (dialect, expected) in DIALECTS.iter().zip(expected) {
        for reply in [
            || sse(Reply::chunked(200, [""; 0])),
            || sse(Reply::new(200, "")),
            || sse(Reply::chunked(200, ["never sent"])).cut_body_after(0),
            || sse(Reply::until_close(200, "")),
        ] {
            upstream.respond(move |_| reply());
            let mut client = Client::connect(wharf.address());
            send(&mut client, dialect.target, dialect.body);
            let response = client.read().unwrap();
            assert_eq!((response.status, error(&response.json())), (502, expected), "{}", dialect.name);
        }
    }
}

#[test]
fn an_upstream_that_never_answers_is_a_gateway_time_out() {
    let upstream = Upstream::start(|_| Reply::stall());
    let wharf = launch(&upstream, &json!({"first_byte_ms": 400})).start();
    let expected = ["upstream_timeout", "upstream_timeout", "timeout_error", "DEADLINE_EXCEEDED"];
    for (dialect, expected) in DIALECTS.iter().zip(expected) {
        let mut client = Client::connect(wharf.address());
        send(&mut client, dialect.target, dialect.body);
        let response = client.read().unwrap();
        assert_eq!((response.status, error(&response.json())), (504, expected), "{}", dialect.name);
    }
    let mut client = Client::connect(wharf.address());
    send(&mut client, "/openai/x", "{}");
    assert_eq!(client.read().unwrap().status, 504);
    upstream.wait_for_cancels(5);
}

#[test]
fn a_stream_that_is_silent_from_its_head_on_is_a_gateway_time_out() {
    let upstream = Upstream::start(|_| sse(Reply::stall_after_head(200)));
    let wharf = launch(&upstream, &json!({"idle_ms": 400})).start();
    for dialect in &DIALECTS {
        let mut client = Client::connect(wharf.address());
        send(&mut client, dialect.target, dialect.body);
        assert_eq!(client.read().unwrap().status, 504, "{}", dialect.name);
    }
}

#[test]
fn the_head_of_a_slow_stream_does_not_wait_for_ever() {
    let (reply, feed) = Reply::fed(200);
    let upstream = Upstream::queued([sse(reply)]);
    let wharf = start(&upstream);
    let mut client = Client::connect(wharf.address());
    send(&mut client, DIALECTS[0].target, DIALECTS[0].body);
    let mut response = client.read_head("POST").unwrap();
    assert_eq!(response.status, 200);
    feed.chunk(DIALECTS[0].end);
    feed.finish();
    while client.read_piece(&mut response).is_some() {}
    assert_eq!((response.complete, response.text().as_str()), (true, DIALECTS[0].end));
}

#[test]
fn an_upstream_that_is_not_there_is_a_bad_gateway_in_each_dialect() {
    let upstream = Upstream::echo();
    let dead = format!("http://{}", refused_address());
    let wharf = launch(&upstream, &json!({}))
        .env("OPENAI_BASE_URL", &dead)
        .env("ANTHROPIC_BASE_URL", &dead)
        .env("GEMINI_BASE_URL", &dead)
        .start();
    let expected = ["upstream_unreachable", "upstream_unreachable", "api_error", "UNAVAILABLE"];
    for (dialect, expected) in DIALECTS.iter().zip(expected) {
        let mut client = Client::connect(wharf.address());
        send(&mut client, dialect.target, dialect.body);
        let response = client.read().unwrap();
        assert_eq!((response.status, error(&response.json())), (502, expected), "{}", dialect.name);
        let attempts = response.header("x-wharf-attempts");
        assert_eq!((attempts, response.header("x-wharf-egress")), (Some("1"), Some("direct")));
    }
}

#[test]
fn a_kept_connection_that_died_is_replaced_once() {
    let upstream = Upstream::start(|_| Reply::json(200, &json!({"ok": true})).then_close());
    let wharf = launch(&upstream, &json!({})).args(&["--workers", "1"]).start();
    let mut client = Client::connect(wharf.address());
    for number in 1..=6 {
        let target = if number % 2 == 0 { "/openai/x" } else { DIALECTS[0].target };
        send(&mut client, target, DIALECTS[0].body);
        let response = client.read().unwrap();
        assert_eq!(response.status, 200, "request {number}");
    }
    assert_eq!(upstream.requests().len(), 6, "none of them twice");
}
