//! The small cases of our own: requests of every dialect and answers of every format, by feature, in
//! `tests/cases/{requests,answers}/<format>.json`. Streams stand there as lists of events; here they get their frames.

use super::{bedrock, text};
use serde_json::Value;
use wharf_wire::Format;

/// The requests of a dialect.
pub(crate) const fn requests(dialect: Format) -> &'static str {
    match dialect {
        Format::OpenAiResponses => include_str!("../cases/requests/openai_responses.json"),
        Format::AnthropicMessages => include_str!("../cases/requests/anthropic_messages.json"),
        Format::GeminiGenerate => include_str!("../cases/requests/gemini_generate.json"),
        _ => include_str!("../cases/requests/openai_chat.json"),
    }
}

/// The answers of a format.
pub(crate) const fn answers(format: Format) -> &'static str {
    match format {
        Format::OpenAiChat => include_str!("../cases/answers/openai_chat.json"),
        Format::OpenAiResponses => include_str!("../cases/answers/openai_responses.json"),
        Format::AnthropicMessages => include_str!("../cases/answers/anthropic_messages.json"),
        Format::GeminiGenerate => include_str!("../cases/answers/gemini_generate.json"),
        Format::CohereChat => include_str!("../cases/answers/cohere_chat.json"),
        Format::BedrockConverse => include_str!("../cases/answers/bedrock_converse.json"),
        Format::OllamaChat => include_str!("../cases/answers/ollama_chat.json"),
    }
}

/// A stream's events as its format sends them.
pub(crate) fn framed(format: Format, events: &[Value]) -> Vec<u8> {
    match format {
        Format::BedrockConverse => {
            bedrock::framed(&events.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"))
        }
        Format::OllamaChat => events.iter().map(|event| format!("{event}\n")).collect::<String>().into(),
        Format::GeminiGenerate => {
            events.iter().map(|event| format!("data: {event}\r\n\r\n")).collect::<String>().into()
        }
        _ => events.iter().map(sent).collect::<String>().into(),
    }
}

fn sent(event: &Value) -> String {
    match (event, text(event, "type")) {
        (Value::String(word), _) => format!("data: {word}\n\n"),
        (event, "") => format!("data: {event}\n\n"),
        (event, name) => format!("event: {name}\ndata: {event}\n\n"),
    }
}
