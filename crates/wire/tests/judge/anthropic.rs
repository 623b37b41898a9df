//! Anthropic's Messages.

use super::frames::Sent;
use super::{Answer, Call, Choice, Counts, Reading, Why, hold, list, message, need, overlay, text};
use serde_json::{Map, Value};

pub(super) fn why(word: &str) -> Why {
    match word {
        "" => Why::Unknown,
        "end_turn" | "stop_sequence" | "pause_turn" => Why::Stop,
        "tool_use" => Why::Calls,
        "max_tokens" | "model_context_window_exceeded" => Why::Length,
        "refusal" => Why::Filter,
        // Words of betas.
        _ => Why::Stop,
    }
}

fn block(block: &Value, choice: &mut Choice) {
    match text(block, "type") {
        "text" => choice.text.push_str(text(block, "text")),
        "thinking" => choice.reasoning.push_str(text(block, "thinking")),
        "tool_use" => choice.calls.push(Call::of(text(block, "name"), &block["input"])),
        _ => {}
    }
}

/// Reads a whole answer.
pub(crate) fn plain(body: &Value) -> Reading {
    if text(body, "type") == "error" {
        return Reading::Failed(message(body).unwrap_or_default());
    }
    if text(body, "type") != "message" {
        return Reading::Other;
    }
    let mut choice = Choice { why: why(text(body, "stop_reason")), ..Choice::default() };
    list(body, "content").iter().for_each(|part| block(part, &mut choice));
    Reading::Whole(Answer { choices: vec![choice.settled()], usage: Counts::of(&body["usage"]) })
}

/// Reads a stream.
pub(crate) fn streamed(events: &[Sent]) -> Reading {
    let (mut choice, mut usage, mut done) = (Choice::default(), Map::new(), false);
    let mut begun = false;
    let mut open: Vec<(u64, Value, String)> = Vec::new();
    for event in events {
        let data = event.value();
        match text(&data, "type") {
            "error" => return Reading::Failed(message(&data).unwrap_or_default()),
            // A proxy has put a second answer where the first broke off.
            "message_start" if begun => return Reading::Cut,
            "message_start" => overlay(&mut usage, data.pointer("/message/usage")),
            "content_block_start" => {
                begun = true;
                let start = data["content_block"].clone();
                choice.text.push_str(if text(&start, "type") == "text" { text(&start, "text") } else { "" });
                open.push((data["index"].as_u64().unwrap_or(0), start, String::new()));
            }
            "content_block_delta" => {
                let delta = &data["delta"];
                match text(delta, "type") {
                    "text_delta" => choice.text.push_str(text(delta, "text")),
                    "thinking_delta" => choice.reasoning.push_str(text(delta, "thinking")),
                    "input_json_delta" => {
                        if let Some((.., input)) = open.iter_mut().find(|(index, ..)| data["index"] == *index)
                        {
                            input.push_str(text(delta, "partial_json"));
                        }
                    }
                    _ => {}
                }
            }
            "content_block_stop" => {
                if let Some(at) = open.iter().position(|(index, ..)| data["index"] == *index) {
                    let (_, start, input) = open.remove(at);
                    if text(&start, "type") == "tool_use" {
                        let name = text(&start, "name");
                        choice.calls.push(match &*input {
                            "" => Call::of(name, &start["input"]),
                            input => Call::of_text(name, input),
                        });
                    }
                }
            }
            "message_delta" => {
                overlay(&mut usage, data.get("usage"));
                choice.why = why(text(&data["delta"], "stop_reason"));
            }
            "message_stop" => {
                done = true;
                break;
            }
            _ => {}
        }
    }
    if !done {
        return Reading::Cut;
    }
    Reading::Whole(Answer { choices: vec![choice.settled()], usage: Counts::of(&Value::Object(usage)) })
}

const KINDS: [&str; 4] = ["text", "thinking", "redacted_thinking", "tool_use"];

/// The members that an answer must have: <https://platform.claude.com/docs/en/api/messages>.
pub(crate) fn check_whole(body: &Value) -> Result<(), String> {
    let needed = ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"];
    need(body, &needed, "the answer")?;
    hold(body["type"] == "message" && body["role"] == "assistant", || "type or role".to_owned())?;
    hold(!text(body, "id").is_empty(), || "the id is empty".to_owned())?;
    check_reason(&body["stop_reason"])?;
    check_usage(&body["usage"])?;
    for block in list(body, "content") {
        check_block(block)?;
        hold(block["text"] != "", || "an empty text block".to_owned())?;
    }
    Ok(())
}

fn check_block(block: &Value) -> Result<(), String> {
    let kind = text(block, "type");
    hold(KINDS.contains(&kind), || format!("a block of the kind {kind}"))?;
    need(
        block,
        match kind {
            "text" => &["text"],
            "thinking" => &["thinking", "signature"],
            "redacted_thinking" => &["data"],
            _ => &["id", "name", "input"],
        },
        kind,
    )?;
    if kind == "tool_use" {
        hold(block["input"].is_object(), || "input is no object".to_owned())?;
        hold(!text(block, "id").is_empty(), || "a call without id".to_owned())?;
    }
    Ok(())
}

fn check_reason(reason: &Value) -> Result<(), String> {
    let words = [
        "end_turn",
        "max_tokens",
        "stop_sequence",
        "tool_use",
        "pause_turn",
        "refusal",
        "model_context_window_exceeded",
    ];
    hold(reason.as_str().is_some_and(|word| words.contains(&word)), || format!("stop_reason {reason}"))
}

fn check_usage(usage: &Value) -> Result<(), String> {
    hold(usage["input_tokens"].is_u64() && usage["output_tokens"].is_u64(), || format!("usage {usage}"))
}

/// Which part of a stream is next.
#[derive(Default, PartialEq)]
enum At {
    #[default]
    Start,
    Blocks,
    Stop,
    End,
}

/// The grammar of a stream: <https://platform.claude.com/docs/en/build-with-claude/streaming>.
#[derive(Default)]
struct Grammar {
    at: At,
    next: u64,
    open: Option<(String, bool)>,
}

/// Checks a stream and reads it.
pub(crate) fn check_stream(events: &[Sent]) -> Result<(Option<Answer>, Option<String>), String> {
    let mut grammar = Grammar::default();
    for (at, event) in events.iter().enumerate() {
        let data = event.value();
        let kind = text(&data, "type");
        hold(event.name == kind, || format!("the event {} holds {kind}", event.name))?;
        if kind == "error" {
            hold(at + 1 == events.len(), || "something follows the error".to_owned())?;
            need(&data["error"], &["type", "message"], "the error")?;
            return Ok((None, Some(text(&data["error"], "message").to_owned())));
        }
        grammar.event(kind, &data)?;
    }
    hold(grammar.at == At::End, || "no message_stop".to_owned())?;
    match streamed(events) {
        Reading::Whole(answer) => Ok((Some(answer), None)),
        other => Err(format!("the stream reads as {other:?}")),
    }
}

impl Grammar {
    fn event(&mut self, kind: &str, data: &Value) -> Result<(), String> {
        match (kind, &self.at) {
            ("ping", _) => Ok(()),
            ("message_start", At::Start) => {
                self.at = At::Blocks;
                let message = &data["message"];
                let needed = ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence"];
                need(message, &needed, "message_start")?;
                hold(list(message, "content").is_empty(), || "message_start with content".to_owned())?;
                hold(message["stop_reason"].is_null(), || "message_start with a reason".to_owned())?;
                hold(!text(message, "id").is_empty(), || "the id is empty".to_owned())?;
                check_usage(&message["usage"])
            }
            ("content_block_start" | "content_block_delta" | "content_block_stop", At::Blocks) => {
                self.block(kind, data)
            }
            ("message_delta", At::Blocks) => {
                hold(self.open.is_none(), || "message_delta inside a block".to_owned())?;
                self.at = At::Stop;
                need(&data["delta"], &["stop_reason", "stop_sequence"], "message_delta")?;
                check_reason(&data["delta"]["stop_reason"])?;
                hold(data["usage"]["output_tokens"].is_u64(), || "message_delta without usage".to_owned())
            }
            ("message_stop", At::Stop) => {
                self.at = At::End;
                Ok(())
            }
            _ => Err(format!("{kind} in the wrong place")),
        }
    }

    fn block(&mut self, kind: &str, data: &Value) -> Result<(), String> {
        let index = data["index"].as_u64().ok_or("a block without index")?;
        if kind == "content_block_start" {
            hold(self.open.is_none(), || format!("block {index} begins inside another"))?;
            hold(index == self.next, || format!("block {index} instead of {}", self.next))?;
            let block = &data["content_block"];
            check_block(block)?;
            let empty = text(block, "text").is_empty() && text(block, "thinking").is_empty();
            hold(empty, || "a block begins with text".to_owned())?;
            self.open = Some((text(block, "type").to_owned(), false));
            return Ok(());
        }
        let Some((open, signed)) = &mut self.open else { return Err(format!("{kind} outside a block")) };
        hold(index == self.next, || format!("{kind} of block {index} in block {}", self.next))?;
        if kind == "content_block_stop" {
            self.open = None;
            self.next += 1;
            return Ok(());
        }
        let delta = &data["delta"];
        match (text(delta, "type"), &**open) {
            // Whether the pieces of an input make an object, its reading tells: a model may have broken off.
            ("text_delta" | "citations_delta", "text") | ("input_json_delta", "tool_use") => Ok(()),
            ("thinking_delta", "thinking") => hold(!*signed, || "thinking behind its signature".to_owned()),
            ("signature_delta", "thinking") => {
                *signed = true;
                hold(!text(delta, "signature").is_empty(), || "an empty signature".to_owned())
            }
            (delta, block) => Err(format!("{delta} in a block of the kind {block}")),
        }
    }
}
