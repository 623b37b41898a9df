//! The system text and the messages of a request for an upstream, and the marks for its cache.

use super::blocks_out::{field_of, write_media};
use crate::chat::{
    Cache, Citation, Field, Group, IdRule, Losses, Part, Quirks, Reasoning, Refused, Request, Role,
    StateKind, Text, Tool, ToolCall, ToolResult, fit_id,
};
use crate::json::Writer;

/// The vendor takes no text that is empty or blank: "text content blocks must contain non-whitespace text".
pub(super) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Something of this part will be written.
pub(super) fn is_written(part: &Part<'_>) -> bool {
    match part {
        Part::Text(text) => !is_blank(&text.text),
        Part::Refusal(text) | Part::Json(text) => !is_blank(text),
        Part::Reasoning(reasoning) => is_claudes(reasoning),
        Part::Media(_) | Part::ToolCall(_) | Part::ToolResult(_) => true,
    }
}

/// Its state is one that Claude understands.
pub(super) fn is_claudes(reasoning: &Reasoning<'_>) -> bool {
    let kind = reasoning.state.as_ref().map(|state| state.kind);
    matches!(kind, Some(StateKind::ClaudeSignature | StateKind::ClaudeRedacted))
}

/// Marks for the cache: at most four, <https://platform.claude.com/docs/en/build-with-claude/prompt-caching>. The last
/// ones are worth most, so the first that are too many go.
#[derive(Debug)]
pub(super) struct Marks {
    skip: usize,
    /// Some mark could not be written.
    pub(super) lost: bool,
}

const MOST_MARKS: usize = 4;

impl Marks {
    pub(super) fn of(request: &Request<'_>, tools: &[&Tool<'_>], quirks: &Quirks) -> Self {
        fn of(parts: &[Part<'_>]) -> usize {
            let marks = parts.iter().filter(|part| is_written(part)).map(|part| match part {
                Part::Text(text) => usize::from(text.cache.is_some()),
                Part::Media(media) => usize::from(media.cache.is_some()),
                Part::ToolCall(call) => usize::from(call.cache.is_some()),
                Part::ToolResult(result) => usize::from(result.cache.is_some()) + of(&result.parts),
                Part::Reasoning(_) | Part::Refusal(_) | Part::Json(_) => 0,
            });
            marks.sum()
        }
        let said: usize = request.turns.iter().map(|turn| of(&turn.parts)).sum();
        let marks = said + tools.iter().filter(|tool| tool.cache.is_some()).count();
        let most = if quirks.refuses(Field::CacheControl) { 0 } else { MOST_MARKS };
        Self { skip: marks.saturating_sub(most), lost: false }
    }

    /// The member of a block that has a mark.
    pub(super) fn write(&mut self, mark: Option<&Cache<'_>>, out: &mut Writer) {
        let Some(mark) = mark else { return };
        if self.skip > 0 {
            self.skip -= 1;
            self.lost = true;
            return;
        }
        let known = mark.ttl.as_deref().filter(|ttl| matches!(*ttl, "5m" | "1h"));
        self.lost |= mark.ttl.is_some() && known.is_none();
        out.name("cache_control").begin().member("type", "ephemeral").member_if("ttl", known).end();
    }
}

/// The system texts, in their order: one without a mark as a string, else as blocks.
pub(super) fn write_system(texts: &[&Text<'_>], marks: &mut Marks, out: &mut Writer) {
    match texts {
        [] => {}
        [text] if text.cache.is_none() => {
            out.member("system", &text.text);
        }
        texts => {
            out.name("system").list();
            for text in texts {
                write_text(&text.text, text.cache.as_ref(), marks, out);
            }
            out.end_list();
        }
    }
}

fn write_text(text: &str, mark: Option<&Cache<'_>>, marks: &mut Marks, out: &mut Writer) {
    out.begin().member("type", "text").member("text", text);
    marks.write(mark, out);
    out.end();
}

/// Writes messages. What is left of a turn with nothing to say is nothing, and its neighbours become one.
pub(super) struct Messages<'w> {
    pub(super) out: &'w mut Writer,
    pub(super) marks: &'w mut Marks,
    pub(super) losses: &'w mut Losses,
    pub(super) quirks: &'w Quirks,
    pub(super) open: Option<Role>,
}

impl Messages<'_> {
    pub(super) fn write_all(&mut self, groups: &[Group<'_, '_>]) -> Result<(), Refused> {
        for (number, group) in groups.iter().enumerate() {
            // "final assistant content cannot end with trailing whitespace"
            let last = number + 1 == groups.len() && group.role == Role::Assistant;
            for (at, part) in group.parts.iter().enumerate() {
                self.part(group.role, part, last && at + 1 == group.parts.len())?;
            }
        }
        Ok(())
    }

    /// Texts that the user says.
    pub(super) fn users_texts(&mut self, texts: &[&Text<'_>]) {
        for text in texts {
            self.turn(Role::User);
            write_text(&text.text, text.cache.as_ref(), self.marks, self.out);
        }
    }

    pub(super) fn end(&mut self) {
        if self.open.take().is_some() {
            self.out.end_list().end();
        }
    }

    /// The block that comes next is of this side.
    fn turn(&mut self, role: Role) {
        if self.open == Some(role) {
            return;
        }
        self.end();
        let word = if role == Role::Assistant { "assistant" } else { "user" };
        self.out.begin().member("role", word).name("content").list();
        self.open = Some(role);
    }

    fn part(&mut self, role: Role, part: &Part<'_>, last: bool) -> Result<(), Refused> {
        match part {
            Part::Text(text) => {
                self.losses.field_if(text.state.is_some(), Field::ReasoningHistory);
                self.losses.field_if(text.citations.iter().any(is_said), Field::Citations);
                if is_blank(&text.text) {
                    self.losses.field_if(text.cache.is_some(), Field::CacheControl);
                    return Ok(());
                }
                self.turn(role);
                let words = if last { text.text.trim_end() } else { &text.text };
                write_text(words, text.cache.as_ref(), self.marks, self.out);
            }
            Part::Refusal(text) | Part::Json(text) => {
                if !is_blank(text) {
                    self.turn(role);
                    write_text(if last { text.trim_end() } else { text }, None, self.marks, self.out);
                }
            }
            Part::Media(media) => {
                self.losses.field_if(media.state.is_some(), Field::ReasoningHistory);
                if role == Role::Assistant {
                    return self.losses.cannot(field_of(media.kind), "the assistant can only say text");
                }
                self.turn(role);
                write_media(media, self.quirks, self.marks, self.losses, self.out)?;
            }
            Part::Reasoning(reasoning) => self.reasoning(role, reasoning),
            Part::ToolCall(call) => {
                self.losses.field_if(call.state.is_some(), Field::ReasoningHistory);
                self.turn(role);
                self.call(call);
            }
            Part::ToolResult(result) => {
                self.turn(role);
                self.result(result)?;
            }
        }
        Ok(())
    }

    /// Only what Claude signed may come back:
    /// <https://platform.claude.com/docs/en/build-with-claude/extended-thinking#preserving-thinking-blocks>.
    fn reasoning(&mut self, role: Role, reasoning: &Reasoning<'_>) {
        let state = reasoning.state.as_ref();
        match state.map(|state| (state.kind, &state.data)) {
            Some((StateKind::ClaudeSignature, signature)) => {
                self.turn(role);
                self.out.begin().member("type", "thinking").member("thinking", &reasoning.text);
                self.out.member("signature", signature).end();
            }
            Some((StateKind::ClaudeRedacted, data)) => {
                self.turn(role);
                self.out.begin().member("type", "redacted_thinking").member("data", data).end();
            }
            _ => self.losses.field(Field::ReasoningHistory),
        }
    }

    fn call(&mut self, call: &ToolCall<'_>) {
        self.out.begin().member("type", "tool_use").member("id", &fit_id(&call.id, IdRule::Word64));
        self.out.member("name", &call.name).name("input").raw(&call.object());
        self.marks.write(call.cache.as_ref(), self.out);
        self.out.end();
    }

    fn result(&mut self, result: &ToolResult<'_>) -> Result<(), Refused> {
        self.out.begin().member("type", "tool_result");
        self.out.member("tool_use_id", &fit_id(&result.id, IdRule::Word64));
        let parts: Vec<&Part<'_>> = result.parts.iter().filter(|part| is_written(part)).collect();
        match &*parts {
            // A failure without a word is refused.
            [] if result.is_error => {
                self.out.member("content", "The tool failed.");
            }
            [] => {}
            [Part::Text(text)] if text.cache.is_none() => {
                self.out.member("content", &text.text);
            }
            [Part::Json(text)] => {
                self.out.member("content", text);
            }
            parts => {
                self.out.name("content").list();
                for part in parts {
                    self.result_part(part)?;
                }
                self.out.end_list();
            }
        }
        if result.is_error {
            self.out.name("is_error").bool(true);
        }
        self.marks.write(result.cache.as_ref(), self.out);
        self.out.end();
        Ok(())
    }

    fn result_part(&mut self, part: &Part<'_>) -> Result<(), Refused> {
        match part {
            Part::Text(text) => write_text(&text.text, text.cache.as_ref(), self.marks, self.out),
            Part::Json(text) | Part::Refusal(text) => write_text(text, None, self.marks, self.out),
            Part::Media(media) => write_media(media, self.quirks, self.marks, self.losses, self.out)?,
            // Neither is ever in a result.
            Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => {}
        }
        Ok(())
    }
}

const fn is_said(citation: &Citation<'_>) -> bool {
    citation.url.is_some() || citation.title.is_some() || citation.cited.is_some()
}
