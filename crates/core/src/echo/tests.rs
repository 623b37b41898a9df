use super::*;
use crate::models;

const STAMP: Stamp = Stamp { now: Millis(1_700_000_000_123), random: 0xabc };

fn whole(body: &Value) -> Value {
    match chat(body.to_string().as_bytes(), STAMP).unwrap() {
        Answer::Whole(bytes) => serde_json::from_slice(&bytes).unwrap(),
        Answer::Stream(_) => panic!("a stream"),
    }
}

/// The chunks of a streamed answer, `[DONE]` checked and left out.
fn streamed(body: &Value) -> Vec<Value> {
    let Answer::Stream(events) = chat(body.to_string().as_bytes(), STAMP).unwrap() else {
        panic!("no stream")
    };
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(done, "data: [DONE]\n\n");
    chunks
        .iter()
        .map(|event| {
            let text = std::str::from_utf8(event).unwrap();
            serde_json::from_str(text.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap()).unwrap()
        })
        .collect()
}

fn user(text: &str) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": text}]})
}

fn kind(body: &[u8]) -> Kind {
    chat(body, STAMP).unwrap_err().kind
}

#[test]
fn the_last_user_message_comes_back() {
    let body = json!({"model": "any", "temperature": 1.0, "messages": [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": null, "tool_calls": []},
        {"role": "user", "content": [
            {"type": "text", "text": "one two"},
            {"type": "image_url", "image_url": {"url": "data:,"}},
            {"type": "text", "text": "three"},
        ]},
        {"role": "tool", "content": "not this", "tool_call_id": "x"},
    ]});
    let answer = whole(&body);
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.ends_with("You said: one two\nthree"), "{text}");
    assert_eq!(answer["id"], "chatcmpl-0000000000000abc");
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["created"], 1_700_000_000);
    assert_eq!(answer["model"], "any");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    let usage = &answer["usage"];
    assert!(usage["prompt_tokens"].as_u64() > Some(5));
    assert_eq!(
        usage["total_tokens"].as_u64().unwrap(),
        usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap()
    );
    assert_eq!(whole(&json!({"messages": []}))["model"], "any", "also with nothing to repeat");
}

#[test]
fn a_stream_says_the_same_word_by_word() {
    let mut body = user("hello  there, you");
    let text = whole(&body)["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    body["stream"] = true.into();
    let chunks = streamed(&body);
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let said: String = chunks.iter().filter_map(|c| c["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(said, text);
    assert!(chunks.len() > 8);
    let (last, before) = chunks.split_last().unwrap();
    assert_eq!(
        last["choices"][0],
        json!({"index": 0, "delta": {}, "logprobs": null, "finish_reason": "stop"})
    );
    assert!(before.iter().all(|c| c["choices"][0]["finish_reason"].is_null()));
    assert!(chunks.iter().all(|c| c["object"] == "chat.completion.chunk" && c.get("usage").is_none()));
}

#[test]
fn usage_is_streamed_when_asked_for() {
    let mut body = user("hi");
    let usage = whole(&body)["usage"].clone();
    body["stream"] = true.into();
    body["stream_options"] = json!({"include_usage": true});
    let chunks = streamed(&body);
    let (last, before) = chunks.split_last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"], usage);
    assert!(before.iter().all(|c| c.get("usage") == Some(&Value::Null)));
}

#[test]
fn a_very_long_text_makes_a_bounded_number_of_events() {
    let mut body = user(&"a ".repeat(100_000));
    body["stream"] = true.into();
    let chunks = streamed(&body);
    assert!(chunks.len() < DELTAS + 10, "{}", chunks.len());
}

#[test]
fn a_forced_tool_is_called_with_nothing() {
    let tools = json!([
        {"type": "custom", "custom": {"name": "c"}},
        {"type": "function", "function": {"name": "f", "parameters": {}}},
        {"type": "function", "function": {"name": "g"}},
    ]);
    for (choice, name) in [
        (json!("required"), Some("f")),
        (json!({"type": "function", "function": {"name": "g"}}), Some("g")),
        (json!("auto"), None),
        (json!("none"), None),
        (json!({"type": "allowed_tools"}), None),
        (json!(null), None),
    ] {
        let mut body = user("hi");
        body["tools"] = tools.clone();
        body["tool_choice"] = choice;
        let choice = &whole(&body)["choices"][0];
        assert_eq!(choice["message"]["tool_calls"][0]["function"]["name"].as_str(), name);
        assert_eq!(choice["finish_reason"] == "tool_calls", name.is_some());
        if let Some(name) = name {
            assert_eq!(choice["message"]["tool_calls"][0]["function"]["arguments"], "{}");
            body["stream"] = true.into();
            let chunks = streamed(&body);
            let call = &chunks[0]["choices"][0]["delta"]["tool_calls"][0];
            assert_eq!((&call["index"], &call["function"]["name"]), (&json!(0), &json!(name)));
            assert_eq!(chunks[1]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"], "{}");
            assert_eq!(chunks[2]["choices"][0]["finish_reason"], "tool_calls");
        }
    }
    for choice in [json!("required"), json!({"type": "function", "function": {"name": "nobody"}})] {
        let mut body = user("hi");
        body["tool_choice"] = choice;
        assert_eq!(kind(body.to_string().as_bytes()), Kind::InvalidRequest);
    }
}

#[test]
fn nonsense_is_the_callers_fault() {
    assert_eq!(kind(b""), Kind::InvalidJson);
    assert_eq!(kind(b"{\"messages\":"), Kind::InvalidJson);
    for body in [
        "null",
        "[]",
        "{}",
        "{\"messages\":7}",
        "{\"messages\":[{}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":7}]}",
    ] {
        assert_eq!(kind(body.as_bytes()), Kind::InvalidRequest, "{body}");
    }
    let error = chat(b"{\"messages\":\"sk-secret\"}", STAMP).unwrap_err();
    assert!(!error.message.contains("secret"), "{}", error.message);
}

fn embed(body: &Value) -> Value {
    serde_json::from_slice(&embeddings(body.to_string().as_bytes()).unwrap()).unwrap()
}

#[test]
fn the_same_text_has_the_same_vector_of_length_one() {
    let answer = embed(&json!({"model": "any", "input": ["one", "two", "one"]}));
    let vector = |at: usize| -> Vec<f64> {
        assert_eq!(answer["data"][at]["index"], at);
        answer["data"][at]["embedding"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect()
    };
    assert_eq!(vector(0), vector(2));
    assert_ne!(vector(0), vector(1));
    assert_eq!(vector(0).len(), 16);
    assert!((vector(1).iter().map(|n| n * n).sum::<f64>() - 1.0).abs() < 1e-5);
    assert_eq!(answer["usage"], json!({"prompt_tokens": 3, "total_tokens": 3}));
    assert_eq!(embed(&json!({"input": "one"}))["data"][0]["embedding"], answer["data"][0]["embedding"]);
    assert_eq!(embed(&json!({"input": [1, 2, 3]}))["usage"]["prompt_tokens"], 3);
    assert_eq!(
        embed(&json!({"input": [[1], [2]], "dimensions": 100}))["data"][1]["embedding"]
            .as_array()
            .unwrap()
            .len(),
        100
    );
}

#[test]
fn base64_holds_the_same_floats() {
    let plain = embed(&json!({"input": "x", "dimensions": 2, "encoding_format": "float"}));
    let coded = embed(&json!({"input": "x", "dimensions": 2, "encoding_format": "base64"}));
    let text = coded["data"][0]["embedding"].as_str().unwrap();
    // Eight bytes: eleven digits and one sign of padding.
    assert_eq!((text.len(), text.ends_with('=')), (12, true));
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' => 62,
        b'/' => 63,
        _ => 0,
    };
    let bytes: Vec<u8> = text
        .as_bytes()
        .chunks(4)
        .flat_map(|group| {
            group.iter().fold(0, |bits, byte| bits << 6 | digit(*byte)).to_be_bytes()[1..].to_vec()
        })
        .collect();
    for (at, wanted) in plain["data"][0]["embedding"].as_array().unwrap().iter().enumerate() {
        let raw = [bytes[at * 4], bytes[at * 4 + 1], bytes[at * 4 + 2], bytes[at * 4 + 3]];
        assert!((f64::from(f32::from_le_bytes(raw)) - wanted.as_f64().unwrap()).abs() < 1e-6);
    }
}

#[test]
fn embeddings_of_nothing_are_refused() {
    for body in [
        json!({}),
        json!({"input": ""}),
        json!({"input": []}),
        json!({"input": ["a", ""]}),
        json!({"input": 7}),
        json!({"input": "a", "dimensions": 0}),
        json!({"input": "a", "dimensions": 5000}),
        json!({"input": "a", "encoding_format": "hex"}),
    ] {
        assert_eq!(embeddings(body.to_string().as_bytes()).unwrap_err().kind, Kind::InvalidRequest, "{body}");
    }
    assert_eq!(embeddings(b"{").unwrap_err().kind, Kind::InvalidJson);
}

#[test]
fn it_lists_one_model() {
    let entries = models::fixed("echo", MODELS, STAMP.now);
    assert_eq!(
        entries,
        [json!({"id": "echo/any", "object": "model", "created": 1_700_000_000, "owned_by": "echo"})]
    );
}
