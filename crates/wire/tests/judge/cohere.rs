//! Cohere's v2 chat.

use super::{Answer, Call, Choice, Counts, Reading, Why, list, overlay, text};
use serde_json::{Map, Value};

fn why(word: &str) -> Why {
    match word {
        "" => Why::Unknown,
        "COMPLETE" | "STOP_SEQUENCE" => Why::Stop,
        "TOOL_CALL" => Why::Calls,
        "MAX_TOKENS" => Why::Length,
        _ => Why::Error,
    }
}

fn content(part: &Value, choice: &mut Choice) {
    choice.text.push_str(text(part, "text"));
    choice.reasoning.push_str(text(part, "thinking"));
}

/// Reads a whole answer. The plan before the calls is reasoning.
pub(crate) fn plain(body: &Value) -> Reading {
    let Some(message) = body.get("message").filter(|message| message.is_object()) else {
        return match text(body, "message") {
            "" => Reading::Other,
            words => Reading::Failed(words.to_owned()),
        };
    };
    let mut choice = Choice { why: why(text(body, "finish_reason")), ..Choice::default() };
    choice.reasoning.push_str(text(message, "tool_plan"));
    match &message["content"] {
        Value::String(words) => choice.text.push_str(words),
        _ => list(message, "content").iter().for_each(|part| content(part, &mut choice)),
    }
    for call in list(message, "tool_calls") {
        let function = &call["function"];
        choice.calls.push(Call::of_text(text(function, "name"), text(function, "arguments")));
    }
    Reading::Whole(Answer { choices: vec![choice.settled()], usage: Counts::of(&body["usage"]) })
}

/// Reads a stream.
pub(crate) fn streamed(events: &[Value]) -> Reading {
    let (mut choice, mut usage, mut done) = (Choice::default(), Map::new(), false);
    let mut calls: Vec<(String, String)> = Vec::new();
    for event in events {
        let message = &event["delta"]["message"];
        match text(event, "type") {
            "content-start" | "content-delta" => content(&message["content"], &mut choice),
            "tool-plan-delta" => choice.reasoning.push_str(text(message, "tool_plan")),
            "tool-call-start" => {
                let function = &message["tool_calls"]["function"];
                calls.push((text(function, "name").to_owned(), text(function, "arguments").to_owned()));
            }
            "tool-call-delta" => {
                if let Some((_, arguments)) = calls.last_mut() {
                    arguments.push_str(text(&message["tool_calls"]["function"], "arguments"));
                }
            }
            "message-end" => {
                done = true;
                choice.why = why(text(&event["delta"], "finish_reason"));
                overlay(&mut usage, event["delta"].get("usage"));
                if let Some(words) = event["delta"].get("error").and_then(Value::as_str) {
                    return Reading::Failed(words.to_owned());
                }
            }
            _ => {}
        }
    }
    choice.calls.extend(calls.iter().map(|(name, arguments)| Call::of_text(name, arguments)));
    if !done {
        return if events.is_empty() { Reading::Other } else { Reading::Cut };
    }
    Reading::Whole(Answer { choices: vec![choice.settled()], usage: Counts::of(&Value::Object(usage)) })
}
