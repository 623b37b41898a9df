//! Whole answers.

use super::{context, json};
use crate::chat::{Failure, Finish, Part, Response};
use crate::json::parse_lossy;
use crate::translate::{self, Upstream as _};
use crate::{Format, Usage};
use serde_json::json as value;

const FULL: &str = r#"{"candidates": [{"content": {"role": "model", "parts": [
    {"text": "Let me think.", "thought": true}, {"text": "It is warm", "thoughtSignature": "VGV4dA=="}, {"text": " there."},
    {"executableCode": {"language": "PYTHON", "code": "1"}}, {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
    {"functionCall": {"name": "f", "args": {"a": [1,
      2]}}, "thoughtSignature": "Q2FsbA=="}, {"functionCall": {"name": "g", "id": "own"}}]},
  "finishReason": "STOP", "index": 0,
  "groundingMetadata": {"groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}], "groundingSupports":
    [{"segment": {"endIndex": 10, "text": "It is warm"}, "groundingChunkIndices": [0, 9]}]},
  "logprobsResult": {"topCandidates": [{"candidates": [{"token": "It", "logProbability": -0.1}, {"token": "A", "logProbability": -2}]}],
    "chosenCandidates": [{"token": "It", "tokenId": 5, "logProbability": -0.1}]}}],
  "usageMetadata": {"promptTokenCount": 10, "toolUsePromptTokenCount": 5, "cachedContentTokenCount": 4, "candidatesTokenCount": 7,
    "thoughtsTokenCount": 3, "totalTokenCount": 25, "serviceTier": "standard"},
  "modelVersion": "gemini-2.5-flash", "responseId": "r1"}"#;

fn read(body: &str) -> Result<Response<'static>, Failure> {
    let json = parse_lossy(body.as_bytes()).unwrap();
    super::super::GeminiGenerate.read_response(&json, &context()).map(|response| {
        let mut collector = crate::chat::Collector::default();
        crate::chat::replay(response, &mut |event| collector.push(event));
        collector.finish().unwrap()
    })
}

#[test]
fn all_of_an_answer_is_read() {
    let response = read(FULL).unwrap();
    assert_eq!((response.id.as_deref(), response.model.as_deref()), (Some("r1"), Some("gemini-2.5-flash")));
    assert_eq!(response.service_tier.as_deref(), Some("default"));
    let usage =
        Usage { input: Some(15), cached: Some(4), output: Some(10), reasoning: Some(3), ..Usage::default() };
    assert_eq!(response.usage, usage);
    let choice = &response.choices[0];
    assert_eq!(
        (choice.finish, choice.logprobs.len(), choice.logprobs[0].top.len()),
        (Finish::ToolCalls, 1, 2)
    );
    let [
        Part::Reasoning(thought),
        Part::Text(signed),
        Part::Text(rest),
        Part::Media(_),
        Part::ToolCall(f),
        Part::ToolCall(g),
    ] = choice.parts.as_slice()
    else {
        panic!("{:?}", choice.parts)
    };
    assert_eq!((&*thought.text, &*signed.text, &*rest.text), ("Let me think.", "It is warm", " there."));
    assert_eq!(signed.state.as_ref().map(|state| &*state.data), Some("VGV4dA=="));
    assert_eq!((rest.citations[0].start, rest.citations[0].end), (Some(0), Some(10)));
    assert_eq!(f.state.as_ref().map(|state| &*state.data), Some("Q2FsbA=="));
    assert_eq!((&*f.id, &*g.id), (&*crate::chat::mint_id("r1", 0), "own"));
    assert_eq!(json(f.arguments.as_bytes()), value!({"a": [1, 2]}));
}

#[test]
fn all_of_an_answer_is_written() {
    let whole =
        translate::whole(Format::GeminiGenerate, Format::GeminiGenerate, FULL.as_bytes(), false, &context());
    let body = json(&whole.unwrap().body);
    let mut want = json(FULL.as_bytes());
    let candidate = &mut want["candidates"][0];
    // What Google ran itself goes; ids come.
    candidate["content"]["parts"].as_array_mut().unwrap().remove(3);
    candidate["content"]["parts"][4]["functionCall"]["id"] = value!(crate::chat::mint_id("r1", 0));
    candidate["content"]["parts"][5]["functionCall"]["args"] = value!({});
    candidate["groundingMetadata"]["groundingSupports"][0]["groundingChunkIndices"] = value!([0]);
    candidate["groundingMetadata"]["groundingSupports"][0]["segment"]["startIndex"] = value!(0);
    candidate["logprobsResult"]["chosenCandidates"][0].as_object_mut().unwrap().remove("tokenId");
    want["usageMetadata"] = value!({"promptTokenCount": 15, "cachedContentTokenCount": 4, "candidatesTokenCount": 7,
        "thoughtsTokenCount": 3, "totalTokenCount": 25});
    assert_eq!(body, want);
}

#[test]
fn refusals_limits_and_faults_are_told_apart() {
    let finish = |body: &str| read(body).unwrap().choices[0].finish;
    assert_eq!(
        finish(r#"{"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}"#),
        Finish::ContentFilter
    );
    assert_eq!(
        finish(r#"{"candidates": [{"finishReason": "MAX_TOKENS", "content": {"role": "model"}}]}"#),
        Finish::Length
    );
    assert_eq!(finish(r#"{"candidates": [{"finishReason": "SAFETY"}]}"#), Finish::ContentFilter);
    assert_eq!(
        finish(r#"{"candidates": [{"finishReason": 1, "content": {"parts": [{"text": "a"}]}}]}"#),
        Finish::Stop
    );
    assert_eq!(
        finish(r#"{"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "content": {}}]}"#),
        Finish::Error
    );
    assert_eq!(finish(r#"{"candidates": null, "responseId": "r"}"#), Finish::Stop);
}

#[test]
fn a_list_of_chunks_is_an_answer() {
    let list = r#"[{"candidates": [{"content": {"parts": [{"text": "Hel"}]}}]},
      {"candidates": [{"content": {"parts": [{"text": "lo"}]}, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 1}}]"#;
    let response = read(list).unwrap();
    assert_eq!(response.choices[0].parts, [Part::text("Hello")]);
    assert_eq!(
        read(r#"[{"candidates": [{"content": {"parts": [{"text": "Hel"}]}}]}]"#).unwrap_err(),
        Failure::incomplete()
    );
    let failure =
        read(r#"[{"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}}]"#).unwrap_err();
    assert_eq!((failure.status, &*failure.message), (429, "m"));
}

#[test]
fn errors_have_googles_form() {
    let failure = Failure {
        status: 429,
        message: "slow down".into(),
        code: Some("rate_limit_exceeded".into()),
        retry_after_ms: Some(1500),
        ..Failure::default()
    };
    let body = json(&translate::write_error(Format::GeminiGenerate, &failure, "req_1"));
    assert_eq!(
        (&body["error"]["code"], &body["error"]["status"]),
        (&value!(429), &value!("RESOURCE_EXHAUSTED"))
    );
    let back = translate::read_error(Format::GeminiGenerate, 429, None, body.to_string().as_bytes());
    assert_eq!((back.message.as_str(), back.retry_after_ms), ("slow down", Some(1500)));
}
