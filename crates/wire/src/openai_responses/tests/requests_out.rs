//! What upstreams get.

use super::*;
use crate::chat::{
    Bind, Effort, Field, ImageUrls, Media, MediaKind, Part, Reasoning, ReasoningReplay, ReasoningWish,
    ResponseFormat, Role, SchemaSupport, Source, State, StateKind, Text, Tool, ToolCall, ToolChoice,
    ToolKind, ToolResult, Turn,
};

fn turn(role: Role, parts: Vec<Part<'static>>) -> Turn<'static> {
    Turn { role, parts, ..Turn::default() }
}

fn state(kind: StateKind) -> Option<State<'static>> {
    Some(State { kind, bind: Bind::Reasoning, data: "DATA".into() })
}

fn thought(text: &'static str, kind: Option<StateKind>) -> Part<'static> {
    Part::Reasoning(Reasoning { text: text.into(), summary: true, state: kind.and_then(state) })
}

fn call(id: &'static str) -> Part<'static> {
    Part::ToolCall(ToolCall { id: id.into(), name: "f".into(), ..ToolCall::default() })
}

fn result(id: &'static str, parts: Vec<Part<'static>>) -> Part<'static> {
    Part::ToolResult(ToolResult { id: id.into(), parts, ..ToolResult::default() })
}

fn of_turns(turns: Vec<Turn<'static>>) -> Request<'static> {
    Request { turns, ..Request::default() }
}

#[test]
fn a_conversation_becomes_items() {
    let image = Media::new(MediaKind::Image, Source::Base64("iVBORw0KGgo=".into()));
    let file = Media::new(MediaKind::File, Source::Base64("JVBERi0=".into()));
    let request = of_turns(vec![
        turn(Role::System, vec![Part::text("A.")]),
        turn(Role::Developer, vec![Part::text("B.")]),
        turn(Role::User, vec![Part::text("hi"), Part::Media(image.clone()), Part::Media(file)]),
        turn(
            Role::Assistant,
            vec![
                thought("why", Some(StateKind::OpenAiEncrypted)),
                Part::text("one "),
                Part::text("two"),
                call("call_1"),
            ],
        ),
        turn(Role::Tool, vec![result("call_1", vec![Part::text("r"), Part::Media(image)])]),
        turn(Role::Developer, vec![Part::text("C.")]),
        turn(
            Role::Assistant,
            vec![Part::Refusal("no".into()), thought("cut off", Some(StateKind::OpenAiEncrypted))],
        ),
        turn(Role::User, vec![Part::text("go")]),
    ]);
    let (body, losses) = write(&request);
    assert_eq!(
        body,
        json!({"model": "gpt-x", "instructions": "A.\n\nB.", "store": false, "include": ["reasoning.encrypted_content"],
        "input": [
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "hi"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"},
                {"type": "input_file", "filename": "file.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "why"}], "encrypted_content": "DATA"},
            {"type": "message", "role": "assistant", "content": "one two"},
            {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": [
                {"type": "input_text", "text": "r"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"}]},
            {"type": "message", "role": "developer", "content": "C."},
            {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
            {"type": "message", "role": "user", "content": "go"}]})
    );
    // Reasoning that nothing follows would be refused.
    assert_eq!(losses, ["input[].encrypted_content"]);
}

#[test]
fn instructions_alone_are_said_as_input() {
    let (body, _) = write(&of_turns(vec![turn(Role::System, vec![Part::text("A.")])]));
    assert_eq!(body["input"], json!([{"type": "message", "role": "system", "content": "A."}]));
    assert_eq!(body.get("instructions"), None);
}

#[test]
fn reasoning_goes_only_to_who_understands_it() {
    let request = of_turns(vec![turn(
        Role::Assistant,
        vec![thought("claude's", Some(StateKind::ClaudeSignature)), thought("plain", None), Part::text("x")],
    )]);
    let (body, losses) = write(&request);
    assert_eq!(body["input"].as_array().unwrap().len(), 1);
    assert_eq!(losses, ["input[].encrypted_content"]);
    let open = Quirks { replay: ReasoningReplay::Content, ..Quirks::default() };
    let (body, _) = write_for(&request, &open).unwrap();
    assert_eq!(
        body["input"][1],
        json!({"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "plain"}]})
    );
    assert_eq!(body.get("include"), None);
    let reasons = Quirks { encrypted_reasoning: true, ..Quirks::default() };
    let (body, _) = write_for(&Request::default(), &reasons).unwrap();
    assert_eq!(body["include"], json!(["reasoning.encrypted_content"]));
}

#[test]
fn tools_and_their_choice_are_flat() {
    let tool = |name: &'static str, kind| Tool { name: name.into(), kind, ..Tool::default() };
    let schema = Some(r#"{"type":"object"}"#.into());
    let mut request = Request {
        tools: vec![
            tool("f", ToolKind::Function { parameters: schema, strict: None }),
            tool("g", ToolKind::Function { parameters: None, strict: Some(true) }),
            tool("p", ToolKind::Custom { format: Some(r#"{"type":"grammar"}"#.into()) }),
        ],
        tool_choice: Some(ToolChoice::Tool("p".into())),
        parallel_tool_calls: Some(false),
        ..Request::default()
    };
    let (body, losses) = write(&request);
    assert_eq!(
        body["tools"],
        json!([{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": false},
            {"type": "function", "name": "g", "parameters": {"type": "object", "properties": {}}, "strict": true},
            {"type": "custom", "name": "p", "format": {"type": "grammar"}}])
    );
    assert_eq!(body["tool_choice"], json!({"type": "custom", "name": "p"}));
    assert_eq!(body["parallel_tool_calls"], false);
    assert!(losses.is_empty());

    request.tool_choice = Some(ToolChoice::Allowed { names: vec!["f".into(), "p".into()], required: true });
    let functions = Quirks { refuses: vec![Field::Grammar], ..Quirks::default() };
    let (body, losses) = write_for(&request, &functions).unwrap();
    assert_eq!(body["tools"][2]["parameters"]["required"], json!(["input"]));
    let tools = json!([{"type": "function", "name": "f"}, {"type": "function", "name": "p"}]);
    assert_eq!(body["tool_choice"], json!({"type": "allowed_tools", "mode": "required", "tools": tools}));
    assert_eq!(losses, ["tools[].format"]);

    // Without tools nothing is to be chosen.
    request.tools.clear();
    let (body, _) = write(&request);
    assert_eq!((body.get("tool_choice"), body.get("parallel_tool_calls")), (None, None));
}

#[test]
fn parameters_find_their_place_or_are_lost() {
    let request = Request {
        max_tokens: Some(1),
        temperature: Some(0.5),
        top_p: Some(0.25),
        top_k: Some(3),
        stop: vec!["x".into()],
        seed: Some("1".into()),
        n: Some(2),
        frequency_penalty: Some(0.5),
        presence_penalty: Some(0.0),
        logit_bias: Some("{}".into()),
        logprobs: Some(true),
        top_logprobs: Some(2),
        response_format: Some(ResponseFormat::JsonSchema {
            name: Some("a b".into()),
            description: None,
            schema: r#"{"type":"object"}"#.into(),
            strict: Some(true),
        }),
        reasoning: ReasoningWish { budget: Some(2000), show: Some(true), ..ReasoningWish::default() },
        verbosity: Some("low".into()),
        service_tier: Some("standard_only".into()),
        metadata: Some(r#"{"a":"b"}"#.into()),
        user: Some("u".into()),
        cache_key: Some("k".into()),
        store: Some(true),
        stream: true,
        ..of_turns(vec![turn(Role::User, vec![Part::text("hi")])])
    };
    let (body, losses) = write(&request);
    assert_eq!(
        body,
        json!({"model": "gpt-x", "input": [{"type": "message", "role": "user", "content": "hi"}],
            "max_output_tokens": 16, "temperature": 0.5, "top_p": 0.25, "include": ["message.output_text.logprobs"],
            "top_logprobs": 2, "reasoning": {"effort": "low", "summary": "auto"}, "metadata": {"a": "b"}, "user": "u",
            "prompt_cache_key": "k", "store": true, "stream": true,
            "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "a_b", "schema": {"type": "object"}, "strict": true}}})
    );
    let lost = [
        "max_output_tokens",
        "top_k",
        "frequency_penalty",
        "stop",
        "seed",
        "n",
        "logit_bias",
        "service_tier",
    ];
    assert_eq!(losses, lost);
}

#[test]
fn quirks_are_kept_to() {
    let mut request = Request {
        temperature: Some(0.5),
        reasoning: ReasoningWish { effort: Some(Effort::None), ..ReasoningWish::default() },
        ..of_turns(vec![turn(Role::User, vec![Part::text("hi")])])
    };
    let plain = Quirks { refuses: vec![Field::Temperature, Field::Reasoning], ..Quirks::default() };
    let (body, losses) = write_for(&request, &plain).unwrap();
    assert_eq!((body.get("temperature"), body.get("reasoning")), (None, None));
    assert_eq!(losses, ["temperature"]);

    request.response_format = Some(ResponseFormat::JsonSchema {
        name: None,
        description: None,
        schema: r#"{"type":"object"}"#.into(),
        strict: None,
    });
    let object = Quirks { schema: SchemaSupport::ObjectOnly, ..Quirks::default() };
    let (body, _) = write_for(&request, &object).unwrap();
    assert_eq!(body["text"], json!({"format": {"type": "json_object"}}));
    assert!(body["instructions"].as_str().unwrap().ends_with(r#"{"type":"object"}"#));
}

#[test]
fn media_that_cannot_be_said_are_refused() {
    let with = |media| of_turns(vec![turn(Role::User, vec![Part::Media(media)])]);
    let audio = with(Media::new(MediaKind::Audio, Source::Base64("SUQz".into())));
    assert_eq!(write_for(&audio, &Quirks::default()).unwrap_err().field, Field::Audio);
    let url = with(Media::new(MediaKind::Image, Source::Url("https://x.example/a.png".into())));
    let (body, _) = write(&url);
    assert_eq!(body["input"][0]["content"][0]["image_url"], "https://x.example/a.png");
    let data_only = Quirks { image_urls: ImageUrls::DataOnly, ..Quirks::default() };
    assert_eq!(write_for(&url, &data_only).unwrap_err().fetch.as_deref(), Some("https://x.example/a.png"));
    let document =
        Media { name: Some("n.txt".into()), ..Media::new(MediaKind::File, Source::Text("all".into())) };
    let (body, _) = write(&with(document));
    assert_eq!(body["input"][0]["content"], json!([{"type": "input_text", "text": "n.txt\n\nall"}]));
}

#[test]
fn ids_fit_and_meet() {
    let long: &'static str = "functions.weather:0/with/a/very/long/id/that/is/beyond/sixty-four/characters";
    let request = of_turns(vec![
        turn(Role::Assistant, vec![call(long), Part::Text(Text { text: "".into(), ..Text::default() })]),
        turn(Role::Tool, vec![result(long, vec![Part::Json("[1]".into())])]),
    ]);
    let (body, _) = write(&request);
    let id = body["input"][0]["call_id"].as_str().unwrap();
    assert!(id.len() <= 64 && body["input"][1]["call_id"] == id);
    assert_eq!(body["input"][1]["output"], "[1]");
}
