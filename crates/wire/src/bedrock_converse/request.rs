//! A request: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_RequestSyntax>.
//! Members that it doesn't know are refused, so nothing is written that is not asked for.

use super::media::Names;
use super::messages::Messages;
use super::model_fields::{self, Thinking};
use super::tools::Offer;
use crate::chat::{Field, Losses, Quirks, Refused, Request, ResponseFormat, SchemaSupport, Target, Written};
use crate::json::{Json, Writer, parse_lossy};
use std::borrow::Cow;

/// The highest temperature.
const HOTTEST: f64 = 1.0;
/// Most entries of `requestMetadata`, and the longest name or value.
const MOST_NOTES: usize = 16;
const LONGEST_NOTE: usize = 256;

/// Writes a request.
pub(super) fn write(request: &Request<'_>, target: &Target<'_>) -> Result<Written, Refused> {
    let quirks = target.quirks;
    let mut losses = Losses::default();
    let mut out = Writer::with_capacity(request.room());
    unsaid(request, &mut losses);
    if quirks.refuses(Field::Tools) && !request.tools.is_empty() {
        losses.cannot(Field::Tools, "this model calls no tools")?;
    }
    let thinking = Thinking::of(request, quirks, &mut losses);
    let form = Form::of(request, thinking, quirks, &mut losses);
    out.begin();
    let names = Names::default();
    Messages { out: &mut out, losses: &mut losses, quirks, names }
        .write(request, form.instruction().as_deref())?;
    let top_k = sampling(request, thinking, quirks, &mut losses, &mut out);
    Offer::new(request, form.tool(), thinking.claude(), quirks, &mut losses).write(
        quirks,
        &mut losses,
        &mut out,
    );
    form.write(&mut out);
    model_fields::write(thinking, top_k, quirks, &mut out);
    notes(request, quirks, &mut losses, &mut out);
    tier(request, quirks, &mut losses, &mut out);
    out.end();
    Ok(Written { body: out.into_bytes(), headers: Vec::new(), losses })
}

/// What Converse has no place for.
fn unsaid(request: &Request<'_>, losses: &mut Losses) {
    losses.field_if(request.frequency_penalty.is_some_and(|penalty| penalty != 0.0), Field::FrequencyPenalty);
    losses.field_if(request.presence_penalty.is_some_and(|penalty| penalty != 0.0), Field::PresencePenalty);
    losses.field_if(request.seed.is_some(), Field::Seed);
    losses.field_if(request.n.is_some_and(|n| n > 1), Field::N);
    losses.field_if(request.logprobs == Some(true), Field::Logprobs);
    losses.field_if(request.top_logprobs.is_some_and(|most| most > 0), Field::TopLogprobs);
    losses.field_if(request.logit_bias.as_deref().is_some_and(|bias| bias.trim() != "{}"), Field::LogitBias);
    losses.field_if(request.verbosity.as_deref().is_some_and(|word| word != "medium"), Field::Verbosity);
    losses.field_if(request.user.is_some(), Field::User);
    losses.field_if(request.cache_key.is_some(), Field::CacheKey);
    losses.field_if(request.store == Some(true), Field::Store);
    losses.field_if(request.parallel_tool_calls == Some(false), Field::ParallelToolCalls);
}

/// Writes `inferenceConfig`, and says what `top_k` is left.
fn sampling(
    request: &Request<'_>,
    thinking: Thinking,
    quirks: &Quirks,
    losses: &mut Losses,
    out: &mut Writer,
) -> Option<u64> {
    let mut temperature = quirks.keep(Field::Temperature, request.temperature, losses);
    let hottest = quirks.temperature_most.unwrap_or(HOTTEST);
    losses.field_if(temperature.is_some_and(|value| value > hottest), Field::Temperature);
    temperature = temperature.map(|value| value.min(hottest));
    let mut top_p = quirks.keep(Field::TopP, request.top_p, losses);
    let mut top_k = quirks.keep(Field::TopK, request.top_k, losses);
    if thinking.claude() {
        // <https://platform.claude.com/docs/en/build-with-claude/extended-thinking#feature-compatibility>
        losses.field_if(temperature.is_some_and(|value| value < 1.0), Field::Temperature);
        losses.field_if(top_p.is_some_and(|value| value < 0.95), Field::TopP);
        losses.field_if(top_k.is_some(), Field::TopK);
        top_p = top_p.filter(|value| *value >= 0.95);
        (temperature, top_k) = (None, None);
    }
    if quirks.one_sampler && temperature.is_some() {
        losses.field_if(top_p.is_some_and(|value| value < 1.0), Field::TopP);
        top_p = None;
    }
    let mut most = request.max_tokens;
    if let Thinking::Budget(budget) = thinking {
        most = most.or_else(|| Some(budget.saturating_add(quirks.default_max_tokens)));
    }
    let stop = quirks.keep(Field::Stop, (!request.stop.is_empty()).then_some(&request.stop), losses);
    let stop = stop.map_or(&[][..], Vec::as_slice);
    if most.is_some() || temperature.is_some() || top_p.is_some() || !stop.is_empty() {
        out.name("inferenceConfig").begin();
        out.number_if("maxTokens", most).float_if("temperature", temperature).float_if("topP", top_p);
        write_stop(stop, quirks, losses, out);
        out.end();
    }
    top_k
}

/// Stop texts must not be empty, and Claude's not blank.
fn write_stop(stop: &[Cow<'_, str>], quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let most = quirks.stop_most.unwrap_or(usize::MAX);
    let good = |text: &&Cow<'_, str>| !text.trim().is_empty();
    let count = stop.iter().filter(good).count();
    losses.field_if(count < stop.len() || count > most, Field::Stop);
    if count > 0 {
        out.name("stopSequences").list();
        for text in stop.iter().filter(good).take(most) {
            out.string(text);
        }
        out.end_list();
    }
}

/// How the form of the answer is asked for.
#[derive(Debug)]
enum Form<'r> {
    Free,
    /// `outputConfig.textFormat`: <https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html>.
    Native {
        name: Option<&'r str>,
        description: Option<&'r str>,
        schema: &'r str,
    },
    /// A tool whose call is the answer.
    Tool(&'r str),
    /// In words.
    Words(&'r ResponseFormat<'r>),
}

impl<'r> Form<'r> {
    fn of(request: &'r Request<'_>, thinking: Thinking, quirks: &Quirks, losses: &mut Losses) -> Self {
        let wanted = quirks.keep(Field::ResponseFormat, request.response_format.as_ref(), losses);
        let form = match wanted {
            None | Some(ResponseFormat::Text) => Self::Free,
            Some(format @ ResponseFormat::JsonObject) => Self::Words(format),
            Some(format @ ResponseFormat::JsonSchema { name, description, schema, .. }) => {
                match quirks.schema {
                    SchemaSupport::Full => Self::Native {
                        name: name.as_deref(),
                        description: description.as_deref().filter(|text| !text.is_empty()),
                        schema,
                    },
                    SchemaSupport::None if can_force(thinking, quirks) => Self::Tool(schema),
                    SchemaSupport::None | SchemaSupport::ObjectOnly => Self::Words(format),
                }
            }
        };
        // Words bind nobody.
        losses.field_if(matches!(form, Self::Words(_)), Field::ResponseFormat);
        form
    }

    /// The text that asks for it.
    fn instruction(&self) -> Option<String> {
        match self {
            Form::Words(format) => format.in_words(),
            Form::Free | Form::Native { .. } | Form::Tool(_) => None,
        }
    }

    const fn tool(&self) -> Option<&'r str> {
        match self {
            Form::Tool(schema) => Some(schema),
            Form::Free | Form::Native { .. } | Form::Words(_) => None,
        }
    }

    fn write(&self, out: &mut Writer) {
        if let Form::Native { name, description, schema } = self {
            out.name("outputConfig").begin().name("textFormat").begin().member("type", "json_schema");
            out.name("structure").begin().name("jsonSchema").begin().member("schema", schema);
            out.member_if("name", *name).member_if("description", *description);
            out.end().end().end().end();
        }
    }
}

fn can_force(thinking: Thinking, quirks: &Quirks) -> bool {
    !thinking.claude()
        && !quirks.always_thinks
        && !quirks.refuses(Field::ToolChoice)
        && !quirks.refuses(Field::Tools)
}

/// Writes `requestMetadata`: some characters only.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#bedrock-runtime_Converse-request-requestMetadata>
fn notes(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let Some(text) = quirks.keep(Field::Metadata, request.metadata.as_deref(), losses) else { return };
    let json = parse_lossy(text.as_bytes()).unwrap_or(Json::Null);
    let fits = |text: &str| {
        let char =
            |char: char| char.is_ascii_alphanumeric() || char.is_whitespace() || ":_@$#=/+,-.".contains(char);
        text.chars().count() <= LONGEST_NOTE && text.chars().all(char)
    };
    let notes = json.members().iter().filter_map(|(name, value)| {
        let value = value.text()?;
        (!name.is_empty() && fits(name) && fits(value)).then_some((name, value))
    });
    let notes: Vec<_> = notes.take(MOST_NOTES).collect();
    losses.field_if(notes.len() < json.members().len(), Field::Metadata);
    if !notes.is_empty() {
        out.name("requestMetadata").begin();
        for (name, value) in notes {
            out.member(name, value);
        }
        out.end();
    }
}

/// Writes `serviceTier`: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ServiceTier.html>.
fn tier(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) {
    let Some(word) = quirks.keep(Field::ServiceTier, request.service_tier.as_deref(), losses) else { return };
    match word {
        "auto" => {}
        "default" | "flex" | "priority" | "reserved" => {
            out.name("serviceTier").begin().member("type", word).end();
        }
        // Anthropic's word for no priority.
        "standard_only" => {
            out.name("serviceTier").begin().member("type", "default").end();
        }
        _ => losses.field(Field::ServiceTier),
    }
}
