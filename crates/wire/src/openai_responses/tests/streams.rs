//! Streamed answers, both ways.

use super::*;
use crate::chat::{
    Bind, Citation, Collector, Event, Failure, Finish, Part, Response, Slot, State, StateKind, TokenLogprob,
};
use crate::relay::End;
use crate::translate::{Client, Pipe};
use std::borrow::Cow;

/// A stream of these events' data.
fn sse(events: &[Value]) -> String {
    events
        .iter()
        .map(|data| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or("")))
        .collect()
}

fn gathered(events: &[Value]) -> Result<Response<'static>, Failure> {
    let mut reader = OpenAiResponses.stream_in(&context());
    let mut collector = Collector::default();
    for data in events {
        let name = data["type"].as_str().unwrap_or("");
        reader.push(name, data.to_string().as_bytes(), &mut |event| collector.push(event))?;
    }
    reader.finish(&mut |event| collector.push(event));
    collector.finish()
}

fn parts(events: &[Value]) -> Vec<Part<'static>> {
    gathered(events).unwrap().choices.remove(0).parts
}

fn created() -> Value {
    json!({"type": "response.created", "response": {"id": "resp_1", "model": "gpt-x-1", "created_at": 5, "output": []}})
}

fn completed(output: &Value) -> Value {
    json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": output,
        "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}}})
}

/// What OpenAI sends: reasoning with a summary of two parts, text with a source, two calls that run beside each other.
fn rich() -> Vec<Value> {
    vec![
        created(),
        json!({"type": "response.in_progress", "response": {"id": "resp_1"}}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1", "summary": []}}),
        json!({"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 0, "part": {"type": "summary_text", "text": ""}}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "Why"}),
        json!({"type": "response.reasoning_summary_text.done", "output_index": 0, "summary_index": 0, "text": "Why"}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 1, "delta": "not"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA",
            "summary": [{"type": "summary_text", "text": "Why"}, {"type": "summary_text", "text": "not"}]}}),
        json!({"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "id": "msg_1", "content": []}}),
        json!({"type": "response.content_part.added", "output_index": 1, "content_index": 0, "part": {"type": "output_text", "text": ""}}),
        json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "Hello", "logprobs": [{"token": "Hello", "logprob": -1.0}]}),
        json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": " “you”", "obfuscation": "x"}),
        json!({"type": "response.output_text.annotation.added", "output_index": 1, "content_index": 0, "annotation_index": 0,
            "annotation": {"type": "url_citation", "url": "https://x.example", "title": "X", "start_index": 0, "end_index": 5}}),
        json!({"type": "response.output_text.done", "output_index": 1, "content_index": 0, "text": "Hello “you”"}),
        json!({"type": "response.content_part.done", "output_index": 1, "content_index": 0, "part": {"type": "output_text", "text": "Hello “you”",
            "annotations": [{"type": "url_citation", "url": "https://x.example"}]}}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": {"type": "message", "id": "msg_1", "content": [
            {"type": "output_text", "text": "Hello “you”", "annotations": [{"type": "url_citation", "url": "https://x.example"}]}]}}),
        json!({"type": "response.output_item.added", "output_index": 2, "item": {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": ""}}),
        json!({"type": "response.output_item.added", "output_index": 3, "item": {"type": "custom_tool_call", "id": "ct_1", "call_id": "call_2", "name": "p", "input": ""}}),
        json!({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{\"a\""}),
        json!({"type": "response.custom_tool_call_input.delta", "output_index": 3, "delta": "SELECT"}),
        json!({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": ":1}"}),
        json!({"type": "response.function_call_arguments.done", "output_index": 2, "arguments": "{\"a\":1}"}),
        json!({"type": "response.output_item.done", "output_index": 2, "item": {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{\"a\":1}"}}),
        json!({"type": "response.output_item.done", "output_index": 3, "item": {"type": "custom_tool_call", "id": "ct_1", "call_id": "call_2", "name": "p", "input": "SELECT 1"}}),
        completed(&json!([{"type": "message", "content": [{"type": "output_text", "text": "Hello “you”"}]}])),
    ]
}

#[test]
fn a_rich_stream_is_read() {
    let response = gathered(&rich()).unwrap();
    assert_eq!(
        (response.id.as_deref(), response.created, response.usage.output),
        (Some("resp_1"), Some(5), Some(2))
    );
    let choice = &response.choices[0];
    assert_eq!((choice.finish, choice.logprobs.len()), (Finish::ToolCalls, 1));
    let [Part::Reasoning(thought), Part::Text(text), Part::ToolCall(call), Part::ToolCall(custom)] =
        &choice.parts[..]
    else {
        panic!("{choice:?}")
    };
    assert_eq!((&*thought.text, &*thought.state.as_ref().unwrap().data), ("Why\n\nnot", "gAAA"));
    assert_eq!((&*text.text, text.citations.len()), ("Hello “you”", 1));
    assert_eq!((&*call.id, &*call.arguments), ("call_1", r#"{"a":1}"#));
    assert_eq!((&*custom.arguments, custom.custom), ("SELECT 1", true));
}

#[test]
fn it_is_the_same_byte_by_byte() {
    let stream = sse(&rich());
    let pipe = || Pipe::new(Format::OpenAiResponses, Format::OpenAiResponses, &context()).unwrap();
    let (mut whole, mut out) = (pipe(), Vec::new());
    whole.push(stream.as_bytes(), &mut out);
    whole.finish(End::Clean, &mut out);
    assert!(whole.progress().done);
    let (mut bytewise, mut again) = (pipe(), Vec::new());
    stream.as_bytes().iter().for_each(|byte| bytewise.push(&[*byte], &mut again));
    bytewise.finish(End::Clean, &mut again);
    assert_eq!(String::from_utf8(out).unwrap(), String::from_utf8(again).unwrap());
}

#[test]
fn what_deltas_left_out_comes_from_the_whole() {
    let text = |output: Value| completed(&output);
    let message = json!({"type": "message", "content": [{"type": "output_text", "text": "all"}]});
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"a\":1}"});
    // Only the last event.
    let only_last = parts(&[text(json!([message, call]))]);
    assert!(
        matches!(&only_last[..], [Part::Text(text), Part::ToolCall(call)] if text.text == "all" && call.arguments == r#"{"a":1}"#)
    );
    // Only whole items.
    let items = [
        json!({"type": "response.output_item.done", "output_index": 0, "item": message}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": call}),
        text(json!([message, call])),
    ];
    assert_eq!(parts(&items), only_last);
    // A beginning by deltas, the rest by the whole; gaps in the numbers.
    let begun = parts(&[
        created(),
        json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Got"}),
        json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Got it"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "message", "content": [{"type": "output_text", "text": "Got it"}]}}),
        json!({"type": "response.output_text.delta", "output_index": 2, "content_index": 0, "delta": "ok"}),
        json!({"type": "response.output_text.done", "output_index": 2, "content_index": 0, "text": "other"}),
        text(json!([{"type": "message", "content": [{"type": "output_text", "text": "Got it"}]},
            {"type": "message", "content": [{"type": "output_text", "text": "ok"}]}])),
    ]);
    assert!(matches!(&begun[..], [Part::Text(a), Part::Text(b)] if a.text == "Got it" && b.text == "ok"));
}

#[test]
fn open_models_think_aloud_and_beside_their_text() {
    // OpenRouter ends the reasoning after the text; Bedrock numbers its parts on.
    let said = parts(&[
        created(),
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "summary": []}}),
        json!({"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "We"}),
        json!({"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "content": []}}),
        json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 1, "delta": "4"}),
        json!({"type": "response.output_text.done", "output_index": 1, "content_index": 1, "text": "4"}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": {"type": "message", "content": [{"type": "output_text", "text": "4"}]}}),
        json!({"type": "response.reasoning_text.done", "output_index": 0, "content_index": 0, "text": "We"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "We"}]}}),
        completed(&json!([])),
    ]);
    assert!(
        matches!(&said[..], [Part::Reasoning(we), Part::Text(four)] if we.text == "We" && !we.summary && four.text == "4")
    );
}

#[test]
fn ends_are_told_apart() {
    let mut cut = completed(&json!([]));
    cut["type"] = json!("response.incomplete");
    cut["response"]["incomplete_details"] = json!({"reason": "max_output_tokens"});
    assert_eq!(gathered(&[created(), cut]).unwrap().choices[0].finish, Finish::Length);
    let refusal =
        json!({"type": "response.refusal.delta", "output_index": 0, "content_index": 0, "delta": "no"});
    let refused = gathered(&[created(), refusal, completed(&json!([]))]).unwrap();
    assert_eq!(
        (refused.choices[0].finish, &refused.choices[0].parts[0]),
        (Finish::Refusal, &Part::Refusal("no".into()))
    );
    for failed in [
        json!({"type": "error", "error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "quota"}}),
        json!({"type": "error", "code": "rate_limit_exceeded", "message": "quota", "param": null}),
        json!({"type": "response.failed", "response": {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "quota"}}}),
    ] {
        let failure = gathered(&[created(), failed]).unwrap_err();
        assert_eq!((failure.status, &*failure.message), (429, "quota"));
    }
    assert_eq!(gathered(&[created()]).unwrap_err().status, 502);
}

fn written(context: &Context, events: Vec<Event<'_>>) -> Vec<Value> {
    let mut writer = OpenAiResponses.stream_out(context);
    let mut out = Vec::new();
    events.into_iter().for_each(|event| writer.push(event, &mut out));
    let text = String::from_utf8(out).unwrap();
    let events: Vec<Value> = text
        .split_terminator("\n\n")
        .map(|event| {
            let (name, data) = event.split_once('\n').unwrap();
            let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
            data
        })
        .collect();
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    events
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap().trim_start_matches("response.")).collect()
}

const fn slot(block: u32) -> Slot {
    Slot { choice: 0, block }
}

fn start() -> Event<'static> {
    Event::Start { id: Some("chatcmpl-1".into()), model: Some("m-1".into()), created: Some(7) }
}

fn own(text: &str) -> Cow<'_, str> {
    text.into()
}

fn finish(reason: Finish) -> Event<'static> {
    Event::Finish { choice: 0, reason, stop_sequence: None }
}

#[test]
fn text_has_openais_order() {
    let events = written(
        &context(),
        vec![
            start(),
            Event::TextStart(slot(0)),
            Event::TextDelta(slot(0), own("a")),
            Event::Logprobs(0, vec![TokenLogprob { token: "a".into(), ..TokenLogprob::default() }]),
            Event::TextDelta(slot(0), own("b")),
            Event::Citation(
                slot(0),
                Citation { url: Some("https://x.example".into()), ..Citation::default() },
            ),
            Event::TextEnd(slot(0), None),
            finish(Finish::Length),
            Event::Usage(crate::Usage { input: Some(1), output: Some(2), ..crate::Usage::default() }),
            Event::Done,
        ],
    );
    assert_eq!(
        names(&events),
        [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.annotation.added",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "incomplete"
        ]
    );
    assert_eq!(events[7]["text"], "ab");
    assert_eq!(
        (&events[5]["logprobs"][0]["token"], &events[7]["logprobs"][0]["token"]),
        (&json!("a"), &json!("a"))
    );
    let last = &events[10]["response"];
    assert_eq!((&last["id"], &last["usage"]["total_tokens"]), (&json!("resp_chatcmpl-1"), &json!(3)));
    assert_eq!(last["output"][0], events[9]["item"]);
    assert_eq!(last["output"][0]["status"], "incomplete");
    assert_eq!(last["output"][0]["content"][0]["annotations"][0]["type"], "url_citation");
}

/// The events of `reasoning_calls_and_refusals_have_openais_order`, behind the first two.
const REASONED: [&str; 25] = [
    "output_item.added",
    "reasoning_summary_part.added",
    "reasoning_summary_text.delta",
    "reasoning_summary_text.done",
    "reasoning_summary_part.done",
    "output_item.done",
    "output_item.added",
    "output_item.added",
    "output_item.added",
    "custom_tool_call_input.delta",
    "function_call_arguments.delta",
    "function_call_arguments.done",
    "output_item.done",
    "function_call_arguments.delta",
    "function_call_arguments.done",
    "output_item.done",
    "custom_tool_call_input.done",
    "output_item.done",
    "output_item.added",
    "content_part.added",
    "refusal.delta",
    "refusal.done",
    "content_part.done",
    "output_item.done",
    "completed",
];

#[test]
fn reasoning_calls_and_refusals_have_openais_order() {
    let tool = |block, custom| Event::ToolStart {
        slot: slot(block),
        id: own("c"),
        name: own("f"),
        custom,
        state: None,
    };
    let claude = State { kind: StateKind::ClaudeSignature, bind: Bind::Reasoning, data: "S".into() };
    let events = written(
        &context(),
        vec![
            start(),
            Event::ReasoningStart(slot(0), false),
            Event::ReasoningDelta(slot(0), own("why")),
            Event::ReasoningEnd(slot(0), Some(claude)),
            // Calls that run beside each other, one of them without arguments.
            tool(1, false),
            tool(2, false),
            tool(3, true),
            Event::ToolDelta(slot(3), own("in")),
            Event::ToolDelta(slot(1), own("{}")),
            Event::ToolEnd(slot(1)),
            Event::ToolEnd(slot(2)),
            Event::ToolEnd(slot(3)),
            Event::RefusalDelta(0, own("no")),
            finish(Finish::ToolCalls),
            Event::Done,
        ],
    );
    assert_eq!(names(&events)[2..], REASONED);
    let output = events.last().unwrap()["response"]["output"].as_array().unwrap().clone();
    let kinds: Vec<_> = output.iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["reasoning", "function_call", "function_call", "custom_tool_call", "message"]);
    assert_eq!(output[0]["encrypted_content"], "wharf1.claude.reasoning.S");
    assert_eq!((&output[2]["arguments"], &output[3]["input"]), (&json!("{}"), &json!("in")));
    // The same stream has the same ids.
    assert_eq!(output[1]["id"], events[8]["item"]["id"]);
}

#[test]
fn state_of_calls_and_texts_travels_in_items_of_its_own() {
    let gemini = |bind| Some(State { kind: StateKind::GeminiThought, bind, data: "G".into() });
    let events = written(
        &context(),
        vec![
            start(),
            Event::TextStart(slot(0)),
            Event::TextDelta(slot(0), own("a")),
            Event::TextEnd(slot(0), gemini(Bind::Text)),
            Event::ToolStart {
                slot: slot(1),
                id: own("c"),
                name: own("f"),
                custom: false,
                state: gemini(Bind::Call),
            },
            Event::ToolEnd(slot(1)),
            finish(Finish::ToolCalls),
            Event::Done,
        ],
    );
    let output = events.last().unwrap()["response"]["output"].clone();
    let said: Vec<_> =
        output.as_array().unwrap().iter().map(|item| item["encrypted_content"].as_str()).collect();
    assert_eq!(said, [None, Some("wharf1.gemini.text.G"), Some("wharf1.gemini.call.G"), None]);
}

#[test]
fn a_failure_ends_the_stream() {
    let failure = || Event::Error(Failure::new(502, "upstream_incomplete", "cut"));
    let first = written(&context(), vec![failure(), Event::Done]);
    assert_eq!(
        first,
        [
            json!({"type": "error", "sequence_number": 0, "code": "upstream_incomplete", "message": "cut", "param": null})
        ]
    );
    let later = written(
        &context(),
        vec![start(), Event::TextStart(slot(0)), Event::TextDelta(slot(0), own("a")), failure(), Event::Done],
    );
    assert_eq!(names(&later)[4..], ["output_text.delta", "error", "failed"]);
    assert_eq!(later.last().unwrap()["response"]["error"], json!({"code": "server_error", "message": "cut"}));
}

#[test]
fn the_first_delta_leaves_at_once() {
    let mut writer = OpenAiResponses.stream_out(&context());
    let mut out = Vec::new();
    for event in [start(), Event::TextStart(slot(0)), Event::TextDelta(slot(0), own("now"))] {
        writer.push(event, &mut out);
    }
    assert!(String::from_utf8(out).unwrap().contains(r#""delta":"now""#));
}
