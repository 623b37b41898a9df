//! A whole answer.

use super::types;
use crate::Usage;
use crate::chat::{Choice, Failure, Part, Reasoning, Response, ToolCall, failure_from, mint_id};
use crate::json::Json;
use crate::translate::Context;
use std::borrow::Cow;

/// Reads an answer.
pub(super) fn read<'a>(body: &Json<'a>, context: &Context) -> Result<Response<'a>, Failure> {
    if body.get("error").is_some() {
        return Err(failure_from(0, body.raw().as_bytes()));
    }
    let Some(message) = body.get("message") else {
        return Err(Failure::malformed("an answer without a message"));
    };
    let text = |name: &str| message.get(name).and_then(Json::cow).filter(|text| !text.is_empty());
    let mut parts = Vec::new();
    parts.extend(text("thinking").map(|text| Part::Reasoning(Reasoning { text, ..Reasoning::default() })));
    parts.extend(text("content").map(Part::text));
    let calls = message.get("tool_calls").map_or(&[][..], Json::items);
    let calls = calls.iter().enumerate();
    parts.extend(calls.map(|(number, call)| Part::ToolCall(read_call(call, &context.request_id, number))));
    let called = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let finish = body.get("done_reason").and_then(Json::text).map(types::finish).unwrap_or_default();
    Ok(Response {
        model: body.get("model").and_then(Json::cow),
        choices: vec![Choice {
            parts,
            finish: finish.with_tools(called),
            logprobs: types::logprobs(body),
            ..Choice::default()
        }],
        usage: usage(body),
        ..Response::default()
    })
}

/// The counts stand beside all else: <https://docs.ollama.com/api/usage>. A prompt that was cached may have none.
pub(super) fn usage(body: &Json<'_>) -> Usage {
    Usage {
        input: body.get("prompt_eval_count").and_then(Json::number),
        output: body.get("eval_count").and_then(Json::number),
        ..Usage::default()
    }
}

/// A call: older servers give it no id.
pub(super) fn read_call<'a>(call: &Json<'a>, answer: &str, number: usize) -> ToolCall<'a> {
    let id = call.get("id").and_then(Json::cow).filter(|id| !id.is_empty());
    let arguments = match call.at(&["function", "arguments"]) {
        // A text is no object, though some templates make it one.
        Some(Json::String(text)) => text.clone(),
        Some(arguments) => arguments.raw(),
        None => Cow::Borrowed(""),
    };
    ToolCall {
        id: id.unwrap_or_else(|| Cow::Owned(mint_id(answer, number))),
        name: call.at(&["function", "name"]).and_then(Json::cow).unwrap_or_default(),
        arguments,
        ..ToolCall::default()
    }
}
