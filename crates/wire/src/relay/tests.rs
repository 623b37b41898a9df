//! How answers end, by kind and by what had come.

use super::*;

const FINISHED: &str = "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n";
const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n";

fn stream(format: Format, chunks: &[&'static str], end: End) -> Finish {
    let mut relay = Relay::verbatim(RelayKind::ModelStream(format), Some(Tap::sse(Some(format))));
    for chunk in chunks {
        assert_eq!(relay.push(Bytes::from_static(chunk.as_bytes())), chunk.as_bytes());
    }
    relay.finish(end, "req_1")
}

fn chat(chunks: &[&'static str], end: End) -> Finish {
    stream(Format::OpenAiChat, chunks, end)
}

fn clean(finish: &Finish) -> bool {
    finish.append.is_empty() && !finish.abort
}

#[test]
fn a_complete_stream_ends_well_however_its_connection_does() {
    for end in [End::Clean, End::Cut, End::IdleTimeout] {
        assert!(clean(&chat(&[TEXT, FINISHED, "data: [DONE]\n\n"], end)));
        assert!(clean(&chat(&[TEXT, FINISHED], end)));
        assert!(clean(&chat(&[TEXT, "data: [DONE]"], end)));
    }
}

#[test]
fn a_stream_that_stops_between_events_gets_an_error_in_its_dialect() {
    for end in [End::Clean, End::Cut] {
        let finish = chat(&[TEXT], end);
        let event = String::from_utf8(finish.append.to_vec()).unwrap();
        assert!(event.starts_with("data: {\"error\":") && event.contains("\"status\":502"), "{event}");
        assert!(event.ends_with("\n\n") && !finish.abort);
    }
    let late = chat(&[TEXT], End::IdleTimeout);
    assert!(String::from_utf8_lossy(&late.append).contains("upstream_timeout"));
    assert!(!chat(&[], End::Clean).append.is_empty());
    assert!(!chat(&[": PROCESSING\n\n"], End::Clean).append.is_empty());
}

#[test]
fn a_responses_error_continues_the_numbering() {
    let created = "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0}\n\n";
    let finish = stream(Format::OpenAiResponses, &[created], End::Cut);
    assert!(String::from_utf8_lossy(&finish.append).contains("\"sequence_number\":1"));
}

#[test]
fn a_stream_torn_inside_an_event_is_cut() {
    for torn in ["data: {\"choi", "data: {}\n", "event: x\n", ": PROC", "d"] {
        for end in [End::Clean, End::Cut, End::IdleTimeout] {
            let finish = chat(&[TEXT, torn], end);
            assert!(finish.abort && finish.append.is_empty(), "{torn}");
        }
    }
    assert!(chat(&[FINISHED, "data: {\"usage\":{\"pro"], End::Cut).abort);
    let stop = "event: message_stop\n";
    assert!(stream(Format::AnthropicMessages, &[stop], End::Cut).abort);
}

#[test]
fn an_error_that_the_upstream_told_is_not_told_twice() {
    assert!(clean(&chat(&[TEXT, "data: {\"error\":{\"message\":\"x\"}}\n\n"], End::Cut)));
    let anthropic = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n";
    assert!(clean(&stream(Format::AnthropicMessages, &[anthropic], End::Clean)));
}

#[test]
fn pass_through_ends_as_the_upstream_did() {
    for (end, abort) in [(End::Clean, false), (End::Cut, true), (End::IdleTimeout, true)] {
        for tap in [None, Some(Tap::sse(None)), Some(Tap::json(None))] {
            let mut relay = Relay::verbatim(RelayKind::PassThrough, tap);
            assert_eq!(relay.push(Bytes::from_static(b"data: {")), "data: {");
            let finish = relay.finish(end, "");
            assert_eq!((finish.abort, finish.append.is_empty()), (abort, true));
        }
    }
}

#[test]
fn a_json_answer_cut_midway_is_cut() {
    let json = |text: &'static str, end| {
        let mut relay = Relay::verbatim(RelayKind::ModelJson, Some(Tap::json(Some(Format::OpenAiChat))));
        assert_eq!(relay.push(Bytes::from_static(text.as_bytes())), text);
        relay.finish(end, "").abort
    };
    assert!(json("{\"a\":", End::Cut) && json("{\"a\":", End::IdleTimeout));
    assert!(!json("{\"a\":1}", End::Cut) && !json("{\"a\":1}", End::Clean));
}

#[test]
fn a_compressed_stream_is_watched_beside_and_cut_when_short() {
    let kind = RelayKind::ModelStream(Format::OpenAiChat);
    let mut relay = Relay::encoded(kind, Some(Tap::sse(Some(Format::OpenAiChat))));
    assert_eq!(relay.push(Bytes::from_static(b"\x1f\x8b")), &b"\x1f\x8b"[..]);
    relay.observe(TEXT.as_bytes());
    assert!(relay.finish(End::Clean, "").abort);
    relay.observe(FINISHED.as_bytes());
    assert!(!relay.finish(End::Clean, "").abort);
}

#[test]
fn without_a_tap_only_the_connection_tells() {
    let mut relay = Relay::verbatim(RelayKind::ModelJson, None);
    assert!(relay.finish(End::Cut, "").abort && !relay.finish(End::Clean, "").abort);
}
