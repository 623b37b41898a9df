//! A request for an upstream: everything but the messages, tools and thinking, which have files of their own.
//! <https://platform.claude.com/docs/en/api/messages>

use super::messages_out::{Marks, Messages, is_blank, write_system};
use super::{schema_out, thinking_out, tools_out};
use crate::chat::{
    ANSWER_TOOL, Field, Losses, Part, Quirks, Refused, Request, ResponseFormat, SchemaSupport, Source,
    Target, Text, ToolChoice, Written, fit_user, groups,
};
use crate::json::{Writer, parse};
use std::borrow::Cow;

/// How the wanted form of the answer is said.
pub(super) enum Form<'r> {
    /// Not at all: any text.
    Free,
    /// As a schema that the answer is held to.
    Schema(String),
    /// As the schema of a tool whose call is the answer.
    Tool { schema: &'r str, description: &'r str },
    /// In words.
    Said(String),
}

/// Writes a request.
pub(super) fn write(request: &Request<'_>, target: &Target<'_>) -> Result<Written, Refused> {
    let quirks = target.quirks;
    let mut losses = Losses::default();
    if quirks.refuses(Field::Tools) && !request.tools.is_empty() {
        losses.cannot(Field::Tools, "this model calls no tools")?;
    }
    let thinking = thinking_out::plan(request, quirks, &mut losses);
    let form = form(request, quirks, thinking.can_force);
    let tools = tools_out::plan(request, &form, thinking.can_force, &mut losses);
    let mut out = Writer::with_capacity(size(request));
    out.begin().member("model", target.model).name("max_tokens").number(thinking.max_tokens);
    let mut marks = Marks::of(request, &tools.tools, quirks);
    tools_out::write(&tools, quirks, &mut marks, &mut losses, &mut out)?;
    conversation(request, &form, quirks, &mut marks, &mut losses, &mut out)?;
    losses.field_if(marks.lost, Field::CacheControl);
    thinking_out::write(&thinking, &form, &mut out);
    sampling(request, quirks, thinking.on, &mut losses, &mut out);
    if target.stream {
        out.name("stream").bool(true);
    }
    if let Some(user) = &request.user
        && !quirks.refuses(Field::User)
    {
        out.name("metadata").begin().member("user_id", &fit_user(user, quirks)).end();
    } else {
        losses.field_if(request.user.is_some(), Field::User);
    }
    tier(request, quirks, &mut losses, &mut out);
    unknown_here(request, &mut losses);
    out.end();
    Ok(Written { body: out.into_bytes(), losses, ..Written::default() })
}

/// Room for all that is long.
fn size(request: &Request<'_>) -> usize {
    fn of(parts: &[Part<'_>]) -> usize {
        let lengths = parts.iter().map(|part| match part {
            Part::Text(text) => text.text.len(),
            Part::Media(media) => match &media.source {
                Source::Base64(text) | Source::Url(text) | Source::Text(text) | Source::Id(text) => {
                    text.len()
                }
            },
            Part::Reasoning(reasoning) => {
                reasoning.text.len() + reasoning.state.as_ref().map_or(0, |state| state.data.len())
            }
            Part::ToolCall(call) => call.arguments.len(),
            Part::ToolResult(result) => of(&result.parts),
            Part::Refusal(text) | Part::Json(text) => text.len(),
        });
        lengths.map(|length| length + 96).sum()
    }
    let turns: usize = request.turns.iter().map(|turn| of(&turn.parts) + 32).sum();
    let tools: usize = request.tools.iter().map(|tool| tool.schema().len() + 256).sum();
    turns + turns / 32 + tools + 512
}

/// <https://platform.claude.com/docs/en/build-with-claude/structured-outputs>: what older models or the vendor's subset
/// of schemas don't know becomes a tool that must be called; with thinking no call can be forced, so it is said.
fn form<'r>(request: &'r Request<'_>, quirks: &Quirks, can_force: bool) -> Form<'r> {
    let (schema, description) = match &request.response_format {
        None | Some(ResponseFormat::Text) => return Form::Free,
        Some(format @ ResponseFormat::JsonObject) => {
            return format.in_words().map_or(Form::Free, Form::Said);
        }
        Some(ResponseFormat::JsonSchema { schema, description, .. }) => (&**schema, description.as_deref()),
    };
    if quirks.schema == SchemaSupport::Full
        && let Some(fitted) = schema_out::fit(schema)
    {
        return Form::Schema(fitted);
    }
    let forced = matches!(request.tool_choice, Some(ToolChoice::Tool(_)));
    let taken = request.tools.iter().any(|tool| tool.name == ANSWER_TOOL);
    if can_force && !forced && !taken && is_object(schema) {
        return Form::Tool { schema, description: description.unwrap_or_default() };
    }
    request.response_format.as_ref().and_then(ResponseFormat::in_words).map_or(Form::Free, Form::Said)
}

/// A schema that a tool can have.
fn is_object(schema: &str) -> bool {
    let json = parse(schema.as_bytes()).ok();
    json.is_some_and(|json| json.get("type").and_then(|kind| kind.text()) == Some("object"))
}

/// The system text and the messages. A conversation that has only a system text is one of the user's: the vendor
/// wants at least one message.
fn conversation(
    request: &Request<'_>,
    form: &Form<'_>,
    quirks: &Quirks,
    marks: &mut Marks,
    losses: &mut Losses,
    out: &mut Writer,
) -> Result<(), Refused> {
    let system = request
        .turns
        .iter()
        .filter(|turn| matches!(turn.role, crate::chat::Role::System | crate::chat::Role::Developer));
    for part in system.flat_map(|turn| &turn.parts) {
        if let Part::Media(media) = part {
            losses.cannot(super::blocks_out::field_of(media.kind), "a system text can't hold this")?;
        }
    }
    losses.field_if(request.turns.iter().any(|turn| turn.name.is_some()), Field::Name);
    let mut texts: Vec<&Text<'_>> = request.system().filter(|text| !is_blank(&text.text)).collect();
    let groups = groups(&request.turns);
    let mut alone = Vec::new();
    if !groups.iter().flat_map(|group| &group.parts).any(|part| super::messages_out::is_written(part)) {
        alone = std::mem::take(&mut texts);
    }
    let said = match form {
        Form::Said(words) => Some(Text { text: Cow::Borrowed(words), ..Text::default() }),
        Form::Free | Form::Schema(_) | Form::Tool { .. } => None,
    };
    // Nothing but the model's good will stands for it.
    losses.field_if(said.is_some(), Field::ResponseFormat);
    texts.extend(&said);
    write_system(&texts, marks, out);
    out.name("messages").list();
    let mut messages = Messages { out, marks, losses, quirks, open: None };
    messages.write_all(&groups)?;
    if !alone.is_empty() {
        messages.users_texts(&alone);
    }
    messages.end();
    out.end_list();
    Ok(())
}

/// <https://platform.claude.com/docs/en/api/messages>: temperature up to 1; with thinking only a `top_p` from 0.95 on
/// (<https://platform.claude.com/docs/en/build-with-claude/extended-thinking#feature-compatibility>).
fn sampling(request: &Request<'_>, quirks: &Quirks, thinks: bool, losses: &mut Losses, out: &mut Writer) {
    let mut tempered = false;
    if let Some(temperature) = request.temperature {
        let most = quirks.temperature_most.unwrap_or(1.0);
        if thinks || quirks.refuses(Field::Temperature) {
            // 1 is the default.
            losses.field_if(temperature != 1.0, Field::Temperature);
        } else {
            tempered = true;
            losses.field_if(temperature > most, Field::Temperature);
            out.name("temperature").float(temperature.min(most));
        }
    }
    if let Some(top_p) = request.top_p {
        let refused =
            quirks.refuses(Field::TopP) || (quirks.one_sampler && tempered) || (thinks && top_p < 0.95);
        if refused {
            losses.field_if(top_p < 1.0, Field::TopP);
        } else {
            out.name("top_p").float(top_p);
        }
    }
    if let Some(top_k) = request.top_k {
        if thinks || quirks.refuses(Field::TopK) {
            losses.field(Field::TopK);
        } else {
            out.name("top_k").number(top_k);
        }
    }
    stop(request, quirks, losses, out);
}

/// Stop texts must not be blank.
fn stop(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let fit = request.stop.iter().filter(|text| !is_blank(text));
    let most = if quirks.refuses(Field::Stop) { 0 } else { quirks.stop_most.unwrap_or(usize::MAX) };
    let texts: Vec<_> = fit.take(most).collect();
    losses.field_if(texts.len() < request.stop.len(), Field::Stop);
    if !texts.is_empty() {
        out.name("stop_sequences").list();
        for text in texts {
            out.string(text);
        }
        out.end_list();
    }
}

/// <https://platform.claude.com/docs/en/api/service-tiers>
fn tier(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let Some(tier) = request.service_tier.as_deref() else { return };
    let word = match tier {
        // The default.
        "auto" => return,
        "default" | "standard" | "standard_only" => "standard_only",
        // `auto` takes the priority tier where there is one.
        "priority" => "auto",
        _ => return losses.field(Field::ServiceTier),
    };
    if quirks.refuses(Field::ServiceTier) {
        return losses.field(Field::ServiceTier);
    }
    out.member("service_tier", word);
}

/// What the dialect has no word for.
fn unknown_here(request: &Request<'_>, losses: &mut Losses) {
    let some = |text: &Option<Cow<'_, str>>| text.as_deref().is_some_and(|text| !matches!(text, "" | "{}"));
    for (lost, field) in [
        (request.frequency_penalty.is_some_and(|penalty| penalty != 0.0), Field::FrequencyPenalty),
        (request.presence_penalty.is_some_and(|penalty| penalty != 0.0), Field::PresencePenalty),
        (request.seed.is_some(), Field::Seed),
        (request.n.is_some_and(|n| n > 1), Field::N),
        (request.logprobs == Some(true), Field::Logprobs),
        (request.top_logprobs.is_some_and(|top| top > 0), Field::TopLogprobs),
        (some(&request.logit_bias), Field::LogitBias),
        (request.verbosity.as_deref().is_some_and(|word| word != "medium"), Field::Verbosity),
        (some(&request.metadata), Field::Metadata),
        (request.cache_key.is_some(), Field::CacheKey),
        (request.store == Some(true), Field::Store),
    ] {
        losses.field_if(lost, field);
    }
}
