//! Earlier reasoning goes back as the provider wants it; states only to those who understand them.

use super::details;
use crate::chat::{
    Bind, Field, Losses, Part, Quirks, Reasoning, ReasoningReplay, State, StateKind, Text, ToolCall,
};
use crate::json::Writer;

/// Reasoning stands in the content, as a part.
pub(super) fn in_content(quirks: &Quirks) -> bool {
    quirks.replay == ReasoningReplay::Parts
}

/// Writes the members of an assistant's message that hold its reasoning.
pub(super) fn write(parts: &[&Part<'_>], quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    match quirks.replay {
        ReasoningReplay::None => {
            losses.field_if(parts.iter().any(|part| thinks(part)), Field::ReasoningHistory)
        }
        ReasoningReplay::Content | ReasoningReplay::ContentAlways => {
            plain("reasoning_content", parts, quirks.replay == ReasoningReplay::ContentAlways, out);
            losses.field_if(states(parts).next().is_some(), Field::ReasoningHistory);
        }
        ReasoningReplay::Plain => {
            plain("reasoning", parts, false, out);
            losses.field_if(states(parts).next().is_some(), Field::ReasoningHistory);
        }
        ReasoningReplay::Parts => {
            losses.field_if(states(parts).next().is_some(), Field::ReasoningHistory);
        }
        ReasoningReplay::Details => list(parts, out),
        ReasoningReplay::Google => google(parts, losses, out),
    }
}

/// Writes what a call itself holds of it.
pub(super) fn write_call(call: &ToolCall<'_>, quirks: &Quirks, out: &mut Writer) {
    if quirks.replay == ReasoningReplay::Google {
        let state = call.state.as_ref().filter(|state| state.kind == StateKind::GeminiThought);
        // What Gemini 3 takes for calls that it didn't make itself.
        let signature = state.map(|state| &*state.data).or(quirks.call_signature);
        if let Some(signature) = signature {
            details::write_extra(signature, out);
        }
    }
}

fn thinks(part: &Part<'_>) -> bool {
    match part {
        Part::Reasoning(reasoning) => !reasoning.text.is_empty() || reasoning.state.is_some(),
        Part::ToolCall(ToolCall { state, .. }) | Part::Text(Text { state, .. }) => state.is_some(),
        Part::Media(media) => media.state.is_some(),
        Part::ToolResult(_) | Part::Refusal(_) | Part::Json(_) => false,
    }
}

fn states<'r, 'a>(parts: &[&'r Part<'a>]) -> impl Iterator<Item = &'r State<'a>> {
    parts.iter().filter_map(|part| match part {
        Part::Reasoning(Reasoning { state, .. })
        | Part::ToolCall(ToolCall { state, .. })
        | Part::Text(Text { state, .. }) => state.as_ref(),
        Part::Media(media) => media.state.as_ref(),
        Part::ToolResult(_) | Part::Refusal(_) | Part::Json(_) => None,
    })
}

/// All that can be read, as one text.
fn plain(name: &str, parts: &[&Part<'_>], always: bool, out: &mut Writer) {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Reasoning(reasoning) if !reasoning.text.is_empty() => Some(&*reasoning.text),
        _ => None,
    });
    let mut pieces: Vec<&str> = Vec::new();
    for text in texts {
        if !pieces.is_empty() {
            pieces.push("\n\n");
        }
        pieces.push(text);
    }
    if always || !pieces.is_empty() {
        out.name(name).strings(&pieces);
    }
}

/// OpenRouter's list.
fn list(parts: &[&Part<'_>], out: &mut Writer) {
    if !parts.iter().any(|part| thinks(part)) {
        return;
    }
    out.name("reasoning_details").list();
    let mut index = 0;
    for part in parts {
        match part {
            Part::Reasoning(reasoning) => index += details::write(reasoning, index, out),
            Part::ToolCall(ToolCall { id, state: Some(state), .. }) => {
                details::encrypted(state, Some(id), index, out);
                index += 1;
            }
            Part::Text(Text { state: Some(state), .. }) => {
                details::encrypted(state, None, index, out);
                index += 1;
            }
            _ => {}
        }
    }
    out.end_list();
}

/// Google's member on the message, for a state that is bound to its text; those of calls stand on the calls.
fn google(parts: &[&Part<'_>], losses: &mut Losses, out: &mut Writer) {
    let known = |state: &&State<'_>| state.kind == StateKind::GeminiThought;
    let text = states(parts).filter(known).find(|state| state.bind == Bind::Text);
    if let Some(state) = text {
        details::write_extra(&state.data, out);
    }
    let readable =
        parts.iter().any(|part| matches!(part, Part::Reasoning(reasoning) if !reasoning.text.is_empty()));
    losses.field_if(readable || states(parts).any(|state| !known(&state)), Field::ReasoningHistory);
}
