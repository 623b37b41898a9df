//! Tools of a request for an upstream, and the choice among them.
//! <https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use>

use super::messages_out::Marks;
use super::request_out::Form;
use super::schema_out;
use crate::chat::{
    ANSWER_TOOL, Field, Losses, Quirks, Refused, Request, SchemaSupport, Tool, ToolChoice, ToolKind,
};
use crate::json::{Json, Writer, parse};
use std::borrow::Cow;

/// What is offered, and what must be called.
pub(super) struct Plan<'r, 'a> {
    pub(super) tools: Vec<&'r Tool<'a>>,
    /// The tool that stands for the answer: its schema, what it is for.
    answer: Option<(&'r str, &'r str)>,
    choice: Option<Choice<'r>>,
    one_at_a_time: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice<'r> {
    Auto,
    Any,
    None,
    Tool(&'r str),
}

/// Decides. Where no call can be forced, the model is free to.
pub(super) fn plan<'r, 'a>(
    request: &'r Request<'a>,
    form: &Form<'r>,
    can_force: bool,
    losses: &mut Losses,
) -> Plan<'r, 'a> {
    let mut tools: Vec<&Tool<'_>> = request.tools.iter().collect();
    let mut choice = request.tool_choice.as_ref().map(|choice| match choice {
        ToolChoice::Auto => Choice::Auto,
        ToolChoice::None => Choice::None,
        ToolChoice::Required => Choice::Any,
        ToolChoice::Tool(name) => Choice::Tool(name),
        ToolChoice::Allowed { required, .. } => {
            let names = choice.names();
            tools.retain(|tool| names.contains(&*tool.name));
            if *required { Choice::Any } else { Choice::Auto }
        }
    });
    if !can_force && matches!(choice, Some(Choice::Any | Choice::Tool(_))) {
        losses.field(Field::ToolChoice);
        choice = Some(Choice::Auto);
    }
    let mut one_at_a_time = request.parallel_tool_calls == Some(false);
    let mut answer = None;
    if let Form::Tool { schema, description } = form {
        answer = Some((*schema, *description));
        one_at_a_time |= tools.is_empty();
        choice = Some(match choice {
            Some(Choice::Auto | Choice::Any) | None if !tools.is_empty() => Choice::Any,
            _ => Choice::Tool(ANSWER_TOOL),
        });
    } else if tools.is_empty() {
        losses.field_if(matches!(choice, Some(Choice::Any | Choice::Tool(_))), Field::ToolChoice);
        choice = None;
        one_at_a_time = false;
    }
    Plan { tools, answer, choice, one_at_a_time }
}

/// Writes `tools` and `tool_choice`.
pub(super) fn write(
    plan: &Plan<'_, '_>,
    quirks: &Quirks,
    marks: &mut Marks,
    losses: &mut Losses,
    out: &mut Writer,
) -> Result<(), Refused> {
    if plan.tools.is_empty() && plan.answer.is_none() {
        return Ok(());
    }
    out.name("tools").list();
    let mut strict = 0;
    for tool in &plan.tools {
        write_tool(tool, quirks, &mut strict, marks, losses, out)?;
    }
    if let Some((schema, description)) = plan.answer {
        let what_for = "Gives the answer. Call it once, with the whole answer. ";
        out.begin().member("name", ANSWER_TOOL).name("description").strings(&[what_for, description]);
        out.name("input_schema").raw(schema).end();
    }
    out.end_list();
    let choice = match (plan.choice, plan.one_at_a_time) {
        (None, false) => return Ok(()),
        (None, true) => Choice::Auto,
        (Some(choice), _) => choice,
    };
    out.name("tool_choice").begin();
    match choice {
        Choice::Auto => out.member("type", "auto"),
        Choice::Any => out.member("type", "any"),
        Choice::None => out.member("type", "none"),
        Choice::Tool(name) => out.member("type", "tool").member("name", name),
    };
    if plan.one_at_a_time && choice != Choice::None {
        out.name("disable_parallel_tool_use").bool(true);
    }
    out.end();
    Ok(())
}

/// More strict tools are refused:
/// <https://platform.claude.com/docs/en/build-with-claude/structured-outputs#schema-complexity-limits>.
const MOST_STRICT: usize = 20;

fn write_tool(
    tool: &Tool<'_>,
    quirks: &Quirks,
    strict: &mut usize,
    marks: &mut Marks,
    losses: &mut Losses,
    out: &mut Writer,
) -> Result<(), Refused> {
    let grammar = matches!(&tool.kind, ToolKind::Custom { format: Some(format) } if !is_plain(format));
    losses.field_if(grammar, Field::Grammar);
    out.begin().member("name", &tool.name).member_if("description", tool.description.as_deref());
    let schema = schema(tool)?;
    let wanted = tool.strict() == Some(true);
    let can = quirks.schema == SchemaSupport::Full && !quirks.refuses(Field::Strict) && *strict < MOST_STRICT;
    let fitted = if wanted && can { schema_out::fit(&schema) } else { None };
    losses.field_if(wanted && fitted.is_none(), Field::Strict);
    match fitted {
        Some(fitted) => {
            *strict += 1;
            out.name("input_schema").raw(&fitted).name("strict").bool(true);
        }
        None => {
            out.name("input_schema").raw(&schema);
        }
    }
    marks.write(tool.cache.as_ref(), out);
    out.end();
    Ok(())
}

/// Any text: no grammar.
fn is_plain(format: &str) -> bool {
    parse(format.as_bytes()).is_ok_and(|json| json.get("type").and_then(Json::text) == Some("text"))
}

/// The schema must say that it is an object: "tools.0.custom.input_schema.type: Input should be 'object'".
fn schema<'r>(tool: &'r Tool<'_>) -> Result<Cow<'r, str>, Refused> {
    let raw = tool.schema();
    let refused = || Refused {
        field: Field::Tools,
        reason: Cow::Owned(format!("the schema of `{:.64}` must be of an object", tool.name)),
        fetch: None,
    };
    let Ok(json @ Json::Object(_)) = parse(raw.as_bytes()) else { return Err(refused()) };
    let object = |kind: &Json<'_>| kind.text() == Some("object");
    match json.get("type") {
        Some(kind) if object(kind) => Ok(Cow::Borrowed(raw)),
        Some(Json::Array(kinds)) if !kinds.items.iter().any(object) => Err(refused()),
        Some(Json::String(_)) => Err(refused()),
        // Nothing said, or one of several: an object is what arguments are.
        _ => {
            let mut out = Writer::with_capacity(raw.len() + 24);
            out.begin().member("type", "object");
            for (name, value) in json.members().iter().filter(|(name, _)| name != "type") {
                out.name(name).json(value);
            }
            if json.get("properties").is_none() && json.members().is_empty() {
                out.name("properties").begin().end();
            }
            out.end();
            Ok(Cow::Owned(out.into_string()))
        }
    }
}
