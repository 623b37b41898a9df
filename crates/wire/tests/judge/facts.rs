//! What a recorded request says, read independently from each of the four client dialects; and whether all of it is
//! found again in a written body.

use super::{list, text};
use serde_json::Value;
use wharf_wire::Format;

/// What must not get lost on any way.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) texts: Vec<String>,
    pub(crate) tools: Vec<String>,
    /// Arguments of calls, as objects.
    pub(crate) calls: Vec<(String, Value)>,
    pub(crate) results: Vec<String>,
}

/// Reads a request.
pub(crate) fn of(format: Format, body: &Value) -> Facts {
    let mut facts = Facts::default();
    match format {
        Format::OpenAiChat => chat(body, &mut facts),
        Format::OpenAiResponses => responses(body, &mut facts),
        Format::AnthropicMessages => anthropic(body, &mut facts),
        _ => gemini(body, &mut facts),
    }
    for kept in [&mut facts.texts, &mut facts.results] {
        kept.retain(|text| !text.trim().is_empty());
    }
    facts
}

/// A string, or the texts of a list of parts.
fn texts(content: &Value, into: &mut Vec<String>) {
    match content {
        Value::String(text) => into.push(text.clone()),
        Value::Array(parts) => {
            let said =
                |part: &&Value| ["text", "input_text", "output_text", ""].contains(&text(part, "type"));
            let parts = parts.iter().filter(said);
            into.extend(parts.map(|part| part.as_str().unwrap_or(text(part, "text")).to_owned()));
        }
        _ => {}
    }
}

fn arguments(words: &str) -> Value {
    match serde_json::from_str(words) {
        Ok(object @ Value::Object(_)) => object,
        _ => Value::Null,
    }
}

fn chat(body: &Value, facts: &mut Facts) {
    for message in list(body, "messages") {
        match text(message, "role") {
            "tool" | "function" => texts(&message["content"], &mut facts.results),
            _ => texts(&message["content"], &mut facts.texts),
        }
        for call in list(message, "tool_calls") {
            let function = &call["function"];
            facts.calls.push((text(function, "name").to_owned(), arguments(text(function, "arguments"))));
        }
    }
    for tool in list(body, "tools") {
        let inner = if tool["custom"].is_object() { &tool["custom"] } else { &tool["function"] };
        facts.tools.push(text(inner, "name").to_owned());
    }
    facts.tools.retain(|name| !name.is_empty());
}

fn responses(body: &Value, facts: &mut Facts) {
    facts.texts.push(text(body, "instructions").to_owned());
    if let Some(input) = body["input"].as_str() {
        facts.texts.push(input.to_owned());
    }
    for item in list(body, "input") {
        match text(item, "type") {
            "" | "message" => texts(&item["content"], &mut facts.texts),
            "function_call" => {
                facts.calls.push((text(item, "name").to_owned(), arguments(text(item, "arguments"))));
            }
            "function_call_output" => texts(&item["output"], &mut facts.results),
            _ => {}
        }
    }
    let named = list(body, "tools").iter().filter(|tool| text(tool, "type") == "function");
    facts.tools.extend(named.map(|tool| text(tool, "name").to_owned()));
}

fn anthropic(body: &Value, facts: &mut Facts) {
    texts(&body["system"], &mut facts.texts);
    for message in list(body, "messages") {
        texts(&message["content"], &mut facts.texts);
        for block in list(message, "content") {
            match text(block, "type") {
                "tool_use" => facts.calls.push((text(block, "name").to_owned(), block["input"].clone())),
                "tool_result" => texts(&block["content"], &mut facts.results),
                _ => {}
            }
        }
    }
    let ours = |tool: &&Value| ["", "custom"].contains(&text(tool, "type"));
    facts.tools.extend(list(body, "tools").iter().filter(ours).map(|tool| text(tool, "name").to_owned()));
}

/// Google's names come in two spellings.
fn either<'v>(value: &'v Value, camel: &str, snake: &str) -> &'v Value {
    value.get(camel).or(value.get(snake)).unwrap_or(&Value::Null)
}

fn gemini(body: &Value, facts: &mut Facts) {
    let system = either(body, "systemInstruction", "system_instruction");
    for part in list(system, "parts") {
        facts.texts.push(text(part, "text").to_owned());
    }
    for part in list(body, "contents").iter().flat_map(|content| list(content, "parts")) {
        if part["thought"] != true {
            facts.texts.push(text(part, "text").to_owned());
        }
        let call = either(part, "functionCall", "function_call");
        if call.is_object() {
            let args = call.get("args").cloned().unwrap_or_else(|| serde_json::json!({}));
            facts.calls.push((text(call, "name").to_owned(), args));
        }
        let response = &either(part, "functionResponse", "function_response")["response"];
        if let Some(members) = response.as_object() {
            let words = members.values().filter_map(Value::as_str);
            facts.results.extend(words.map(str::to_owned));
        }
    }
    for tool in list(body, "tools") {
        let functions = either(tool, "functionDeclarations", "function_declarations");
        let functions = functions.as_array().into_iter().flatten();
        facts.tools.extend(functions.map(|function| text(function, "name").to_owned()));
    }
}

/// All strings and objects of a body.
#[derive(Default)]
struct Leaves<'v> {
    strings: Vec<&'v str>,
    objects: Vec<&'v Value>,
    /// Objects that stand in strings.
    inner: Vec<Value>,
}

impl<'v> Leaves<'v> {
    fn add(&mut self, value: &'v Value) {
        match value {
            Value::String(text) => {
                self.strings.push(text);
                if text.starts_with('{')
                    && let Ok(inner) = serde_json::from_str::<Value>(text)
                {
                    let members = inner.as_object().into_iter().flatten().map(|(_, member)| member);
                    self.inner.extend(members.cloned());
                    self.inner.push(inner);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(members) => {
                self.objects.push(value);
                members.values().for_each(|member| self.add(member));
            }
            _ => {}
        }
    }

    fn says(&self, words: &str) -> bool {
        // A text that is JSON may have become an object.
        self.strings.iter().any(|text| text.contains(words))
            || self.inner.iter().any(|inner| inner.as_str().is_some_and(|text| text.contains(words)))
            || serde_json::from_str::<Value>(words).is_ok_and(|value| self.has(&value))
    }

    fn has(&self, value: &Value) -> bool {
        self.objects.contains(&value)
            || self.inner.contains(value)
            || self
                .inner
                .iter()
                .any(|inner| inner.as_object().is_some_and(|o| o.values().any(|v| v == value)))
            || !value.is_object()
    }
}

/// What of it is not in the body; the first thing missing.
pub(crate) fn missing(facts: &Facts, body: &Value) -> Result<(), String> {
    let mut leaves = Leaves::default();
    leaves.add(body);
    if let Some(lost) = facts.texts.iter().find(|words| !leaves.says(words)) {
        return Err(format!("the text is lost: {lost:.60?}"));
    }
    if let Some(lost) = facts.tools.iter().find(|name| !leaves.strings.contains(&name.as_str())) {
        return Err(format!("the tool is lost: {lost}"));
    }
    let called = |(name, arguments): &&(String, Value)| {
        leaves.strings.contains(&name.as_str()) && (arguments.is_null() || leaves.has(arguments))
    };
    if let Some((name, arguments)) = facts.calls.iter().find(|call| !called(call)) {
        return Err(format!("the call is lost: {name}({arguments:.60})"));
    }
    match facts.results.iter().find(|words| !leaves.says(words)) {
        Some(lost) => Err(format!("the result is lost: {lost:.60?}")),
        None => Ok(()),
    }
}
