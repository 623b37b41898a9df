//! Input items become turns: messages, calls, results and reasoning stand side by side here, and what the model made in
//! one go is one turn of its own again.

use super::tools_in::{dropped, joined as joined_name, read_tools};
use crate::chat::{
    Bind, Cache, Media, MediaKind, Part, Reasoning, Request, Role, Source, State, StateKind, Text, ToolCall,
    ToolResult, Turn, reattach,
};
use crate::json::{Fields, Invalid, Json, Path};
use std::borrow::Cow;

/// Reads `input`: a text, or items.
pub(super) fn read_input<'a>(
    path: Path<'_>,
    input: Json<'a>,
    request: &mut Request<'a>,
) -> Result<(), Invalid> {
    let items = match input {
        Json::String(text) => {
            let parts = vec![Part::text(text)];
            request.turns.push(Turn { role: Role::User, parts, ..Turn::default() });
            return Ok(());
        }
        Json::Array(array) => array.items,
        other => {
            return Err(path.invalid(format!("must be a string or an array, not {}", other.kind())));
        }
    };
    if items.is_empty() {
        return Err(path.invalid("must not be empty"));
    }
    for (at, item) in items.into_iter().enumerate() {
        read_item(&path, at, item, request)?;
    }
    for turn in request.turns.iter_mut().filter(|turn| turn.role == Role::Assistant) {
        turn.parts = reattach(std::mem::take(&mut turn.parts));
    }
    Ok(())
}

fn read_item<'a>(
    path: &Path<'_>,
    at: usize,
    item: Json<'a>,
    request: &mut Request<'a>,
) -> Result<(), Invalid> {
    let mut fields = Fields::new(path.index(at), item)?;
    let kind = match fields.text("type")? {
        Some(kind) => kind,
        // An easy message may leave its type out; some clients do so with references, too.
        None if fields.peek("role").is_some() => Cow::Borrowed("message"),
        None => return Err(fields.path.name("type").invalid("is required")),
    };
    // Whose id or state it is there means nothing elsewhere.
    fields.take("id");
    fields.take("status");
    match &*kind {
        "message" => return read_message(fields, at, request),
        "function_call" | "custom_tool_call" => {
            let custom = &*kind == "custom_tool_call";
            let name = fields.need_text("name")?;
            let call = ToolCall {
                id: fields.need_text("call_id")?,
                name: match fields.text("namespace")? {
                    Some(group) => Cow::Owned(joined_name(&group, &name)),
                    None => name,
                },
                arguments: fields.need_text(if custom { "input" } else { "arguments" })?,
                custom,
                ..ToolCall::default()
            };
            push(request, Role::Assistant, at, Part::ToolCall(call));
        }
        "function_call_output" | "custom_tool_call_output" => {
            // The call has them.
            fields.take("name");
            fields.take("namespace");
            let result = ToolResult {
                id: fields.need_text("call_id")?,
                parts: read_output(&mut fields, request)?,
                custom: &*kind == "custom_tool_call_output",
                ..ToolResult::default()
            };
            push(request, Role::Tool, at, Part::ToolResult(result));
        }
        "reasoning" => {
            if let Some(reasoning) = read_reasoning(&mut fields, request)? {
                push(request, Role::Assistant, at, Part::Reasoning(reasoning));
            }
        }
        "additional_tools" => {
            fields.take("role");
            if let Some(tools) = fields.array("tools")? {
                read_tools(fields.path.name("tools"), tools.items, request)?;
            }
        }
        // References to what is stored, and calls of tools that the vendor runs.
        other => return dropped(path, other, &fields.path, request),
    }
    request.losses.unread(fields);
    Ok(())
}

/// Adds a part to the last turn if that is of this role, else to a new one.
fn push<'a>(request: &mut Request<'a>, role: Role, at: usize, part: Part<'a>) {
    match request.turns.last_mut() {
        Some(turn) if turn.role == role => turn.parts.push(part),
        _ => request.turns.push(Turn { role, parts: vec![part], at, ..Turn::default() }),
    }
}

fn read_message<'a>(mut fields: Fields<'_, 'a>, at: usize, request: &mut Request<'a>) -> Result<(), Invalid> {
    let role = match &*fields.need_text("role")? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        "developer" => Role::Developer,
        other => {
            let reason = format!("`{other:.40}` is none of user, assistant, system, developer");
            return Err(fields.path.name("role").invalid(reason));
        }
    };
    let parts = match fields.take("content") {
        None => return Err(fields.path.name("content").invalid("is required")),
        Some(Json::String(text)) => vec![Part::text(text)],
        Some(Json::Array(array)) => read_parts(&fields.path.name("content"), array.items, request)?,
        Some(other) => {
            let reason = format!("must be a string or an array, not {}", other.kind());
            return Err(fields.path.name("content").invalid(reason));
        }
    };
    request.losses.unread(fields);
    if role == Role::Assistant {
        parts.into_iter().for_each(|part| push(request, role, at, part));
    } else {
        request.turns.push(Turn { role, parts, at, ..Turn::default() });
    }
    Ok(())
}

fn read_parts<'a>(
    path: &Path<'_>,
    items: Vec<Json<'a>>,
    request: &mut Request<'a>,
) -> Result<Vec<Part<'a>>, Invalid> {
    let mut parts = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        let mut fields = Fields::new(path.index(at), item)?;
        let part = match &*fields.need_text("type")? {
            "input_text" | "output_text" | "text" => Part::Text(read_text(&mut fields, request)?),
            "refusal" => Part::Refusal(fields.need_text("refusal")?),
            "input_image" => Part::Media(read_image(&mut fields)?),
            "input_file" => Part::Media(read_file(&mut fields)?),
            "input_audio" => Part::Media(read_audio(&mut fields)?),
            other => {
                let reason = format!(
                    "`{other:.40}` is none of input_text, input_image, input_file, input_audio, output_text, refusal"
                );
                return Err(fields.path.name("type").invalid(reason));
            }
        };
        request.losses.unread(fields);
        parts.push(part);
    }
    Ok(parts)
}

fn read_text<'a>(fields: &mut Fields<'_, 'a>, request: &mut Request<'a>) -> Result<Text<'a>, Invalid> {
    let text = fields.need_text("text")?;
    let cache = read_cache(fields);
    // What the model's own text carried; probabilities say nothing of the next answer.
    fields.take("logprobs");
    let mut citations = Vec::new();
    if let Some(annotations) = fields.array("annotations")? {
        for annotation in &annotations.items {
            match super::response_in::citation(annotation) {
                Some(citation) => citations.push(citation),
                None => request.losses.at(&fields.path.name("annotations")),
            }
        }
    }
    Ok(Text { text, cache, citations, state: None })
}

/// `prompt_cache_breakpoint: {"mode": "explicit"}`: the beginning up to here may be cached.
fn read_cache<'a>(fields: &mut Fields<'_, 'a>) -> Option<Cache<'a>> {
    fields.take("prompt_cache_breakpoint").map(|_| Cache::default())
}

fn read_image<'a>(fields: &mut Fields<'_, 'a>) -> Result<Media<'a>, Invalid> {
    let url = fields.text("image_url")?;
    let id = fields.text("file_id")?;
    let mut media = match (url, id) {
        (Some(url), _) => Media::from_url(MediaKind::Image, url),
        (None, Some(id)) => Media::new(MediaKind::Image, Source::Id(id)),
        (None, None) => return Err(fields.path.name("image_url").invalid("is required, or file_id")),
    };
    media.detail = fields.text("detail")?.filter(|detail| detail != "auto");
    media.cache = read_cache(fields);
    Ok(media)
}

fn read_file<'a>(fields: &mut Fields<'_, 'a>) -> Result<Media<'a>, Invalid> {
    let data = fields.text("file_data")?;
    let url = fields.text("file_url")?;
    let id = fields.text("file_id")?;
    let mut media = match (data, url, id) {
        (Some(data), ..) => match Media::from_url(MediaKind::File, data) {
            // Bare base64 is taken, too.
            Media { source: Source::Url(data), .. } if !data.contains(':') => {
                Media::new(MediaKind::File, Source::Base64(data))
            }
            media => media,
        },
        (None, Some(url), _) => Media::from_url(MediaKind::File, url),
        (None, None, Some(id)) => Media::new(MediaKind::File, Source::Id(id)),
        (None, None, None) => {
            return Err(fields.path.name("file_data").invalid("is required, or file_url, or file_id"));
        }
    };
    media.name = fields.text("filename")?;
    media.detail = fields.text("detail")?.filter(|detail| detail != "auto");
    media.cache = read_cache(fields);
    Ok(media)
}

fn read_audio<'a>(fields: &mut Fields<'_, 'a>) -> Result<Media<'a>, Invalid> {
    let Some(mut audio) = fields.object("input_audio")? else {
        return Err(fields.path.name("input_audio").invalid("is required"));
    };
    let mut media = Media::new(MediaKind::Audio, Source::Base64(audio.need_text("data")?));
    let format = audio.need_text("format")?;
    media.media_type = Some(match &*format {
        "mp3" => Cow::Borrowed("audio/mpeg"),
        other => Cow::Owned(format!("audio/{other}")),
    });
    Ok(media)
}

/// A result: a text, or parts.
fn read_output<'a>(fields: &mut Fields<'_, 'a>, request: &mut Request<'a>) -> Result<Vec<Part<'a>>, Invalid> {
    match fields.take("output") {
        None => Err(fields.path.name("output").invalid("is required")),
        Some(Json::String(text)) => Ok(vec![Part::text(text)]),
        Some(Json::Array(array)) => read_parts(&fields.path.name("output"), array.items, request),
        Some(other) => {
            let reason = format!("must be a string or an array, not {}", other.kind());
            Err(fields.path.name("output").invalid(reason))
        }
    }
}

/// What the model thought. `None` where an item says nothing: it was only a reference to what is stored.
fn read_reasoning<'a>(
    fields: &mut Fields<'_, 'a>,
    request: &mut Request<'a>,
) -> Result<Option<Reasoning<'a>>, Invalid> {
    let content = joined(fields, "content")?;
    let summary = joined(fields, "summary")?;
    let state = fields.text("encrypted_content")?.filter(|data| !data.is_empty()).map(|data| {
        State::unwrap_from(&data).unwrap_or(State {
            kind: StateKind::OpenAiEncrypted,
            bind: Bind::Reasoning,
            data,
        })
    });
    let is_summary = content.is_empty();
    let text = if is_summary { summary } else { content };
    if text.is_empty() && state.is_none() {
        request.losses.at(&fields.path.name("reasoning"));
        return Ok(None);
    }
    Ok(Some(Reasoning { text, summary: is_summary, state }))
}

/// The texts of a list of parts, with a blank line between them.
fn joined<'a>(fields: &mut Fields<'_, 'a>, name: &str) -> Result<Cow<'a, str>, Invalid> {
    let Some(parts) = fields.array(name)? else { return Ok(Cow::Borrowed("")) };
    let path = fields.path.name(name);
    let mut all: Option<Cow<'a, str>> = None;
    for (at, part) in parts.items.into_iter().enumerate() {
        let text = Fields::new(path.index(at), part)?.need_text("text")?;
        match &mut all {
            None => all = Some(text),
            Some(all) => {
                let all = all.to_mut();
                all.push_str("\n\n");
                all.push_str(&text);
            }
        }
    }
    Ok(all.unwrap_or_default())
}
