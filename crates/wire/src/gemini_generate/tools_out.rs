//! Tools and the choice among them. <https://ai.google.dev/gemini-api/docs/function-calling>

use super::schema::{Dialect, reduce};
use crate::chat::{Field, Losses, Quirks, Refused, Request, Tool, ToolChoice, ToolKind};
use crate::json::Writer;
use std::borrow::Cow;

/// Which kind of schema the target takes.
pub(super) const fn dialect(quirks: &Quirks) -> Dialect {
    if quirks.schema_subset { Dialect::OpenApi } else { Dialect::Json }
}

/// Writes `tools` and `toolConfig`; whether there are any.
pub(super) fn write(
    request: &Request<'_>,
    quirks: &Quirks,
    out: &mut Writer,
    losses: &mut Losses,
) -> Result<bool, Refused> {
    // A choice among some tools without the duty to call one can't be said: only those are offered then.
    let offered: Vec<_> = match &request.tool_choice {
        Some(among @ ToolChoice::Allowed { required: false, .. }) => {
            let names = among.names();
            request.tools.iter().filter(|tool| names.contains(&*tool.name)).collect()
        }
        _ => request.tools.iter().collect(),
    };
    if offered.is_empty() {
        return Ok(false);
    }
    if quirks.refuses(Field::Tools) {
        losses.cannot(Field::Tools, "this model knows no tools")?;
        return Ok(false);
    }
    out.name("tools").list().begin().name("functionDeclarations").list();
    for tool in offered {
        declaration(tool, quirks, out, losses)?;
    }
    out.end_list().end().end_list();
    choice(request, quirks, out, losses);
    Ok(true)
}

fn declaration(
    tool: &Tool<'_>,
    quirks: &Quirks,
    out: &mut Writer,
    losses: &mut Losses,
) -> Result<(), Refused> {
    losses.field_if(tool.cache.is_some(), Field::CacheControl);
    losses.field_if(tool.strict() == Some(true), Field::Strict);
    losses.field_if(matches!(&tool.kind, ToolKind::Custom { format: Some(_) }), Field::Grammar);
    out.begin().member("name", &tool.name);
    let description = tool.description.as_deref().filter(|text| !text.is_empty());
    out.member_if("description", description);
    let dialect = dialect(quirks);
    let reduced = reduce(tool.schema(), dialect).map_err(|why| Refused {
        field: Field::Tools,
        reason: Cow::Owned(format!("the schema of the tool `{:.64}` {why}", tool.name)),
        fetch: None,
    })?;
    losses.field_if(reduced.weaker, Field::Strict);
    match (reduced.json, dialect) {
        (Some(schema), Dialect::Json) => {
            out.name("parametersJsonSchema").raw(&schema);
        }
        // An object without members is refused there; no schema at all means the same.
        (Some(schema), Dialect::OpenApi) if schema != r#"{"type":"OBJECT"}"# => {
            out.name("parameters").raw(&schema);
        }
        (Some(_), Dialect::OpenApi) | (None, _) => {}
    }
    out.end();
    Ok(())
}

fn choice(request: &Request<'_>, quirks: &Quirks, out: &mut Writer, losses: &mut Losses) {
    let Some(choice) = &request.tool_choice else { return };
    let one;
    let (mode, names) = match choice {
        ToolChoice::Auto | ToolChoice::Allowed { required: false, .. } => ("AUTO", &[][..]),
        ToolChoice::None => ("NONE", &[][..]),
        ToolChoice::Required => ("ANY", &[][..]),
        ToolChoice::Tool(name) => {
            one = [name.clone()];
            ("ANY", &one[..])
        }
        ToolChoice::Allowed { names, required: true } => ("ANY", names.as_slice()),
    };
    if quirks.refuses(Field::ToolChoice) {
        losses.field_if(mode != "AUTO", Field::ToolChoice);
        return;
    }
    out.name("toolConfig").begin().name("functionCallingConfig").begin().member("mode", mode);
    if !names.is_empty() {
        out.name("allowedFunctionNames").list();
        names.iter().for_each(|name| {
            out.string(name);
        });
        out.end_list();
    }
    out.end().end();
}
