//! Streamed answers.

use super::{context, events, json, piped};
use crate::chat::{Collector, Failure, Part, Response};
use crate::translate::{Context, Upstream as _};
use crate::{End, Format};
use serde_json::{Value, json as value};

fn gathered(chunks: &[&str]) -> Result<Response<'static>, Failure> {
    let mut reader = super::super::GeminiGenerate.stream_in(&context());
    let mut collector = Collector::default();
    for chunk in chunks {
        reader.push("", chunk.as_bytes(), &mut |event| collector.push(event))?;
    }
    reader.finish(&mut |event| collector.push(event));
    collector.finish()
}

const CHUNKS: &[&str] = &[
    r#"{"candidates": [{"content": {"parts": [{"text": "**Look**", "thought": true}]}, "index": 0}], "usageMetadata": {"trafficType": "ON_DEMAND"}, "responseId": "r1", "modelVersion": "m"}"#,
    r#"{"candidates": [{"content": {"parts": [{"text": "Är det"}]}, "index": 0}], "usageMetadata": {"promptTokenCount": 5}}"#,
    r#"{"candidates": [{"content": {"parts": [{"text": " så?"}]}, "index": 0}]}"#,
    r#"{"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "U2ln"}, {"functionCall": {"name": "g"}}]}, "index": 0}]}"#,
    r#"{"candidates": [{"content": {"parts": [{"text": "", "thoughtSignature": "RW5k"}]}, "finishReason": "STOP", "index": 0}], "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 6, "thoughtsTokenCount": 2, "totalTokenCount": 13}}"#,
];

#[test]
fn a_stream_goes_through_chunk_by_chunk() {
    let body = events(CHUNKS);
    let whole = piped(body.as_bytes(), body.len(), &context());
    assert_eq!(piped(body.as_bytes(), 1, &context()), whole);
    let chunks: Vec<Value> = whole
        .split_terminator("\r\n\r\n")
        .map(|event| json(event.strip_prefix("data: ").unwrap().as_bytes()))
        .collect();
    let parts: Vec<_> =
        chunks.iter().map(|chunk| chunk["candidates"][0]["content"]["parts"][0].clone()).collect();
    assert_eq!(
        parts,
        [
            value!({"text": "**Look**", "thought": true}),
            value!({"text": "Är det"}),
            value!({"text": " så?"}),
            value!({"functionCall": {"id": crate::chat::mint_id("r1", 0), "name": "f", "args": {"a": 1}}, "thoughtSignature": "U2ln"}),
            value!({"functionCall": {"id": crate::chat::mint_id("r1", 1), "name": "g", "args": {}}}),
            value!({"text": "", "thoughtSignature": "RW5k"}),
            value!({"text": ""}),
        ]
    );
    let last = chunks.last().unwrap();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert_eq!(
        last["usageMetadata"],
        value!({"promptTokenCount": 5, "candidatesTokenCount": 6, "thoughtsTokenCount": 2, "totalTokenCount": 13})
    );
    assert_eq!((&last["responseId"], &last["modelVersion"]), (&value!("r1"), &value!("m")));
}

#[test]
fn without_events_it_is_one_list() {
    let body = events(CHUNKS);
    let context = Context { json_array: true, ..context() };
    let list = json(piped(body.as_bytes(), 7, &context).as_bytes());
    assert_eq!(list.as_array().unwrap().len(), 7);
    // An error closes it.
    let broken =
        events(&[CHUNKS[0], r#"{"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}"#]);
    let list = json(piped(broken.as_bytes(), 7, &context).as_bytes());
    assert_eq!(list[1]["error"]["code"], 503);
    let early = events(&[r#"{"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}"#]);
    assert_eq!(json(piped(early.as_bytes(), 7, &context).as_bytes())[0]["error"]["status"], "UNAVAILABLE");
}

#[test]
fn the_first_text_leaves_at_once() {
    let mut pipe =
        crate::translate::Pipe::new(Format::GeminiGenerate, Format::GeminiGenerate, &context()).unwrap();
    let mut out = Vec::new();
    pipe.push(events(&CHUNKS[1..2]).as_bytes(), &mut out);
    assert!(String::from_utf8_lossy(&out).contains("Är det"));
}

#[test]
fn a_cut_is_an_error() {
    let body = events(&CHUNKS[..3]);
    assert!(piped(body.as_bytes(), body.len(), &context()).contains("upstream_incomplete"));
    let mut pipe =
        crate::translate::Pipe::new(Format::GeminiGenerate, Format::GeminiGenerate, &context()).unwrap();
    let mut out = Vec::new();
    pipe.push(body.as_bytes(), &mut out);
    pipe.finish(End::Cut, &mut out);
    assert!(out.ends_with(b"\r\n\r\n") && pipe.progress().failure.is_some());
}

#[test]
fn behind_its_finish_reason_a_cut_does_no_harm_but_inside_an_event_it_does() {
    let whole = events(CHUNKS);
    for to in [Format::OpenAiResponses, Format::OpenAiChat, Format::AnthropicMessages, Format::GeminiGenerate]
    {
        for (end, behind, told) in [
            (End::Cut, "", false),
            (End::IdleTimeout, "", false),
            (End::Cut, "data: {\"candidates\"", true),
            (End::Cut, "data: {}\n", true),
        ] {
            let mut pipe = crate::translate::Pipe::new(Format::GeminiGenerate, to, &context()).unwrap();
            let mut out = Vec::new();
            pipe.push(format!("{whole}{behind}").as_bytes(), &mut out);
            pipe.finish(end, &mut out);
            let progress = pipe.progress();
            assert_eq!((progress.done, progress.failure.is_some()), (!told, told), "{to}: {end:?} {behind}");
        }
    }
}

#[test]
fn arguments_in_pieces_become_whole() {
    let call = |call: &str| {
        format!(r#"{{"candidates": [{{"content": {{"parts": [{{"functionCall": {call}}}]}}}}]}}"#)
    };
    let calls = [
        r#"{"name": "write", "willContinue": true}"#,
        r#"{"partialArgs": [{"jsonPath": "$.list[0].name", "stringValue": "Ap", "willContinue": true}], "willContinue": true}"#,
        r#"{"partialArgs": [{"jsonPath": "$.list[0].name", "stringValue": "ple"}], "willContinue": true}"#,
        r#"{"partialArgs": [{"jsonPath": "$.list[1]['the price']", "numberValue": 0.5}, {"jsonPath": "$.ok", "boolValue": true}], "willContinue": true}"#,
        r#"{"partialArgs": [{"jsonPath": "$.none", "nullValue": "NULL_VALUE"}]}"#,
        r#"{"name": "look", "willContinue": true}"#,
    ];
    let mut chunks: Vec<String> = calls.into_iter().map(call).collect();
    // The last one has no end of its own.
    chunks.push(
        r#"{"candidates": [{"content": {"parts": [{"text": ""}]}, "finishReason": "STOP"}]}"#.to_owned(),
    );
    let response = gathered(&chunks.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    let [Part::ToolCall(write), Part::ToolCall(look)] = response.choices[0].parts.as_slice() else {
        panic!()
    };
    let want = value!({"list": [{"name": "Apple"}, {"the price": 0.5}], "ok": true, "none": null});
    assert_eq!(json(write.arguments.as_bytes()), want);
    assert_eq!((&*look.name, &*look.arguments), ("look", ""));
}

#[test]
fn strange_chunks_do_no_harm() {
    let odd = [
        "{}",
        "null",
        "[]",
        r#"{"candidates": [null, 1, {"content": 1}, {"content": {"parts": [null, 5, {}, {"functionCall": {}}, {"functionCall": 1}]}}]}"#,
        r#"{"candidates": [{"index": 99999999999, "content": {"parts": [{"functionCall": {"partialArgs": [{"jsonPath": "$[99999999]"}]}}]}}]}"#,
        r#"{"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "willContinue": true, "partialArgs": [{"jsonPath": "$[1e9"}, {"jsonPath": "$['\\"}, {"jsonPath": "..["}]}}]}}]}"#,
        r#"{"candidates": [{"finishReason": "NEW_WORD", "groundingMetadata": {"groundingSupports": [{}]}}], "usageMetadata": 7}"#,
    ];
    assert!(gathered(&odd).is_ok());
    assert!(gathered(&["not json"]).is_err());
    assert_eq!(gathered(&[]).unwrap_err(), Failure::incomplete());
}

#[test]
fn anothers_state_goes_with_what_follows_the_thoughts() {
    use crate::chat::{Bind, Event, Slot, State, StateKind};
    use crate::translate::Client as _;
    let state = |data| State { kind: StateKind::ClaudeSignature, bind: Bind::Reasoning, data };
    let parts = |events: Vec<Event<'_>>| -> Vec<Value> {
        let mut writer = super::super::GeminiGenerate.stream_out(&context());
        let mut out = Vec::new();
        events.into_iter().for_each(|event| writer.push(event, &mut out));
        let text = String::from_utf8(out).unwrap();
        let chunks = text
            .split_terminator("\r\n\r\n")
            .map(|event| json(event.strip_prefix("data: ").unwrap().as_bytes()));
        chunks.map(|chunk| chunk["candidates"][0]["content"]["parts"][0].clone()).collect()
    };
    let slot = |at| Slot { choice: 0, block: at };
    let thought = |at, data: &'static str| {
        [
            Event::ReasoningStart(slot(at), false),
            Event::ReasoningDelta(slot(at), "hm".into()),
            Event::ReasoningEnd(slot(at), Some(state(data.into()))),
        ]
    };
    let signature = |data: &'static str| super::super::signature::slot(&state(data.into())).into_owned();
    let said = parts(
        [&thought(0, "a")[..], &thought(1, "b")[..], &[Event::TextDelta(slot(2), "yes".into()), Event::Done]]
            .concat(),
    );
    assert_eq!(
        said,
        [
            value!({"text": "hm", "thought": true}),
            value!({"text": "", "thought": true, "thoughtSignature": signature("a")}),
            value!({"text": "hm", "thought": true}),
            value!({"text": "yes", "thoughtSignature": signature("b")}),
            value!({"text": ""}),
        ]
    );
    let alone = parts([&thought(0, "a")[..], &[Event::Done]].concat());
    assert_eq!(alone[1], value!({"text": "", "thought": true, "thoughtSignature": signature("a")}));
}
