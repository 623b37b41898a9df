//! An independent reading of answers, in every format and dialect, by `serde_json` alone: what the crate's own readers
//! and writers are measured against. Knows nothing of the crate but the names of its formats.
//!
//! Shared by the replay of recordings and by `xtask conformance`.

pub(crate) mod anthropic;
pub(crate) mod bedrock;
pub(crate) mod cases;
pub(crate) mod chat;
pub(crate) mod cohere;
pub(crate) mod exceptions;
pub(crate) mod facts;
pub(crate) mod frames;
pub(crate) mod gemini;
pub(crate) mod matrix;
pub(crate) mod ollama;
pub(crate) mod responses;
pub(crate) mod usage;

use serde_json::{Map, Value, json};
use wharf_wire::Format;

pub(crate) use usage::Counts;

/// What an answer says, as far as every dialect can say it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Answer {
    pub(crate) choices: Vec<Choice>,
    pub(crate) usage: Counts,
}

/// One choice of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Choice {
    pub(crate) index: u64,
    pub(crate) text: String,
    pub(crate) reasoning: String,
    pub(crate) refusal: String,
    pub(crate) calls: Vec<Call>,
    pub(crate) why: Why,
}

/// A call of a tool: its name and its arguments as an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Value,
}

/// Why a choice ended, in the words that all dialects share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Why {
    /// Nothing was said.
    #[default]
    Unknown,
    Stop,
    Calls,
    Length,
    Filter,
    /// The vendor calls it an error without a message.
    Error,
}

/// What a recording turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reading {
    /// A whole answer.
    Whole(Answer),
    /// An error in the place of an answer, or behind its beginning: its message.
    Failed(String),
    /// The recording, or the stream, stops before its end.
    Cut,
    /// No answer to a chat request: a list, a deletion, an empty body.
    Other,
}

impl Choice {
    /// Vendors say `stop` with calls too; a call makes it a call.
    pub(crate) fn settled(mut self) -> Self {
        if self.why == Why::Stop && !self.calls.is_empty() {
            self.why = Why::Calls;
        }
        self
    }
}

impl Call {
    /// From arguments that are JSON text.
    pub(crate) fn of_text(name: &str, arguments: &str) -> Self {
        let parsed = serde_json::from_str(arguments).unwrap_or_else(|_| json!(arguments));
        Self::of(name, &parsed)
    }

    /// From arguments of any kind.
    pub(crate) fn of(name: &str, arguments: &Value) -> Self {
        Self { name: name.to_owned(), arguments: object(arguments) }
    }

    /// A call of a custom tool: its input stands in an object.
    pub(crate) fn custom(name: &str, input: &str) -> Self {
        Self { name: name.to_owned(), arguments: json!({ "input": input }) }
    }
}

/// Arguments as every dialect has them: an object. Nothing is `{}`, text that holds an object is that object.
fn object(arguments: &Value) -> Value {
    match arguments {
        Value::Object(_) => arguments.clone(),
        Value::Null => json!({}),
        Value::String(text) if text.trim().is_empty() || text.trim() == "null" => json!({}),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(inner @ Value::Object(_)) => inner,
            _ => json!({ "input": text.trim() }),
        },
        other => json!({ "input": other.to_string() }),
    }
}

/// What differs between a recording and what a client got in `dialect`; empty: nothing.
pub(crate) fn differences(wanted: &Answer, found: &Answer, dialect: Format) -> Vec<String> {
    let mut out = Vec::new();
    let many = matches!(dialect, Format::OpenAiChat | Format::GeminiGenerate);
    let wanted_choices: Vec<&Choice> =
        wanted.choices.iter().filter(|choice| many || choice.index == 0).collect();
    if wanted_choices.len() != found.choices.len() {
        out.push(format!("{} choices instead of {}", found.choices.len(), wanted_choices.len()));
        return out;
    }
    for (wanted, found) in wanted_choices.into_iter().zip(&found.choices) {
        choice_differences(wanted, found, &mut out);
    }
    out.extend(usage::differences(&wanted.usage, &found.usage, dialect));
    out
}

fn choice_differences(wanted: &Choice, found: &Choice, out: &mut Vec<String>) {
    let (all_wanted, all_found) =
        ([&*wanted.text, &*wanted.refusal].concat(), [&*found.text, &*found.refusal].concat());
    if all_wanted != all_found {
        out.push(format!("text: {}", unlike(&all_wanted, &all_found)));
    }
    // Stretches of reasoning are joined by blanks in dialects that have one field for all of it.
    let (thought, heard) = (bare(&wanted.reasoning), bare(&found.reasoning));
    if thought != heard {
        out.push(format!("reasoning: {}", unlike(&thought, &heard)));
    }
    if wanted.calls != found.calls {
        out.push(format!("calls: {}", unlike(&calls(&wanted.calls), &calls(&found.calls))));
    }
    let same = wanted.why == found.why
        || wanted.why == Why::Unknown
        // A refusal in words ends as `stop` at some vendors and as a filter at others.
        || (!wanted.refusal.is_empty() && matches!(found.why, Why::Stop | Why::Filter));
    if !same {
        out.push(format!("finish {:?} instead of {:?}", found.why, wanted.why));
    }
}

fn calls(calls: &[Call]) -> String {
    calls.iter().map(|call| format!("{}({})", call.name, call.arguments)).collect::<Vec<_>>().join(" ")
}

fn bare(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Where two texts part, in a few words.
fn unlike(wanted: &str, found: &str) -> String {
    let same = wanted.chars().zip(found.chars()).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(10);
    let near = |text: &str| text.chars().skip(from).take(60).collect::<String>();
    format!("{:?} instead of {:?} (from character {from})", near(found), near(wanted))
}

/// A member that is a string; empty where it is none.
pub(crate) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A member that is a list; empty where it is none.
pub(crate) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Adds the members of an object that are not null.
pub(crate) fn overlay(all: &mut Map<String, Value>, more: Option<&Value>) {
    for (name, value) in more.and_then(Value::as_object).into_iter().flatten() {
        if !value.is_null() {
            all.insert(name.clone(), value.clone());
        }
    }
}

/// The provider's words in an error body; `None` where there are none.
pub(crate) fn message(body: &Value) -> Option<String> {
    let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
    let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
    let error = error.as_array().and_then(|list| list.first()).unwrap_or(error);
    if let Some(text) = error.as_str() {
        return Some(text.to_owned());
    }
    ["message", "Message", "detail"].into_iter().find_map(|name| match error.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => Some(text(list.first()?, "msg").to_owned()),
        Value::Object(inner) => {
            inner.get("detail")?.as_array()?.first().map(|first| text(first, "msg").to_owned())
        }
        _ => None,
    })
}

/// Reads a recorded answer of an upstream that came whole.
pub(crate) fn plain(format: Format, body: &Value) -> Reading {
    match format {
        Format::OpenAiChat => chat::plain(body),
        Format::OpenAiResponses => responses::plain(body),
        Format::AnthropicMessages => anthropic::plain(body),
        Format::GeminiGenerate => gemini::plain(body),
        Format::CohereChat => cohere::plain(body),
        Format::BedrockConverse => bedrock::plain(body),
        Format::OllamaChat => ollama::plain(body),
    }
}

/// Reads a recorded answer of an upstream that came as a stream.
pub(crate) fn streamed(format: Format, body: &[u8]) -> Reading {
    let words = String::from_utf8_lossy(body);
    match format {
        Format::OpenAiChat => chat::streamed(&frames::events(&words)),
        Format::OpenAiResponses => responses::streamed(&frames::events(&words)),
        Format::AnthropicMessages => anthropic::streamed(&frames::events(&words)),
        Format::GeminiGenerate => gemini::streamed(&frames::values(&words)),
        Format::CohereChat => cohere::streamed(&frames::values(&words)),
        Format::BedrockConverse => bedrock::streamed(body),
        Format::OllamaChat => ollama::streamed(&words),
    }
}

/// Checks a whole answer as a client got it, and reads it.
pub(crate) fn whole_for_client(dialect: Format, body: &[u8]) -> Result<Answer, String> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))?;
    match dialect {
        Format::OpenAiChat => chat::check_whole(&value)?,
        Format::OpenAiResponses => responses::check_whole(&value)?,
        Format::AnthropicMessages => anthropic::check_whole(&value)?,
        Format::GeminiGenerate => gemini::check_whole(&value)?,
        Format::CohereChat | Format::BedrockConverse | Format::OllamaChat => {}
    }
    match plain(dialect, &value) {
        Reading::Whole(answer) => Ok(answer),
        other => Err(format!("the body reads as {other:?}")),
    }
}

/// Checks a stream as a client got it against the grammar of its dialect, and reads it. The message of an error that
/// ends it is in the second place.
pub(crate) fn stream_for_client(
    dialect: Format,
    body: &[u8],
) -> Result<(Option<Answer>, Option<String>), String> {
    let words = std::str::from_utf8(body).map_err(|_| "the stream is not UTF-8")?;
    if dialect == Format::GeminiGenerate {
        return gemini::check_stream(&frames::strict(words)?);
    }
    let events = frames::strict(words)?;
    match dialect {
        Format::OpenAiChat => chat::check_stream(&events),
        Format::OpenAiResponses => responses::check_stream(&events),
        _ => anthropic::check_stream(&events),
    }
}

/// Fails with a sentence unless it holds.
pub(crate) fn hold(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// Every one of these members is there; null counts.
pub(crate) fn need(value: &Value, names: &[&str], place: &str) -> Result<(), String> {
    match names.iter().find(|name| value.get(**name).is_none()) {
        Some(name) => Err(format!("{place} has no `{name}`")),
        None => Ok(()),
    }
}
