//! What a model said comes back in the pieces that it was streamed in: clients send each as a part, Google's own chat
//! as a content. Here they are one turn again, with whole thoughts and texts, and their states where they belong.

use crate::chat::{Bind, Part, Reasoning, Role, State, Turn};
use std::borrow::Cow;

/// Joins the model's turns and their parts.
pub(super) fn join<'a>(turns: Vec<Turn<'a>>) -> Vec<Turn<'a>> {
    let mut joined: Vec<Turn<'a>> = Vec::with_capacity(turns.len());
    for mut turn in turns {
        if turn.role != Role::Assistant {
            joined.push(turn);
            continue;
        }
        match joined.last_mut().filter(|last| last.role == Role::Assistant) {
            Some(last) => turn.parts.into_iter().for_each(|part| add(&mut last.parts, part)),
            None => {
                let parts = std::mem::take(&mut turn.parts);
                turn.parts.reserve(parts.len());
                parts.into_iter().for_each(|part| add(&mut turn.parts, part));
                joined.push(turn);
            }
        }
    }
    joined
}

/// Adds a piece. What carries a state is whole.
fn add<'a>(parts: &mut Vec<Part<'a>>, mut part: Part<'a>) {
    if let Some(state) = of_thoughts(&mut part) {
        sign(parts, state);
    }
    match (parts.last_mut(), part) {
        (Some(Part::Reasoning(last)), Part::Reasoning(more)) if last.state.is_none() => {
            append(&mut last.text, more.text);
            last.state = more.state;
        }
        (Some(Part::Text(last)), Part::Text(more)) if last.state.is_none() => {
            append(&mut last.text, more.text);
            last.state = more.state;
        }
        (_, part) => parts.push(part),
    }
}

fn append<'a>(text: &mut Cow<'a, str>, more: Cow<'a, str>) {
    if text.is_empty() {
        *text = more;
    } else if !more.is_empty() {
        text.to_mut().push_str(&more);
    }
}

/// The state of the thoughts before a text or a call, which it carries because the dialect has no place for it at the
/// end of a stream's thoughts.
fn of_thoughts<'a>(part: &mut Part<'a>) -> Option<State<'a>> {
    let slot = match part {
        Part::Text(text) => &mut text.state,
        Part::ToolCall(call) => &mut call.state,
        _ => return None,
    };
    slot.take_if(|state| state.bind == Bind::Reasoning)
}

fn sign<'a>(parts: &mut Vec<Part<'a>>, state: State<'a>) {
    match parts.last_mut() {
        Some(Part::Reasoning(last)) if last.state.is_none() => last.state = Some(state),
        _ => parts.push(Part::Reasoning(Reasoning {
            summary: true,
            state: Some(state),
            ..Reasoning::default()
        })),
    }
}
