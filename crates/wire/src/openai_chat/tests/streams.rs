//! Streams: what providers send, what callers get.

use super::context;
use crate::chat::{Collector, Event, Finish, Part, StateKind};
use crate::openai_chat::{OpenAiChat, types::LEGACY};
use crate::relay::End;
use crate::translate::{Client, Context, Pipe, Upstream};
use crate::{Format, chat::Response};
use serde_json::{Value, json};

/// Chunks with these choices, as a stream.
fn stream(choices: &[&str]) -> String {
    let chunks = choices.iter().map(|choice| {
        format!("data: {{\"id\":\"a1\",\"model\":\"m1\",\"created\":5,\"choices\":[{choice}]}}\n\n")
    });
    chunks.collect::<String>() + "data: [DONE]\n\n"
}

fn delta(delta: &str) -> String {
    format!(r#"{{"index":0,"delta":{delta},"finish_reason":null}}"#)
}

fn events(body: &str) -> Vec<Event<'static>> {
    let mut reader = OpenAiChat.stream_in(&context());
    let mut all = Vec::new();
    for event in body.split("\n\n").filter(|event| !event.is_empty()) {
        let name = event.lines().find_map(|line| line.strip_prefix("event: ")).unwrap_or_default();
        let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
        reader.push(name, data.as_bytes(), &mut |event| all.push(event.into_owned())).unwrap();
    }
    all
}

fn gathered(body: &str) -> Response<'static> {
    let mut collector = Collector::default();
    events(body).into_iter().for_each(|event| collector.push(event));
    collector.finish().unwrap()
}

fn calls(deltas: &[&str]) -> Vec<(String, String, String)> {
    let deltas: Vec<String> = deltas.iter().map(|it| delta(&format!(r#"{{"tool_calls":[{it}]}}"#))).collect();
    let body = stream(&deltas.iter().map(String::as_str).collect::<Vec<_>>());
    let parts = gathered(&body).choices.remove(0).parts;
    let calls = parts.into_iter().filter_map(|part| match part {
        Part::ToolCall(call) => {
            Some((call.id.into_owned(), call.name.into_owned(), call.arguments.into_owned()))
        }
        _ => None,
    });
    calls.collect()
}

fn pipe(body: &str, context: &Context) -> String {
    let mut pipe = Pipe::new(Format::OpenAiChat, Format::OpenAiChat, context).unwrap();
    let mut out = Vec::new();
    pipe.push(body.as_bytes(), &mut out);
    pipe.finish(End::Clean, &mut out);
    String::from_utf8(out).unwrap()
}

fn chunks(body: &str) -> Vec<Value> {
    let data = body.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[test]
fn calls_are_told_apart_however_they_are_numbered() {
    let call = |id: &str, name: &str, arguments: &str| (id.to_owned(), name.to_owned(), arguments.to_owned());
    let expected = [call("x", "a", r#"{"k":1}"#), call("y", "b", "{}")];
    // By number, arguments in pieces, the second beside the first.
    let found = calls(&[
        r#"{"index":0,"id":"x","type":"function","function":{"name":"a","arguments":""}}"#,
        r#"{"index":1,"id":"y","type":"function","function":{"name":"b","arguments":"{"}}"#,
        r#"{"index":0,"function":{"arguments":"{\"k\""}},{"index":1,"function":{"arguments":"}"}}"#,
        r#"{"index":0,"function":{"arguments":":1}"}}"#,
    ]);
    assert_eq!(found, expected);
    // Id and name with every piece.
    let found = calls(&[
        r#"{"index":0,"id":"x","function":{"name":"a","arguments":"{\"k\""}}"#,
        r#"{"index":0,"id":"x","function":{"name":"a","arguments":":1}"}}"#,
        r#"{"index":1,"id":"y","function":{"name":"b","arguments":"{}"}}"#,
    ]);
    assert_eq!(found, expected);
    // The number starts anew with each call.
    let found = calls(&[
        r#"{"index":0,"id":"x","function":{"name":"a","arguments":"{\"k\":1}"}}"#,
        r#"{"index":0,"id":"y","function":{"name":"b","arguments":"{}"}}"#,
    ]);
    assert_eq!(found, expected);
    // No number at all.
    let found = calls(&[
        r#"{"id":"x","function":{"name":"a","arguments":"{\"k\":"}}"#,
        r#"{"function":{"arguments":"1}"}}"#,
        r#"{"id":"y","function":{"name":"b","arguments":{}}}"#,
    ]);
    assert_eq!(found, expected);
    // Neither number nor id, whole calls.
    let found = calls(&[
        r#"{"id":"","function":{"name":"a","arguments":"{}"}},{"function":{"name":"a","arguments":"{}"}}"#,
    ]);
    assert_eq!(found.len(), 2);
    assert!(found[0].0 != found[1].0 && found.iter().all(|(id, ..)| id.starts_with("call_")));
    // A word for nothing.
    let found = calls(&[r#"{"index":0,"id":"x","function":{"name":"a","arguments":"null"}}"#]);
    assert_eq!(found, [call("x", "a", "")]);
    // The name comes late.
    let found = calls(&[
        r#"{"index":0,"id":"x","function":{"arguments":"{\"k\":"}}"#,
        r#"{"index":0,"function":{"name":"a","arguments":"1}"}}"#,
    ]);
    assert_eq!(found, expected[..1]);
}

#[test]
fn the_older_function_call_is_a_call() {
    let body = stream(&[
        &delta(r#"{"role":"assistant","content":null,"function_call":{"name":"a","arguments":""}}"#),
        &delta(r#"{"function_call":{"arguments":"{}"}}"#),
        r#"{"index":0,"delta":{},"finish_reason":"function_call"}"#,
    ]);
    let choice = gathered(&body).choices.remove(0);
    assert_eq!(choice.finish, Finish::ToolCalls);
    assert!(
        matches!(&choice.parts[..], [Part::ToolCall(call)] if call.name == "a" && call.arguments == "{}")
    );
}

#[test]
fn text_that_is_said_twice_is_read_once() {
    let long = "A sentence that is long enough.";
    let body = stream(&[
        &delta(r#"{"content":"A sentence "}"#),
        &delta(r#"{"content":"that is long enough."}"#),
        &format!(
            r#"{{"index":0,"delta":{{"content":"{long}"}},"message":{{"content":"{long}"}},"finish_reason":"stop"}}"#
        ),
        r#"{"index":0,"delta":{"content":""},"finish_reason":"stop"}"#,
    ]);
    assert_eq!(gathered(&body).choices[0].parts, [Part::text(long)]);
}

#[test]
fn usage_and_sources_are_read_wherever_they_stand() {
    let chunk = |more: &str| format!("data: {{\"id\":\"a1\",{more}}}\n\n");
    let body = chunk(r#""choices":[],"prompt_filter_results":[]"#)
        + &chunk(
            r#""choices":[{"index":0,"delta":{"content":"x"}}],"citations":["https://a.example"],"usage":{"prompt_tokens":1,"completion_tokens":1}"#,
        )
        + &chunk(
            r#""choices":[{"index":0,"delta":{"content":"y"},"finish_reason":"stop"}],"citations":["https://a.example"],"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
        );
    let mut reader = OpenAiChat.stream_in(&context());
    let mut collector = Collector::default();
    for event in body.split("\n\n").filter(|event| !event.is_empty()) {
        reader.push("", &event.as_bytes()[6..], &mut |event| collector.push(event)).unwrap();
    }
    // No `[DONE]`: whole by its reason.
    reader.finish(&mut |event| collector.push(event));
    let response = collector.finish().unwrap();
    assert_eq!(response.usage.output, Some(2));
    let [Part::Text(text)] = &response.choices[0].parts[..] else { panic!() };
    assert_eq!((text.text.as_ref(), text.citations.len()), ("xy", 1));
}

#[test]
fn reasoning_comes_once_with_its_state() {
    let body = stream(&[
        &delta(
            r#"{"reasoning":"Th","reasoning_details":[{"type":"reasoning.text","text":"Th","format":"anthropic-claude-v1","index":0}]}"#,
        ),
        &delta(
            r#"{"reasoning":"ink","reasoning_details":[{"type":"reasoning.text","text":"ink","format":"anthropic-claude-v1","index":0}]}"#,
        ),
        &delta(
            r#"{"content":"","reasoning_details":[{"type":"reasoning.text","signature":"s","format":"anthropic-claude-v1","index":0}]}"#,
        ),
        &delta(
            r#"{"content":"","reasoning_details":[{"type":"reasoning.encrypted","data":"g","id":"c1","format":"google-gemini-v1","index":1}]}"#,
        ),
        &delta(r#"{"content":"Yes"}"#),
        &delta(r#"{"tool_calls":[{"index":0,"id":"c1","function":{"name":"a","arguments":"{}"}}]}"#),
    ]);
    let choice = gathered(&body).choices.remove(0);
    let [Part::Reasoning(thought), Part::Text(_), Part::ToolCall(call)] = &choice.parts[..] else {
        panic!("{:?}", choice.parts)
    };
    assert_eq!((&*thought.text, thought.state.as_ref().unwrap().kind), ("Think", StateKind::ClaudeSignature));
    assert_eq!(call.state.as_ref().unwrap().data, "g");
    assert_eq!(choice.finish, Finish::ToolCalls);
}

#[test]
fn errors_end_the_stream() {
    for error in [
        "event: error\ndata: {\"error\":{\"message\":\"m\",\"code\":\"tool_use_failed\",\"type\":\"invalid_request_error\"}}\n\n",
        "data: {\"id\":\"a1\",\"error\":{\"code\":502,\"message\":\"m\"},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n",
        "data: {\"id\":\"a1\",\"choices\":[],\"x_groq\":{\"id\":\"r\",\"error\":\"over_capacity\"}}\n\n",
    ] {
        let body = stream(&[&delta(r#"{"content":"x"}"#)]).replace("data: [DONE]\n\n", "") + error;
        assert!(matches!(events(&body).last(), Some(Event::Error(_))), "{error}");
        let out = pipe(&body, &context());
        let last = chunks(&out).pop().unwrap();
        assert!(last.get("error").is_some() && !out.contains("[DONE]"), "{out}");
    }
    let cut = stream(&[&delta(r#"{"content":"x"}"#)]).replace("data: [DONE]\n\n", "");
    let out = pipe(&cut, &context());
    assert_eq!(chunks(&out).pop().unwrap()["error"]["code"], "upstream_incomplete");
}

/// A stream with everything.
fn rich() -> String {
    let body = stream(&[
        &delta(r#"{"role":"assistant","content":"","refusal":null}"#),
        &delta(r#"{"reasoning_content":"Hm"}"#),
        &delta(r#"{"content":"Hé"}"#),
        r#"{"index":1,"delta":{"content":"Other"},"finish_reason":null}"#,
        &delta(
            r#"{"annotations":[{"type":"url_citation","url_citation":{"url":"https://a.example","title":"A"}}]}"#,
        ),
        &delta(
            r#"{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"a","arguments":""}}]}"#,
        ),
        &delta(r#"{"tool_calls":[{"index":1,"id":"c2","type":"custom","custom":{"name":"b","input":""}}]}"#),
        &delta(r#"{"tool_calls":[{"index":1,"custom":{"input":"ls"}}]}"#),
        r#"{"index":0,"delta":{},"finish_reason":"tool_calls"}"#,
        r#"{"index":1,"delta":{"refusal":"No"},"finish_reason":"stop"}"#,
    ]);
    let usage = "data: {\"id\":\"a1\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}}\n\n";
    body.replace("data: [DONE]\n\n", "") + usage + "data: [DONE]\n\n"
}

#[test]
fn a_rich_stream_is_written_whole() {
    let out = pipe(&rich(), &Context { include_usage: true, ..context() });
    assert!(out.ends_with("data: [DONE]\n\n"));
    let chunks = chunks(&out);
    let of = |index: u64| -> Vec<Value> {
        let choices = chunks.iter().filter_map(|chunk| chunk["choices"].get(0));
        choices.filter(|choice| choice["index"] == index).map(|choice| choice["delta"].clone()).collect()
    };
    assert_eq!(
        of(0),
        [
            json!({"role": "assistant", "content": "", "refusal": null}),
            json!({"reasoning_content": "Hm", "reasoning_details": [{"type": "reasoning.text", "text": "Hm", "index": 0}]}),
            json!({"content": "Hé"}),
            json!({"annotations": [{"type": "url_citation", "url_citation": {
                "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2}}]}),
            json!({"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "a", "arguments": ""}}]}),
            json!({"tool_calls": [{"index": 1, "id": "c2", "type": "custom", "custom": {"name": "b", "input": ""}}]}),
            json!({"tool_calls": [{"index": 1, "custom": {"input": "ls"}}]}),
            json!({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}),
            json!({}),
        ]
    );
    assert_eq!(of(1)[1..], [json!({"content": "Other"}), json!({"refusal": "No"}), json!({})]);
    let last = chunks.last().unwrap();
    assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &json!(7)));
    assert!(chunks[..chunks.len() - 1].iter().all(|chunk| chunk["usage"] == Value::Null));
    assert!(
        chunks.iter().all(|chunk| chunk["id"] == "a1" && chunk["created"] == 5 && chunk["model"] == "m1")
    );
}

#[test]
fn usage_is_only_written_where_it_was_asked_for() {
    let out = pipe(&rich(), &context());
    assert!(!out.contains("\"usage\""), "{out}");
}

#[test]
fn old_callers_get_the_old_form() {
    let out = pipe(&rich(), &Context { echo: LEGACY.to_owned(), ..context() });
    assert!(out.contains(r#""function_call":{"name":"a","arguments":""}"#), "{out}");
    assert!(out.contains(r#""finish_reason":"function_call""#) && !out.contains("tool_calls"), "{out}");
}

#[test]
fn whole_or_byte_by_byte_it_is_the_same() {
    let body = ": comment\r\n\r\n".to_owned() + &rich();
    let whole = pipe(&body, &context());
    let mut pipe = Pipe::new(Format::OpenAiChat, Format::OpenAiChat, &context()).unwrap();
    let mut out = Vec::new();
    body.as_bytes().iter().for_each(|byte| pipe.push(&[*byte], &mut out));
    pipe.finish(End::Clean, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), whole);
    let again = self::pipe(&whole, &context());
    assert_eq!(again, whole);
}

#[test]
fn a_broken_answer_is_no_clean_end() {
    let mut writer = OpenAiChat.stream_out(&context());
    let mut out = Vec::new();
    for event in [
        Event::Start { id: None, model: None, created: None },
        Event::Finish { choice: 0, reason: Finish::Error, stop_sequence: None },
        Event::Done,
    ] {
        writer.push(event, &mut out);
    }
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("\"error\"") && !out.contains("[DONE]"), "{out}");
}

#[test]
fn very_many_open_calls_are_each_found_at_once() {
    let many = 20_000_u32;
    let mut body = String::new();
    for at in 0..many {
        body.push_str(&format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":{at},\"id\":\"c{at}\",\"function\":{{\"name\":\"f\",\"arguments\":\"{{\"}}}}]}}}}]}}\n\n"));
    }
    body.push_str("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n");
    let ends = events(&body).into_iter().filter_map(|event| match event {
        Event::ToolEnd(slot) => Some(slot.block),
        _ => None,
    });
    assert!(ends.eq(0..many));
}
