//! Turns as dialects want them that know only user and assistant, and what must hold of calls and their results.

use super::{Part, Request, Role, Text, ToolCall, Turn};
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

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
    let mut open = Open::default();
    let mut last = Role::User;
    for (number, turn) in turns.iter_mut().enumerate() {
        if turn.role == Role::Assistant && last != Role::Assistant {
            open.must_be_empty()?;
        }
        for part in &mut turn.parts {
            match part {
                Part::ToolCall(call) => open.add(call, number),
                Part::ToolResult(result) => {
                    let Some(call) = open.take(&result.id) else {
                        let id = &result.id;
                        return Err((
                            number,
                            format!("the tool result `{id:.64}` answers no tool call").into(),
                        ));
                    };
                    result.custom |= call.custom;
                    result.name = Some(Cow::Owned(call.name));
                }
                Part::Text(_) | Part::Media(_) | Part::Reasoning(_) | Part::Refusal(_) | Part::Json(_) => {}
            }
        }
        last = turn.role;
    }
    open.must_be_empty()
}

/// Calls that wait for their results. Found by id, not by looking through them: a turn may have very many.
#[derive(Default)]
struct Open {
    calls: Vec<Option<Waiting>>,
    /// Where the calls of an id stand, the earliest first.
    places: BTreeMap<String, VecDeque<usize>>,
    /// No call before this one waits.
    from: usize,
}

struct Waiting {
    id: String,
    name: String,
    custom: bool,
    turn: usize,
}

impl Open {
    fn add(&mut self, call: &ToolCall<'_>, turn: usize) {
        let id = call.id.to_string();
        self.places.entry(id.clone()).or_default().push_back(self.calls.len());
        self.calls.push(Some(Waiting { id, name: call.name.to_string(), custom: call.custom, turn }));
    }

    fn take(&mut self, id: &str) -> Option<Waiting> {
        let at = self.places.get_mut(id)?.pop_front()?;
        self.calls.get_mut(at)?.take()
    }

    fn must_be_empty(&mut self) -> Result<(), (usize, Cow<'static, str>)> {
        while let Some(None) = self.calls.get(self.from) {
            self.from += 1;
        }
        match self.calls.get(self.from) {
            Some(Some(Waiting { id, turn, .. })) => {
                Err((*turn, format!("the tool call `{id:.64}` has no result").into()))
            }
            _ => Ok(()),
        }
    }
}
