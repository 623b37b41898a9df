//! As much of an OpenAI request as the echo looks at; everything else in it is let be.

use super::invalid;
use crate::error::{Error, Kind};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// Reads a body, or says where it stops making sense. Nothing of its content is repeated.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8], what: &str) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if error.is_data() {
            invalid(format!("The body is JSON but not {what}: see line {line}, column {column}."))
        } else {
            Error::new(Kind::InvalidJson, format!("The body is not JSON: see line {line}, column {column}."))
        }
    })
}

#[derive(Deserialize)]
pub(super) struct ChatRequest {
    pub(super) model: Option<String>,
    pub(super) messages: Vec<Message>,
    pub(super) stream: Option<bool>,
    pub(super) stream_options: Option<StreamOptions>,
    #[serde(default)]
    tools: Option<Vec<Tool>>,
    tool_choice: Option<ToolChoice>,
}

#[derive(Deserialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Message {
    role: String,
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// Images and the like have no text.
#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

#[derive(Deserialize)]
struct Tool {
    /// Tools that are no functions have none.
    function: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ToolChoice {
    Mode(String),
    Function { function: Named },
    Other(serde::de::IgnoredAny),
}

impl Message {
    /// All its text, parts joined.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match &self.content {
            None => "".into(),
            Some(Content::Text(text)) => text.as_str().into(),
            Some(Content::Parts(parts)) => {
                parts.iter().filter_map(|part| part.text.as_deref()).collect::<Vec<_>>().join("\n").into()
            }
        }
    }
}

impl ChatRequest {
    pub(super) fn last_user_text(&self) -> Option<Cow<'_, str>> {
        self.messages.iter().rev().find(|message| message.role == "user").map(Message::text)
    }

    /// The tool that `tool_choice` leaves no way around.
    pub(super) fn forced_tool(&self) -> Result<Option<&str>, Error> {
        let tools = self.tools.as_deref().unwrap_or_default();
        let mut names =
            tools.iter().filter_map(|tool| tool.function.as_ref()).map(|named| named.name.as_str());
        match &self.tool_choice {
            Some(ToolChoice::Mode(mode)) if mode == "required" => match names.next() {
                Some(name) => Ok(Some(name)),
                None => Err(invalid("`tool_choice` is `required`, but `tools` has no function.")),
            },
            Some(ToolChoice::Function { function }) => match names.find(|name| *name == function.name) {
                Some(name) => Ok(Some(name)),
                None => Err(invalid("`tool_choice` names a function that is not in `tools`.")),
            },
            Some(ToolChoice::Mode(_) | ToolChoice::Other(_)) | None => Ok(None),
        }
    }
}
