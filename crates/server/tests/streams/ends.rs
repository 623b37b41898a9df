//! How a stream ends: whole by its dialect, told, or cut. Never a clean end for what is not whole.

use crate::{CALLER, DIALECTS, Dialect, launch, send, sse, start};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use wharf_testkit::PATIENCE;
use wharf_testkit::client::{Client, Framing, Response};
use wharf_testkit::process::Wharf;
use wharf_testkit::upstream::{Feed, Reply, Upstream};

/// Plays a stream: `play` says what comes and how it ends.
fn streamed(upstream: &Upstream, wharf: &Wharf, dialect: &Dialect, play: impl FnOnce(Feed)) -> Response {
    let (reply, feed) = Reply::fed(200);
    let mut reply = Some(sse(reply));
    upstream.respond(move |_| reply.take().unwrap());
    play(feed);
    let mut client = Client::connect(wharf.address());
    send(&mut client, dialect.target, dialect.body);
    client.read().unwrap()
}

/// The error event behind what the upstream sent: its code or type, where the dialect has one, and its message.
fn told(dialect: &Dialect, response: &Response, sent: &str) -> Value {
    let text = response.text();
    let rest = text.strip_prefix(sent).unwrap_or_else(|| panic!("{}: {text}", dialect.name));
    let data =
        rest.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_else(|| panic!("{rest:?}"));
    assert!(rest.ends_with("\n\n") || rest.ends_with("\r\n\r\n"), "{rest:?}");
    assert_eq!(rest.matches("data: ").count(), 1, "nothing follows the error: {rest}");
    serde_json::from_str(data).unwrap()
}

fn code(dialect: &Dialect, event: &Value) -> Value {
    match dialect.name {
        "chat" => event["error"]["code"].clone(),
        "responses" => event["code"].clone(),
        "messages" => event["error"]["type"].clone(),
        _ => event["error"]["status"].clone(),
    }
}

#[test]
fn a_stream_that_stops_between_events_is_told_in_its_dialect() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let codes = ["upstream_incomplete", "upstream_incomplete", "api_error", "UNAVAILABLE"];
    for (dialect, expected) in DIALECTS.iter().zip(codes) {
        for clean in [true, false] {
            let response = streamed(&upstream, &wharf, dialect, |feed| {
                feed.chunk(dialect.events[0]);
                if clean { feed.finish() } else { feed.cut() }
            });
            assert!(response.complete && response.status == 200, "{}", dialect.name);
            let event = told(dialect, &response, dialect.events[0]);
            assert_eq!(code(dialect, &event), expected);
        }
    }
    assert!(wharf.access_log(8).iter().all(|line| line["cut"] == true && line["status"] == 200));
}

#[test]
fn a_stream_that_is_reset_between_events_is_told_too() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let (reply, feed) = Reply::fed(200);
    let mut reply = Some(sse(reply));
    upstream.respond(move |_| reply.take().unwrap());
    let mut client = Client::connect(wharf.address());
    send(&mut client, DIALECTS[0].target, DIALECTS[0].body);
    feed.chunk(DIALECTS[0].events[0]);
    let mut response = client.read_head("POST").unwrap();
    client.read_piece(&mut response).unwrap();
    feed.reset();
    while client.read_piece(&mut response).is_some() {}
    assert!(response.complete);
    assert_eq!(told(&DIALECTS[0], &response, DIALECTS[0].events[0])["error"]["code"], "upstream_incomplete");
}

#[test]
fn a_stream_that_stops_inside_an_event_is_cut_at_the_client() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    for dialect in &DIALECTS {
        for clean in [true, false] {
            let half = &dialect.events[1][..dialect.events[1].len() / 2];
            let response = streamed(&upstream, &wharf, dialect, |feed| {
                feed.chunk(dialect.events[0]);
                feed.chunk(half);
                if clean { feed.finish() } else { feed.cut() }
            });
            assert!(!response.complete, "{}: {}", dialect.name, response.text());
            assert_eq!(response.text(), format!("{}{half}", dialect.events[0]));
        }
    }
}

#[test]
fn silence_between_events_is_told_and_inside_one_it_is_a_cut() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, &json!({"idle_ms": 400})).start();
    let codes = ["upstream_timeout", "upstream_timeout", "timeout_error", "DEADLINE_EXCEEDED"];
    let mut held = Vec::new();
    for (dialect, expected) in DIALECTS.iter().zip(codes) {
        let response = streamed(&upstream, &wharf, dialect, |feed| {
            feed.chunk(dialect.events[0]);
            held.push(feed);
        });
        assert_eq!(code(dialect, &told(dialect, &response, dialect.events[0])), expected);
        let torn = format!("{}{}", dialect.events[0], &dialect.events[1][..20]);
        let response = streamed(&upstream, &wharf, dialect, |feed| {
            feed.chunk(torn.as_str());
            held.push(feed);
        });
        assert_eq!((response.complete, response.text()), (false, torn));
    }
    upstream.wait_for_cancels(8);
    drop(held);
}

#[test]
fn a_complete_stream_is_whole_however_its_connection_ends() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    for dialect in &DIALECTS {
        for clean in [true, false] {
            let response = streamed(&upstream, &wharf, dialect, |feed| {
                feed.chunk(dialect.events[0]);
                feed.chunk(dialect.end);
                if clean { feed.finish() } else { feed.cut() }
            });
            assert!(response.complete, "{}", dialect.name);
            assert_eq!(response.text(), format!("{}{}", dialect.events[0], dialect.end));
        }
    }
}

#[test]
fn chat_is_whole_by_a_finish_reason_or_by_done_alone_and_nothing_is_added() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let chat = &DIALECTS[0];
    let finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n";
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n";
    for sent in [
        vec![chat.events[0], finish],
        vec![chat.events[0], finish, usage],
        vec![chat.events[0], "data: [DONE]\n\n"],
        vec![chat.events[0], "data:[DONE]"],
        vec![chat.events[0], finish, "data: [DONE]\n\n", ": trailing comment\n\n"],
        vec!["data: {\"error\":{\"message\":\"overloaded\"}}\n\n"],
    ] {
        let response = streamed(&upstream, &wharf, chat, |feed| {
            sent.iter().for_each(|event| feed.chunk(*event));
            feed.finish();
        });
        assert_eq!((response.complete, response.text()), (true, sent.concat()));
    }
}

#[test]
fn a_cut_pass_through_stays_a_cut() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, &json!({"idle_ms": 400})).start();
    let event = DIALECTS[0].events[0];
    for reply in [
        sse(Reply::chunked(200, [event, "x"])).cut_body_after(event.len() + 5),
        sse(Reply::chunked(200, [event])).cut_body_after(event.len() + 2),
        Reply::new(200, "0123456789").cut_body_after(4),
        Reply::new(200, "0123456789").cut_body_after(4).then_reset(),
        sse(Reply::stall_after_head(200)),
    ] {
        let name = format!("{reply:?}");
        let mut reply = Some(reply);
        upstream.respond(move |_| reply.take().unwrap());
        let mut client = Client::connect(wharf.address());
        send(&mut client, "/openai/stream", "{}");
        let response = client.read().unwrap();
        assert_eq!((response.status, response.complete), (200, false), "{name}");
        assert!(!response.text().contains("error"), "{}", response.text());
    }
    // What the upstream ended well is no business of ours here.
    upstream.respond(move |_| sse(Reply::chunked(200, [event])));
    let mut client = Client::connect(wharf.address());
    send(&mut client, "/openai/stream", "{}");
    assert_eq!((client.read().unwrap().complete, event), (true, event));
}

#[test]
fn a_json_answer_that_is_cut_is_an_error_or_once_it_has_begun_a_cut() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    // A short answer is held until it is whole, a long one is not.
    for (length, expected) in [(20, (502, true)), (400_000, (200, false))] {
        let body = json!({"choices": [{"message": {"content": "a".repeat(length)}}]}).to_string();
        let cut = body.len() / 2;
        for chunked in [false, true] {
            let whole = body.clone();
            upstream.respond(move |_| {
                let reply = if chunked {
                    Reply::chunked(200, [whole.clone()])
                } else {
                    Reply::new(200, whole.clone())
                };
                reply.header("content-type", "application/json").cut_body_after(cut)
            });
            let mut client = Client::connect(wharf.address());
            send(&mut client, DIALECTS[0].target, r#"{"model":"openai/m","messages":[]}"#);
            let response = client.read().unwrap();
            assert_eq!((response.status, response.complete), expected, "{length} {chunked}");
            assert!(response.status == 502 || body.starts_with(&response.text()));
        }
    }
}

#[test]
fn an_http_1_0_client_gets_the_stream_by_its_close_and_a_cut_by_a_reset() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let chat = &DIALECTS[0];
    let ask = |play: &dyn Fn(Feed)| -> (String, std::io::Result<usize>) {
        let (reply, feed) = Reply::fed(200);
        let mut reply = Some(sse(reply));
        upstream.respond(move |_| reply.take().unwrap());
        play(feed);
        let mut stream = TcpStream::connect(wharf.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = chat.body;
        let length = body.len();
        let head = format!(
            "POST {} HTTP/1.0\r\nHost: h\r\nAuthorization: {CALLER}\r\nContent-Length: {length}\r\n\r\n",
            chat.target
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut text = Vec::new();
        let ended = stream.read_to_end(&mut text);
        (String::from_utf8(text).unwrap(), ended)
    };
    let (text, ended) = ask(&|feed| {
        feed.chunk(chat.events[0]);
        feed.chunk(chat.end);
        feed.finish();
    });
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(ended.is_ok() && !head.to_ascii_lowercase().contains("transfer-encoding"), "{head}");
    assert_eq!(body, format!("{}{}", chat.events[0], chat.end));
    let (text, ended) = ask(&|feed| {
        feed.chunk(chat.events[0]);
        feed.chunk("data: {\"hal");
        feed.cut();
    });
    assert!(ended.is_err(), "a close would look like a good end: {text}");
}

#[test]
fn an_answer_without_a_length_gets_chunks_of_ours() {
    let upstream = Upstream::start(|_| Reply::until_close(200, "until the close"));
    let wharf = start(&upstream);
    let mut client = Client::connect(wharf.address());
    send(&mut client, "/openai/x", "{}");
    let response = client.read().unwrap();
    assert_eq!((response.framing, response.text().as_str()), (Framing::Chunked, "until the close"));
}
