//! Writes a request for Gemini: what stands around the contents. <https://ai.google.dev/api/generate-content>

use super::{contents_out, schema, tools_out, types};
use crate::chat::{
    Effort, Field, Losses, Quirks, ReasoningAsk, Refused, Request, ResponseFormat, SchemaSupport, Target,
    Written,
};
use crate::json::Writer;
use std::borrow::Cow;

/// The most stop texts: <https://ai.google.dev/api/generate-content#GenerationConfig>.
const MOST_STOPS: usize = 5;

/// Writes the body.
pub(super) fn write(request: &Request<'_>, target: &Target<'_>) -> Result<Written, Refused> {
    let mut written = Written::default();
    let losses = &mut written.losses;
    let quirks = target.quirks;
    let mut out = Writer::with_capacity(contents_out::size(request));
    out.begin();
    contents_out::write(request, quirks, &mut out, losses)?;
    let tools = tools_out::write(request, quirks, &mut out, losses)?;
    let mut config = Writer::default();
    config.begin();
    sampling(request, quirks, &mut config, losses);
    response_format(request, quirks, tools, &mut config, losses)?;
    thinking(request, quirks, &mut config, losses);
    config.end();
    let config = config.into_string();
    if config != "{}" {
        out.name("generationConfig").raw(&config);
    }
    service_tier(request, quirks, &mut out, losses);
    out.end();
    unknown(request, losses);
    written.body = out.into_bytes();
    Ok(written)
}

/// What the target takes of a field.
fn taken<T>(value: Option<T>, field: Field, quirks: &Quirks, losses: &mut Losses) -> Option<T> {
    let refused = value.is_some() && quirks.refuses(field);
    losses.field_if(refused, field);
    value.filter(|_| !refused)
}

fn sampling(request: &Request<'_>, quirks: &Quirks, out: &mut Writer, losses: &mut Losses) {
    let temperature = taken(request.temperature, Field::Temperature, quirks, losses);
    let most = quirks.temperature_most.unwrap_or(2.0);
    losses.field_if(temperature.is_some_and(|value| value > most), Field::Temperature);
    out.float_if("temperature", temperature.map(|value| value.min(most)));
    out.float_if("topP", taken(request.top_p, Field::TopP, quirks, losses));
    out.number_if("topK", taken(request.top_k, Field::TopK, quirks, losses));
    let several = request.n.filter(|n| *n != 1);
    out.number_if("candidateCount", taken(several, Field::N, quirks, losses));
    out.number_if("maxOutputTokens", taken(request.max_tokens, Field::MaxTokens, quirks, losses));
    let frequency = taken(request.frequency_penalty, Field::FrequencyPenalty, quirks, losses);
    out.float_if("frequencyPenalty", frequency);
    let presence = taken(request.presence_penalty, Field::PresencePenalty, quirks, losses);
    out.float_if("presencePenalty", presence);
    if let Some(seed) = taken(request.seed.as_deref(), Field::Seed, quirks, losses) {
        // A whole number of 32 bits: others are refused.
        match seed.parse::<i32>() {
            Ok(seed) => {
                out.name("seed").raw(&seed.to_string());
            }
            Err(_) => losses.field(Field::Seed),
        }
    }
    let asked = request.logprobs.filter(|wanted| *wanted);
    let asked = taken(asked, Field::Logprobs, quirks, losses);
    out.bool_if("responseLogprobs", asked);
    if let Some(top) = request.top_logprobs.filter(|top| *top > 0) {
        let top = taken(asked.map(|_| top), Field::TopLogprobs, quirks, losses);
        out.number_if("logprobs", top);
    }
    stops(request, quirks, out, losses);
}

fn stops(request: &Request<'_>, quirks: &Quirks, out: &mut Writer, losses: &mut Losses) {
    let most = if quirks.refuses(Field::Stop) { 0 } else { quirks.stop_most.unwrap_or(MOST_STOPS) };
    let stops: Vec<_> = request.stop.iter().filter(|stop| !stop.is_empty()).collect();
    losses.field_if(stops.len() > most, Field::Stop);
    if !stops.is_empty() && most > 0 {
        out.name("stopSequences").list();
        stops.into_iter().take(most).for_each(|stop| {
            out.string(stop);
        });
        out.end_list();
    }
}

/// The form of the answer; with `tools` some models refuse it.
fn response_format(
    request: &Request<'_>,
    quirks: &Quirks,
    tools: bool,
    out: &mut Writer,
    losses: &mut Losses,
) -> Result<(), Refused> {
    let format = match &request.response_format {
        None | Some(ResponseFormat::Text) => return Ok(()),
        Some(format) => format,
    };
    if quirks.refuses(Field::ResponseFormat) || (tools && !quirks.format_with_tools) {
        return losses.cannot(Field::ResponseFormat, "this model knows no form of the answer beside tools");
    }
    out.member("responseMimeType", "application/json");
    let ResponseFormat::JsonSchema { schema, .. } = format else { return Ok(()) };
    if quirks.schema != SchemaSupport::Full {
        return losses.cannot(Field::ResponseFormat, "this model knows no schemas");
    }
    let dialect = tools_out::dialect(quirks);
    let reduced = schema::reduce(schema, dialect).map_err(|why| Refused {
        field: Field::ResponseFormat,
        reason: Cow::Owned(format!("the schema of the answer {why}")),
        fetch: None,
    })?;
    losses.field_if(reduced.weaker, Field::ResponseFormat);
    if let Some(schema) = reduced.json {
        let name = match dialect {
            schema::Dialect::Json => "responseJsonSchema",
            schema::Dialect::OpenApi => "responseSchema",
        };
        out.name(name).raw(&schema);
    }
    Ok(())
}

/// A level or a budget of thoughts, never both: <https://ai.google.dev/gemini-api/docs/thinking>.
fn thinking(request: &Request<'_>, quirks: &Quirks, out: &mut Writer, losses: &mut Losses) {
    let wish = &request.reasoning;
    if wish.is_empty() {
        return;
    }
    if quirks.reasoning == ReasoningAsk::None || quirks.refuses(Field::Reasoning) {
        // A model that can't think needs no order not to.
        losses.field_if(!wish.off(), Field::Reasoning);
        return;
    }
    let show = match wish.show {
        Some(show) => show.then_some(true),
        None => (!wish.off()).then_some(true),
    };
    let mut config = Writer::default();
    config.begin();
    match quirks.reasoning {
        ReasoningAsk::Budget => budget(request, quirks, &mut config, losses),
        _ => level(request, quirks, &mut config, losses),
    }
    config.bool_if("includeThoughts", show);
    config.end();
    let config = config.into_string();
    if config != "{}" {
        out.name("thinkingConfig").raw(&config);
    }
}

fn budget(request: &Request<'_>, quirks: &Quirks, out: &mut Writer, losses: &mut Losses) {
    let wish = &request.reasoning;
    if wish.adaptive && wish.budget.is_none() && wish.effort.is_none() {
        out.name("thinkingBudget").raw("-1");
        return;
    }
    let Some(wanted) = wish.budget() else { return };
    let (least, most) = quirks.budget.unwrap_or((0, u64::MAX));
    let given = if wanted == 0 && !quirks.always_thinks { 0 } else { wanted.clamp(least.max(1), most) };
    // A budget that stands for an effort may be moved; one that the caller named is another one then.
    losses.field_if(wanted != given && (wish.budget.is_some() || wanted == 0), Field::Reasoning);
    out.name("thinkingBudget").number(given);
}

fn level(request: &Request<'_>, quirks: &Quirks, out: &mut Writer, losses: &mut Losses) {
    let wish = &request.reasoning;
    let Some(wanted) = wish.effort() else { return };
    // `none` has no level: the least one comes closest.
    losses.field_if(wanted == Effort::None, Field::Reasoning);
    let given = quirks.effort(wanted.clamp(Effort::Minimal, Effort::High));
    out.member_if("thinkingLevel", types::level_word(given));
}

fn service_tier(request: &Request<'_>, quirks: &Quirks, out: &mut Writer, losses: &mut Losses) {
    let Some(tier) = request.service_tier.as_deref() else { return };
    match types::tier_word(tier) {
        Ok(None) => {}
        Ok(Some(word)) if !quirks.refuses(Field::ServiceTier) => {
            out.member("serviceTier", word);
        }
        // What the vendor does anyway is no loss.
        Ok(Some("standard")) => {}
        Ok(Some(_)) | Err(()) => losses.field(Field::ServiceTier),
    }
}

/// What Gemini has no place for.
fn unknown(request: &Request<'_>, losses: &mut Losses) {
    let biases = request.logit_bias.as_deref().is_some_and(|biases| biases.trim() != "{}");
    losses.field_if(biases, Field::LogitBias);
    let verbosity = request.verbosity.as_deref().is_some_and(|word| word != "medium");
    losses.field_if(verbosity, Field::Verbosity);
    let notes = request.metadata.as_deref().is_some_and(|notes| notes.trim() != "{}");
    losses.field_if(notes, Field::Metadata);
    losses.field_if(request.user.is_some(), Field::User);
    losses.field_if(request.cache_key.is_some(), Field::CacheKey);
    losses.field_if(request.store == Some(true), Field::Store);
    let one_call = request.parallel_tool_calls == Some(false) && !request.tools.is_empty();
    losses.field_if(one_call, Field::ParallelToolCalls);
}
