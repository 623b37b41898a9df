//! The vendors' descriptions of their requests: theirs from `../spec` beside the recordings where that is, ours where
//! a vendor publishes none (Anthropic, Gemini, Cohere).

use crate::botocore;
use crate::judge::frames::events;
use crate::recordings;
use crate::schema::Schemas;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
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
    // Bounds of 64 bits that somebody rounded up, which no reader of YAML takes for an integer.
    let text = std::fs::read_to_string(folder.join(name)).ok()?.replace("9223372036854776000", "9.3e18");
    serde_yaml_ng::from_str(&text).ok().map(Schemas::new)
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

/// What OpenAI's answers look like by its own description.
pub(crate) struct Answers {
    schemas: Option<Schemas>,
    /// Shapes that were found right: recordings repeat few very often.
    known: Mutex<BTreeSet<String>>,
}

impl Answers {
    /// Reads the description, where it is.
    pub(crate) fn read() -> Self {
        let folder = recordings::folder().map(|folder| folder.join("../spec")).unwrap_or_default();
        let schemas = yaml(&folder, "openai-openapi.yaml").map(Schemas::of_answers);
        Self { schemas, known: Mutex::default() }
    }

    /// Checks a whole answer.
    pub(crate) fn whole(&self, dialect: Format, body: &[u8]) -> Result<(), String> {
        let body = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        match dialect {
            Format::OpenAiChat => self.check("CreateChatCompletionResponse", &body),
            Format::OpenAiResponses => self.check("Response", &body),
            _ => Ok(()),
        }
    }

    /// Checks every event of a stream.
    pub(crate) fn stream(&self, dialect: Format, body: &[u8]) -> Result<(), String> {
        let name = match dialect {
            Format::OpenAiChat => "CreateChatCompletionStreamResponse",
            Format::OpenAiResponses => "ResponseStreamEvent",
            _ => return Ok(()),
        };
        for event in events(&String::from_utf8_lossy(body)) {
            let mut value = event.value();
            if let Some(chunk) =
                value.as_object_mut().filter(|chunk| chunk.get("usage").is_some_and(Value::is_null))
            {
                // OpenAI's own chunks have this null, which its description forgot.
                chunk.remove("usage");
            }
            if value.is_object() && value.get("error").is_none() {
                self.check(name, &value)?;
            }
        }
        Ok(())
    }

    fn check(&self, name: &str, body: &Value) -> Result<(), String> {
        let Some(schemas) = &self.schemas else { return Ok(()) };
        let shape = [name, &shape("", body)].concat();
        if self.known.lock().is_ok_and(|known| known.contains(&shape)) {
            return Ok(());
        }
        schemas.check(&format!("/components/schemas/{name}"), body)?;
        if let Ok(mut known) = self.known.lock() {
            known.insert(shape);
        }
        Ok(())
    }
}

/// The names of all members, and the words of those that have few.
fn shape(name: &str, value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let inner = members.iter().map(|(name, value)| [name, ":", &shape(name, value)].concat());
            format!("{{{}}}", inner.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            let shapes: BTreeSet<String> = items.iter().map(|item| shape("", item)).collect();
            shapes.into_iter().collect::<Vec<_>>().join(",")
        }
        Value::String(word)
            if ["type", "status", "finish_reason", "role", "code", "object"].contains(&name) =>
        {
            word.clone()
        }
        Value::Null => "0".to_owned(),
        Value::String(_) => "s".to_owned(),
        Value::Number(number) if number.as_f64().is_some_and(|number| number < 0.0) => "-".to_owned(),
        _ => "1".to_owned(),
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

/// A check that can't fail is none.
#[test]
fn the_descriptions_refuse_what_is_wrong() {
    let nonsense = serde_json::json!({"model": 7, "who": "knows"});
    let vendors = Vendors::read();
    let there =
        recordings::folder().is_some_and(|folder| folder.join("../spec/openai-openapi.yaml").is_file());
    let ours = [Format::AnthropicMessages, Format::GeminiGenerate, Format::CohereChat];
    for format in Format::ALL {
        if there || ours.contains(&format) {
            assert!(vendors.check(format, &nonsense).is_err(), "{format}");
        }
    }
    if there {
        assert!(vendors.mistral(&nonsense).is_err());
        let described = Answers::read();
        for dialect in [Format::OpenAiChat, Format::OpenAiResponses] {
            assert!(described.whole(dialect, b"{\"id\":7}").is_err(), "{dialect}");
            let event = b"data: {\"type\":\"response.created\",\"id\":7}\n\n";
            assert!(described.stream(dialect, event).is_err(), "{dialect}");
        }
    }
}
