//! A whole answer.

use super::{citations, types};
use crate::Usage;
use crate::chat::{Choice, Failure, Finish, Part, Reasoning, Response, Text, ToolCall, mint_id};
use crate::json::Json;
use crate::translate::Context;
use std::borrow::Cow;

/// Reads an answer.
pub(super) fn read<'a>(body: &Json<'a>, context: &Context) -> Result<Response<'a>, Failure> {
    let message = match body.get("message") {
        // An error with a good status has a text there.
        Some(Json::String(_)) => return Err(types::read_error(0, body.raw().as_bytes())),
        None if body.get("error").is_some() => return Err(types::read_error(0, body.raw().as_bytes())),
        None => return Err(Failure::malformed("an answer without a message")),
        Some(message) => message,
    };
    let id = body.get("id").and_then(Json::cow);
    let mut parts = read_content(message);
    if let Some(plan) = message.get("tool_plan").and_then(Json::cow).filter(|plan| !plan.is_empty()) {
        parts.push(reasoning(plan));
    }
    let answer = id.as_deref().unwrap_or(&context.request_id);
    let calls = message.get("tool_calls").map_or(&[][..], Json::items);
    parts.extend(calls.iter().enumerate().map(|(number, call)| read_call(call, answer, number)));
    let finish = body.get("finish_reason").and_then(Json::text).map_or(Finish::Stop, types::finish);
    let logprobs = body.get("logprobs").map_or(&[][..], Json::items);
    Ok(Response {
        choices: vec![Choice {
            finish: finish.with_tools(!calls.is_empty()),
            logprobs: logprobs.iter().filter_map(types::logprobs).collect(),
            parts,
            ..Choice::default()
        }],
        usage: body.get("usage").map(|usage| Usage::read(usage.raw().as_bytes())).unwrap_or_default(),
        id,
        ..Response::default()
    })
}

/// Texts with what they cite, and thoughts.
fn read_content<'a>(message: &Json<'a>) -> Vec<Part<'a>> {
    let Some(content) = message.get("content") else { return Vec::new() };
    if let Some(text) = content.cow() {
        return vec![Part::text(text)];
    }
    // A citation names its text by the number in the content; older ones don't, there is one text then.
    let items = content.items();
    let first = items.iter().position(|item| item.get("text").is_some()).unwrap_or(0);
    let mut cited: Vec<(usize, Vec<_>)> = Vec::new();
    for citation in message.get("citations").map_or(&[][..], Json::items) {
        let index = citation.get("content_index").and_then(Json::number);
        let index = index.and_then(|index| usize::try_from(index).ok()).unwrap_or(first);
        citations::read(citation, |one| match cited.last_mut() {
            Some((known, list)) if *known == index => list.push(one),
            _ => cited.push((index, vec![one])),
        });
    }
    let mut parts = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        if let Some(thought) = item.get("thinking").and_then(Json::cow) {
            parts.push(reasoning(thought));
        } else if let Some(text) = item.get("text").and_then(Json::cow) {
            let own = cited.iter_mut().filter(|(known, _)| *known == index);
            let citations = own.flat_map(|(_, list)| std::mem::take(list)).collect();
            parts.push(Part::Text(Text { text, citations, ..Text::default() }));
        }
    }
    parts
}

fn reasoning(text: Cow<'_, str>) -> Part<'_> {
    Part::Reasoning(Reasoning { text, ..Reasoning::default() })
}

fn read_call<'a>(call: &Json<'a>, answer: &str, number: usize) -> Part<'a> {
    let text = |path: &[&str]| call.at(path).and_then(Json::cow).filter(|text| !text.is_empty());
    Part::ToolCall(ToolCall {
        id: text(&["id"]).unwrap_or_else(|| Cow::Owned(mint_id(answer, number))),
        name: text(&["function", "name"]).unwrap_or_default(),
        // A call without arguments may say `null`.
        arguments: text(&["function", "arguments"]).filter(|text| text.trim() != "null").unwrap_or_default(),
        ..ToolCall::default()
    })
}
