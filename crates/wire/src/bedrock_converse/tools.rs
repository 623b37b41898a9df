//! Tools, and whether they must be called.

use super::messages::write_cache;
use crate::chat::{ANSWER_TOOL, Field, Losses, Part, Quirks, Request, Tool, ToolChoice, ToolKind};
use crate::json::Writer;
use std::borrow::Cow;

/// What is offered and asked for.
#[derive(Debug)]
pub(super) struct Offer<'r, 'a> {
    tools: Vec<Cow<'r, Tool<'a>>>,
    choice: Choice<'r>,
    /// The schema of the answer, where a tool stands for it.
    answer: Option<&'r str>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Choice<'r> {
    Unsaid,
    Auto,
    Any,
    Tool(&'r str),
}

impl<'r, 'a> Offer<'r, 'a> {
    /// Plans it. A thinking Claude can't be made to call a tool.
    pub(super) fn new(
        request: &'r Request<'a>,
        answer: Option<&'r str>,
        thinks: bool,
        quirks: &Quirks,
        losses: &mut Losses,
    ) -> Self {
        let mut tools: Vec<Cow<'r, Tool<'a>>> = request.tools.iter().map(Cow::Borrowed).collect();
        let mut choice = match &request.tool_choice {
            None => Choice::Unsaid,
            Some(ToolChoice::Auto) => Choice::Auto,
            Some(ToolChoice::Required) => Choice::Any,
            Some(ToolChoice::Tool(name)) => Choice::Tool(name),
            Some(among @ ToolChoice::Allowed { required, .. }) => {
                let names = among.names();
                tools.retain(|tool| names.contains(&*tool.name));
                if *required { Choice::Any } else { Choice::Auto }
            }
            Some(ToolChoice::None) => {
                // There is no word for it: nothing is offered, unless earlier calls need the list to be there.
                if has_calls(request) {
                    losses.field(Field::ToolChoice);
                } else {
                    tools.clear();
                }
                Choice::Unsaid
            }
        };
        if tools.is_empty() {
            tools = called(request).into_iter().map(Cow::Owned).collect();
            choice = Choice::Unsaid;
        }
        let forced = matches!(choice, Choice::Any | Choice::Tool(_));
        if forced && (thinks || quirks.always_thinks || quirks.refuses(Field::ToolChoice)) {
            losses.field(Field::ToolChoice);
            choice = Choice::Auto;
        }
        if answer.is_some() {
            // The answer or a call of a tool that is offered: either is a call.
            choice = if request.tools.is_empty() { Choice::Tool(ANSWER_TOOL) } else { Choice::Any };
        }
        Self { tools, choice, answer }
    }

    /// Writes `toolConfig`.
    pub(super) fn write(&self, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
        if self.tools.is_empty() && self.answer.is_none() {
            return;
        }
        out.name("toolConfig").begin().name("tools").list();
        for tool in &self.tools {
            write_tool(tool, quirks, losses, out);
        }
        if let Some(schema) = self.answer {
            out.begin().name("toolSpec").begin().member("name", ANSWER_TOOL);
            out.member("description", "Gives the answer to the user, in the form that was asked for.");
            out.name("inputSchema").begin().name("json").raw(schema).end().end().end();
        }
        out.end_list();
        match self.choice {
            Choice::Unsaid => {}
            Choice::Auto => {
                out.name("toolChoice").begin().name("auto").raw("{}").end();
            }
            Choice::Any => {
                out.name("toolChoice").begin().name("any").raw("{}").end();
            }
            Choice::Tool(name) => {
                out.name("toolChoice").begin().name("tool").begin().member("name", name).end().end();
            }
        }
        out.end();
    }
}

/// A description must not be empty: `NonEmptyString` of
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html>.
fn write_tool(tool: &Tool<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let description = tool.description.as_deref().filter(|text| !text.trim().is_empty());
    out.begin().name("toolSpec").begin().member("name", &tool.name).member_if("description", description);
    out.name("inputSchema").begin().name("json").raw(tool.schema()).end();
    let strict = tool.strict().filter(|strict| *strict);
    out.bool_if("strict", quirks.keep(Field::Strict, strict, losses));
    out.end().end();
    losses.field_if(matches!(tool.kind, ToolKind::Custom { format: Some(_) }), Field::Grammar);
    if let Some(cache) = quirks.keep(Field::CacheControl, tool.cache.as_ref(), losses) {
        write_cache(cache, out);
    }
}

fn has_calls(request: &Request<'_>) -> bool {
    let mut parts = request.turns.iter().flat_map(|turn| &turn.parts);
    parts.any(|part| matches!(part, Part::ToolCall(_) | Part::ToolResult(_)))
}

/// The tools that were called before, as far as that tells of them: calls in the history need a list of tools, also
/// when nothing is offered any more.
fn called<'a>(request: &Request<'a>) -> Vec<Tool<'a>> {
    let mut tools: Vec<Tool<'a>> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for part in request.turns.iter().flat_map(|turn| &turn.parts) {
        if let Part::ToolCall(call) = part
            && seen.insert(&*call.name)
        {
            tools.push(Tool { name: call.name.clone(), ..Tool::default() });
        }
    }
    tools
}
