//! What upstreams get.

use super::*;
use crate::chat::{
    Bind, Cache, Effort, Field, Media, MediaKind, ModelRule, Part, Reasoning, ReasoningAsk, ReasoningWish,
    Role, SchemaSupport, Source, State, StateKind, Text, Tool, ToolCall, ToolChoice, ToolKind, ToolResult,
    Turn,
};
use serde_json::json;

fn turn(role: Role, parts: Vec<Part<'static>>) -> Turn<'static> {
    Turn { role, parts, ..Turn::default() }
}

fn asks(parts: Vec<Part<'static>>) -> Request<'static> {
    Request { turns: vec![turn(Role::User, parts)], max_tokens: Some(100), ..Request::default() }
}

fn tool(name: &'static str, schema: &'static str, strict: Option<bool>) -> Tool<'static> {
    let kind = ToolKind::Function { parameters: Some(schema.into()), strict };
    Tool { name: name.into(), kind, ..Tool::default() }
}

fn call(id: &'static str, arguments: &'static str) -> Part<'static> {
    let call =
        ToolCall { id: id.into(), name: "f".into(), arguments: arguments.into(), ..ToolCall::default() };
    Part::ToolCall(call)
}

fn result(id: &'static str, parts: Vec<Part<'static>>) -> Part<'static> {
    Part::ToolResult(ToolResult { id: id.into(), parts, ..ToolResult::default() })
}

fn thought(kind: StateKind) -> Part<'static> {
    let state = Some(State { kind, bind: Bind::Reasoning, data: "c2ln".into() });
    Part::Reasoning(Reasoning { text: "Hm.".into(), state, ..Reasoning::default() })
}

#[test]
fn turns_alternate_and_results_come_first() {
    let request = Request {
        turns: vec![
            turn(Role::System, vec![Part::text("A")]),
            turn(Role::User, vec![Part::text("hi"), Part::text(" ")]),
            turn(
                Role::Assistant,
                vec![
                    thought(StateKind::ClaudeSignature),
                    thought(StateKind::GeminiThought),
                    Part::text(""),
                    call("call.1", ""),
                    call("call_2", r#"{"a": 1.50}"#),
                ],
            ),
            turn(Role::User, vec![Part::text("also")]),
            turn(Role::Tool, vec![result("call.1", vec![Part::text("one")])]),
            turn(Role::Tool, vec![result("call_2", vec![])]),
            turn(Role::Developer, vec![Part::text("B")]),
            turn(Role::Assistant, vec![Part::text("so: ")]),
        ],
        ..Request::default()
    };
    let (body, lost) = write(&request, &Quirks::default());
    let id = &body["messages"][1]["content"][1]["id"];
    assert_eq!(
        body,
        json!({
            "model": "claude-x", "max_tokens": 4096,
            "system": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "hi"}]},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                    {"type": "tool_use", "id": id, "name": "f", "input": {}},
                    {"type": "tool_use", "id": "call_2", "name": "f", "input": {"a": 1.5}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": id, "content": "one"},
                    {"type": "tool_result", "tool_use_id": "call_2"},
                    {"type": "text", "text": "also"}]},
                {"role": "assistant", "content": [{"type": "text", "text": "so:"}]}]
        })
    );
    assert_eq!(lost, ["messages[].content[].thinking"]);
    let id = id.as_str().unwrap();
    assert!(id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{id}");
}

#[test]
fn a_system_text_alone_is_said_by_the_user() {
    let request = Request { turns: vec![turn(Role::System, vec![Part::text("hi")])], ..Request::default() };
    let (body, _) = write(&request, &Quirks::default());
    assert_eq!(body["messages"], json!([{"role": "user", "content": [{"type": "text", "text": "hi"}]}]));
    assert_eq!(body.get("system"), None);
}

#[test]
fn media_go_as_the_vendor_takes_them() {
    let media = |kind, source, media_type: &'static str| {
        Part::Media(Media { media_type: Some(media_type.into()), ..Media::new(kind, source) })
    };
    let request = asks(vec![
        media(MediaKind::Image, Source::Base64("/9j/".into()), "image/jpg"),
        media(MediaKind::Image, Source::Url("https://example.com/a".into()), "image/png"),
        media(MediaKind::File, Source::Base64("JVBERi0=".into()), "application/pdf"),
        media(MediaKind::File, Source::Base64("aMOpbGxv".into()), "text/plain"),
        media(MediaKind::File, Source::Url("https://example.com/a.pdf".into()), "application/pdf"),
    ]);
    let (body, _) = write(&request, &Quirks::default());
    assert_eq!(
        body["messages"][0]["content"],
        json!([
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/"}},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a"}},
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "héllo"}},
            {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
        ])
    );
    for (kind, source, media_type, field, fetch) in [
        (MediaKind::Audio, Source::Base64("x".into()), "audio/wav", Field::Audio, None),
        (MediaKind::Video, Source::Url("https://x/y".into()), "video/mp4", Field::Video, None),
        (MediaKind::Image, Source::Id("file-1".into()), "image/png", Field::Image, None),
        (MediaKind::Image, Source::Base64("x".into()), "image/tiff", Field::Image, None),
        (MediaKind::Image, Source::Url("http://x/y".into()), "image/png", Field::Image, Some("http://x/y")),
        (
            MediaKind::File,
            Source::Url("https://x/y.txt".into()),
            "text/plain",
            Field::File,
            Some("https://x/y.txt"),
        ),
    ] {
        let request = asks(vec![media(kind, source, media_type)]);
        let quirks = Quirks::default();
        let target = Target { model: "m", stream: false, quirks: &quirks };
        let refused = AnthropicMessages.write_request(&request, &target).unwrap_err();
        assert_eq!((refused.field, refused.fetch.as_deref()), (field, fetch), "{}", refused.reason);
    }
}

#[test]
fn four_marks_are_kept_and_they_are_the_last() {
    let marked = |text: &'static str| {
        Part::Text(Text {
            text: text.into(),
            cache: Some(Cache { ttl: Some("1h".into()) }),
            ..Text::default()
        })
    };
    let request = asks(vec![marked("1"), marked(" "), marked("2"), marked("3"), marked("4"), marked("5")]);
    let (body, lost) = write(&request, &Quirks::default());
    let blocks = body["messages"][0]["content"].as_array().unwrap();
    let marks: Vec<bool> = blocks.iter().map(|block| block.get("cache_control").is_some()).collect();
    assert_eq!(marks, [false, true, true, true, true]);
    assert_eq!(blocks[4]["cache_control"], json!({"type": "ephemeral", "ttl": "1h"}));
    assert_eq!(lost, ["cache_control"]);
}

#[test]
fn a_tools_schema_is_of_an_object() {
    let with = |schema| Request { tools: vec![tool("f", schema, None)], ..asks(vec![Part::text("x")]) };
    let schema = |schema| write(&with(schema), &Quirks::default()).0["tools"][0]["input_schema"].clone();
    assert_eq!(schema("{}"), json!({"type": "object", "properties": {}}));
    assert_eq!(schema(r#"{"properties":{"a":{}}}"#), json!({"type": "object", "properties": {"a": {}}}));
    assert_eq!(schema(r#"{"type":["object","null"]}"#), json!({"type": "object"}));
    for bad in ["true", r#"{"type":"string"}"#, r#"{"type":["string"]}"#] {
        let quirks = Quirks::default();
        let target = Target { model: "m", stream: false, quirks: &quirks };
        assert_eq!(AnthropicMessages.write_request(&with(bad), &target).unwrap_err().field, Field::Tools);
    }
}

#[test]
fn the_choice_of_tools_is_said() {
    let tools = vec![tool("f", r#"{"type":"object"}"#, None), tool("g", r#"{"type":"object"}"#, None)];
    let said = |choice, parallel| {
        let request = Request {
            tools: tools.clone(),
            tool_choice: choice,
            parallel_tool_calls: parallel,
            ..asks(vec![Part::text("x")])
        };
        let (body, lost) = write(&request, &Quirks::default());
        (body["tool_choice"].clone(), body["tools"].as_array().unwrap().len(), lost)
    };
    assert_eq!(said(None, None), (Value::Null, 2, vec![]));
    assert_eq!(said(None, Some(false)).0, json!({"type": "auto", "disable_parallel_tool_use": true}));
    assert_eq!(said(Some(ToolChoice::None), Some(false)).0, json!({"type": "none"}));
    assert_eq!(said(Some(ToolChoice::Required), None).0, json!({"type": "any"}));
    assert_eq!(said(Some(ToolChoice::Tool("g".into())), None).0, json!({"type": "tool", "name": "g"}));
    let allowed = ToolChoice::Allowed { names: vec!["g".into()], required: true };
    assert_eq!(said(Some(allowed), None), (json!({"type": "any"}), 1, vec![]));
}

#[test]
fn thinking_takes_what_it_excludes_with_it() {
    let request = Request {
        reasoning: ReasoningWish { effort: Some(Effort::High), ..ReasoningWish::default() },
        max_tokens: Some(8000),
        temperature: Some(0.3),
        top_p: Some(0.5),
        top_k: Some(3),
        tools: vec![tool("f", r#"{"type":"object"}"#, None)],
        tool_choice: Some(ToolChoice::Required),
        ..asks(vec![Part::text("x")])
    };
    let budget = Quirks { reasoning: ReasoningAsk::Budget, ..Quirks::default() };
    let (body, lost) = write(&request, &budget);
    assert_eq!(body["thinking"], json!({"type": "enabled", "budget_tokens": 4000}));
    assert_eq!((&body["max_tokens"], &body["tool_choice"]), (&json!(8000), &json!({"type": "auto"})));
    assert_eq!(lost, ["tool_choice", "temperature", "top_p", "top_k"]);
    let efforts: &[Effort] = &[Effort::Low, Effort::Medium, Effort::High, Effort::Max];
    let mut level = Quirks { reasoning: ReasoningAsk::Level, efforts, ..Quirks::default() };
    let hard = Request {
        reasoning: ReasoningWish {
            effort: Some(Effort::XHigh),
            show: Some(true),
            ..ReasoningWish::default()
        },
        ..request.clone()
    };
    let (body, _) = write(&hard, &level);
    assert_eq!(body["thinking"], json!({"type": "adaptive", "display": "summarized"}));
    assert_eq!(body["output_config"], json!({"effort": "high"}));
    assert_eq!(body["tool_choice"], json!({"type": "any"}));
    let off = Request {
        reasoning: ReasoningWish { effort: Some(Effort::None), ..ReasoningWish::default() },
        ..request.clone()
    };
    assert_eq!(write(&off, &level).0["thinking"], json!({"type": "disabled"}));
    level.apply(&ModelRule { always_thinks: Some(true), ..ModelRule::NONE });
    let (body, lost) = write(&off, &level);
    assert_eq!((body.get("thinking"), &body["output_config"]), (None, &json!({"effort": "low"})));
    assert!(lost.contains(&"thinking".to_owned()) && lost.contains(&"tool_choice".to_owned()), "{lost:?}");
}

#[test]
fn the_limit_stays_above_the_budget() {
    let budgets = |wish: ReasoningWish<'static>, most| {
        let request = Request { reasoning: wish, max_tokens: most, ..asks(vec![Part::text("x")]) };
        let (body, lost) = write(&request, &Quirks::default());
        let number = |value: &Value| value.as_u64().unwrap();
        (number(&body["thinking"]["budget_tokens"]), number(&body["max_tokens"]), lost)
    };
    let given = |budget| ReasoningWish { budget: Some(budget), ..ReasoningWish::default() };
    let effort = || ReasoningWish { effort: Some(Effort::Low), ..ReasoningWish::default() };
    assert_eq!(budgets(given(5), Some(4000)), (1024, 4000, vec![]));
    assert_eq!(budgets(given(5000), None), (5000, 9096, vec![]));
    assert_eq!(budgets(given(5000), Some(4000)), (5000, 9000, vec!["max_tokens".to_owned()]));
    assert_eq!(budgets(effort(), Some(2048)), (1024, 2048, vec![]));
    assert_eq!(budgets(effort(), Some(100)), (2048, 2148, vec!["max_tokens".to_owned()]));
}

#[test]
fn thinking_is_not_turned_on_in_the_middle_of_calls() {
    let ask = |first: Vec<Part<'static>>| {
        let request = Request {
            turns: vec![
                turn(Role::User, vec![Part::text("x")]),
                turn(Role::Assistant, first),
                turn(Role::Tool, vec![result("a", vec![])]),
            ],
            reasoning: ReasoningWish { budget: Some(2000), ..ReasoningWish::default() },
            ..Request::default()
        };
        let (body, lost) = write(&request, &Quirks::default());
        (body.get("thinking").is_some(), lost)
    };
    assert_eq!(ask(vec![thought(StateKind::ClaudeSignature), call("a", "")]), (true, vec![]));
    assert_eq!(ask(vec![call("a", "")]), (false, vec!["thinking".to_owned()]));
}

#[test]
fn what_the_dialect_lacks_is_listed() {
    let mut refusing = Quirks { one_sampler: true, ..Quirks::default() };
    let request = Request {
        temperature: Some(1.4),
        top_p: Some(0.5),
        stop: vec![" ".into(), "END".into()],
        seed: Some("1".into()),
        n: Some(2),
        logprobs: Some(true),
        frequency_penalty: Some(0.5),
        presence_penalty: Some(0.0),
        service_tier: Some("flex".into()),
        store: Some(false),
        user: Some("u".into()),
        ..asks(vec![Part::text("x")])
    };
    let (body, lost) = write(&request, &refusing);
    assert_eq!((&body["temperature"], &body["stop_sequences"]), (&json!(1), &json!(["END"])));
    assert_eq!(body["metadata"], json!({"user_id": "u"}));
    assert_eq!(
        lost,
        [
            "temperature",
            "top_p",
            "stop_sequences",
            "service_tier",
            "frequency_penalty",
            "seed",
            "n",
            "logprobs"
        ]
    );
    refusing.refuses = vec![Field::Temperature, Field::TopP];
    let (body, lost) = write(&Request { temperature: Some(1.0), ..request }, &refusing);
    assert_eq!(body.get("temperature"), None);
    assert!(!lost.contains(&"temperature".to_owned()));
}

#[test]
fn strict_tools_need_a_model_that_knows_schemas() {
    let schema = r#"{"type":"object","properties":{"a":{"type":"integer","minimum":1}},"required":["a"],"additionalProperties":false}"#;
    let request = Request { tools: vec![tool("f", schema, Some(true))], ..asks(vec![Part::text("x")]) };
    let (body, lost) = write(&request, &Quirks::default());
    assert_eq!(body["tools"][0]["strict"], json!(true));
    assert_eq!(
        body["tools"][0]["input_schema"]["properties"]["a"],
        json!({"type": "integer", "description": "{\"minimum\":1}"})
    );
    assert!(lost.is_empty());
    let older = Quirks { schema: SchemaSupport::None, ..Quirks::default() };
    let (body, lost) = write(&request, &older);
    assert_eq!(body["tools"][0].get("strict"), None);
    assert_eq!(body["tools"][0]["input_schema"]["properties"]["a"]["minimum"], json!(1));
    assert_eq!(lost, ["tools[].strict"]);
}
