//! Streamed answers.

use super::*;
use crate::Usage;
use crate::chat::{Bind, Failure, Finish, Slot, State, StateKind};
use crate::translate::Client;
use serde_json::json;

const FULL: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude-x","stop_reason":null,"usage":{"input_tokens":3,"cache_read_input_tokens":5,"cache_creation_input_tokens":0,"output_tokens":1,"service_tier":"standard"}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm."}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"b3Bx"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"q\":1}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: content_block_start
data: {"type":"content_block_start","index":3,"content_block":{"type":"text","text":"","citations":[]}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"citations_delta","citation":{"type":"web_search_result_location","url":"https://e.com","title":"E","cited_text":"9","encrypted_index":""}}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"text_delta","text":"nïne"}}

event: content_block_stop
data: {"type":"content_block_stop","index":3}

event: content_block_start
data: {"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"toolu_1","name":"f","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":4,"delta":{"type":"input_json_delta","partial_json":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":4,"delta":{"type":"input_json_delta","partial_json":"{\"a\": 1.50}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":4}

event: content_block_start
data: {"type":"content_block_start","index":5,"content_block":{"type":"tool_use","id":"toolu_2","name":"g","input":{}}}

event: content_block_stop
data: {"type":"content_block_stop","index":5}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":9}}

event: message_stop
data: {"type":"message_stop"}

"#;

fn written(events: Vec<Event<'static>>) -> Vec<(String, Value)> {
    let mut writer = AnthropicMessages.stream_out(&context());
    let mut out = Vec::new();
    events.into_iter().for_each(|event| writer.push(event, &mut out));
    frames(&out)
}

#[test]
fn a_stream_is_read_alike_however_it_is_cut() {
    let whole = events(FULL, usize::MAX);
    for piece in [1, 2, 7, 64] {
        assert_eq!(events(FULL, piece), whole);
    }
    assert_eq!(whole.last(), Some(&Event::Done));
    let usage = whole.iter().rev().find_map(|event| match event {
        Event::Usage(usage) => Some(*usage),
        _ => None,
    });
    let counts =
        Usage { input: Some(8), cached: Some(5), cache_write: Some(0), output: Some(9), ..Usage::default() };
    assert_eq!(usage, Some(counts));
    assert!(whole.contains(&Event::Tier("default".into())));
    let finish = Event::Finish { choice: 0, reason: Finish::ToolCalls, stop_sequence: None };
    assert!(whole.contains(&finish));
}

#[test]
fn a_stream_is_written_as_it_was_read() {
    let frames = written(events(FULL, usize::MAX));
    let names: Vec<&str> = frames.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names[..3], ["message_start", "ping", "content_block_start"]);
    assert_eq!(names[names.len() - 2..], ["message_delta", "message_stop"]);
    assert!(frames.iter().all(|(name, data)| data["type"] == **name));
    // The vendor's own blocks are left out, the empty pieces too, and the citation stands behind its text.
    let mut expected = super::frames(FULL.as_bytes());
    expected
        .retain(|(name, data)| name != "ping" && data["index"] != 2 && data["delta"]["partial_json"] != "");
    for (_, data) in &mut expected {
        if let Some(index) = data["index"].as_u64().filter(|index| *index > 2) {
            data["index"] = json!(index - 1);
        }
    }
    let at = expected.iter().position(|(_, data)| data["delta"]["type"] == "citations_delta").unwrap();
    expected.swap(at, at + 1);
    let blocks = |frames: &[(String, Value)]| -> Vec<Value> {
        let mut blocks: Vec<Value> = frames.iter().map(|(_, data)| data.clone()).collect();
        blocks.retain(|data| data.get("index").is_some());
        for data in &mut blocks {
            if let Some(block) = data.get_mut("content_block").and_then(Value::as_object_mut) {
                block.remove("citations");
            }
        }
        blocks
    };
    assert_eq!(blocks(&frames), blocks(&expected));
    let end = &frames[frames.len() - 2].1;
    assert_eq!(end["delta"], json!({"stop_reason": "tool_use", "stop_sequence": null}));
    assert_eq!(
        end["usage"],
        json!({"input_tokens": 3, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 5, "output_tokens": 9})
    );
}

#[test]
fn blocks_that_run_beside_each_other_come_in_a_row() {
    let slot = |block| Slot { choice: 0, block };
    let start = |block, id: &'static str, state| Event::ToolStart {
        slot: slot(block),
        id: id.into(),
        name: "f".into(),
        custom: false,
        state,
    };
    let state = State { kind: StateKind::GeminiThought, bind: Bind::Call, data: "eA==".into() };
    let text = State { kind: StateKind::GeminiThought, bind: Bind::Text, data: "eQ==".into() };
    let frames = written(vec![
        Event::Start { id: None, model: None, created: None },
        Event::ReasoningStart(slot(0), false),
        Event::ReasoningEnd(slot(0), None),
        Event::TextStart(slot(1)),
        Event::TextDelta(slot(1), "hi".into()),
        Event::TextEnd(slot(1), Some(text)),
        start(2, "a", Some(state)),
        start(3, "b", None),
        Event::ToolDelta(slot(3), "{".into()),
        Event::ToolDelta(slot(2), "{}".into()),
        Event::ToolDelta(slot(3), "}".into()),
        Event::ToolEnd(slot(3)),
        Event::ToolEnd(slot(2)),
        Event::Finish { choice: 0, reason: Finish::ToolCalls, stop_sequence: None },
        Event::Done,
    ]);
    let mut said = Vec::new();
    for (name, data) in frames.iter().filter(|(_, data)| data.get("index").is_some()) {
        let what = match &**name {
            "content_block_start" => &data["content_block"]["type"],
            "content_block_delta" => {
                let pieces = ["text", "signature", "partial_json"].map(|name| &data["delta"][name]);
                pieces.into_iter().find(|piece| !piece.is_null()).unwrap()
            }
            _ => &data["type"],
        };
        said.push(format!("{} {}", data["index"], what.as_str().unwrap()));
    }
    assert_eq!(
        said,
        [
            "0 text",
            "0 hi",
            "0 content_block_stop",
            "1 thinking",
            "1 wharf1.gemini.text.eQ==",
            "1 content_block_stop",
            "2 thinking",
            "2 wharf1.gemini.call.eA==",
            "2 content_block_stop",
            "3 tool_use",
            "3 {}",
            "3 content_block_stop",
            "4 tool_use",
            "4 {}",
            "4 content_block_stop"
        ]
    );
}

#[test]
fn refusals_become_text() {
    let frames = written(vec![
        Event::Start { id: None, model: None, created: None },
        Event::RefusalDelta(0, "I ".into()),
        Event::RefusalDelta(0, "won't.".into()),
        Event::Finish { choice: 0, reason: Finish::Stop, stop_sequence: None },
        Event::Done,
    ]);
    let names: Vec<&str> = frames.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        names[2..6],
        ["content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"]
    );
    assert_eq!(frames[6].1["delta"]["stop_reason"], "refusal");
    assert_eq!(frames[6].1["usage"]["output_tokens"], json!(0));
    assert_eq!(frames[6].1["usage"]["cache_read_input_tokens"], Value::Null);
}

#[test]
fn arguments_that_are_no_object_become_one() {
    let inputs = |custom, pieces: &[&'static str]| {
        let slot = Slot::default();
        let mut events =
            vec![Event::ToolStart { slot, id: "a".into(), name: "f".into(), custom, state: None }];
        events.extend(pieces.iter().map(|piece| Event::ToolDelta(slot, (*piece).into())));
        events.push(Event::ToolEnd(slot));
        let frames = written(events);
        let pieces = frames.iter().filter_map(|(_, data)| data["delta"]["partial_json"].as_str());
        pieces.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(inputs(false, &["", " ", "{\"a\":", "1}"]), [" {\"a\":", "1}"]);
    assert_eq!(inputs(false, &["nu", "ll"]), ["{}"]);
    assert_eq!(inputs(false, &["\"{\\\"a\\\":1}\""]), ["{\"a\":1}"]);
    assert_eq!(inputs(false, &[]), Vec::<String>::new());
    assert_eq!(inputs(true, &["{", "x"]), ["{\"input\":\"{x\"}"]);
}

#[test]
fn after_an_error_nothing_comes() {
    let mut writer = AnthropicMessages.stream_out(&context());
    let mut out = Vec::new();
    writer.push(Event::Error(Failure::new(529, "x", "busy")), &mut out);
    writer.push(Event::Done, &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"},\"request_id\":\"req_1\"}\n\n"
    );
    let broken = written(vec![
        Event::Start { id: None, model: None, created: None },
        Event::Finish { choice: 0, reason: Finish::Error, stop_sequence: None },
        Event::Done,
    ]);
    assert_eq!(broken.last().unwrap().0, "error");
}

#[test]
fn an_upstreams_error_and_a_cut_are_no_end() {
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n";
    let events = events(error, usize::MAX);
    assert!(matches!(&events[..], [Event::Error(failure)] if failure.status == 529));
    let cut = FULL.split("event: message_stop").next().unwrap();
    assert!(!super::events(cut, usize::MAX).contains(&Event::Done));
}

#[test]
fn a_second_answer_inside_the_first_is_an_error_and_a_second_beginning_is_none() {
    let start = FULL.split("\n\n").next().unwrap();
    let twice = FULL.replacen("event: ping", &[start, "\n\nevent: ping"].concat(), 1);
    assert_eq!(
        events(&twice, usize::MAX).iter().filter(|event| matches!(event, Event::Start { .. })).count(),
        1
    );
    assert_eq!(events(&twice, usize::MAX).last(), Some(&Event::Done));
    let other = start.replace("msg_1", "msg_2");
    let spliced = FULL.replacen("event: ping", &[&other, "\n\nevent: ping"].concat(), 1);
    assert!(events(&spliced, usize::MAX).iter().any(|event| matches!(event, Event::Error(_))));
}

#[test]
fn servers_that_only_resemble_it_are_read() {
    // No message_start, whole input at the beginning of the block, no id.
    let stream = "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"name\":\"f\",\"input\":{\"a\":1}}}\n\n\
                  data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n";
    let events = events(stream, usize::MAX);
    assert!(matches!(&events[1], Event::ToolStart { id, .. } if id.starts_with("call_")));
    assert!(matches!(&events[2], Event::ToolDelta(_, text) if text == "{\"a\":1}"));
    assert!(matches!(events[4], Event::Finish { reason: Finish::ToolCalls, .. }));
    assert_eq!(events.last(), Some(&Event::Done));
}
