//! An upstream's whole response is read. Items of tools that the vendor runs itself say nothing that the neutral model
//! has a place for, and are passed over.

use crate::Usage;
use crate::chat::{
    Bind, Choice, Citation, Failure, Media, MediaKind, Part, Reasoning, Response, Source, State, StateKind,
    Text, TokenLogprob, ToolCall, failure_from, mint_id,
};
use crate::json::Json;
use crate::translate::Context;
use std::borrow::Cow;

/// Reads a response; one that failed, or that is still being worked on, is a failure.
pub(super) fn read<'a>(body: &Json<'a>, context: &Context) -> Result<Response<'a>, Failure> {
    if let Some(failure) = failed(body) {
        return Err(failure);
    }
    let mut choice = Choice::default();
    for (number, item) in body.get("output").map_or(&[][..], Json::items).iter().enumerate() {
        read_item(item, number, context, &mut choice);
    }
    if let Some(text) = body.get("output_text").and_then(Json::cow)
        && !text.is_empty()
        && !choice.parts.iter().any(|part| matches!(part, Part::Text(_)))
    {
        choice.parts.push(Part::text(text));
    }
    let called = choice.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let refused = choice.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    choice.finish = super::types::finish(body, called, refused);
    Ok(Response {
        id: body.get("id").and_then(Json::cow),
        model: body.get("model").and_then(Json::cow),
        created: body.get("created_at").and_then(Json::number),
        choices: vec![choice],
        usage: usage(body),
        service_tier: body.get("service_tier").and_then(Json::cow),
    })
}

/// The tokens of a response.
pub(super) fn usage(response: &Json<'_>) -> Usage {
    response.get("usage").map_or_else(Usage::default, |usage| Usage::read(usage.raw().as_bytes()))
}

fn failed(body: &Json<'_>) -> Option<Failure> {
    let status = body.get("status").and_then(Json::text);
    if body.get("error").is_some() || status == Some("failed") {
        return Some(failure(body));
    }
    match status {
        Some("cancelled") => Some(Failure::new(502, "cancelled", "The upstream cancelled the response.")),
        // A response in the background: it has to be asked for again, which no other dialect knows.
        Some("queued" | "in_progress") => Some(Failure::incomplete()),
        _ if body.get("output").is_none() => Some(Failure::malformed("a response without `output`")),
        _ => None,
    }
}

/// What a failed response, or an `error` event, says of it: flat, or in an object `error`.
pub(super) fn failure(said: &Json<'_>) -> Failure {
    let mut failure = failure_from(0, said.raw().as_bytes());
    // The event's own type, which says nothing.
    failure.kind.take_if(|kind| matches!(kind.as_str(), "error" | "failed") || kind.starts_with("response."));
    failure
}

fn read_item<'a>(item: &Json<'a>, number: usize, context: &Context, choice: &mut Choice<'a>) {
    match item.get("type").and_then(Json::text) {
        Some("message") => {
            for content in item.get("content").map_or(&[][..], Json::items) {
                choice.parts.extend(content_part(content));
                choice.logprobs.extend(logprobs(content));
            }
        }
        Some("reasoning") => {
            let (text, summary) = reasoning_text(item);
            let state = state(item);
            if !text.is_empty() || state.is_some() {
                choice.parts.push(Part::Reasoning(Reasoning { text, summary, state }));
            }
        }
        Some("function_call" | "custom_tool_call") => {
            let custom = is_custom(item);
            choice.parts.push(Part::ToolCall(ToolCall {
                id: call_id(item).unwrap_or_else(|| Cow::Owned(mint_id(&context.request_id, number))),
                name: item.get("name").and_then(Json::cow).unwrap_or_default(),
                arguments: arguments(item).unwrap_or_default(),
                custom,
                ..ToolCall::default()
            }));
        }
        Some("image_generation_call") => choice.parts.extend(image(item).map(Part::Media)),
        _ => {}
    }
}

fn content_part<'a>(content: &Json<'a>) -> Option<Part<'a>> {
    if let Some(refusal) = content.get("refusal").and_then(Json::cow) {
        return Some(Part::Refusal(refusal));
    }
    let text = content.get("text").and_then(Json::cow)?;
    let citations = content.get("annotations").map_or(&[][..], Json::items).iter().filter_map(citation);
    Some(Part::Text(Text { text, citations: citations.collect(), ..Text::default() }))
}

/// What can be read of a reasoning item, and whether it is a summary: the text itself where it is shown (open models),
/// else its summary.
pub(super) fn reasoning_text<'a>(item: &Json<'a>) -> (Cow<'a, str>, bool) {
    let text = joined(item.get("content"));
    if text.is_empty() { (joined(item.get("summary")), true) } else { (text, false) }
}

/// The texts of a list of parts, with a blank line between them.
fn joined<'a>(parts: Option<&Json<'a>>) -> Cow<'a, str> {
    let parts = parts.map_or(&[][..], Json::items).iter();
    let mut texts = parts.filter_map(|part| part.get("text").and_then(Json::cow));
    let Some(mut all) = texts.next() else { return Cow::Borrowed("") };
    for more in texts {
        let all = all.to_mut();
        all.push_str("\n\n");
        all.push_str(&more);
    }
    all
}

/// The encrypted reasoning of an item.
pub(super) fn state<'a>(item: &Json<'a>) -> Option<State<'a>> {
    let data = item.get("encrypted_content").and_then(Json::cow).filter(|data| !data.is_empty())?;
    Some(State { kind: StateKind::OpenAiEncrypted, bind: Bind::Reasoning, data })
}

/// The item calls a custom tool.
pub(super) fn is_custom(item: &Json<'_>) -> bool {
    item.get("type").and_then(Json::text) == Some("custom_tool_call")
}

/// The id that the result has to name; an item's own id stands in where there is none.
pub(super) fn call_id<'a>(item: &Json<'a>) -> Option<Cow<'a, str>> {
    let of = |name| item.get(name).and_then(Json::cow).filter(|id| !id.is_empty());
    of("call_id").or_else(|| of("id"))
}

/// A call's arguments, or its input. Some servers give arguments as an object.
pub(super) fn arguments<'a>(item: &Json<'a>) -> Option<Cow<'a, str>> {
    match item.get("arguments").or_else(|| item.get("input"))? {
        Json::String(text) => Some(text.clone()),
        object @ Json::Object(_) => Some(object.raw()),
        _ => None,
    }
}

/// A source. Files have no address: their name stands for a title.
pub(super) fn citation<'a>(annotation: &Json<'a>) -> Option<Citation<'a>> {
    let text = |name| annotation.get(name).and_then(Json::cow);
    let citation = Citation {
        url: text("url"),
        title: text("title").or_else(|| text("filename")),
        cited: None,
        start: annotation.get("start_index").and_then(Json::number),
        end: annotation.get("end_index").and_then(Json::number),
    };
    (citation.url.is_some() || citation.title.is_some()).then_some(citation)
}

/// A generated image; `result` is base64: `ImageGenToolCall` of OpenAI's description.
pub(super) fn image<'a>(item: &Json<'a>) -> Option<Media<'a>> {
    let data = item.get("result").and_then(Json::cow).filter(|data| !data.is_empty())?;
    let mut media = Media::new(MediaKind::Image, Source::Base64(data));
    let format = item.get("output_format").and_then(Json::text);
    media.media_type = format.map(|format| Cow::Owned(format!("image/{format}")));
    Some(media)
}

/// The log probabilities of a content part or of a delta.
pub(super) fn logprobs<'a>(content: &Json<'a>) -> Vec<TokenLogprob<'a>> {
    content.get("logprobs").map_or(&[][..], Json::items).iter().map(logprob).collect()
}

fn logprob<'a>(token: &Json<'a>) -> TokenLogprob<'a> {
    let bytes = token.get("bytes").map(|bytes| {
        bytes.items().iter().filter_map(|byte| u8::try_from(byte.number()?).ok()).collect::<Vec<u8>>()
    });
    TokenLogprob {
        token: token.get("token").and_then(Json::cow).unwrap_or_default(),
        logprob: token.get("logprob").and_then(Json::float).unwrap_or_default(),
        bytes,
        top: token.get("top_logprobs").map_or(&[][..], Json::items).iter().map(logprob).collect(),
    }
}
