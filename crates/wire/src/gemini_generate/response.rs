//! A whole answer, both ways.

use super::stream_in::Reader;
use super::{parts_out, types};
use crate::chat::{Choice, Collector, Event, Failure, Part, Response};
use crate::json::{Json, Writer};
use crate::translate::Context;

/// Reads a whole answer, or the list of chunks that a stream without `alt=sse` is.
pub(super) fn read(body: &Json<'_>, context: &Context) -> Result<Response<'static>, Failure> {
    // One without candidates may be right: a refused prompt, an answer of no words. Then it says at least what it cost.
    let known = ["candidates", "promptFeedback", "usageMetadata", "responseId", "error"];
    if matches!(body, Json::Object(_)) && known.iter().all(|name| body.get(name).is_none()) {
        return Err(Failure::malformed("an answer without `candidates`"));
    }
    let mut reader = Reader::new(context);
    let mut collector = Collector::default();
    let mut on = |event: Event<'_>| collector.push(event);
    reader.chunk(body, &mut on);
    // A list is a stream: it says itself when it is whole.
    reader.end(!matches!(body, Json::Array(_)), &mut on);
    collector.finish()
}

/// Writes a whole answer.
pub(super) fn write(response: &Response<'_>, context: &Context) -> Vec<u8> {
    let mut out = Writer::with_capacity(512 + response.choices.iter().map(size).sum::<usize>());
    out.begin().name("candidates").list();
    response.choices.iter().for_each(|choice| candidate(choice, &mut out));
    out.end_list();
    types::write_usage(&response.usage, &mut out);
    out.member("modelVersion", response.model.as_deref().unwrap_or(&context.model));
    out.member("responseId", response.id.as_deref().unwrap_or(&context.request_id));
    out.end();
    out.into_bytes()
}

fn size(choice: &Choice<'_>) -> usize {
    let parts = choice.parts.iter().map(|part| match part {
        Part::Text(text) => text.text.len(),
        Part::Reasoning(reasoning) => reasoning.text.len(),
        Part::Media(media) => match &media.source {
            crate::chat::Source::Base64(data) => data.len(),
            _ => 128,
        },
        Part::ToolCall(call) => call.arguments.len(),
        Part::Refusal(text) => text.len(),
        Part::ToolResult(_) | Part::Json(_) => 0,
    });
    parts.map(|part| part + 128).sum()
}

fn candidate(choice: &Choice<'_>, out: &mut Writer) {
    out.begin().name("content").begin().name("parts").list();
    let (mut citations, mut said) = (Vec::new(), String::new());
    for part in &choice.parts {
        match part {
            Part::Text(text) => {
                if !text.text.is_empty() || text.state.is_some() {
                    parts_out::text(&text.text, false, text.state.as_ref(), out);
                }
                citations.extend(text.citations.iter().cloned());
            }
            Part::Reasoning(reasoning) => {
                parts_out::text(&reasoning.text, true, reasoning.state.as_ref(), out);
            }
            Part::ToolCall(call) => {
                parts_out::call(&call.id, &call.name, &call.object(), call.state.as_ref(), out);
            }
            Part::Media(media) => parts_out::media(media, out),
            // Gemini declines in words.
            Part::Refusal(text) => parts_out::text(text, false, None, out),
            // Neither is ever part of an answer.
            Part::ToolResult(_) | Part::Json(_) => {}
        }
    }
    out.end_list().member("role", "model").end();
    parts_out::finish(choice.finish, out);
    out.name("index").number(u64::from(choice.index));
    if !citations.is_empty() {
        for part in &choice.parts {
            if let Part::Text(text) = part {
                said.push_str(&text.text);
            }
        }
        parts_out::grounding(&citations, Some(&said), out);
    }
    if !choice.logprobs.is_empty() {
        parts_out::logprobs(&choice.logprobs, out);
    }
    out.end();
}
