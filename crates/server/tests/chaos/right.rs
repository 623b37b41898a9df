//! Right answers: in every format, plain and streamed, also where they come slowly or behind something odd.

use crate::{CHAT, TEXT, ask, chat, events, said, start};
use serde_json::{Value, json};
use wharf_testkit::client::{Client, Framing, fetch};
use wharf_wire::Format;
use wharf_wire::translate::{Context, gather, whole};

/// The paths of each format, plain and streamed.
const FORMATS: [(Format, &str, &str); 7] = [
    (Format::OpenAiChat, CHAT, CHAT),
    (Format::OpenAiResponses, "/v1/responses", "/v1/responses"),
    (Format::AnthropicMessages, "/v1/messages", "/v1/messages"),
    (
        Format::GeminiGenerate,
        "/v1beta/models/tide-1:generateContent",
        "/v1beta/models/tide-1:streamGenerateContent?alt=sse",
    ),
    (Format::CohereChat, "/v2/chat", "/v2/chat"),
    (Format::OllamaChat, "/api/chat", "/api/chat"),
    (Format::BedrockConverse, "/model/tide-1/converse", "/model/tide-1/converse-stream"),
];

#[test]
fn every_format_is_answered_as_it_should_be() {
    let chaos = start();
    for (format, plain, streamed) in FORMATS {
        for (path, stream) in [(plain, false), (streamed, true)] {
            let answer = fetch(&chaos.base(), "POST", path, &[], &chat(stream));
            assert_eq!((answer.status, answer.complete), (200, true), "{format:?}");
            let framed = if stream { Framing::Chunked } else { Framing::Sized(answer.body.len()) };
            assert_eq!(answer.framing, framed, "{format:?}");
            let context = Context::default();
            // Into another dialect, so that what is read is really read.
            let to =
                if format == Format::OpenAiChat { Format::AnthropicMessages } else { Format::OpenAiChat };
            let read = if stream {
                gather(format, to, &answer.body, &context)
            } else {
                whole(format, to, &answer.body, false, &context)
            };
            let body = read.unwrap_or_else(|failure| unreachable!("{format:?}, {stream}: {failure:?}")).body;
            assert!(String::from_utf8(body).unwrap().contains(TEXT), "{format:?}, stream: {stream}");
        }
    }
}

#[test]
fn embeddings_and_models_are_answered_and_other_paths_are_not() {
    let chaos = start();
    let embedded = fetch(&chaos.base(), "POST", "/v1/embeddings", &[], &chat(false)).json();
    assert_eq!(embedded["data"][0]["embedding"], json!([0.5, -0.25, 0.125]));
    let models = fetch(&chaos.base(), "GET", "/ok/v1/models", &[], b"").json();
    assert_eq!(models["data"][0]["id"], "tide");
    assert_eq!(fetch(&chaos.base(), "GET", "/v1/nothing", &[], b"").status, 404);
    let unreadable = fetch(&chaos.base(), "POST", &format!("/reset:soon{CHAT}"), &[], &chat(false));
    assert_eq!(unreadable.status, 400);
    assert!(unreadable.text().contains("BYTES"), "{}", unreadable.text());
}

#[test]
fn slow_answers_are_right_ones() {
    let chaos = start();
    for fault in ["slow-head:1", "slow-lines:1", "drip:64,1"] {
        for stream in [false, true] {
            let answer = ask(&chaos, fault, stream).unwrap();
            assert!(answer.complete, "{fault}");
            if stream {
                assert!(answer.text().ends_with("data: [DONE]\n\n"), "{fault}");
            } else {
                assert_eq!(said(&answer), TEXT, "{fault}");
            }
        }
    }
}

#[test]
fn interim_answers_and_a_huge_header_come_in_front_of_a_right_one() {
    let chaos = start();
    assert_eq!(said(&ask(&chaos, "interim:3", false).unwrap()), TEXT);
    let raw = crate::ends::raw(&chaos, "interim:3", false);
    let early = "HTTP/1.1 103 Early Hints\r\nlink: </tide>; rel=preload\r\n\r\n";
    let start = format!("{early}HTTP/1.1 100 Continue\r\n\r\n{early}HTTP/1.1 200 OK\r\n");
    assert!(raw.starts_with(&start), "{raw}");
    let huge = ask(&chaos, "huge-header:5000", true).unwrap();
    assert_eq!((huge.header("x-huge").unwrap().len(), events(&huge)), (5000, 5));
}

#[test]
fn a_stale_connection_closes_when_it_is_used_again() {
    let chaos = start();
    let mut client = Client::connect(chaos.address());
    let path = format!("/stale{CHAT}");
    assert_eq!(said(&client.request("POST", &path, &[], &chat(false))), TEXT);
    client.send_request("POST", &path, &[], &chat(false));
    assert!(client.is_closed());
    let log = crate::log(&chaos, 2);
    assert_eq!(log["connections"], 2, "one for us, one for the log");
    assert_eq!((&log["log"][1]["status"], &log["log"][1]["ended"]), (&Value::Null, &json!("closed")));
    assert_eq!(log["log"][1]["healthy"], false);
}
