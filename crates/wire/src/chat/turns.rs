//! Turns as dialects want them that know only user and assistant, and what must hold of calls and their results.

use super::{Part, Request, Role, Text, Turn};
use std::borrow::Cow;

/// Consecutive turns of one side. Results of tools stand on the user's side, before what the user says.
#[derive(Debug)]
pub struct Group<'r, 'a> {
    /// `User` or `Assistant`.
    pub role: Role,
    /// All that was said, in order.
    pub parts: Vec<&'r Part<'a>>,
}

/// The conversation in turns of user and assistant; system and developer texts are not among them.
#[must_use]
pub fn groups<'r, 'a>(turns: &'r [Turn<'a>]) -> Vec<Group<'r, 'a>> {
    let mut groups: Vec<Group<'r, 'a>> = Vec::new();
    for turn in turns {
        let role = match turn.role {
            Role::System | Role::Developer => continue,
            Role::User | Role::Tool => Role::User,
            Role::Assistant => Role::Assistant,
        };
        match groups.last_mut() {
            Some(group) if group.role == role => group.parts.extend(&turn.parts),
            _ => groups.push(Group { role, parts: turn.parts.iter().collect() }),
        }
    }
    for group in &mut groups {
        // Stable: results first, all else as it was.
        group.parts.sort_by_key(|part| !matches!(part, Part::ToolResult(_)));
    }
    groups
}

impl<'a> Request<'a> {
    /// All system and developer texts, wherever they stand.
    pub fn system(&self) -> impl Iterator<Item = &Text<'a>> {
        let said = self.turns.iter().filter(|turn| matches!(turn.role, Role::System | Role::Developer));
        said.flat_map(|turn| &turn.parts).filter_map(|part| match part {
            Part::Text(text) => Some(text),
            _ => None,
        })
    }
}

/// Checks that every result answers a call and every call has its result, and notes the tool's name in each result.
/// The first string names a turn by its number in `turns`.
///
/// # Errors
/// The number of the turn and what is wrong with it.
pub fn validate(turns: &mut [Turn<'_>]) -> Result<(), (usize, Cow<'static, str>)> {
    // Calls that wait for a result: id, name, whether custom, the turn they stand in.
    let mut open: Vec<(String, String, bool, usize)> = Vec::new();
    let mut last = Role::User;
    for (number, turn) in turns.iter_mut().enumerate() {
        if turn.role == Role::Assistant
            && last != Role::Assistant
            && let Some((id, _, _, at)) = open.first()
        {
            return Err((*at, format!("the tool call `{id:.64}` has no result").into()));
        }
        for part in &mut turn.parts {
            match part {
                Part::ToolCall(call) => {
                    open.push((call.id.to_string(), call.name.to_string(), call.custom, number));
                }
                Part::ToolResult(result) => {
                    let Some(at) = open.iter().position(|(id, ..)| *id == result.id) else {
                        let id = &result.id;
                        return Err((
                            number,
                            format!("the tool result `{id:.64}` answers no tool call").into(),
                        ));
                    };
                    let (_, name, custom, _) = open.remove(at);
                    result.custom |= custom;
                    result.name = Some(Cow::Owned(name));
                }
                Part::Text(_) | Part::Media(_) | Part::Reasoning(_) | Part::Refusal(_) | Part::Json(_) => {}
            }
        }
        last = turn.role;
    }
    match open.first() {
        Some((id, _, _, at)) => Err((*at, format!("the tool call `{id:.64}` has no result").into())),
        None => Ok(()),
    }
}
