//! Reads a client's request: what stands around the contents. <https://ai.google.dev/api/generate-content>
//!
//! Google's servers take every name in camel case and with underscores, so both are read everywhere.

use super::{contents_in, schema, tools_in, types};
use crate::chat::{Losses, Media, Part, Request, ResponseFormat, Turn};
use crate::json::{Fields, Invalid, Json, Path};
use crate::translate::Said;
use std::borrow::Cow;

/// Reads the body. To count tokens the request may stand one level down:
/// <https://ai.google.dev/api/tokens#method:-models.counttokens>.
pub(super) fn read<'a>(body: Json<'a>, said: &Said<'_>) -> Result<Request<'a>, Invalid> {
    let root = Path::ROOT;
    let mut fields = Fields::new(root, body)?;
    let name = either(&fields, ["generateContentRequest", "generate_content_request"]);
    match fields.take(name).filter(|_| said.counting) {
        Some(inner) => read_fields(Fields::new(root.name(name), inner)?, said),
        None => read_fields(fields, said),
    }
}

fn read_fields<'a>(mut fields: Fields<'_, 'a>, said: &Said<'_>) -> Result<Request<'a>, Invalid> {
    let mut request = Request {
        stream: said.stream,
        // Answers of this dialect always say what they cost.
        include_usage: true,
        ..Request::default()
    };
    let model = fields.text("model")?;
    request.model = match said.model {
        Some(model) => Cow::Owned(model.to_owned()),
        None => model.unwrap_or_default(),
    };
    let cached = either(&fields, ["cachedContent", "cached_content"]);
    if fields.text(cached)?.is_some_and(|name| !name.is_empty()) {
        let reason =
            "is stored at Google: another provider can't read it, and without it this is another request";
        return Err(fields.path.name(cached).invalid(reason));
    }
    contents_in::read(&mut fields, &mut request)?;
    tools_in::read(&mut fields, &mut request)?;
    let name = either(&fields, ["generationConfig", "generation_config"]);
    if let Some(config) = fields.object(name)? {
        generation_config(config, &mut request)?;
    }
    let tier = fields.text(either(&fields, ["serviceTier", "service_tier"]))?;
    request.service_tier = tier.as_deref().and_then(types::read_tier).map(Cow::Owned);
    let safety = either(&fields, ["safetySettings", "safety_settings"]);
    if fields.array(safety)?.is_some_and(|settings| !settings.items.is_empty()) {
        request.losses.at(&fields.path.name(safety));
    }
    request.losses.unread(fields);
    Ok(request)
}

/// The name that the caller wrote, of the two that a member has.
pub(super) fn either(fields: &Fields<'_, '_>, names: [&'static str; 2]) -> &'static str {
    if fields.peek(names[0]).is_none() && fields.peek(names[1]).is_some() { names[1] } else { names[0] }
}

/// Takes a member that says nothing if it is empty or false; else it is lost.
pub(super) fn lose(fields: &mut Fields<'_, '_>, names: [&'static str; 2], losses: &mut Losses) {
    let name = either(fields, names);
    let empty = match fields.take(name) {
        None | Some(Json::Bool(false)) => true,
        Some(Json::Array(array)) => array.items.is_empty(),
        Some(Json::Object(object)) => object.members.is_empty(),
        Some(Json::String(text)) => text.is_empty() || text.ends_with("_UNSPECIFIED"),
        Some(_) => false,
    };
    if !empty {
        losses.at(&fields.path.name(name));
    }
}

/// <https://ai.google.dev/api/generate-content#GenerationConfig>
fn generation_config<'a>(mut fields: Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    request.temperature = fields.float("temperature")?;
    request.top_p = fields.float(either(&fields, ["topP", "top_p"]))?;
    request.top_k = fields.number(either(&fields, ["topK", "top_k"]))?;
    request.n = fields.number(either(&fields, ["candidateCount", "candidate_count"]))?;
    request.max_tokens = fields.number(either(&fields, ["maxOutputTokens", "max_output_tokens"]))?;
    request.presence_penalty = fields.float(either(&fields, ["presencePenalty", "presence_penalty"]))?;
    request.frequency_penalty = fields.float(either(&fields, ["frequencyPenalty", "frequency_penalty"]))?;
    request.logprobs = fields.bool(either(&fields, ["responseLogprobs", "response_logprobs"]))?;
    request.top_logprobs = fields.number("logprobs")?;
    if let Some(seed) = fields.take("seed") {
        let Json::Number(text) = seed else {
            return Err(fields.path.name("seed").invalid("must be a number"));
        };
        request.seed = Some(Cow::Borrowed(text));
    }
    let name = either(&fields, ["stopSequences", "stop_sequences"]);
    for (number, stop) in
        fields.array(name)?.map(|array| array.items).unwrap_or_default().into_iter().enumerate()
    {
        let kind = stop.kind();
        let stop = stop.into_text();
        let path = fields.path.name(name);
        request
            .stop
            .push(stop.ok_or_else(|| path.index(number).invalid(format!("must be a string, not {kind}")))?);
    }
    response_format(&mut fields, request)?;
    let name = either(&fields, ["thinkingConfig", "thinking_config"]);
    if let Some(config) = fields.object(name)? {
        thinking(config, request)?;
    }
    modalities(&mut fields, request)?;
    resolution(&mut fields, request)?;
    let losses = &mut request.losses;
    lose(&mut fields, ["imageConfig", "image_config"], losses);
    lose(&mut fields, ["speechConfig", "speech_config"], losses);
    lose(&mut fields, ["enableEnhancedCivicAnswers", "enable_enhanced_civic_answers"], losses);
    lose(&mut fields, ["audioTimestamp", "audio_timestamp"], losses);
    losses.unread(fields);
    Ok(())
}

fn response_format<'a>(fields: &mut Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    let mime = either(fields, ["responseMimeType", "response_mime_type"]);
    let kind = fields.text(mime)?;
    let open_api = either(fields, ["responseSchema", "response_schema"]);
    let json_schema = either(fields, ["responseJsonSchema", "response_json_schema"]);
    let schema = match (fields.take(open_api), fields.take(json_schema)) {
        (_, Some(schema)) => Some(schema.raw()),
        (Some(schema), None) => Some(Cow::Owned(schema::lower(&schema, &fields.path.name(open_api))?)),
        (None, None) => None,
    };
    request.response_format = match (kind.as_deref(), schema) {
        (None | Some("" | "application/json"), Some(schema)) => {
            Some(ResponseFormat::JsonSchema { name: None, description: None, schema, strict: None })
        }
        (Some("application/json"), None) => Some(ResponseFormat::JsonObject),
        (None | Some("" | "text/plain"), _) => None,
        // A bare word of a list, sound …: nobody else has that.
        (Some(_), _) => {
            request.losses.at(&fields.path.name(mime));
            None
        }
    };
    Ok(())
}

/// <https://ai.google.dev/gemini-api/docs/thinking>
fn thinking(mut fields: Fields<'_, '_>, request: &mut Request<'_>) -> Result<(), Invalid> {
    let wish = &mut request.reasoning;
    wish.show = fields.bool(either(&fields, ["includeThoughts", "include_thoughts"]))?;
    let name = either(&fields, ["thinkingBudget", "thinking_budget"]);
    // -1: the model decides.
    wish.adaptive = fields.peek(name).and_then(Json::float) == Some(-1.0);
    if wish.adaptive {
        fields.take(name);
    }
    wish.budget = fields.number(name)?;
    let name = either(&fields, ["thinkingLevel", "thinking_level"]);
    if let Some(level) = fields.text(name)?.filter(|level| !level.ends_with("_UNSPECIFIED")) {
        let effort = types::read_level(&level);
        let wanted = "must be `MINIMAL`, `LOW`, `MEDIUM` or `HIGH`";
        wish.effort = Some(effort.ok_or_else(|| fields.path.name(name).invalid(wanted))?);
    }
    request.losses.unread(fields);
    Ok(())
}

fn modalities(fields: &mut Fields<'_, '_>, request: &mut Request<'_>) -> Result<(), Invalid> {
    let name = either(fields, ["responseModalities", "response_modalities"]);
    let text = |kind: &Json<'_>| kind.text().is_some_and(|word| word.eq_ignore_ascii_case("text"));
    if fields.array(name)?.is_some_and(|kinds| !kinds.items.iter().all(text)) {
        request.losses.at(&fields.path.name(name));
    }
    Ok(())
}

/// One resolution for all media; what a part says of its own counts more.
fn resolution(fields: &mut Fields<'_, '_>, request: &mut Request<'_>) -> Result<(), Invalid> {
    let name = either(fields, ["mediaResolution", "media_resolution"]);
    let Some(word) = fields.text(name)? else { return Ok(()) };
    match detail(&word) {
        Some(detail) => media(&mut request.turns).for_each(|media| {
            media.detail.get_or_insert(Cow::Borrowed(detail));
        }),
        None if word.ends_with("_UNSPECIFIED") => {}
        None => request.losses.at(&fields.path.name(name)),
    }
    Ok(())
}

/// `MEDIA_RESOLUTION_LOW` as others say it; there is no word for a medium one.
pub(super) fn detail(word: &str) -> Option<&'static str> {
    match word.trim_start_matches("MEDIA_RESOLUTION_") {
        "LOW" => Some("low"),
        "HIGH" | "ULTRA_HIGH" => Some("high"),
        _ => None,
    }
}

fn media<'t, 'a>(turns: &'t mut [Turn<'a>]) -> impl Iterator<Item = &'t mut Media<'a>> {
    turns.iter_mut().flat_map(|turn| &mut turn.parts).filter_map(|part| match part {
        Part::Media(media) => Some(media),
        _ => None,
    })
}
