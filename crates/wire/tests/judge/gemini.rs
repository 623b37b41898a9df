//! Gemini's generateContent, at Google AI Studio and Vertex AI.

use super::frames::Sent;
use super::{Answer, Call, Choice, Counts, Reading, Why, hold, list, message, need, overlay, text};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

fn why(word: &Value) -> Why {
    match word {
        Value::String(word) => match &**word {
            "STOP" => Why::Stop,
            "MAX_TOKENS" => Why::Length,
            "SAFETY"
            | "RECITATION"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION"
            | "LANGUAGE"
            | "MODEL_ARMOR" => Why::Filter,
            _ => Why::Error,
        },
        // `enum-encoding=int`.
        Value::Number(number) => match number.as_u64() {
            Some(1) => Why::Stop,
            Some(2) => Why::Length,
            Some(3 | 4 | 6 | 7 | 8 | 9 | 11) => Why::Filter,
            _ => Why::Error,
        },
        _ => Why::Unknown,
    }
}

#[derive(Default)]
struct State {
    choice: Choice,
    /// A call whose arguments come in pieces.
    open: Option<Call>,
}

impl State {
    fn part(&mut self, part: &Value) {
        if let Some(said) = part.get("text").and_then(Value::as_str) {
            let thought = part["thought"] == true;
            if thought { &mut self.choice.reasoning } else { &mut self.choice.text }.push_str(said);
        }
        let Some(call) = part.get("functionCall") else { return };
        if let Some(name) = call.get("name").and_then(Value::as_str) {
            self.close();
            self.open = Some(Call::of(name, call.get("args").unwrap_or(&Value::Null)));
        }
        if let Some(open) = &mut self.open {
            list(call, "partialArgs").iter().for_each(|piece| put(&mut open.arguments, piece));
        }
        if call["willContinue"] != true {
            self.close();
        }
    }

    fn close(&mut self) {
        self.choice.calls.extend(self.open.take());
    }
}

/// Puts one piece of arguments where its path says: `$.items[0].name`.
fn put(arguments: &mut Value, piece: &Value) {
    let mut place = arguments;
    for step in text(piece, "jsonPath").trim_start_matches('$').split('.') {
        let mut names = step.split('[');
        if let Some(name) = names.next().filter(|name| !name.is_empty()) {
            if !place.is_object() {
                *place = json!({});
            }
            place = &mut place[name];
        }
        for index in names {
            let inner = index.trim_end_matches(']');
            match inner.parse::<usize>() {
                Ok(index) => {
                    if !place.is_array() {
                        *place = json!([]);
                    }
                    if let Some(items) = place.as_array_mut() {
                        while items.len() <= index {
                            items.push(Value::Null);
                        }
                    }
                    place = &mut place[index];
                }
                Err(_) => place = &mut place[inner.trim_matches(['\'', '"'])],
            }
        }
    }
    if let Some(more) = piece.get("stringValue").and_then(Value::as_str) {
        *place = Value::String([place.as_str().unwrap_or_default(), more].concat());
    }
    for name in ["numberValue", "boolValue"] {
        if let Some(value) = piece.get(name) {
            *place = value.clone();
        }
    }
    if piece.get("nullValue").is_some() {
        *place = Value::Null;
    }
}

/// Reads chunks, of which a whole answer is one.
pub(crate) fn streamed(chunks: &[Value]) -> Reading {
    let mut states: BTreeMap<u64, State> = BTreeMap::new();
    let mut usage = Map::new();
    let mut blocked = false;
    for chunk in chunks {
        if chunk.get("error").is_some() {
            return Reading::Failed(message(chunk).unwrap_or_default());
        }
        // Counts so far: those of the last chunk hold.
        if chunk["usageMetadata"].get("promptTokenCount").is_some() {
            usage.clear();
        }
        overlay(&mut usage, chunk.get("usageMetadata"));
        blocked |= chunk.pointer("/promptFeedback/blockReason").is_some();
        for candidate in list(chunk, "candidates") {
            let index = candidate["index"].as_u64().unwrap_or(0);
            let state = states.entry(index).or_default();
            state.choice.index = index;
            list(&candidate["content"], "parts").iter().for_each(|part| state.part(part));
            let word = why(&candidate["finishReason"]);
            if word != Why::Unknown {
                state.choice.why = word;
            }
        }
    }
    if blocked && states.is_empty() {
        let choice = Choice { why: Why::Filter, ..Choice::default() };
        states.insert(0, State { choice, open: None });
    }
    if states.is_empty() {
        return Reading::Other;
    }
    let choices: Vec<Choice> = states
        .into_values()
        .map(|mut state| {
            state.close();
            state.choice.settled()
        })
        .collect();
    if choices.iter().any(|choice| choice.why == Why::Unknown) {
        return Reading::Cut;
    }
    Reading::Whole(Answer { choices, usage: Counts::of(&Value::Object(usage)) })
}

/// Reads a whole answer; an array is a stream that came whole.
pub(crate) fn plain(body: &Value) -> Reading {
    match body {
        Value::Array(chunks) => streamed(chunks),
        one => streamed(std::slice::from_ref(one)),
    }
}

/// What an answer must have: <https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse>.
pub(crate) fn check_whole(body: &Value) -> Result<(), String> {
    need(body, &["candidates"], "the answer")?;
    for candidate in list(body, "candidates") {
        check_candidate(candidate)?;
        check_reason(&candidate["finishReason"])?;
    }
    check_usage(&body["usageMetadata"])
}

fn check_usage(usage: &Value) -> Result<(), String> {
    hold(usage.is_null() || usage.is_object(), || "usageMetadata is no object".to_owned())
}

fn check_reason(reason: &Value) -> Result<(), String> {
    let words = ["STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER", "PROHIBITED_CONTENT", "BLOCKLIST"];
    hold(reason.as_str().is_some_and(|word| words.contains(&word)), || format!("finishReason {reason}"))
}

fn check_candidate(candidate: &Value) -> Result<(), String> {
    let content = &candidate["content"];
    if !content.is_null() {
        hold(content["role"] == "model", || format!("the role {}", content["role"]))?;
    }
    for part in list(content, "parts") {
        let known = ["text", "thought", "thoughtSignature", "functionCall", "inlineData", "fileData"];
        if let Some(name) = part
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .find(|name| !known.contains(&&***name))
        {
            return Err(format!("a part with `{name}`"));
        }
        let kinds = ["text", "functionCall", "inlineData", "fileData"];
        hold(kinds.iter().filter(|kind| part.get(**kind).is_some()).count() == 1, || {
            format!("the part {part:.80}")
        })?;
        if let Some(call) = part.get("functionCall") {
            hold(!text(call, "name").is_empty(), || "a call without name".to_owned())?;
            hold(call.get("args").is_none_or(Value::is_object), || "args is no object".to_owned())?;
        }
    }
    Ok(())
}

/// The grammar of a stream: <https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent>.
pub(crate) fn check_stream(events: &[Sent]) -> Result<(Option<Answer>, Option<String>), String> {
    hold(events.iter().all(|event| event.name.is_empty()), || "an event with a name".to_owned())?;
    check_chunks(&events.iter().map(Sent::value).collect::<Vec<_>>())
}

/// The same for a stream without `alt=sse`, which is one JSON array.
pub(crate) fn check_array(body: &[u8]) -> Result<(Option<Answer>, Option<String>), String> {
    match serde_json::from_slice(body) {
        Ok(Value::Array(chunks)) => check_chunks(&chunks),
        Ok(_) => Err("the stream is no array".to_owned()),
        Err(error) => Err(format!("the array is no JSON: {error}")),
    }
}

fn check_chunks(chunks: &[Value]) -> Result<(Option<Answer>, Option<String>), String> {
    let mut ended: Vec<u64> = Vec::new();
    for (at, chunk) in chunks.iter().enumerate() {
        if let Some(error) = chunk.get("error") {
            hold(at + 1 == chunks.len(), || "something follows the error".to_owned())?;
            need(error, &["code", "message", "status"], "the error")?;
            return Ok((None, Some(text(error, "message").to_owned())));
        }
        hold(chunk.get("candidates").is_some() || chunk.get("usageMetadata").is_some(), || {
            "a chunk without candidates".to_owned()
        })?;
        for candidate in list(chunk, "candidates") {
            check_candidate(candidate)?;
            let index = candidate["index"].as_u64().unwrap_or(0);
            hold(!ended.contains(&index), || format!("candidate {index} goes on behind its end"))?;
            if candidate.get("finishReason").is_some() {
                check_reason(&candidate["finishReason"])?;
                ended.push(index);
            }
        }
        check_usage(&chunk["usageMetadata"])?;
    }
    match streamed(chunks) {
        Reading::Whole(answer) => Ok((Some(answer), None)),
        other => Err(format!("the stream reads as {other:?}")),
    }
}
