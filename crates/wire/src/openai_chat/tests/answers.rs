//! Whole answers: what providers send, what callers get, errors.

use super::{OpenAiChat, context};
use crate::chat::{
    Bind, Choice, Citation, Failure, Finish, Media, MediaKind, Part, Reasoning, Response, Source, State,
    StateKind, Text, TokenLogprob, ToolCall,
};
use crate::json::parse;
use crate::translate::{Client, Context, Upstream};
use crate::{Usage, openai_chat::types::LEGACY};
use serde_json::{Value, json};

fn parts(message: &str) -> Vec<Part<'static>> {
    let body = format!(r#"{{"id": "a1", "choices": [{{"message": {message}, "finish_reason": "stop"}}]}}"#);
    let json = parse(body.as_bytes()).unwrap();
    let response = OpenAiChat.read_response(&json, &context()).unwrap();
    let mut collector = crate::chat::Collector::default();
    crate::chat::replay(response, &mut |event| collector.push(event));
    collector.finish().unwrap().choices.remove(0).parts
}

fn reasoning(text: &str, state: Option<(StateKind, &str)>) -> Part<'static> {
    let state = state.map(|(kind, data)| State { kind, bind: Bind::Reasoning, data: data.to_owned().into() });
    Part::Reasoning(Reasoning { text: text.to_owned().into(), summary: false, state })
}

#[test]
fn reasoning_is_read_once_whatever_its_name() {
    assert_eq!(
        parts(r#"{"content": "x", "reasoning_content": "r"}"#),
        [reasoning("r", None), Part::text("x")]
    );
    assert_eq!(parts(r#"{"content": "x", "reasoning": "r"}"#), [reasoning("r", None), Part::text("x")]);
    let details = r#"{"content": "x", "reasoning": "r", "reasoning_details": [
        {"type": "reasoning.text", "text": "r", "signature": "s", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "d", "format": "anthropic-claude-v1", "index": 1}]}"#;
    assert_eq!(
        parts(details),
        [
            reasoning("r", Some((StateKind::ClaudeSignature, "s"))),
            reasoning("", Some((StateKind::ClaudeRedacted, "d"))),
            Part::text("x")
        ]
    );
    let summary = parts(
        r#"{"content": "x", "reasoning_details": [{"type": "reasoning.summary", "summary": "s", "format": "openai-responses-v1"},
            {"type": "reasoning.encrypted", "data": "d", "id": "rs_1", "format": "openai-responses-v1"}]}"#,
    );
    let Part::Reasoning(stretch) = &summary[0] else { panic!() };
    assert!(stretch.summary && stretch.state.as_ref().unwrap().kind == StateKind::OpenAiEncrypted);
    assert_eq!(
        parts(
            r#"{"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "r"}]}, {"type": "text", "text": "x"}]}"#
        ),
        [reasoning("r", None), Part::text("x")]
    );
}

#[test]
fn calls_are_read_in_every_form() {
    let calls = parts(
        r#"{"content": null, "tool_calls": [
            {"id": "", "type": "function", "function": {"name": "a", "arguments": ""}, "extra_content": {"google": {"thought_signature": "g"}}},
            {"function": {"name": "b", "arguments": {"x": 1}}},
            {"id": "c1", "type": "custom", "custom": {"name": "c", "input": "ls"}}]}"#,
    );
    let calls: Vec<&ToolCall<'_>> = calls
        .iter()
        .map(|part| match part {
            Part::ToolCall(call) => call,
            _ => panic!("{part:?}"),
        })
        .collect();
    assert_eq!(calls[0].state.as_ref().unwrap().bind, Bind::Call);
    assert!(calls[0].id.starts_with("call_") && calls[0].id != calls[1].id);
    assert_eq!(calls[1].arguments, r#"{"x": 1}"#);
    assert!(calls[2].custom && calls[2].arguments == "ls");
    let older = parts(r#"{"content": null, "function_call": {"name": "a", "arguments": "{}"}}"#);
    assert!(matches!(&older[0], Part::ToolCall(call) if call.name == "a"));
    let named = parts(
        r#"{"content": "", "tool_calls": [{"id": "t1", "function": {"name": "a", "arguments": "{}"}}],
            "reasoning_details": [{"type": "reasoning.encrypted", "data": "g", "id": "t1", "format": "google-gemini-v1"}]}"#,
    );
    assert!(matches!(&named[0], Part::ToolCall(call) if call.state.as_ref().unwrap().data == "g"));
}

#[test]
fn sources_images_and_reasons_are_read() {
    let body = br#"{"id": "a", "choices": [{"message": {"content": "x", "images": [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]}, "finish_reason": "eos"}],
        "citations": ["https://a.example", "https://b.example"],
        "search_results": [{"title": "A", "url": "https://a.example"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}"#;
    let json = parse(body).unwrap();
    let response = OpenAiChat.read_response(&json, &context()).unwrap();
    let Part::Text(text) = &response.choices[0].parts[0] else { panic!() };
    let titles: Vec<_> = text.citations.iter().map(|citation| citation.title.as_deref()).collect();
    assert_eq!(titles, [Some("A"), None]);
    assert!(matches!(&response.choices[0].parts[1], Part::Media(media) if media.kind == MediaKind::Image));
    assert_eq!((response.choices[0].finish, response.usage.output), (Finish::Stop, Some(2)));
}

#[test]
fn an_error_inside_a_200_is_one() {
    for (body, status) in [
        (r#"{"error": {"message": "m", "code": 429}, "user_id": "u"}"#, 429),
        (
            r#"{"id": "x", "choices": [{"error": {"code": 502, "message": "m"}, "message": {"content": ""}}]}"#,
            502,
        ),
        (r#"{"object": "error", "message": "m", "type": "invalid_request_error", "code": "3280"}"#, 400),
        (r#"{"id": "x", "choices": []}"#, 502),
    ] {
        let json = parse(body.as_bytes()).unwrap();
        let failure = OpenAiChat.read_response(&json, &context()).unwrap_err();
        assert_eq!(failure.status, status, "{body}: {failure:?}");
    }
}

/// An answer with all that this dialect can say.
fn rich() -> Response<'static> {
    let gemini = |bind| Some(State { kind: StateKind::GeminiThought, bind, data: "gem==".into() });
    let text = Text {
        text: "Hé ".into(),
        citations: vec![
            Citation { url: Some("https://a.example".into()), ..Citation::default() },
            Citation { title: Some("No address".into()), ..Citation::default() },
        ],
        ..Text::default()
    };
    let image = Media::new(MediaKind::Image, Source::Base64("iVBORw0KGgo=".into()));
    let call = |id: &'static str, arguments: &'static str| ToolCall {
        id: id.into(),
        name: "weather".into(),
        arguments: arguments.into(),
        ..ToolCall::default()
    };
    Response {
        choices: vec![Choice {
            parts: vec![
                reasoning("Think.", Some((StateKind::ClaudeSignature, "sig=="))),
                Part::Text(text),
                Part::text("there"),
                Part::Media(image),
                Part::ToolCall(ToolCall { state: gemini(Bind::Call), ..call("c1", "") }),
                Part::ToolCall(ToolCall { custom: true, ..call("c2", "ls") }),
            ],
            finish: Finish::ToolCalls,
            logprobs: vec![TokenLogprob {
                token: "H".into(),
                logprob: -0.5,
                bytes: Some(vec![72]),
                top: vec![],
            }],
            ..Choice::default()
        }],
        usage: Usage {
            input: Some(10),
            cached: Some(4),
            output: Some(6),
            reasoning: Some(2),
            ..Usage::default()
        },
        service_tier: Some("standard".into()),
        ..Response::default()
    }
}

#[test]
fn a_rich_answer_is_written_whole() {
    let body: Value = serde_json::from_slice(&OpenAiChat.write_response(rich(), &context())).unwrap();
    assert_eq!(
        body,
        json!({
            "id": "chatcmpl-r1", "object": "chat.completion", "created": 1_700_000_000, "model": "asked",
            "choices": [{
                "index": 0,
                "message": {
                    "role": "assistant", "content": "Hé there", "refusal": null,
                    "annotations": [{"type": "url_citation", "url_citation": {
                        "url": "https://a.example", "title": "https://a.example", "start_index": 0, "end_index": 3}}],
                    "reasoning_content": "Think.",
                    "reasoning_details": [{"type": "reasoning.text", "text": "Think.", "index": 0,
                        "signature": "sig==", "format": "anthropic-claude-v1"}],
                    "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}],
                    "tool_calls": [
                        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"},
                            "extra_content": {"google": {"thought_signature": "gem=="}}},
                        {"id": "c2", "type": "custom", "custom": {"name": "weather", "input": "ls"}}
                    ]
                },
                "logprobs": {"content": [{"token": "H", "logprob": -0.5, "bytes": [72], "top_logprobs": []}], "refusal": null},
                "finish_reason": "tool_calls"
            }],
            "usage": {"prompt_tokens": 10, "completion_tokens": 6, "total_tokens": 16,
                "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}},
            "service_tier": "default"
        })
    );
}

#[test]
fn calls_alone_have_no_content_and_old_callers_get_the_old_form() {
    let mut response = rich();
    response.choices[0].parts.retain(|part| matches!(part, Part::ToolCall(_)));
    let old = Context { echo: LEGACY.to_owned(), ..context() };
    let body: Value = serde_json::from_slice(&OpenAiChat.write_response(response.clone(), &old)).unwrap();
    let choice = &body["choices"][0];
    assert_eq!(choice["message"]["content"], Value::Null);
    assert_eq!(choice["message"]["function_call"], json!({"name": "weather", "arguments": "{}"}));
    assert_eq!(choice["finish_reason"], "function_call");
    response.choices[0].parts = vec![Part::Refusal("No.".into())];
    let body: Value = serde_json::from_slice(&OpenAiChat.write_response(response, &context())).unwrap();
    assert_eq!(
        (&body["choices"][0]["message"]["refusal"], &body["choices"][0]["message"]["content"]),
        (&json!("No."), &Value::Null)
    );
}

#[test]
fn an_error_has_every_member() {
    let failure = Failure {
        status: 529,
        message: "busy \"now\"".to_owned(),
        kind: Some("overloaded_error".to_owned()),
        ..Failure::default()
    };
    let body: Value = serde_json::from_slice(&OpenAiChat.write_error(&failure, "r1")).unwrap();
    assert_eq!(
        body,
        json!({"error": {"message": "busy \"now\"", "type": "api_error", "param": null, "code": "overloaded_error", "status": 529}})
    );
}
