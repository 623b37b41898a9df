//! A caller's tools and its choice among them. Tools that Anthropic runs itself, or whose schema only Claude knows, have
//! no place in the neutral model: they are left out and listed.

use super::messages_in::cache;
use crate::chat::{Losses, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Fields, Invalid, Json, Path};
use std::borrow::Cow;

/// Reads `tools` and `tool_choice`. <https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview>
pub(super) fn read<'a>(
    fields: &mut Fields<'_, 'a>,
    request: &mut Request<'a>,
    losses: &mut Losses,
) -> Result<(), Invalid> {
    let mut left_out = Vec::new();
    if let Some(tools) = fields.array("tools")? {
        let path = fields.path.name("tools");
        request.tools.reserve(tools.items.len());
        for (at, json) in tools.items.into_iter().enumerate() {
            match tool(json, path.index(at), losses)? {
                Read::Function(tool) => request.tools.push(tool),
                Read::Vendors(name) => left_out.push(name),
            }
        }
    }
    let whole = fields.path;
    let path = whole.name("tool_choice");
    if let Some(mut choice) = fields.object("tool_choice")? {
        // One call at a time is said; more is the default.
        if choice.bool("disable_parallel_tool_use")? == Some(true) {
            request.parallel_tool_calls = Some(false);
        }
        request.tool_choice = chosen(&mut choice)?;
        losses.unread(choice);
    }
    let gone = match &request.tool_choice {
        Some(ToolChoice::Tool(name)) => left_out.contains(name),
        Some(ToolChoice::Required) => request.tools.is_empty() && !left_out.is_empty(),
        _ => false,
    };
    if gone {
        request.tool_choice = None;
        losses.at(&path);
    }
    Ok(())
}

enum Read<'a> {
    Function(Tool<'a>),
    /// A tool of the vendor's, by its name.
    Vendors(Cow<'a, str>),
}

fn tool<'a>(json: Json<'a>, path: Path<'_>, losses: &mut Losses) -> Result<Read<'a>, Invalid> {
    let mut fields = Fields::new(path, json)?;
    let kind = fields.text("type")?;
    if let Some(kind) = kind.filter(|kind| kind != "custom") {
        losses.at(&path.name(&kind));
        return Ok(Read::Vendors(fields.text("name")?.unwrap_or_default()));
    }
    let name = fields.need_text("name")?;
    let description = fields.text("description")?;
    let schema = path.name("input_schema");
    let parameters = match fields.take("input_schema") {
        Some(object @ Json::Object(_)) => object.raw(),
        Some(other) => return Err(schema.invalid(format!("must be an object, not {}", other.kind()))),
        None => return Err(schema.invalid("is required")),
    };
    let strict = fields.bool("strict")?;
    let cache = cache(&mut fields, losses)?;
    leave_defaults(&mut fields);
    losses.unread(fields);
    let kind = ToolKind::Function { parameters: Some(parameters), strict };
    Ok(Read::Function(Tool { name, description, kind, cache }))
}

/// Members that say what holds anyway.
fn leave_defaults(fields: &mut Fields<'_, '_>) {
    for name in ["defer_loading", "eager_input_streaming"] {
        if fields.peek(name) == Some(&Json::Bool(false)) {
            fields.take(name);
        }
    }
    let direct = |caller: &Json<'_>| caller.text() == Some("direct");
    if matches!(fields.peek("allowed_callers"), Some(Json::Array(list)) if list.items.iter().all(direct)) {
        fields.take("allowed_callers");
    }
}

fn chosen<'a>(choice: &mut Fields<'_, 'a>) -> Result<Option<ToolChoice<'a>>, Invalid> {
    let kind = choice.need_text("type")?;
    Ok(Some(match &*kind {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Tool(choice.need_text("name")?),
        other => {
            let reason = format!("must be `auto`, `any`, `tool` or `none`, not `{other:.40}`");
            return Err(choice.path.name("type").invalid(reason));
        }
    }))
}
