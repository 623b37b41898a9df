//! Writes a request for an upstream: all but messages and tools. What the provider can't say is data in its quirks.
//! <https://platform.openai.com/docs/api-reference/chat/create>

use super::{messages_out, tools_out};
use crate::chat::{
    Effort, Field, Losses, MaxTokens, Quirks, ReasoningAsk, Refused, Request, ResponseFormat, SchemaSupport,
    Target, Tool, ToolChoice, Written, fit_user,
};
use crate::json::Writer;
use std::borrow::Cow;

/// Writes the whole body.
pub(super) fn write(request: &Request<'_>, target: &Target<'_>) -> Result<Written, Refused> {
    let quirks = &*target.quirks.for_wish(&request.reasoning);
    let mut losses = Losses::default();
    let mut out = Writer::with_capacity(request.room());
    out.begin().member("model", target.model);
    let form = form(request, quirks);
    messages_out::write(request, target, form.system.as_deref(), &mut losses, &mut out)?;
    if target.stream {
        out.name("stream").bool(true);
        if quirks.stream_options {
            out.name("stream_options").begin().name("include_usage").bool(true).end();
        }
    }
    sampling(request, quirks, &mut losses, &mut out);
    answers(request, quirks, &mut losses, &mut out);
    write_form(&form, quirks, &mut losses, &mut out);
    notes(request, quirks, &mut losses, &mut out);
    let tools = offered(request, quirks, &mut losses)?;
    let forced = tools_out::write(request, &tools, quirks, &mut losses, &mut out);
    reasoning(request, quirks, forced, &mut losses, &mut out);
    out.end();
    Ok(Written { body: out.into_bytes(), headers: Vec::new(), losses })
}

fn sampling(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let name = match quirks.max_tokens {
        MaxTokens::Old => "max_tokens",
        MaxTokens::Completion => "max_completion_tokens",
    };
    out.number_if(name, quirks.keep(Field::MaxTokens, request.max_tokens, losses));
    let mut temperature = quirks.keep_unless(1.0, Field::Temperature, request.temperature, losses);
    if let (Some(most), Some(wanted)) = (quirks.temperature_most, temperature)
        && wanted > most
    {
        losses.field(Field::Temperature);
        temperature = Some(most);
    }
    out.float_if("temperature", temperature);
    let mut top_p = quirks.keep_unless(1.0, Field::TopP, request.top_p, losses);
    if quirks.one_sampler && temperature.is_some() && top_p.is_some() {
        losses.field(Field::TopP);
        top_p = None;
    }
    out.float_if("top_p", top_p);
    let top_k = quirks.keep(Field::TopK, request.top_k, losses);
    losses.field_if(top_k.is_some() && !quirks.plain_top_k, Field::TopK);
    out.number_if("top_k", top_k.filter(|_| quirks.plain_top_k));
    let penalty = quirks.keep_unless(0.0, Field::FrequencyPenalty, request.frequency_penalty, losses);
    out.float_if("frequency_penalty", penalty);
    let penalty = quirks.keep_unless(0.0, Field::PresencePenalty, request.presence_penalty, losses);
    out.float_if("presence_penalty", penalty);
    if let Some(seed) = quirks.keep(Field::Seed, request.seed.as_deref(), losses) {
        out.name(quirks.seed).raw(seed);
    }
}

fn answers(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let stop = (!request.stop.is_empty()).then_some(&request.stop);
    if let Some(stop) = quirks.keep(Field::Stop, stop, losses) {
        let most = quirks.stop_most.unwrap_or(usize::MAX);
        losses.field_if(stop.len() > most, Field::Stop);
        out.name("stop").list();
        stop.iter().take(most).for_each(|text| {
            out.string(text);
        });
        out.end_list();
    }
    let n = request.n.filter(|n| *n != 1);
    out.number_if("n", quirks.keep(Field::N, n, losses));
    let logprobs = quirks.keep(Field::Logprobs, request.logprobs.filter(|wanted| *wanted), losses);
    out.bool_if("logprobs", logprobs);
    out.number_if("top_logprobs", quirks.keep(Field::TopLogprobs, request.top_logprobs, losses));
    if let Some(bias) = quirks.keep(Field::LogitBias, request.logit_bias.as_deref(), losses) {
        out.name("logit_bias").raw(bias);
    }
}

fn notes(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let texts = [
        ("verbosity", Field::Verbosity, &request.verbosity),
        ("service_tier", Field::ServiceTier, &request.service_tier),
        ("prompt_cache_key", Field::CacheKey, &request.cache_key),
    ];
    for (name, field, text) in texts {
        out.member_if(name, quirks.keep(field, text.as_deref(), losses));
    }
    if let Some(user) = quirks.keep(Field::User, request.user.as_deref(), losses) {
        out.member("user", &fit_user(user, quirks));
    }
    if let Some(metadata) = quirks.keep(Field::Metadata, request.metadata.as_deref(), losses) {
        out.name("metadata").raw(metadata);
    }
    // False is what happens anyway.
    let store = request.store.filter(|store| *store);
    out.bool_if("store", quirks.keep(Field::Store, store, losses));
}

fn offered<'r, 'a>(
    request: &'r Request<'a>,
    quirks: &Quirks,
    losses: &mut Losses,
) -> Result<Vec<&'r Tool<'a>>, Refused> {
    if quirks.refuses(Field::Tools) && !request.tools.is_empty() {
        losses.cannot(Field::Tools, "this provider takes no tools")?;
        return Ok(Vec::new());
    }
    // Where `allowed_tools` is not known, only those tools are offered: it means the same.
    let allowed = match &request.tool_choice {
        Some(choice @ ToolChoice::Allowed { .. }) if !quirks.openai_tools => Some(choice.names()),
        _ => None,
    };
    let kept = |tool: &&Tool<'_>| allowed.as_ref().is_none_or(|names| names.contains(&*tool.name));
    Ok(request.tools.iter().filter(kept).collect())
}

/// How the form of the answer is asked for: by the member, by the system text, or both.
struct Form<'r, 'a> {
    member: Option<&'r ResponseFormat<'a>>,
    /// Only that it is JSON.
    object: bool,
    system: Option<String>,
}

fn form<'r, 'a>(request: &'r Request<'a>, quirks: &Quirks) -> Form<'r, 'a> {
    let plain = Form { member: None, object: false, system: None };
    let Some(format) = &request.response_format else { return plain };
    let support = if quirks.refuses(Field::ResponseFormat) { SchemaSupport::None } else { quirks.schema };
    match (format, support) {
        (ResponseFormat::Text, _) => plain,
        (_, SchemaSupport::Full) => Form { member: Some(format), ..plain },
        (ResponseFormat::JsonObject, SchemaSupport::ObjectOnly) => Form { object: true, ..plain },
        (said, support) => {
            Form { object: support == SchemaSupport::ObjectOnly, system: said.in_words(), ..plain }
        }
    }
}

fn write_form(form: &Form<'_, '_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    // Nothing but the model's good will stands for it.
    losses.field_if(form.system.is_some() && !form.object, Field::ResponseFormat);
    let object = form.object || form.member == Some(&ResponseFormat::JsonObject);
    if object {
        out.name("response_format").begin().member("type", "json_object").end();
    }
    let Some(ResponseFormat::JsonSchema { name, description, schema, strict }) = form.member else { return };
    out.name("response_format").begin().member("type", "json_schema").name("json_schema").begin();
    out.member("name", &schema_name(name.as_deref()));
    out.member_if("description", description.as_deref()).name("schema").raw(schema);
    let refused = quirks.refuses(Field::Strict);
    losses.field_if(refused && *strict == Some(true), Field::Strict);
    out.bool_if("strict", strict.filter(|_| !refused)).end().end();
}

/// A name of up to 64 letters, digits, dashes and underscores, which the dialect demands.
fn schema_name(name: Option<&str>) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match name {
        None | Some("") => Cow::Borrowed("answer"),
        Some(name) if name.len() <= 64 && name.chars().all(plain) => Cow::Borrowed(name),
        Some(name) => Cow::Owned(name.chars().take(64).map(|c| if plain(c) { c } else { '_' }).collect()),
    }
}

/// How much to think. `forced`: a tool must be called.
fn reasoning(request: &Request<'_>, quirks: &Quirks, forced: bool, losses: &mut Losses, out: &mut Writer) {
    let wish = &request.reasoning;
    let asks = wish.effort().is_some() || wish.adaptive;
    if quirks.refuses(Field::Reasoning) || quirks.reasoning == ReasoningAsk::None {
        // Not to think is no loss where nothing thinks.
        losses.field_if(asks && !wish.off(), Field::Reasoning);
        return;
    }
    let wanted = wish.effort();
    let effort = wanted.map(|effort| quirks.effort(effort));
    match quirks.reasoning {
        ReasoningAsk::None => {}
        ReasoningAsk::Effort | ReasoningAsk::Level => {
            losses.field_if(wish.off() && effort != Some(Effort::None), Field::Reasoning);
            out.member_if("reasoning_effort", effort.map(Effort::name));
        }
        ReasoningAsk::Object => object(request, effort, out),
        ReasoningAsk::Switch => {
            // A forced call and thinking exclude each other: see `tools_out`, which has dropped the force where
            // thinking was asked for.
            let on = if asks { Some(!wish.off()) } else { forced.then_some(false) };
            if let Some(on) = on {
                let word = if on { "enabled" } else { "disabled" };
                out.name("thinking").begin().member("type", word).end();
            }
            if !quirks.efforts.is_empty() && on == Some(true) {
                out.member_if("reasoning_effort", effort.map(Effort::name));
            }
        }
        ReasoningAsk::Budget => {
            if wish.off() {
                out.name("thinking").begin().member("type", "disabled").end();
            } else if let Some(budget) = wish.budget() {
                let budget =
                    quirks.budget.map_or(budget, |(least, most)| budget.clamp(least, most.max(least)));
                out.name("thinking").begin().member("type", "enabled");
                out.name("budget_tokens").number(budget).end();
            }
        }
    }
}

/// <https://openrouter.ai/docs/use-cases/reasoning-tokens>
fn object(request: &Request<'_>, effort: Option<Effort>, out: &mut Writer) {
    let wish = &request.reasoning;
    let hide = wish.show == Some(false);
    if effort.is_none() && !wish.adaptive && !hide {
        return;
    }
    out.name("reasoning").begin();
    if wish.off() {
        out.name("enabled").bool(false);
    } else if let (None, Some(budget)) = (wish.effort, wish.budget) {
        out.name("max_tokens").number(budget);
    } else if let Some(effort) = effort {
        // It has no word above `xhigh`.
        out.member("effort", effort.min(Effort::XHigh).name());
    } else if wish.adaptive {
        out.name("enabled").bool(true);
    }
    if hide {
        out.name("exclude").bool(true);
    }
    out.end();
}
