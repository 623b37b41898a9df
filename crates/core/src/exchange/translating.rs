//! A question whose provider speaks another format: the body is read, and written anew for the provider.

use super::ask::{Asked, IN_PATH, Question, endpoint};
use super::attempt::{Ended, Learner, Limits, failure};
use super::course::Terms;
use super::earlier::Turn;
use super::fetching::Fetched;
use super::telling::Telling;
use super::vectors;
use super::{Call, Core};
use crate::error::{Error, Kind};
use crate::headers::Headers;
use crate::host::{Host, TransportError};
use crate::ingress::Ask;
use crate::keys::KeyOrder;
use crate::provider::{Provider, quirks};
use crate::record::Record;
use crate::route::Target;
use crate::table::{Entry, Place};
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;
use wharf_wire::chat::{self, Refused, Request};
use wharf_wire::embeddings::EmbedForm;
use wharf_wire::format::Format;
use wharf_wire::json::Invalid;
use wharf_wire::rerank::RerankForm;
use wharf_wire::scan::{self, Edits, Segments};
use wharf_wire::translate::{self, Context, Said};

/// A model's id as one segment of a path: Bedrock's hold `:` and, as ARNs, `/`.
pub(super) const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How a provider is asked a question.
pub(super) enum Way<'p> {
    /// In the caller's own dialect, at this path.
    Verbatim(Cow<'p, str>),
    /// In the format that the provider speaks, at this path.
    Translated(Cow<'p, str>),
    /// Not at all: tokens are estimated here.
    Estimated,
}

/// What the answer needs to find its way back.
pub(super) struct Translation {
    /// The provider's format.
    pub from: Format,
    /// The caller's.
    pub to: Format,
    /// The caller wants a stream.
    pub stream: bool,
    pub context: Context,
    pub matter: Matter,
}

/// What was asked.
pub(super) enum Matter {
    Chat,
    /// In this form; true: vectors are wanted as base64.
    Embeddings(EmbedForm, bool),
    /// In this form; the request is read again with its answer.
    Rerank(RerankForm, Bytes),
}

/// A target, and all that belongs to asking it.
pub(super) struct Asking<'q, 'a> {
    pub question: &'q Question<'q>,
    pub target: &'q Target,
    pub entry: &'a Entry,
    pub order: &'q KeyOrder,
    pub terms: &'q Terms<'q>,
    pub place: &'q Place,
    pub strict: bool,
}

impl<'q, 'a: 'q> Asking<'q, 'a> {
    /// What may follow an attempt, and what is learnt from it.
    pub(super) fn limits(&self, telling: Telling<'q>) -> Limits<'q> {
        let model = Some(&*self.target.model);
        let learner = Learner { entry: self.entry, model, watch: self.terms.watch };
        let (terms, learner) = (Some(self.terms), Some(learner));
        Limits { keys: self.order, model_route: true, place: self.place, telling, terms, learner }
    }
}

impl<H: Host> Core<H> {
    /// Asks one target in its own format.
    pub(super) async fn ask_translated<'a>(
        &'a self,
        call: &Call<'a, H::Upload>,
        asking: Asking<'_, 'a>,
        mut headers: Headers,
        rest: Cow<'a, str>,
        record: &mut Record,
    ) -> Result<Turn<H::Body>, Error> {
        let Asking { question, target, entry, order, terms, strict, .. } = asking;
        let now = self.host.now().0 / 1000;
        let mut fetched = Fetched::default();
        // Another target may be able to say it.
        let gives_way = |error: &Error| terms.targets > 0 && error.kind == Kind::UnsupportedField;
        let (body, needed, mut translation) = loop {
            let wanted = Wanted { target, entry, strict, fetched: &fetched, now };
            match write(question, &wanted, record) {
                Ok(Attempted::Written(body, headers, translation)) => break (body, headers, translation),
                Ok(Attempted::Fetch(url)) => match self.fetch(url, entry, &mut fetched).await {
                    Ok(()) => {}
                    Err(error) if gives_way(&error) => return Ok(Turn::Next(None)),
                    Err(error) => return Err(error),
                },
                Err(error) if gives_way(&error) => return Ok(Turn::Next(None)),
                Err(error) => return Err(error),
            }
        };
        translation.context.json_array = question.json_array;
        neutral_headers(&mut headers, &needed);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut prepared = self.assemble(call, headers, body, rest, "", entry, order, false)?;
        prepared.peer.timeouts = terms.timeouts;
        let limits = asking.limits(Telling::Translated(&translation));
        match self.attempt(prepared, &limits, record).await {
            Ended::Next(earlier) => Ok(Turn::Next(earlier)),
            Ended::Failed(error) => Err(failure(error, &entry.provider.id)),
            Ended::Reply(reply) => reply.map(Turn::Answered),
            // Only a raw answer comes back as one.
            Ended::Answer(..) => Err(failure(TransportError::Garbage, &entry.provider.id)),
        }
    }
}

/// How this provider is asked; `None`: it can't be.
pub(super) fn way<'p>(provider: &'p Provider, ask: &Ask, model: &str, stream: bool) -> Option<Way<'p>> {
    let own = endpoint(provider, ask, model);
    let foreign = match ask {
        Ask::Chat if provider.speaks != Format::OpenAiChat => chat_path(provider, model, stream),
        Ask::Chat => None,
        Ask::Responses | Ask::Messages | Ask::Generate("generateContent" | "streamGenerateContent") => {
            if own.is_some() { None } else { chat_path(provider, model, stream) }
        }
        Ask::CountTokens | Ask::Generate(_) if own.is_none() => {
            return chat_path(provider, model, false).map(|_| Way::Estimated);
        }
        Ask::Embeddings if own.is_none() => vectors::embed_path(provider, model),
        Ask::Rerank if own.is_none() => vectors::rerank_path(provider, model),
        Ask::CountTokens
        | Ask::Generate(_)
        | Ask::Embeddings
        | Ask::Completions
        | Ask::Moderations
        | Ask::Images(_)
        | Ask::Audio(_)
        | Ask::Rerank => None,
    };
    foreign.map(Way::Translated).or_else(|| own.map(Way::Verbatim))
}

/// Where chat is asked in the provider's own format.
fn chat_path<'p>(provider: &'p Provider, model: &str, stream: bool) -> Option<Cow<'p, str>> {
    let paths = &provider.paths;
    let whole = |path: &'p Option<Cow<'static, str>>| path.as_deref().map(Cow::Borrowed);
    match provider.speaks {
        Format::OpenAiChat => whole(&paths.chat),
        Format::OpenAiResponses => whole(&paths.responses),
        Format::AnthropicMessages => whole(&paths.messages),
        Format::GeminiGenerate => {
            let (folder, model) = (paths.generate.as_deref()?, utf8_percent_encode(model, IN_PATH));
            let verb = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
            Some(Cow::Owned(format!("{folder}/{model}:{verb}")))
        }
        Format::BedrockConverse => {
            let (folder, model) = (paths.native.as_deref()?, utf8_percent_encode(model, SEGMENT));
            let verb = if stream { "converse-stream" } else { "converse" };
            Some(Cow::Owned(format!("{folder}/{model}/{verb}")))
        }
        Format::CohereChat | Format::OllamaChat => whole(&paths.native),
    }
}

/// The caller's request, read.
///
/// # Errors
/// What is wrong with it, by the path of the field.
pub(super) fn read<'q>(question: &'q Question<'_>) -> Result<Request<'q>, Error> {
    let Asked::Json(body, _) = &question.body else {
        return Err(Error::new(Kind::InvalidRequest, "this provider is asked in JSON only"));
    };
    let said = Said {
        model: matches!(question.ask, Ask::Generate(_)).then_some(&*question.model),
        stream: question.stream,
        counting: matches!(question.ask, Ask::CountTokens | Ask::Generate("countTokens")),
    };
    translate::read_request(question.ask.format(), body, &said).map_err(invalid)
}

/// What of a request is written for one target.
pub(super) struct Wanted<'w> {
    pub target: &'w Target,
    pub entry: &'w Entry,
    /// Any loss is an error.
    pub strict: bool,
    /// What was fetched for it.
    pub fetched: &'w Fetched,
    /// Seconds since 1970.
    pub now: u64,
}

/// What came of writing a request.
pub(super) enum Attempted {
    /// The body, the headers that it needs, and the way back.
    Written(Segments, Vec<(&'static str, String)>, Box<Translation>),
    /// The bytes at this address have to be fetched first.
    Fetch(String),
}

/// Writes a question for its target.
///
/// # Errors
/// A request that can't be read, or that the target can't be asked.
pub(super) fn write(
    question: &Question<'_>,
    wanted: &Wanted<'_>,
    record: &mut Record,
) -> Result<Attempted, Error> {
    if vectors::is_one(question.ask) {
        return vectors::write(question, wanted, record);
    }
    let mut request = read(question)?;
    wanted.fetched.put_into(&mut request);
    let (entry, to) = (wanted.entry, question.ask.format());
    let (provider, model) = (&entry.provider, &*wanted.target.model);
    let quirks = quirks::of(&provider.quirks, provider.rules, model);
    let target = chat::Target { model, stream: question.stream, quirks: &quirks };
    let written = match translate::write_request(provider.speaks, &request, &target) {
        Ok(written) => written,
        Err(Refused { fetch: Some(url), .. }) => return Ok(Attempted::Fetch(url)),
        Err(refused) => return Err(refusal(to, &provider.id, &refused)),
    };
    let lost = written.losses.names(|field| translate::field_name(to, field));
    let body = settle_losses(wanted, written.body, lost, record)?;
    let context = Context {
        request_id: record.id.clone(),
        model: model.to_owned(),
        now: wanted.now,
        ..Context::of(&request)
    };
    let (from, stream, matter) = (provider.speaks, question.stream, Matter::Chat);
    let translation = Translation { from, to, stream, context, matter };
    Ok(Attempted::Written(Segments::from(body), written.headers, Box::new(translation)))
}

/// Leaves out what the operator wants left out, and notes what is lost in all, or refuses it.
///
/// # Errors
/// A loss where there must be none.
pub(super) fn settle_losses(
    wanted: &Wanted<'_>,
    body: Vec<u8>,
    mut lost: Vec<String>,
    record: &mut Record,
) -> Result<Bytes, Error> {
    let body = drop_params(wanted.entry, body, &mut lost);
    lost.iter_mut().for_each(|name| *name = printable(name));
    if wanted.strict && !lost.is_empty() {
        let (id, lost) = (&wanted.entry.provider.id, lost.join(", "));
        let message =
            format!("strict: {id} can't be asked for {lost}; leave these out or choose another model");
        return Err(Error::new(Kind::UnsupportedField, message));
    }
    record.dropped.extend(lost);
    Ok(body)
}

/// What the operator wants left out of every body for this provider.
fn drop_params(entry: &Entry, body: Vec<u8>, lost: &mut Vec<String>) -> Bytes {
    if entry.drop_params.is_empty() {
        return body.into();
    }
    let drop: Vec<&str> = entry.drop_params.iter().map(String::as_str).collect();
    let edited = scan::edit(&body.into(), &Edits { model: None, drop: &drop, ask_usage: false });
    lost.extend(edited.dropped);
    edited.body
}

/// A field's name as it may stand in a header: names come from the caller.
pub(super) fn printable(name: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() || "_-.[]$@/".contains(c) { c } else { '?' };
    name.chars().take(80).map(fit).collect()
}

fn invalid(invalid: Invalid) -> Error {
    let mut error = Error::new(Kind::InvalidRequest, invalid.to_string());
    error.param = Some(invalid.path);
    error
}

fn refusal(format: Format, provider: &str, refused: &Refused) -> Error {
    let field = translate::field_name(format, refused.field);
    let reason = &refused.reason;
    let mut error =
        Error::new(Kind::UnsupportedField, format!("{provider} can't be asked for `{field}`: {reason}"));
    error.param = Some(field.to_owned());
    error
}

/// Headers of one dialect mean nothing in another, whatever may be a credential is none of the other provider's
/// business, what describes the body described another one, and the answer has to be one that we can read.
pub(super) fn neutral_headers(headers: &mut Headers, needed: &[(&'static str, String)]) {
    headers.retain(|name| is_neutral(name.as_str()));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    for (name, value) in needed {
        headers.insert(HeaderName::from_static(name), crate::headers::value(value));
    }
}

fn is_neutral(name: &str) -> bool {
    const VENDORS: [&str; 15] = [
        "anthropic",
        "openai",
        "oai",
        "goog",
        "gemini",
        "stainless",
        "amz",
        "chatgpt",
        "codex",
        "claude",
        "ms-",
        "azure",
        "cohere",
        "mistral",
        "groq",
    ];
    const SECRET: [&str; 7] =
        ["auth", "token", "secret", "api-key", "apikey", "subscription-key", "password"];
    const BODY: [&str; 5] = ["content-", "digest", "repr-digest", "signature", "if-"];
    const ALSO: [&str; 10] = [
        "accept",
        "accept-encoding",
        "originator",
        "x-app",
        "range",
        "session_id",
        "session-id",
        "conversation_id",
        "conversation-id",
        "thread-id",
    ];
    // For the gateway, not for the provider.
    if name.starts_with("cf-aig-") {
        return true;
    }
    let bare = name.strip_prefix("x-").unwrap_or(name);
    !(VENDORS.iter().any(|vendor| bare.starts_with(vendor))
        || SECRET.iter().any(|word| name.contains(word))
        || BODY.iter().any(|start| name.starts_with(start))
        || ALSO.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::is_neutral;

    #[test]
    fn what_belongs_to_another_vendor_stays_here() {
        for name in [
            "anthropic-beta",
            "anthropic-version",
            "openai-organization",
            "openai-project",
            "openai-beta",
            "x-openai-actor-authorization",
            "x-goog-user-project",
            "x-goog-api-client",
            "x-stainless-lang",
            "x-amz-security-token",
            "x-amzn-bedrock-trace",
            "chatgpt-account-id",
            "x-codex-turn-metadata",
            "x-claude-code-session-id",
            "x-app",
            "x-ms-client-request-id",
            "originator",
            "session_id",
            "x-auth-token",
            "helicone-auth",
            "ocp-apim-subscription-key",
            "x-portkey-api-key",
            "content-md5",
            "content-type",
            "content-digest",
            "range",
            "if-none-match",
            "accept",
            "accept-encoding",
        ] {
            assert!(!is_neutral(name), "{name}");
        }
        for name in [
            "user-agent",
            "traceparent",
            "x-request-id",
            "http-referer",
            "x-title",
            "x-tenant",
            "idempotency-key",
            "accept-language",
            "cf-aig-authorization",
            "cf-aig-metadata",
        ] {
            assert!(is_neutral(name), "{name}");
        }
    }
}
