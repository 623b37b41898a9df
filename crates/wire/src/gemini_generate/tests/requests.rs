//! Requests, in and out.

use super::{json, read, write};
use crate::chat::{
    Effort, Field, ImageUrls, Part, Quirks, ReasoningAsk, ResponseFormat, Role, StateKind, ToolChoice,
};
use serde_json::{Value, json as value};

/// All that the dialect knows and another vendor may, in camel case.
const FULL: &str = r#"{
  "systemInstruction": {"role": "system", "parts": [{"text": "Be brief."}, {"text": "Be kind."}]},
  "contents": [
    {"role": "user", "parts": [
      {"text": "What is this, and how warm is it there?"},
      {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo_-w"}, "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}},
      {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://shelf/map.pdf"}}]},
    {"role": "model", "parts": [
      {"text": "Let me look.", "thought": true},
      {"text": "One moment.", "thoughtSignature": "VGV4dA=="},
      {"functionCall": {"name": "weather", "args": {"place": "Oslo"}}, "thoughtSignature": "Q2FsbA=="},
      {"functionCall": {"name": "weather", "args": {"place": "Bergen"}}},
      {"functionCall": {"name": "clock"}}]},
    {"role": "user", "parts": [
      {"functionResponse": {"name": "clock", "response": {"error": "no clock"}}},
      {"functionResponse": {"name": "weather", "response": {"output": "warm"},
        "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}]}},
      {"functionResponse": {"name": "weather", "response": {"celsius": 4, "rain": true}}},
      {"text": "And?"}]}
  ],
  "tools": [{"functionDeclarations": [
    {"name": "weather", "description": "How warm it is", "parameters": {"type": "OBJECT", "properties":
      {"place": {"type": "STRING", "nullable": true}, "days": {"type": "INTEGER", "minimum": 1}}, "required": ["place"]}},
    {"name": "clock"}]}, {"googleSearch": {}}],
  "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
  "generationConfig": {"temperature": 0.5, "topP": 0.9, "topK": 40, "candidateCount": 2, "maxOutputTokens": 500,
    "stopSequences": ["END"], "presencePenalty": 0.1, "frequencyPenalty": 0.2, "seed": 7, "responseLogprobs": true,
    "logprobs": 3, "responseMimeType": "application/json", "responseSchema": {"type": "OBJECT", "properties": {"a":
    {"type": "STRING"}}}, "thinkingConfig": {"includeThoughts": true, "thinkingBudget": 2048},
    "responseModalities": ["TEXT"], "mediaResolution": "MEDIA_RESOLUTION_HIGH"},
  "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
  "serviceTier": "SERVICE_TIER_FLEX",
  "labels": {"team": "a"}
}"#;

#[test]
fn all_of_a_request_is_read() {
    let request = read(FULL).unwrap();
    assert_eq!(request.model, "gemini-x");
    let roles: Vec<_> = request.turns.iter().map(|turn| (turn.role, turn.at, turn.parts.len())).collect();
    let want = [
        (Role::System, 0, 2),
        (Role::User, 0, 3),
        (Role::Assistant, 1, 5),
        (Role::Tool, 2, 3),
        (Role::User, 2, 1),
    ];
    assert_eq!(roles, want);
    let Part::Media(image) = &request.turns[1].parts[1] else { panic!() };
    assert_eq!((image.detail.as_deref(), image.media_type()), (Some("low"), "image/png"));
    assert_eq!(image.source, crate::chat::Source::Base64("iVBORw0KGgo/+w==".into()));
    let Part::Media(file) = &request.turns[1].parts[2] else { panic!() };
    assert_eq!((file.detail.as_deref(), file.url()), (Some("high"), Some("gs://shelf/map.pdf")));
    assert_eq!(
        (request.temperature, request.top_p, request.top_k, request.n),
        (Some(0.5), Some(0.9), Some(40), Some(2))
    );
    assert_eq!((request.max_tokens, request.seed.as_deref()), (Some(500), Some("7")));
    assert_eq!((request.logprobs, request.top_logprobs), (Some(true), Some(3)));
    assert_eq!((request.reasoning.budget, request.reasoning.show), (Some(2048), Some(true)));
    assert_eq!(request.tool_choice, Some(ToolChoice::Tool("weather".into())));
    assert_eq!(request.service_tier.as_deref(), Some("flex"));
    let schema = json(request.tools[0].schema().as_bytes());
    assert_eq!(schema["properties"]["place"]["type"], value!(["string", "null"]));
    let Some(ResponseFormat::JsonSchema { schema, .. }) = &request.response_format else { panic!() };
    assert_eq!(schema, r#"{"type":"object","properties":{"a":{"type":"string"}}}"#);
    let lost = request.losses.names(super::super::types::field_name);
    assert_eq!(lost, ["tools[].googleSearch", "safetySettings", "labels"]);
}

#[test]
fn results_find_their_calls() {
    let request = read(FULL).unwrap();
    let calls = request.turns[2].parts.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some(&*call.id),
        _ => None,
    });
    let calls: Vec<_> = calls.collect();
    let results = request.turns[3].parts.iter().map(|part| match part {
        Part::ToolResult(result) => (&*result.id, result.is_error, result.parts.len()),
        _ => panic!(),
    });
    let results: Vec<_> = results.collect();
    assert_eq!(results, [(calls[2], true, 1), (calls[0], false, 2), (calls[1], false, 1)]);
    // The same conversation has the same ids, however long it becomes.
    assert_eq!(
        calls,
        ["", "", ""].iter().enumerate().map(|(n, _)| crate::chat::mint_id("", n)).collect::<Vec<_>>()
    );
}

#[test]
fn names_with_underscores_mean_the_same() {
    let snake = r#"{"system_instruction": "Be brief.", "contents": {"parts": {"text": "Hi"}},
      "tools": {"function_declarations": [{"name": "f", "parameters_json_schema": {"type": "object"}}]},
      "tool_config": {"function_calling_config": {"mode": "any", "allowed_function_names": ["f", "g"]}},
      "generation_config": {"top_p": 0.1, "top_k": 2.0, "max_output_tokens": 9, "stop_sequences": ["x"],
        "thinking_config": {"thinking_level": "LOW", "include_thoughts": false},
        "response_mime_type": "application/json", "candidate_count": 1}}"#;
    let request = read(snake).unwrap();
    assert!(request.losses.is_empty(), "{:?}", request.losses);
    assert_eq!(request.turns[0].role, Role::System);
    assert_eq!((request.top_p, request.top_k, request.max_tokens), (Some(0.1), Some(2), Some(9)));
    assert_eq!((request.reasoning.effort, request.reasoning.show), (Some(Effort::Low), Some(false)));
    assert_eq!(request.response_format, Some(ResponseFormat::JsonObject));
    let names = vec!["f".into(), "g".into()];
    assert_eq!(request.tool_choice, Some(ToolChoice::Allowed { names, required: true }));
}

#[test]
fn faults_are_named_by_their_path() {
    let fault = |body: &str| read(body).unwrap_err().path;
    assert_eq!(fault(r#"{"contents": "Hi"}"#), "contents");
    assert_eq!(fault(r#"{}"#), "contents");
    assert_eq!(fault(r#"{"contents": []}"#), "contents");
    assert_eq!(fault(r#"{"contents": [{"role": "boss", "parts": [{"text": "x"}]}]}"#), "contents[0].role");
    assert_eq!(fault(r#"{"contents": [{"parts": [{"text": 1}]}]}"#), "contents[0].parts[0].text");
    assert_eq!(fault(r#"{"contents": [{"parts": 1}]}"#), "contents[0].parts");
    let image = r#"{"contents": [{"parts": [{"text": "a"}, {"inline_data": {"mime_type": "image/png"}}]}]}"#;
    assert_eq!(fault(image), "contents[0].parts[1].inline_data.data");
    let call = r#"{"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": []}}]}]}"#;
    assert_eq!(fault(call), "contents[0].parts[0].functionCall.args");
    let orphan = r#"{"contents": [{"parts": [{"functionResponse": {"name": "f", "response": {}}}]}]}"#;
    assert_eq!(fault(orphan), "contents[0]");
    let hot = r#"{"contents": [{"parts": [{"text": "a"}]}], "generation_config": {"top_p": "1"}}"#;
    assert_eq!(fault(hot), "generation_config.top_p");
    let cached = r#"{"contents": [{"parts": [{"text": "a"}]}], "cachedContent": "cachedContents/1"}"#;
    assert_eq!(fault(cached), "cachedContent");
}

#[test]
fn all_of_a_request_is_written() {
    let request = read(FULL).unwrap();
    let quirks =
        Quirks { reasoning: ReasoningAsk::Budget, result_media: true, call_ids: false, ..Quirks::default() };
    let written = write(&request, &quirks).unwrap();
    let body = json(&written.body);
    assert_eq!(body["systemInstruction"], value!({"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}));
    assert_eq!(
        body["contents"][1],
        value!({"role": "model", "parts": [
            {"text": "One moment.", "thoughtSignature": "VGV4dA=="},
            {"functionCall": {"name": "weather", "args": {"place": "Oslo"}}, "thoughtSignature": "Q2FsbA=="},
            {"functionCall": {"name": "weather", "args": {"place": "Bergen"}}},
            {"functionCall": {"name": "clock", "args": {}}}]})
    );
    assert_eq!(
        body["contents"][2],
        value!({"role": "user", "parts": [
            {"functionResponse": {"name": "clock", "response": {"error": "no clock"}}},
            {"functionResponse": {"name": "weather", "response": {"output": "warm"}, "parts":
                [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}]}},
            {"functionResponse": {"name": "weather", "response": {"celsius": 4, "rain": true}}},
            {"text": "And?"}]})
    );
    assert_eq!(body["contents"].as_array().unwrap().len(), 3);
    assert_eq!(
        body["generationConfig"],
        value!({"temperature": 0.5, "topP": 0.9, "topK": 40, "candidateCount": 2, "maxOutputTokens": 500,
            "frequencyPenalty": 0.2, "presencePenalty": 0.1, "seed": 7, "responseLogprobs": true, "logprobs": 3,
            "stopSequences": ["END"], "responseMimeType": "application/json", "responseJsonSchema":
            {"type": "object", "properties": {"a": {"type": "string"}}},
            "thinkingConfig": {"thinkingBudget": 2048, "includeThoughts": true}})
    );
    let choice = value!({"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}});
    assert_eq!((&body["toolConfig"], &body["serviceTier"]), (&choice, &value!("flex")));
    assert_eq!(body["tools"][0]["functionDeclarations"][0]["name"], "weather");
    // The thought without a signature, and the resolutions.
    assert_eq!(written.losses.fields(), [Field::ReasoningHistory, Field::Detail]);
}

#[test]
fn a_call_that_gemini_did_not_sign_gets_the_word_for_it() {
    let mut request = read(FULL).unwrap();
    for part in &mut request.turns[2].parts {
        if let Part::ToolCall(call) = part {
            call.state = None;
        }
    }
    let quirks = Quirks { call_signature: Some("skip"), ..Quirks::default() };
    let body = json(&write(&request, &quirks).unwrap().body);
    let signatures: Vec<_> = body["contents"][1]["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| &part["thoughtSignature"])
        .collect();
    assert_eq!(signatures, [&value!("VGV4dA=="), &value!("skip"), &Value::Null, &Value::Null]);
    assert!(body["contents"][1]["parts"][1]["functionCall"]["id"].is_string());
}

#[test]
fn media_of_results_follow_where_they_may_not_stand_inside() {
    let request = read(FULL).unwrap();
    let body = json(&write(&request, &Quirks::default()).unwrap().body);
    let parts = body["contents"][2]["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 6);
    assert_eq!(parts[4], value!({"text": "What the tool weather answered:"}));
    assert_eq!(parts[5]["inlineData"]["mimeType"], "image/png");
}

#[test]
fn an_address_is_fetched_where_only_bytes_are_taken() {
    let web = r#"{"contents": [{"parts": [{"fileData": {"mimeType": "image/png", "fileUri": "https://a.example/b.png"}}]}]}"#;
    let request = read(web).unwrap();
    let quirks = Quirks { image_urls: ImageUrls::DataOnly, ..Quirks::default() };
    let refused = write(&request, &quirks).unwrap_err();
    assert_eq!((refused.field, refused.fetch.as_deref()), (Field::Image, Some("https://a.example/b.png")));
    let body = json(&write(&request, &Quirks::default()).unwrap().body);
    assert_eq!(body["contents"][0]["parts"][0]["fileData"]["fileUri"], "https://a.example/b.png");
    // Google reads its own stores itself.
    let stored = web.replace("https://a.example", "gs://a");
    assert!(write(&read(&stored).unwrap(), &quirks).is_ok());
}

#[test]
fn thoughts_are_asked_for_as_the_model_knows_it() {
    let ask = |config: &str, quirks: &Quirks| {
        let body = format!(
            r#"{{"contents": [{{"parts": [{{"text": "a"}}]}}], "generationConfig": {{"thinkingConfig": {config}}}}}"#
        );
        let written = write(&read(&body).unwrap(), quirks).unwrap();
        (json(&written.body)["generationConfig"]["thinkingConfig"].clone(), written.losses.is_empty())
    };
    let budget = Quirks { reasoning: ReasoningAsk::Budget, budget: Some((512, 24_576)), ..Quirks::default() };
    let always = Quirks { always_thinks: true, ..budget.clone() };
    let level =
        Quirks { reasoning: ReasoningAsk::Level, efforts: &[Effort::Low, Effort::High], ..Quirks::default() };
    let none = Quirks { reasoning: ReasoningAsk::None, ..Quirks::default() };
    let off = r#"{"thinkingBudget": 0}"#;
    assert_eq!(ask(off, &budget), (value!({"thinkingBudget": 0}), true));
    assert_eq!(ask(off, &always), (value!({"thinkingBudget": 512}), false));
    assert_eq!(ask(off, &level), (value!({"thinkingLevel": "low"}), false));
    assert_eq!(ask(off, &none), (Value::Null, true));
    let dynamic = r#"{"thinkingBudget": -1, "includeThoughts": false}"#;
    assert_eq!(ask(dynamic, &budget), (value!({"thinkingBudget": -1}), true));
    assert_eq!(
        ask(r#"{"thinkingLevel": "MEDIUM"}"#, &level),
        (value!({"thinkingLevel": "low", "includeThoughts": true}), true)
    );
    assert_eq!(ask(r#"{"thinkingBudget": 90000}"#, &budget).0["thinkingBudget"], 24_576);
    assert_eq!(ask(r#"{"thinkingLevel": "HIGH"}"#, &none), (Value::Null, false));
}

#[test]
fn empty_things_are_not_written() {
    let body = r#"{"systemInstruction": {"parts": [{"text": "Say hello."}]}, "contents": [{"role": "user", "parts": [{"text": ""}]}]}"#;
    let body = json(&write(&read(body).unwrap(), &Quirks::default()).unwrap().body);
    assert_eq!(body, value!({"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]}));
}

#[test]
fn the_user_speaks_first_and_in_turn() {
    let body = r#"{"contents": [
      {"role": "model", "parts": [{"functionCall": {"name": "f"}}]}, {"parts": [{"functionResponse": {"name": "f", "response": {}}}]},
      {"role": "model", "parts": [{"text": "hm", "thought": true}]}, {"parts": [{"text": "a"}]}]}"#;
    let body = json(&write(&read(body).unwrap(), &Quirks::default()).unwrap().body);
    let contents = body["contents"].as_array().unwrap();
    let roles: Vec<_> = contents.iter().map(|content| content["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "model", "user"]);
    assert_eq!(contents[2]["parts"].as_array().unwrap().len(), 2);
}

#[test]
fn a_form_beside_tools_is_lost_where_the_model_knows_none() {
    let request = read(FULL).unwrap();
    let quirks = Quirks { format_with_tools: false, ..Quirks::default() };
    let written = write(&request, &quirks).unwrap();
    assert!(json(&written.body)["generationConfig"].get("responseMimeType").is_none());
    assert!(written.losses.fields().contains(&Field::ResponseFormat));
}

#[test]
fn another_vendors_state_comes_back_out_of_the_slot() {
    use crate::chat::{Bind, State};
    let state = State { kind: StateKind::ClaudeSignature, bind: Bind::Reasoning, data: "Eq+/?>".into() };
    let slot = super::super::signature::slot(&state).into_owned();
    for slot in [slot.clone(), slot.replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned()] {
        let body = format!(
            r#"{{"contents": [{{"parts": [{{"text": "a"}}]}}, {{"role": "model", "parts": [{{"text": "hm", "thought": true, "thoughtSignature": "{slot}"}}]}}]}}"#
        );
        let request = read(&body).unwrap();
        let Part::Reasoning(reasoning) = &request.turns[1].parts[0] else { panic!() };
        assert_eq!(reasoning.state.as_ref(), Some(&state));
        // It is of no use to Gemini.
        let written = write(&request, &Quirks::default()).unwrap();
        assert_eq!(written.losses.fields(), [Field::ReasoningHistory]);
        assert_eq!(json(&written.body)["contents"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn tokens_are_counted_of_a_request_inside() {
    let body = r#"{"generateContentRequest": {"model": "models/x", "contents": [{"parts": [{"text": 1}]}]}}"#;
    let said = crate::translate::Said { counting: true, ..Default::default() };
    let read = crate::translate::read_request(crate::Format::GeminiGenerate, body.as_bytes(), &said);
    assert_eq!(read.unwrap_err().path, "generateContentRequest.contents[0].parts[0].text");
}

#[test]
fn what_was_streamed_is_whole_again() {
    use crate::chat::{Bind, State};
    let state = |bind| State { kind: StateKind::ClaudeSignature, bind, data: "Eq+/".into() };
    let slot = super::super::signature::slot(&state(Bind::Reasoning)).into_owned();
    let body = format!(
        r#"{{"contents": [{{"parts": [{{"text": "q"}}]}},
            {{"role": "model", "parts": [{{"text": "The ", "thought": true}}]}},
            {{"role": "model", "parts": [{{"text": "tide", "thought": true}}, {{"text": ""}}]}},
            {{"role": "model", "parts": [{{"text": "I"}}, {{"text": " look"}}]}},
            {{"role": "model", "parts": [{{"text": "Then", "thought": true}},
                {{"functionCall": {{"name": "f"}}, "thoughtSignature": "{slot}"}}, {{"functionCall": {{"name": "g"}}}}]}},
            {{"parts": [{{"functionResponse": {{"name": "f", "response": {{}}}}}}, {{"functionResponse": {{"name": "g", "response": {{}}}}}}]}}]}}"#
    );
    let request = read(&body).unwrap();
    assert_eq!(
        request.turns.iter().map(|turn| turn.role).collect::<Vec<_>>(),
        [Role::User, Role::Assistant, Role::Tool]
    );
    let [
        Part::Reasoning(first),
        Part::Text(text),
        Part::Reasoning(second),
        Part::ToolCall(call),
        Part::ToolCall(_),
    ] = &request.turns[1].parts[..]
    else {
        panic!("{:?}", request.turns[1])
    };
    assert_eq!((&*first.text, &first.state), ("The tide", &None));
    assert_eq!(&*text.text, "I look");
    assert_eq!((&*second.text, &second.state, &call.state), ("Then", &Some(state(Bind::Reasoning)), &None));
}
