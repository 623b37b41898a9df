//! The next turn: a client sends back what it got, as the vendors' SDKs do, and the state of the model's reasoning has
//! to reach the upstream that it came from unchanged, also by way of dialects that have no place for it.

use crate::CLIENTS;
use crate::answers::context;
use crate::judge::{cases, list, text};
use serde_json::{Value, json};
use wharf_wire::Format;
use wharf_wire::chat::{Quirks, ReasoningReplay, Target};
use wharf_wire::translate::{Said, gather, read_request, whole, write_request};

/// What the cases have for state: its format, the feature that shows it, and the state.
const STATES: [(Format, &str, &str); 5] = [
    (Format::AnthropicMessages, "reasoning", "c2lnbmF0dXJl"),
    (Format::BedrockConverse, "reasoning", "c2lnbmF0dXJl"),
    (Format::GeminiGenerate, "tools", "c2lnbmF0dXJl"),
    (Format::GeminiGenerate, "parallel tools", "c2lnbmF0dXJl"),
    (Format::OpenAiResponses, "reasoning", "gAAAAABcase"),
];

#[test]
fn a_models_state_comes_back_unchanged_through_every_dialect() {
    let mut wrong = Vec::new();
    for (format, feature, state) in STATES {
        let answers: Value = serde_json::from_str(cases::answers(format)).unwrap();
        let case = &answers[feature][0];
        let events = cases::framed(format, list(case, "stream"));
        let plain = case["plain"].to_string().into_bytes();
        for dialect in CLIENTS {
            let got = [
                ("plain", whole(format, dialect, &plain, false, &context()).unwrap()),
                ("gathered", gather(format, dialect, &events, &context()).unwrap()),
            ];
            for (how, got) in got {
                let answer: Value = serde_json::from_slice(&got.body).unwrap();
                let body = asked_on(dialect, &answer).to_string();
                let said = Said { model: Some("a-model"), ..Said::default() };
                let request = match read_request(dialect, body.as_bytes(), &said) {
                    Ok(request) => request,
                    Err(invalid) => {
                        wrong.push(format!("{format} by {dialect}, {feature}, {how}: {invalid}"));
                        continue;
                    }
                };
                let quirks = Quirks { replay: ReasoningReplay::Details, ..Quirks::default() };
                let target = Target { model: "a-model", stream: false, quirks: &quirks };
                let written = write_request(format, &request, &target).unwrap();
                let out = String::from_utf8(written.body).unwrap();
                if out.matches(state).count() != 1 || out.contains("wharf1.") {
                    wrong.push(format!("{format} by {dialect}, {feature}, {how}: {body}\n  became {out}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of the states got lost:\n{}", wrong.len(), wrong.join("\n"));
}

const ASK: &str = "What is the weather?";
const ON: &str = "Go on.";
const RESULT: &str = "sunny";

/// A request that holds the answer as its dialect's SDKs put it into the next one.
fn asked_on(dialect: Format, answer: &Value) -> Value {
    match dialect {
        Format::OpenAiChat => {
            let message = &answer["choices"][0]["message"];
            let mut messages = vec![json!({"role": "user", "content": ASK}), message.clone()];
            messages.extend(
                list(message, "tool_calls")
                    .iter()
                    .map(|call| json!({"role": "tool", "tool_call_id": call["id"], "content": RESULT})),
            );
            messages.push(json!({"role": "user", "content": ON}));
            json!({"model": "m", "messages": messages, "reasoning_effort": "low"})
        }
        Format::OpenAiResponses => {
            let mut input = vec![json!({"role": "user", "content": ASK})];
            let output = list(answer, "output");
            input.extend(output.iter().cloned());
            let calls = output.iter().filter(|item| text(item, "type") == "function_call");
            input.extend(calls.map(
                |call| json!({"type": "function_call_output", "call_id": call["call_id"], "output": RESULT}),
            ));
            input.push(json!({"role": "user", "content": ON}));
            json!({"model": "m", "input": input, "store": false, "reasoning": {"effort": "low"}})
        }
        Format::AnthropicMessages => {
            let calls = list(answer, "content").iter().filter(|block| text(block, "type") == "tool_use");
            let mut next: Vec<Value> = calls
                .map(|call| json!({"type": "tool_result", "tool_use_id": call["id"], "content": RESULT}))
                .collect();
            next.push(json!({"type": "text", "text": ON}));
            json!({"model": "m", "max_tokens": 5000, "thinking": {"type": "enabled", "budget_tokens": 2048}, "messages": [
                {"role": "user", "content": ASK},
                {"role": "assistant", "content": answer["content"]},
                {"role": "user", "content": next},
            ]})
        }
        _ => {
            let content = &answer["candidates"][0]["content"];
            let calls = list(content, "parts").iter().filter_map(|part| part.get("functionCall"));
            let mut next: Vec<Value> = calls
                .map(|call| {
                    let mut response = json!({"name": call["name"], "response": {"result": RESULT}});
                    if let Some(id) = call.get("id") {
                        response["id"] = id.clone();
                    }
                    json!({"functionResponse": response})
                })
                .collect();
            next.push(json!({"text": ON}));
            json!({"contents": [{"role": "user", "parts": [{"text": ASK}]}, content, {"role": "user", "parts": next}]})
        }
    }
}
