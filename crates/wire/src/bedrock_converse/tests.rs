//! Requests as they go out, answers as they come in. Recordings are replayed elsewhere.

use super::*;
use crate::chat::sample::{self, call, full, image, odd, result, text_file, weather};
use crate::chat::{
    ANSWER_TOOL, Bind, Collector, Event, Field, Finish, Media, MediaKind, Part, Quirks, Reasoning,
    ReasoningAsk, ReasoningWish, ResponseFormat, Role, SchemaSupport, Source, State, StateKind, ToolChoice,
    Turn,
};
use serde_json::{Value, json};

mod answers;

fn quirks() -> Quirks {
    Quirks { reasoning: ReasoningAsk::Budget, ..Quirks::default() }
}

fn written(request: &Request<'_>, quirks: &Quirks) -> (Value, Vec<Field>) {
    let target = Target { model: "us.anthropic.claude-x", stream: true, quirks };
    let written = BedrockConverse.write_request(request, &target).unwrap();
    (serde_json::from_slice(&written.body).unwrap(), written.losses.fields().to_vec())
}

fn refused(request: &Request<'_>) -> Refused {
    let target = Target { model: "m", stream: false, quirks: &quirks() };
    BedrockConverse.write_request(request, &target).unwrap_err()
}

fn user(parts: Vec<Part<'static>>) -> Request<'static> {
    Request { turns: vec![Turn { role: Role::User, parts, ..Turn::default() }], ..Request::default() }
}

#[test]
fn a_full_request() {
    let (body, losses) = written(&full(), &quirks());
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false});
    let expected = json!({
        "messages": [
            {"role": "user", "content": [
                {"text": "What is this?"},
                {"image": {"format": "png", "source": {"bytes": sample::PNG}}}]},
            {"role": "assistant", "content": [{"text": "A dot."}]},
            {"role": "user", "content": [{"text": "And the weather?"}]},
            {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "Two cities.", "signature": "c2lnbmVk"}}},
                {"text": "Let me see."},
                {"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Oslo"}}},
                {"toolUse": {"toolUseId": "call_2", "name": "weather", "input": {}}}]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "call_1", "content": [{"json": {"c": -3}}]}},
                {"toolResult": {"toolUseId": "call_2", "content": [{"text": "no such city"}], "status": "error"}},
                {"text": "Go on."}]},
        ],
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "inferenceConfig": {"maxTokens": 500, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
        "toolConfig": {
            "tools": [{"toolSpec": {"name": "weather", "description": "Tells the weather.",
                "inputSchema": {"json": schema}, "strict": true}}],
            "toolChoice": {"auto": {}}},
        "additionalModelRequestFields": {"top_k": 40},
    });
    assert_eq!(body, expected);
    assert_eq!(losses, []);
}

#[test]
fn what_has_no_place_is_listed() {
    let (body, losses) = written(&odd(), &quirks());
    assert_eq!(
        body,
        json!({"messages": [{"role": "user", "content": [{"text": "Hi"}]}],
            "requestMetadata": {"team": "a b"}, "serviceTier": {"type": "flex"}})
    );
    assert_eq!(
        losses,
        [
            Field::FrequencyPenalty,
            Field::PresencePenalty,
            Field::Seed,
            Field::N,
            Field::Logprobs,
            Field::TopLogprobs,
            Field::LogitBias,
            Field::Verbosity,
            Field::User,
            Field::CacheKey,
            Field::Store,
            Field::ParallelToolCalls,
            Field::Metadata,
        ]
    );
}

#[test]
fn thinking_is_asked_for_as_the_family_has_it() {
    let ask = |quirks: &Quirks, wish: ReasoningWish<'static>, max_tokens| {
        let request = Request {
            reasoning: wish,
            max_tokens,
            temperature: Some(0.5),
            top_k: Some(5),
            ..user(vec![Part::text("Hi")])
        };
        let (body, losses) = written(&request, quirks);
        (body["additionalModelRequestFields"].clone(), body["inferenceConfig"].clone(), losses)
    };
    let effort = |effort| ReasoningWish { effort: Some(effort), ..ReasoningWish::default() };
    use crate::chat::Effort::{High, Low, None as Off};
    let by = |reasoning| Quirks { reasoning, ..Quirks::default() };
    let sampling = [Field::Temperature, Field::TopK];

    let (fields, config, losses) = ask(&by(ReasoningAsk::Budget), effort(Low), None);
    assert_eq!(fields, json!({"thinking": {"type": "enabled", "budget_tokens": 2048}}));
    assert_eq!(config, json!({"maxTokens": 2048 + 4096}));
    assert_eq!(losses, sampling);
    let (fields, _, _) = ask(&by(ReasoningAsk::Budget), effort(High), Some(5000));
    assert_eq!(fields, json!({"thinking": {"type": "enabled", "budget_tokens": 4999}}), "room for an answer");
    let (fields, _, losses) = ask(&by(ReasoningAsk::Budget), effort(High), Some(1000));
    assert_eq!((fields, losses), (json!({"top_k": 5}), vec![Field::Reasoning]), "no room for thoughts");
    let (fields, _, losses) = ask(&by(ReasoningAsk::Budget), effort(Off), None);
    assert_eq!((fields, losses), (json!({"top_k": 5}), vec![]));

    let shown = ReasoningWish { show: Some(true), ..effort(High) };
    let (fields, _, losses) = ask(&by(ReasoningAsk::Level), shown, None);
    assert_eq!(
        fields,
        json!({"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high"}})
    );
    assert_eq!(losses, sampling);
    let (fields, _, _) = ask(&by(ReasoningAsk::Effort), effort(Low), None);
    assert_eq!(fields, json!({"top_k": 5, "reasoning_effort": "low"}));
    let nova = Quirks { top_k: &["inferenceConfig", "topK"], ..by(ReasoningAsk::Object) };
    let (fields, _, _) = ask(&nova, effort(High), None);
    let expected = json!({"inferenceConfig": {"topK": 5},
        "reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}});
    assert_eq!(fields, expected);
    let (fields, _, losses) = ask(&by(ReasoningAsk::None), effort(High), None);
    assert_eq!((fields, losses), (json!({"top_k": 5}), vec![Field::Reasoning]));
}

#[test]
fn calls_that_claude_did_not_think_about_can_not_be_gone_on_with_thinking() {
    let mut request = full();
    request.turns.pop();
    request.reasoning.budget = Some(1024);
    request.max_tokens = None;
    let (body, losses) = written(&request, &quirks());
    assert_eq!(body["additionalModelRequestFields"]["thinking"]["budget_tokens"], 1024);
    assert!(!losses.contains(&Field::Reasoning));
    request.turns[4].parts.remove(0);
    let (body, losses) = written(&request, &quirks());
    assert_eq!(body["additionalModelRequestFields"]["thinking"], Value::Null);
    assert!(losses.contains(&Field::Reasoning));
}

#[test]
fn tool_choices() {
    let choose = |choice, quirks: &Quirks| {
        let request =
            Request { tools: vec![weather()], tool_choice: Some(choice), ..user(vec![Part::text("Hi")]) };
        let (body, losses) = written(&request, quirks);
        (body["toolConfig"]["toolChoice"].clone(), losses)
    };
    let allowed = ToolChoice::Allowed { names: vec!["weather".into()], required: true };
    assert_eq!(choose(ToolChoice::Required, &quirks()), (json!({"any": {}}), vec![]));
    assert_eq!(choose(allowed, &quirks()), (json!({"any": {}}), vec![]));
    assert_eq!(
        choose(ToolChoice::Tool("weather".into()), &quirks()),
        (json!({"tool": {"name": "weather"}}), vec![])
    );
    let free = Quirks { refuses: vec![Field::ToolChoice], ..quirks() };
    assert_eq!(choose(ToolChoice::Required, &free), (json!({"auto": {}}), vec![Field::ToolChoice]));
    // Nothing is offered; nothing is lost.
    assert_eq!(choose(ToolChoice::None, &quirks()), (Value::Null, vec![]));
    let mut request = full();
    request.tool_choice = Some(ToolChoice::None);
    let (body, losses) = written(&request, &quirks());
    assert_eq!(
        body["toolConfig"]["tools"].as_array().unwrap().len(),
        1,
        "calls in the history need the list"
    );
    assert_eq!(losses, [Field::ToolChoice]);
}

#[test]
fn calls_without_tools_bring_their_tools() {
    let request = Request { tools: vec![], tool_choice: None, ..full() };
    let (body, _) = written(&request, &quirks());
    let tool = json!({"toolSpec": {"name": "weather", "inputSchema": {"json": {"type": "object", "properties": {}}}}});
    assert_eq!(body["toolConfig"], json!({"tools": [tool]}));
}

#[test]
fn the_form_of_the_answer() {
    let schema = r#"{"type":"object"}"#;
    let form = ResponseFormat::JsonSchema {
        name: Some("dot".into()),
        description: None,
        schema: schema.into(),
        strict: Some(true),
    };
    let ask = |form, quirks: &Quirks| {
        let request = Request { response_format: Some(form), ..user(vec![Part::text("Hi")]) };
        written(&request, quirks).0
    };
    let body = ask(form.clone(), &quirks());
    let native =
        json!({"type": "json_schema", "structure": {"jsonSchema": {"schema": schema, "name": "dot"}}});
    assert_eq!(body["outputConfig"], json!({"textFormat": native}));
    let body = ask(form.clone(), &Quirks { schema: SchemaSupport::None, ..quirks() });
    assert_eq!(body["toolConfig"]["toolChoice"], json!({"tool": {"name": ANSWER_TOOL}}));
    assert_eq!(body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"], json!({"type": "object"}));
    let body = ask(form, &Quirks { schema: SchemaSupport::ObjectOnly, ..quirks() });
    assert!(body["system"][0]["text"].as_str().unwrap().ends_with(schema));
    let body = ask(ResponseFormat::JsonObject, &quirks());
    assert!(body["system"][0]["text"].as_str().unwrap().contains("JSON object"));
}

#[test]
fn documents_have_names_and_a_text_beside_them() {
    let pdf = Media {
        name: Some("Ärger: a/b  (1).pdf".into()),
        ..Media::new(MediaKind::File, Source::Base64("JVBERi0=".into()))
    };
    let files =
        [text_file(), text_file(), pdf, Media::new(MediaKind::File, Source::Base64("JVBERi0=".into()))];
    let (body, losses) = written(&user(files.map(Part::Media).to_vec()), &quirks());
    let content = &body["messages"][0]["content"];
    let names: Vec<&str> = (0..4).map(|at| content[at]["document"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["notes 1", "notes 1 2", "rger a b (1)", "document"]);
    assert_eq!(content[0]["document"]["format"], "txt");
    assert_eq!(content[0]["document"]["source"]["bytes"], "b25lLCB0d28=");
    assert_eq!(content[2]["document"]["format"], "pdf");
    assert!(content[4]["text"].is_string());
    assert_eq!(losses, []);
}

#[test]
fn media_are_bytes() {
    let url = Media::new(MediaKind::Image, Source::Url("https://example.com/a.png".into()));
    let refused_url = refused(&user(vec![Part::Media(url)]));
    assert_eq!(refused_url.fetch.as_deref(), Some("https://example.com/a.png"));
    let id = Media::new(MediaKind::File, Source::Id("file-1".into()));
    assert_eq!(refused(&user(vec![Part::Media(id)])).field, Field::File);
    let tiff = Media { media_type: Some("image/tiff".into()), ..image() };
    assert_eq!(refused(&user(vec![Part::Media(tiff)])).field, Field::Image);
    let s3 = Media::new(MediaKind::Video, Source::Url("s3://bucket/a.mp4".into()));
    let (body, _) = written(&user(vec![Part::Media(s3)]), &quirks());
    assert_eq!(
        body["messages"][0]["content"][0],
        json!({"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://bucket/a.mp4"}}}})
    );
}

#[test]
fn what_would_be_refused_is_left_out_and_turns_still_alternate() {
    let mut request = full();
    let foreign = Reasoning { text: "hm".into(), ..Reasoning::default() };
    request.turns[2].parts = vec![Part::text(" \n"), Part::Reasoning(foreign)];
    let (body, losses) = written(&request, &quirks());
    assert_eq!(body["messages"].as_array().unwrap().len(), 3);
    assert_eq!(body["messages"][0]["content"][2], json!({"text": "And the weather?"}));
    assert_eq!(losses, [Field::ReasoningHistory]);

    let calls =
        Turn { role: Role::Assistant, parts: vec![Part::ToolCall(call("a b/c", "[1]"))], ..Turn::default() };
    let results =
        Turn { role: Role::Tool, parts: vec![result("a b/c", vec![Part::text("")])], ..Turn::default() };
    let request = Request { turns: vec![calls, results], ..Request::default() };
    let (body, _) = written(&request, &quirks());
    assert_eq!(body["messages"][0], json!({"role": "user", "content": [{"text": "Continue."}]}));
    let id = body["messages"][1]["content"][0]["toolUse"]["toolUseId"].as_str().unwrap();
    assert!(id.starts_with("call_"));
    let answer = &body["messages"][2]["content"][0]["toolResult"];
    assert_eq!((&answer["toolUseId"], &answer["content"]), (&json!(id), &json!([{"text": "(no output)"}])));
    assert_eq!(body["messages"][1]["content"][0]["toolUse"]["input"], json!({"input": "[1]"}));
}

#[test]
fn only_system_texts_are_asked_by_the_user() {
    let turn = Turn { role: Role::System, parts: vec![Part::text("Say hi.")], ..Turn::default() };
    let (body, _) = written(&Request { turns: vec![turn], ..Request::default() }, &quirks());
    assert_eq!(body, json!({"messages": [{"role": "user", "content": [{"text": "Say hi."}]}]}));
}

#[test]
fn redacted_thoughts_go_there_and_back() {
    let state = State { kind: StateKind::ClaudeRedacted, bind: Bind::Reasoning, data: "EvAF+/=".into() };
    let thought = Reasoning { state: Some(state.clone()), ..Reasoning::default() };
    let turn = Turn {
        role: Role::Assistant,
        parts: vec![Part::Reasoning(thought), Part::text("Hi")],
        ..Turn::default()
    };
    let (body, _) = written(&Request { turns: vec![turn], ..Request::default() }, &quirks());
    let blob = body["messages"][1]["content"][0]["reasoningContent"]["redactedContent"].as_str().unwrap();
    assert_eq!(blob, "RXZBRisvPQ==");
    assert_eq!(types::redacted(blob), state);
    assert_eq!(types::redacted_blob(&types::redacted("/v8=").data), "/v8=", "what is no text is kept");
}
