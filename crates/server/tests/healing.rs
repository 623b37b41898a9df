//! What heals on the native host: silence that is bridged, time that is bounded, and health of keys that outlives a
//! process and is shared by several.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use wharf_testkit::client::{Client, Response};
use wharf_testkit::process::{Launch, Wharf};
use wharf_testkit::upstream::{Feed, Recorded, Reply, Upstream};

const KEYS: [&str; 2] = ["own-key-number-0", "own-key-number-1"];
const CHUNK: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";
const LAST: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

fn launch(upstream: &Upstream, extra: &[(&str, Value)]) -> Launch {
    let mut config = json!({
        "providers": {
            "a": {"base_url": upstream.url("/a/v1"), "keys": KEYS},
            "b": {"base_url": upstream.url("/b/v1"), "keys": ["own-key-number-2"]},
        },
        "routes": {"smart": {"targets": ["a/m", "b/m"]}},
    });
    for (name, value) in extra {
        config[*name] = value.clone();
    }
    Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string())
}

/// Asks for a stream, in chat completions or messages.
fn ask(wharf: &Wharf, target: &str, model: &str) -> Client {
    let mut client = Client::connect(wharf.address());
    let body = json!({"model": model, "stream": true, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    client.send_request("POST", target, &[], body.to_string().as_bytes());
    client
}

fn plain(wharf: &Wharf, model: &str) -> Response {
    let body = json!({"model": model, "messages": []}).to_string();
    Client::connect(wharf.address()).request("POST", "/v1/chat/completions", &[], body.as_bytes())
}

fn fed() -> (Reply, Feed) {
    let (reply, feed) = Reply::fed(200);
    (reply.header("content-type", "text/event-stream"), feed)
}

/// Reads on until `text` has come.
fn until(client: &mut Client, response: &mut Response, text: &str) {
    while !response.text().contains(text) {
        assert!(client.read_piece(response).is_some(), "it ended before {text:?}: {:?}", response.text());
    }
}

/// The place of the key that a request carried.
fn key_of(request: &Recorded) -> usize {
    let value = request.header("authorization").unwrap_or_default();
    KEYS.iter().position(|key| value == format!("Bearer {key}")).unwrap()
}

#[test]
fn a_silent_stream_is_kept_open_with_comments_in_either_lane() {
    for (target, own) in [("/v1/chat/completions", "\"content\":\"hi\""), ("/v1/messages", "\"text\":\"hi\"")]
    {
        let (reply, feed) = fed();
        let upstream = Upstream::queued([reply]);
        let wharf = launch(&upstream, &[("keepalive_ms", json!(60))]).start();
        let mut client = ask(&wharf, target, "a/m");
        feed.chunk(CHUNK);
        let mut response = client.read_head("POST").unwrap();
        until(&mut client, &mut response, own);
        until(&mut client, &mut response, ": keep-alive\n\n: keep-alive\n\n");
        feed.chunk(LAST);
        feed.finish();
        while client.read_piece(&mut response).is_some() {}
        assert!(response.complete, "{}", response.text());
        let whole = response.text().replace(": keep-alive\n\n", "");
        if target == "/v1/chat/completions" {
            assert_eq!(whole, format!("{CHUNK}{LAST}"), "what it says is untouched");
        } else {
            assert!(whole.contains("message_stop"), "{whole}");
        }
    }
}

#[test]
fn nothing_is_put_inside_an_event() {
    let (reply, feed) = fed();
    let upstream = Upstream::queued([reply]);
    let wharf = launch(&upstream, &[("keepalive_ms", json!(40))]).start();
    let mut client = ask(&wharf, "/v1/chat/completions", "a/m");
    let (half, rest) = LAST.split_at(20);
    feed.chunk(format!("{CHUNK}{half}"));
    let mut response = client.read_head("POST").unwrap();
    until(&mut client, &mut response, half);
    // Another stream's sign of life tells that the time for one has passed.
    let (reply, other) = fed();
    upstream.respond({
        let mut reply = Some(reply);
        move |_| reply.take().unwrap()
    });
    let mut second = ask(&wharf, "/v1/chat/completions", "a/m");
    other.chunk(CHUNK);
    let mut seen = second.read_head("POST").unwrap();
    until(&mut second, &mut seen, ": keep-alive\n\n: keep-alive\n\n");
    feed.chunk(rest);
    feed.finish();
    while client.read_piece(&mut response).is_some() {}
    assert_eq!(response.text(), format!("{CHUNK}{LAST}"));
}

#[test]
fn a_gemini_stream_gets_blank_lines_which_its_sdks_pass_over() {
    let (reply, feed) = fed();
    let upstream = Upstream::queued([reply]);
    let wharf = launch(&upstream, &[("keepalive_ms", json!(50))]).start();
    let mut client = Client::connect(wharf.address());
    let body = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
    let target = "/v1beta/models/a/m:streamGenerateContent?alt=sse";
    client.send_request("POST", target, &[], body.as_bytes());
    feed.chunk(CHUNK);
    let mut response = client.read_head("POST").unwrap();
    until(&mut client, &mut response, "\n\n\n\n");
    assert!(!response.text().contains("keep-alive"), "{}", response.text());
    feed.chunk(LAST);
    feed.finish();
    while client.read_piece(&mut response).is_some() {}
    assert!(response.complete && response.text().contains("STOP"), "{}", response.text());
}

#[test]
fn the_time_for_all_ends_a_stream_that_never_stops() {
    let (reply, feed) = fed();
    let upstream = Upstream::queued([reply]);
    let limits =
        json!({"a": {"base_url": upstream.url("/a/v1"), "keys": KEYS, "timeouts": {"total_ms": 500}}});
    let wharf = launch(&upstream, &[("providers", limits), ("routes", json!({}))]).start();
    let mut client = ask(&wharf, "/v1/chat/completions", "a/m");
    feed.chunk(CHUNK);
    let mut response = client.read_head("POST").unwrap();
    while client.read_piece(&mut response).is_some() {}
    assert_eq!(response.status, 200);
    assert!(response.complete && response.text().contains("upstream_timeout"), "{}", response.text());
    upstream.wait_for_cancels(1);
    assert_eq!(wharf.access_log(1)[0]["cut"], true);
}

#[test]
fn a_stream_without_a_first_event_gives_way_and_the_log_says_why() {
    let upstream = Upstream::start(|request| match request.target.starts_with("/a/") {
        true => Reply::stall_after_head(200).header("content-type", "text/event-stream"),
        false => Reply::sse([CHUNK, LAST]),
    });
    let wharf = launch(&upstream, &[]).start();
    let mut client = Client::connect(wharf.address());
    let body = json!({"model": "smart", "stream": true, "messages": []}).to_string();
    let headers = [("x-wharf-timeout", "first_event=300ms")];
    let answer = client.request("POST", "/v1/chat/completions", &headers, body.as_bytes());
    assert_eq!((answer.status, answer.header("x-wharf-provider")), (200, Some("b")), "{}", answer.text());
    assert_eq!(answer.text(), format!("{CHUNK}{LAST}"));
    assert_eq!(wharf.access_log(1)[0]["gave_way"], "a: timeout");
}

#[test]
fn what_was_learnt_of_a_key_outlives_the_process_and_is_shared() {
    let upstream = Upstream::start(|request| match key_of(request) {
        0 => Reply::new(401, "no"),
        _ => Reply::json(200, &json!({"good": true})),
    });
    let wharf = launch(&upstream, &[]).start();
    let state = wharf.folder().join(".local/state/wharf/wharf.db");
    let other = launch(&upstream, &[]).args(&["--state", state.to_str().unwrap()]).start();
    // Whoever draws the bad key first learns it, and then nobody uses it again.
    while upstream.requests().iter().all(|request| key_of(request) == 1) {
        assert_eq!(plain(&wharf, "a/m").status, 200);
    }
    let database = rusqlite::Connection::open(&state).unwrap();
    // It is written beside the requests, by a thread of its own.
    let rows = || database.query_row("SELECT count(*) FROM health", [], |row| row.get::<_, u32>(0)).unwrap();
    assert!((0..1_000_000).any(|_| rows() == 1), "nothing was written");
    upstream.forget();
    for _ in 0..8 {
        assert_eq!(plain(&other, "a/m").status, 200);
    }
    let again = Wharf::launch(env!("CARGO_BIN_EXE_wharf")).in_folder(wharf.kill9());
    let again = again.args(&["--config", "test.jsonc"]).start();
    for _ in 0..8 {
        assert_eq!(plain(&again, "a/m").status, 200);
    }
    let keys: Vec<usize> = upstream.requests().iter().map(key_of).collect();
    assert_eq!(keys, [1; 16]);
}

#[test]
fn a_key_serves_no_more_calls_at_once_than_it_may() {
    let (reply, feed) = fed();
    let upstream = Upstream::queued([reply]);
    let one =
        json!({"a": {"base_url": upstream.url("/a/v1"), "keys": [{"key": KEYS[0], "max_concurrent": 1}]}});
    let wharf = launch(&upstream, &[("providers", one), ("routes", json!({}))]).start();
    let mut client = ask(&wharf, "/v1/chat/completions", "a/m");
    feed.chunk(CHUNK);
    let mut response = client.read_head("POST").unwrap();
    let busy = plain(&wharf, "a/m");
    assert_eq!((busy.status, busy.header("retry-after")), (429, Some("1")), "{}", busy.text());
    upstream.respond(|_| Reply::json(200, &json!({"good": true})));
    feed.chunk(LAST);
    let mut come = Vec::new();
    while !come.ends_with(b"[DONE]\n\n") {
        come.extend(client.read_piece(&mut response).unwrap());
    }
    // Whoever asks one thing after the other never meets a place that is taken, however the answers end.
    for _ in 0..20 {
        assert_eq!(plain(&wharf, "a/m").status, 200);
    }
    upstream
        .respond(|_| Reply::chunked(200, ["{\"good\":", "true}"]).header("content-type", "application/json"));
    for _ in 0..20 {
        assert_eq!(plain(&wharf, "a/m").status, 200);
    }
    feed.finish();
}

#[test]
fn an_error_whose_body_does_not_come_keeps_no_other_key_waiting() {
    let mut first = true;
    let upstream = Upstream::start(move |_| match std::mem::take(&mut first) {
        true => Reply::stall_after_head(429),
        false => Reply::json(200, &json!({"good": true})),
    });
    let wharf = launch(&upstream, &[]).start();
    assert_eq!(plain(&wharf, "a/m").status, 200);
}

#[test]
fn a_key_of_several_is_not_asked_again_while_it_cools() {
    let upstream = Upstream::start(|_| Reply::new(429, "no"));
    let providers = json!({"a": {"base_url": upstream.url("/a/v1"), "keys": KEYS, "retries": 2}});
    let wharf = launch(&upstream, &[("providers", providers), ("routes", json!({}))]).start();
    assert_eq!(plain(&wharf, "a/m").status, 429);
    assert_eq!(upstream.requests().len(), 2);
}

#[test]
fn a_key_that_began_to_cool_during_a_call_is_not_its_next() {
    let (slow, feed) = Reply::fed(429);
    let mut slow = Some(slow);
    let upstream = Upstream::start(move |request| match (key_of(request), slow.take()) {
        (0, Some(slow)) => slow,
        (0, None) => Reply::json(200, &json!({"good": true})),
        _ => Reply::new(401, "no"),
    });
    let wharf = launch(&upstream, &[("ENABLE_GLOBAL_ROUND_ROBIN", json!(true))]).start();
    let body = json!({"model": "a/m", "messages": []}).to_string();
    let mut first = Client::connect(wharf.address());
    first.send_request("POST", "/v1/chat/completions", &[], body.as_bytes());
    upstream.wait_for_requests(1);
    assert_eq!(plain(&wharf, "a/m").status, 200);
    feed.finish();
    assert_eq!(first.read().unwrap().status, 429);
    assert_eq!(upstream.requests().iter().map(key_of).collect::<Vec<_>>(), [0, 1, 0]);
}

#[test]
fn callers_in_a_hurry_open_no_breaker() {
    let upstream = Upstream::start(|_| Reply::stall());
    let wharf = launch(&upstream, &[]).start();
    let body = json!({"model": "smart", "messages": []}).to_string();
    for limit in ["total=40ms", "head=20ms"].repeat(6) {
        let mut client = Client::connect(wharf.address());
        let headers = [("x-wharf-timeout", limit)];
        let answer = client.request("POST", "/v1/chat/completions", &headers, body.as_bytes());
        assert_eq!(answer.status, 504);
    }
    upstream.forget();
    upstream.respond(|_| Reply::json(200, &json!({"good": true})));
    assert_eq!(plain(&wharf, "smart").status, 200);
    assert_eq!(upstream.request().target, "/a/v1/chat/completions");
}

#[test]
fn a_target_that_failed_holds_no_connection_while_the_next_is_asked() {
    let down = || Reply::json(500, &json!({"error": {"message": "down", "type": "api_error"}}));
    let stalled = || Reply::stall_after_head(500);
    let first = Upstream::queued([down(), down(), stalled()]);
    let (mut replies, mut feeds) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (reply, feed) = Reply::fed(200);
        replies.push(reply.header("content-type", "application/json"));
        feeds.push(feed);
    }
    let second = Upstream::queued(replies);
    let providers = json!({
        "a": {"base_url": first.url("/v1"), "keys": [KEYS[0]], "format": "anthropic_messages"},
        "v": {"base_url": first.url("/v1"), "keys": [KEYS[0]]},
        "b": {"base_url": second.url("/v1"), "keys": [KEYS[1]]},
    });
    let routes = json!({"translated": {"targets": ["a/m", "b/m"]}, "verbatim": {"targets": ["v/m", "b/m"]}});
    let wharf = launch(&first, &[("providers", providers), ("routes", routes)]).args(&["--workers", "1"]);
    let wharf = wharf.start();
    let mut clients = Vec::new();
    for (at, route) in ["verbatim", "translated", "verbatim"].into_iter().enumerate() {
        let mut client = Client::connect(wharf.address());
        let body = json!({"model": route, "messages": [{"role": "user", "content": "hi"}]}).to_string();
        client.send_request("POST", "/v1/chat/completions", &[], body.as_bytes());
        second.wait_for_requests(at + 1);
        clients.push(client);
    }
    // The one that was read to its end is used again, and closed once it falls silent; nobody has an answer yet.
    first.wait_until_closed();
    for (feed, client) in feeds.into_iter().zip(&mut clients) {
        feed.chunk("{\"choices\":[]}");
        feed.finish();
        assert_eq!(client.read().unwrap().status, 200);
    }
    for line in wharf.access_log(3) {
        assert_eq!(
            (&line["status"], &line["error"], &line["provider"]),
            (&json!(200), &Value::Null, &json!("b"))
        );
    }
}
