//! A request: <https://docs.ollama.com/api/chat>.

use super::messages::Messages;
use super::types;
use crate::chat::{
    Field, Losses, Quirks, ReasoningAsk, Refused, Request, ResponseFormat, SchemaSupport, Target, Tool,
    ToolChoice, ToolKind, Written,
};
use crate::json::Writer;

/// Writes a request.
pub(super) fn write(request: &Request<'_>, target: &Target<'_>) -> Result<Written, Refused> {
    let quirks = target.quirks;
    let mut losses = Losses::default();
    let mut out = Writer::with_capacity(request.room());
    unsaid(request, &mut losses);
    // A stream is what it sends where nothing is said.
    out.begin().member("model", target.model).name("stream").bool(target.stream);
    Messages { out: &mut out, losses: &mut losses }.write(request)?;
    tools(request, quirks, &mut losses, &mut out)?;
    if let Some(format) = quirks.keep(Field::ResponseFormat, request.response_format.as_ref(), &mut losses) {
        match format {
            ResponseFormat::Text => {}
            ResponseFormat::JsonSchema { schema, .. } if quirks.schema == SchemaSupport::Full => {
                out.name("format").raw(schema);
            }
            ResponseFormat::JsonObject => {
                out.member("format", "json");
            }
            ResponseFormat::JsonSchema { .. } => {
                losses.field(Field::ResponseFormat);
                out.member("format", "json");
            }
        }
    }
    thinking(request, quirks, &mut losses, &mut out);
    options(request, quirks, &mut losses, &mut out);
    if quirks.keep(Field::Logprobs, request.logprobs, &mut losses) == Some(true) {
        let most = quirks.keep(Field::TopLogprobs, request.top_logprobs, &mut losses);
        out.name("logprobs").bool(true).number_if("top_logprobs", most);
    }
    out.end();
    Ok(Written { body: out.into_bytes(), headers: Vec::new(), losses })
}

/// What Ollama has no place for.
fn unsaid(request: &Request<'_>, losses: &mut Losses) {
    losses.field_if(request.n.is_some_and(|n| n > 1), Field::N);
    losses.field_if(request.logit_bias.as_deref().is_some_and(|bias| bias.trim() != "{}"), Field::LogitBias);
    losses.field_if(request.verbosity.as_deref().is_some_and(|word| word != "medium"), Field::Verbosity);
    let tier = request.service_tier.as_deref();
    losses.field_if(
        tier.is_some_and(|tier| !matches!(tier, "auto" | "default" | "standard_only")),
        Field::ServiceTier,
    );
    losses.field_if(request.metadata.as_deref().is_some_and(|notes| notes.trim() != "{}"), Field::Metadata);
    losses.field_if(request.user.is_some(), Field::User);
    losses.field_if(request.cache_key.is_some(), Field::CacheKey);
    losses.field_if(request.store == Some(true), Field::Store);
    losses.field_if(request.parallel_tool_calls == Some(false), Field::ParallelToolCalls);
}

/// Writes `tools`. The model calls them as it likes: to forbid it is to offer none, and it can't be forced.
fn tools(
    request: &Request<'_>,
    quirks: &Quirks,
    losses: &mut Losses,
    out: &mut Writer,
) -> Result<(), Refused> {
    let among = request.tool_choice.as_ref().map(ToolChoice::names).unwrap_or_default();
    let offered = |tool: &&Tool<'_>| match &request.tool_choice {
        Some(ToolChoice::None) => false,
        Some(ToolChoice::Tool(name)) => tool.name == *name,
        Some(ToolChoice::Allowed { .. }) => among.contains(&*tool.name),
        Some(ToolChoice::Auto | ToolChoice::Required) | None => true,
    };
    let forced = matches!(
        request.tool_choice,
        Some(ToolChoice::Required | ToolChoice::Tool(_) | ToolChoice::Allowed { required: true, .. })
    );
    losses.field_if(forced, Field::ToolChoice);
    let mut tools = request.tools.iter().filter(offered).peekable();
    if tools.peek().is_none() {
        return Ok(());
    }
    if quirks.refuses(Field::Tools) {
        return losses.cannot(Field::Tools, "this model calls no tools");
    }
    out.name("tools").list();
    for tool in tools {
        let description = tool.description.as_deref().unwrap_or_default();
        out.begin().member("type", "function").name("function").begin().member("name", &tool.name);
        out.member("description", description).name("parameters").raw(tool.schema()).end().end();
        losses.field_if(tool.strict() == Some(true), Field::Strict);
        losses.field_if(tool.cache.is_some(), Field::CacheControl);
        losses.field_if(matches!(tool.kind, ToolKind::Custom { format: Some(_) }), Field::Grammar);
    }
    out.end_list();
    Ok(())
}

/// Writes `think`: a word for how hard, or only whether. <https://docs.ollama.com/capabilities/thinking>
fn thinking(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let wish = &request.reasoning;
    if wish.effort.is_none() && wish.budget.is_none() && !wish.adaptive {
        return;
    }
    if quirks.reasoning == ReasoningAsk::None || quirks.refuses(Field::Reasoning) {
        losses.field_if(!wish.off(), Field::Reasoning);
        return;
    }
    let by_word =
        matches!(quirks.reasoning, ReasoningAsk::Effort | ReasoningAsk::Level | ReasoningAsk::Object);
    out.name("think");
    match wish.effort().map(|effort| quirks.effort(effort)) {
        _ if wish.off() => out.bool(false),
        Some(effort) if by_word => out.string(types::level(effort)),
        Some(_) | None => out.bool(true),
    };
}

/// Writes `options`: <https://docs.ollama.com/modelfile#valid-parameters-and-values>.
fn options(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let temperature = quirks.keep(Field::Temperature, request.temperature, losses);
    let most = quirks.temperature_most.unwrap_or(f64::INFINITY);
    losses.field_if(temperature.is_some_and(|value| value > most), Field::Temperature);
    let top_p = quirks.keep(Field::TopP, request.top_p, losses);
    let top_k = quirks.keep(Field::TopK, request.top_k, losses);
    let frequency = quirks.keep(Field::FrequencyPenalty, request.frequency_penalty, losses);
    let presence = quirks.keep(Field::PresencePenalty, request.presence_penalty, losses);
    let seed = quirks.keep(Field::Seed, request.seed.as_deref(), losses);
    let whole = seed.and_then(|seed| seed.parse::<i64>().ok());
    losses.field_if(seed.is_some() && whole.is_none(), Field::Seed);
    let stop = quirks.keep(Field::Stop, (!request.stop.is_empty()).then_some(&request.stop), losses);
    let floats = [temperature, top_p, frequency, presence];
    let none = floats.iter().all(Option::is_none) && top_k.is_none() && whole.is_none() && stop.is_none();
    if none && request.max_tokens.is_none() {
        return;
    }
    out.name("options").begin().number_if("num_predict", request.max_tokens);
    out.float_if("temperature", temperature.map(|value| value.min(most)));
    out.float_if("top_p", top_p).number_if("top_k", top_k);
    out.float_if("frequency_penalty", frequency).float_if("presence_penalty", presence);
    if let Some(seed) = whole {
        out.name("seed").raw(&seed.to_string());
    }
    if let Some(stop) = stop {
        let most = quirks.stop_most.unwrap_or(usize::MAX);
        losses.field_if(stop.len() > most, Field::Stop);
        out.name("stop").list();
        for text in stop.iter().take(most) {
            out.string(text);
        }
        out.end_list();
    }
    out.end();
}
