//! A whole answer.

use super::{error, types};
use crate::Usage;
use crate::chat::{
    ANSWER_TOOL, Choice, Failure, Finish, Media, MediaKind, Part, Reasoning, Response, Source, Text, ToolCall,
};
use crate::json::Json;
use std::borrow::Cow;

/// Reads an answer.
pub(super) fn read<'a>(body: &Json<'a>) -> Result<Response<'a>, Failure> {
    let Some(message) = body.at(&["output", "message"]) else {
        // An error with a good status has its message where errors have it.
        let said = ["message", "Message", "__type"].into_iter().any(|name| body.get(name).is_some());
        return Err(match said {
            true => error::read(0, None, body.raw().as_bytes()),
            false => Failure::malformed("an answer without a message"),
        });
    };
    let mut parts = Vec::new();
    let mut answered = false;
    for block in message.get("content").map_or(&[][..], Json::items) {
        read_block(block, &mut parts, &mut answered);
    }
    let called = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let mut finish = types::finish(body.get("stopReason").and_then(Json::text).unwrap_or_default());
    if answered && !called && finish == Finish::ToolCalls {
        finish = Finish::Stop;
    }
    Ok(Response {
        choices: vec![Choice {
            parts,
            finish: finish.with_tools(called),
            stop_sequence: types::stop_sequence(body),
            ..Choice::default()
        }],
        usage: body.get("usage").map(|usage| Usage::read(usage.raw().as_bytes())).unwrap_or_default(),
        service_tier: body.at(&["serviceTier", "type"]).and_then(Json::cow),
        ..Response::default()
    })
}

/// One block of content: an object with one member. What is not known is left out, and so are calls that Bedrock
/// answered itself, with their results.
fn read_block<'a>(block: &Json<'a>, parts: &mut Vec<Part<'a>>, answered: &mut bool) {
    if let Some(text) = block.get("text").and_then(Json::cow) {
        parts.push(Part::text(text));
    } else if let Some(reasoning) = block.get("reasoningContent") {
        parts.extend(read_reasoning(reasoning).map(Part::Reasoning));
    } else if let Some(call) = block.get("toolUse").filter(|call| !types::is_server_call(call)) {
        let text = |name| call.get(name).and_then(Json::cow).unwrap_or_default();
        let arguments = call.get("input").map(Json::raw).unwrap_or_default();
        if text("name") == ANSWER_TOOL {
            *answered = true;
            parts.push(Part::text(arguments));
        } else {
            let call =
                ToolCall { id: text("toolUseId"), name: text("name"), arguments, ..ToolCall::default() };
            parts.push(Part::ToolCall(call));
        }
    } else if let Some(cited) = block.get("citationsContent") {
        let mut text = Text::default();
        for content in cited.get("content").map_or(&[][..], Json::items) {
            if let Some(more) = content.get("text").and_then(Json::cow) {
                if text.text.is_empty() {
                    text.text = more;
                } else {
                    text.text.to_mut().push_str(&more);
                }
            }
        }
        let citations = cited.get("citations").map_or(&[][..], Json::items);
        text.citations = citations.iter().map(types::citation).collect();
        match parts.last_mut() {
            // Sources of the whole answer come behind it, without words of their own.
            Some(Part::Text(before)) if text.text.is_empty() => before.citations.append(&mut text.citations),
            _ => parts.push(Part::Text(text)),
        }
    } else if let Some(image) = block.get("image")
        && let Some(bytes) = image.at(&["source", "bytes"]).and_then(Json::cow)
    {
        let format = image.get("format").and_then(Json::text).unwrap_or("png");
        let media_type = Some(Cow::Owned(["image/", format].concat()));
        parts.push(Part::Media(Media { media_type, ..Media::new(MediaKind::Image, Source::Base64(bytes)) }));
    }
}

fn read_reasoning<'a>(reasoning: &Json<'a>) -> Option<Reasoning<'a>> {
    if let Some(blob) = reasoning.get("redactedContent").and_then(Json::text) {
        return Some(Reasoning { state: Some(types::redacted(blob)), ..Reasoning::default() });
    }
    let text = reasoning.get("reasoningText")?;
    let signature = text.get("signature").and_then(Json::cow).filter(|signature| !signature.is_empty());
    Some(Reasoning {
        text: text.get("text").and_then(Json::cow).unwrap_or_default(),
        summary: false,
        state: signature.map(types::signature),
    })
}
