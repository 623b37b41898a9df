//! What callers send.

use super::*;
use crate::chat::{
    Bind, Cache, Effort, MediaKind, Part, ReasoningWish, ResponseFormat, Role, Source, StateKind, ToolChoice,
    ToolKind,
};

/// A turn of Codex: <https://github.com/openai/codex>, in small.
const CODEX: &str = r#"{
  "model": "claude-x", "instructions": "You are Codex.", "stream": true, "store": false, "parallel_tool_calls": false,
  "tool_choice": "auto", "prompt_cache_key": "thread-1", "include": ["reasoning.encrypted_content"],
  "reasoning": {"effort": "medium", "summary": "auto"}, "text": {"verbosity": "low"},
  "tools": [
    {"type": "function", "name": "shell", "description": "Runs.", "strict": false,
     "parameters": {"type": "object", "properties": {"command": {"type": "array", "items": {"type": "string"}}}}},
    {"type": "custom", "name": "apply_patch", "description": "Patches.",
     "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}},
    {"type": "web_search"}, {"type": "local_shell"}
  ],
  "input": [
    {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Sandbox: none."}]},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "List files."}]},
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Look"}, {"type": "summary_text", "text": "first"}],
     "content": null, "encrypted_content": "gAAA"},
    {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed", "content": [{"type": "output_text", "text": "I look."}]},
    {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "shell", "arguments": "{\"command\":[\"ls\"]}"},
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}},
    {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_2", "name": "apply_patch", "input": "*** Begin"},
    {"type": "function_call_output", "call_id": "call_1", "output": "a.txt"},
    {"type": "custom_tool_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "ok"},
      {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}]}
  ]}"#;

#[test]
fn a_turn_of_codex_is_read() {
    let request = read(CODEX).unwrap();
    let roles: Vec<_> = request.turns.iter().map(|turn| (turn.role, turn.parts.len(), turn.at)).collect();
    assert_eq!(
        roles,
        [
            (Role::System, 1, 0),
            (Role::Developer, 1, 0),
            (Role::User, 1, 1),
            (Role::Assistant, 4, 2),
            (Role::Tool, 2, 7)
        ]
    );
    let [Part::Reasoning(thought), Part::Text(text), Part::ToolCall(call), Part::ToolCall(custom)] =
        &request.turns[3].parts[..]
    else {
        panic!("{:?}", request.turns[3])
    };
    assert_eq!((&*thought.text, thought.summary), ("Look\n\nfirst", true));
    let state = thought.state.as_ref().unwrap();
    assert_eq!((state.kind, &*state.data), (StateKind::OpenAiEncrypted, "gAAA"));
    assert_eq!(text.text, "I look.");
    assert_eq!((&*call.id, &*call.arguments, call.custom), ("call_1", r#"{"command":["ls"]}"#, false));
    assert_eq!((&*custom.id, &*custom.arguments, custom.custom), ("call_2", "*** Begin", true));
    let Part::ToolResult(result) = &request.turns[4].parts[1] else { panic!() };
    assert_eq!((result.name.as_deref(), result.custom, result.parts.len()), (Some("apply_patch"), true, 2));

    assert_eq!(request.tools.len(), 2);
    assert!(
        matches!(&request.tools[1].kind, ToolKind::Custom { format: Some(format) } if format.contains("lark"))
    );
    assert_eq!(request.tool_choice, Some(ToolChoice::Auto));
    assert_eq!(
        (request.parallel_tool_calls, request.store, request.stream),
        (Some(false), Some(false), true)
    );
    assert_eq!((request.verbosity.as_deref(), request.cache_key.as_deref()), (Some("low"), Some("thread-1")));
    let wish = ReasoningWish {
        effort: Some(Effort::Medium),
        show: Some(true),
        summary: Some("auto".into()),
        ..ReasoningWish::default()
    };
    assert_eq!(request.reasoning, wish);
    let losses = request.losses.names(super::super::types::field_name);
    assert_eq!(losses, ["tools[].web_search", "tools[].local_shell", "input[].web_search_call"]);
}

#[test]
fn a_text_is_a_turn_of_the_user() {
    let request =
        read(r#"{"model": "m", "input": "hi", "stream": null, "store": true, "metadata": {}}"#).unwrap();
    assert_eq!(request.turns.len(), 1);
    assert_eq!(request.turns[0].parts, [Part::text("hi")]);
    assert_eq!((request.store, request.metadata.is_some(), request.stream), (None, false, false));
    assert!(request.losses.is_empty());
}

#[test]
fn parts_of_every_kind_are_read() {
    let request = read(
        r#"{"model": "m", "input": [{"role": "user", "content": [
            {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
            {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "high"},
            {"type": "input_image", "file_id": "file_1", "detail": "auto"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
            {"type": "input_file", "file_data": "JVBERi0="},
            {"type": "input_file", "file_url": "https://x.example/b.pdf"},
            {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}}]},
          {"role": "assistant", "content": [{"type": "output_text", "text": "b", "logprobs": [],
             "annotations": [{"type": "url_citation", "url": "https://x.example", "title": "X", "start_index": 0, "end_index": 1}]},
             {"type": "refusal", "refusal": "no"}]},
          {"role": "assistant", "content": "c", "phase": "final_answer"}]}"#,
    )
    .unwrap();
    let Part::Text(text) = &request.turns[0].parts[0] else { panic!() };
    assert_eq!(text.cache, Some(Cache::default()));
    let media: Vec<_> = request.turns[0].parts[1..]
        .iter()
        .map(|part| {
            let Part::Media(media) = part else { panic!() };
            (
                media.kind,
                media.media_type(),
                matches!(media.source, Source::Base64(_)),
                media.detail.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        media,
        [
            (MediaKind::Image, "image/png", false, Some("high")),
            (MediaKind::Image, "image/png", false, None),
            (MediaKind::File, "application/pdf", true, None),
            (MediaKind::File, "application/pdf", true, None),
            (MediaKind::File, "application/pdf", false, None),
            (MediaKind::Audio, "audio/mpeg", true, None),
        ]
    );
    let [Part::Text(cited), Part::Refusal(refusal), Part::Text(more)] = &request.turns[1].parts[..] else {
        panic!()
    };
    assert_eq!((cited.citations[0].title.as_deref(), &**refusal, &*more.text), (Some("X"), "no", "c"));
    assert_eq!(request.losses.names(super::super::types::field_name), ["input[].phase"]);
}

#[test]
fn the_form_of_the_answer_is_read() {
    let request = read(
        r#"{"model": "m", "input": "x", "max_output_tokens": 5, "temperature": 0.5, "top_p": 1, "top_logprobs": 2,
        "include": ["message.output_text.logprobs", "file_search_call.results"], "truncation": "auto", "background": false,
        "safety_identifier": "u1", "service_tier": "flex", "metadata": {"a": "b"}, "stream_options": {"include_obfuscation": false},
        "tools": [{"type": "function", "name": "f", "parameters": null, "strict": null}],
        "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}, {"type": "mcp"}]},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}}}"#,
    )
    .unwrap();
    assert_eq!((request.max_tokens, request.temperature, request.top_p), (Some(5), Some(0.5), Some(1.0)));
    assert_eq!((request.logprobs, request.top_logprobs), (Some(true), Some(2)));
    assert_eq!((request.user.as_deref(), request.service_tier.as_deref()), (Some("u1"), Some("flex")));
    let Some(ToolChoice::Allowed { names, required: true }) = &request.tool_choice else { panic!() };
    assert_eq!(names, &["f"]);
    assert!(matches!(&request.response_format,
        Some(ResponseFormat::JsonSchema { name: Some(_), schema, strict: Some(true), .. }) if schema == r#"{"type": "object"}"#));
    let losses = request.losses.names(super::super::types::field_name);
    assert_eq!(losses, ["tool_choice.tools[].mcp", "include", "truncation"]);
}

#[test]
fn a_choice_of_what_was_left_out_goes_too() {
    let request = read(
        r#"{"model": "m", "input": "x", "tools": [{"type": "file_search", "vector_store_ids": []}], "tool_choice": "required"}"#,
    )
    .unwrap();
    assert_eq!(request.tool_choice, None);
    assert_eq!(request.losses.names(super::super::types::field_name), ["tools[].file_search", "tool_choice"]);
}

#[test]
fn state_of_other_vendors_comes_back_to_its_place() {
    let request = read(
        r#"{"model": "m", "input": [{"role": "user", "content": "x"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "wharf1.claude.reasoning.SIG"},
        {"type": "reasoning", "summary": [], "encrypted_content": "wharf1.gemini.call.G"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "1"},
        {"role": "assistant", "content": "done"},
        {"type": "reasoning", "summary": [], "encrypted_content": "wharf1.gemini.text.H"}]}"#,
    )
    .unwrap();
    let [Part::Reasoning(thought), Part::ToolCall(call)] = &request.turns[1].parts[..] else { panic!() };
    assert_eq!(thought.state.as_ref().unwrap().kind, StateKind::ClaudeSignature);
    let state = call.state.as_ref().unwrap();
    assert_eq!((state.kind, state.bind, &*state.data), (StateKind::GeminiThought, Bind::Call, "G"));
    let [Part::Text(text)] = &request.turns[3].parts[..] else { panic!() };
    assert_eq!(&*text.state.as_ref().unwrap().data, "H");
}

#[test]
fn what_is_wrong_is_named_by_its_path() {
    for (body, error) in [
        (r#"{"model": "m"}"#, "input: is required"),
        (r#"{"model": "m", "input": 5}"#, "input: must be a string or an array, not a number"),
        (r#"{"model": "m", "input": []}"#, "input: must not be empty"),
        (r#"{"model": "m", "input": [{"content": "x"}]}"#, "input[0].type: is required"),
        (r#"{"model": "m", "input": [{"type": "A b", "x": 1}]}"#, "input[0].type: `A b` is not known"),
        (
            r#"{"model": "m", "input": [{"role": "tool", "content": "x"}]}"#,
            "input[0].role: `tool` is none of",
        ),
        (
            r#"{"model": "m", "input": [{"role": "user", "content": [{"type": "input_image", "image_url": {"url": "x"}}]}]}"#,
            "input[0].content[0].image_url: must be a string, not an object",
        ),
        (
            r#"{"model": "m", "input": [{"role": "user", "content": [{"type": "image"}]}]}"#,
            "input[0].content[0].type: `image` is none of",
        ),
        (
            r#"{"model": "m", "input": [{"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}]}"#,
            "input[0]: the tool call `a` has no result",
        ),
        (
            r#"{"model": "m", "input": [{"role": "user", "content": "x"}, {"type": "function_call_output", "call_id": "a", "output": ""}]}"#,
            "input[1]: the tool result `a` answers no tool call",
        ),
        (
            r#"{"model": "m", "input": "x", "previous_response_id": "resp_1"}"#,
            "previous_response_id: can't be had here",
        ),
        (r#"{"model": "m", "input": "x", "conversation": "conv_1"}"#, "conversation: can't be had here"),
        (r#"{"model": "m", "prompt": {"id": "p"}}"#, "prompt: can't be had here"),
        (r#"{"model": "m", "input": "x", "background": true}"#, "background: can't be had here"),
        (
            r#"{"model": "m", "input": "x", "reasoning": {"effort": "huge"}}"#,
            "reasoning.effort: `huge` is none of",
        ),
        (r#"{"model": "m", "input": "x", "tools": [{"type": "function"}]}"#, "tools[0].name: is required"),
        (r#"{"model": "m", "input": "x", "tools": {}}"#, "tools: must be an array, not an object"),
        (
            r#"{"model": "m", "input": "x", "text": {"format": {"type": "json_schema"}}}"#,
            "text.format.schema: is required",
        ),
        (r#"{"model": "m", "input": "x", "temperature": 1e400}"#, "temperature: must be a number"),
    ] {
        let said = read(body).unwrap_err().to_string();
        assert!(said.starts_with(error), "{body}: {said}");
    }
}

#[test]
fn the_request_is_repeated_in_its_answer() {
    let request = read(
        r#"{"model": "m", "instructions": "Be.", "input": "x", "user": "u", "temperature": 0.5, "metadata": {"k": "v"},
        "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}], "tool_choice": {"type": "function", "name": "f"}}"#,
    )
    .unwrap();
    let echo: Value = serde_json::from_str(&format!("{{{}}}", request.echo)).unwrap();
    assert_eq!(
        echo,
        json!({"background": false, "instructions": "Be.", "max_output_tokens": null, "max_tool_calls": null,
            "metadata": {"k": "v"}, "parallel_tool_calls": true, "previous_response_id": null, "prompt_cache_key": null,
            "reasoning": {"effort": null, "summary": null}, "safety_identifier": null, "store": false, "temperature": 0.5,
            "text": {"format": {"type": "text"}, "verbosity": "medium"},
            "tool_choice": {"type": "function", "name": "f"},
            "tools": [{"type": "function", "name": "f", "parameters": null, "strict": false}],
            "top_logprobs": 0, "top_p": 1, "truncation": "disabled", "user": "u"})
    );
    let long = format!(r#"{{"model": "m", "input": "x", "instructions": "{}"}}"#, "a".repeat(1 << 20));
    assert!(read(&long).unwrap().echo.len() < 1024);
}

#[test]
fn tools_of_a_group_go_out_one_by_one_and_come_back_to_it() {
    let request = read(
        r#"{"model": "m", "tools": [{"type": "namespace", "name": "mcp__docs__", "tools": [{"type": "function", "name": "find"}]},
          {"type": "namespace", "name": "fs", "tools": [{"type": "custom", "name": "put"}]}],
        "input": [{"role": "user", "content": "x"},
          {"type": "function_call", "call_id": "c", "namespace": "mcp__docs__", "name": "find", "arguments": "{}"},
          {"type": "function_call_output", "call_id": "c", "output": "1"}]}"#,
    )
    .unwrap();
    let names: Vec<_> = request.tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!(names, ["mcp__docs__find", "fs__put"]);
    let Part::ToolCall(call) = &request.turns[1].parts[0] else { panic!() };
    assert_eq!(call.name, "mcp__docs__find");
    assert!(request.losses.is_empty());
    let context = Context::of(&request);
    let body = br#"{"output": [{"type": "function_call", "call_id": "c", "name": "mcp__docs__find", "arguments": "{}"},
        {"type": "function_call", "call_id": "d", "name": "fs__put", "arguments": "{\"input\": \"x\"}"},
        {"type": "function_call", "call_id": "e", "name": "find", "arguments": "{}"},
        {"type": "function_call", "call_id": "f", "name": "search", "arguments": "{}"}]}"#;
    let whole =
        crate::translate::whole(Format::OpenAiResponses, Format::OpenAiResponses, body, false, &context);
    let answer: Value = serde_json::from_slice(&whole.unwrap().body).unwrap();
    let called: Vec<_> =
        answer["output"].as_array().unwrap().iter().map(|item| (&item["name"], &item["namespace"])).collect();
    let (find, docs) = (json!("find"), json!("mcp__docs__"));
    assert_eq!(
        called,
        [(&find, &docs), (&json!("put"), &json!("fs")), (&find, &docs), (&json!("search"), &Value::Null)]
    );
}
