//! A whole answer of an upstream, read leniently: OpenAI and all that follow it.

use super::{details, extras, types};
use crate::Usage;
use crate::chat::{
    Bind, Choice, Citation, Failure, Finish, Media, MediaKind, Part, Reasoning, Response, Source, State,
    StateKind, Text, ToolCall, failure_from, mint_id,
};
use crate::json::Json;
use crate::translate::Context;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Reads an answer; an error in its place, or in its only choice, is a failure.
pub(super) fn read<'a>(body: &Json<'a>, context: &Context) -> Result<Response<'a>, Failure> {
    let choices = body.get("choices").map_or(&[][..], Json::items);
    if is_error(body) {
        return Err(failure_from(0, body.raw().as_bytes()));
    }
    // OpenRouter: the choice holds what the provider behind it said.
    if let Some(broken) = choices.iter().find(|choice| matches!(choice.get("error"), Some(Json::Object(_)))) {
        return Err(failure_from(0, broken.raw().as_bytes()));
    }
    if choices.is_empty() {
        return Err(Failure::malformed("there are no choices"));
    }
    let id = body.get("id").and_then(Json::cow).filter(|id| !id.is_empty());
    let seed = id.as_deref().unwrap_or(&context.request_id);
    let mut read: Vec<Choice<'a>> =
        choices.iter().enumerate().map(|(at, choice)| read_choice(choice, at, seed)).collect();
    if let Some(first) = read.first_mut() {
        add_sources(first, extras::read_sources(body));
    }
    Ok(Response {
        model: body.get("model").and_then(Json::cow).filter(|model| !model.is_empty()),
        created: body.get("created").and_then(Json::number).filter(|created| *created > 0),
        choices: read,
        usage: read_usage(body).unwrap_or_default(),
        service_tier: body.get("service_tier").and_then(Json::cow),
        id,
    })
}

/// The whole answer, or a chunk, is an error: `error` in it, or one of the forms without that member.
pub(super) fn is_error(body: &Json<'_>) -> bool {
    match body.get("error") {
        Some(Json::Object(_) | Json::Array(_)) => true,
        Some(Json::String(text)) => !text.is_empty(),
        _ => {
            let without = body.get("choices").is_none();
            let says = ["message", "detail"].into_iter().any(|name| body.get(name).is_some());
            without && says
        }
    }
}

/// Usage where the dialect has it, or where Groq's streams do.
pub(super) fn read_usage(body: &Json<'_>) -> Option<Usage> {
    let object = body.get("usage").or_else(|| body.at(&["x_groq", "usage"]));
    let usage = Usage::read(object?.raw().as_bytes());
    (!usage.is_unknown()).then_some(usage)
}

fn read_choice<'a>(choice: &Json<'a>, at: usize, seed: &str) -> Choice<'a> {
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    let index = choice.get("index").and_then(Json::number).and_then(|index| u32::try_from(index).ok());
    let index = index.unwrap_or(at);
    let mut parts = Vec::new();
    // Servers that always stream inside put `delta` here.
    if let Some(message) = choice.get("message").or_else(|| choice.get("delta")) {
        read_message(message, index, seed, &mut parts);
    }
    let called = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let word = choice.get("finish_reason").and_then(Json::text).unwrap_or_default();
    let finish = types::read_finish(word).unwrap_or(Finish::Stop);
    // vLLM says which stop text it was.
    let stop_sequence = choice.get("stop_reason").and_then(Json::cow).filter(|_| finish == Finish::Stop);
    let finish = if stop_sequence.is_some() { Finish::StopSequence } else { finish };
    Choice {
        index,
        parts,
        finish: finish.with_tools(called),
        stop_sequence,
        logprobs: extras::read_logprobs(choice),
    }
}

fn read_message<'a>(message: &Json<'a>, choice: u32, seed: &str, parts: &mut Vec<Part<'a>>) {
    let (stretches, mut states) =
        details::read_all(message.get("reasoning_details").map_or(&[][..], Json::items));
    // The list and the plain text say the same; only one of them counts.
    if !stretches.iter().any(|stretch| !stretch.text.is_empty())
        && let Some(text) = plain_reasoning(message)
    {
        parts.push(Part::Reasoning(Reasoning { text, ..Reasoning::default() }));
    }
    parts.extend(stretches.into_iter().map(Part::Reasoning));
    if let Some(signature) = details::read_extra(message) {
        let data = signature;
        states.push((Cow::Borrowed(""), State { kind: StateKind::GeminiThought, bind: Bind::Text, data }));
    }
    read_content(message, parts);
    for annotation in message.get("annotations").map_or(&[][..], Json::items) {
        if let Some(citation) = extras::read_annotation(annotation) {
            cite(parts, citation);
        }
    }
    if let Some(refusal) = message.get("refusal").and_then(Json::cow).filter(|text| !text.is_empty()) {
        parts.push(Part::Refusal(refusal));
    }
    let images = message.get("images").map_or(&[][..], Json::items);
    parts.extend(images.iter().filter_map(read_image).map(Part::Media));
    read_audio(message, parts);
    read_calls(message, choice, seed, &mut states, parts);
    // What belongs to no call belongs to the text.
    for (_, state) in states {
        match parts.iter_mut().rev().find_map(|part| match part {
            Part::Text(text) => Some(text),
            _ => None,
        }) {
            Some(text) if text.state.is_none() => text.state = Some(State { bind: Bind::Text, ..state }),
            _ => {
                let state = Some(State { bind: Bind::Reasoning, ..state });
                parts.push(Part::Reasoning(Reasoning { state, ..Reasoning::default() }));
            }
        }
    }
}

/// The plain text of the reasoning: `reasoning_content` (DeepSeek, xAI, vLLM) or `reasoning` (Groq, Cerebras,
/// OpenRouter, Ollama).
pub(super) fn plain_reasoning<'a>(message: &Json<'a>) -> Option<Cow<'a, str>> {
    let names = ["reasoning_content", "reasoning"];
    names.into_iter().find_map(|name| message.get(name)?.cow().filter(|text| !text.is_empty()))
}

/// A text, or Mistral's list of parts: <https://docs.mistral.ai/capabilities/reasoning>.
fn read_content<'a>(message: &Json<'a>, parts: &mut Vec<Part<'a>>) {
    match message.get("content") {
        Some(Json::String(text)) if !text.is_empty() => parts.push(Part::text(text.clone())),
        Some(list @ Json::Array(_)) => {
            for part in list.items() {
                match read_part(part) {
                    Some(Part::Text(more)) => match parts.last_mut() {
                        Some(Part::Text(text)) => text.text.to_mut().push_str(&more.text),
                        _ => parts.push(Part::Text(more)),
                    },
                    Some(other) => parts.push(other),
                    None => {}
                }
            }
        }
        _ => {}
    }
}

/// One part of a content that is a list.
pub(super) fn read_part<'a>(part: &Json<'a>) -> Option<Part<'a>> {
    match part.get("type").and_then(Json::text) {
        Some("thinking") => {
            let text = match part.get("thinking")? {
                Json::String(text) => text.clone(),
                list => {
                    let texts = list.items().iter().filter_map(|piece| piece.get("text")?.text());
                    Cow::Owned(texts.collect())
                }
            };
            (!text.is_empty()).then_some(Part::Reasoning(Reasoning { text, ..Reasoning::default() }))
        }
        Some("image_url") => read_image(part).map(Part::Media),
        Some("refusal") => part.get("refusal")?.cow().map(Part::Refusal),
        _ => {
            let text = part.get("text")?.cow().filter(|text| !text.is_empty())?;
            Some(Part::text(text))
        }
    }
}

/// `{type: image_url, image_url: {url}}`; the address may stand there without its object.
pub(super) fn read_image<'a>(image: &Json<'a>) -> Option<Media<'a>> {
    let address = image.get("image_url")?;
    let url = address.cow().or_else(|| address.get("url")?.cow()).filter(|url| !url.is_empty())?;
    Some(Media::from_url(MediaKind::Image, url))
}

/// <https://platform.openai.com/docs/guides/audio>: what was said stands in the transcript, the content is null.
fn read_audio<'a>(message: &Json<'a>, parts: &mut Vec<Part<'a>>) {
    let Some(audio) = message.get("audio") else { return };
    if let Some(said) = audio.get("transcript").and_then(Json::cow).filter(|said| !said.is_empty())
        && !parts.iter().any(|part| matches!(part, Part::Text(_)))
    {
        parts.push(Part::text(said));
    }
    if let Some(data) = audio.get("data").and_then(Json::cow).filter(|data| !data.is_empty()) {
        parts.push(Part::Media(Media::new(MediaKind::Audio, Source::Base64(data))));
    }
}

fn read_calls<'a>(
    message: &Json<'a>,
    choice: u32,
    seed: &str,
    states: &mut Vec<(Cow<'a, str>, State<'a>)>,
    parts: &mut Vec<Part<'a>>,
) {
    let listed = message.get("tool_calls").map_or(&[][..], Json::items);
    // <https://platform.openai.com/docs/api-reference/chat/object>: `function_call` is the older form.
    let legacy = message.get("function_call").filter(|_| listed.is_empty());
    let mut calls: Vec<ToolCall<'a>> = Vec::new();
    let mut ids = BTreeSet::new();
    for call in listed.iter().chain(legacy) {
        let Some(mut read) = read_call(call) else { continue };
        if read.id.is_empty() || ids.contains(&read.id) {
            read.id = Cow::Owned(minted(seed, choice, calls.len()));
        }
        ids.insert(read.id.clone());
        if read.state.is_none()
            && let Some(at) = states.iter().position(|(id, _)| *id == read.id)
        {
            read.state = Some(states.swap_remove(at).1);
        }
        calls.push(read);
    }
    // A signature of the message is that of its first call, where that has none.
    if let Some(first) = calls.first_mut()
        && first.state.is_none()
        && let Some(at) = states.iter().position(|(id, _)| id.is_empty())
    {
        first.state = Some(State { bind: Bind::Call, ..states.swap_remove(at).1 });
    }
    parts.extend(calls.into_iter().map(Part::ToolCall));
}

/// The id of a call that came without one.
pub(super) fn minted(seed: &str, choice: u32, number: usize) -> String {
    if choice == 0 { mint_id(seed, number) } else { mint_id(&format!("{seed}/{choice}"), number) }
}

fn read_call<'a>(call: &Json<'a>) -> Option<ToolCall<'a>> {
    let custom = call.get("custom");
    let function = call.get("function").or(custom).unwrap_or(call);
    let name = function.get("name")?.cow().filter(|name| !name.is_empty())?;
    let arguments = function.get(if custom.is_some() { "input" } else { "arguments" });
    Some(ToolCall {
        id: call.get("id").and_then(Json::cow).unwrap_or_default(),
        name,
        arguments: arguments.map(arguments_of).unwrap_or_default(),
        custom: custom.is_some(),
        cache: None,
        state: details::read_extra(call).map(|data| State {
            kind: StateKind::GeminiThought,
            bind: Bind::Call,
            data,
        }),
    })
}

/// A text; some servers send the object itself.
pub(super) fn arguments_of<'a>(arguments: &Json<'a>) -> Cow<'a, str> {
    match arguments {
        Json::String(text) => text.clone(),
        other => other.raw(),
    }
}

fn cite<'a>(parts: &mut [Part<'a>], citation: Citation<'a>) {
    let text = parts.iter_mut().rev().find_map(|part| match part {
        Part::Text(text) => Some(text),
        _ => None,
    });
    if let Some(Text { citations, .. }) = text {
        citations.push(citation);
    }
}

/// The sources of the whole answer, unless its text names its own.
fn add_sources<'a>(choice: &mut Choice<'a>, sources: Vec<Citation<'a>>) {
    let cites = |part: &Part<'_>| matches!(part, Part::Text(text) if !text.citations.is_empty());
    if !choice.parts.iter().any(cites) {
        sources.into_iter().for_each(|source| cite(&mut choice.parts, source));
    }
}
