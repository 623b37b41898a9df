//! The vendors' descriptions of their requests: theirs from `../spec` beside the recordings where that is, ours where
//! a vendor publishes none (Anthropic, Gemini, Cohere).

use crate::botocore;
use crate::recordings;
use crate::schema::Schemas;
use serde_json::Value;
use std::path::Path;
use wharf_wire::Format;

/// All that could be read.
pub(crate) struct Vendors {
    openai: Option<Schemas>,
    mistral: Option<Schemas>,
    ollama: Option<Schemas>,
    bedrock: Option<Value>,
    anthropic: Schemas,
    gemini: Schemas,
    cohere: Schemas,
}

fn yaml(folder: &Path, name: &str) -> Option<Schemas> {
    serde_yaml_ng::from_slice(&std::fs::read(folder.join(name)).ok()?).ok().map(Schemas::new)
}

fn json(text: &str) -> Schemas {
    Schemas::new(serde_json::from_str(text).unwrap_or_default())
}

impl Vendors {
    /// Reads the descriptions.
    pub(crate) fn read() -> Self {
        let folder = recordings::folder().map(|folder| folder.join("../spec")).unwrap_or_default();
        let bedrock = std::fs::read(folder.join("bedrock/bedrock-runtime-service-2.json")).ok();
        Self {
            openai: yaml(&folder, "openai-openapi.yaml"),
            mistral: yaml(&folder, "mistral-openapi.yaml"),
            ollama: yaml(&folder, "ollama-openapi.yaml"),
            bedrock: bedrock.and_then(|text| serde_json::from_slice(&text).ok()),
            anthropic: json(include_str!("schemas/anthropic.json")),
            gemini: json(include_str!("schemas/gemini.json")),
            cohere: json(include_str!("schemas/cohere.json")),
        }
    }

    /// Checks a body as this format's own vendor would; what no description is there for passes.
    pub(crate) fn check(&self, format: Format, body: &Value) -> Result<(), String> {
        let described = |schemas: &Option<Schemas>, name: &str| match schemas {
            Some(schemas) => schemas.check(&format!("/components/schemas/{name}"), body),
            None => Ok(()),
        };
        match format {
            Format::OpenAiChat => described(&self.openai, "CreateChatCompletionRequest"),
            Format::OpenAiResponses => described(&self.openai, "CreateResponse"),
            Format::OllamaChat => match &self.ollama {
                Some(schemas) => schemas.check("/components/schemas/ChatRequest", &described_by_ollama(body)),
                None => Ok(()),
            },
            Format::AnthropicMessages => {
                self.anthropic.check("/request", body)?;
                turns(body, "messages", "content", "tool_use", "tool_result")
            }
            Format::GeminiGenerate => {
                self.gemini.check("/request", body)?;
                alternate(body, "contents")
            }
            Format::CohereChat => self.cohere.check("/request", body),
            Format::BedrockConverse => {
                if let Some(model) = &self.bedrock {
                    botocore::check(model, "ConverseRequest", body, "")?;
                }
                alternate(body, "messages")?;
                turns(body, "messages", "content", "toolUse", "toolResult")
            }
        }
    }

    /// Checks a body as Mistral would.
    pub(crate) fn mistral(&self, body: &Value) -> Result<(), String> {
        match &self.mistral {
            Some(schemas) => schemas.check("/components/schemas/ChatCompletionRequest", body),
            None => Ok(()),
        }
    }
}

/// User and assistant take turns, the user first.
fn alternate(body: &Value, name: &str) -> Result<(), String> {
    let roles: Vec<&str> = body[name]
        .as_array()
        .into_iter()
        .flatten()
        .map(|turn| turn["role"].as_str().unwrap_or_default())
        .collect();
    if roles.first().is_some_and(|role| *role != "user") {
        return Err(format!("{name}[0] is not the user's"));
    }
    match roles.windows(2).position(|pair| pair[0] == pair[1]) {
        Some(at) => Err(format!("{name}[{at}] and the next are both of {}", roles[at])),
        None => Ok(()),
    }
}

/// The results of all calls of a turn stand in the next one, before anything else.
fn turns(body: &Value, name: &str, content: &str, call: &str, result: &str) -> Result<(), String> {
    let turns: Vec<&[Value]> =
        body[name].as_array().into_iter().flatten().map(|turn| crate::judge::list(turn, content)).collect();
    let is = |block: &Value, kind: &str| block["type"] == kind || block[kind].is_object();
    for (at, pair) in turns.windows(2).enumerate() {
        let calls = pair[0].iter().filter(|block| is(block, call)).count();
        let results = pair[1].iter().take_while(|block| is(block, result)).count();
        let all = pair[1].iter().filter(|block| is(block, result)).count();
        if calls != results || all != results {
            return Err(format!("{name}[{}] answers {results} of {calls} calls at its beginning", at + 1));
        }
    }
    Ok(())
}

/// Ollama's description lags behind its server, which knows these members of messages and calls:
/// <https://github.com/ollama/ollama/blob/main/api/types.go>.
fn described_by_ollama(body: &Value) -> Value {
    let mut body = body.clone();
    for message in body["messages"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        for name in ["thinking", "tool_name", "tool_call_id"] {
            message.remove(name);
        }
        let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten();
        for call in calls.filter_map(Value::as_object_mut) {
            call.remove("id");
            call.remove("type");
        }
    }
    body
}
