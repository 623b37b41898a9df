//! OpenAI Responses.

use super::frames::Sent;
use super::{Answer, Call, Choice, Counts, Reading, Why, hold, list, message, need, text};
use serde_json::Value;
use std::collections::BTreeMap;

/// Adds what one item of the output says.
fn item(item: &Value, choice: &mut Choice) {
    match text(item, "type") {
        "message" => {
            for part in list(item, "content") {
                choice.text.push_str(text(part, "text"));
                choice.refusal.push_str(text(part, "refusal"));
            }
        }
        "reasoning" => {
            // Open models say the thing itself, OpenAI's a summary; never both.
            let (summary, content) = (list(item, "summary"), list(item, "content"));
            let parts = if content.is_empty() { summary } else { content };
            parts.iter().for_each(|part| choice.reasoning.push_str(text(part, "text")));
        }
        "function_call" => choice.calls.push(Call::of_text(text(item, "name"), text(item, "arguments"))),
        "custom_tool_call" => choice.calls.push(Call::custom(text(item, "name"), text(item, "input"))),
        _ => {}
    }
}

fn why(body: &Value) -> Why {
    match (text(body, "status"), text(&body["incomplete_details"], "reason")) {
        (_, "max_output_tokens") => Why::Length,
        (_, "content_filter") => Why::Filter,
        ("incomplete", _) => Why::Length,
        ("failed", _) => Why::Error,
        _ => Why::Stop,
    }
}

fn answer(body: &Value, output: &[Value]) -> Answer {
    let mut choice = Choice { why: why(body), ..Choice::default() };
    output.iter().for_each(|part| item(part, &mut choice));
    Answer { choices: vec![choice.settled()], usage: Counts::of(&body["usage"]) }
}

/// Reads a whole answer. One that is still being made is none.
pub(crate) fn plain(body: &Value) -> Reading {
    if body["error"].is_object() {
        return Reading::Failed(message(body).unwrap_or_default());
    }
    if text(body, "object") != "response" && body.get("output").is_none() {
        return Reading::Other;
    }
    match text(body, "status") {
        "in_progress" | "queued" | "cancelled" => Reading::Other,
        "failed" => Reading::Failed(String::new()),
        _ => Reading::Whole(answer(body, list(body, "output"))),
    }
}

/// Reads a stream: by the items that are done, which is what the deltas add up to.
pub(crate) fn streamed(events: &[Sent]) -> Reading {
    let mut items: BTreeMap<u64, Value> = BTreeMap::new();
    for event in events {
        let data = event.value();
        match text(&data, "type") {
            "error" => {
                let error = if data["error"].is_object() { &data["error"] } else { &data };
                return Reading::Failed(text(error, "message").to_owned());
            }
            "response.failed" => {
                return Reading::Failed(text(&data["response"]["error"], "message").to_owned());
            }
            "response.output_item.done" => {
                items.insert(data["output_index"].as_u64().unwrap_or(0), data["item"].clone());
            }
            "response.completed" | "response.incomplete" => {
                let response = &data["response"];
                let done: Vec<Value> = items.into_values().collect();
                let output = list(response, "output");
                return Reading::Whole(answer(response, if output.is_empty() { &done } else { output }));
            }
            _ => {}
        }
    }
    if events.is_empty() { Reading::Other } else { Reading::Cut }
}

/// What the description lists as required: <https://platform.openai.com/docs/api-reference/responses/object>.
pub(crate) fn check_whole(body: &Value) -> Result<(), String> {
    check_response(body)?;
    let output = list(body, "output");
    output.iter().try_for_each(check_item)?;
    hold(["completed", "incomplete"].contains(&text(body, "status")), || format!("status {}", body["status"]))
}

fn check_response(body: &Value) -> Result<(), String> {
    let needed = [
        "id",
        "object",
        "created_at",
        "status",
        "error",
        "incomplete_details",
        "instructions",
        "model",
        "output",
        "parallel_tool_calls",
        "metadata",
        "tool_choice",
        "tools",
        "temperature",
        "top_p",
    ];
    need(body, &needed, "the response")?;
    hold(body["object"] == "response", || "object is not response".to_owned())?;
    hold(!text(body, "id").is_empty(), || "the id is empty".to_owned())?;
    hold(body["created_at"].is_number(), || "created_at is no number".to_owned())?;
    let usage = &body["usage"];
    if usage.is_null() {
        return Ok(());
    }
    let counts = ["input_tokens", "output_tokens", "total_tokens"];
    need(usage, &counts, "usage")?;
    need(usage, &["input_tokens_details", "output_tokens_details"], "usage")?;
    need(&usage["input_tokens_details"], &["cached_tokens"], "input_tokens_details")?;
    need(&usage["output_tokens_details"], &["reasoning_tokens"], "output_tokens_details")
}

fn check_item(item: &Value) -> Result<(), String> {
    let kind = text(item, "type");
    let needed: &[&str] = match kind {
        "message" => &["id", "role", "status", "content"],
        "function_call" => &["id", "call_id", "name", "arguments", "status"],
        "custom_tool_call" => &["id", "call_id", "name", "input"],
        "reasoning" => &["id", "summary"],
        "image_generation_call" => &["id", "status", "result"],
        _ => return Err(format!("an item of the type {kind}")),
    };
    need(item, needed, kind)?;
    hold(!text(item, "id").is_empty(), || format!("{kind} with an empty id"))?;
    if kind.ends_with("_call") && kind != "image_generation_call" {
        hold(!text(item, "call_id").is_empty(), || format!("{kind} with an empty call_id"))?;
    }
    for part in if kind == "message" { list(item, "content") } else { &[] } {
        match text(part, "type") {
            "output_text" => need(part, &["text", "annotations"], "output_text")?,
            "refusal" => need(part, &["refusal"], "refusal")?,
            other => return Err(format!("a part of the type {other}")),
        }
    }
    Ok(())
}

/// What deltas have added, by the kind of part and its number.
type Texts = BTreeMap<(String, u64), String>;

/// What a stream has said so far.
#[derive(Default)]
struct Grammar {
    /// Items by output_index: the item as it began, and what was added.
    open: BTreeMap<u64, (Value, Texts)>,
    /// Parts that began and have not ended.
    parts: Vec<(u64, String, u64)>,
    done: Vec<Value>,
    next: u64,
    ended: bool,
}

/// The grammar of a stream: <https://platform.openai.com/docs/api-reference/responses-streaming>.
pub(crate) fn check_stream(events: &[Sent]) -> Result<(Option<Answer>, Option<String>), String> {
    let mut grammar = Grammar::default();
    let mut failed = None;
    for (at, event) in events.iter().enumerate() {
        let data = event.value();
        let kind = text(&data, "type");
        hold(event.name == kind, || format!("the event {} holds {kind}", event.name))?;
        hold(data["sequence_number"] == at, || {
            format!("sequence_number {} of event {at}", data["sequence_number"])
        })?;
        // OpenAI itself says both: the error, then that the response failed.
        let goes_on = failed.is_none() || kind == "response.failed";
        hold(goes_on && !grammar.ended, || format!("{kind} behind the end"))?;
        match (at, kind) {
            (_, "error") => {
                need(&data, &["code", "message", "param"], "the error")?;
                failed = Some(text(&data, "message").to_owned());
            }
            (_, "response.failed") => {
                check_response(&data["response"])?;
                failed = Some(text(&data["response"]["error"], "message").to_owned());
            }
            (0, "response.created") | (1, "response.in_progress") => {
                check_response(&data["response"])?;
                let status = text(&data["response"], "status");
                hold(status == "in_progress", || format!("{kind} with the status {status}"))?;
            }
            (0 | 1, _) => return Err(format!("{kind} as event {at}")),
            _ => grammar.event(kind, &data)?,
        }
    }
    if failed.is_some() {
        return Ok((None, failed));
    }
    hold(grammar.ended, || "no response.completed".to_owned())?;
    match streamed(events) {
        Reading::Whole(answer) => Ok((Some(answer), None)),
        other => Err(format!("the stream reads as {other:?}")),
    }
}

impl Grammar {
    fn event(&mut self, kind: &str, data: &Value) -> Result<(), String> {
        match kind {
            "response.output_item.added" => {
                let index = data["output_index"].as_u64().ok_or("an item without output_index")?;
                hold(index == self.next, || format!("item {index} instead of {}", self.next))?;
                self.next += 1;
                hold(!text(&data["item"], "id").is_empty(), || "an item without id".to_owned())?;
                self.open.insert(index, (data["item"].clone(), BTreeMap::new()));
                Ok(())
            }
            "response.output_item.done" => self.item_done(data),
            "response.completed" | "response.incomplete" => {
                self.ended = true;
                hold(self.open.is_empty(), || "items are still open at the end".to_owned())?;
                let response = &data["response"];
                check_response(response)?;
                let status = kind.trim_start_matches("response.");
                hold(text(response, "status") == status, || format!("{kind}: {}", response["status"]))?;
                hold(list(response, "output") == self.done, || {
                    "the final output differs from the items that were done".to_owned()
                })
            }
            _ => self.inside(kind, data),
        }
    }

    fn item_done(&mut self, data: &Value) -> Result<(), String> {
        let index = data["output_index"].as_u64().ok_or("an item without output_index")?;
        let (begun, texts) = self.open.remove(&index).ok_or("an item ends that is not open")?;
        hold(!self.parts.iter().any(|(at, ..)| *at == index), || {
            "a part is open at its item's end".to_owned()
        })?;
        let item = &data["item"];
        hold(item["id"] == begun["id"] && item["type"] == begun["type"], || {
            "an item ends as another than it began".to_owned()
        })?;
        check_item(item)?;
        for ((kind, at), added) in texts {
            let place = match &*kind {
                "text" => format!("/content/{at}/text"),
                "refusal" => format!("/content/{at}/refusal"),
                "summary" => format!("/summary/{at}/text"),
                "arguments" => "/arguments".to_owned(),
                _ => "/input".to_owned(),
            };
            let whole = item.pointer(&place).and_then(Value::as_str).unwrap_or_default();
            hold(whole == added, || format!("{place} is {whole:.60?}, its deltas {added:.60?}"))?;
        }
        self.done.push(item.clone());
        Ok(())
    }

    fn inside(&mut self, kind: &str, data: &Value) -> Result<(), String> {
        let index = data["output_index"].as_u64().ok_or_else(|| format!("{kind} without output_index"))?;
        let Some((item, texts)) = self.open.get_mut(&index) else {
            return Err(format!("{kind} outside an item"));
        };
        hold(data["item_id"] == item["id"], || format!("{kind} with another item's id"))?;
        let at = data["content_index"].as_u64().or(data["summary_index"].as_u64()).unwrap_or(0);
        let name = kind.trim_start_matches("response.");
        let (what, end) = name.rsplit_once('.').ok_or_else(|| format!("the event {kind}"))?;
        let field = match what {
            "output_text" | "reasoning_text" => "text",
            "refusal" => "refusal",
            "reasoning_summary_text" => "summary",
            "function_call_arguments" => "arguments",
            "custom_tool_call_input" => "input",
            "content_part" | "reasoning_summary_part" => return self.part(what, end, index, at),
            "output_text.annotation" | "image_generation_call" => return Ok(()),
            _ => return Err(format!("the event {kind}")),
        };
        let added = texts.entry((field.to_owned(), at)).or_default();
        if end == "delta" {
            added.push_str(text(data, "delta"));
            return hold(!text(data, "delta").is_empty(), || format!("an empty {kind}"));
        }
        let member = match field {
            "summary" => "text",
            other => other,
        };
        hold(text(data, member) == added, || format!("{kind} differs from its deltas"))
    }

    fn part(&mut self, what: &str, end: &str, index: u64, at: u64) -> Result<(), String> {
        let this = (index, what.to_owned(), at);
        let open = self.parts.iter().position(|part| *part == this);
        match (end, open) {
            ("added", None) => self.parts.push(this),
            ("done", Some(at)) => {
                self.parts.remove(at);
            }
            _ => return Err(format!("{what}.{end} in the wrong place")),
        }
        Ok(())
    }
}
