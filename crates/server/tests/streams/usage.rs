//! The access log: what an answer said of tokens, in each dialect, plain, streamed and compressed.

use crate::{DIALECTS, launch, send, sse, start};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write;
use wharf_testkit::client::Client;
use wharf_testkit::upstream::{Reply, Upstream};

/// An answer's usage, as the dialect says it: plain, and as the last events of a stream.
const USAGE: [(&str, &str); 4] = [
    (
        r#"{"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":3}}}"#,
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"prompt_tokens_details\":{\"cached_tokens\":3}}}\n\ndata: [DONE]\n\n",
    ),
    (
        r#"{"status":"completed","usage":{"input_tokens":11,"output_tokens":7,"input_tokens_details":{"cached_tokens":3}}}"#,
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":11,\"output_tokens\":7,\"input_tokens_details\":{\"cached_tokens\":3}}}}\n\n",
    ),
    (
        r#"{"stop_reason":"end_turn","usage":{"input_tokens":8,"cache_read_input_tokens":3,"output_tokens":7}}"#,
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":8,\"cache_read_input_tokens\":3,\"output_tokens\":1}}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":7}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ),
    (
        r#"{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":11,"candidatesTokenCount":7,"cachedContentTokenCount":3}}"#,
        "data: {\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":11,\"candidatesTokenCount\":7,\"cachedContentTokenCount\":3}}\r\n\r\n",
    ),
];

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn counts(line: &Value) -> [Option<u64>; 3] {
    ["input_tokens", "cached_tokens", "output_tokens"].map(|name| line[name].as_u64())
}

#[test]
fn usage_reaches_the_log_in_each_dialect() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let mut asked = Vec::new();
    for (dialect, (plain, streamed)) in DIALECTS.iter().zip(USAGE) {
        for (name, reply) in [
            ("plain", Reply::new(200, plain).header("content-type", "application/json")),
            ("streamed", sse(Reply::chunked(200, [streamed]))),
            ("in pieces", sse(Reply::chunked(200, streamed.as_bytes().chunks(7)))),
            (
                "plain, compressed",
                Reply::new(200, gzip(plain))
                    .header("content-type", "application/json")
                    .header("content-encoding", "gzip"),
            ),
            (
                "streamed, compressed",
                sse(Reply::chunked(200, gzip(streamed).chunks(16))).header("content-encoding", "gzip"),
            ),
        ] {
            let mut reply = Some(reply);
            upstream.respond(move |_| reply.take().unwrap());
            let mut client = Client::connect(wharf.address());
            send(&mut client, dialect.target, dialect.body);
            let response = client.read().unwrap();
            let expected = if name.starts_with("plain") { plain } else { streamed };
            let expected = if name.ends_with("compressed") { gzip(expected) } else { expected.into() };
            assert!(response.complete && response.body == expected, "{} {name}: as it came", dialect.name);
            let id = response.header("x-wharf-request-id").unwrap().to_owned();
            asked.push((id, format!("{} {name}", dialect.name)));
        }
    }
    let lines = wharf.access_log(asked.len());
    for (id, name) in asked {
        let line =
            lines.iter().find(|line| line["id"] == *id).unwrap_or_else(|| panic!("no line for {name}"));
        assert_eq!(counts(line), [Some(11), Some(3), Some(7)], "{name}: {line}");
    }
}

#[test]
fn usage_of_a_pass_through_is_read_too_and_unknown_usage_is_left_out() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let mut client = Client::connect(wharf.address());
    for (plain, streamed) in USAGE {
        upstream.respond(move |_| Reply::new(200, plain).header("content-type", "application/json"));
        send(&mut client, "/openai/x", "{}");
        client.read().unwrap();
        upstream.respond(move |_| sse(Reply::chunked(200, [streamed])));
        send(&mut client, "/openai/x", "{}");
        client.read().unwrap();
    }
    upstream.respond(|_| sse(Reply::chunked(200, [DIALECTS[0].events[0], DIALECTS[0].end])));
    send(&mut client, DIALECTS[0].target, DIALECTS[0].body);
    client.read().unwrap();
    let lines = wharf.access_log(9);
    for line in &lines[..8] {
        assert_eq!(counts(line), [Some(11), Some(3), Some(7)], "{line}");
    }
    assert_eq!(counts(&lines[8]), [None; 3], "unknown is not zero");
}

#[test]
fn a_compressed_stream_that_stops_early_is_cut() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    for dialect in &DIALECTS {
        let body = gzip(dialect.events[0]);
        upstream
            .respond(move |_| sse(Reply::chunked(200, [body.clone()])).header("content-encoding", "gzip"));
        let mut client = Client::connect(wharf.address());
        send(&mut client, dialect.target, dialect.body);
        assert!(!client.read().unwrap().complete, "{}: no event of ours fits behind gzip", dialect.name);
    }
}

#[test]
fn usage_is_asked_for_only_where_the_operator_says_so() {
    let upstream = Upstream::echo();
    let config = |ask: bool| json!({"OPENAI_API_KEY": "own-key-1", "providers": {"openai": {"base_url": upstream.url(""), "ask_usage": ask}}});
    for ask in [false, true] {
        let wharf = wharf_testkit::process::Wharf::launch(env!("CARGO_BIN_EXE_wharf"));
        let wharf = wharf.config(&config(ask).to_string()).start();
        let mut client = Client::connect(wharf.address());
        upstream.forget();
        client.send_request("POST", DIALECTS[0].target, &[], DIALECTS[0].body.as_bytes());
        client.read().unwrap();
        let options = upstream.request().json()["stream_options"].clone();
        assert_eq!(options, if ask { json!({"include_usage": true}) } else { Value::Null });
    }
    let wharf = launch(&upstream, &json!({})).start();
    let mut client = Client::connect(wharf.address());
    upstream.forget();
    send(&mut client, DIALECTS[0].target, r#"{"model":"openai/m", "stream":true,"messages" : []}"#);
    client.read().unwrap();
    assert_eq!(upstream.request().text(), r#"{"model":"m", "stream":true,"messages" : []}"#);
}
