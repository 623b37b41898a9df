//! Tools on offer are read. Those that the vendor runs itself (`web_search`, `local_shell` …) can't be had elsewhere;
//! Codex offers some by default, so they are left out and listed, not refused.

use crate::chat::{Request, Tool, ToolChoice, ToolKind};
use crate::json::{Fields, Invalid, Json, Path};
use std::borrow::Cow;

/// Reads a list of tools.
pub(super) fn read_tools<'a>(
    path: Path<'_>,
    tools: Vec<Json<'a>>,
    request: &mut Request<'a>,
) -> Result<(), Invalid> {
    for (at, tool) in tools.into_iter().enumerate() {
        let mut fields = Fields::new(path.index(at), tool)?;
        let kind = fields.need_text("type")?;
        match &*kind {
            "function" => {
                let tool = read_function(&mut fields)?;
                request.tools.push(tool);
                // What is not deferred, and may be called by the model alone, is as everywhere.
                if fields.peek("defer_loading").and_then(Json::bool) == Some(false) {
                    fields.take("defer_loading");
                }
                request.losses.unread(fields);
            }
            "custom" => {
                let tool = read_custom(&mut fields)?;
                request.tools.push(tool);
                request.losses.unread(fields);
            }
            "namespace" => read_namespace(fields, request)?,
            other => dropped(&path, other, &fields.path, request)?,
        }
    }
    Ok(())
}

/// A group of tools, such as those of one MCP server in Codex. Its tools go out one by one, each with its group's name
/// before its own.
fn read_namespace<'a>(mut fields: Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    let group = name(&mut fields)?;
    let before = request.tools.len();
    if let Some(tools) = fields.array("tools")? {
        // One level: a group of groups is none.
        let inner = |tool: &Json<'_>| tool.get("type").and_then(Json::text) == Some("namespace");
        if let Some(at) = tools.items.iter().position(inner) {
            let path = fields.path.name("tools");
            return Err(path.index(at).name("type").invalid("a namespace can't stand in a namespace"));
        }
        read_tools(fields.path.name("tools"), tools.items, request)?;
    }
    for tool in request.tools.iter_mut().skip(before) {
        tool.name = Cow::Owned(joined(&group, &tool.name));
    }
    request.namespaces.push(group);
    request.losses.unread(fields);
    Ok(())
}

/// The name of a tool in a group: Codex's groups end with two underscores themselves.
pub(super) fn joined(group: &str, name: &str) -> String {
    [group, if group.ends_with("__") { "" } else { "__" }, name].concat()
}

/// The way back: the group, and the name in it. A name that no tool has is that of the one grouped tool which is
/// called so within its group: some models forget the group.
pub(super) fn split<'n>(
    groups: &'n [String],
    tools: &'n [String],
    name: &'n str,
) -> (Option<&'n str>, &'n str) {
    let grouped = |name: &'n str| {
        groups.iter().find_map(|group| {
            let rest = name.strip_prefix(group.as_str())?;
            let rest = if group.ends_with("__") { rest } else { rest.strip_prefix("__")? };
            (!rest.is_empty()).then_some((group.as_str(), rest))
        })
    };
    if let Some((group, rest)) = grouped(name) {
        return (Some(group), rest);
    }
    if groups.is_empty() || tools.iter().any(|tool| tool == name) {
        return (None, name);
    }
    let mut meant = tools.iter().filter_map(|tool| grouped(tool)).filter(|(_, rest)| *rest == name);
    match (meant.next(), meant.next()) {
        (Some((group, _)), None) => (Some(group), name),
        _ => (None, name),
    }
}

/// Lists what can't be had, by its type: `tools[].web_search`.
pub(super) fn dropped(
    list: &Path<'_>,
    kind: &str,
    at: &Path<'_>,
    request: &mut Request<'_>,
) -> Result<(), Invalid> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.';
    if kind.is_empty() || kind.len() > 64 || !kind.chars().all(word) {
        return Err(at.name("type").invalid(format!("`{kind:.40}` is not known")));
    }
    request.losses.at(&list.index(0).name(kind));
    Ok(())
}

fn read_function<'a>(fields: &mut Fields<'_, 'a>) -> Result<Tool<'a>, Invalid> {
    let parameters = match fields.take("parameters") {
        None => None,
        Some(schema @ Json::Object(_)) => Some(schema.raw()),
        Some(other) => {
            let reason = format!("must be an object, not {}", other.kind());
            return Err(fields.path.name("parameters").invalid(reason));
        }
    };
    Ok(Tool {
        name: name(fields)?,
        description: fields.text("description")?,
        kind: ToolKind::Function { parameters, strict: fields.bool("strict")? },
        cache: None,
    })
}

fn read_custom<'a>(fields: &mut Fields<'_, 'a>) -> Result<Tool<'a>, Invalid> {
    let format = match fields.take("format") {
        None => None,
        Some(format) if format.get("type").and_then(Json::text) == Some("text") => None,
        Some(format @ Json::Object(_)) => Some(format.raw()),
        Some(other) => {
            let reason = format!("must be an object, not {}", other.kind());
            return Err(fields.path.name("format").invalid(reason));
        }
    };
    Ok(Tool {
        name: name(fields)?,
        description: fields.text("description")?,
        kind: ToolKind::Custom { format },
        cache: None,
    })
}

fn name<'a>(fields: &mut Fields<'_, 'a>) -> Result<Cow<'a, str>, Invalid> {
    let name = fields.need_text("name")?;
    if name.is_empty() { Err(fields.path.name("name").invalid("must not be empty")) } else { Ok(name) }
}

/// Reads `tool_choice`. A choice of what was left out is left out, too.
pub(super) fn read_choice<'a>(fields: &mut Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    let Some(choice) = fields.take("tool_choice") else { return Ok(()) };
    let path = fields.path.name("tool_choice");
    let choice = match choice {
        Json::String(word) => Some(match &*word {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            other => {
                let reason = format!("`{other:.40}` is none of auto, none, required");
                return Err(path.invalid(reason));
            }
        }),
        object => {
            let mut fields = Fields::new(path, object)?;
            let choice = match &*fields.need_text("type")? {
                "function" | "custom" => Some(ToolChoice::Tool(name(&mut fields)?)),
                "allowed_tools" => read_allowed(&mut fields, request)?,
                // `{"type": "file_search"}` and the like.
                _ => None,
            };
            if choice.is_some() {
                request.losses.unread(fields);
            }
            choice
        }
    };
    match choice {
        // Nothing is left to choose from.
        Some(ToolChoice::Auto | ToolChoice::None) if request.tools.is_empty() => {}
        Some(choice) if !request.tools.is_empty() => request.tool_choice = Some(choice),
        _ => request.losses.at(&path),
    }
    Ok(())
}

fn read_allowed<'a>(
    fields: &mut Fields<'_, 'a>,
    request: &mut Request<'a>,
) -> Result<Option<ToolChoice<'a>>, Invalid> {
    let required = match fields.text("mode")?.as_deref() {
        None | Some("auto") => false,
        Some("required") => true,
        Some(other) => {
            let reason = format!("`{other:.40}` is none of auto, required");
            return Err(fields.path.name("mode").invalid(reason));
        }
    };
    let Some(tools) = fields.array("tools")? else {
        return Err(fields.path.name("tools").invalid("is required"));
    };
    let path = fields.path.name("tools");
    let mut names = Vec::with_capacity(tools.items.len());
    for (at, tool) in tools.items.into_iter().enumerate() {
        let mut fields = Fields::new(path.index(at), tool)?;
        let kind = fields.text("type")?;
        match kind.as_deref() {
            None | Some("function" | "custom") => {
                names.push(name(&mut fields)?);
                request.losses.unread(fields);
            }
            Some(other) => dropped(&path, other, &fields.path, request)?,
        }
    }
    Ok((!names.is_empty()).then_some(ToolChoice::Allowed { names, required }))
}
