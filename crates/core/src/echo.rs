//! The built-in provider: says back what it was told, with no call. It makes a fresh installation answer, and gives
//! clients something to be tried against. Everything here is a pure function of the request and a stamp.

mod embeddings;
mod request;

#[cfg(test)]
mod tests;

pub use embeddings::embeddings;

use crate::error::{Error, Kind};
use crate::time::Millis;
use bytes::Bytes;
use request::{ChatRequest, parse};
use serde_json::{Value, json};

/// What it lists; it answers to any name.
pub const MODELS: &[&str] = &["any"];

/// A streamed answer has at most about as many deltas, however long the text is.
const DELTAS: usize = 1000;

/// What makes one answer differ from the next; both come from the host.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// The time now.
    pub now: Millis,
    /// 64 random bits, for the ids.
    pub random: u64,
}

/// A chat answer, whole or as it is to be streamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `application/json`.
    Whole(Bytes),
    /// `text/event-stream`, one event each, `[DONE]` included.
    Stream(Vec<Bytes>),
}

/// Answers an OpenAI chat body.
///
/// # Errors
/// `InvalidJson` for what is not JSON, `InvalidRequest` for what is no chat request or forces a tool that is not there.
pub fn chat(body: &[u8], stamp: Stamp) -> Result<Answer, Error> {
    let request: ChatRequest = parse(body, "a chat request")?;
    let said = match request.forced_tool()? {
        Some(tool) => Said::Call(tool.to_owned()),
        None => Said::Text(reply(request.last_user_text().as_deref())),
    };
    let frame = Frame { stamp, model: request.model.as_deref().unwrap_or("any") };
    let usage = usage(&request, &said);
    if request.stream.unwrap_or(false) {
        let ask = request.stream_options.and_then(|options| options.include_usage).unwrap_or(false);
        return Ok(Answer::Stream(stream(&frame, &said, ask.then_some(usage))));
    }
    let (message, finish) = match &said {
        Said::Text(text) => (json!({"role": "assistant", "content": text, "refusal": null}), "stop"),
        Said::Call(name) => (
            json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": [frame.call(name, "{}")]}),
            "tool_calls",
        ),
    };
    let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": finish});
    let mut answer = frame.head("chat.completion", &[choice]);
    answer["usage"] = usage;
    Ok(Answer::Whole(answer.to_string().into()))
}

/// Tokens that a text may have: four characters each, and one for every word at least. Nobody is billed by it.
pub fn estimate(text: &str) -> u64 {
    let (words, characters) = (text.split_whitespace().count(), text.chars().count());
    words.max(characters.div_ceil(4)) as u64
}

/// What the answer says.
enum Said {
    Text(String),
    /// A call of this tool.
    Call(String),
}

fn reply(text: Option<&str>) -> String {
    match text.filter(|text| !text.trim().is_empty()) {
        Some(text) => format!("Hello from Wharf's built-in echo. You said: {text}"),
        None => "Hello from Wharf's built-in echo. Send a user message, and it comes back.".into(),
    }
}

fn usage(request: &ChatRequest, said: &Said) -> Value {
    let prompt: u64 = request.messages.iter().map(|message| estimate(&message.text())).sum();
    let completion = match said {
        Said::Text(text) => estimate(text),
        Said::Call(name) => estimate(name) + 1,
    };
    json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion})
}

/// What all parts of one answer share.
struct Frame<'a> {
    stamp: Stamp,
    model: &'a str,
}

impl Frame<'_> {
    fn head(&self, object: &str, choices: &[Value]) -> Value {
        json!({
            "id": format!("chatcmpl-{:016x}", self.stamp.random),
            "object": object,
            "created": self.stamp.now.0 / 1000,
            "model": self.model,
            "choices": choices,
        })
    }

    fn call(&self, name: &str, arguments: &str) -> Value {
        json!({
            "id": format!("call_{:016x}", self.stamp.random),
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        })
    }
}

/// The events of a streamed answer; `usage` where it was asked for.
fn stream(frame: &Frame<'_>, said: &Said, usage: Option<Value>) -> Vec<Bytes> {
    let mut events = Vec::new();
    let asked = usage.is_some();
    let mut send = |choices: &[Value], usage: Option<Value>| {
        let mut chunk = frame.head("chat.completion.chunk", choices);
        if asked {
            // Null in every chunk but the last one, which has no choice.
            chunk["usage"] = usage.unwrap_or_default();
        }
        events.push(Bytes::from(format!("data: {chunk}\n\n")));
    };
    let choice = |delta: Value, finish: Option<&str>| {
        [json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish})]
    };
    let finish = match said {
        Said::Text(text) => {
            send(&choice(json!({"role": "assistant", "content": "", "refusal": null}), None), None);
            for words in deltas(text) {
                send(&choice(json!({"content": words}), None), None);
            }
            "stop"
        }
        Said::Call(name) => {
            let mut call = frame.call(name, "");
            call["index"] = 0.into();
            send(&choice(json!({"role": "assistant", "content": null, "tool_calls": [call]}), None), None);
            let arguments = json!({"index": 0, "function": {"arguments": "{}"}});
            send(&choice(json!({"tool_calls": [arguments]}), None), None);
            "tool_calls"
        }
    };
    send(&choice(json!({}), Some(finish)), None);
    if asked {
        send(&[], usage);
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

/// The text word by word, blanks kept; several words at once where there are very many.
fn deltas(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    words.chunks(words.len().div_ceil(DELTAS).max(1)).map(<[&str]>::concat).collect()
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Kind::InvalidRequest, message)
}
