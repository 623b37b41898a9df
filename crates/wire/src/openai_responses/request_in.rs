//! A caller's request is read: <https://platform.openai.com/docs/api-reference/responses/create>.
//!
//! What lives on OpenAI's servers alone (earlier responses, conversations, prompts, work in the background) can't be
//! had at another provider and is refused by its name.

use super::echo;
use super::items_in::read_input;
use super::tools_in::{read_choice, read_tools};
use crate::chat::{Effort, Part, Request, ResponseFormat, Role, Turn};
use crate::json::{Fields, Invalid, Json, Path};
use crate::translate::Said;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Reads a request.
pub(super) fn read<'a>(body: Json<'a>, said: &Said<'_>) -> Result<Request<'a>, Invalid> {
    let mut fields = Fields::new(Path::ROOT, body)?;
    let mut request = Request { stream: said.stream, ..Request::default() };
    request.model = match (fields.text("model")?, said.model) {
        (Some(model), _) => model,
        (None, Some(model)) => Cow::Owned(model.to_owned()),
        (None, None) => Cow::Borrowed(""),
    };
    refuse_stored(&mut fields)?;
    let mut repeat = echo::Said { instructions: fields.text("instructions")?, ..echo::Said::default() };
    if let Some(text) = repeat.instructions.clone().filter(|text| !text.is_empty()) {
        request.turns.push(Turn { role: Role::System, parts: vec![Part::text(text)], ..Turn::default() });
    }
    // Tools first: those among the input come behind them.
    if let Some(tools) = fields.array("tools")? {
        read_tools(fields.path.name("tools"), tools.items, &mut request)?;
    }
    let Some(input) = fields.take("input") else {
        return Err(fields.path.name("input").invalid("is required"));
    };
    read_input(fields.path.name("input"), input, &mut request)?;
    let mut known = BTreeSet::new();
    request.namespaces.retain(|group| known.insert(group.clone()));
    read_choice(&mut fields, &mut request)?;
    read_sampling(&mut fields, &mut request)?;
    read_form(&mut fields, &mut request)?;
    read_reasoning(&mut fields, &mut request)?;
    read_include(&mut fields, &mut request)?;
    read_notes(&mut fields, &mut request, &mut repeat)?;
    request.losses.unread(fields);
    request.echo = Cow::Owned(echo::members(&request, &repeat));
    Ok(request)
}

/// What needs OpenAI's memory.
fn refuse_stored(fields: &mut Fields<'_, '_>) -> Result<(), Invalid> {
    for (name, reason) in [
        (
            "previous_response_id",
            "can't be had here: responses are not stored by this model's provider; send the whole conversation in `input`",
        ),
        (
            "conversation",
            "can't be had here: conversations are not stored by this model's provider; send all of it in `input`",
        ),
        (
            "prompt",
            "can't be had here: prompts are not stored by this model's provider; send its text in `input`",
        ),
    ] {
        if fields.take(name).is_some() {
            return Err(fields.path.name(name).invalid(reason));
        }
    }
    if fields.bool("background")? == Some(true) {
        let reason = "can't be had here: this model's provider answers at once; leave it out, or stream";
        return Err(fields.path.name("background").invalid(reason));
    }
    Ok(())
}

fn read_sampling<'a>(fields: &mut Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    request.max_tokens = fields.number("max_output_tokens")?;
    request.temperature = fields.float("temperature")?;
    request.top_p = fields.float("top_p")?;
    request.top_logprobs = fields.number("top_logprobs")?.filter(|count| *count > 0);
    if request.top_logprobs.is_some() {
        request.logprobs = Some(true);
    }
    Ok(())
}

/// `text`: the form of the answer and its verbosity.
fn read_form<'a>(fields: &mut Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    let Some(mut text) = fields.object("text")? else { return Ok(()) };
    request.verbosity = text.text("verbosity")?;
    if let Some(mut format) = text.object("format")? {
        request.response_format = match &*format.need_text("type")? {
            "text" => Some(ResponseFormat::Text),
            "json_object" => Some(ResponseFormat::JsonObject),
            "json_schema" => {
                let name = format.text("name")?;
                let description = format.text("description")?;
                let strict = format.bool("strict")?;
                let schema = match format.take("schema") {
                    Some(schema @ Json::Object(_)) => schema.raw(),
                    Some(other) => {
                        let reason = format!("must be an object, not {}", other.kind());
                        return Err(format.path.name("schema").invalid(reason));
                    }
                    None => return Err(format.path.name("schema").invalid("is required")),
                };
                Some(ResponseFormat::JsonSchema { name, description, schema, strict })
            }
            other => {
                let reason = format!("`{other:.40}` is none of text, json_object, json_schema");
                return Err(format.path.name("type").invalid(reason));
            }
        };
        request.losses.unread(format);
    }
    request.losses.unread(text);
    Ok(())
}

fn read_reasoning<'a>(fields: &mut Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    let Some(mut wish) = fields.object("reasoning")? else { return Ok(()) };
    if let Some(effort) = wish.text("effort")? {
        let Some(effort) = Effort::parse(&effort) else {
            let reason = format!("`{effort:.40}` is none of none, minimal, low, medium, high, xhigh, max");
            return Err(wish.path.name("effort").invalid(reason));
        };
        request.reasoning.effort = Some(effort);
    }
    // The older name: <https://platform.openai.com/docs/api-reference/responses/create>.
    let older = wish.text("generate_summary")?;
    request.reasoning.summary = wish.text("summary")?.or(older).filter(|kind| kind != "none");
    if request.reasoning.summary.is_some() {
        request.reasoning.show = Some(true);
    }
    if wish.peek("context").and_then(Json::text) == Some("auto") {
        wish.take("context");
    }
    request.losses.unread(wish);
    Ok(())
}

/// `include`: what is given anyway, what is the neutral model's, and what belongs to the vendor's own tools.
fn read_include<'a>(fields: &mut Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    let Some(include) = fields.array("include")? else { return Ok(()) };
    let path = fields.path.name("include");
    for (at, wanted) in include.items.iter().enumerate() {
        match wanted.text() {
            // Reasoning always comes with its state: the next request needs it.
            Some("reasoning.encrypted_content") => {}
            Some("message.output_text.logprobs") => request.logprobs = Some(true),
            Some(_) => request.losses.at(&path),
            None => {
                let reason = format!("must be a string, not {}", wanted.kind());
                return Err(path.index(at).invalid(reason));
            }
        }
    }
    Ok(())
}

fn read_notes<'a>(
    fields: &mut Fields<'_, 'a>,
    request: &mut Request<'a>,
    repeat: &mut echo::Said<'a>,
) -> Result<(), Invalid> {
    request.stream |= fields.bool("stream")?.unwrap_or(false);
    if let Some(mut options) = fields.object("stream_options")? {
        // Padding against eavesdroppers who count bytes: an answer from elsewhere has none.
        options.bool("include_obfuscation")?;
        request.losses.unread(options);
    }
    // To be kept is the default, and can't be had elsewhere; not to be kept is what happens.
    request.store = fields.bool("store")?.filter(|store| !store);
    request.parallel_tool_calls = fields.bool("parallel_tool_calls")?;
    request.service_tier = fields.text("service_tier")?.filter(|tier| tier != "auto");
    request.cache_key = fields.text("prompt_cache_key")?;
    if let Some(metadata) = fields.take("metadata") {
        if !matches!(metadata, Json::Object(_)) {
            let reason = format!("must be an object, not {}", metadata.kind());
            return Err(fields.path.name("metadata").invalid(reason));
        }
        request.metadata = Some(metadata.raw()).filter(|_| !metadata.members().is_empty());
    }
    repeat.safety_identifier = fields.text("safety_identifier")?;
    let user = fields.text("user")?;
    if user.is_some() && repeat.safety_identifier.is_some() && user != repeat.safety_identifier {
        request.losses.at(&fields.path.name("safety_identifier"));
    }
    request.user = user.or_else(|| repeat.safety_identifier.clone());
    if fields.peek("truncation").and_then(Json::text) == Some("disabled") {
        fields.take("truncation");
    }
    Ok(())
}
