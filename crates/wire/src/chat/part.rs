//! What turns and answers are made of.

use super::arguments::{arguments_object, wrapped};
use super::{Cache, Media, Reasoning, State};
use std::borrow::Cow;

/// One piece of a turn or an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<'a> {
    /// Text.
    Text(Text<'a>),
    /// An image, a file, a recording.
    Media(Media<'a>),
    /// What the model thought.
    Reasoning(Reasoning<'a>),
    /// The model calls a tool.
    ToolCall(ToolCall<'a>),
    /// A tool answers.
    ToolResult(ToolResult<'a>),
    /// The model declines.
    Refusal(Cow<'a, str>),
    /// A JSON value, inside a tool's result: its text.
    Json(Cow<'a, str>),
}

impl<'a> Part<'a> {
    /// Plain text.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Part::Text(Text { text: text.into(), ..Text::default() })
    }
}

/// Text and what belongs to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Text<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// It may be cached up to here.
    pub cache: Option<Cache<'a>>,
    /// Where it was found.
    pub citations: Vec<Citation<'a>>,
    /// Opaque state of the model, bound to this text.
    pub state: Option<State<'a>>,
}

/// A source that an answer names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Citation<'a> {
    /// Its address.
    pub url: Option<Cow<'a, str>>,
    /// Its title.
    pub title: Option<Cow<'a, str>>,
    /// The words that were cited.
    pub cited: Option<Cow<'a, str>>,
    /// First character of the answer's text that it stands for.
    pub start: Option<u64>,
    /// Behind the last character.
    pub end: Option<u64>,
}

/// A call of a tool.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolCall<'a> {
    /// Binds the result to the call. Never empty: where a dialect has none, its reader mints one.
    pub id: Cow<'a, str>,
    /// The tool's name.
    pub name: Cow<'a, str>,
    /// A JSON object as text; empty means `{}`. For a custom tool its plain input.
    pub arguments: Cow<'a, str>,
    /// It calls a custom tool: `arguments` is no JSON.
    pub custom: bool,
    /// It may be cached up to here.
    pub cache: Option<Cache<'a>>,
    /// Opaque state of the model, bound to this call.
    pub state: Option<State<'a>>,
}

impl ToolCall<'_> {
    /// The arguments as the text of a JSON object; a custom tool's input stands in one under `input`.
    #[must_use]
    pub fn object(&self) -> Cow<'_, str> {
        if self.custom { Cow::Owned(wrapped(&self.arguments)) } else { arguments_object(&self.arguments) }
    }
}

/// What a tool answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolResult<'a> {
    /// The call's id.
    pub id: Cow<'a, str>,
    /// The tool's name, where the dialect says it or the call was found.
    pub name: Option<Cow<'a, str>>,
    /// Text, JSON, media.
    pub parts: Vec<Part<'a>>,
    /// The tool failed.
    pub is_error: bool,
    /// It answers a custom tool.
    pub custom: bool,
    /// It may be cached up to here.
    pub cache: Option<Cache<'a>>,
}

impl ToolResult<'_> {
    /// All that can be said in text: texts and JSON, joined by nothing when there is one, else by a newline.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        let mut texts = self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(&*text.text),
            Part::Json(json) => Some(&**json),
            Part::Media(_)
            | Part::Reasoning(_)
            | Part::ToolCall(_)
            | Part::ToolResult(_)
            | Part::Refusal(_) => None,
        });
        let Some(first) = texts.next() else { return Cow::Borrowed("") };
        let mut all = Cow::Borrowed(first);
        for more in texts {
            let all = all.to_mut();
            all.push('\n');
            all.push_str(more);
        }
        all
    }
}
