//! Writes the tools on offer and the choice among them.
//! <https://platform.openai.com/docs/guides/function-calling>

use crate::chat::{Field, Losses, Quirks, ReasoningAsk, Request, Tool, ToolChoice, ToolKind};
use crate::json::Writer;

/// Writes tools, choice and whether several may be called; true: one must be called.
pub(super) fn write(
    request: &Request<'_>,
    tools: &[&Tool<'_>],
    quirks: &Quirks,
    losses: &mut Losses,
    out: &mut Writer,
) -> bool {
    // Groq and others refuse an empty list, OpenAI a choice without one.
    if tools.is_empty() {
        let forced = matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Tool(_)));
        losses.field_if(forced, Field::ToolChoice);
        return false;
    }
    out.name("tools").list();
    for tool in tools {
        write_tool(tool, quirks, losses, out);
    }
    out.end_list();
    let forced = choice(request, tools, quirks, losses, out);
    // True is what happens anyway.
    let parallel = request.parallel_tool_calls.filter(|parallel| !parallel);
    out.bool_if("parallel_tool_calls", quirks.keep(Field::ParallelToolCalls, parallel, losses));
    forced
}

fn write_tool(tool: &Tool<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    out.begin();
    match &tool.kind {
        ToolKind::Custom { format } if quirks.openai_tools => {
            out.member("type", "custom").name("custom").begin().member("name", &tool.name);
            out.member_if("description", tool.description.as_deref());
            if let Some(format) = format {
                out.name("format").raw(format);
            }
            out.end();
        }
        kind => {
            if let ToolKind::Custom { format: Some(_) } = kind {
                losses.field(Field::Grammar);
            }
            let refused = quirks.refuses(Field::Strict);
            losses.field_if(refused && tool.strict() == Some(true), Field::Strict);
            out.member("type", "function").name("function").begin().member("name", &tool.name);
            out.member_if("description", tool.description.as_deref());
            out.name("parameters").raw(tool.schema());
            out.bool_if("strict", tool.strict().filter(|_| !refused)).end();
        }
    }
    super::messages_out::cache(tool.cache.as_ref(), quirks, losses, out);
    out.end();
}

fn choice(
    request: &Request<'_>,
    tools: &[&Tool<'_>],
    quirks: &Quirks,
    losses: &mut Losses,
    out: &mut Writer,
) -> bool {
    let Some(choice) = &request.tool_choice else { return false };
    let force = match choice {
        ToolChoice::Auto | ToolChoice::None => false,
        ToolChoice::Required | ToolChoice::Tool(_) => true,
        ToolChoice::Allowed { required, .. } => *required,
    };
    if quirks.refuses(Field::ToolChoice) {
        losses.field_if(*choice != ToolChoice::Auto, Field::ToolChoice);
        return false;
    }
    // DeepSeek answers 400 to a forced call while it thinks, and thinks only where asked to.
    let thinks = request.reasoning.effort().is_some() || request.reasoning.adaptive;
    let thinks = thinks && !request.reasoning.off() && quirks.reasoning == ReasoningAsk::Switch;
    if force && (thinks || quirks.always_thinks) {
        losses.field(Field::ToolChoice);
        return false;
    }
    out.name("tool_choice");
    match choice {
        ToolChoice::Auto => out.string("auto"),
        ToolChoice::None => out.string("none"),
        ToolChoice::Required => out.string(quirks.tool_required),
        ToolChoice::Tool(name) => one(name, tools, quirks, out),
        ToolChoice::Allowed { names, required } if quirks.openai_tools => {
            out.begin().member("type", "allowed_tools").name("allowed_tools").begin();
            out.member("mode", if *required { "required" } else { "auto" }).name("tools").list();
            for name in names {
                one(name, tools, quirks, out);
            }
            out.end_list().end().end()
        }
        ToolChoice::Allowed { required, .. } => {
            out.string(if *required { quirks.tool_required } else { "auto" })
        }
    };
    force
}

/// `{type: function, function: {name}}`
fn one<'o>(name: &str, tools: &[&Tool<'_>], quirks: &Quirks, out: &'o mut Writer) -> &'o mut Writer {
    let is = |tool: &&&Tool<'_>| tool.name == name && matches!(tool.kind, ToolKind::Custom { .. });
    let custom = quirks.openai_tools && tools.iter().any(|tool| is(&tool));
    let kind = if custom { "custom" } else { "function" };
    out.begin().member("type", kind).name(kind).begin().member("name", name).end().end()
}
