//! Writes a whole answer for a client.
//! <https://platform.openai.com/docs/api-reference/chat/object>

use super::{details, extras, types};
use crate::chat::{
    Bind, Choice, Media, MediaKind, Part, Reasoning, Response, Source, State, StateKind, Text, ToolCall,
    arguments_text, data_url,
};
use crate::json::Writer;
use crate::translate::Context;

/// Writes the body.
pub(super) fn write(response: &Response<'_>, context: &Context) -> Vec<u8> {
    let legacy = context.echo == types::LEGACY;
    let mut out = Writer::with_capacity(2048 + response.choices.iter().map(room).sum::<usize>());
    out.begin().member("id", &answer_id(response.id.as_deref(), context));
    out.member("object", "chat.completion");
    out.name("created").number(response.created.unwrap_or(context.now));
    out.member("model", response.model.as_deref().unwrap_or(&context.model));
    out.name("choices").list();
    for choice in &response.choices {
        write_choice(choice, legacy, context, &mut out);
    }
    out.end_list();
    if !response.usage.is_unknown() {
        out.name("usage");
        types::write_usage(&response.usage, &mut out);
    }
    out.member_if("service_tier", response.service_tier.as_deref().and_then(types::tier_word));
    out.end();
    out.into_bytes()
}

/// The provider's id of the answer, else one made of ours.
pub(super) fn answer_id(id: Option<&str>, context: &Context) -> String {
    id.map_or_else(|| ["chatcmpl-", &context.request_id].concat(), str::to_owned)
}

fn room(choice: &Choice<'_>) -> usize {
    let room = |part: &Part<'_>| match part {
        Part::Text(text) => text.text.len(),
        Part::Reasoning(reasoning) => 2 * reasoning.text.len(),
        Part::ToolCall(call) => call.arguments.len() + 256,
        Part::Media(Media { source: Source::Base64(data), .. }) => data.len(),
        _ => 64,
    };
    choice.parts.iter().map(room).sum::<usize>() + 256
}

fn write_choice(choice: &Choice<'_>, legacy: bool, context: &Context, out: &mut Writer) {
    out.begin().name("index").number(u64::from(choice.index)).name("message").begin();
    out.member("role", "assistant").name("content");
    let texts: Vec<&Text<'_>> = choice
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(text),
            _ => None,
        })
        .collect();
    let refusals: Vec<&str> = choice
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Refusal(text) => Some(&**text),
            _ => None,
        })
        .collect();
    let called = choice.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let silent = texts.iter().all(|text| text.text.is_empty());
    if silent && (called || !refusals.is_empty()) {
        out.null();
    } else {
        out.strings(&texts.iter().map(|text| &*text.text).collect::<Vec<_>>());
    }
    out.name("refusal");
    if refusals.is_empty() {
        out.null()
    } else {
        out.strings(&refusals)
    };
    annotations(&texts, out);
    reasoning(&choice.parts, out);
    media(&choice.parts, context, out);
    calls(&choice.parts, legacy, out);
    out.end().name("logprobs");
    extras::write_logprobs(&choice.logprobs, out);
    out.member("finish_reason", types::finish_word(choice.finish, legacy)).end();
}

fn annotations(texts: &[&Text<'_>], out: &mut Writer) {
    out.name("annotations").list();
    let mut start = 0;
    for text in texts {
        if !text.citations.is_empty() || texts.len() > 1 {
            let end = start + text.text.chars().count() as u64;
            for citation in &text.citations {
                extras::write_annotation(citation, start, end, out);
            }
            start = end;
        }
    }
    out.end_list();
}

/// What can be read as `reasoning_content`; all of it as `reasoning_details` where there is state to come back.
fn reasoning(parts: &[Part<'_>], out: &mut Writer) {
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Reasoning(reasoning) if !reasoning.text.is_empty() => Some(&*reasoning.text),
            _ => None,
        })
        .collect();
    if !texts.is_empty() {
        let apart = |at: usize| if at == 0 { "" } else { "\n\n" };
        let pieces: Vec<&str> = texts.iter().enumerate().flat_map(|(at, text)| [apart(at), text]).collect();
        out.name("reasoning_content").strings(&pieces);
    }
    if parts.iter().any(|part| listed_state(part).is_some()) {
        out.name("reasoning_details").list();
        let mut index = 0;
        for part in parts {
            if let Part::Reasoning(stretch) = part {
                index += details::write(stretch, index, out);
            } else if let Some(state) = listed_state(part) {
                let call = match part {
                    Part::ToolCall(call) => Some(&*call.id),
                    _ => None,
                };
                details::encrypted(state, call, index, out);
                index += 1;
            }
        }
        out.end_list();
    }
    let text = parts.iter().rev().find_map(|part| match part {
        Part::Text(Text { state: Some(state), .. }) if google(state) => Some(state),
        _ => None,
    });
    if let Some(state) = text {
        details::write_extra(&state.data, out);
    }
}

/// Google's signatures of calls and texts stand in `extra_content`.
pub(super) fn google(state: &State<'_>) -> bool {
    state.kind == StateKind::GeminiThought && state.bind != Bind::Reasoning
}

/// The state that has to be an entry of `reasoning_details`.
fn listed_state<'r, 'a>(part: &'r Part<'a>) -> Option<&'r State<'a>> {
    match part {
        Part::Reasoning(Reasoning { state, .. }) => state.as_ref(),
        Part::Text(Text { state, .. }) | Part::ToolCall(ToolCall { state, .. }) => {
            state.as_ref().filter(|state| !google(state))
        }
        Part::Media(media) => media.state.as_ref(),
        Part::ToolResult(_) | Part::Refusal(_) | Part::Json(_) => None,
    }
}

/// Images as OpenRouter has them, a recording as OpenAI does.
/// <https://openrouter.ai/docs/features/multimodal/image-generation>
fn media(parts: &[Part<'_>], context: &Context, out: &mut Writer) {
    let of = |kind: MediaKind| {
        parts.iter().filter_map(move |part| match part {
            Part::Media(media) if media.kind == kind => Some(media),
            _ => None,
        })
    };
    if of(MediaKind::Image).next().is_some() {
        out.name("images").list();
        of(MediaKind::Image).for_each(|media| write_image(media, out));
        out.end_list();
    }
    if let Some(media) = of(MediaKind::Audio).next() {
        write_audio(media, context, out);
    }
}

/// `{type: image_url, image_url: {url}}`
pub(super) fn write_image(media: &Media<'_>, out: &mut Writer) {
    let (Source::Base64(text) | Source::Url(text)) = &media.source else { return };
    out.begin().member("type", "image_url").name("image_url").begin().name("url");
    if media.url().is_some() {
        out.string(text);
    } else {
        out.strings(&data_url(media.media_type(), text));
    }
    out.end().end();
}

/// The member `audio`. It can't be named in a later turn: nobody keeps it.
pub(super) fn write_audio(media: &Media<'_>, context: &Context, out: &mut Writer) {
    let Source::Base64(data) = &media.source else { return };
    out.name("audio").begin().name("id").strings(&["audio_", &context.request_id]);
    out.name("expires_at").number(context.now).member("data", data).member("transcript", "").end();
}

fn calls(parts: &[Part<'_>], legacy: bool, out: &mut Writer) {
    let mut calls = parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        })
        .peekable();
    let Some(first) = calls.peek() else { return };
    if legacy {
        out.name("function_call").begin().member("name", &first.name);
        out.member("arguments", arguments_text(&first.arguments)).end();
        return;
    }
    out.name("tool_calls").list();
    for call in calls {
        out.begin().member("id", &call.id);
        if call.custom {
            out.member("type", "custom").name("custom").begin();
            out.member("name", &call.name).member("input", &call.arguments).end();
        } else {
            out.member("type", "function").name("function").begin();
            out.member("name", &call.name).member("arguments", arguments_text(&call.arguments)).end();
        }
        if let Some(state) = call.state.as_ref().filter(|state| google(state)) {
            details::write_extra(&state.data, out);
        }
        out.end();
    }
    out.end_list();
}
