//! What callers send.

use super::*;
use crate::chat::{
    Bind, Effort, MediaKind, Part, ResponseFormat, Role, Source, StateKind, ToolChoice, ToolKind,
};

/// As an agent sends it after some turns: everything at once.
const FULL: &str = r#"{
  "model": "claude-sonnet-4-5", "max_tokens": 32000, "stream": true,
  "system": [{"type": "text", "text": "You write code."},
             {"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
  "messages": [
    {"role": "user", "content": "Look."},
    {"role": "user", "content": [
      {"type": "text", "text": "At this:"},
      {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
      {"type": "image", "source": {"type": "url", "url": "https://example.com/a.jpg"}},
      {"type": "document", "title": "Plan", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
      {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}, "citations": {"enabled": false}},
      {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}},
      {"type": "document", "source": {"type": "file", "file_id": "file_1"}}]},
    {"role": "assistant", "content": [
      {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
      {"type": "redacted_thinking", "data": "b3BhcXVl"},
      {"type": "text", "text": "I read it."},
      {"type": "thinking", "thinking": "", "signature": "wharf1.gemini.call.dGhvdWdodA=="},
      {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "a b", "n": 1.50}, "caller": {"type": "direct"}},
      {"type": "tool_use", "id": "toolu_2", "name": "list", "input": {}}]},
    {"role": "user", "content": [
      {"type": "tool_result", "tool_use_id": "toolu_1", "content": "text of it"},
      {"type": "text", "text": "Go on."},
      {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": true, "cache_control": {"type": "ephemeral"},
       "content": [{"type": "text", "text": "no such"}, {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/"}}]}]},
    {"role": "system", "content": "Now in French."}],
  "tools": [
    {"name": "read", "description": "Reads.", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}, "strict": true},
    {"type": "custom", "name": "list", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}},
    {"type": "web_search_20250305", "name": "web_search", "max_uses": 5},
    {"type": "bash_20250124", "name": "bash"}],
  "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
  "thinking": {"type": "enabled", "budget_tokens": 10000},
  "output_config": {"format": {"type": "json_schema", "schema": {"type": "object", "properties": {}}}},
  "temperature": 1, "top_p": 0.9, "top_k": 40, "stop_sequences": ["END"],
  "metadata": {"user_id": "u1"}, "service_tier": "standard_only",
  "context_management": {"edits": []}, "mcp_servers": [], "container": "c1"
}"#;

#[test]
fn everything_is_read() {
    let request = read(FULL).unwrap();
    assert_eq!(
        (&*request.model, request.stream, request.max_tokens),
        ("claude-sonnet-4-5", true, Some(32000))
    );
    let roles: Vec<_> = request.turns.iter().map(|turn| (turn.role, turn.at, turn.parts.len())).collect();
    assert_eq!(
        roles,
        [
            (Role::System, 0, 2),
            (Role::User, 0, 1),
            (Role::User, 1, 7),
            (Role::Assistant, 2, 5),
            (Role::Tool, 3, 2),
            (Role::User, 3, 1),
            (Role::System, 4, 1)
        ]
    );
    assert_eq!((request.temperature, request.top_p, request.top_k), (Some(1.0), Some(0.9), Some(40)));
    assert_eq!(request.stop, ["END"]);
    assert_eq!((request.user.as_deref(), request.service_tier.as_deref()), (Some("u1"), Some("default")));
    assert_eq!(request.tool_choice, Some(ToolChoice::Required));
    assert_eq!(request.parallel_tool_calls, Some(false));
    assert_eq!((request.reasoning.budget, request.reasoning.show), (Some(10000), Some(true)));
    assert!(matches!(request.response_format, Some(ResponseFormat::JsonSchema { .. })));
    assert_eq!(request.tools.len(), 2);
    assert!(matches!(request.tools[0].kind, ToolKind::Function { strict: Some(true), .. }));
    assert_eq!(
        lost_in(FULL),
        ["tools[].web_search_20250305", "tools[].bash_20250124", "context_management", "container"]
    );
}

#[test]
fn blocks_keep_what_they_hold() {
    let request = read(FULL).unwrap();
    let media: Vec<_> = request.turns[2]
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Media(media) => {
                Some((media.kind, &media.source, media.media_type(), media.name.as_deref()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(media[0], (MediaKind::Image, &Source::Base64("iVBORw0KGgo=".into()), "image/png", None));
    assert_eq!(media[1].1, &Source::Url("https://example.com/a.jpg".into()));
    assert_eq!(media[2].3, Some("Plan"));
    assert_eq!(media[4].1, &Source::Text("one\ntwo".into()));
    assert_eq!(media[5].1, &Source::Id("file_1".into()));
    let Part::Reasoning(thought) = &request.turns[3].parts[0] else { panic!("no thought") };
    assert_eq!(thought.state.as_ref().unwrap().kind, StateKind::ClaudeSignature);
    let Part::ToolCall(call) = &request.turns[3].parts[3] else { panic!("no call") };
    assert_eq!(call.arguments, r#"{"path": "a b", "n": 1.50}"#);
    let state = call.state.as_ref().unwrap();
    assert_eq!(
        (state.kind, state.bind, &*state.data),
        (StateKind::GeminiThought, Bind::Call, "dGhvdWdodA==")
    );
    let Part::ToolResult(result) = &request.turns[4].parts[1] else { panic!("no result") };
    assert!(result.is_error && result.cache.is_some() && result.parts.len() == 2);
    assert_eq!(result.name.as_deref(), Some("list"));
}

/// Members of a body, and the error that they are.
const WRONG: &[(&str, &str)] = &[
    (r#""messages": []"#, "messages: must have at least one message"),
    (r#""messages": 5"#, "messages: must be an array, not 5"),
    (r#""messages": [5]"#, "messages[0]: must be an object, not 5"),
    (r#""messages": [{"role": "user"}]"#, "messages[0].content: is required"),
    (
        r#""messages": [{"role": "bot", "content": ""}]"#,
        "messages[0].role: must be `user` or `assistant`, not `bot`",
    ),
    (
        r#""messages": [{"role": "user", "content": [{"type": "image", "source": 1}]}]"#,
        "messages[0].content[0].source: must be an object, not 1",
    ),
    (
        r#""messages": [{"role": "user", "content": [{"type": "image"}]}]"#,
        "messages[0].content[0].source: is required",
    ),
    (
        r#""messages": [{"role": "user", "content": [{"type": "input_text", "text": "x"}]}]"#,
        "messages[0].content[0].type: `input_text` is no type of block that can stand here",
    ),
    (
        r#""messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}]"#,
        "messages[0]: the tool result `t` answers no tool call",
    ),
    (
        r#""messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}]"#,
        "messages[0]: the tool call `t` has no result",
    ),
    (
        r#""messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": "x"}]}]"#,
        "messages[0].content[0].input: must be an object, not a string",
    ),
    (
        r#""messages": [{"role": "user", "content": "x"}], "tools": [{"name": "f"}]"#,
        "tools[0].input_schema: is required",
    ),
    (
        r#""messages": [{"role": "user", "content": "x"}], "tool_choice": {"type": "tool"}"#,
        "tool_choice.name: is required",
    ),
    (
        r#""messages": [{"role": "user", "content": "x"}], "thinking": {"type": "enabled"}"#,
        "thinking.budget_tokens: is required",
    ),
    (
        r#""messages": [{"role": "user", "content": "x"}], "temperature": 1e999"#,
        "temperature: must be a number in the range of a double, not 1e999",
    ),
    (
        r#""messages": [{"role": "user", "content": "x"}], "stop_sequences": [1]"#,
        "stop_sequences[0]: must be a string, not a number",
    ),
    (
        r#""messages": [{"role": "user", "content": "x"}], "output_config": {"effort": "most"}"#,
        "output_config.effort: must be `low`, `medium`, `high`, `xhigh` or `max`, not `most`",
    ),
];

#[test]
fn an_error_names_its_place() {
    let head = r#"{"model": "m", "max_tokens": 1, "#;
    for (rest, error) in WRONG {
        let body = [head, rest, "}"].concat();
        assert_eq!(read(&body).unwrap_err().to_string(), *error);
    }
    let none = r#"{"model": "m", "messages": [{"role": "user", "content": "x"}]}"#;
    assert_eq!(read(none).unwrap_err().to_string(), "max_tokens: is required");
    let said = Said { counting: true, ..Said::default() };
    assert!(crate::translate::read_request(Format::AnthropicMessages, none.as_bytes(), &said).is_ok());
}

#[test]
fn what_has_no_place_is_listed() {
    let body = r#"{"model": "m", "max_tokens": 9, "speed": "fast", "cache_control": {"type": "ephemeral"},
      "messages": [
        {"role": "user", "content": [{"type": "container_upload", "file_id": "f"}, {"type": "text", "text": "x", "odd": 1}]},
        {"role": "assistant", "content": [
          {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
          {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
          {"type": "text", "text": "found"}]},
        {"role": "user", "content": [{"type": "document", "context": "c", "citations": {"enabled": true}, "source": {"type": "text", "data": "d"}}]}],
      "tools": [{"name": "f", "input_schema": {"type": "object"}, "defer_loading": true, "allowed_callers": ["direct"]}],
      "thinking": {"type": "disabled"}, "output_config": {"effort": "low", "task_budget": {"total": 1}}}"#;
    assert_eq!(
        lost_in(body),
        [
            "messages[].content[].container_upload",
            "messages[].content[].odd",
            "messages[].content[].server_tool_use",
            "messages[].content[].web_search_tool_result",
            "messages[].content[].context",
            "messages[].content[].citations",
            "tools[].defer_loading",
            "output_config.effort",
            "output_config.task_budget",
            "speed"
        ]
    );
    let request = read(body).unwrap();
    assert_eq!(request.reasoning.effort, Some(Effort::None));
    // The mark on the whole request stands on its last block.
    let Some(Part::Media(last)) = request.turns.last().unwrap().parts.last() else { panic!("no document") };
    assert!(last.cache.is_some());
}

#[test]
fn thinking_is_read_in_all_its_forms() {
    let wish = |thinking: &str| {
        let body = format!(
            r#"{{"model": "m", "max_tokens": 9, "messages": [{{"role": "user", "content": "x"}}], {thinking}}}"#
        );
        let wish = read(&body).unwrap().reasoning;
        (wish.effort, wish.budget, wish.adaptive, wish.show)
    };
    assert_eq!(wish(r#""thinking": {"type": "adaptive"}"#), (None, None, true, Some(true)));
    assert_eq!(
        wish(r#""thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "max"}"#),
        (Some(Effort::Max), None, true, Some(false))
    );
    assert_eq!(wish(r#""thinking": {"type": "disabled"}"#), (Some(Effort::None), None, false, None));
    assert_eq!(wish(r#""output_config": {"effort": "low"}"#), (Some(Effort::Low), None, false, None));
}

#[test]
fn a_conversation_of_100_000_messages_is_read_in_time() {
    let pair = r#"{"role":"user","content":"a"},{"role":"assistant","content":"b"},"#;
    let body = [
        r#"{"model":"m","max_tokens":1,"messages":["#,
        &pair.repeat(50_000),
        r#"{"role":"user","content":"c"}]}"#,
    ]
    .concat();
    let request = read(&body).unwrap();
    assert_eq!(request.turns.len(), 100_001);
    assert!(crate::chat::estimate(&request) > 400_000);
    assert_eq!(write(&request, &Quirks::default()).0["messages"].as_array().unwrap().len(), 100_001);
}
