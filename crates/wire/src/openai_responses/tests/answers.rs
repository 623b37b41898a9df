//! Whole answers, both ways.

use super::*;
use crate::Usage;
use crate::chat::{
    Bind, Choice, Citation, Failure, Finish, Part, Reasoning, Response, State, StateKind, Text, ToolCall,
};
use crate::json::parse;
use crate::translate::Client;

const FULL: &str = r#"{"id": "resp_1", "object": "response", "created_at": 1700000000.0, "status": "completed", "error": null,
  "incomplete_details": null, "model": "gpt-x-1", "service_tier": "default", "output": [
  {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
   "encrypted_content": "gAAA"},
  {"type": "web_search_call", "id": "ws_1", "status": "completed"},
  {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
    {"type": "output_text", "text": "hi", "annotations": [
      {"type": "url_citation", "url": "https://x.example", "title": "X", "start_index": 0, "end_index": 2},
      {"type": "file_citation", "file_id": "f", "filename": "f.pdf", "index": 1}],
     "logprobs": [{"token": "hi", "logprob": -0.5, "bytes": [104, 105], "top_logprobs": []}]}]},
  {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{\"a\":1}"},
  {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_2", "name": "p", "input": "text"}],
  "usage": {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 17}}"#;

fn read_answer(body: &str) -> Result<Response<'_>, Failure> {
    OpenAiResponses.read_response(&parse(body.as_bytes()).unwrap(), &context())
}

fn write_answer(response: Response<'_>) -> Value {
    serde_json::from_slice(&OpenAiResponses.write_response(response, &context())).unwrap()
}

#[test]
fn an_answer_is_read() {
    let response = read_answer(FULL).unwrap();
    assert_eq!((response.id.as_deref(), response.created), (Some("resp_1"), Some(1_700_000_000)));
    assert_eq!(response.usage.reasoning, Some(3));
    let choice = &response.choices[0];
    assert_eq!((choice.finish, choice.logprobs.len()), (Finish::ToolCalls, 1));
    let [Part::Reasoning(thought), Part::Text(text), Part::ToolCall(call), Part::ToolCall(custom)] =
        &choice.parts[..]
    else {
        panic!("{choice:?}")
    };
    assert_eq!((&*thought.text, thought.summary), ("a\n\nb", true));
    assert_eq!(thought.state.as_ref().unwrap().data, "gAAA");
    assert_eq!(text.citations[0].url.as_deref(), Some("https://x.example"));
    assert_eq!(text.citations[1].title.as_deref(), Some("f.pdf"));
    assert_eq!((&*call.id, &*call.arguments, call.custom), ("call_1", r#"{"a":1}"#, false));
    assert_eq!((&*custom.id, &*custom.arguments, custom.custom), ("call_2", "text", true));
}

#[test]
fn an_answer_survives_the_way_out_and_in() {
    let response = read_answer(FULL).unwrap();
    let written = write_answer(response.clone()).to_string();
    let mut again = read_answer(&written).unwrap();
    // Where in a file something stood is all that this dialect can't repeat of it.
    again.choices[0].parts.iter_mut().for_each(|part| {
        if let Part::Text(text) = part {
            text.citations[1].start = None;
        }
    });
    assert_eq!(again.choices, response.choices);
    assert_eq!(again.usage.input, response.usage.input);
}

#[test]
fn reasons_and_failures_are_told_apart() {
    let with = |rest: &str| format!(r#"{{"id": "r", "output": [], {rest}}}"#);
    for (rest, finish) in [
        (r#""status": "completed""#, Finish::Stop),
        (r#""status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}"#, Finish::Length),
        (
            r#""status": "incomplete", "incomplete_details": {"reason": "content_filter"}"#,
            Finish::ContentFilter,
        ),
        (r#""status": "incomplete""#, Finish::Length),
        (r#""status": "complete""#, Finish::Stop),
    ] {
        assert_eq!(read_answer(&with(rest)).unwrap().choices[0].finish, finish, "{rest}");
    }
    let refused = r#"{"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}]}"#;
    assert_eq!(read_answer(refused).unwrap().choices[0].finish, Finish::Refusal);
    let failed = with(r#""status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow"}"#);
    let failure = read_answer(&failed).unwrap_err();
    assert_eq!((failure.status, &*failure.message), (429, "slow"));
    assert_eq!(read_answer(&with(r#""status": "queued""#)).unwrap_err().status, 502);
    assert_eq!(read_answer(&with(r#""status": "cancelled""#)).unwrap_err().status, 502);
    assert_eq!(read_answer(r#"{"choices": []}"#).unwrap_err().status, 502);
    let xai = read_answer(r#"{"code": "invalid-argument", "error": "Incorrect API key"}"#).unwrap_err();
    assert_eq!(xai.message, "Incorrect API key");
}

#[test]
fn open_reasoning_and_odd_calls_are_read() {
    let response = read_answer(
        r#"{"output": [{"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "we"}], "encrypted_content": ""},
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "call_id": "", "id": "fc_9", "name": "f", "arguments": {"a": 1}},
        {"type": "image_generation_call", "result": "iVBORw0KGgo=", "output_format": "webp"}, {"type": "new_thing"}, 5]}"#,
    )
    .unwrap();
    let [Part::Reasoning(thought), Part::ToolCall(call), Part::Media(image)] = &response.choices[0].parts[..]
    else {
        panic!("{response:?}")
    };
    assert_eq!((&*thought.text, thought.summary, &thought.state), ("we", false, &None));
    assert_eq!((&*call.id, &*call.arguments), ("fc_9", r#"{"a": 1}"#));
    assert_eq!(image.media_type(), "image/webp");
}

#[test]
fn an_answer_of_another_vendor_is_written() {
    let parts = vec![
        Part::Reasoning(Reasoning {
            text: "why".into(),
            summary: false,
            state: Some(State { kind: StateKind::ClaudeSignature, bind: Bind::Reasoning, data: "S".into() }),
        }),
        Part::Text(Text {
            text: "hi".into(),
            citations: vec![Citation { title: Some("Doc".into()), ..Citation::default() }],
            ..Text::default()
        }),
        Part::text(" there"),
        Part::ToolCall(ToolCall {
            id: "toolu_1".into(),
            name: "f".into(),
            state: Some(State { kind: StateKind::GeminiThought, bind: Bind::Call, data: "G".into() }),
            ..ToolCall::default()
        }),
    ];
    let usage = Usage { input: Some(5), output: Some(3), ..Usage::default() };
    let choices = vec![Choice { parts, finish: Finish::ToolCalls, ..Choice::default() }];
    let response = Response {
        id: Some("msg_01".into()),
        choices,
        usage,
        service_tier: Some("standard".into()),
        ..Response::default()
    };
    let body = write_answer(response);
    assert_eq!(
        (&body["id"], &body["model"], &body["status"]),
        (&json!("resp_msg_01"), &json!("model-x"), &json!("completed"))
    );
    assert_eq!((&body["created_at"], &body["service_tier"]), (&json!(1_700_000_000), &json!("default")));
    let mut output = body["output"].clone();
    for item in output.as_array_mut().unwrap() {
        let id = item.as_object_mut().unwrap().remove("id").unwrap();
        assert!(id.as_str().unwrap().len() > 20);
    }
    assert_eq!(
        output,
        json!([
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "why"}], "encrypted_content": "wharf1.claude.reasoning.S"},
            {"type": "message", "role": "assistant", "status": "completed", "content": [
                {"type": "output_text", "text": "hi", "logprobs": [],
                 "annotations": [{"type": "file_citation", "file_id": "Doc", "filename": "Doc", "index": 0}]},
                {"type": "output_text", "text": " there", "logprobs": [], "annotations": []}]},
            {"type": "reasoning", "summary": [], "encrypted_content": "wharf1.gemini.call.G"},
            {"type": "function_call", "call_id": "toolu_1", "name": "f", "arguments": "{}", "status": "completed"}])
    );
    assert_eq!(
        body["usage"],
        json!({"input_tokens": 5, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 8})
    );
    for member in
        ["instructions", "tools", "tool_choice", "temperature", "top_p", "parallel_tool_calls", "metadata"]
    {
        assert!(body.get(member).is_some(), "{member}");
    }
}

#[test]
fn an_end_has_its_words() {
    let body = |finish, parts| {
        write_answer(Response {
            choices: vec![Choice { finish, parts, ..Choice::default() }],
            ..Response::default()
        })
    };
    let cut = body(Finish::Length, vec![Part::text("a")]);
    assert_eq!((&cut["status"], &cut["completed_at"]), (&json!("incomplete"), &Value::Null));
    assert_eq!(cut["incomplete_details"], json!({"reason": "max_output_tokens"}));
    assert_eq!(cut["output"][0]["status"], "incomplete");
    assert_eq!(cut.get("usage"), None);
    let refused = body(Finish::Refusal, vec![]);
    assert_eq!(refused["incomplete_details"], json!({"reason": "content_filter"}));
    let said_no = body(Finish::Refusal, vec![Part::Refusal("no".into())]);
    assert_eq!(said_no["status"], "completed");
    assert_eq!(said_no["output"][0]["content"], json!([{"type": "refusal", "refusal": "no"}]));
    assert_eq!(body(Finish::Error, vec![])["error"]["code"], "server_error");
}

#[test]
fn an_error_has_openais_form() {
    let failure =
        Failure { param: Some("input[0]".into()), ..Failure::new(429, "rate_limited", "Slow \"down\"") };
    let body: Value = serde_json::from_slice(&OpenAiResponses.write_error(&failure, "req_1")).unwrap();
    assert_eq!(
        body,
        json!({"error": {"message": "Slow \"down\"", "type": "rate_limit_error", "param": "input[0]",
            "code": "rate_limited", "status": 429}})
    );
}
