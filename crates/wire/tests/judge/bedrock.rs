//! Bedrock's Converse, and AWS's binary frames: reading them, and writing them for recordings that have lost theirs.

use super::{Answer, Call, Choice, Counts, Reading, Why, list, overlay, text};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

fn why(word: &str) -> Why {
    match word {
        "" => Why::Unknown,
        "end_turn" | "stop_sequence" => Why::Stop,
        "tool_use" => Why::Calls,
        "max_tokens" | "model_context_window_exceeded" => Why::Length,
        "content_filtered" | "guardrail_intervened" => Why::Filter,
        _ => Why::Error,
    }
}

/// Reads a whole answer.
pub(crate) fn plain(body: &Value) -> Reading {
    let Some(message) = body.pointer("/output/message") else {
        return match text(body, "message") {
            "" => Reading::Other,
            words => Reading::Failed(words.to_owned()),
        };
    };
    let mut choice = Choice { why: why(text(body, "stopReason")), ..Choice::default() };
    for block in list(message, "content") {
        choice.text.push_str(text(block, "text"));
        choice.reasoning.push_str(text(&block["reasoningContent"]["reasoningText"], "text"));
        let cited = list(&block["citationsContent"], "content");
        cited.iter().for_each(|part| choice.text.push_str(text(part, "text")));
        let tool = &block["toolUse"];
        // What the vendor's own tools did is no call of ours to answer.
        if tool.is_object() && text(tool, "type") != "server_tool_use" {
            choice.calls.push(Call::of(text(tool, "name"), &tool["input"]));
        }
    }
    Reading::Whole(Answer { choices: vec![choice.settled()], usage: Counts::of(&body["usage"]) })
}

/// Reads a stream of binary frames.
pub(crate) fn streamed(body: &[u8]) -> Reading {
    let Some(frames) = unframe(body) else { return Reading::Failed("a broken frame".to_owned()) };
    let (mut choice, mut usage) = (Choice::default(), Map::new());
    let mut calls: BTreeMap<u64, (String, String)> = BTreeMap::new();
    for (name, exception, payload) in frames {
        let index = payload["contentBlockIndex"].as_u64().unwrap_or(0);
        if exception {
            return Reading::Failed(text(&payload, "message").to_owned());
        }
        match &*name {
            "contentBlockStart" => {
                let tool = &payload["start"]["toolUse"];
                if tool.is_object() && text(tool, "type") != "server_tool_use" {
                    calls.insert(index, (text(tool, "name").to_owned(), String::new()));
                }
            }
            "contentBlockDelta" => {
                let delta = &payload["delta"];
                choice.text.push_str(text(delta, "text"));
                choice.reasoning.push_str(text(&delta["reasoningContent"], "text"));
                if let Some((_, input)) = calls.get_mut(&index) {
                    input.push_str(text(&delta["toolUse"], "input"));
                }
            }
            "messageStop" => choice.why = why(text(&payload, "stopReason")),
            "metadata" => overlay(&mut usage, payload.get("usage")),
            _ => {}
        }
    }
    if choice.why == Why::Unknown {
        return Reading::Cut;
    }
    choice.calls.extend(calls.into_values().map(|(name, input)| Call::of_text(&name, &input)));
    Reading::Whole(Answer { choices: vec![choice.settled()], usage: Counts::of(&Value::Object(usage)) })
}

type Frame = (String, bool, Value);

/// Cuts frames: <https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html>.
fn unframe(mut body: &[u8]) -> Option<Vec<Frame>> {
    let number = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 4)?.try_into().ok().map(|four| u32::from_be_bytes(four) as usize)
    };
    let mut out = Vec::new();
    while !body.is_empty() {
        let (length, headers) = (number(body, 0)?, number(body, 4)?);
        let mut header = body.get(12..12 + headers)?;
        let payload = body.get(12 + headers..length.checked_sub(4)?)?;
        let (mut name, mut exception) = (String::new(), false);
        while let [size, rest @ ..] = header {
            let key = rest.get(..usize::from(*size))?;
            // Type 7 is a string; Bedrock writes no other.
            let [7, high, low, rest @ ..] = rest.get(usize::from(*size)..)? else { return None };
            let size = usize::from(u16::from_be_bytes([*high, *low]));
            let value = String::from_utf8_lossy(rest.get(..size)?).into_owned();
            match key {
                b":event-type" | b":exception-type" => name = value,
                b":message-type" => exception = value != "event",
                _ => {}
            }
            header = rest.get(size..)?;
        }
        out.push((name, exception, serde_json::from_slice(payload).ok()?));
        body = body.get(length..)?;
    }
    Some(out)
}

/// Frames for a recording that only kept `{eventType: payload}` lines.
pub(crate) fn framed(lines: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines.lines() {
        let Ok(Value::Object(members)) = serde_json::from_str(line) else { continue };
        for (name, payload) in members {
            let kind = if name.ends_with("xception") { "exception" } else { "event" };
            out.extend(frame(kind, &name, payload.to_string().as_bytes()));
        }
    }
    out
}

/// One frame.
pub(crate) fn frame(kind: &str, name: &str, payload: &[u8]) -> Vec<u8> {
    let mut headers = Vec::new();
    let named = if kind == "event" { ":event-type" } else { ":exception-type" };
    for (key, value) in [(named, name), (":content-type", "application/json"), (":message-type", kind)] {
        headers.push(u8::try_from(key.len()).unwrap_or_default());
        headers.extend_from_slice(key.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap_or_default().to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let size = |bytes: usize| u32::try_from(bytes).unwrap_or_default().to_be_bytes();
    let mut out = Vec::from(size(16 + headers.len() + payload.len()));
    out.extend(size(headers.len()));
    out.extend(crc32(&out).to_be_bytes());
    out.extend(headers);
    out.extend_from_slice(payload);
    out.extend(crc32(&out).to_be_bytes());
    out
}

/// The usual CRC-32, bit by bit: <https://www.rfc-editor.org/rfc/rfc1952#section-8>.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}
