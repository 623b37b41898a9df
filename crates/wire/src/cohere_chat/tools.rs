//! Tools, in OpenAI's form, and whether they must be called: there is a word for any and one for none, not for one.

use crate::chat::{Field, Losses, Quirks, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Json, Writer, parse_lossy};

/// Writes `tools`, `strict_tools` and `tool_choice`.
pub(super) fn write(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let among = request.tool_choice.as_ref().map(ToolChoice::names).unwrap_or_default();
    let offered = |tool: &&Tool<'_>| match &request.tool_choice {
        // To be made to call one tool is to be offered no other.
        Some(ToolChoice::Tool(name)) => tool.name == *name,
        Some(ToolChoice::Allowed { .. }) => among.contains(&*tool.name),
        Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Required) | None => true,
    };
    let tools: Vec<&Tool<'_>> = request.tools.iter().filter(offered).collect();
    if tools.is_empty() {
        return;
    }
    out.name("tools").list();
    for tool in &tools {
        let description = tool.description.as_deref().filter(|text| !text.is_empty());
        out.begin().member("type", "function").name("function").begin().member("name", &tool.name);
        out.member_if("description", description).name("parameters").raw(tool.schema()).end().end();
        losses.field_if(tool.cache.is_some(), Field::CacheControl);
        losses.field_if(matches!(tool.kind, ToolKind::Custom { format: Some(_) }), Field::Grammar);
    }
    out.end_list();
    write_strict(&tools, quirks, losses, out);
    let word = match &request.tool_choice {
        Some(ToolChoice::None) => Some("NONE"),
        Some(ToolChoice::Required | ToolChoice::Tool(_) | ToolChoice::Allowed { required: true, .. }) => {
            Some("REQUIRED")
        }
        Some(ToolChoice::Auto | ToolChoice::Allowed { required: false, .. }) | None => None,
    };
    out.member_if("tool_choice", quirks.keep(Field::ToolChoice, word, losses));
}

/// All tools are strict or none is, and a strict one must demand an argument:
/// <https://docs.cohere.com/v2/docs/structured-outputs#structured-outputs-tools>.
fn write_strict(tools: &[&Tool<'_>], quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let asked = tools.iter().any(|tool| tool.strict() == Some(true));
    if quirks.keep(Field::Strict, asked.then_some(true), losses).is_none() {
        return;
    }
    let demands = |tool: &&Tool<'_>| match parse_lossy(tool.schema().as_bytes()) {
        Ok(schema) => schema.get("required").is_some_and(|required| !Json::items(required).is_empty()),
        Err(_) => false,
    };
    if tools.iter().all(|tool| tool.strict() == Some(true)) && tools.iter().all(demands) {
        out.name("strict_tools").bool(true);
    } else {
        losses.field(Field::Strict);
    }
}
