//! Writes the conversation as messages.
//! <https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages>

use super::parts_out::{self, Speaker};
use super::reasoning_out;
use crate::chat::{
    Cache, Field, Losses, Media, Part, Quirks, ReasoningReplay, Refused, Request, Role, Target, Text,
    ToolCall, ToolResult, arguments_text, fit_id,
};
use crate::json::Writer;

/// A message to be.
struct Message<'r, 'a> {
    role: Role,
    name: Option<&'r str>,
    parts: Vec<&'r Part<'a>>,
}

/// Writes the member `messages`; `more` is system text of ours that follows the caller's.
pub(super) fn write(
    request: &Request<'_>,
    target: &Target<'_>,
    more: Option<&str>,
    losses: &mut Losses,
    out: &mut Writer,
) -> Result<(), Refused> {
    let quirks = target.quirks;
    let messages = messages(request, quirks.alternate);
    // Where system texts must be one message, ours joins the caller's.
    let joined = quirks.alternate && messages.first().is_some_and(|first| first.role == Role::System);
    let mut more = more;
    let mut follow: Vec<(&str, &Media<'_>)> = Vec::new();
    let mut begun = false;
    out.name("messages").list();
    for message in &messages {
        let system = matches!(message.role, Role::System | Role::Developer);
        let first = !system && !begun;
        begun |= !system;
        if let Some(text) = more.take_if(|_| !system) {
            out.begin().member("role", "system").member("content", text).end();
        }
        if first && quirks.alternate && message.role == Role::Assistant {
            out.begin().member("role", "user").member("content", "(earlier messages are left out)").end();
        }
        if message.role != Role::Tool {
            following(&mut follow, quirks, losses, out)?;
        }
        match message.role {
            Role::Tool => results(message, quirks, &mut follow, losses, out)?,
            Role::Assistant => assistant(message, quirks, losses, out)?,
            Role::System | Role::Developer | Role::User => {
                let ours = if joined && system { more.take() } else { None };
                said(message, ours, quirks, losses, out)?;
            }
        }
    }
    following(&mut follow, quirks, losses, out)?;
    if let Some(text) = more {
        out.begin().member("role", "system").member("content", text).end();
    }
    out.end_list();
    Ok(())
}

/// One message a turn; where sides must take turns, one a side, and all system texts in the first.
fn messages<'r, 'a>(request: &'r Request<'a>, alternate: bool) -> Vec<Message<'r, 'a>> {
    let mut all: Vec<Message<'r, 'a>> = Vec::with_capacity(request.turns.len());
    if alternate {
        let of_system =
            request.turns.iter().filter(|turn| matches!(turn.role, Role::System | Role::Developer));
        let parts: Vec<_> = of_system.flat_map(|turn| &turn.parts).collect();
        if !parts.is_empty() {
            all.push(Message { role: Role::System, name: None, parts });
        }
    }
    for turn in &request.turns {
        let (name, parts) = (turn.name.as_deref(), turn.parts.iter());
        if !alternate {
            all.push(Message { role: turn.role, name, parts: parts.collect() });
            continue;
        }
        match (turn.role, all.last_mut()) {
            (Role::System | Role::Developer, _) => {}
            (role, Some(last)) if last.role == role => last.parts.extend(parts),
            (role, _) => all.push(Message { role, name, parts: parts.collect() }),
        }
    }
    all
}

/// A message of the operator or the user.
fn said(
    message: &Message<'_, '_>,
    more: Option<&str>,
    quirks: &Quirks,
    losses: &mut Losses,
    out: &mut Writer,
) -> Result<(), Refused> {
    let role = match message.role {
        Role::Developer if quirks.developer => "developer",
        Role::System | Role::Developer => "system",
        Role::User | Role::Assistant | Role::Tool => "user",
    };
    out.begin().member("role", role);
    name(message, quirks, losses, out);
    out.name("content");
    parts_out::content(&message.parts, more, Speaker::Caller, quirks, losses, out)?;
    out.end();
    Ok(())
}

fn name(message: &Message<'_, '_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    out.member_if("name", quirks.keep(Field::Name, message.name, losses));
}

fn assistant(
    message: &Message<'_, '_>,
    quirks: &Quirks,
    losses: &mut Losses,
    out: &mut Writer,
) -> Result<(), Refused> {
    // Thoughts that the target won't have back leave nothing to say, and an empty message is refused by some.
    let nothing = |part: &&Part<'_>| matches!(part, Part::Reasoning(_)) || parts_out::is_nothing(part);
    if quirks.replay == ReasoningReplay::None && message.parts.iter().all(nothing) {
        reasoning_out::write(&message.parts, quirks, losses, out);
        return Ok(());
    }
    out.begin().member("role", "assistant");
    name(message, quirks, losses, out);
    // Others refuse the member, so the words stand in the text.
    let refused = !quirks.openai_tools || quirks.refuses(Field::Refusal);
    let mut calls = Vec::new();
    let mut content = Vec::new();
    let mut refusal = None;
    for part in &message.parts {
        match part {
            Part::ToolCall(call) => calls.push(call),
            Part::Refusal(text) if !refused => refusal = Some(text),
            Part::Refusal(_) => {
                losses.field(Field::Refusal);
                content.push(*part);
            }
            Part::Text(text) => {
                losses.field_if(!text.citations.is_empty(), Field::Citations);
                content.push(*part);
            }
            Part::Media(_) | Part::Json(_) => content.push(*part),
            Part::Reasoning(_) if reasoning_out::in_content(quirks) => content.push(*part),
            Part::Reasoning(_) | Part::ToolResult(_) => {}
        }
    }
    out.name("content");
    if content.iter().all(|part| parts_out::is_nothing(part)) && (!calls.is_empty() || refusal.is_some()) {
        out.null();
    } else {
        parts_out::content(&content, None, Speaker::Model, quirks, losses, out)?;
    }
    out.member_if("refusal", refusal.map(|text| &**text));
    reasoning_out::write(&message.parts, quirks, losses, out);
    if !calls.is_empty() {
        out.name("tool_calls").list();
        for call in calls {
            write_call(call, quirks, losses, out);
        }
        out.end_list();
    }
    out.end();
    Ok(())
}

fn write_call(call: &ToolCall<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    out.begin().member("id", &fit_id(&call.id, quirks.ids));
    if call.custom && quirks.openai_tools {
        out.member("type", "custom").name("custom").begin();
        out.member("name", &call.name).member("input", &call.arguments).end();
    } else {
        out.member("type", "function").name("function").begin().member("name", &call.name);
        if call.custom {
            out.member("arguments", &call.object());
        } else {
            out.member("arguments", arguments_text(&call.arguments));
        }
        out.end();
    }
    cache(call.cache.as_ref(), quirks, losses, out);
    reasoning_out::write_call(call, quirks, out);
    out.end();
}

/// Results are a message each. Media can't stand there but at few: they follow behind the last of them.
fn results<'r, 'a>(
    message: &Message<'r, 'a>,
    quirks: &Quirks,
    follow: &mut Vec<(&'r str, &'r Media<'a>)>,
    losses: &mut Losses,
    out: &mut Writer,
) -> Result<(), Refused> {
    for part in &message.parts {
        let Part::ToolResult(result) = part else { continue };
        out.begin().member("role", "tool");
        out.member("tool_call_id", &fit_id(&result.id, quirks.ids)).name("content");
        let media = result.parts.iter().filter_map(|part| match part {
            Part::Media(media) => Some(media),
            _ => None,
        });
        let before = follow.len();
        if !quirks.result_media {
            follow.extend(media.map(|media| (&*result.id, media)));
        }
        let parts: Vec<_> = result.parts.iter().collect();
        let rich = quirks.result_media && parts.iter().any(|part| matches!(part, Part::Media(_)));
        if rich || quirks.cache_control && has_cache(result) {
            parts_out::content(&parts, None, Speaker::Tool(result.cache.as_ref()), quirks, losses, out)?;
        } else {
            losses.field_if(has_cache(result), Field::CacheControl);
            text(result, follow.len() > before, out);
        }
        out.end();
    }
    Ok(())
}

fn has_cache(result: &ToolResult<'_>) -> bool {
    let marked = |part: &Part<'_>| matches!(part, Part::Text(Text { cache: Some(_), .. }));
    result.cache.is_some() || result.parts.iter().any(marked)
}

/// A result as text. That the tool failed has no member of its own: the text says it.
fn text(result: &ToolResult<'_>, media: bool, out: &mut Writer) {
    let text = result.text();
    let head: String = text.chars().take(80).collect::<String>().to_ascii_lowercase();
    match (result.is_error, text.is_empty()) {
        (true, true) => out.string("Error: the tool failed."),
        (true, false) if !head.contains("error") => out.strings(&["Error: ", &text]),
        (false, true) if media => out.string("The result follows in the next message."),
        _ => out.string(&text),
    };
}

/// The media of the results before, as the user's.
fn following(
    media: &mut Vec<(&str, &Media<'_>)>,
    quirks: &Quirks,
    losses: &mut Losses,
    out: &mut Writer,
) -> Result<(), Refused> {
    if media.is_empty() {
        return Ok(());
    }
    out.begin().member("role", "user").name("content").list();
    let mut last = "";
    for (id, media) in media.drain(..) {
        if id != last {
            last = id;
            out.begin().member("type", "text").name("text");
            out.strings(&["Result of the tool call ", &fit_id(id, quirks.ids), ":"]).end();
        }
        parts_out::media(media, quirks, losses, out)?;
    }
    out.end_list().end();
    Ok(())
}

/// Writes a cache mark as OpenRouter has it: <https://openrouter.ai/docs/features/prompt-caching>.
pub(super) fn cache(cache: Option<&Cache<'_>>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let Some(cache) = cache else { return };
    if quirks.cache_control {
        out.name("cache_control").begin().member("type", "ephemeral");
        out.member_if("ttl", cache.ttl.as_deref()).end();
    } else {
        losses.field(Field::CacheControl);
    }
}
