//! Embeddings for clients of OpenAI's `/v1/embeddings`, from providers that speak another form:
//! <https://platform.openai.com/docs/api-reference/embeddings/create>.
//!
//! The same form on both sides goes through untouched and is not the business of this module.

mod answer;
mod forms;

#[cfg(test)]
mod tests;

pub use answer::{Answered, read_response};

use crate::chat::{Losses, Written};
use crate::json::{Array, Fields, Invalid, Json, Path, Writer};
use std::borrow::Cow;

/// How a provider is asked for embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EmbedForm {
    /// OpenAI's own.
    OpenAi,
    /// `:batchEmbedContents`: <https://ai.google.dev/api/embeddings>.
    Gemini,
    /// `:predict` of Vertex AI:
    /// <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api>.
    VertexPredict,
    /// `/v2/embed`: <https://docs.cohere.com/v2/reference/embed>.
    CohereV2,
    /// `/api/embed`: <https://docs.ollama.com/api/embed>.
    Ollama,
    /// Titan by `invoke`, one text at a time:
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html>.
    BedrockTitan,
    /// Nova by `invoke`, one text at a time:
    /// <https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html>.
    BedrockNova,
    /// Cohere by `invoke`: <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html>.
    BedrockCohere,
    /// `/run/@cf/…`: <https://developers.cloudflare.com/workers-ai/models/bge-base-en-v1.5/>.
    WorkersAi,
}

impl EmbedForm {
    /// The form in which Bedrock's model of this name is invoked.
    #[must_use]
    pub fn of_bedrock(model: &str) -> Self {
        if model.contains("cohere.") {
            Self::BedrockCohere
        } else if model.contains("amazon.nova") {
            Self::BedrockNova
        } else {
            Self::BedrockTitan
        }
    }

    /// It takes one text at a time.
    #[must_use]
    pub const fn takes_one(self) -> bool {
        matches!(self, Self::BedrockTitan | Self::BedrockNova)
    }
}

/// What the vectors are for; vendors other than OpenAI ask. Clients say it in `input_type`, an extension that others
/// have too: <https://docs.cohere.com/v2/reference/embed#request.body.input_type>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Document,
    Query,
    Classification,
    Clustering,
}

/// A client's request.
#[derive(Debug)]
pub struct EmbedRequest<'a> {
    /// The model as the caller wrote it.
    pub model: Cow<'a, str>,
    input: Input<'a>,
    /// The vectors are wanted as base64 of floats.
    pub base64: bool,
    dimensions: Option<u64>,
    user: Option<Cow<'a, str>>,
    purpose: Option<Purpose>,
    /// What nobody knew of the body.
    losses: Losses,
}

#[derive(Debug)]
enum Input<'a> {
    Texts(Vec<Cow<'a, str>>),
    /// Numbers of tokens, as written.
    Tokens(&'a str),
}

impl<'a> EmbedRequest<'a> {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it, by the path of the field.
    pub fn read(body: Json<'a>) -> Result<Self, Invalid> {
        let mut fields = Fields::new(Path::ROOT, body)?;
        let model = fields.text("model")?.unwrap_or_default();
        let input = read_input(&mut fields)?;
        let base64 = match fields.text("encoding_format")?.as_deref() {
            None | Some("float") => false,
            Some("base64") => true,
            Some(_) => {
                return Err(fields.path.name("encoding_format").invalid("must be `float` or `base64`"));
            }
        };
        let purpose = match fields.text("input_type")?.as_deref() {
            None => None,
            Some("search_document" | "document" | "passage") => Some(Purpose::Document),
            Some("search_query" | "query") => Some(Purpose::Query),
            Some("classification") => Some(Purpose::Classification),
            Some("clustering") => Some(Purpose::Clustering),
            Some(_) => {
                let reason = "must be `search_document`, `search_query`, `classification` or `clustering`";
                return Err(fields.path.name("input_type").invalid(reason));
            }
        };
        let dimensions = fields.number("dimensions")?;
        let user = fields.text("user")?;
        let mut losses = Losses::default();
        losses.unread(fields);
        Ok(Self { model, input, base64, dimensions, user, purpose, losses })
    }

    /// Writes it for a provider.
    ///
    /// # Errors
    /// What the provider can't be asked.
    pub fn write(&self, form: EmbedForm, model: &str) -> Result<Written, Invalid> {
        let mut losses = self.losses.clone();
        let mut out =
            Writer::with_capacity(256 + self.texts().iter().map(|text| 32 + text.len()).sum::<usize>());
        if form == EmbedForm::OpenAi {
            self.write_openai(model, &mut out);
        } else {
            if let Input::Tokens(_) = self.input {
                let reason = "tokens mean nothing to another vendor's model: send text";
                return Err(Path::ROOT.name("input").invalid(reason));
            }
            if form.takes_one() && self.texts().len() > 1 {
                return Err(Path::ROOT.name("input").invalid("this model takes one text at a time"));
            }
            if self.user.is_some() {
                losses.path("user".to_owned());
            }
            self.write_form(form, model, &mut losses, &mut out);
        }
        Ok(Written { body: out.into_bytes(), headers: Vec::new(), losses })
    }

    fn texts(&self) -> &[Cow<'a, str>] {
        match &self.input {
            Input::Texts(texts) => texts,
            Input::Tokens(_) => &[],
        }
    }
}

/// `input`: a text, texts, tokens, or lists of tokens.
fn read_input<'a>(fields: &mut Fields<'_, 'a>) -> Result<Input<'a>, Invalid> {
    let path = fields.path;
    let path = path.name("input");
    match fields.take("input") {
        None => Err(path.invalid("is required")),
        Some(Json::String(text)) => Ok(Input::Texts(vec![text])),
        Some(Json::Array(Array { raw, items })) => match items.first() {
            None => Err(path.invalid("must not be empty")),
            Some(Json::Number(_)) => {
                all(&path, &items, "a number", |item| matches!(item, Json::Number(_)))?;
                Ok(Input::Tokens(raw))
            }
            Some(Json::Array(_)) => {
                all(&path, &items, "a list of numbers", |item| {
                    let numbers = |item: &Json<'_>| matches!(item, Json::Number(_));
                    matches!(item, Json::Array(_)) && item.items().iter().all(numbers)
                })?;
                Ok(Input::Tokens(raw))
            }
            Some(_) => {
                all(&path, &items, "a string", |item| item.text().is_some())?;
                Ok(Input::Texts(items.into_iter().filter_map(Json::into_text).collect()))
            }
        },
        Some(other) => Err(path.invalid(format!("must be a string or an array, not {}", other.kind()))),
    }
}

fn all(
    path: &Path<'_>,
    items: &[Json<'_>],
    wanted: &str,
    fits: impl Fn(&Json<'_>) -> bool,
) -> Result<(), Invalid> {
    match items.iter().position(|item| !fits(item)) {
        Some(at) => Err(path.index(at).invalid(format!("must be {wanted}"))),
        None => Ok(()),
    }
}
