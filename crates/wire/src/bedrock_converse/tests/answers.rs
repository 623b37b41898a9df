//! Answers: whole, streamed, failed.

use super::*;
use crate::frame::aws_eventstream::EventStream;
use crate::frame::aws_eventstream::tests::{event, header, message};
use crate::json::parse_lossy;

fn read(json: &Value) -> Response<'static> {
    let text = json.to_string().leak();
    let json = parse_lossy(text.as_bytes()).unwrap();
    BedrockConverse.read_response(&json, &Context::default()).unwrap()
}

/// The events, fed in pieces of this size.
fn events(bytes: &[u8], size: usize) -> (Vec<String>, Result<Response<'static>, Failure>) {
    let mut reader = BedrockConverse.stream_in(&Context::default());
    let (mut seen, mut collector, mut failed) = (Vec::new(), Collector::default(), None);
    let mut on = |event: Event<'_>| {
        seen.push(format!("{event:?}"));
        collector.push(event);
    };
    let mut frames = EventStream::new();
    for chunk in bytes.chunks(size) {
        let mut push = |name: &str, data: &[u8]| {
            if failed.is_none() {
                failed = reader.push(name, data, &mut on).err();
            }
        };
        frames.push(chunk, &mut push).unwrap();
    }
    if failed.is_none() {
        reader.finish(&mut on);
    }
    (seen, failed.map_or_else(|| collector.finish(), Err))
}

#[test]
fn a_whole_answer() {
    let answer = read(&json!({
        "output": {"message": {"role": "assistant", "content": [
            {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
            {"reasoningContent": {"redactedContent": "RXZBRg=="}},
            {"text": "It is "},
            {"citationsContent": {"content": [{"text": "cold"}], "citations": [{"title": "Report",
                "sourceContent": [{"text": "cold "}, {"text": "day"}], "location": {"web": {"url": "https://a.example"}}}]}},
            {"toolUse": {"type": "server_tool_use", "toolUseId": "t0", "name": "nova_grounding", "input": {}}},
            {"toolResult": {"toolUseId": "t0", "content": [{"text": "?"}]}},
            {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}},
            {"somethingNew": {}},
        ]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 115, "cacheReadInputTokens": 100,
            "cacheWriteInputTokens": 0},
        "serviceTier": {"type": "flex"},
    }));
    let [choice] = &*answer.choices else { panic!() };
    assert_eq!(choice.finish, Finish::ToolCalls);
    assert_eq!(
        (answer.usage.input, answer.usage.cached, answer.usage.output),
        (Some(110), Some(100), Some(5))
    );
    assert_eq!(answer.service_tier.as_deref(), Some("flex"));
    assert_eq!(choice.parts.len(), 5);
    let Part::Reasoning(first) = &choice.parts[0] else { panic!() };
    assert_eq!((&*first.text, &*first.state.as_ref().unwrap().data), ("Hm.", "c2ln"));
    let Part::Reasoning(second) = &choice.parts[1] else { panic!() };
    assert_eq!(
        second.state,
        Some(State { kind: StateKind::ClaudeRedacted, bind: Bind::Reasoning, data: "EvAF".into() })
    );
    let Part::Text(text) = &choice.parts[3] else { panic!() };
    assert_eq!(text.text, "cold");
    assert_eq!(text.citations[0].cited.as_deref(), Some("cold day"));
    assert_eq!(text.citations[0].url.as_deref(), Some("https://a.example"));
    assert_eq!(choice.parts[4], Part::ToolCall(call("t1", r#"{"city":"Oslo"}"#)));
}

#[test]
fn the_answers_tool_is_the_answer() {
    let answer = read(&json!({
        "output": {"message": {"content": [{"toolUse": {"toolUseId": "t", "name": ANSWER_TOOL, "input": {"a": 1}}}]}},
        "stopReason": "tool_use",
    }));
    assert_eq!(answer.choices[0].parts, [Part::text(r#"{"a":1}"#)]);
    assert_eq!(answer.choices[0].finish, Finish::Stop);
    assert!(answer.usage.is_unknown());
    let stream = [
        event("messageStart", r#"{"role":"assistant"}"#),
        event(
            "contentBlockStart",
            r#"{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t","name":"wharf_answer"}}}"#,
        ),
        event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"a\":"}}}"#),
        event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":"1}"}}}"#),
        event("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        event("messageStop", r#"{"stopReason":"tool_use"}"#),
    ]
    .concat();
    let streamed = events(&stream, 9).1.unwrap();
    assert_eq!(streamed.choices[0].parts, [Part::text(r#"{"a":1}"#)]);
    assert_eq!(streamed.choices[0].finish, Finish::Stop);
}

fn stream() -> Vec<u8> {
    [
        event("messageStart", r#"{"role":"assistant","p":"abcd"}"#),
        event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Hm"}}}"#),
        event(
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"c2"}}}"#,
        ),
        event(
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"ln"}}}"#,
        ),
        event("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        event("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":""}}"#),
        event("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"Hello"}}"#),
        event("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"citation":{"title":"T"}}}"#),
        event("contentBlockStop", r#"{"contentBlockIndex":1}"#),
        event(
            "contentBlockStart",
            r#"{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t1","name":"weather"}}}"#,
        ),
        event("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":""}}}"#),
        event(
            "contentBlockDelta",
            r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"city\":\"Oslo\"}"}}}"#,
        ),
        event("contentBlockStop", r#"{"contentBlockIndex":2}"#),
        event(
            "contentBlockStart",
            r#"{"contentBlockIndex":3,"start":{"toolUse":{"toolUseId":"t2","name":"now"}}}"#,
        ),
        event("contentBlockStop", r#"{"contentBlockIndex":3}"#),
        event("contentBlockStart", r#"{"contentBlockIndex":4,"start":{"image":{"format":"jpeg"}}}"#),
        event(
            "contentBlockDelta",
            r#"{"contentBlockIndex":4,"delta":{"image":{"source":{"bytes":"/9g="}}}}"#,
        ),
        event(
            "contentBlockDelta",
            r#"{"contentBlockIndex":4,"delta":{"image":{"source":{"bytes":"/w=="}}}}"#,
        ),
        event("contentBlockStop", r#"{"contentBlockIndex":4}"#),
        event("messageStop", r#"{"stopReason":"tool_use"}"#),
        event(
            "metadata",
            r#"{"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7},"metrics":{"latencyMs":1}}"#,
        ),
    ]
    .concat()
}

#[test]
fn a_streamed_answer_however_it_is_cut() {
    let bytes = stream();
    let (seen, answer) = events(&bytes, bytes.len());
    let kinds: Vec<&str> = seen.iter().map(|event| event.split(['(', ' ']).next().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "Start",
            "ReasoningStart",
            "ReasoningDelta",
            "ReasoningEnd",
            "TextStart",
            "TextDelta",
            "Citation",
            "TextEnd",
            "ToolStart",
            "ToolDelta",
            "ToolEnd",
            "ToolStart",
            "ToolEnd",
            "Media",
            "Finish",
            "Usage",
            "Done",
        ]
    );
    let answer = answer.unwrap();
    assert_eq!((answer.usage.input, answer.usage.output), (Some(3), Some(4)));
    let [choice] = &*answer.choices else { panic!() };
    assert_eq!(choice.finish, Finish::ToolCalls);
    let Part::Reasoning(thought) = &choice.parts[0] else { panic!() };
    assert_eq!(&*thought.state.as_ref().unwrap().data, "c2ln");
    let Part::Media(media) = &choice.parts[4] else { panic!() };
    assert_eq!((&media.source, media.media_type()), (&Source::Base64("/9j/".into()), "image/jpeg"));
    for size in 1..64 {
        assert_eq!(events(&bytes, size).0, seen, "pieces of {size}");
    }
}

#[test]
fn it_is_whole_with_its_stop_and_not_before() {
    let bytes = stream();
    let metadata = event(
        "metadata",
        r#"{"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7},"metrics":{"latencyMs":1}}"#,
    )
    .len();
    let stop = event("messageStop", r#"{"stopReason":"tool_use"}"#).len();
    let without_counts = &bytes[..bytes.len() - metadata];
    assert!(events(without_counts, 50).1.unwrap().usage.is_unknown());
    let without_stop = &bytes[..bytes.len() - metadata - stop];
    assert_eq!(events(without_stop, 50).1.unwrap_err(), Failure::incomplete());
}

#[test]
fn exceptions_have_their_status() {
    let exception = |class: &str, payload: &str| {
        let headers = [header(":exception-type", class), header(":message-type", "exception")].concat();
        let bytes = [event("messageStart", "{}"), message(&headers, payload.as_bytes())].concat();
        let failure = events(&bytes, 20).1.unwrap_err();
        (failure.status, failure.kind.unwrap_or_default(), failure.message)
    };
    let said = |status, class: &str, text: &str| (status, class.to_owned(), text.to_owned());
    let slow = r#"{"message":"Too many requests"}"#;
    assert_eq!(exception("throttlingException", slow), said(429, "throttlingException", "Too many requests"));
    let model = r#"{"message":"m","originalStatusCode":500}"#;
    assert_eq!(exception("modelStreamErrorException", model), said(424, "modelStreamErrorException", "m"));
    assert_eq!(exception("internalServerException", r#"{"message":"x"}"#).0, 500);
    assert_eq!(exception("serviceUnavailableException", r#"{"message":"x"}"#).0, 503);
    assert_eq!(exception("validationException", r#"{"message":"x"}"#).0, 400);
    assert_eq!(exception("neverHeardOfException", "").0, 502);
}

#[test]
fn errors_name_their_class_in_a_header() {
    let class = Some("ValidationException:http://internal.amazon.com/coral/");
    let failure =
        BedrockConverse.read_error(400, class, br#"{"message":"Input is too long for requested model."}"#);
    assert_eq!(failure.kind.as_deref(), Some("ValidationException"));
    assert_eq!(failure.code.as_deref(), Some("context_length_exceeded"));
    let failure = BedrockConverse.read_error(
        403,
        None,
        br#"{"Message":"no","__type":"com.amazon#AccessDeniedException"}"#,
    );
    assert_eq!((failure.message.as_str(), failure.kind.as_deref()), ("no", Some("AccessDeniedException")));
    let json = parse_lossy(br#"{"__type":"x#ThrottlingException","message":"slow"}"#).unwrap();
    let failure = BedrockConverse.read_response(&json, &Context::default()).unwrap_err();
    assert_eq!((failure.status, failure.message.as_str()), (429, "slow"));
    let json = parse_lossy(b"{}").unwrap();
    assert_eq!(BedrockConverse.read_response(&json, &Context::default()).unwrap_err().status, 502);
}
