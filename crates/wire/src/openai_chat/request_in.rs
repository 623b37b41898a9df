//! Reads a caller's request: all but messages and tools. Knows the members of OpenAI's own description and those that
//! clients of OpenRouter, DeepSeek, Mistral, Groq and Google's endpoint send beside them.
//! <https://platform.openai.com/docs/api-reference/chat/create>

use super::{messages_in, tools_in};
use crate::chat::{Effort, Losses, ReasoningWish, Request, ResponseFormat};
use crate::json::{Fields, Invalid, Json, Path};
use std::borrow::Cow;

/// Reads the whole body.
pub(super) fn read<'a>(body: Json<'a>) -> Result<Request<'a>, Invalid> {
    let mut fields = Fields::new(Path::ROOT, body)?;
    let mut request = Request { model: fields.text("model")?.unwrap_or_default(), ..Request::default() };
    messages_in::read(&mut fields, &mut request)?;
    tools_in::read(&mut fields, &mut request)?;
    sampling(&mut fields, &mut request)?;
    answers(&mut fields, &mut request)?;
    notes(&mut fields, &mut request)?;
    request.response_format = response_format(&mut fields, &mut request.losses)?;
    request.reasoning = reasoning(&mut fields, &mut request.losses)?;
    request.losses.unread(fields);
    Ok(request)
}

fn sampling<'a>(fields: &mut Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    let old = fields.number("max_tokens")?;
    request.max_tokens = fields.number("max_completion_tokens")?.or(old);
    request.temperature = fields.float("temperature")?;
    request.top_p = fields.float("top_p")?;
    request.top_k = fields.number("top_k")?;
    // Zero is what happens anyway.
    request.frequency_penalty = fields.float("frequency_penalty")?.filter(|penalty| *penalty != 0.0);
    request.presence_penalty = fields.float("presence_penalty")?.filter(|penalty| *penalty != 0.0);
    for name in ["seed", "random_seed"] {
        match fields.take(name) {
            None => {}
            Some(seed @ Json::Number(_)) if seed.float().is_some() => {
                request.seed = request.seed.take().or(Some(seed.raw()));
            }
            Some(_) => return Err(fields.path.name(name).invalid("must be a whole number")),
        }
    }
    request.stop = match fields.take("stop") {
        None => Vec::new(),
        Some(Json::String(text)) => vec![text],
        Some(Json::Array(array)) => {
            let path = fields.path.name("stop");
            let texts = array.items.into_iter().enumerate();
            texts
                .map(|(at, text)| text.into_text().ok_or_else(|| path.index(at).invalid("must be a string")))
                .collect::<Result<_, _>>()?
        }
        Some(_) => return Err(fields.path.name("stop").invalid("must be a string or an array of strings")),
    };
    Ok(())
}

fn answers<'a>(fields: &mut Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    request.stream = fields.bool("stream")?.unwrap_or_default();
    if let Some(mut options) = fields.object("stream_options")? {
        request.include_usage = options.bool("include_usage")?.unwrap_or_default();
        // Padding against eavesdroppers is a matter of each hop.
        options.bool("include_obfuscation")?;
        request.losses.unread(options);
    }
    // OpenRouter's older switch for usage: <https://openrouter.ai/docs/use-cases/usage-accounting>.
    if let Some(mut usage) = fields.object("usage")? {
        request.include_usage |= usage.bool("include")?.unwrap_or_default();
        request.losses.unread(usage);
    }
    request.n = fields.number("n")?.filter(|n| *n != 1);
    request.logprobs = fields.bool("logprobs")?.filter(|wanted| *wanted);
    request.top_logprobs = fields.number("top_logprobs")?.filter(|count| *count > 0);
    request.logit_bias = object(fields, "logit_bias")?;
    if let Some(modalities) = fields.array("modalities")?
        && modalities.items.iter().any(|modality| modality.text() != Some("text"))
    {
        request.losses.at(&fields.path.name("modalities"));
    }
    Ok(())
}

/// An object that passes on as it is; an empty one says nothing.
fn object<'a>(fields: &mut Fields<'_, 'a>, name: &str) -> Result<Option<Cow<'a, str>>, Invalid> {
    match fields.take(name) {
        None => Ok(None),
        Some(Json::Object(object)) if object.members.is_empty() => Ok(None),
        Some(Json::Object(object)) => Ok(Some(Cow::Borrowed(object.raw))),
        Some(other) => {
            Err(fields.path.name(name).invalid(format!("must be an object, not {}", other.kind())))
        }
    }
}

fn notes<'a>(fields: &mut Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    request.metadata = object(fields, "metadata")?;
    let user = fields.text("user")?;
    let identifier = fields.text("safety_identifier")?;
    if let (Some(user), Some(identifier)) = (&user, &identifier)
        && user != identifier
    {
        request.losses.at(&fields.path.name("safety_identifier"));
    }
    request.user = user.or(identifier);
    request.cache_key = fields.text("prompt_cache_key")?;
    // `auto` and `medium` are what happens anyway.
    request.service_tier = fields.text("service_tier")?.filter(|tier| tier != "auto");
    request.verbosity = fields.text("verbosity")?.filter(|verbosity| verbosity != "medium");
    request.store = fields.bool("store")?;
    // Mistral's; false is what happens anyway.
    if fields.bool("safe_prompt")?.unwrap_or_default() {
        request.losses.at(&fields.path.name("safe_prompt"));
    }
    Ok(())
}

fn response_format<'a>(
    fields: &mut Fields<'_, 'a>,
    losses: &mut Losses,
) -> Result<Option<ResponseFormat<'a>>, Invalid> {
    let Some(mut format) = fields.object("response_format")? else { return Ok(None) };
    let kind = format.need_text("type")?;
    let read = match &*kind {
        "text" => ResponseFormat::Text,
        "json_object" => ResponseFormat::JsonObject,
        "json_schema" => {
            let Some(mut schema) = format.object("json_schema")? else {
                return Err(format.path.name("json_schema").invalid("is required"));
            };
            let read = json_schema(&mut schema)?;
            losses.unread(schema);
            read
        }
        // Perplexity's `regex`, vLLM's `grammar`.
        _ => {
            losses.at(&fields.path.name("response_format"));
            return Ok(None);
        }
    };
    losses.unread(format);
    Ok(Some(read))
}

fn json_schema<'a>(fields: &mut Fields<'_, 'a>) -> Result<ResponseFormat<'a>, Invalid> {
    let name = fields.text("name")?;
    let description = fields.text("description")?;
    let strict = fields.bool("strict")?;
    Ok(match fields.take("schema") {
        // OpenAI takes a name alone: any JSON then.
        None => ResponseFormat::JsonObject,
        Some(schema @ Json::Object(_)) => {
            ResponseFormat::JsonSchema { name, description, schema: schema.raw(), strict }
        }
        Some(_) => return Err(fields.path.name("schema").invalid("must be an object")),
    })
}

fn reasoning<'a>(fields: &mut Fields<'_, 'a>, losses: &mut Losses) -> Result<ReasoningWish<'a>, Invalid> {
    let mut wish = ReasoningWish::default();
    if let Some(name) = fields.text("reasoning_effort")? {
        wish.effort = effort(&fields.path.name("reasoning_effort"), &name)?;
    }
    // <https://openrouter.ai/docs/use-cases/reasoning-tokens>
    wish.show = fields.bool("include_reasoning")?;
    // Groq's and Cerebras's: <https://console.groq.com/docs/reasoning>.
    match fields.text("reasoning_format")?.as_deref() {
        Some("hidden") => wish.show = Some(false),
        Some("parsed") => wish.show = Some(true),
        Some(_) => losses.at(&fields.path.name("reasoning_format")),
        None => {}
    }
    if let Some(mut object) = fields.object("reasoning")? {
        if let Some(name) = object.text("effort")? {
            wish.effort = effort(&object.path.name("effort"), &name)?;
        }
        wish.budget = object.number("max_tokens")?;
        wish.summary = object.text("summary")?;
        if let Some(hide) = object.bool("exclude")? {
            wish.show = hide.then_some(false).or(wish.show);
        }
        match object.bool("enabled")? {
            Some(false) => wish = ReasoningWish { effort: Some(Effort::None), ..ReasoningWish::default() },
            Some(true) if wish.effort().is_none() => wish.effort = Some(Effort::Medium),
            _ => {}
        }
        losses.unread(object);
    }
    // DeepSeek's and Anthropic's: <https://api-docs.deepseek.com/guides/thinking_mode>.
    if let Some(mut object) = fields.object("thinking")? {
        wish.budget = object.number("budget_tokens")?.or(wish.budget);
        match object.text("type")?.as_deref() {
            Some("disabled") => wish.effort = Some(Effort::None),
            Some(_) if wish.effort().is_none() => wish.adaptive = true,
            _ => {}
        }
        losses.unread(object);
    }
    google(fields, &mut wish, losses)?;
    Ok(wish)
}

/// `default` (Groq) asks for nothing.
fn effort(path: &Path<'_>, name: &str) -> Result<Option<Effort>, Invalid> {
    match (name, Effort::parse(name)) {
        ("default", _) => Ok(None),
        (_, Some(effort)) => Ok(Some(effort)),
        (_, None) => {
            Err(path.invalid("must be one of `none`, `minimal`, `low`, `medium`, `high`, `xhigh` and `max`"))
        }
    }
}

/// `extra_body.google.thinking_config`: <https://ai.google.dev/gemini-api/docs/openai#thinking>.
fn google<'a>(
    fields: &mut Fields<'_, 'a>,
    wish: &mut ReasoningWish<'a>,
    losses: &mut Losses,
) -> Result<(), Invalid> {
    let Some(mut extra) = fields.object("extra_body")? else { return Ok(()) };
    if let Some(mut google) = extra.object("google")? {
        if let Some(mut config) = google.object("thinking_config")? {
            wish.show = config.bool("include_thoughts")?.or(wish.show);
            match config.take("thinking_budget") {
                // -1: the model decides.
                Some(Json::Number(number)) if number.starts_with('-') => wish.adaptive = true,
                Some(budget) => wish.budget = budget.number().or(wish.budget),
                None => {}
            }
            if let Some(level) = config.text("thinking_level")? {
                wish.effort = effort(&config.path.name("thinking_level"), &level.to_ascii_lowercase())?;
            }
            losses.unread(config);
        }
        losses.unread(google);
    }
    losses.unread(extra);
    Ok(())
}
