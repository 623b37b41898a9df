//! Requests as they go out, answers as they come in. Recordings are replayed elsewhere.

use super::*;
use crate::chat::sample::{self, full, image, odd, text_file, weather};
use crate::chat::{
    Collector, Effort, Event, Field, Finish, Media, MediaKind, Part, Quirks, Reasoning, ReasoningWish,
    ResponseFormat, Role, Source, ToolChoice, ToolKind, Turn,
};
use crate::frame::sse::Sse;
use crate::json::parse_lossy;
use serde_json::{Value, json};

fn written(request: &Request<'_>) -> (Value, Vec<Field>) {
    let quirks = Quirks::default();
    let target = Target { model: "command-a", stream: true, quirks: &quirks };
    let written = CohereChat.write_request(request, &target).unwrap();
    (serde_json::from_slice(&written.body).unwrap(), written.losses.fields().to_vec())
}

fn user(parts: Vec<Part<'static>>) -> Request<'static> {
    Request { turns: vec![Turn { role: Role::User, parts, ..Turn::default() }], ..Request::default() }
}

#[test]
fn a_full_request() {
    let (body, losses) = written(&full());
    let function = |arguments: &str, id: &str| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}});
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false});
    let expected = json!({
        "model": "command-a",
        "stream": true,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{}", sample::PNG)}}]},
            {"role": "assistant", "content": "A dot."},
            {"role": "user", "content": "And the weather?"},
            {"role": "assistant", "tool_plan": "Two cities.\nLet me see.",
             "tool_calls": [function(r#"{"city":"Oslo"}"#, "call_1"), function("{}", "call_2")]},
            {"role": "tool", "tool_call_id": "call_1", "content": r#"{"c":-3}"#},
            {"role": "tool", "tool_call_id": "call_2", "content": "no such city"},
            {"role": "user", "content": "Go on."}],
        "tools": [{"type": "function",
            "function": {"name": "weather", "description": "Tells the weather.", "parameters": schema}}],
        "strict_tools": true,
        "max_tokens": 500, "temperature": 0.5, "p": 0.9, "k": 40, "stop_sequences": ["END"],
    });
    assert_eq!(body, expected);
    // The mark on the system text, the signature of the thoughts, and that a tool failed.
    assert_eq!(losses, [Field::CacheControl, Field::ReasoningHistory, Field::ToolError]);
}

#[test]
fn what_has_no_place_is_listed() {
    let (body, losses) = written(&odd());
    assert_eq!(
        body,
        json!({"model": "command-a", "stream": true, "messages": [{"role": "user", "content": "Hi"}],
            "frequency_penalty": 0.5, "presence_penalty": 0.25, "seed": 7, "logprobs": true})
    );
    assert_eq!(
        losses,
        [
            Field::N,
            Field::TopLogprobs,
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
fn values_out_of_bounds_are_moved_inside_and_listed() {
    let stop = ["a", "b", "c", "d", "e", "f"].map(Into::into).to_vec();
    let request = Request {
        top_p: Some(1.0),
        top_k: Some(1000),
        frequency_penalty: Some(-1.0),
        presence_penalty: Some(2.0),
        seed: Some("-1".into()),
        stop,
        ..user(vec![Part::text("Hi")])
    };
    let (body, losses) = written(&request);
    assert_eq!((&body["p"], &body["k"]), (&json!(0.99), &json!(500)));
    assert_eq!((&body["frequency_penalty"], &body["presence_penalty"]), (&json!(0), &json!(1)));
    assert_eq!(body["stop_sequences"].as_array().unwrap().len(), 5);
    let expected = [Field::TopK, Field::FrequencyPenalty, Field::PresencePenalty, Field::Seed, Field::Stop];
    assert_eq!(losses, expected);
}

#[test]
fn one_tool_is_forced_by_offering_no_other() {
    let other = crate::chat::Tool {
        name: "other".into(),
        kind: ToolKind::Function { parameters: None, strict: None },
        ..crate::chat::Tool::default()
    };
    let choose = |choice| {
        let tools = vec![weather(), other.clone()];
        let (body, losses) =
            written(&Request { tools, tool_choice: Some(choice), ..user(vec![Part::text("Hi")]) });
        (body["tools"].as_array().unwrap().len(), body["tool_choice"].clone(), losses)
    };
    assert_eq!(choose(ToolChoice::Tool("weather".into())), (1, json!("REQUIRED"), vec![]));
    // Not all of them are strict.
    assert_eq!(choose(ToolChoice::Required), (2, json!("REQUIRED"), vec![Field::Strict]));
    assert_eq!(choose(ToolChoice::None).1, json!("NONE"));
    assert_eq!(choose(ToolChoice::Auto).1, Value::Null);
}

#[test]
fn the_form_of_the_answer() {
    let form = ResponseFormat::JsonSchema {
        name: None,
        description: None,
        schema: r#"{"type":"object"}"#.into(),
        strict: None,
    };
    let asked = user(vec![Part::text("Hi")]);
    let (body, losses) = written(&Request { response_format: Some(form.clone()), ..asked.clone() });
    assert_eq!(body["response_format"], json!({"type": "json_object", "json_schema": {"type": "object"}}));
    assert_eq!((body["messages"].as_array().unwrap().len(), losses), (1, vec![]));
    // Beside tools it can't be said but in words.
    let request = Request { response_format: Some(form), tools: vec![weather()], ..asked.clone() };
    let (body, _) = written(&request);
    assert_eq!(body["response_format"], Value::Null);
    assert!(body["messages"][0]["content"].as_str().unwrap().contains("JSON schema"));
    // Without a word about JSON the model may never end.
    let (body, _) = written(&Request { response_format: Some(ResponseFormat::JsonObject), ..asked });
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
    assert_eq!(body["messages"][0]["role"], "system");
    let spoken = user(vec![Part::text("Some JSON, please.")]);
    let (body, _) = written(&Request { response_format: Some(ResponseFormat::JsonObject), ..spoken });
    assert_eq!(body["messages"][0]["role"], "user");
}

#[test]
fn thoughts_go_back_where_thinking_is_asked_for() {
    let thought = Reasoning { text: "Hm.".into(), ..Reasoning::default() };
    let mut request = user(vec![Part::text("Hi")]);
    let parts = vec![Part::Reasoning(thought), Part::text("Hello")];
    request.turns.push(Turn { role: Role::Assistant, parts, ..Turn::default() });
    let (body, losses) = written(&request);
    assert_eq!(body["messages"][1]["content"], json!([{"type": "text", "text": "Hello"}]));
    assert_eq!(losses, [Field::ReasoningHistory]);
    request.reasoning = ReasoningWish { effort: Some(Effort::Low), ..ReasoningWish::default() };
    let (body, losses) = written(&request);
    assert_eq!(body["thinking"], json!({"type": "enabled", "token_budget": 2048}));
    assert_eq!(body["messages"][1]["content"][0], json!({"type": "thinking", "thinking": "Hm."}));
    assert_eq!(losses, []);
    request.reasoning = ReasoningWish { effort: Some(Effort::None), ..ReasoningWish::default() };
    assert_eq!(written(&request).0["thinking"], json!({"type": "disabled"}));
    request.reasoning = ReasoningWish { effort: Some(Effort::Max), ..ReasoningWish::default() };
    assert_eq!(written(&request).0["thinking"], json!({"type": "enabled"}));
}

#[test]
fn text_files_become_documents_and_others_are_refused() {
    let (body, losses) = written(&user(vec![Part::Media(text_file()), Part::text("Sum up.")]));
    assert_eq!(body["documents"], json!([{"data": {"title": "notes_1.txt", "text": "one, two"}}]));
    assert_eq!(body["messages"], json!([{"role": "user", "content": "Sum up."}]));
    assert_eq!(losses, []);
    let quirks = Quirks::default();
    let target = Target { model: "m", stream: false, quirks: &quirks };
    for (kind, field) in
        [(MediaKind::File, Field::File), (MediaKind::Audio, Field::Audio), (MediaKind::Video, Field::Video)]
    {
        let media = Media::new(kind, Source::Base64("AAAA".into()));
        let refused = CohereChat.write_request(&user(vec![Part::Media(media)]), &target).unwrap_err();
        assert_eq!(refused.field, field);
    }
    let url = Media {
        detail: Some("low".into()),
        ..Media::new(MediaKind::Image, Source::Url("https://a.example/b".into()))
    };
    let (body, _) = written(&user(vec![Part::Media(url)]));
    let expected =
        json!([{"type": "image_url", "image_url": {"url": "https://a.example/b", "detail": "low"}}]);
    assert_eq!(body["messages"][0]["content"], expected);
    assert!(image().url().is_none());
}

fn read(json: &Value) -> Result<Response<'static>, Failure> {
    let json = parse_lossy(json.to_string().leak().as_bytes()).unwrap();
    CohereChat.read_response(&json, &Context::default())
}

#[test]
fn a_whole_answer() {
    let answer = read(&json!({
        "id": "c1", "finish_reason": "TOOL_CALL",
        "message": {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "It is cold."}],
            "tool_plan": "I will look.",
            "tool_calls": [
                {"id": "weather_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Oslo\"}"}},
                {"type": "function", "function": {"name": "now", "arguments": "null"}},
                {"id": "x", "function": {"name": "now"}}],
            "citations": [
                {"start": 6, "end": 10, "text": "cold", "content_index": 1, "sources": [
                    {"type": "document", "id": "doc:0", "document": {"id": "doc:0", "title": "Report", "url": "https://a.example"}},
                    {"type": "tool", "id": "weather_1:0", "tool_output": {"content": "-3"}}]},
                {"start": 0, "end": 2, "text": "It"}]},
        "usage": {"billed_units": {"input_tokens": 1}, "tokens": {"input_tokens": 20, "output_tokens": 9, "reasoning_tokens": 2},
            "cached_tokens": 16},
        "logprobs": [{"text": "It", "token_ids": [1], "logprobs": [-0.5]}, {"text": "is c", "token_ids": [1, 2], "logprobs": [-1, -2]}],
    }))
    .unwrap();
    assert_eq!((answer.usage.input, answer.usage.output, answer.usage.cached), (Some(20), Some(9), Some(16)));
    let [choice] = &*answer.choices else { panic!() };
    assert_eq!(choice.finish, Finish::ToolCalls);
    assert_eq!(choice.logprobs.len(), 1);
    let Part::Text(text) = &choice.parts[1] else { panic!() };
    let cited: Vec<_> =
        text.citations.iter().map(|one| (one.title.as_deref(), one.url.as_deref(), one.start)).collect();
    assert_eq!(
        cited,
        [
            (Some("Report"), Some("https://a.example"), Some(6)),
            (Some("weather_1:0"), None, Some(6)),
            (None, None, Some(0))
        ]
    );
    assert!(matches!(&choice.parts[2], Part::Reasoning(plan) if plan.text == "I will look."));
    let calls: Vec<_> = choice.parts[3..]
        .iter()
        .map(|part| match part {
            Part::ToolCall(call) => (call.id.is_empty(), &*call.name, &*call.arguments),
            _ => panic!(),
        })
        .collect();
    assert_eq!(calls, [(false, "weather", r#"{"city":"Oslo"}"#), (false, "now", ""), (false, "now", "")]);
}

#[test]
fn errors() {
    let failure = CohereChat.read_error(
        400,
        None,
        br#"{"id":"x","message":"too long","error_type":"TOO_MANY_TOKENS"}"#,
    );
    assert_eq!((failure.status, failure.message.as_str()), (400, "too long"));
    assert_eq!(failure.code.as_deref(), Some("context_length_exceeded"));
    assert_eq!(read(&json!({"message": "no"})).unwrap_err().message, "no");
    assert_eq!(read(&json!({})).unwrap_err().status, 502);
    assert!(read(&json!({"message": {}})).unwrap().choices[0].parts.is_empty());
}

fn events(text: &str, size: usize) -> (Vec<String>, Result<Response<'static>, Failure>) {
    let mut reader = CohereChat.stream_in(&Context { request_id: "r".into(), ..Context::default() });
    let (mut seen, mut collector, mut failed) = (Vec::new(), Collector::default(), None);
    let mut on = |event: Event<'_>| {
        seen.push(format!("{event:?}"));
        collector.push(event);
    };
    let mut sse = Sse::new();
    for chunk in text.as_bytes().chunks(size) {
        sse.push(chunk, &mut |frame| {
            if failed.is_none() {
                failed = reader.push(&String::from_utf8_lossy(frame.name), frame.data, &mut on).err();
            }
        })
        .unwrap();
    }
    (seen, failed.map_or_else(|| collector.finish(), Err))
}

fn stream(events: &[Value]) -> String {
    let event = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or(""));
    events.iter().map(event).collect()
}

fn call_delta(index: u64, arguments: &str) -> Value {
    json!({"type": "tool-call-delta", "index": index,
        "delta": {"message": {"tool_calls": {"function": {"arguments": arguments}}}}})
}

fn call_start(index: u64, id: &str) -> Value {
    json!({"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls":
        {"id": id, "type": "function", "function": {"name": "weather", "arguments": ""}}}}})
}

#[test]
fn a_streamed_answer_however_it_is_cut() {
    let content = |index: u64, kind: &str, content: Value| json!({"type": kind, "index": index, "delta": {"message": {"content": content}}});
    let end = |kind: &str, index: u64| json!({"type": kind, "index": index});
    let text = stream(&[
        json!({"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant", "content": [],
            "tool_plan": "", "tool_calls": [], "citations": []}}}),
        content(0, "content-start", json!({"type": "thinking", "thinking": ""})),
        content(0, "content-delta", json!({"thinking": "Hm"})),
        end("content-end", 0),
        content(1, "content-start", json!({"type": "text", "text": ""})),
        content(1, "content-delta", json!({"text": "It is "})),
        content(1, "content-delta", json!({"text": "cold"})),
        json!({"type": "citation-start", "index": 0, "delta": {"message": {"citations":
            {"start": 6, "end": 10, "text": "cold", "sources": []}}}}),
        end("citation-end", 0),
        end("content-end", 1),
        json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I will"}}}),
        json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": " look"}}}),
        call_start(0, "w1"),
        call_delta(0, "{\"city\":"),
        call_delta(0, "\"Oslo\"}"),
        end("tool-call-end", 0),
        call_start(1, "w2"),
        call_delta(1, "null"),
        end("tool-call-end", 1),
        call_start(2, ""),
        call_delta(2, "n"),
        call_delta(2, "o"),
        end("tool-call-end", 2),
        call_start(3, "w4"),
        end("tool-call-end", 3),
        json!({"type": "something-new"}),
        json!({"type": "message-end", "delta": {"finish_reason": "TOOL_CALL",
            "usage": {"tokens": {"input_tokens": 7, "output_tokens": 8}}}}),
    ]) + "data: [DONE]\n\n";
    let (seen, answer) = events(&text, text.len());
    let kinds: Vec<&str> = seen.iter().map(|event| event.split(['(', ' ']).next().unwrap()).collect();
    let expected = "Start ReasoningStart ReasoningDelta ReasoningEnd TextStart TextDelta TextDelta Citation TextEnd \
        ReasoningStart ReasoningDelta ReasoningDelta ReasoningEnd ToolStart ToolDelta ToolDelta ToolEnd \
        ToolStart ToolEnd ToolStart ToolDelta ToolDelta ToolEnd ToolStart ToolEnd Finish Usage Done";
    assert_eq!(kinds.join(" "), expected);
    let answer = answer.unwrap();
    let [choice] = &*answer.choices else { panic!() };
    assert_eq!((choice.finish, answer.id.as_deref()), (Finish::ToolCalls, Some("c1")));
    let arguments: Vec<&str> = choice
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall(call) => Some(&*call.arguments),
            _ => None,
        })
        .collect();
    assert_eq!(arguments, [r#"{"city":"Oslo"}"#, "", "no", ""]);
    for size in 1..40 {
        assert_eq!(events(&text, size).0, seen, "pieces of {size}");
    }
}

#[test]
fn a_stream_that_fails_or_stops_is_no_answer() {
    let begun = json!({"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant"}}});
    let cut = stream(std::slice::from_ref(&begun));
    assert_eq!(events(&cut, 10).1.unwrap_err(), Failure::incomplete());
    let broken = json!({"type": "message-end", "delta": {"error": "it broke", "finish_reason": "ERROR"}});
    let failure = events(&stream(&[begun.clone(), broken]), 10).1.unwrap_err();
    assert_eq!((failure.status, failure.message.as_str()), (502, "it broke"));
    let failure = events(&stream(&[begun, json!({"id": "x", "message": "no more"})]), 10).1.unwrap_err();
    assert_eq!(failure.message, "no more");
    assert!(events("data: {oh\n\n", 10).1.is_err());
}
