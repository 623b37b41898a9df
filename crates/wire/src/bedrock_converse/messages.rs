//! The conversation: system texts apart, then turns of user and assistant.

use super::media::{self, Names};
use super::types;
use crate::chat::{
    Cache, Field, Group, IdRule, Losses, Part, Quirks, Reasoning, Refused, Request, Role, StateKind, Text,
    ToolCall, ToolResult, fit_id, groups,
};
use crate::json::{Json, Writer, parse_lossy};
use std::borrow::Cow;

/// A refusal.
pub(super) fn refuse(field: Field, reason: impl Into<Cow<'static, str>>) -> Refused {
    Refused { field, reason: reason.into(), fetch: None }
}

/// Writes `messages` and `system`.
pub(super) struct Messages<'w> {
    pub(super) out: &'w mut Writer,
    pub(super) losses: &'w mut Losses,
    pub(super) quirks: &'w Quirks,
    pub(super) names: Names,
}

impl Messages<'_> {
    /// Both members. `instruction` is a text of ours that belongs to the system's.
    pub(super) fn write(&mut self, request: &Request<'_>, instruction: Option<&str>) -> Result<(), Refused> {
        self.losses.field_if(request.turns.iter().any(|turn| turn.name.is_some()), Field::Name);
        let groups = self.writable(&request.turns);
        let said: Vec<&Text<'_>> = request.system().filter(|text| !text.text.trim().is_empty()).collect();
        // There is no conversation without a user: what only the system said is what is asked.
        let alone = groups.is_empty() && !said.is_empty();
        self.out.name("messages").list();
        if alone {
            self.out.begin().member("role", "user").name("content").list();
            said.iter().for_each(|text| self.text(text));
            self.out.end_list().end();
        }
        if groups.first().is_some_and(|group| group.role == Role::Assistant) {
            // The user must have begun.
            self.out.begin().member("role", "user").name("content").list();
            self.out.begin().member("text", "Continue.").end().end_list().end();
        }
        let last = groups.len().saturating_sub(1);
        for (number, group) in groups.iter().enumerate() {
            self.group(group, number == last)?;
        }
        self.out.end_list();
        let said = if alone { &[][..] } else { &said };
        if !said.is_empty() || instruction.is_some() {
            self.out.name("system").list();
            said.iter().for_each(|text| self.text(text));
            if let Some(instruction) = instruction {
                self.out.begin().member("text", instruction).end();
            }
            self.out.end_list();
        }
        self.system_media(request)
    }

    /// System texts hold no media.
    fn system_media(&mut self, request: &Request<'_>) -> Result<(), Refused> {
        let system = request.turns.iter().filter(|turn| matches!(turn.role, Role::System | Role::Developer));
        let lost = system.flat_map(|turn| &turn.parts).any(|part| matches!(part, Part::Media(_)));
        if lost { self.losses.cannot(Field::Image, "Bedrock's system texts hold no media") } else { Ok(()) }
    }

    /// The groups without what can't be written; groups that are empty then are gone, and neighbours of one side are
    /// one.
    fn writable<'r, 'a>(&mut self, turns: &'r [crate::chat::Turn<'a>]) -> Vec<Group<'r, 'a>> {
        let mut kept: Vec<Group<'r, 'a>> = Vec::new();
        for mut group in groups(turns) {
            group.parts.retain(|part| self.is_writable(part));
            match kept.last_mut() {
                _ if group.parts.is_empty() => {}
                Some(before) if before.role == group.role => before.parts.append(&mut group.parts),
                _ => kept.push(group),
            }
        }
        kept
    }

    /// Blank texts are refused; reasoning of others has no place.
    fn is_writable(&mut self, part: &Part<'_>) -> bool {
        match part {
            Part::Text(text) => !text.text.trim().is_empty(),
            Part::Refusal(text) => !text.trim().is_empty(),
            Part::Reasoning(reasoning) => {
                let own = is_claudes(reasoning);
                self.losses.field_if(!own, Field::ReasoningHistory);
                own
            }
            Part::Media(_) | Part::ToolCall(_) | Part::ToolResult(_) => true,
            // Only ever inside a result.
            Part::Json(_) => false,
        }
    }

    fn group(&mut self, group: &Group<'_, '_>, last: bool) -> Result<(), Refused> {
        let assistant = group.role == Role::Assistant;
        self.out.begin().member("role", if assistant { "assistant" } else { "user" }).name("content").list();
        let end = group.parts.len().saturating_sub(1);
        for (number, part) in group.parts.iter().enumerate() {
            match part {
                // The last words of an answer to be gone on with may not end in blanks.
                Part::Text(text) if assistant && last && number == end => {
                    self.out.begin().member("text", text.text.trim_end()).end();
                    self.lost_with(text);
                    self.cache(text.cache.as_ref());
                }
                part => self.part(part)?,
            }
        }
        if !assistant && lacks_text(&group.parts) {
            self.out.begin().member("text", "See the document.").end();
        }
        self.out.end_list().end();
        Ok(())
    }

    fn part(&mut self, part: &Part<'_>) -> Result<(), Refused> {
        match part {
            Part::Text(text) => self.text(text),
            Part::Refusal(text) => {
                self.out.begin().member("text", text).end();
            }
            Part::Media(media) => {
                self.out.begin();
                media::write(media, &mut self.names, self.losses, self.out)?;
                self.out.end();
                self.cache(media.cache.as_ref());
            }
            Part::Reasoning(reasoning) => self.reasoning(reasoning),
            Part::ToolCall(call) => self.call(call),
            Part::ToolResult(result) => self.result(result)?,
            Part::Json(_) => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &Text<'_>) {
        self.out.begin().member("text", &text.text).end();
        self.lost_with(text);
        self.cache(text.cache.as_ref());
    }

    fn lost_with(&mut self, text: &Text<'_>) {
        self.losses.field_if(!text.citations.is_empty(), Field::Citations);
        self.losses.field_if(text.state.is_some(), Field::ReasoningHistory);
    }

    /// A mark that what comes before may be cached:
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CachePointBlock.html>.
    fn cache(&mut self, cache: Option<&Cache<'_>>) {
        if let Some(cache) = self.quirks.keep(Field::CacheControl, cache, self.losses) {
            write_cache(cache, self.out);
        }
    }

    fn reasoning(&mut self, reasoning: &Reasoning<'_>) {
        let Some(state) = &reasoning.state else { return };
        self.out.begin().name("reasoningContent").begin();
        if state.kind == StateKind::ClaudeRedacted {
            self.out.member("redactedContent", &types::redacted_blob(&state.data));
        } else {
            self.out.name("reasoningText").begin();
            self.out.member("text", &reasoning.text).member("signature", &state.data).end();
        }
        self.out.end().end();
    }

    fn call(&mut self, call: &ToolCall<'_>) {
        self.out.begin().name("toolUse").begin();
        self.out.member("toolUseId", &fit_id(&call.id, IdRule::Word64)).member("name", &call.name);
        self.out.name("input").raw(&call.object());
        self.out.end().end();
        self.losses.field_if(call.state.is_some(), Field::ReasoningHistory);
        self.cache(call.cache.as_ref());
    }

    fn result(&mut self, result: &ToolResult<'_>) -> Result<(), Refused> {
        self.out.begin().name("toolResult").begin();
        self.out.member("toolUseId", &fit_id(&result.id, IdRule::Word64)).name("content").list();
        let mut empty = true;
        for part in &result.parts {
            match part {
                Part::Text(text) if text.text.trim().is_empty() => continue,
                Part::Text(text) => {
                    self.out.begin().member("text", &text.text).end();
                    self.lost_with(text);
                    self.losses.field_if(text.cache.is_some(), Field::CacheControl);
                }
                Part::Json(json) => {
                    // Only objects may stand as they are.
                    let object = matches!(parse_lossy(json.as_bytes()), Ok(Json::Object(_)));
                    self.out.begin();
                    if object {
                        self.out.name("json").raw(json)
                    } else {
                        self.out.member("text", json)
                    };
                    self.out.end();
                }
                Part::Media(media) => {
                    if media.kind == crate::chat::MediaKind::Audio {
                        self.losses.cannot(Field::Audio, "Bedrock's tool results hold no recordings")?;
                        continue;
                    }
                    self.out.begin();
                    media::write(media, &mut self.names, self.losses, self.out)?;
                    self.out.end();
                    self.losses.field_if(media.cache.is_some(), Field::CacheControl);
                }
                Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) | Part::Refusal(_) => continue,
            }
            empty = false;
        }
        if empty {
            // Not every model takes a result of nothing, and none takes an empty text.
            self.out.begin().member("text", "(no output)").end();
        }
        self.out.end_list();
        // Only Claude and Nova know it, so success is not said.
        if result.is_error && !self.quirks.refuses(Field::ToolError) {
            self.out.member("status", "error");
        }
        self.losses.field_if(result.is_error && self.quirks.refuses(Field::ToolError), Field::ToolError);
        self.out.end().end();
        self.cache(result.cache.as_ref());
        Ok(())
    }
}

/// `{"cachePoint": …}`
pub(super) fn write_cache(cache: &Cache<'_>, out: &mut Writer) {
    let ttl = cache.ttl.as_deref().filter(|ttl| matches!(*ttl, "5m" | "1h"));
    out.begin().name("cachePoint").begin().member("type", "default").member_if("ttl", ttl).end().end();
}

/// Reasoning that Claude will take back.
pub(super) fn is_claudes(reasoning: &Reasoning<'_>) -> bool {
    let kind = reasoning.state.as_ref().map(|state| state.kind);
    matches!(kind, Some(StateKind::ClaudeSignature | StateKind::ClaudeRedacted))
}

/// A document must have a text beside it.
fn lacks_text(parts: &[&Part<'_>]) -> bool {
    let document = |part: &&Part<'_>| match part {
        Part::Media(media) => media.kind == crate::chat::MediaKind::File,
        _ => false,
    };
    parts.iter().any(document) && !parts.iter().any(|part| matches!(part, Part::Text(_)))
}
