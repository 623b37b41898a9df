//! What callers send, and what is wrong with it.

use super::{FULL, read};
use crate::chat::{
    Effort, Field, MediaKind, Part, ResponseFormat, Role, Source, StateKind, ToolChoice, ToolKind,
};
use crate::translate::read_request;
use crate::{Format, translate::Said};

#[test]
fn a_rich_request_is_read_whole() {
    let request = read_request(Format::OpenAiChat, FULL.as_bytes(), &Said::default()).unwrap();
    assert!(request.losses.is_empty(), "{:?}", request.losses);
    assert_eq!((&*request.model, request.stream, request.include_usage), ("gpt-x", true, true));
    assert_eq!((request.max_tokens, request.n, request.top_logprobs), (Some(900), Some(2), Some(3)));
    assert_eq!(request.seed.as_deref(), Some("7"));
    assert_eq!(request.stop, ["END", "STOP"]);
    assert_eq!(request.logit_bias.as_deref(), Some(r#"{"50256": -100}"#));
    assert_eq!(request.reasoning.effort, Some(Effort::High));
    assert_eq!(request.parallel_tool_calls, Some(false));
    let schema =
        matches!(&request.response_format, Some(ResponseFormat::JsonSchema { strict: Some(true), .. }));
    assert!(schema, "{:?}", request.response_format);
    let roles: Vec<_> = request.turns.iter().map(|turn| turn.role).collect();
    use Role::{Assistant, Developer, System, Tool, User};
    assert_eq!(roles, [System, Developer, User, Assistant, Tool, Tool, Assistant, User]);
    assert_eq!(request.tools.len(), 3);
    assert!(matches!(request.tools[2].kind, ToolKind::Custom { format: Some(_) }));
    let allowed = ToolChoice::Allowed { names: vec!["weather".into()], required: true };
    assert_eq!(request.tool_choice, Some(allowed));
}

#[test]
fn parts_and_states_are_what_they_are() {
    let request = read_request(Format::OpenAiChat, FULL.as_bytes(), &Said::default()).unwrap();
    let [Part::Text(text)] = &request.turns[0].parts[..] else { panic!() };
    assert_eq!(text.cache.as_ref().unwrap().ttl.as_deref(), Some("1h"));
    let kinds: Vec<_> = request.turns[2]
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Media(media) => Some((media.kind, media.media_type().to_owned(), media.url().is_some())),
            _ => None,
        })
        .collect();
    assert_eq!(
        kinds,
        [
            (MediaKind::Image, "image/png".to_owned(), true),
            (MediaKind::Image, "image/gif".to_owned(), false),
            (MediaKind::Audio, "audio/mpeg".to_owned(), false),
            (MediaKind::File, "application/pdf".to_owned(), false),
        ]
    );
    let [Part::Reasoning(thought), Part::Text(_), Part::ToolCall(first), Part::ToolCall(second)] =
        &request.turns[3].parts[..]
    else {
        panic!("{:?}", request.turns[3].parts)
    };
    let state = thought.state.as_ref().unwrap();
    assert_eq!(
        (state.kind, &*state.data, &*thought.text),
        (StateKind::ClaudeSignature, "sig==", "Two tools.")
    );
    assert_eq!(first.state.as_ref().unwrap().kind, StateKind::GeminiThought);
    assert!(second.custom && second.arguments == "ls -l");
    let [Part::ToolResult(result)] = &request.turns[5].parts[..] else { panic!() };
    assert_eq!((result.name.as_deref(), result.custom, result.parts.len()), (Some("shell"), true, 2));
    assert_eq!(request.turns[6].parts, [Part::Refusal("I can't.".into())]);
}

#[test]
fn what_is_wrong_is_named_by_its_path() {
    for (body, path) in [
        (r#"{"messages": 5}"#, "messages"),
        (r#"{}"#, "messages"),
        (r#"{"messages": []}"#, "messages"),
        (r#"{"messages": [5]}"#, "messages[0]"),
        (r#"{"messages": [{"content": "x"}]}"#, "messages[0].role"),
        (r#"{"messages": [{"role": "robot", "content": "x"}]}"#, "messages[0].role"),
        (r#"{"messages": [{"role": "user"}]}"#, "messages[0].content"),
        (
            r#"{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}"#,
            "messages[0].content[0].image_url",
        ),
        (
            r#"{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": 5}}]}]}"#,
            "messages[0].content[0].image_url.url",
        ),
        (
            r#"{"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}"#,
            "messages[0].content[0].type",
        ),
        (
            r#"{"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]}"#,
            "messages[0].content[0].file.file_data",
        ),
        (
            r#"{"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "function": {}}]}]}"#,
            "messages[0].tool_calls[0].function.name",
        ),
        (r#"{"messages": [{"role": "tool", "content": "x"}]}"#, "messages[0].tool_call_id"),
        (r#"{"messages": [{"role": "tool", "tool_call_id": "a", "content": "x"}]}"#, "messages[0]"),
        (r#"{"messages": [{"role": "user", "content": "x"}], "temperature": 1e999}"#, "temperature"),
        (r#"{"messages": [{"role": "user", "content": "x"}], "temperature": "hot"}"#, "temperature"),
        (r#"{"messages": [{"role": "user", "content": "x"}], "stop": ["a", 5]}"#, "stop[1]"),
        (
            r#"{"messages": [{"role": "user", "content": "x"}], "reasoning_effort": "huge"}"#,
            "reasoning_effort",
        ),
        (
            r#"{"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function"}]}"#,
            "tools[0].function",
        ),
        (
            r#"{"messages": [{"role": "user", "content": "x"}], "tools": [{"function": {"name": "a", "parameters": []}}]}"#,
            "tools[0].function.parameters",
        ),
        (r#"{"messages": [{"role": "user", "content": "x"}], "tool_choice": "must"}"#, "tool_choice"),
        (
            r#"{"messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_schema"}}"#,
            "response_format.json_schema",
        ),
        (r#"{"messages": [{"role": "user", "content": "x"}], "metadata": "x"}"#, "metadata"),
    ] {
        let error = read_request(Format::OpenAiChat, body.as_bytes(), &Said::default()).unwrap_err();
        assert_eq!(error.path, path, "{body}: {error}");
    }
}

#[test]
fn what_has_no_place_is_listed_and_defaults_are_not() {
    let request = read(
        r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "mood": 1}], "weight": 2}],
            "n": 1, "stream": false, "logprobs": false, "store": false, "tools": [], "stop": [], "metadata": {},
            "frequency_penalty": 0, "modalities": ["text"], "service_tier": "auto", "parallel_tool_calls": true,
            "web_search_options": {}, "prediction": {"type": "content"}, "tool_choice": null,
            "response_format": {"type": "text", "more": 1}}"#,
    )
    .unwrap();
    let mut names = request.losses.names(|_| "");
    names.sort();
    assert_eq!(
        names,
        [
            "messages[].content[].mood",
            "messages[].weight",
            "prediction",
            "response_format.more",
            "web_search_options"
        ]
    );
    assert_eq!((request.n, request.logprobs, request.frequency_penalty), (None, None, None));
}

#[test]
fn the_older_functions_are_tools_and_their_results_are_told_by_order() {
    let request = read_request(
        Format::OpenAiChat,
        br#"{"messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": null, "function_call": {"name": "weather", "arguments": "{}"}},
            {"role": "function", "name": "weather", "content": "Sunny"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "", "type": "function", "function": {"name": "a", "arguments": "{}"}},
                {"type": "function", "function": {"name": "b", "arguments": {"c": 1}}}]},
            {"role": "tool", "tool_call_id": "", "content": "of a"},
            {"role": "tool", "content": "of b"}],
            "functions": [{"name": "weather", "parameters": {"type": "object", "properties": {}}}],
            "function_call": {"name": "weather"}}"#,
        &Said::default(),
    )
    .unwrap();
    assert_eq!(request.tool_choice, Some(ToolChoice::Tool("weather".into())));
    assert_eq!(request.tools.len(), 1);
    assert!(!request.echo.is_empty());
    let names: Vec<_> = request
        .turns
        .iter()
        .flat_map(|turn| &turn.parts)
        .filter_map(|part| match part {
            Part::ToolResult(result) => result.name.as_deref(),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["weather", "a", "b"]);
}

#[test]
fn reasoning_is_asked_for_in_many_ways() {
    let wish = |more: &str| {
        let body = format!(r#"{{"messages": [{{"role": "user", "content": "x"}}], {more}}}"#);
        read(&body).unwrap().reasoning.clone().effort.map(Effort::name).map(str::to_owned).unwrap_or_default()
            + &read(&body).unwrap().reasoning.budget.map(|budget| format!("/{budget}")).unwrap_or_default()
            + if read(&body).unwrap().reasoning.adaptive { "/adaptive" } else { "" }
            + match read(&body).unwrap().reasoning.show {
                Some(true) => "/shown",
                Some(false) => "/hidden",
                None => "",
            }
    };
    assert_eq!(wish(r#""reasoning_effort": "xhigh""#), "xhigh");
    assert_eq!(wish(r#""reasoning_effort": "default""#), "");
    assert_eq!(wish(r#""reasoning": {"effort": "low", "exclude": true}"#), "low/hidden");
    assert_eq!(wish(r#""reasoning": {"max_tokens": 2000}"#), "/2000");
    assert_eq!(wish(r#""reasoning": {"enabled": true}"#), "medium");
    assert_eq!(wish(r#""reasoning": {"enabled": false}"#), "none");
    assert_eq!(wish(r#""thinking": {"type": "enabled"}"#), "/adaptive");
    assert_eq!(wish(r#""thinking": {"type": "enabled", "budget_tokens": 3000}"#), "/3000");
    assert_eq!(wish(r#""thinking": {"type": "disabled"}"#), "none");
    assert_eq!(
        wish(
            r#""extra_body": {"google": {"thinking_config": {"thinking_budget": -1, "include_thoughts": true}}}"#
        ),
        "/adaptive/shown"
    );
}

#[test]
fn parts_of_other_vendors_are_known() {
    let request = read(
        r#"{"messages": [{"role": "user", "content": [
            {"type": "document_url", "document_url": "https://example.com/a.pdf", "document_name": "a"},
            {"type": "file_url", "file_url": {"url": "JVBERi0xLjQK"}},
            {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
            {"type": "image_url", "image_url": "https://example.com/a.png"},
            {"type": "input_audio", "input_audio": "SUQzBAAAAAAA"},
            {"type": "file", "file": {"file_id": "file-1"}}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
                {"type": "text", "text": "Yes"}]}]}"#,
    )
    .unwrap();
    let sources: Vec<_> = request.turns[0]
        .parts
        .iter()
        .map(|part| match part {
            Part::Media(media) => match &media.source {
                Source::Url(_) => "url",
                Source::Base64(_) => "bytes",
                Source::Id(_) => "id",
                Source::Text(_) => "text",
            },
            _ => "",
        })
        .collect();
    assert_eq!(sources, ["url", "bytes", "url", "url", "bytes", "id"]);
    assert!(matches!(&request.turns[1].parts[..], [Part::Reasoning(_), Part::Text(_)]));
    assert!(request.losses.is_empty(), "{:?}", request.losses);
    assert!(!request.losses.fields().contains(&Field::File));
}
