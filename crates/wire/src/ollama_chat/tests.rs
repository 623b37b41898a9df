//! Requests as they go out, answers as they come in. Recordings are replayed elsewhere.

use super::*;
use crate::chat::sample::{self, full, image, odd, text_file, weather};
use crate::chat::{
    Collector, Effort, Event, Field, Finish, Media, MediaKind, Part, Quirks, ReasoningAsk, ReasoningWish,
    ResponseFormat, Role, Source, ToolCall, ToolChoice, Turn,
};
use crate::frame::json_lines::JsonLines;
use crate::json::parse_lossy;
use serde_json::{Value, json};

fn written(request: &Request<'_>, quirks: &Quirks) -> (Value, Vec<Field>) {
    let target = Target { model: "qwen3", stream: false, quirks };
    let written = OllamaChat.write_request(request, &target).unwrap();
    (serde_json::from_slice(&written.body).unwrap(), written.losses.fields().to_vec())
}

fn user(parts: Vec<Part<'static>>) -> Request<'static> {
    Request { turns: vec![Turn { role: Role::User, parts, ..Turn::default() }], ..Request::default() }
}

#[test]
fn a_full_request() {
    let (body, losses) = written(&full(), &Quirks::default());
    let call = |id: &str, arguments: Value| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}});
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false});
    let expected = json!({
        "model": "qwen3",
        "stream": false,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is this?", "images": [sample::PNG]},
            {"role": "assistant", "content": "A dot."},
            {"role": "user", "content": "And the weather?"},
            {"role": "assistant", "content": "Let me see.", "thinking": "Two cities.",
             "tool_calls": [call("call_1", json!({"city": "Oslo"})), call("call_2", json!({}))]},
            {"role": "tool", "content": r#"{"c":-3}"#, "tool_name": "weather", "tool_call_id": "call_1"},
            {"role": "tool", "content": "no such city", "tool_name": "weather", "tool_call_id": "call_2"},
            {"role": "user", "content": "Go on."}],
        "tools": [{"type": "function",
            "function": {"name": "weather", "description": "Tells the weather.", "parameters": schema}}],
        "options": {"num_predict": 500, "temperature": 0.5, "top_p": 0.9, "top_k": 40, "stop": ["END"]},
    });
    assert_eq!(body, expected);
    assert_eq!(losses, [Field::CacheControl, Field::ReasoningHistory, Field::ToolError, Field::Strict]);
}

#[test]
fn what_has_no_place_is_listed() {
    let (body, losses) = written(&odd(), &Quirks::default());
    assert_eq!(
        body,
        json!({"model": "qwen3", "stream": false, "messages": [{"role": "user", "content": "Hi"}],
            "options": {"frequency_penalty": 0.5, "presence_penalty": 0.25, "seed": 7},
            "logprobs": true, "top_logprobs": 3})
    );
    assert_eq!(
        losses,
        [
            Field::N,
            Field::LogitBias,
            Field::Verbosity,
            Field::ServiceTier,
            Field::Metadata,
            Field::User,
            Field::CacheKey,
            Field::Store,
            Field::ParallelToolCalls,
        ]
    );
}

#[test]
fn thinking_is_a_word_or_a_switch() {
    let ask = |effort, reasoning| {
        let reasoning_wish = ReasoningWish { effort: Some(effort), ..ReasoningWish::default() };
        let request = Request { reasoning: reasoning_wish, ..user(vec![Part::text("Hi")]) };
        let (body, losses) = written(&request, &Quirks { reasoning, ..Quirks::default() });
        (body["think"].clone(), losses)
    };
    assert_eq!(ask(Effort::Minimal, ReasoningAsk::Effort), (json!("low"), vec![]));
    assert_eq!(ask(Effort::Max, ReasoningAsk::Level), (json!("max"), vec![]));
    assert_eq!(ask(Effort::High, ReasoningAsk::Switch), (json!(true), vec![]));
    assert_eq!(ask(Effort::None, ReasoningAsk::Effort), (json!(false), vec![]));
    assert_eq!(ask(Effort::High, ReasoningAsk::None), (Value::Null, vec![Field::Reasoning]));
}

#[test]
fn tools_can_be_offered_and_no_more() {
    let choose = |choice| {
        let request =
            Request { tools: vec![weather()], tool_choice: Some(choice), ..user(vec![Part::text("Hi")]) };
        let (body, losses) = written(&request, &Quirks::default());
        (body["tools"].as_array().map_or(0, Vec::len), losses.contains(&Field::ToolChoice))
    };
    assert_eq!(choose(ToolChoice::Auto), (1, false));
    assert_eq!(choose(ToolChoice::None), (0, false));
    assert_eq!(choose(ToolChoice::Required), (1, true));
    assert_eq!(choose(ToolChoice::Tool("weather".into())), (1, true));
}

#[test]
fn the_form_of_the_answer() {
    let form = ResponseFormat::JsonSchema {
        name: None,
        description: None,
        schema: r#"{"type":"object"}"#.into(),
        strict: None,
    };
    for (form, expected) in [
        (form, json!({"type": "object"})),
        (ResponseFormat::JsonObject, json!("json")),
        (ResponseFormat::Text, Value::Null),
    ] {
        let request = Request { response_format: Some(form), ..user(vec![Part::text("Hi")]) };
        assert_eq!(written(&request, &Quirks::default()), {
            let (mut body, losses) = written(&user(vec![Part::text("Hi")]), &Quirks::default());
            if expected != Value::Null {
                body["format"] = expected;
            }
            (body, losses)
        });
    }
}

#[test]
fn media_are_images_and_bytes() {
    let refused = |media| {
        let quirks = Quirks::default();
        let target = Target { model: "m", stream: false, quirks: &quirks };
        OllamaChat.write_request(&user(vec![Part::Media(media)]), &target).unwrap_err()
    };
    let url = refused(Media::new(MediaKind::Image, Source::Url("https://a.example/b.png".into())));
    assert_eq!((url.field, url.fetch.as_deref()), (Field::Image, Some("https://a.example/b.png")));
    assert_eq!(refused(Media::new(MediaKind::File, Source::Base64("JVBERi0=".into()))).field, Field::File);
    assert_eq!(refused(Media::new(MediaKind::Audio, Source::Base64("AA==".into()))).field, Field::Audio);
    let low = Media { detail: Some("low".into()), ..image() };
    let (body, losses) = written(&user(vec![Part::Media(text_file()), Part::Media(low)]), &Quirks::default());
    assert_eq!(body["messages"][0], json!({"role": "user", "content": "one, two", "images": [sample::PNG]}));
    assert_eq!(losses, [Field::Detail]);
}

fn context() -> Context {
    Context { request_id: "r1".into(), ..Context::default() }
}

fn read(json: &Value) -> Result<Response<'static>, Failure> {
    let json = parse_lossy(json.to_string().leak().as_bytes()).unwrap();
    OllamaChat.read_response(&json, &context())
}

#[test]
fn a_whole_answer() {
    let answer = read(&json!({
        "model": "qwen3", "created_at": "2025-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": "Let me see.", "thinking": "Hm.", "tool_calls": [
            {"id": "call_x", "function": {"index": 0, "name": "weather", "arguments": {"city": "Oslo"}}},
            {"function": {"name": "now", "arguments": {}}}]},
        "done": true, "done_reason": "stop", "prompt_eval_count": 26, "eval_count": 298, "total_duration": 1,
        "logprobs": [{"token": "Let", "logprob": -0.5, "bytes": [76, 101, 116],
            "top_logprobs": [{"token": "Let", "logprob": -0.5}]}],
    }))
    .unwrap();
    assert_eq!((answer.usage.input, answer.usage.output), (Some(26), Some(298)));
    let [choice] = &*answer.choices else { panic!() };
    assert_eq!(choice.finish, Finish::ToolCalls, "calls end with `stop`");
    assert_eq!((choice.logprobs[0].top.len(), choice.logprobs[0].bytes.as_deref()), (1, Some(&b"Let"[..])));
    assert!(matches!(&choice.parts[0], Part::Reasoning(thought) if thought.text == "Hm."));
    assert_eq!(choice.parts[1], Part::text("Let me see."));
    let call = ToolCall {
        id: "call_x".into(),
        name: "weather".into(),
        arguments: r#"{"city":"Oslo"}"#.into(),
        ..ToolCall::default()
    };
    assert_eq!(choice.parts[2], Part::ToolCall(call));
    assert!(
        matches!(&choice.parts[3], Part::ToolCall(call) if call.id.starts_with("call_") && call.arguments == "{}")
    );
    // An empty prompt only loads the model.
    let loaded = read(
        &json!({"model": "m", "message": {"role": "assistant", "content": ""}, "done": true, "done_reason": "load"}),
    );
    assert_eq!(loaded.unwrap().choices[0].finish, Finish::Stop);
}

#[test]
fn errors() {
    let failure = OllamaChat.read_error(404, None, br#"{"error":"model 'x' not found"}"#);
    assert_eq!((failure.status, failure.message.as_str()), (404, "model 'x' not found"));
    assert_eq!(read(&json!({"error": "it broke"})).unwrap_err().message, "it broke");
    assert_eq!(read(&json!({})).unwrap_err().status, 502);
}

fn events(text: &str, size: usize) -> (Vec<String>, Result<Response<'static>, Failure>) {
    let mut reader = OllamaChat.stream_in(&context());
    let (mut seen, mut collector, mut failed) = (Vec::new(), Collector::default(), None);
    let mut on = |event: Event<'_>| {
        seen.push(format!("{event:?}"));
        collector.push(event);
    };
    let mut push = |line: &[u8]| {
        if failed.is_none() {
            failed = reader.push("", line, &mut on).err();
        }
    };
    let mut lines = JsonLines::new();
    for chunk in text.as_bytes().chunks(size) {
        lines.push(chunk, &mut push).unwrap();
    }
    lines.finish(&mut push);
    (seen, failed.map_or_else(|| collector.finish(), Err))
}

fn line(message: &Value) -> String {
    format!("{}\n", json!({"model": "qwen3", "message": message, "done": false}))
}

#[test]
fn a_streamed_answer_however_it_is_cut() {
    let call = json!([{"function": {"name": "weather", "arguments": {"city": "Oslo"}}}]);
    let text = [
        line(&json!({"role": "assistant", "content": "", "thinking": "Hm"})),
        line(&json!({"role": "assistant", "content": "", "thinking": "."})),
        line(&json!({"role": "assistant", "content": "Let"})),
        line(&json!({"role": "assistant", "content": " me"})),
        line(&json!({"role": "assistant", "content": "", "tool_calls": call})),
        line(&json!({"role": "assistant", "content": "", "tool_calls": call})),
        r#"{"model":"qwen3","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","eval_count":5}"#.into(),
    ]
    .concat();
    let (seen, answer) = events(&text, text.len());
    let kinds: Vec<&str> = seen.iter().map(|event| event.split(['(', ' ']).next().unwrap()).collect();
    let expected = "Start ReasoningStart ReasoningDelta ReasoningDelta ReasoningEnd TextStart TextDelta TextDelta \
        TextEnd ToolStart ToolDelta ToolEnd ToolStart ToolDelta ToolEnd Finish Usage Done";
    assert_eq!(kinds.join(" "), expected);
    let answer = answer.unwrap();
    let [choice] = &*answer.choices else { panic!() };
    assert_eq!((choice.finish, answer.usage.input, answer.usage.output), (Finish::ToolCalls, None, Some(5)));
    let ids: Vec<&str> = choice
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall(call) => Some(&*call.id),
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    for size in 1..60 {
        assert_eq!(events(&text, size).0, seen, "pieces of {size}");
    }
}

#[test]
fn a_stream_that_fails_or_stops_is_no_answer() {
    let begun = line(&json!({"role": "assistant", "content": "Let"}));
    assert_eq!(events(&begun, 9).1.unwrap_err(), Failure::incomplete());
    let failure = events(&format!("{begun}{{\"error\":\"out of memory\"}}\n"), 9).1.unwrap_err();
    assert_eq!(failure.message, "out of memory");
    assert!(events("{oh\n", 9).1.is_err());
}
