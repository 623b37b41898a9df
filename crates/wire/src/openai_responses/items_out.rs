//! The conversation is written as input items: leading system texts as `instructions`, calls and results as items of
//! their own, reasoning only where the target understands it.

use super::request_out::Out;
use crate::chat::{
    Field, IdRule, Media, MediaKind, Part, Reasoning, ReasoningReplay, Refused, Request, Role, Source,
    StateKind, Text, ToolCall, ToolResult, Turn, arguments_text, data_url, fit_id,
};
use std::borrow::Cow;

/// Writes `instructions` and `input`. True: encrypted reasoning is among it.
pub(super) fn write_input(
    out: &mut Out<'_>,
    request: &Request<'_>,
    schema: Option<&str>,
) -> Result<bool, Refused> {
    let turns = &request.turns;
    let leading = turns.iter().take_while(|turn| is_system(turn) && turn.parts.iter().all(is_text)).count();
    // Instructions alone are no input.
    let leading = if leading == turns.len() { 0 } else { leading };
    let (system, rest) = turns.split_at(leading);
    write_instructions(out, system, schema);
    let mut own_state = false;
    out.json.name("input").list();
    for turn in rest {
        out.losses.field_if(turn.name.is_some(), Field::Name);
        match turn.role {
            Role::System => write_message(out, "system", turn)?,
            Role::Developer => {
                let role = if out.quirks.developer { "developer" } else { "system" };
                write_message(out, role, turn)?;
            }
            Role::User => write_message(out, "user", turn)?,
            Role::Assistant => own_state |= write_assistant(out, turn)?,
            Role::Tool => {
                for part in &turn.parts {
                    if let Part::ToolResult(result) = part {
                        write_result(out, result)?;
                    }
                }
            }
        }
    }
    out.json.end_list();
    Ok(own_state)
}

const fn is_system(turn: &Turn<'_>) -> bool {
    matches!(turn.role, Role::System | Role::Developer)
}

const fn is_text(part: &Part<'_>) -> bool {
    matches!(part, Part::Text(_))
}

fn write_instructions(out: &mut Out<'_>, system: &[Turn<'_>], schema: Option<&str>) {
    let mut texts = Vec::new();
    for turn in system {
        out.losses.field_if(turn.name.is_some(), Field::Name);
        for part in &turn.parts {
            if let Part::Text(text) = part {
                out.losses.field_if(text.cache.is_some(), Field::CacheControl);
                texts.extend([if texts.is_empty() { "" } else { "\n\n" }, &*text.text]);
            }
        }
    }
    if let Some(schema) = schema {
        texts.extend([if texts.is_empty() { "" } else { "\n\n" }, schema]);
    }
    if !texts.is_empty() {
        out.json.name("instructions").strings(&texts);
    }
}

/// A message that is not the model's.
fn write_message(out: &mut Out<'_>, role: &str, turn: &Turn<'_>) -> Result<(), Refused> {
    if turn.parts.is_empty() {
        return Ok(());
    }
    out.json.begin().member("type", "message").member("role", role);
    match turn.parts.as_slice() {
        [Part::Text(text)] => {
            out.losses.field_if(text.cache.is_some(), Field::CacheControl);
            out.json.member("content", &text.text);
        }
        parts => {
            out.json.name("content").list();
            write_parts(out, parts)?;
            out.json.end_list();
        }
    }
    out.json.end();
    Ok(())
}

fn write_parts(out: &mut Out<'_>, parts: &[Part<'_>]) -> Result<(), Refused> {
    for part in parts {
        match part {
            Part::Text(text) => {
                out.losses.field_if(text.cache.is_some(), Field::CacheControl);
                input_text(out, &text.text);
            }
            Part::Json(text) => input_text(out, text),
            // A refusal is the model's; from anyone else it is text.
            Part::Refusal(text) => input_text(out, text),
            Part::Media(media) => write_media(out, media)?,
            Part::Reasoning(_) => out.losses.field(Field::ReasoningHistory),
            Part::ToolCall(_) | Part::ToolResult(_) => {}
        }
    }
    Ok(())
}

fn input_text(out: &mut Out<'_>, text: &str) {
    out.json.begin().member("type", "input_text").member("text", text).end();
}

fn write_media(out: &mut Out<'_>, media: &Media<'_>) -> Result<(), Refused> {
    out.losses.field_if(media.cache.is_some(), Field::CacheControl);
    out.losses.field_if(media.state.is_some(), Field::ReasoningHistory);
    let field = field_of(media.kind);
    if matches!(field, Field::Audio | Field::Video) {
        return out.losses.cannot(field, "Responses take no recordings and no films");
    }
    if out.quirks.refuses(field) {
        return out.losses.cannot(field, "this model takes none");
    }
    match media.kind {
        MediaKind::Image => write_image(out, media),
        _ => {
            write_file(out, media);
            Ok(())
        }
    }
}

const fn field_of(kind: MediaKind) -> Field {
    match kind {
        MediaKind::Image => Field::Image,
        MediaKind::File => Field::File,
        MediaKind::Audio => Field::Audio,
        MediaKind::Video => Field::Video,
    }
}

fn write_image(out: &mut Out<'_>, media: &Media<'_>) -> Result<(), Refused> {
    use crate::chat::ImageUrls;
    if let (Some(url), ImageUrls::DataOnly) = (media.url(), out.quirks.image_urls) {
        let reason = Cow::Borrowed("this provider takes no web addresses of images");
        return Err(Refused { field: Field::Image, reason, fetch: Some(url.to_owned()) });
    }
    if let Source::Text(text) = &media.source {
        input_text(out, text);
        return Ok(());
    }
    out.json.begin().member("type", "input_image");
    match &media.source {
        Source::Base64(data) => {
            out.json.name("image_url").strings(&data_url(media.media_type(), data));
        }
        Source::Url(url) => {
            out.json.member("image_url", url);
        }
        Source::Id(id) => {
            out.json.member("file_id", id);
        }
        Source::Text(_) => {}
    }
    let known = media.detail.as_deref().filter(|it| matches!(*it, "low" | "high" | "auto" | "original"));
    out.losses.field_if(known.is_none() && media.detail.is_some(), Field::Detail);
    out.json.member("detail", known.unwrap_or("auto")).end();
    Ok(())
}

fn write_file(out: &mut Out<'_>, media: &Media<'_>) {
    match &media.source {
        // A document of plain text is said as text, under its name.
        Source::Text(text) => match media.name.as_deref() {
            None => input_text(out, text),
            Some(name) => {
                out.json.begin().member("type", "input_text");
                out.json.name("text").strings(&[name, "\n\n", text]).end();
            }
        },
        Source::Base64(data) => {
            let media_type = media.media_type();
            let name = media.name.as_deref().map_or_else(|| file_name(media_type), Cow::Borrowed);
            out.json.begin().member("type", "input_file").member("filename", &name);
            out.json.name("file_data").strings(&data_url(media_type, data)).end();
        }
        Source::Url(url) => {
            out.json.begin().member("type", "input_file").member("file_url", url).end();
        }
        Source::Id(id) => {
            out.json.begin().member("type", "input_file").member("file_id", id).end();
        }
    }
}

/// OpenAI wants a name for every file that comes as data.
fn file_name(media_type: &str) -> Cow<'static, str> {
    match media_type {
        "application/pdf" => Cow::Borrowed("file.pdf"),
        "text/plain" => Cow::Borrowed("file.txt"),
        other => {
            let end = other.rsplit(['/', '.', '+']).next().filter(|end| end.len() <= 8).unwrap_or("bin");
            Cow::Owned(format!("file.{end}"))
        }
    }
}

/// The model's own turn: items in the order in which it made them. True: encrypted reasoning is among it.
fn write_assistant(out: &mut Out<'_>, turn: &Turn<'_>) -> Result<bool, Refused> {
    let mut own_state = false;
    // OpenAI answers 400 to reasoning without the item that it led to.
    let last = turn.parts.iter().rposition(|part| !matches!(part, Part::Reasoning(_)));
    let mut parts = turn.parts.iter().enumerate().peekable();
    while let Some((at, part)) = parts.next() {
        match part {
            Part::Text(text) => {
                let mut texts = Vec::new();
                push_text(out, text, &mut texts);
                // Pieces of one text, cut for the sake of sources.
                while let Some((_, Part::Text(more))) =
                    parts.next_if(|(_, next)| matches!(next, Part::Text(_)))
                {
                    push_text(out, more, &mut texts);
                }
                if texts.iter().any(|text| !text.is_empty()) {
                    out.json.begin().member("type", "message").member("role", "assistant");
                    out.json.name("content").strings(&texts).end();
                }
            }
            Part::Refusal(text) => {
                out.json.begin().member("type", "message").member("role", "assistant");
                out.json.name("content").list().begin();
                out.json.member("type", "refusal").member("refusal", text).end().end_list().end();
            }
            Part::Reasoning(reasoning) => {
                if last.is_some_and(|last| at < last) {
                    own_state |= write_reasoning(out, reasoning);
                } else {
                    out.losses.field(Field::ReasoningHistory);
                }
            }
            Part::ToolCall(call) => write_call(out, call),
            Part::Media(media) => {
                let field = field_of(media.kind);
                out.losses.cannot(field, "Responses take no media in the model's own turn")?;
            }
            Part::Json(text) => {
                out.json.begin().member("type", "message").member("role", "assistant");
                out.json.member("content", text).end();
            }
            Part::ToolResult(_) => {}
        }
    }
    Ok(own_state)
}

fn push_text<'t>(out: &mut Out<'_>, text: &'t Text<'_>, texts: &mut Vec<&'t str>) {
    out.losses.field_if(text.cache.is_some(), Field::CacheControl);
    out.losses.field_if(!text.citations.is_empty(), Field::Citations);
    out.losses.field_if(text.state.is_some(), Field::ReasoningHistory);
    texts.push(&text.text);
}

/// Its id is not sent: it is not needed where the state is there, and a made-up one is refused.
fn write_reasoning(out: &mut Out<'_>, reasoning: &Reasoning<'_>) -> bool {
    let own = reasoning.state.as_ref().filter(|state| state.kind == StateKind::OpenAiEncrypted);
    if let Some(state) = own {
        out.json.begin().member("type", "reasoning").name("summary").list();
        if !reasoning.text.is_empty() && reasoning.summary {
            out.json.begin().member("type", "summary_text").member("text", &reasoning.text).end();
        }
        out.json.end_list();
        if !reasoning.text.is_empty() && !reasoning.summary {
            content(out, &reasoning.text);
        }
        out.json.member("encrypted_content", &state.data).end();
        return true;
    }
    let unsaid = reasoning.text.is_empty() || out.quirks.replay == ReasoningReplay::None;
    out.losses.field_if(unsaid || reasoning.state.is_some(), Field::ReasoningHistory);
    if unsaid {
        return false;
    }
    // Open models take their thoughts back as they gave them.
    out.json.begin().member("type", "reasoning").name("summary").list().end_list();
    content(out, &reasoning.text);
    out.json.end();
    false
}

fn content(out: &mut Out<'_>, text: &str) {
    out.json.name("content").list();
    out.json.begin().member("type", "reasoning_text").member("text", text).end().end_list();
}

/// `call_id` has up to 64 characters: OpenAI's description, `FunctionCallOutputItemParam`.
fn id<'a>(out: &Out<'_>, id: &'a str) -> Cow<'a, str> {
    match out.quirks.ids {
        IdRule::Any => fit_id(id, IdRule::Word64),
        rule => fit_id(id, rule),
    }
}

fn write_call(out: &mut Out<'_>, call: &ToolCall<'_>) {
    out.losses.field_if(call.cache.is_some(), Field::CacheControl);
    out.losses.field_if(call.state.is_some(), Field::ReasoningHistory);
    let id = id(out, &call.id);
    if call.custom && out.customs() {
        out.json.begin().member("type", "custom_tool_call").member("call_id", &id);
        out.json.member("name", &call.name).member("input", &call.arguments).end();
        return;
    }
    let arguments = if call.custom { call.object() } else { Cow::Borrowed(arguments_text(&call.arguments)) };
    out.json.begin().member("type", "function_call").member("call_id", &id);
    out.json.member("name", &call.name).member("arguments", &arguments).end();
}

fn write_result(out: &mut Out<'_>, result: &ToolResult<'_>) -> Result<(), Refused> {
    out.losses.field_if(result.cache.is_some(), Field::CacheControl);
    out.losses.field_if(result.is_error, Field::ToolError);
    let custom = result.custom && out.customs();
    let kind = if custom { "custom_tool_call_output" } else { "function_call_output" };
    let id = id(out, &result.id);
    out.json.begin().member("type", kind).member("call_id", &id);
    if result.parts.iter().any(|part| matches!(part, Part::Media(_))) {
        out.json.name("output").list();
        write_parts(out, &result.parts)?;
        out.json.end_list();
    } else {
        out.json.member("output", &result.text());
    }
    out.json.end();
    Ok(())
}
