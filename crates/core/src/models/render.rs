//! The merged list in the caller's dialect.

use crate::time::{Millis, rfc3339};
use serde_json::{Map, Value, json};
use wharf_wire::format::Format;

/// The whole list. Dialects that have no list of their own read OpenAI's.
pub fn render(dialect: Format, entries: &[Value]) -> Vec<u8> {
    let body = match dialect {
        Format::OpenAiChat
        | Format::OpenAiResponses
        | Format::CohereChat
        | Format::BedrockConverse
        | Format::OllamaChat => json!({"data": entries, "object": "list"}),
        Format::AnthropicMessages => {
            let data: Vec<Value> = entries.iter().map(anthropic).collect();
            let id = |entry: Option<&Value>| entry.and_then(|entry| entry.get("id")).cloned();
            let (first, last) = (id(data.first()), id(data.last()));
            json!({"data": data, "has_more": false, "first_id": first, "last_id": last})
        }
        Format::GeminiGenerate => json!({"models": entries.iter().map(gemini).collect::<Vec<_>>()}),
    };
    body.to_string().into_bytes()
}

/// The one model of this id (`provider/model`), or `None` where nobody lists it.
pub fn one(dialect: Format, entries: &[Value], id: &str) -> Option<Vec<u8>> {
    let entry = entries.iter().find(|entry| text(entry, "id") == Some(id))?;
    let body = match dialect {
        Format::OpenAiChat
        | Format::OpenAiResponses
        | Format::CohereChat
        | Format::BedrockConverse
        | Format::OllamaChat => entry.to_string(),
        Format::AnthropicMessages => anthropic(entry).to_string(),
        Format::GeminiGenerate => gemini(entry).to_string(),
    };
    Some(body.into_bytes())
}

fn text<'a>(entry: &'a Value, member: &str) -> Option<&'a str> {
    entry.get(member)?.as_str()
}

/// A member of the provider's own, in place or under `_`.
fn own<'a>(entry: &'a Value, member: &str) -> Option<&'a Value> {
    entry.get(member).or_else(|| entry.get("_")?.get(member))
}

/// The name for people: whichever the provider gives, else the id.
fn title(entry: &Value) -> Value {
    ["display_name", "displayName", "name"]
        .into_iter()
        .filter_map(|member| own(entry, member))
        .find(|value| value.is_string())
        .or_else(|| entry.get("id"))
        .cloned()
        .unwrap_or_default()
}

/// <https://platform.claude.com/docs/en/api/models-list>: an unknown date is the epoch there too.
fn anthropic(entry: &Value) -> Value {
    let created = entry.get("created").and_then(Value::as_u64).unwrap_or(0);
    let created = rfc3339(Millis(created.saturating_mul(1000)));
    json!({
        "type": "model",
        "id": text(entry, "id"),
        "display_name": title(entry),
        "created_at": created.replace(".000Z", "Z"),
    })
}

/// <https://ai.google.dev/api/models#Model>: what Google said of its own models comes back as it was.
fn gemini(entry: &Value) -> Value {
    let mut model = Map::new();
    model.insert("name".into(), format!("models/{}", text(entry, "id").unwrap_or_default()).into());
    model.insert("displayName".into(), title(entry));
    for member in
        ["version", "description", "inputTokenLimit", "outputTokenLimit", "temperature", "topP", "topK"]
    {
        if let Some(value) = own(entry, member) {
            model.insert(member.into(), value.clone());
        }
    }
    let methods = own(entry, "supportedGenerationMethods").filter(|value| value.is_array()).cloned();
    let methods = methods.unwrap_or_else(|| json!(["generateContent", "countTokens"]));
    model.insert("supportedGenerationMethods".into(), methods);
    model.into()
}
