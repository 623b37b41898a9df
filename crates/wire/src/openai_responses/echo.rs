//! What a response object repeats of its request. The description demands most of these members, so that they stand
//! there with the dialect's defaults where the caller gave none:
//! <https://platform.openai.com/docs/api-reference/responses/object>.

use super::types::nullable;
use crate::chat::{Effort, Request, ResponseFormat, Tool, ToolChoice, ToolKind};
use crate::json::Writer;
use std::borrow::Cow;

/// Texts longer than this are not repeated: every open stream holds them till its end, and nobody asks for them.
const LONGEST: usize = 8 << 10;

/// What the request says that the neutral model has no place for.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) instructions: Option<Cow<'a, str>>,
    pub(super) safety_identifier: Option<Cow<'a, str>>,
}

/// The members, without braces.
pub(super) fn members(request: &Request<'_>, said: &Said<'_>) -> String {
    let mut out = Writer::with_capacity(512);
    out.begin().name("background").bool(false);
    let instructions = said.instructions.as_deref().filter(|text| text.len() <= LONGEST);
    nullable(&mut out, "instructions", instructions);
    number(&mut out, "max_output_tokens", request.max_tokens);
    out.name("max_tool_calls").null();
    out.name("metadata").raw(request.metadata.as_deref().unwrap_or("{}"));
    out.name("parallel_tool_calls").bool(request.parallel_tool_calls.unwrap_or(true));
    out.name("previous_response_id").null();
    nullable(&mut out, "prompt_cache_key", request.cache_key.as_deref());
    out.name("reasoning").begin();
    nullable(&mut out, "effort", request.reasoning.effort.map(Effort::name));
    nullable(&mut out, "summary", request.reasoning.summary.as_deref());
    out.end();
    nullable(&mut out, "safety_identifier", said.safety_identifier.as_deref());
    // Whatever was asked: nothing is kept here.
    out.name("store").bool(false);
    out.name("temperature").float(request.temperature.unwrap_or(1.0));
    text(&mut out, request);
    choice(&mut out, request);
    tools(&mut out, &request.tools);
    out.name("top_logprobs").number(request.top_logprobs.unwrap_or(0));
    out.name("top_p").float(request.top_p.unwrap_or(1.0)).member("truncation", "disabled");
    out.member_if("user", request.user.as_deref()).end();
    let object = out.into_string();
    object.get(1..object.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

fn number(out: &mut Writer, name: &str, number: Option<u64>) {
    match number {
        Some(number) => out.name(name).number(number),
        None => out.name(name).null(),
    };
}

fn text(out: &mut Writer, request: &Request<'_>) {
    out.name("text").begin().name("format").begin();
    match &request.response_format {
        None | Some(ResponseFormat::Text) => {
            out.member("type", "text");
        }
        Some(ResponseFormat::JsonObject) => {
            out.member("type", "json_object");
        }
        Some(ResponseFormat::JsonSchema { name, description, schema, strict }) => {
            out.member("type", "json_schema").member("name", name.as_deref().unwrap_or("response"));
            out.member_if("description", description.as_deref());
            let short = schema.len() <= LONGEST;
            out.name("schema").raw(if short { schema } else { "{}" });
            out.name("strict").bool(strict.unwrap_or(false));
        }
    }
    out.end().member("verbosity", request.verbosity.as_deref().unwrap_or("medium")).end();
}

fn choice(out: &mut Writer, request: &Request<'_>) {
    let kind = |name: &str| {
        let custom = |tool: &Tool<'_>| tool.name == name && matches!(tool.kind, ToolKind::Custom { .. });
        if request.tools.iter().any(custom) { "custom" } else { "function" }
    };
    out.name("tool_choice");
    match &request.tool_choice {
        None | Some(ToolChoice::Auto) => out.string("auto"),
        Some(ToolChoice::None) => out.string("none"),
        Some(ToolChoice::Required) => out.string("required"),
        Some(ToolChoice::Tool(name)) => out.begin().member("type", kind(name)).member("name", name).end(),
        Some(ToolChoice::Allowed { names, required }) => {
            out.begin().member("type", "allowed_tools");
            out.member("mode", if *required { "required" } else { "auto" }).name("tools").list();
            for name in names {
                out.begin().member("type", kind(name)).member("name", name).end();
            }
            out.end_list().end()
        }
    };
}

fn tools(out: &mut Writer, tools: &[Tool<'_>]) {
    let length: usize = tools.iter().map(|tool| tool.schema().len() + tool.name.len() + 64).sum();
    let described = tools.iter().filter_map(|tool| tool.description.as_deref()).map(str::len).sum::<usize>();
    out.name("tools").list();
    for tool in tools.iter().filter(|_| length + described <= LONGEST) {
        let kind = if matches!(tool.kind, ToolKind::Custom { .. }) { "custom" } else { "function" };
        out.begin().member("type", kind).member("name", &tool.name);
        out.member_if("description", tool.description.as_deref());
        match &tool.kind {
            ToolKind::Function { parameters, strict } => {
                out.name("parameters").raw(parameters.as_deref().unwrap_or("null"));
                out.name("strict").bool(strict.unwrap_or(false));
            }
            ToolKind::Custom { format } => {
                out.name("format").raw(format.as_deref().unwrap_or(r#"{"type":"text"}"#));
            }
        }
        out.end();
    }
    out.end_list();
}
