//! A request with something of everything, for the tests of formats.

use super::*;
use std::borrow::Cow;

/// Short for text.
fn said(role: Role, at: usize, parts: Vec<Part<'static>>) -> Turn<'static> {
    Turn { role, name: None, parts, at }
}

/// A tiny PNG.
pub(crate) const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// An image of these bytes.
pub(crate) fn image() -> Media<'static> {
    Media { media_type: Some("image/png".into()), ..Media::new(MediaKind::Image, Source::Base64(PNG.into())) }
}

/// A text file.
pub(crate) fn text_file() -> Media<'static> {
    Media { name: Some("notes_1.txt".into()), ..Media::new(MediaKind::File, Source::Text("one, two".into())) }
}

/// Reasoning of Claude.
pub(crate) fn signed() -> Reasoning<'static> {
    Reasoning {
        text: "Two cities.".into(),
        summary: false,
        state: Some(State {
            kind: StateKind::ClaudeSignature,
            bind: Bind::Reasoning,
            data: "c2lnbmVk".into(),
        }),
    }
}

/// A call and its result.
pub(crate) fn call(id: &'static str, arguments: &'static str) -> ToolCall<'static> {
    ToolCall { id: id.into(), name: "weather".into(), arguments: arguments.into(), ..ToolCall::default() }
}

/// What the call of this id gave.
pub(crate) fn result(id: &'static str, parts: Vec<Part<'static>>) -> Part<'static> {
    Part::ToolResult(ToolResult {
        id: id.into(),
        name: Some("weather".into()),
        parts,
        ..ToolResult::default()
    })
}

/// The tool.
pub(crate) fn weather() -> Tool<'static> {
    let parameters = r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}"#;
    Tool {
        name: "weather".into(),
        description: Some("Tells the weather.".into()),
        kind: ToolKind::Function { parameters: Some(parameters.into()), strict: Some(true) },
        cache: None,
    }
}

/// A conversation with an image, thoughts, two calls at once and their results, and most parameters.
pub(crate) fn full() -> Request<'static> {
    let mut cached = Text { text: "Be brief.".into(), ..Text::default() };
    cached.cache = Some(Cache { ttl: Some("1h".into()) });
    let failed = ToolResult {
        id: "call_2".into(),
        name: Some("weather".into()),
        parts: vec![Part::text("no such city")],
        is_error: true,
        ..ToolResult::default()
    };
    Request {
        model: "m".into(),
        turns: vec![
            said(Role::System, 0, vec![Part::Text(cached)]),
            said(Role::User, 1, vec![Part::text("What is this?"), Part::Media(image())]),
            said(Role::Assistant, 2, vec![Part::text("A dot.")]),
            said(Role::User, 3, vec![Part::text("And the weather?")]),
            said(
                Role::Assistant,
                4,
                vec![
                    Part::Reasoning(signed()),
                    Part::text("Let me see."),
                    Part::ToolCall(call("call_1", r#"{"city":"Oslo"}"#)),
                    Part::ToolCall(call("call_2", "")),
                ],
            ),
            said(
                Role::Tool,
                5,
                vec![result("call_1", vec![Part::Json(r#"{"c":-3}"#.into())]), Part::ToolResult(failed)],
            ),
            said(Role::User, 6, vec![Part::text("Go on.")]),
        ],
        tools: vec![weather()],
        tool_choice: Some(ToolChoice::Auto),
        max_tokens: Some(500),
        temperature: Some(0.5),
        top_p: Some(0.9),
        top_k: Some(40),
        stop: vec!["END".into()],
        ..Request::default()
    }
}

/// All parameters that formats may lack.
pub(crate) fn odd() -> Request<'static> {
    Request {
        turns: vec![said(Role::User, 0, vec![Part::text("Hi")])],
        frequency_penalty: Some(0.5),
        presence_penalty: Some(0.25),
        seed: Some("7".into()),
        n: Some(2),
        logprobs: Some(true),
        top_logprobs: Some(3),
        logit_bias: Some(Cow::Borrowed(r#"{"50256":-100}"#)),
        parallel_tool_calls: Some(false),
        verbosity: Some("low".into()),
        service_tier: Some("flex".into()),
        metadata: Some(Cow::Borrowed(r#"{"team":"a b","bad":"*"}"#)),
        user: Some("u1".into()),
        cache_key: Some("k".into()),
        store: Some(true),
        ..Request::default()
    }
}
