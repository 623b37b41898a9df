//! What the tap sees, the same however the bytes are cut.

use proptest::prelude::*;

use super::*;
use crate::scan::scan_answer;

fn sse(format: Format, text: &str) -> Seen {
    let mut tap = Tap::sse(Some(format));
    tap.push(text.as_bytes());
    tap.finish()
}

fn json(format: Option<Format>, text: &str) -> Seen {
    let mut tap = Tap::json(format);
    tap.push(text.as_bytes());
    tap.finish()
}

#[test]
fn openai_is_complete_with_done_or_a_finish_reason() {
    let complete = |data: &str| sse(Format::OpenAiChat, &format!("data: {data}\n\n")).complete;
    assert!(complete("[DONE]"));
    assert!(complete(r#"{"choices":[{"index":0,"delta":{},"finish_reason": "stop"}]}"#));
    assert!(!complete(r#"{"choices":[{"index":0,"delta":{},"finish_reason":null}]}"#));
    assert!(!complete(r#"{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":""}]}"#));
    assert!(sse(Format::OpenAiChat, "data: [DONE]").complete);
}

#[test]
fn words_inside_texts_and_arguments_mean_nothing() {
    for inner in [
        r#""content":"\"usage\":{\"prompt_tokens\":1},\"finish_reason\":\"stop\",\"error\":1""#,
        r#""content":"usage","error":{"finish_reason":"stop"}"#,
        r#""arguments":{"usage":{"prompt_tokens":1},"finish_reason":"stop","error":{}}"#,
    ] {
        let seen = sse(Format::OpenAiChat, &format!("data: {{\"choices\":[{{\"delta\":{{{inner}}}}}]}}\n\n"));
        assert_eq!(seen, Seen { boundary: true, events: 1, ..Seen::default() }, "{inner}");
    }
}

#[test]
fn anthropic_usage_comes_from_two_events() {
    let seen = sse(
        Format::AnthropicMessages,
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":4,\
         \"cache_read_input_tokens\":10,\"output_tokens\":1}}}\n\nevent: message_delta\ndata: {\"type\":\
         \"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"input_tokens\":5,\"output_tokens\":9}}\n\n",
    );
    assert_eq!((seen.usage.input, seen.usage.cached, seen.usage.output), (Some(15), Some(10), Some(9)));
    assert!(!seen.complete && seen.boundary);
}

#[test]
fn errors_in_the_stream_are_seen() {
    assert!(sse(Format::OpenAiChat, "event: error\ndata: {\"error\":{\"message\":\"x\"}}\n\n").error);
    assert!(sse(Format::OpenAiChat, "data: {\"error\": \"text\"}\n\n").error);
    assert!(!sse(Format::OpenAiChat, "data: {\"error\":null}\n\n").error);
    let failed =
        sse(Format::OpenAiResponses, "data: {\"type\":\"response.failed\",\"response\":{\"error\":{}}}\n\n");
    assert!(failed.error && failed.complete);
}

#[test]
fn a_half_event_is_no_boundary_and_comments_are_no_events() {
    let at = |text: &str| {
        let seen = sse(Format::OpenAiChat, text);
        (seen.boundary, seen.empty)
    };
    assert_eq!(at(""), (true, true));
    assert_eq!(at(": PROCESSING\n\n: x\n"), (true, true));
    assert_eq!(at(": PROCE"), (false, false));
    assert_eq!(at("data: {}\n"), (false, false));
    assert_eq!(at("event: x\n"), (false, false));
    assert_eq!(at("data: {}\r\n\r"), (true, false));
}

#[test]
fn an_unfinished_last_event_does_not_complete_a_stream() {
    assert!(!sse(Format::AnthropicMessages, "data: {\"type\":\"message_stop\"").complete);
    assert!(sse(Format::AnthropicMessages, "data: {\"type\":\"message_stop\"}").complete);
}

#[test]
fn a_json_body_is_complete_when_its_root_is_closed() {
    let text = r#"{"choices":[{"message":{"content":"]}{\"usage\":{}"}}],"data":[[0.1,-2e3,[]]],
        "x":{"usage":{"prompt_tokens":9}},"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
    let seen = json(None, text);
    assert_eq!((seen.complete, seen.usage.input, seen.usage.output), (true, Some(3), Some(4)));
    for end in 0..text.len() {
        assert!(!json(None, &text[..end]).complete);
    }
    assert!(json(None, " \n").empty);
    assert!(json(None, "7").complete && json(None, "\"a\"").complete);
}

#[test]
fn geminis_growing_array_is_read_element_by_element() {
    let one = r#"{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2}}"#;
    let text = format!("[{{\"usageMetadata\":{{\"promptTokenCount\":9}}}}\n,\r\n{one}\n]");
    let seen = json(Some(Format::GeminiGenerate), &text);
    assert_eq!((seen.complete, seen.usage.input, seen.usage.output), (true, Some(1), Some(2)));
    assert!(!json(Some(Format::GeminiGenerate), &text[..text.len() - 1]).complete);
}

#[test]
fn ollama_lines_and_cohere_meta_are_read() {
    let lines = "{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"done\":true,\"prompt_eval_count\":18,\"eval_count\":203}\n";
    let seen = json(Some(Format::OllamaChat), lines);
    assert_eq!((seen.complete, seen.usage.input, seen.usage.output), (true, Some(18), Some(203)));
    assert!(!json(Some(Format::OllamaChat), &lines[..50]).complete);
    let meta = r#"{"embeddings":[[1.5]],"meta":{"billed_units":{"input_tokens":7}}}"#;
    assert_eq!(json(None, meta).usage.input, Some(7));
}

#[test]
fn a_huge_answer_leaves_little_behind() {
    let mut tap = Tap::json(None);
    tap.push(b"{\"usage\":{\"x\":\"");
    for _ in 0..1000 {
        tap.push(&[b'x'; 10_000]);
    }
    tap.push(b"\"},\"usage\":{\"prompt_tokens\":1}}");
    assert_eq!(tap.finish().usage.input, Some(1));
    assert!(size_of::<Tap>() < 512, "{}", size_of::<Tap>());
}

fn events() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        r#"data: {"choices":[{"delta":{"content":"\"usage\":{}"},"finish_reason":null}],"usage":null}"#,
        r#"data: {"choices":[{"delta":{},"finish_reason" : "stop"}],"x_groq":{"usage":{"prompt_tokens":5}}}"#,
        r#"data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
        "data: [DONE]",
        "data:[DONE] ",
        r#"data: {"type":"message_start","message":{"usage":{"input_tokens":3,"output_tokens":1}}}"#,
        r#"data: {"type":"message_delta","usage":{"output_tokens":7}}"#,
        r#"data: {"type":"message_stop"}"#,
        "event: message_stop",
        "event: error",
        r#"data: {"type":"response.completed","response":{"usage":{"input_tokens":2},"error":null}}"#,
        r#"data: {"type":"response.output_text.delta","delta":"response.completed"}"#,
        r#"data: {"candidates":[{"finishReason":1}],"usageMetadata":{"promptTokenCount":6}}"#,
        r#"data: {"delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":8}}},"type":"message-end"}"#,
        r#"data: {"error":{"message":"x"}}"#,
        // The promise holds for data that is JSON; this is one object over two lines.
        "data: {\ndata: \"usage\":{\"prompt_tokens\":4}}",
        ": comment",
        "id: 4",
        "data",
        "",
        "",
        "",
    ]);
    prop::collection::vec((line, prop::sample::select(vec!["\n", "\r\n", "\r", "\n\n", "\r\n\r\n"])), 0..12)
        .prop_map(|lines| lines.into_iter().flat_map(|(line, end)| [line, end]).collect())
}

proptest! {
    #[test]
    fn a_stream_is_seen_the_same_however_it_is_cut(
        text in events(),
        mark in any::<bool>(),
        format in prop::sample::select(Format::ALL.map(Some).into_iter().chain([None]).collect::<Vec<_>>()),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = format!("{}{text}", if mark { "\u{feff}" } else { "" });
        let read = |chunks: &mut dyn Iterator<Item = &[u8]>| {
            let mut tap = Tap::sse(format);
            chunks.for_each(|chunk| tap.push(chunk));
            tap.finish()
        };
        let bytes = text.as_bytes();
        let whole = read(&mut [bytes].into_iter());
        prop_assert_eq!(read(&mut bytes.chunks(1)), whole);
        let (head, tail) = bytes.split_at(cut.index(bytes.len() + 1));
        prop_assert_eq!(read(&mut [head, tail].into_iter()), whole);
    }

    #[test]
    fn no_bytes_upset_the_tap(bytes in prop::collection::vec(prop::sample::select(b"{}[]\":,\\ \ndat:usge1".to_vec()), 0..200)) {
        for mut tap in [Tap::json(None), Tap::sse(None), Tap::sse(Some(Format::GeminiGenerate))] {
            tap.push(b"data: ");
            tap.push(&bytes);
            tap.finish();
        }
    }
}

#[test]
fn what_a_scan_finds_of_a_whole_body_is_what_is_seen_of_it() {
    let usage = r#"{"prompt_tokens":3,"completion_tokens":4}"#;
    let seen = |body: &Bytes, foresee: bool| {
        let mut tap = Tap::json(Some(Format::OpenAiChat));
        if foresee {
            tap.foresee(&scan_answer(body).unwrap());
        }
        tap.pass(body);
        tap.finish()
    };
    for body in [
        format!(r#"{{"choices":[{{"usage":{{"prompt_tokens":9}}}}],"usage":{usage}}}"#),
        format!(r#"{{"usage" : {usage} , "choices":[]}}"#),
        format!(r#"{{"usage":{usage},"error":{{"message":"x"}}}}"#),
        r#"{"usage":null,"choices":[{}]}"#.to_owned(),
        format!(r#"{{"error":null,"usage":{usage}}}"#),
        r#"{"choices":[{}]}"#.to_owned(),
        format!(r#"[{{"usage":{usage}}}]"#),
    ] {
        let body = Bytes::from(body);
        assert_eq!(seen(&body, true), seen(&body, false), "{body:?}");
    }

    // Whatever its length, it is not read again. More than was thought to be all: what was foreseen is forgotten.
    for length in [0, MAX_HELD] {
        let whole = Bytes::from(format!(r#"{{"usage":{usage},"x":"{}"}}"#, "x".repeat(length)));
        let mut tap = Tap::json(Some(Format::OpenAiChat));
        tap.foresee(&scan_answer(&whole).unwrap());
        tap.pass(&whole);
        assert!(!tap.probe().started(), "{length}");
        assert_eq!(tap.finish(), seen(&whole, false));
        let mut longer = Tap::json(Some(Format::OpenAiChat));
        longer.foresee(&scan_answer(&whole).unwrap());
        longer.pass(&whole);
        longer.push(br#"{"usage":{"prompt_tokens":5}}"#);
        assert_eq!(longer.finish().usage.input, Some(5));
    }
}
