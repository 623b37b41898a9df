//! A request in the neutral model.

use super::{Field, Losses, Part, Quirks, ReasoningWish, Source, Tool, ToolChoice};
use std::borrow::Cow;

/// One chat request. Texts borrow from the body they were read from.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// The model as the caller wrote it; empty where the path says it.
    pub model: Cow<'a, str>,
    /// The caller wants a stream.
    pub stream: bool,
    /// The caller wants usage at the end of the stream, where that has to be asked for.
    pub include_usage: bool,
    /// What was said so far, system and developer texts included, in the caller's order.
    pub turns: Vec<Turn<'a>>,
    /// What the model may call.
    pub tools: Vec<Tool<'a>>,
    /// Whether it must.
    pub tool_choice: Option<ToolChoice<'a>>,
    /// More than one call at a time.
    pub parallel_tool_calls: Option<bool>,
    /// The most tokens to generate, reasoning included.
    pub max_tokens: Option<u64>,
    /// Sampling temperature; 0 to 2 in most dialects.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Only the k most likely tokens.
    pub top_k: Option<u64>,
    /// Penalty for what was often said.
    pub frequency_penalty: Option<f64>,
    /// Penalty for what was said at all.
    pub presence_penalty: Option<f64>,
    /// Texts that end the answer.
    pub stop: Vec<Cow<'a, str>>,
    /// For answers that can be had again.
    pub seed: Option<Cow<'a, str>>,
    /// How many answers.
    pub n: Option<u64>,
    /// Log probabilities of the tokens.
    pub logprobs: Option<bool>,
    /// How many alternatives for each token.
    pub top_logprobs: Option<u64>,
    /// Biases by token, a JSON object.
    pub logit_bias: Option<Cow<'a, str>>,
    /// The form of the answer.
    pub response_format: Option<ResponseFormat<'a>>,
    /// How much to think, and whether to show it.
    pub reasoning: ReasoningWish<'a>,
    /// `low`, `medium`, `high`.
    pub verbosity: Option<Cow<'a, str>>,
    /// `auto`, `default`, `flex`, `priority` …
    pub service_tier: Option<Cow<'a, str>>,
    /// The caller's own notes, a JSON object of strings.
    pub metadata: Option<Cow<'a, str>>,
    /// An opaque name of the end user.
    pub user: Option<Cow<'a, str>>,
    /// Groups requests that share a cached beginning.
    pub cache_key: Option<Cow<'a, str>>,
    /// The vendor may keep the answer.
    pub store: Option<bool>,
    /// Names of groups of tools, in dialects that have them: a grouped tool's name begins with its group's.
    pub namespaces: Vec<Cow<'a, str>>,
    /// What answers of the caller's dialect repeat of the request, as JSON members without braces.
    pub echo: Cow<'a, str>,
    /// What the caller's own body held and this model has no place for, and what got lost on the way here.
    pub losses: Losses,
}

impl Request<'_> {
    /// About how many bytes it takes when it is written: what a writer's buffer should have room for, so that a big
    /// image is copied once.
    #[must_use]
    pub fn room(&self) -> usize {
        fn of(parts: &[Part<'_>]) -> usize {
            parts.iter().map(|part| 64 + one(part)).sum()
        }
        fn one(part: &Part<'_>) -> usize {
            match part {
                Part::Text(text) => text.text.len() + text.text.len() / 16,
                Part::Media(media) => match &media.source {
                    Source::Base64(text) | Source::Url(text) | Source::Text(text) | Source::Id(text) => {
                        text.len()
                    }
                },
                Part::Reasoning(reasoning) => {
                    reasoning.text.len() + reasoning.state.as_ref().map_or(0, |state| state.data.len())
                }
                Part::ToolCall(call) => call.name.len() + call.arguments.len() + 64,
                Part::ToolResult(result) => of(&result.parts) + 64,
                Part::Refusal(text) | Part::Json(text) => text.len(),
            }
        }
        let turns = self.turns.iter().map(|turn| 32 + of(&turn.parts));
        let tools = self.tools.iter().map(|tool| {
            96 + tool.name.len()
                + tool.description.as_ref().map_or(0, |text| text.len())
                + tool.schema().len()
        });
        1024 + turns.sum::<usize>() + tools.sum::<usize>()
    }
}

/// One turn of the conversation.
#[derive(Debug, Clone, Default)]
pub struct Turn<'a> {
    /// Who speaks.
    pub role: Role,
    /// The speaker's name, where a dialect has it.
    pub name: Option<Cow<'a, str>>,
    /// What was said, in order.
    pub parts: Vec<Part<'a>>,
    /// The number of the message or item in the caller's body that this began with, for errors.
    pub at: usize,
}

/// Who speaks. Tool results stand in turns of their own, whatever the dialect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// The operator of the application.
    System,
    /// The same, by OpenAI's newer name: <https://platform.openai.com/docs/guides/text#message-roles>.
    Developer,
    /// The user.
    #[default]
    User,
    /// The model.
    Assistant,
    /// Answers of tools; all parts are `ToolResult`.
    Tool,
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum ResponseFormat<'a> {
    /// Any text.
    Text,
    /// A JSON object.
    JsonObject,
    /// JSON of this schema.
    JsonSchema {
        /// A name for it.
        name: Option<Cow<'a, str>>,
        /// What it is for.
        description: Option<Cow<'a, str>>,
        /// The JSON schema, as JSON.
        schema: Cow<'a, str>,
        /// It must be kept to the letter.
        strict: Option<bool>,
    },
}

impl ResponseFormat<'_> {
    /// The text that asks for it, for targets that can't be asked otherwise; `None` for any text. Words bind nobody:
    /// who uses them lists the field as lost.
    #[must_use]
    pub fn in_words(&self) -> Option<String> {
        const OBJECT: &str =
            "Answer with one JSON object and nothing else: no text around it, no code fence.";
        match self {
            ResponseFormat::Text => None,
            ResponseFormat::JsonObject => Some(OBJECT.to_owned()),
            ResponseFormat::JsonSchema { schema, .. } => {
                Some([OBJECT, " It must follow this JSON schema:\n", schema].concat())
            }
        }
    }
}

/// A mark that what comes before may be cached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cache<'a> {
    /// How long: `5m`, `1h`; `None`: the vendor's default.
    pub ttl: Option<Cow<'a, str>>,
}

/// What a request is written for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'t> {
    /// The model's name at the provider.
    pub model: &'t str,
    /// Ask for a stream.
    pub stream: bool,
    /// The provider's peculiarities, those of the model included.
    pub quirks: &'t Quirks,
}

/// A request that can't be written for its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the target can't say.
    pub field: Field,
    /// Why, and what would help.
    pub reason: Cow<'static, str>,
    /// An address whose bytes would help: with them in the request's place it can be written.
    pub fetch: Option<String>,
}

/// A request as it goes to the provider.
#[derive(Debug, Default)]
pub struct Written {
    /// The body.
    pub body: Vec<u8>,
    /// Headers that this body needs.
    pub headers: Vec<(&'static str, String)>,
    /// What could not be said.
    pub losses: Losses,
}
