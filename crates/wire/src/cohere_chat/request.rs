//! A request: <https://docs.cohere.com/v2/reference/chat>. Members that it doesn't know are refused.

use super::messages::Messages;
use super::tools;
use crate::chat::{
    Effort, Field, Losses, Quirks, ReasoningAsk, Refused, Request, ResponseFormat, SchemaSupport, Target,
    Written,
};
use crate::json::Writer;

/// The most stop texts.
const MOST_STOPS: usize = 5;
/// The bounds of `p`.
const P: (f64, f64) = (0.01, 0.99);
/// The most of `k`.
const MOST_K: u64 = 500;
/// The bounds of penalties.
const PENALTY: (f64, f64) = (0.0, 1.0);

/// Writes a request.
pub(super) fn write(request: &Request<'_>, target: &Target<'_>) -> Result<Written, Refused> {
    let quirks = target.quirks;
    let mut losses = Losses::default();
    let mut out = Writer::with_capacity(request.room());
    unsaid(request, &mut losses);
    if quirks.refuses(Field::Tools) && !request.tools.is_empty() {
        losses.cannot(Field::Tools, "this model calls no tools")?;
    }
    let wish = &request.reasoning;
    let asked = wish.effort.is_some() || wish.budget.is_some() || wish.adaptive;
    let thinks = asked && !wish.off() && can_think(quirks);
    out.begin().member("model", target.model).name("stream").bool(target.stream);
    let words = wanted_in_words(request, quirks, &mut losses);
    let mut messages =
        Messages { out: &mut out, losses: &mut losses, quirks, thoughts: thinks, documents: Vec::new() };
    messages.write(request, words.as_deref())?;
    let documents = !messages.documents.is_empty();
    tools::write(request, quirks, &mut losses, &mut out);
    let form = quirks.keep(Field::ResponseFormat, request.response_format.as_ref(), &mut losses);
    if let Some(form) = form.filter(|_| !in_words_only(request, quirks)) {
        write_format(form, quirks, documents, &mut losses, &mut out);
    }
    sampling(request, quirks, &mut losses, &mut out);
    if asked {
        thinking(request, quirks, &mut losses, &mut out);
    }
    out.end();
    Ok(Written { body: out.into_bytes(), headers: Vec::new(), losses })
}

/// What Cohere has no place for.
fn unsaid(request: &Request<'_>, losses: &mut Losses) {
    losses.field_if(request.n.is_some_and(|n| n > 1), Field::N);
    losses.field_if(request.top_logprobs.is_some_and(|most| most > 0), Field::TopLogprobs);
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

/// The form of the answer may not stand beside tools: <https://docs.cohere.com/v2/reference/chat#request.body.response_format>.
fn in_words_only(request: &Request<'_>, quirks: &Quirks) -> bool {
    !request.tools.is_empty() || quirks.schema == SchemaSupport::None
}

/// The form of the answer in words, where it can't be said otherwise.
fn wanted_in_words(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses) -> Option<String> {
    let format = request.response_format.as_ref().filter(|_| !quirks.refuses(Field::ResponseFormat))?;
    let only = in_words_only(request, quirks);
    let schema = matches!(format, ResponseFormat::JsonSchema { .. });
    let bound = !only && (!schema || quirks.schema == SchemaSupport::Full);
    losses.field_if(!bound && *format != ResponseFormat::Text, Field::ResponseFormat);
    // Without a word about JSON the model may go on for ever.
    let needed = !bound || (!schema && !speaks_of_json(request));
    needed.then(|| format.in_words()).flatten()
}

fn speaks_of_json(request: &Request<'_>) -> bool {
    let parts = request.turns.iter().flat_map(|turn| &turn.parts);
    let mut texts = parts.filter_map(|part| match part {
        crate::chat::Part::Text(text) => Some(&*text.text),
        _ => None,
    });
    texts.any(|text| ["JSON", "json", "Json"].iter().any(|word| text.contains(word)))
}

fn write_format(
    format: &ResponseFormat<'_>,
    quirks: &Quirks,
    documents: bool,
    losses: &mut Losses,
    out: &mut Writer,
) {
    let schema = match format {
        ResponseFormat::Text => return,
        ResponseFormat::JsonObject => None,
        ResponseFormat::JsonSchema { schema, .. } => Some(schema),
    };
    if documents {
        losses.field(Field::ResponseFormat);
        return;
    }
    out.name("response_format").begin().member("type", "json_object");
    if let Some(schema) = schema.filter(|_| quirks.schema == SchemaSupport::Full) {
        out.name("json_schema").raw(schema);
    }
    out.end();
}

fn sampling(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let bounded = |value: Option<f64>, (least, most): (f64, f64), field, losses: &mut Losses| {
        let value = quirks.keep(field, value, losses)?;
        losses.field_if(value < least || value > most, field);
        Some(value.clamp(least, most))
    };
    out.number_if("max_tokens", request.max_tokens);
    let temperature = quirks.keep(Field::Temperature, request.temperature, losses);
    let most = quirks.temperature_most.unwrap_or(f64::INFINITY);
    out.float_if("temperature", bounded(temperature, (0.0, most), Field::Temperature, losses));
    // All of the probability is just out of bounds, and as good as the most that is in.
    let top_p = request.top_p.map(|p| if p == 1.0 { P.1 } else { p });
    out.float_if("p", bounded(top_p, P, Field::TopP, losses));
    if let Some(k) = quirks.keep(Field::TopK, request.top_k, losses) {
        losses.field_if(k > MOST_K, Field::TopK);
        out.name("k").number(k.min(MOST_K));
    }
    let penalty = request.frequency_penalty;
    out.float_if("frequency_penalty", bounded(penalty, PENALTY, Field::FrequencyPenalty, losses));
    let penalty = request.presence_penalty;
    out.float_if("presence_penalty", bounded(penalty, PENALTY, Field::PresencePenalty, losses));
    if let Some(seed) = quirks.keep(Field::Seed, request.seed.as_deref(), losses) {
        // Zero or above, by its description.
        match seed.parse::<u64>() {
            Ok(seed) => {
                out.name("seed").number(seed);
            }
            Err(_) => losses.field(Field::Seed),
        }
    }
    let stop = quirks.keep(Field::Stop, (!request.stop.is_empty()).then_some(&request.stop), losses);
    if let Some(stop) = stop {
        let most = quirks.stop_most.unwrap_or(MOST_STOPS);
        losses.field_if(stop.len() > most, Field::Stop);
        out.name("stop_sequences").list();
        for text in stop.iter().take(most) {
            out.string(text);
        }
        out.end_list();
    }
    if quirks.keep(Field::Logprobs, request.logprobs, losses) == Some(true) {
        out.name("logprobs").bool(true);
    }
}

fn can_think(quirks: &Quirks) -> bool {
    quirks.reasoning != ReasoningAsk::None && !quirks.refuses(Field::Reasoning)
}

/// Writes `thinking`: <https://docs.cohere.com/v2/docs/reasoning>. Without a budget there is no limit, which is what the
/// highest efforts ask for.
fn thinking(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let wish = &request.reasoning;
    if !can_think(quirks) {
        losses.field_if(!wish.off(), Field::Reasoning);
        return;
    }
    out.name("thinking").begin();
    if wish.off() {
        out.member("type", "disabled");
    } else {
        out.member("type", "enabled");
        let endless = wish.budget.is_none() && wish.effort.is_some_and(|effort| effort >= Effort::XHigh);
        out.number_if("token_budget", wish.budget().filter(|_| !endless));
    }
    out.end();
}
