//! Streams as client and upstream see them: chunk by chunk, and every way in which one ends.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod early;
mod ends;
mod usage;

use serde_json::{Value, json};
use wharf_testkit::client::Client;
use wharf_testkit::process::{Launch, Wharf};
use wharf_testkit::upstream::{Reply, Upstream};

const CALLER: &str = "caller-key-of-streams";

/// A dialect: where it is asked, and what its stream looks like.
struct Dialect {
    name: &'static str,
    target: &'static str,
    body: &'static str,
    /// Two events, the second of which does not end the stream.
    events: [&'static str; 2],
    /// What ends it.
    end: &'static str,
}

const DIALECTS: [Dialect; 4] = [
    Dialect {
        name: "chat",
        target: "/v1/chat/completions",
        body: r#"{"model":"openai/m","stream":true,"messages":[]}"#,
        events: [
            "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n",
            "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"}}]}\n\n",
        ],
        end: "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
    },
    Dialect {
        name: "responses",
        target: "/v1/responses",
        body: r#"{"model":"openai/m","stream":true,"input":"hi"}"#,
        events: [
            "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"sequence_number\":0}\n\n",
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\",\"sequence_number\":1}\n\n",
        ],
        end: "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"},\"sequence_number\":2}\n\n",
    },
    Dialect {
        name: "messages",
        target: "/v1/messages",
        body: r#"{"model":"anthropic/m","stream":true,"max_tokens":9,"messages":[]}"#,
        events: [
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0}\n\n",
            "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        ],
        end: "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    },
    Dialect {
        name: "gemini",
        target: "/v1beta/models/gemini/m:streamGenerateContent?alt=sse",
        body: r#"{"contents":[]}"#,
        events: [
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"index\":0}]}\r\n\r\n",
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"b\"}]},\"index\":0}]}\r\n\r\n",
        ],
        end: "data: {\"candidates\":[{\"content\":{\"parts\":[]},\"finishReason\":\"STOP\",\"index\":0}]}\r\n\r\n",
    },
];

/// A gateway in front of `upstream`; `timeouts` are the providers'.
fn launch(upstream: &Upstream, timeouts: &Value) -> Launch {
    let provider =
        |path: &str| json!({"base_url": upstream.url(path), "keys": ["own-key-1"], "timeouts": timeouts});
    let config = json!({
        "PROXY_API_KEY": CALLER,
        "providers": {"openai": provider("/v1"), "anthropic": provider(""), "gemini": provider("")},
    });
    Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string())
}

fn start(upstream: &Upstream) -> Wharf {
    launch(upstream, &json!({})).start()
}

fn authorization() -> String {
    format!("Bearer {CALLER}")
}

/// Sends a request as the dialect's own clients do.
fn send(client: &mut Client, target: &str, body: &str) {
    client.send_request("POST", target, &[("authorization", &authorization())], body.as_bytes());
}

/// An answer in the making, as a stream of events.
fn sse(reply: Reply) -> Reply {
    reply.header("content-type", "text/event-stream")
}

#[test]
fn each_event_is_at_the_client_before_the_next_one_is_sent() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    for dialect in DIALECTS {
        let mut client = Client::connect(wharf.address());
        let (reply, feed) = Reply::fed(200);
        let mut reply = Some(sse(reply));
        upstream.respond(move |_| reply.take().unwrap());
        send(&mut client, dialect.target, dialect.body);
        feed.chunk(dialect.events[0]);
        let mut response = client.read_head("POST").unwrap();
        for event in [dialect.events[0], dialect.events[1], dialect.end] {
            if event != dialect.events[0] {
                feed.chunk(event);
            }
            let piece = client.read_piece(&mut response).unwrap();
            assert_eq!(String::from_utf8(piece).unwrap(), event, "{}", dialect.name);
        }
        feed.finish();
        assert_eq!(client.read_piece(&mut response), None);
        assert!(response.complete, "{}", dialect.name);
    }
}

#[test]
fn geminis_growing_array_grows_at_the_client_too() {
    let (reply, feed) = Reply::fed(200);
    let upstream = Upstream::queued([reply.header("content-type", "application/json; charset=UTF-8")]);
    // Nobody waits for the array's end: the test would take an hour.
    let config = json!({
        "PROXY_API_KEY": CALLER,
        "hold_ms": 3_600_000,
        "providers": {"gemini": {"base_url": upstream.url(""), "keys": ["own-key-1"]}},
    });
    let wharf = Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string()).start();
    let mut client = Client::connect(wharf.address());
    send(&mut client, "/v1beta/models/gemini/m:streamGenerateContent", r#"{"contents":[]}"#);
    let element = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"index":0}]}"#;
    let pieces = [format!("[{element}"), format!(",\r\n{element}"), "]".to_owned()];
    feed.chunk(pieces[0].as_str());
    let mut response = client.read_head("POST").unwrap();
    for (at, piece) in pieces.iter().enumerate() {
        if at > 0 {
            feed.chunk(piece.as_str());
        }
        assert_eq!(client.read_piece(&mut response).as_deref(), Some(piece.as_bytes()));
    }
    feed.finish();
    assert!(client.read_piece(&mut response).is_none() && response.complete);
}

#[test]
fn a_pass_through_hands_on_single_bytes_as_they_come() {
    let (reply, feed) = Reply::fed(200);
    let upstream = Upstream::queued([reply.header("content-type", "application/vnd.amazon.eventstream")]);
    let wharf = start(&upstream);
    let mut client = Client::connect(wharf.address());
    send(&mut client, "/openai/odd", "{}");
    let mut response = client.read_head("POST").unwrap();
    assert_eq!(response.status, 200, "the head does not wait for a body");
    for byte in [0_u8, 255, 13, 10] {
        feed.chunk([byte]);
        assert_eq!(client.read_piece(&mut response), Some(vec![byte]));
    }
    feed.finish();
    assert!(client.read_piece(&mut response).is_none() && response.complete);
}

#[test]
fn half_an_event_does_not_wait_for_its_other_half() {
    let (reply, feed) = Reply::fed(200);
    let upstream = Upstream::queued([sse(reply)]);
    let wharf = start(&upstream);
    let mut client = Client::connect(wharf.address());
    send(&mut client, DIALECTS[0].target, DIALECTS[0].body);
    feed.chunk("data: {\"choices\":[");
    let mut response = client.read_head("POST").unwrap();
    assert_eq!(client.read_piece(&mut response).as_deref(), Some(&b"data: {\"choices\":["[..]));
    feed.chunk("{\"index\":0,\"finish_reason\":\"stop\"}]}\n\n");
    assert!(client.read_piece(&mut response).is_some());
    feed.finish();
    assert!(client.read_piece(&mut response).is_none() && response.complete);
}

#[test]
fn a_client_that_leaves_cancels_its_upstream_request_at_any_point() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    for (number, (target, head)) in [
        ("/v1/chat/completions", false),
        ("/v1/chat/completions", true),
        ("/openai/x", false),
        ("/openai/x", true),
    ]
    .into_iter()
    .enumerate()
    {
        upstream.respond(move |_| if head { sse(Reply::stall_after_head(200)) } else { Reply::stall() });
        let mut client = Client::connect(wharf.address());
        send(&mut client, target, DIALECTS[0].body);
        upstream
            .wait_for("the request", |log| log.requests.iter().filter(|one| one.complete).count() > number);
        if head {
            assert_eq!(client.read_head("POST").unwrap().status, 200);
        }
        drop(client);
        upstream.wait_for_cancels(number + 1);
    }
    let (reply, feed) = Reply::fed(200);
    let mut reply = Some(sse(reply));
    upstream.respond(move |_| reply.take().unwrap());
    let mut client = Client::connect(wharf.address());
    send(&mut client, DIALECTS[0].target, DIALECTS[0].body);
    feed.chunk(DIALECTS[0].events[0]);
    let mut response = client.read_head("POST").unwrap();
    client.read_piece(&mut response).unwrap();
    drop(client);
    upstream.wait_for_cancels(5);
    let lines = wharf.access_log(5);
    assert!(lines.iter().all(|line| line["client_gone"] == true), "{lines:?}");
}

#[test]
fn a_client_that_only_closes_its_sending_side_may_be_answered_or_dropped_but_never_hangs() {
    let upstream = Upstream::start(|_| Reply::json(200, &json!({"ok": true})));
    let wharf = start(&upstream);
    let mut client = Client::connect(wharf.address());
    send(&mut client, DIALECTS[0].target, DIALECTS[0].body);
    client.close_writing();
    if let Ok(response) = client.read() {
        assert_eq!((response.status, response.complete), (200, true));
    }
    assert!(client.is_closed());
}
