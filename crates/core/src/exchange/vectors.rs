//! Embeddings and rankings of providers that have no OpenAI-shaped endpoint for them: asked in their own form, and led
//! back as OpenAI's list, or as the ranking that Cohere's and Jina's clients know.

use super::ask::{Asked, IN_PATH, Question};
use super::translating::{Attempted, Matter, SEGMENT, Translation, Wanted, settle_losses};
use crate::error::{Error, Kind};
use crate::ingress::Ask;
use crate::provider::Provider;
use crate::record::Record;
use percent_encoding::utf8_percent_encode;
use std::borrow::Cow;
use wharf_wire::chat::{Failure, Written};
use wharf_wire::embeddings::{self, EmbedForm, EmbedRequest};
use wharf_wire::format::Format;
use wharf_wire::json::{self, Invalid};
use wharf_wire::rerank::{RerankForm, RerankRequest};
use wharf_wire::translate::{Context, Whole};

/// Where embeddings of this model are asked for; `None`: they can't be.
pub(super) fn embed_path(provider: &Provider, model: &str) -> Option<Cow<'static, str>> {
    let folder = || provider.paths.generate.as_deref();
    let model_in_path = utf8_percent_encode(model, IN_PATH);
    Some(match embed_form(provider, model)? {
        EmbedForm::OpenAi => return None,
        EmbedForm::Gemini => Cow::Owned(format!("{}/{model_in_path}:batchEmbedContents", folder()?)),
        EmbedForm::VertexPredict => Cow::Owned(format!("{}/{model_in_path}:predict", folder()?)),
        EmbedForm::CohereV2 => Cow::Borrowed("/v2/embed"),
        EmbedForm::Ollama => Cow::Borrowed("/api/embed"),
        EmbedForm::BedrockTitan | EmbedForm::BedrockNova | EmbedForm::BedrockCohere => {
            invoke(provider, model)?
        }
        EmbedForm::WorkersAi => Cow::Owned(format!("/run/{model_in_path}")),
    })
}

/// Where rankings by this model are asked for; `None`: they can't be.
pub(super) fn rerank_path(provider: &Provider, model: &str) -> Option<Cow<'static, str>> {
    Some(match rerank_form(provider, model)? {
        RerankForm::CohereV2 => Cow::Borrowed("/v2/rerank"),
        RerankForm::BedrockCohere | RerankForm::BedrockAmazon => invoke(provider, model)?,
        RerankForm::WorkersAi => Cow::Owned(format!("/run/{}", utf8_percent_encode(model, IN_PATH))),
    })
}

fn invoke(provider: &Provider, model: &str) -> Option<Cow<'static, str>> {
    let folder = provider.paths.native.as_deref()?;
    Some(Cow::Owned(format!("{folder}/{}/invoke", utf8_percent_encode(model, SEGMENT))))
}

fn embed_form(provider: &Provider, model: &str) -> Option<EmbedForm> {
    match provider.embed? {
        EmbedForm::BedrockTitan => Some(EmbedForm::of_bedrock(model)),
        other => Some(other),
    }
}

fn rerank_form(provider: &Provider, model: &str) -> Option<RerankForm> {
    match provider.rerank? {
        RerankForm::BedrockCohere => Some(RerankForm::of_bedrock(model)),
        other => Some(other),
    }
}

/// Writes a question of these two for its target.
///
/// # Errors
/// A body that can't be read, or that the provider can't be asked.
pub(super) fn write(
    question: &Question<'_>,
    wanted: &Wanted<'_>,
    record: &mut Record,
) -> Result<Attempted, Error> {
    let Asked::Json(body, _) = &question.body else {
        return Err(Error::new(Kind::InvalidRequest, "this provider is asked in JSON only"));
    };
    let provider = &wanted.entry.provider;
    let model = &*wanted.target.model;
    let lacking =
        || Error::new(Kind::UnsupportedEndpoint, format!("{} has no endpoint for this", provider.id));
    let json = json::parse(body).map_err(|error| {
        let path = json::path_of(body, error.at);
        invalid(Invalid { path, reason: error.to_string().into() })
    })?;
    let (matter, written): (Matter, Written) = if let Ask::Rerank = question.ask {
        let form = rerank_form(provider, model).ok_or_else(lacking)?;
        let request = RerankRequest::read(json).map_err(invalid)?;
        (Matter::Rerank(form, body.clone()), request.write(form, model))
    } else {
        let form = embed_form(provider, model).ok_or_else(lacking)?;
        let request = EmbedRequest::read(json).map_err(invalid)?;
        (Matter::Embeddings(form, request.base64), request.write(form, model).map_err(invalid)?)
    };
    let lost = written.losses.names(|_| "");
    let body = settle_losses(wanted, written.body, lost, record)?;
    let context = Context { request_id: record.id.clone(), model: model.to_owned(), ..Context::default() };
    let translation =
        Translation { from: provider.format, to: Format::OpenAiChat, stream: false, context, matter };
    Ok(Attempted::Written(body.into(), written.headers, Box::new(translation)))
}

/// Leads an answer back; `tokens` is what a header said of the texts' length.
///
/// # Errors
/// An error inside a 200, or an answer that is none.
pub(super) fn read(matter: &Matter, body: &[u8], model: &str, tokens: Option<u64>) -> Result<Whole, Failure> {
    let answer = json::parse_lossy(body).map_err(Failure::malformed)?;
    match matter {
        Matter::Chat => Err(Failure::malformed("a chat answer where none was asked for")),
        Matter::Embeddings(form, base64) => {
            let answered = embeddings::read_response(*form, &answer, model, *base64, tokens)?;
            Ok(Whole { body: answered.body, usage: answered.usage, ..Whole::default() })
        }
        Matter::Rerank(form, asked) => {
            // It was read once already, to be sent.
            let asked = json::parse(asked).map_err(Failure::malformed)?;
            let request = RerankRequest::read(asked).map_err(Failure::malformed)?;
            let answered = request.read_response(*form, &answer, model)?;
            Ok(Whole { body: answered.body, usage: answered.usage, ..Whole::default() })
        }
    }
}

/// What a question that is neither chat nor one of these has here.
pub(super) const fn is_one(ask: &Ask) -> bool {
    matches!(ask, Ask::Embeddings | Ask::Rerank)
}

fn invalid(invalid: Invalid) -> Error {
    let mut error = Error::new(Kind::InvalidRequest, invalid.to_string());
    error.param = Some(invalid.path);
    error
}
