//! Reads the tools on offer and the choice among them, the older `functions` and `function_call` included.
//! <https://platform.openai.com/docs/api-reference/chat/create#chat-create-tools>

use super::parts_in::cache;
use super::types::LEGACY;
use crate::chat::{Losses, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Fields, Invalid, Json, Path};
use std::borrow::Cow;

/// Takes all members that are about tools.
pub(super) fn read<'a>(fields: &mut Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    if let Some(tools) = fields.array("tools")? {
        let path = fields.path.name("tools");
        for (at, tool) in tools.items.into_iter().enumerate() {
            let tool = Fields::new(path.index(at), tool)?;
            request.tools.extend(read_tool(tool, &mut request.losses)?);
        }
    }
    if let Some(functions) = fields.array("functions")? {
        let path = fields.path.name("functions");
        for (at, function) in functions.items.into_iter().enumerate() {
            let mut function = Fields::new(path.index(at), function)?;
            request.tools.push(read_function(&mut function)?);
            request.losses.unread(function);
            request.echo = Cow::Borrowed(LEGACY);
        }
    }
    let older = fields.take("function_call");
    request.tool_choice = match (fields.take("tool_choice"), older) {
        (Some(choice), _) => read_choice(&fields.path.name("tool_choice"), choice, &mut request.losses)?,
        (None, Some(choice)) => read_choice(&fields.path.name("function_call"), choice, &mut request.losses)?,
        (None, None) => None,
    };
    // True is what happens anyway.
    request.parallel_tool_calls = fields.bool("parallel_tool_calls")?.filter(|parallel| !parallel);
    Ok(())
}

fn read_tool<'a>(mut fields: Fields<'_, 'a>, losses: &mut Losses) -> Result<Option<Tool<'a>>, Invalid> {
    // Mistral's clients leave the type out.
    let kind = fields.text("type")?.unwrap_or(Cow::Borrowed("function"));
    let mut mark = cache(&mut fields, losses)?;
    let tool = match &*kind {
        "function" => {
            let Some(mut function) = fields.object("function")? else {
                return Err(fields.path.name("function").invalid("is required"));
            };
            mark = mark.or(cache(&mut function, losses)?);
            let tool = read_function(&mut function)?;
            losses.unread(function);
            tool
        }
        "custom" => {
            let Some(mut custom) = fields.object("custom")? else {
                return Err(fields.path.name("custom").invalid("is required"));
            };
            let name = need_name(&mut custom)?;
            let description = custom.text("description")?;
            // Plain text is what happens anyway.
            let format = custom.take("format");
            let format = format.filter(|format| format.get("type").and_then(Json::text) != Some("text"));
            let format = format.map(|format| format.raw());
            losses.unread(custom);
            Tool { name, description, kind: ToolKind::Custom { format }, cache: None }
        }
        // A tool of the vendor's own, such as OpenRouter's `openrouter:web_search`.
        _ => {
            losses.at(&fields.path);
            return Ok(None);
        }
    };
    losses.unread(fields);
    Ok(Some(Tool { cache: mark, ..tool }))
}

fn read_function<'a>(fields: &mut Fields<'_, 'a>) -> Result<Tool<'a>, Invalid> {
    let name = need_name(fields)?;
    let description = fields.text("description")?;
    let strict = fields.bool("strict")?;
    let parameters = match fields.take("parameters") {
        None => None,
        Some(Json::Object(object)) => Some(Cow::Borrowed(object.raw)),
        Some(other) => {
            let path = fields.path.name("parameters");
            return Err(path.invalid(format!("must be an object, not {}", other.kind())));
        }
    };
    // An empty object is a schema without a type, which many refuse: it says no arguments.
    let parameters = parameters.filter(|schema| !schema.trim_matches(['{', '}', ' ', '\n']).is_empty());
    Ok(Tool { name, description, kind: ToolKind::Function { parameters, strict }, cache: None })
}

fn need_name<'a>(fields: &mut Fields<'_, 'a>) -> Result<Cow<'a, str>, Invalid> {
    let name = fields.need_text("name")?;
    if name.is_empty() {
        return Err(fields.path.name("name").invalid("must not be empty"));
    }
    Ok(name)
}

/// A word, or an object: the older form has only a name in it.
fn read_choice<'a>(
    path: &Path<'_>,
    choice: Json<'a>,
    losses: &mut Losses,
) -> Result<Option<ToolChoice<'a>>, Invalid> {
    let word = match &choice {
        Json::String(word) => Some(word.clone()),
        Json::Object(_) => choice.get("type").and_then(Json::cow),
        other => {
            return Err(path.invalid(format!("must be a string or an object, not {}", other.kind())));
        }
    };
    let read = match word.as_deref() {
        Some("auto") => ToolChoice::Auto,
        Some("none") => ToolChoice::None,
        Some("required" | "any") => ToolChoice::Required,
        Some("allowed_tools") => return allowed(Fields::new(*path, choice)?, losses).map(Some),
        Some(kind @ ("function" | "custom")) => {
            let mut fields = Fields::new(*path, choice)?;
            fields.take("type");
            let name = match fields.object(kind)? {
                Some(mut function) => need_name(&mut function)?,
                None => return Err(path.name(kind).invalid("is required")),
            };
            losses.unread(fields);
            ToolChoice::Tool(name)
        }
        None => ToolChoice::Tool(need_name(&mut Fields::new(*path, choice)?)?),
        Some(_) => {
            return Err(path.invalid("must be `none`, `auto`, `required` or one of the tools"));
        }
    };
    Ok(Some(read))
}

/// `{type: allowed_tools, allowed_tools: {mode, tools}}`, or with both members at the top.
fn allowed<'a>(mut fields: Fields<'_, 'a>, losses: &mut Losses) -> Result<ToolChoice<'a>, Invalid> {
    fields.take("type");
    let outer = fields.path;
    let inner = fields.take("allowed_tools");
    let path = outer.name("allowed_tools");
    let mut inner = match inner {
        Some(inner) => Fields::new(path, inner)?,
        None => fields,
    };
    let mode = inner.text("mode")?;
    let Some(tools) = inner.array("tools")? else {
        return Err(inner.path.name("tools").invalid("is required"));
    };
    let path = inner.path.name("tools");
    let mut names = Vec::with_capacity(tools.items.len());
    for (at, tool) in tools.items.iter().enumerate() {
        let named = ["function", "custom"].into_iter().find_map(|kind| tool.get(kind)).unwrap_or(tool);
        let name = named.get("name").and_then(Json::cow);
        names.push(name.ok_or_else(|| path.index(at).invalid("must name a function or a custom tool"))?);
    }
    losses.unread(inner);
    Ok(ToolChoice::Allowed { names, required: mode.as_deref() == Some("required") })
}
