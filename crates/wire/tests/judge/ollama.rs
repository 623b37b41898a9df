//! Ollama's own chat.

use super::{Answer, Call, Choice, Counts, Reading, Why, list, text};
use serde_json::Value;

fn add(line: &Value, choice: &mut Choice) {
    let message = &line["message"];
    choice.text.push_str(text(message, "content"));
    choice.reasoning.push_str(text(message, "thinking"));
    for call in list(message, "tool_calls") {
        let function = &call["function"];
        choice.calls.push(Call::of(text(function, "name"), &function["arguments"]));
    }
}

/// Reads a whole answer.
pub(crate) fn plain(body: &Value) -> Reading {
    lines(std::slice::from_ref(body))
}

/// Reads a stream: a JSON value per line.
pub(crate) fn streamed(stream: &str) -> Reading {
    let values: Vec<Value> = stream.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    lines(&values)
}

fn lines(lines: &[Value]) -> Reading {
    let mut choice = Choice::default();
    for line in lines {
        let error = text(line, "error");
        if !error.is_empty() {
            return Reading::Failed(error.to_owned());
        }
        add(line, &mut choice);
        if line["done"] == true {
            choice.why = match text(line, "done_reason") {
                "length" => Why::Length,
                _ => Why::Stop,
            };
            return Reading::Whole(Answer { choices: vec![choice.settled()], usage: Counts::of(line) });
        }
    }
    if lines.iter().any(|line| line.get("message").is_some()) { Reading::Cut } else { Reading::Other }
}
