//! What upstreams get.

use super::{FULL, sent, write};
use crate::chat::{
    Effort, Field, FileParts, IdRule, ImageUrls, MaxTokens, Quirks, ReasoningAsk, ReasoningReplay,
    SchemaSupport,
};
use serde_json::{Value, json};

/// OpenAI's own quirks.
fn openai() -> Quirks {
    Quirks {
        developer: true,
        openai_tools: true,
        ids: IdRule::Forty,
        max_tokens: MaxTokens::Completion,
        ..Quirks::default()
    }
}

fn body(more: &str) -> String {
    format!(r#"{{"messages": [{{"role": "user", "content": "x"}}], {more}}}"#)
}

#[test]
fn a_rich_request_comes_out_as_it_went_in() {
    let (mut sent, lost) = sent(FULL, &openai());
    let mut was: Value = serde_json::from_str(FULL).unwrap();
    assert_eq!(lost, ["cache_control", "messages[].reasoning_content"]);
    was["model"] = json!("target");
    was["stream_options"] = json!({"include_usage": true});
    was["messages"][0]["content"] = json!("Be brief.");
    for member in ["reasoning_content", "reasoning_details"] {
        was["messages"][3].as_object_mut().unwrap().remove(member);
    }
    was["messages"][3]["tool_calls"][0].as_object_mut().unwrap().remove("extra_content");
    was["messages"][5]["content"] = json!("a.txt");
    was["messages"][6].as_object_mut().unwrap().remove("annotations");
    was["tools"][0].as_object_mut().unwrap().remove("cache_control");
    was["tools"][1]["function"]["parameters"] = json!({"type": "object", "properties": {}});
    let follow = sent["messages"].as_array_mut().unwrap().remove(6);
    assert_eq!(follow["role"], "user");
    assert_eq!(follow["content"][1]["image_url"]["url"], "data:image/png;base64,iVBORw0KGgo=");
    assert_eq!(sent, was);
}

#[test]
fn mistral_gets_its_own_words() {
    let quirks = Quirks {
        refuses: vec![
            Field::Logprobs,
            Field::TopLogprobs,
            Field::LogitBias,
            Field::User,
            Field::Name,
            Field::Refusal,
        ],
        seed: "random_seed",
        stream_options: false,
        ids: IdRule::Nine,
        replay: ReasoningReplay::Parts,
        tool_required: "any",
        temperature_most: Some(0.3),
        files: FileParts::DocumentUrl,
        plain_audio: true,
        stop_most: Some(1),
        ..Quirks::default()
    };
    let (sent, lost) = sent(FULL, &quirks);
    assert_eq!(
        (&sent["random_seed"], &sent["max_tokens"], &sent["temperature"]),
        (&json!(7), &json!(900), &json!(0.3))
    );
    assert_eq!((&sent["tool_choice"], &sent["stop"]), (&json!("any"), &json!(["END"])));
    assert_eq!(sent["tools"].as_array().unwrap().len(), 1);
    assert!(sent.get("stream_options").is_none() && sent.get("logprobs").is_none());
    let messages = &sent["messages"];
    assert_eq!(messages[1]["role"], "system");
    assert_eq!(messages[2]["content"][4]["document_url"], "data:application/pdf;base64,JVBERi0xLjQK");
    assert_eq!(messages[2]["content"][3]["input_audio"], "SUQzBAAAAAAA");
    assert_eq!(messages[3]["content"][0]["thinking"][0]["text"], "Two tools.");
    let id = messages[3]["tool_calls"][0]["id"].as_str().unwrap();
    assert!(id.len() == 9 && id == messages[4]["tool_call_id"].as_str().unwrap());
    assert_eq!(messages[3]["tool_calls"][1]["function"]["arguments"], r#"{"input":"ls -l"}"#);
    assert_eq!(messages[7]["content"], "I can't.");
    for name in
        ["temperature", "stop", "logprobs", "messages[].name", "messages[].refusal", "logit_bias", "user"]
    {
        assert!(lost.iter().any(|lost| lost == name), "{name} in {lost:?}");
    }
}

#[test]
fn openrouter_gets_all_states_back() {
    let quirks = Quirks {
        reasoning: ReasoningAsk::Object,
        replay: ReasoningReplay::Details,
        cache_control: true,
        result_media: true,
        ..Quirks::default()
    };
    let (sent, _) = sent(FULL, &quirks);
    assert_eq!(sent["reasoning"], json!({"effort": "high"}));
    assert_eq!(
        sent["messages"][3]["reasoning_details"],
        json!([
            {"type": "reasoning.text", "text": "Two tools.", "index": 0, "signature": "sig==", "format": "anthropic-claude-v1"},
            {"type": "reasoning.encrypted", "data": "gem==", "format": "google-gemini-v1", "id": "call_1", "index": 1}
        ])
    );
    assert_eq!(sent["messages"][0]["content"][0]["cache_control"], json!({"type": "ephemeral", "ttl": "1h"}));
    assert_eq!(sent["messages"][5]["content"][1]["type"], "image_url");
    assert_eq!(sent["messages"][6]["role"], "assistant");
}

#[test]
fn earlier_reasoning_goes_back_by_the_providers_name() {
    let of = |replay| {
        let (sent, lost) = sent(FULL, &Quirks { replay, ..Quirks::default() });
        (sent["messages"].clone(), lost.iter().any(|name| name == "messages[].reasoning_content"))
    };
    let (messages, lost) = of(ReasoningReplay::Content);
    assert_eq!((&messages[3]["reasoning_content"], lost), (&json!("Two tools."), true));
    assert!(messages[7].get("reasoning_content").is_none());
    let (messages, _) = of(ReasoningReplay::ContentAlways);
    assert_eq!(messages[7]["reasoning_content"], "");
    let (messages, _) = of(ReasoningReplay::Plain);
    assert_eq!(messages[3]["reasoning"], "Two tools.");
    let (messages, _) = of(ReasoningReplay::Google);
    assert_eq!(messages[3]["tool_calls"][0]["extra_content"]["google"]["thought_signature"], "gem==");
}

#[test]
fn thinking_is_asked_for_as_the_provider_wants_it() {
    let asked = |ask, efforts, more: &str| {
        let (sent, lost) = sent(&body(more), &Quirks { reasoning: ask, efforts, ..Quirks::default() });
        let names = ["reasoning_effort", "reasoning", "thinking"];
        let found = names.into_iter().find_map(|name| Some(format!("{name}={}", sent.get(name)?)));
        (found.unwrap_or_default(), lost)
    };
    const HIGH: &str = r#""reasoning_effort": "high""#;
    const LOW_AND_UP: &[Effort] = &[Effort::Low, Effort::High];
    let none: Vec<String> = Vec::new();
    assert_eq!(asked(ReasoningAsk::None, &[], HIGH), (String::new(), vec!["reasoning_effort".to_owned()]));
    assert_eq!(
        asked(ReasoningAsk::None, &[], r#""reasoning_effort": "none""#),
        (String::new(), none.clone())
    );
    assert_eq!(
        asked(ReasoningAsk::Effort, LOW_AND_UP, r#""reasoning_effort": "medium""#).0,
        r#"reasoning_effort="low""#
    );
    assert_eq!(asked(ReasoningAsk::Switch, &[], HIGH).0, r#"thinking={"type":"enabled"}"#);
    assert_eq!(
        asked(ReasoningAsk::Switch, &[], r#""reasoning_effort": "none""#).0,
        r#"thinking={"type":"disabled"}"#
    );
    assert_eq!(
        asked(ReasoningAsk::Object, &[], r#""reasoning": {"max_tokens": 9}"#).0,
        r#"reasoning={"max_tokens":9}"#
    );
    assert_eq!(
        asked(ReasoningAsk::Object, &[], r#""thinking": {"type": "disabled"}"#).0,
        r#"reasoning={"enabled":false}"#
    );
    assert_eq!(
        asked(ReasoningAsk::Budget, &[], HIGH).0,
        r#"thinking={"type":"enabled","budget_tokens":16384}"#
    );
}

#[test]
fn a_forced_call_and_thinking_exclude_each_other() {
    let quirks = Quirks { reasoning: ReasoningAsk::Switch, ..Quirks::default() };
    let tools = r#""tools": [{"type": "function", "function": {"name": "a"}}], "tool_choice": "required""#;
    let (forced, lost) = sent(&body(tools), &quirks);
    assert_eq!((&forced["thinking"]["type"], lost.len()), (&json!("disabled"), 0));
    let (thinks, lost) = sent(&body(&format!(r#"{tools}, "reasoning_effort": "high""#)), &quirks);
    assert_eq!((&thinks["thinking"]["type"], &thinks["tool_choice"]), (&json!("enabled"), &Value::Null));
    assert_eq!(lost, ["tool_choice"]);
}

#[test]
fn a_schema_that_can_not_be_asked_for_is_told() {
    let schema = r#""response_format": {"type": "json_schema", "json_schema": {"name": "a b", "schema": {"type": "object"}}}"#;
    let of = |schema_support| sent(&body(schema), &Quirks { schema: schema_support, ..Quirks::default() }).0;
    assert_eq!(of(SchemaSupport::Full)["response_format"]["json_schema"]["name"], "a_b");
    let object = of(SchemaSupport::ObjectOnly);
    assert_eq!(object["response_format"], json!({"type": "json_object"}));
    assert_eq!(object["messages"][0]["role"], "system");
    assert!(object["messages"][0]["content"].as_str().unwrap().ends_with(r#"{"type": "object"}"#));
    let none = of(SchemaSupport::None);
    assert!(none.get("response_format").is_none() && none["messages"][0]["role"] == "system");
}

#[test]
fn sides_take_turns_where_they_must() {
    let (sent, _) = sent(
        r#"{"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"},
            {"role": "system", "content": "s"}, {"role": "assistant", "content": "c"},
            {"role": "developer", "content": "d"}, {"role": "user", "content": "e"}],
            "response_format": {"type": "json_object"}}"#,
        &Quirks { alternate: true, schema: SchemaSupport::None, ..Quirks::default() },
    );
    let roles: Vec<_> =
        sent["messages"].as_array().unwrap().iter().map(|m| m["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert_eq!(sent["messages"][0]["content"].as_array().unwrap().len(), 3);
    assert_eq!(sent["messages"][1]["content"][1]["text"], "b");
}

#[test]
fn the_user_speaks_first_where_sides_take_turns() {
    let (sent, _) = sent(
        r#"{"messages": [{"role": "system", "content": "s"}, {"role": "assistant", "content": "c"},
            {"role": "assistant", "refusal": "No."}, {"role": "user", "content": "e"}]}"#,
        &Quirks { alternate: true, ..Quirks::default() },
    );
    let messages = sent["messages"].as_array().unwrap();
    let roles: Vec<_> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert_eq!(messages[2]["content"][1]["text"], "No.");
}

#[test]
fn what_can_not_be_sent_is_refused_with_what_would_help() {
    let with = |part: &str| format!(r#"{{"messages": [{{"role": "user", "content": [{part}]}}]}}"#);
    let image = with(r#"{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}"#);
    let refused =
        write(&image, &Quirks { image_urls: ImageUrls::DataOnly, ..Quirks::default() }).unwrap_err();
    assert_eq!((refused.field, refused.fetch.as_deref()), (Field::Image, Some("https://example.com/a.png")));
    let refused = write(&image, &Quirks { refuses: vec![Field::Image], ..Quirks::default() }).unwrap_err();
    assert_eq!((refused.field, refused.fetch), (Field::Image, None));
    let file = with(r#"{"type": "file_url", "file_url": "https://example.com/a.pdf"}"#);
    assert_eq!(
        write(&file, &Quirks::default()).unwrap_err().fetch.as_deref(),
        Some("https://example.com/a.pdf")
    );
    let (sent, _) = sent(&file, &Quirks { files: FileParts::DataOrUrl, ..Quirks::default() });
    assert_eq!(sent["messages"][0]["content"][0]["file"]["file_data"], "https://example.com/a.pdf");
    let film = with(r#"{"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}"#);
    assert_eq!(write(&film, &Quirks::default()).unwrap_err().field, Field::Video);
}
