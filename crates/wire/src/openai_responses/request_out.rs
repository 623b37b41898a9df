//! A request is written for an upstream: <https://platform.openai.com/docs/api-reference/responses/create>.
//!
//! Nothing is to be kept there (`store: false`) unless the caller wants it, so reasoning is asked for encrypted and
//! comes back in the next request.

use super::items_out::write_input;
use crate::chat::{
    Effort, Field, Losses, Part, Quirks, ReasoningAsk, Refused, Request, ResponseFormat, SchemaSupport,
    Source, Target, Tool, ToolChoice, ToolKind, Written, fit_user,
};
use crate::json::Writer;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What is being written, and what got lost.
pub(super) struct Out<'q> {
    pub(super) quirks: &'q Quirks,
    pub(super) json: Writer,
    pub(super) losses: Losses,
}

/// The least that `max_output_tokens` may be: OpenAI's description.
const LEAST_TOKENS: u64 = 16;

/// Writes a request.
pub(super) fn write(request: &Request<'_>, target: &Target<'_>) -> Result<Written, Refused> {
    let quirks = &*target.quirks.for_wish(&request.reasoning);
    let mut out = Out { quirks, json: Writer::with_capacity(room(request)), losses: Losses::default() };
    out.json.begin().member("model", target.model);
    let schema = schema_text(request, quirks);
    let own_state = write_input(&mut out, request, schema.as_deref())?;
    write_tools(&mut out, request)?;
    write_sampling(&mut out, request);
    write_include(&mut out, request, own_state);
    write_text(&mut out, request);
    write_reasoning(&mut out, request);
    write_notes(&mut out, request);
    let store = request.store == Some(true) && out.may(Field::Store);
    out.json.name("store").bool(store);
    if target.stream {
        out.json.name("stream").bool(true);
    }
    out.json.end();
    Ok(Written { body: out.json.into_bytes(), headers: Vec::new(), losses: out.losses })
}

impl Out<'_> {
    /// The target takes this field; else it is lost.
    pub(super) fn may(&mut self, field: Field) -> bool {
        let refused = self.quirks.refuses(field);
        self.losses.field_if(refused, field);
        !refused
    }
}

/// Room for the body, so that a large image is copied once.
fn room(request: &Request<'_>) -> usize {
    let part = |part: &Part<'_>| match part {
        Part::Text(text) => text.text.len() + text.text.len() / 16,
        Part::Media(media) => match &media.source {
            Source::Base64(data) => data.len(),
            Source::Url(text) | Source::Text(text) | Source::Id(text) => text.len(),
        },
        Part::Reasoning(reasoning) => {
            reasoning.text.len() + reasoning.state.as_ref().map_or(0, |state| state.data.len())
        }
        Part::ToolCall(call) => call.arguments.len() * 5 / 4,
        Part::Refusal(text) | Part::Json(text) => text.len(),
        Part::ToolResult(_) => 0,
    };
    let parts = request.turns.iter().flat_map(|turn| &turn.parts);
    let said: usize = parts
        .map(|whole| match whole {
            Part::ToolResult(result) => 128 + result.parts.iter().map(part).sum::<usize>(),
            other => 128 + part(other),
        })
        .sum();
    let tools = request.tools.iter();
    let tools: usize = tools.map(|tool| 128 + tool.schema().len()).sum();
    512 + said + tools
}

/// The schema as words, for targets that don't know schemas.
fn schema_text(request: &Request<'_>, quirks: &Quirks) -> Option<String> {
    match &request.response_format {
        Some(ResponseFormat::JsonSchema { schema, .. }) if quirks.schema != SchemaSupport::Full => {
            Some(["Answer with JSON alone, of this JSON schema: ", schema].concat())
        }
        _ => None,
    }
}

fn write_tools(out: &mut Out<'_>, request: &Request<'_>) -> Result<(), Refused> {
    if request.tools.is_empty() {
        // Without tools there is nothing to choose.
        return Ok(());
    }
    if out.quirks.refuses(Field::Tools) {
        return out.losses.cannot(Field::Tools, "this model can't call tools");
    }
    out.json.name("tools").list();
    for tool in &request.tools {
        write_tool(out, tool);
    }
    out.json.end_list();
    if let Some(choice) = &request.tool_choice
        && out.may(Field::ToolChoice)
    {
        write_choice(out, request, choice);
    }
    if let Some(parallel) = request.parallel_tool_calls
        && out.may(Field::ParallelToolCalls)
    {
        out.json.name("parallel_tool_calls").bool(parallel);
    }
    Ok(())
}

fn write_tool(out: &mut Out<'_>, tool: &Tool<'_>) {
    out.losses.field_if(tool.cache.is_some(), Field::CacheControl);
    let kind = if out.is_custom(tool) { "custom" } else { "function" };
    out.json.begin().member("type", kind).member("name", &tool.name);
    out.json.member_if("description", tool.description.as_deref());
    match &tool.kind {
        ToolKind::Custom { format } if kind == "custom" => {
            if let Some(format) = format {
                out.json.name("format").raw(format);
            }
        }
        other => {
            out.losses.field_if(matches!(other, ToolKind::Custom { format: Some(_) }), Field::Grammar);
            out.json.name("parameters").raw(tool.schema());
            // The default here is strict, which other schemas than the strictest are refused with.
            let strict = tool.strict().unwrap_or(false) && out.may(Field::Strict);
            out.json.name("strict").bool(strict);
        }
    }
    out.json.end();
}

impl Out<'_> {
    /// The tool goes out as a custom one: where grammars are unknown, so are custom tools.
    fn is_custom(&self, tool: &Tool<'_>) -> bool {
        matches!(tool.kind, ToolKind::Custom { .. }) && self.customs()
    }

    /// The target knows custom tools.
    pub(super) fn customs(&self) -> bool {
        !self.quirks.refuses(Field::Grammar)
    }
}

fn write_choice(out: &mut Out<'_>, request: &Request<'_>, choice: &ToolChoice<'_>) {
    let customs = request.tools.iter().filter(|tool| out.is_custom(tool));
    let customs: BTreeSet<&str> = customs.map(|tool| &*tool.name).collect();
    let kind = |name: &str| if customs.contains(name) { "custom" } else { "function" };
    match choice {
        ToolChoice::Auto => out.json.member("tool_choice", "auto"),
        ToolChoice::None => out.json.member("tool_choice", "none"),
        ToolChoice::Required => out.json.member("tool_choice", out.quirks.tool_required),
        ToolChoice::Tool(name) => {
            let kind = kind(name);
            out.json.name("tool_choice").begin().member("type", kind).member("name", name).end()
        }
        ToolChoice::Allowed { names, required } => {
            let mode = if *required { "required" } else { "auto" };
            out.json.name("tool_choice").begin().member("type", "allowed_tools").member("mode", mode);
            out.json.name("tools").list();
            for name in names {
                let kind = kind(name);
                out.json.begin().member("type", kind).member("name", name).end();
            }
            out.json.end_list().end()
        }
    };
}

fn write_sampling(out: &mut Out<'_>, request: &Request<'_>) {
    if let Some(most) = request.max_tokens
        && out.may(Field::MaxTokens)
    {
        out.losses.field_if(most < LEAST_TOKENS, Field::MaxTokens);
        out.json.name("max_output_tokens").number(most.max(LEAST_TOKENS));
    }
    let quirks = out.quirks;
    let temperature = quirks.keep_unless(1.0, Field::Temperature, request.temperature, &mut out.losses);
    if let Some(temperature) = temperature {
        let most = out.quirks.temperature_most.unwrap_or(2.0);
        out.losses.field_if(temperature > most, Field::Temperature);
        out.json.name("temperature").float(temperature.min(most));
    }
    let top_p = quirks.keep_unless(1.0, Field::TopP, request.top_p, &mut out.losses);
    out.json.float_if("top_p", top_p);
    let losses = &mut out.losses;
    losses.field_if(request.top_k.is_some(), Field::TopK);
    losses.field_if(request.frequency_penalty.is_some_and(|it| it != 0.0), Field::FrequencyPenalty);
    losses.field_if(request.presence_penalty.is_some_and(|it| it != 0.0), Field::PresencePenalty);
    losses.field_if(!request.stop.is_empty(), Field::Stop);
    losses.field_if(request.seed.is_some(), Field::Seed);
    losses.field_if(request.n.is_some_and(|n| n > 1), Field::N);
    losses.field_if(request.logit_bias.is_some(), Field::LogitBias);
}

/// What is wanted beside the text. Encrypted reasoning is, where the model reasons: that is known of the model, or
/// shown by what it has sent before.
fn write_include(out: &mut Out<'_>, request: &Request<'_>, own_state: bool) {
    let wanted = request.logprobs == Some(true) || request.top_logprobs.is_some_and(|count| count > 0);
    let logprobs = wanted && out.may(Field::Logprobs);
    let encrypted = out.quirks.encrypted_reasoning || own_state;
    if logprobs || encrypted {
        out.json.name("include").list();
        if encrypted {
            out.json.string("reasoning.encrypted_content");
        }
        if logprobs {
            out.json.string("message.output_text.logprobs");
        }
        out.json.end_list();
    }
    if logprobs {
        out.json.number_if("top_logprobs", request.top_logprobs);
    }
}

fn write_text(out: &mut Out<'_>, request: &Request<'_>) {
    let format = match &request.response_format {
        None | Some(ResponseFormat::Text) => None,
        Some(format) => out.may(Field::ResponseFormat).then_some(format),
    };
    let verbosity = request.verbosity.as_deref().filter(|_| out.may(Field::Verbosity));
    if format.is_none() && verbosity.is_none() {
        return;
    }
    out.json.name("text").begin();
    match format {
        Some(ResponseFormat::JsonSchema { name, description, schema, strict })
            if out.quirks.schema == SchemaSupport::Full =>
        {
            out.json.name("format").begin().member("type", "json_schema");
            out.json.member("name", &schema_name(name.as_deref()));
            out.json.member_if("description", description.as_deref());
            out.json.name("schema").raw(schema).bool_if("strict", *strict).end();
        }
        // The schema stands among the instructions.
        Some(_) if out.quirks.schema != SchemaSupport::None => {
            out.json.name("format").begin().member("type", "json_object").end();
        }
        _ => {}
    }
    out.json.member_if("verbosity", verbosity);
    out.json.end();
}

/// A name as it must be: `[a-zA-Z0-9_-]{1,64}`.
fn schema_name(name: Option<&str>) -> Cow<'_, str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match name {
        None | Some("") => Cow::Borrowed("response"),
        Some(name) if name.len() <= 64 && name.chars().all(fits) => Cow::Borrowed(name),
        Some(name) => {
            Cow::Owned(name.chars().take(64).map(|c| if fits(c) { c } else { '_' }).collect::<String>())
        }
    }
}

fn write_reasoning(out: &mut Out<'_>, request: &Request<'_>) {
    let wish = &request.reasoning;
    let silent = out.quirks.reasoning == ReasoningAsk::None || out.quirks.refuses(Field::Reasoning);
    // A model that can't think need not be told not to.
    if wish.is_empty() || (silent && wish.off()) {
        return;
    }
    if silent {
        out.losses.field(Field::Reasoning);
        return;
    }
    let effort = wish.effort().map(|effort| out.quirks.effort(effort));
    out.losses.field_if(wish.off() && effort != Some(Effort::None), Field::Reasoning);
    let effort = effort.map(Effort::name);
    let summary = wish.summary.as_deref().or((wish.show == Some(true)).then_some("auto"));
    if effort.is_some() || summary.is_some() {
        out.json.name("reasoning").begin();
        out.json.member_if("effort", effort).member_if("summary", summary).end();
    }
}

/// What is said about the request rather than in it.
fn write_notes(out: &mut Out<'_>, request: &Request<'_>) {
    if let Some(tier) = request.service_tier.as_deref() {
        match super::types::tier(tier) {
            Some(tier) if !out.quirks.refuses(Field::ServiceTier) => {
                out.json.member("service_tier", tier);
            }
            _ => out.losses.field_if(tier != "auto", Field::ServiceTier),
        }
    }
    if let Some(metadata) = request.metadata.as_deref()
        && out.may(Field::Metadata)
    {
        out.json.name("metadata").raw(metadata);
    }
    if let Some(user) = request.user.as_deref()
        && out.may(Field::User)
    {
        out.json.member("user", &fit_user(user, out.quirks));
    }
    if let Some(key) = request.cache_key.as_deref()
        && out.may(Field::CacheKey)
    {
        out.json.member("prompt_cache_key", key);
    }
}
