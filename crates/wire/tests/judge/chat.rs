//! OpenAI chat completions and all who follow them.

use super::frames::Sent;
use super::{Answer, Call, Choice, Counts, Reading, Why, hold, list, message, need, overlay, text};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

fn why(word: &str) -> Why {
    match word {
        "" => Why::Unknown,
        "stop" => Why::Stop,
        "tool_calls" | "function_call" => Why::Calls,
        "length" | "model_length" => Why::Length,
        "content_filter" => Why::Filter,
        _ => Why::Error,
    }
}

/// Adds what a message or a delta says beside its calls.
fn say(message: &Value, choice: &mut Choice) {
    choice.refusal.push_str(text(message, "refusal"));
    match message.get("content") {
        Some(Value::String(content)) => choice.text.push_str(content),
        Some(Value::Array(parts)) => {
            for part in parts {
                match text(part, "type") {
                    "text" | "output_text" => choice.text.push_str(text(part, "text")),
                    "refusal" => choice.refusal.push_str(text(part, "refusal")),
                    // Mistral: a list of texts, or one.
                    "thinking" => match part.get("thinking") {
                        Some(Value::String(thought)) => choice.reasoning.push_str(thought),
                        _ => list(part, "thinking")
                            .iter()
                            .for_each(|inner| choice.reasoning.push_str(text(inner, "text"))),
                    },
                    _ => {}
                }
            }
        }
        // A spoken answer: what was said stands beside the sound.
        _ => choice.text.push_str(text(&message["audio"], "transcript")),
    }
    let plain = [text(message, "reasoning_content"), text(message, "reasoning")];
    match plain.into_iter().find(|thought| !thought.is_empty()) {
        Some(thought) => choice.reasoning.push_str(thought),
        None => {
            for detail in list(message, "reasoning_details") {
                choice.reasoning.push_str(text(detail, "text"));
                choice.reasoning.push_str(text(detail, "summary"));
            }
        }
    }
}

fn call(call: &Value) -> Call {
    if text(call, "type") == "custom" {
        return Call::custom(text(&call["custom"], "name"), text(&call["custom"], "input"));
    }
    let function = &call["function"];
    match function.get("arguments") {
        Some(Value::String(arguments)) => Call::of_text(text(function, "name"), arguments),
        other => Call::of(text(function, "name"), other.unwrap_or(&Value::Null)),
    }
}

/// Reads a whole answer.
pub(crate) fn plain(body: &Value) -> Reading {
    if body.get("error").is_some_and(|error| !error.is_null()) {
        return Reading::Failed(message(body).unwrap_or_default());
    }
    let Some(choices) = body.get("choices").and_then(Value::as_array) else { return Reading::Other };
    let mut answer = Answer { usage: Counts::of(&body["usage"]), ..Answer::default() };
    for (at, said) in choices.iter().enumerate() {
        let mut choice = Choice {
            index: said["index"].as_u64().unwrap_or(at as u64),
            why: why(text(said, "finish_reason")),
            ..Choice::default()
        };
        let message = &said["message"];
        say(message, &mut choice);
        choice.calls.extend(list(message, "tool_calls").iter().map(call));
        let old = &message["function_call"];
        if old.is_object() {
            choice.calls.push(Call::of_text(text(old, "name"), text(old, "arguments")));
        }
        answer.choices.push(choice.settled());
    }
    Reading::Whole(answer)
}

/// A call that comes in pieces.
#[derive(Default)]
struct Growing {
    index: u64,
    id: String,
    name: String,
    arguments: String,
    custom: bool,
}

#[derive(Default)]
struct State {
    choice: Choice,
    calls: Vec<Growing>,
}

impl State {
    fn grow(&mut self, piece: &Value, at: usize) {
        let index = piece["index"].as_u64().unwrap_or(at as u64);
        let (id, custom) = (text(piece, "id"), piece["custom"].is_object());
        let inner = if custom { &piece["custom"] } else { &piece["function"] };
        let name = text(inner, "name");
        let known = self.calls.iter().rposition(|call| call.index == index);
        let fresh = match known {
            None => true,
            Some(at) => {
                // Some servers number all calls 0: another id with a name is another call.
                let open = &self.calls[at];
                !id.is_empty() && !open.id.is_empty() && open.id != id && !name.is_empty()
            }
        };
        if fresh {
            self.calls.push(Growing { index, custom, ..Growing::default() });
        }
        let at = known.filter(|_| !fresh).unwrap_or(self.calls.len() - 1);
        let call = &mut self.calls[at];
        if call.id.is_empty() {
            id.clone_into(&mut call.id);
        }
        if call.name.is_empty() {
            name.clone_into(&mut call.name);
        }
        call.arguments.push_str(text(inner, if custom { "input" } else { "arguments" }));
        if inner["arguments"].is_object() {
            call.arguments = inner["arguments"].to_string();
        }
    }

    fn finished(self) -> Choice {
        let mut choice = self.choice;
        choice.calls.extend(self.calls.into_iter().map(|call| {
            if call.custom {
                Call::custom(&call.name, &call.arguments)
            } else {
                Call::of_text(&call.name, &call.arguments)
            }
        }));
        choice.settled()
    }
}

/// Reads a stream.
pub(crate) fn streamed(events: &[Sent]) -> Reading {
    let mut states: BTreeMap<u64, State> = BTreeMap::new();
    let mut usage = Map::new();
    let mut done = false;
    for event in events {
        if event.data.trim() == "[DONE]" {
            done = true;
            continue;
        }
        let chunk = event.value();
        if chunk.get("error").is_some_and(|error| !error.is_null()) {
            return Reading::Failed(message(&chunk).unwrap_or_default());
        }
        overlay(&mut usage, chunk.pointer("/x_groq/usage"));
        overlay(&mut usage, chunk.get("usage"));
        for said in list(&chunk, "choices") {
            let index = said["index"].as_u64().unwrap_or(0);
            let state = states.entry(index).or_default();
            state.choice.index = index;
            let delta = &said["delta"];
            say(delta, &mut state.choice);
            for (at, piece) in list(delta, "tool_calls").iter().enumerate() {
                state.grow(piece, at);
            }
            if state.choice.why == Why::Unknown {
                state.choice.why = why(text(said, "finish_reason"));
            }
        }
    }
    if states.is_empty() && events.is_empty() {
        return Reading::Other;
    }
    let choices: Vec<Choice> = states.into_values().map(State::finished).collect();
    if !done && choices.iter().any(|choice| choice.why == Why::Unknown) {
        return Reading::Cut;
    }
    Reading::Whole(Answer { choices, usage: Counts::of(&Value::Object(usage)) })
}

/// The members that an answer must have: <https://platform.openai.com/docs/api-reference/chat/object>.
pub(crate) fn check_whole(body: &Value) -> Result<(), String> {
    need(body, &["id", "object", "created", "model", "choices"], "the answer")?;
    hold(body["object"] == "chat.completion", || "object is not chat.completion".to_owned())?;
    hold(body["created"].is_u64(), || "created is no number".to_owned())?;
    hold(!text(body, "id").is_empty(), || "the id is empty".to_owned())?;
    for (at, choice) in list(body, "choices").iter().enumerate() {
        need(choice, &["index", "message", "finish_reason", "logprobs"], "a choice")?;
        hold(choice["index"] == at, || format!("choice {at} has the index {}", choice["index"]))?;
        let message = &choice["message"];
        need(message, &["role", "content", "refusal"], "a message")?;
        hold(message["role"] == "assistant", || "the role is not assistant".to_owned())?;
        check_reason(&choice["finish_reason"])?;
        for call in list(message, "tool_calls") {
            need(call, &["id", "type"], "a tool call")?;
            hold(!text(call, "id").is_empty(), || "a tool call without id".to_owned())?;
            hold(["function", "custom"].contains(&text(call, "type")), || "a call's type".to_owned())?;
        }
    }
    check_usage(&body["usage"])
}

fn check_reason(reason: &Value) -> Result<(), String> {
    let words = ["stop", "length", "tool_calls", "content_filter", "function_call"];
    hold(reason.as_str().is_some_and(|word| words.contains(&word)), || format!("finish_reason {reason}"))
}

fn check_usage(usage: &Value) -> Result<(), String> {
    if usage.is_null() {
        return Ok(());
    }
    need(usage, &["prompt_tokens", "completion_tokens", "total_tokens"], "usage")
}

/// What a stream has said so far.
#[derive(Default)]
struct Grammar {
    id: String,
    begun: Vec<u64>,
    ended: Vec<u64>,
    calls: BTreeMap<u64, u64>,
    usage: usize,
    done: bool,
}

/// The grammar of a stream: <https://platform.openai.com/docs/api-reference/chat-streaming>.
pub(crate) fn check_stream(events: &[Sent]) -> Result<(Option<Answer>, Option<String>), String> {
    let mut grammar = Grammar::default();
    for (at, event) in events.iter().enumerate() {
        hold(event.name.is_empty(), || format!("an event named {}", event.name))?;
        hold(!grammar.done, || "something follows [DONE]".to_owned())?;
        if event.data == "[DONE]" {
            grammar.done = true;
            continue;
        }
        let chunk = event.value();
        if let Some(error) = chunk.get("error") {
            hold(at + 1 == events.len(), || "something follows the error".to_owned())?;
            need(error, &["message", "type", "param", "code"], "the error")?;
            return Ok((None, Some(text(error, "message").to_owned())));
        }
        grammar.chunk(&chunk)?;
    }
    hold(grammar.done, || "no [DONE]".to_owned())?;
    hold(!grammar.begun.is_empty() && grammar.begun.len() == grammar.ended.len(), || {
        format!("{} choices began and {} ended", grammar.begun.len(), grammar.ended.len())
    })?;
    match streamed(events) {
        Reading::Whole(answer) => Ok((Some(answer), None)),
        other => Err(format!("the stream reads as {other:?}")),
    }
}

impl Grammar {
    fn chunk(&mut self, chunk: &Value) -> Result<(), String> {
        need(chunk, &["id", "object", "created", "model", "choices"], "a chunk")?;
        hold(chunk["object"] == "chat.completion.chunk", || format!("object {}", chunk["object"]))?;
        hold(!text(chunk, "id").is_empty(), || "a chunk without id".to_owned())?;
        if self.id.is_empty() {
            text(chunk, "id").clone_into(&mut self.id);
        }
        hold(self.id == text(chunk, "id"), || "the id changes".to_owned())?;
        let choices = list(chunk, "choices");
        if chunk["usage"].is_object() {
            self.usage += 1;
            hold(self.usage == 1, || "usage comes twice".to_owned())?;
            hold(choices.is_empty(), || "usage in a chunk with choices".to_owned())?;
            hold(self.begun.len() == self.ended.len(), || "usage before the end".to_owned())?;
            return check_usage(&chunk["usage"]);
        }
        hold(!choices.is_empty(), || "a chunk without choices and usage".to_owned())?;
        hold(self.usage == 0, || "a choice behind usage".to_owned())?;
        choices.iter().try_for_each(|choice| self.choice(choice))
    }

    fn choice(&mut self, choice: &Value) -> Result<(), String> {
        need(choice, &["index", "delta", "finish_reason"], "a choice")?;
        let index = choice["index"].as_u64().ok_or("a choice without index")?;
        let delta = &choice["delta"];
        hold(!self.ended.contains(&index), || format!("choice {index} goes on behind its end"))?;
        if self.begun.contains(&index) {
            hold(delta.get("role").is_none(), || "the role comes twice".to_owned())?;
        } else {
            hold(delta["role"] == "assistant", || format!("choice {index} begins without a role"))?;
            self.begun.push(index);
        }
        for call in list(delta, "tool_calls") {
            let number = call["index"].as_u64().ok_or("a call without index")?;
            let known = self.calls.entry(index).or_default();
            if number == *known {
                *known += 1;
                need(call, &["id", "type"], "the first piece of a call")?;
                hold(!text(call, "id").is_empty(), || "a call without id".to_owned())?;
                let inner = if text(call, "type") == "custom" { &call["custom"] } else { &call["function"] };
                hold(!text(inner, "name").is_empty(), || "a call without name".to_owned())?;
            } else {
                hold(number < *known, || format!("call {number} comes before call {known}"))?;
                hold(call.get("id").is_none(), || "an id comes twice".to_owned())?;
                hold(call.pointer("/function/name").is_none(), || "a name comes twice".to_owned())?;
            }
        }
        if !choice["finish_reason"].is_null() {
            check_reason(&choice["finish_reason"])?;
            self.ended.push(index);
        }
        Ok(())
    }
}
