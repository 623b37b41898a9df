//! A caller's request: everything but the messages and tools, which have files of their own.
//! <https://platform.claude.com/docs/en/api/messages>

use super::messages_in::{Reader, cache};
use super::tools_in;
use crate::chat::{Effort, Losses, Part, ReasoningWish, Request, ResponseFormat, Role, Turn};
use crate::json::{Fields, Invalid, Json, Path};
use crate::translate::Said;
use std::borrow::Cow;

/// Reads a request.
pub(super) fn read<'a>(body: Json<'a>, said: &Said<'_>) -> Result<Request<'a>, Invalid> {
    let mut fields = Fields::new(Path::ROOT, body)?;
    let mut losses = Losses::default();
    let mut request = Request {
        model: match (fields.text("model")?, said.model) {
            (Some(model), _) => model,
            (None, said) => Cow::Owned(said.unwrap_or_default().to_owned()),
        },
        stream: fields.bool("stream")?.unwrap_or(said.stream),
        include_usage: true,
        turns: turns(&mut fields, &mut losses)?,
        ..Request::default()
    };
    tools_in::read(&mut fields, &mut request, &mut losses)?;
    request.max_tokens = fields.number("max_tokens")?;
    if request.max_tokens.is_none() && !said.counting {
        return Err(fields.path.name("max_tokens").invalid("is required"));
    }
    request.temperature = fields.float("temperature")?;
    request.top_p = fields.float("top_p")?;
    request.top_k = fields.number("top_k")?;
    request.stop = strings(&mut fields, "stop_sequences")?;
    thinking(&mut fields, &mut request.reasoning, &mut losses)?;
    output(&mut fields, &mut request, &mut losses)?;
    request.service_tier = tier(fields.text("service_tier")?);
    if let Some(mut metadata) = fields.object("metadata")? {
        request.user = metadata.text("user_id")?;
        losses.unread(metadata);
    }
    automatic_cache(&mut fields, &mut request.turns, &mut losses)?;
    leave_empty(&mut fields);
    losses.unread(fields);
    request.losses = losses;
    Ok(request)
}

/// Members that say nothing: Vertex' and Bedrock's version, and empty lists of what the neutral model doesn't have.
fn leave_empty(fields: &mut Fields<'_, '_>) {
    fields.take("anthropic_version");
    for name in ["mcp_servers", "betas", "anthropic_beta", "fallbacks"] {
        if matches!(fields.peek(name), Some(Json::Array(list)) if list.items.is_empty()) {
            fields.take(name);
        }
    }
}

fn turns<'a>(fields: &mut Fields<'_, 'a>, losses: &mut Losses) -> Result<Vec<Turn<'a>>, Invalid> {
    let path = fields.path;
    let mut reader = Reader::new(losses);
    if let Some(system) = fields.take("system") {
        let parts = reader.system(system, &path.name("system"))?;
        if !parts.is_empty() {
            reader.turns.push(Turn { role: Role::System, parts, ..Turn::default() });
        }
    }
    let Some(messages) = fields.array("messages")? else {
        return Err(path.name("messages").invalid("is required"));
    };
    if messages.items.is_empty() {
        return Err(path.name("messages").invalid("must have at least one message"));
    }
    let path = path.name("messages");
    for (at, message) in messages.items.into_iter().enumerate() {
        reader.message(message, path.index(at), at)?;
    }
    Ok(reader.turns)
}

pub(super) fn strings<'a>(fields: &mut Fields<'_, 'a>, name: &str) -> Result<Vec<Cow<'a, str>>, Invalid> {
    let Some(list) = fields.array(name)? else { return Ok(Vec::new()) };
    let path = fields.path.name(name);
    let texts = list.items.into_iter().enumerate().map(|(at, item)| match item {
        Json::String(text) => Ok(text),
        other => Err(path.index(at).invalid(format!("must be a string, not {}", other.kind()))),
    });
    texts.collect()
}

/// <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>,
/// <https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking>
fn thinking(
    fields: &mut Fields<'_, '_>,
    wish: &mut ReasoningWish<'_>,
    losses: &mut Losses,
) -> Result<(), Invalid> {
    let Some(mut thinking) = fields.object("thinking")? else { return Ok(()) };
    let kind = thinking.need_text("type")?;
    let budget = thinking.number("budget_tokens")?;
    let display = thinking.text("display")?;
    match &*kind {
        "enabled" => {
            let path = thinking.path.name("budget_tokens");
            wish.budget = Some(budget.ok_or_else(|| path.invalid("is required"))?);
        }
        "adaptive" => wish.adaptive = true,
        // The newest models' least: only notes between calls of tools.
        "between_tools" => wish.effort = Some(Effort::Minimal),
        "disabled" => wish.effort = Some(Effort::None),
        other => {
            let reason = format!("must be `enabled`, `adaptive` or `disabled`, not `{other:.40}`");
            return Err(thinking.path.name("type").invalid(reason));
        }
    }
    if wish.effort.is_none() {
        // Who turns it on gets to see it, unless it says otherwise.
        wish.show = Some(display.as_deref() != Some("omitted"));
    }
    losses.unread(thinking);
    Ok(())
}

/// <https://platform.claude.com/docs/en/build-with-claude/effort>,
/// <https://platform.claude.com/docs/en/build-with-claude/structured-outputs>
fn output<'a>(
    fields: &mut Fields<'_, 'a>,
    request: &mut Request<'a>,
    losses: &mut Losses,
) -> Result<(), Invalid> {
    // The name that the beta had.
    if let Some(format) = fields.object("output_format")? {
        request.response_format = response_format(format, losses)?;
    }
    let Some(mut config) = fields.object("output_config")? else { return Ok(()) };
    if let Some(word) = config.text("effort")? {
        let path = config.path.name("effort");
        let Some(effort) = Effort::parse(&word) else {
            return Err(
                path.invalid(format!("must be `low`, `medium`, `high`, `xhigh` or `max`, not `{word:.40}`"))
            );
        };
        // Effort without thinking is about the length of the answer.
        if request.reasoning.effort == Some(Effort::None) {
            losses.at(&path);
        } else {
            request.reasoning.effort = Some(effort);
        }
    }
    if let Some(format) = config.object("format")? {
        request.response_format = response_format(format, losses)?;
    }
    losses.unread(config);
    Ok(())
}

fn response_format<'a>(
    mut format: Fields<'_, 'a>,
    losses: &mut Losses,
) -> Result<Option<ResponseFormat<'a>>, Invalid> {
    let kind = format.need_text("type")?;
    let form = match &*kind {
        "json_schema" => {
            let whole = format.path;
            let path = whole.name("schema");
            let schema = match format.take("schema") {
                Some(schema @ (Json::Object(_) | Json::Bool(_))) => schema.raw(),
                Some(other) => {
                    return Err(path.invalid(format!("must be an object, not {}", other.kind())));
                }
                None => return Err(path.invalid("is required")),
            };
            let (name, description) = (format.text("name")?, format.text("description")?);
            ResponseFormat::JsonSchema { name, description, schema, strict: None }
        }
        "text" => ResponseFormat::Text,
        other => {
            let reason = format!("must be `json_schema`, not `{other:.40}`");
            return Err(format.path.name("type").invalid(reason));
        }
    };
    losses.unread(format);
    Ok(Some(form))
}

/// <https://platform.claude.com/docs/en/api/service-tiers>: `auto` is the default.
fn tier(word: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    match word.as_deref() {
        Some("auto") | None => None,
        Some("standard_only") => Some(Cow::Borrowed("default")),
        Some(_) => word,
    }
}

/// A mark on the request as a whole stands for one on its last block:
/// <https://platform.claude.com/docs/en/build-with-claude/prompt-caching#automatic-caching>.
fn automatic_cache<'a>(
    fields: &mut Fields<'_, 'a>,
    turns: &mut [Turn<'a>],
    losses: &mut Losses,
) -> Result<(), Invalid> {
    let whole = fields.path;
    let path = whole.name("cache_control");
    let Some(mark) = cache(fields, losses)? else { return Ok(()) };
    let last = turns.iter_mut().rev().flat_map(|turn| turn.parts.iter_mut().rev());
    for part in last {
        let slot = match part {
            Part::Text(text) => &mut text.cache,
            Part::Media(media) => &mut media.cache,
            Part::ToolCall(call) => &mut call.cache,
            Part::ToolResult(result) => &mut result.cache,
            Part::Reasoning(_) | Part::Refusal(_) | Part::Json(_) => continue,
        };
        slot.get_or_insert(mark);
        return Ok(());
    }
    losses.at(&path);
    Ok(())
}
