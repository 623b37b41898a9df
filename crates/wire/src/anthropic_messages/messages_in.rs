//! A caller's messages and the blocks in them.

use super::blocks_in::{document, image, search_result};
use super::types::{is_nothing, redacted, signed};
use crate::chat::{Cache, Losses, Part, Reasoning, Role, Text, ToolCall, ToolResult, Turn, reattach};
use crate::json::{Fields, Invalid, Json, Path};
use std::borrow::Cow;

/// Gathers the turns.
pub(super) struct Reader<'l, 'a> {
    pub(super) turns: Vec<Turn<'a>>,
    losses: &'l mut Losses,
}

/// Where a block stands: that decides what it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    System,
    User,
    Assistant,
    Result,
}

impl<'l, 'a> Reader<'l, 'a> {
    pub(super) const fn new(losses: &'l mut Losses) -> Self {
        Self { turns: Vec::new(), losses }
    }

    /// The system text: a string or text blocks.
    pub(super) fn system(&mut self, json: Json<'a>, path: &Path<'_>) -> Result<Vec<Part<'a>>, Invalid> {
        self.content(Some(json), path, Place::System)
    }

    /// One message: a turn, or two where a user's message has results of tools and something else.
    pub(super) fn message(&mut self, json: Json<'a>, path: Path<'_>, at: usize) -> Result<(), Invalid> {
        let mut fields = Fields::new(path, json)?;
        let role = fields.need_text("role")?;
        let content = fields.take("content");
        let path = fields.path.name("content");
        if content.is_none() {
            return Err(path.invalid("is required"));
        }
        let turn = |role, parts| Turn { role, parts, at, ..Turn::default() };
        match &*role {
            "user" => {
                let parts = self.content(content, &path, Place::User)?;
                let results = parts.iter().filter(|part| matches!(part, Part::ToolResult(_))).count();
                if results == 0 {
                    self.turns.push(turn(Role::User, parts));
                } else if results == parts.len() {
                    self.turns.push(turn(Role::Tool, parts));
                } else {
                    let (results, rest) =
                        parts.into_iter().partition(|part| matches!(part, Part::ToolResult(_)));
                    self.turns.push(turn(Role::Tool, results));
                    self.turns.push(turn(Role::User, rest));
                }
            }
            "assistant" => {
                let parts = self.content(content, &path, Place::Assistant)?;
                self.turns.push(turn(Role::Assistant, reattach(parts)));
            }
            // In the middle of a conversation: the newest models know it.
            "system" => {
                let parts = self.content(content, &path, Place::System)?;
                self.turns.push(turn(Role::System, parts));
            }
            other => {
                let reason = format!("must be `user` or `assistant`, not `{other:.40}`");
                return Err(fields.path.name("role").invalid(reason));
            }
        }
        self.losses.unread(fields);
        Ok(())
    }

    fn content(
        &mut self,
        content: Option<Json<'a>>,
        path: &Path<'_>,
        place: Place,
    ) -> Result<Vec<Part<'a>>, Invalid> {
        match content {
            None => Ok(Vec::new()),
            Some(Json::String(text)) => Ok(vec![Part::text(text)]),
            Some(Json::Array(blocks)) => {
                let mut parts = Vec::with_capacity(blocks.items.len());
                for (at, block) in blocks.items.into_iter().enumerate() {
                    let mut fields = Fields::new(path.index(at), block)?;
                    self.block(&mut fields, place, &mut parts)?;
                    self.losses.unread(fields);
                }
                Ok(parts)
            }
            Some(other) => Err(path.invalid(format!("must be a string or an array, not {}", other.kind()))),
        }
    }

    fn block(
        &mut self,
        fields: &mut Fields<'_, 'a>,
        place: Place,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<(), Invalid> {
        let kind = fields.need_text("type")?;
        let losses = &mut *self.losses;
        match (&*kind, place) {
            ("text", _) => parts.push(Part::Text(text(fields, losses)?)),
            ("image", Place::User | Place::Result) => parts.push(image(fields, losses)?),
            ("document", Place::User | Place::Result) => document(fields, losses, parts)?,
            ("search_result", Place::User | Place::Result) => parts.push(search_result(fields, losses)?),
            ("tool_result", Place::User) => {
                let result = self.tool_result(fields)?;
                parts.push(Part::ToolResult(result));
            }
            ("tool_use", Place::Assistant) => parts.push(Part::ToolCall(tool_use(fields, losses)?)),
            ("thinking", Place::Assistant) => {
                let text = fields.text("thinking")?.unwrap_or_default();
                let state = fields.text("signature")?.and_then(signed);
                let reasoning = Reasoning { text, state, ..Reasoning::default() };
                if !is_nothing(&reasoning) {
                    parts.push(Part::Reasoning(reasoning));
                }
            }
            ("redacted_thinking", Place::Assistant) => {
                let state = Some(redacted(fields.need_text("data")?));
                parts.push(Part::Reasoning(Reasoning { state, ..Reasoning::default() }));
            }
            (kind, place) if is_vendors(kind, place) => {
                losses.at(&fields.path.name(kind));
                leave(fields);
            }
            (kind, _) => {
                let reason = format!("`{kind:.40}` is no type of block that can stand here");
                return Err(fields.path.name("type").invalid(reason));
            }
        }
        Ok(())
    }

    fn tool_result(&mut self, fields: &mut Fields<'_, 'a>) -> Result<ToolResult<'a>, Invalid> {
        let id = fields.need_text("tool_use_id")?;
        let is_error = fields.bool("is_error")?.unwrap_or(false);
        let cache = cache(fields, self.losses)?;
        let content = fields.take("content");
        let path = fields.path;
        let parts = self.content(content, &path.name("content"), Place::Result)?;
        Ok(ToolResult { id, parts, is_error, cache, ..ToolResult::default() })
    }
}

/// Blocks of tools that Anthropic runs, and of features that no other vendor has.
fn is_vendors(kind: &str, place: Place) -> bool {
    match place {
        // What an answer of Claude's holds comes back in its turn, whatever it will be called.
        Place::Assistant => !matches!(kind, "tool_result" | "image" | "document"),
        Place::User => kind == "container_upload" || kind.ends_with("_tool_result"),
        Place::Result => kind == "tool_reference",
        Place::System => matches!(kind, "tool_addition" | "tool_removal"),
    }
}

/// A block that is lost as a whole is listed once.
fn leave(fields: &mut Fields<'_, '_>) {
    let all = Fields::new(fields.path, Json::Object(crate::json::Object { raw: "{}", members: Vec::new() }));
    if let Ok(empty) = all {
        *fields = empty;
    }
}

fn text<'a>(fields: &mut Fields<'_, 'a>, losses: &mut Losses) -> Result<Text<'a>, Invalid> {
    let text = fields.need_text("text")?;
    let cache = cache(fields, losses)?;
    let citations = match fields.take("citations") {
        Some(Json::Array(list)) => list.items.iter().map(super::response::citation).collect(),
        Some(_) | None => Vec::new(),
    };
    Ok(Text { text, cache, citations, state: None })
}

fn tool_use<'a>(fields: &mut Fields<'_, 'a>, losses: &mut Losses) -> Result<ToolCall<'a>, Invalid> {
    let id = fields.need_text("id")?;
    if id.is_empty() {
        return Err(fields.path.name("id").invalid("must not be empty"));
    }
    let name = fields.need_text("name")?;
    let whole = fields.path;
    let path = whole.name("input");
    let arguments = match fields.take("input") {
        Some(object @ Json::Object(_)) => object.raw(),
        Some(other) => return Err(path.invalid(format!("must be an object, not {}", other.kind()))),
        None => Cow::Borrowed("{}"),
    };
    let cache = cache(fields, losses)?;
    // Who called: the model itself, unless a tool of the vendor's did.
    if fields.peek("caller").and_then(|caller| caller.get("type")).and_then(Json::text) == Some("direct") {
        fields.take("caller");
    }
    Ok(ToolCall { id, name, arguments, cache, ..ToolCall::default() })
}

/// <https://platform.claude.com/docs/en/build-with-claude/prompt-caching>
pub(super) fn cache<'a>(
    fields: &mut Fields<'_, 'a>,
    losses: &mut Losses,
) -> Result<Option<Cache<'a>>, Invalid> {
    let Some(mut mark) = fields.object("cache_control")? else { return Ok(None) };
    mark.text("type")?;
    let ttl = mark.text("ttl")?;
    losses.unread(mark);
    Ok(Some(Cache { ttl }))
}
