//! Whole answers, and errors.

use super::*;
use crate::Usage;
use crate::chat::{
    Bind, Choice, Citation, Failure, Finish, Part, Reasoning, Response, State, StateKind, Text, ToolCall,
};
use crate::json::parse;
use crate::translate::Client;
use serde_json::json;

const FULL: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[
  {"type":"thinking","thinking":"Hm.","signature":"c2ln"},
  {"type":"redacted_thinking","data":"b3Bx"},
  {"type":"server_tool_use","id":"s","name":"web_search","input":{}},
  {"type":"web_search_tool_result","tool_use_id":"s","content":[]},
  {"type":"text","text":"It is "},
  {"type":"text","text":"nïne.","citations":[{"type":"web_search_result_location","url":"https://e.com","title":"E","cited_text":"9","encrypted_index":"x"}]},
  {"type":"tool_use","id":"toolu_1","name":"f","input":{"a": 1.50}},
  {"type":"tool_use","id":"","name":"g","input":{}}],
  "stop_reason":"tool_use","stop_sequence":null,
  "usage":{"input_tokens":3,"cache_read_input_tokens":5,"cache_creation_input_tokens":2,"output_tokens":9,
           "output_tokens_details":{"thinking_tokens":4},"service_tier":"standard"}}"#;

#[test]
fn an_answer_is_read_and_written_again() {
    let json = parse(FULL.as_bytes()).unwrap();
    let response = AnthropicMessages.read_response(&json, &context()).unwrap();
    assert_eq!(response.usage.input, Some(10));
    assert_eq!(response.service_tier.as_deref(), Some("default"));
    let parts = &response.choices[0].parts;
    assert_eq!(parts.len(), 6);
    let Part::Text(text) = &parts[3] else { panic!("no text") };
    assert_eq!((text.citations[0].start, text.citations[0].end), (Some(6), Some(11)));
    let body: Value =
        serde_json::from_slice(&AnthropicMessages.write_response(response, &context())).unwrap();
    let minted = &body["content"][5]["id"];
    assert!(minted.as_str().unwrap().starts_with("call_"));
    let mut expected: Value = serde_json::from_str(FULL).unwrap();
    let blocks = expected["content"].as_array_mut().unwrap();
    blocks.drain(2..4);
    blocks[3]["citations"][0]["encrypted_index"] = json!("");
    blocks[5]["id"] = minted.clone();
    assert_eq!(body, expected);
}

#[test]
fn lenient_where_nothing_is_lost() {
    for body in [
        r#"{"content":[],"usage":null,"stop_reason":null}"#,
        r#"{"content":[{},{"type":"text"},{"type":"thinking"},{"type":"odd"},5],"stop_reason":"odd"}"#,
    ] {
        let json = parse(body.as_bytes()).unwrap();
        let response = AnthropicMessages.read_response(&json, &context()).unwrap();
        assert_eq!(
            (response.choices[0].parts.len(), response.choices[0].finish),
            (0, Finish::Stop),
            "{body}"
        );
        assert!(response.usage.is_unknown());
    }
    let json = parse(br#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#).unwrap();
    let failure = AnthropicMessages.read_response(&json, &context()).unwrap_err();
    assert_eq!((failure.status, &*failure.message), (529, "busy"));
    for none in ["[]", "{}", r#"{"content":null}"#] {
        assert!(AnthropicMessages.read_response(&parse(none.as_bytes()).unwrap(), &context()).is_err());
    }
}

#[test]
fn states_of_others_are_wrapped_and_what_is_unknown_is_null_where_it_may_be() {
    let state = |kind, bind| Some(State { kind, bind, data: "ZGF0YQ==".into() });
    let call = ToolCall {
        id: "c1".into(),
        name: "f".into(),
        state: state(StateKind::GeminiThought, Bind::Call),
        ..ToolCall::default()
    };
    let plain = Reasoning { text: "So.".into(), ..Reasoning::default() };
    let sealed =
        Reasoning { state: state(StateKind::OpenAiEncrypted, Bind::Reasoning), ..Reasoning::default() };
    let cited = Text {
        text: "t".into(),
        citations: vec![Citation { title: Some("no address".into()), ..Citation::default() }],
        ..Text::default()
    };
    let parts = vec![
        Part::Reasoning(plain),
        Part::Reasoning(sealed),
        Part::Text(cited),
        Part::Refusal("No.".into()),
        Part::ToolCall(call),
    ];
    let choice = Choice { parts, finish: Finish::Stop, ..Choice::default() };
    let usage = Usage { output: Some(7), ..Usage::default() };
    let response = Response { choices: vec![choice], usage, ..Response::default() };
    let body: Value =
        serde_json::from_slice(&AnthropicMessages.write_response(response, &context())).unwrap();
    assert_eq!(
        body,
        json!({
            "id": "msg_req_1", "type": "message", "role": "assistant", "model": "model-x",
            "content": [
                {"type": "thinking", "thinking": "So.", "signature": ""},
                {"type": "thinking", "thinking": "", "signature": "wharf1.openai.reasoning.ZGF0YQ=="},
                {"type": "text", "text": "t"},
                {"type": "text", "text": "No."},
                {"type": "thinking", "thinking": "", "signature": "wharf1.gemini.call.ZGF0YQ=="},
                {"type": "tool_use", "id": "c1", "name": "f", "input": {}}],
            "stop_reason": "refusal", "stop_sequence": null,
            "usage": {"input_tokens": 0, "cache_creation_input_tokens": null, "cache_read_input_tokens": null, "output_tokens": 7}
        })
    );
}

#[test]
fn reasons_have_a_word_both_ways() {
    use super::super::types::{finish_of, finish_word};
    for finish in [
        Finish::Stop,
        Finish::StopSequence,
        Finish::ToolCalls,
        Finish::Length,
        Finish::ContextFull,
        Finish::Refusal,
        Finish::Pause,
    ] {
        assert_eq!(finish_of(finish_word(finish)), finish);
    }
    assert_eq!(finish_word(Finish::ContentFilter), "refusal");
}

#[test]
fn an_error_is_said_in_the_dialect() {
    let failure = Failure::new(429, "rate_limited", "slow \"down\"");
    let body: Value = serde_json::from_slice(&AnthropicMessages.write_error(&failure, "req_1")).unwrap();
    assert_eq!(
        body,
        json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow \"down\""}, "request_id": "req_1"})
    );
}
