//! Ranking of documents by how well they answer a query, for clients of `/v1/rerank` as Cohere and Jina have it:
//! <https://docs.cohere.com/reference/rerank>, <https://jina.ai/reranker/>. The same form on both sides goes through
//! untouched and is not the business of this module.

#[cfg(test)]
mod tests;

use crate::Usage;
use crate::chat::{Failure, Losses, Written, failure_from};
use crate::json::{Fields, Invalid, Json, Path, Writer};
use std::borrow::Cow;

/// How a provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RerankForm {
    /// `/v2/rerank`: <https://docs.cohere.com/v2/reference/rerank>.
    CohereV2,
    /// Cohere by `invoke`: <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-rerank.html>.
    BedrockCohere,
    /// Amazon's own by `invoke`, of the same form but for the version.
    BedrockAmazon,
    /// `/run/@cf/…`: <https://developers.cloudflare.com/workers-ai/models/bge-reranker-base/>.
    WorkersAi,
}

impl RerankForm {
    /// The form in which Bedrock's model of this name is invoked.
    #[must_use]
    pub fn of_bedrock(model: &str) -> Self {
        if model.contains("cohere.") { Self::BedrockCohere } else { Self::BedrockAmazon }
    }
}

/// A client's request.
#[derive(Debug)]
pub struct RerankRequest<'a> {
    /// The model as the caller wrote it.
    pub model: Cow<'a, str>,
    query: Cow<'a, str>,
    documents: Vec<Cow<'a, str>>,
    top_n: Option<u64>,
    return_documents: bool,
    max_tokens_per_doc: Option<u64>,
    losses: Losses,
}

/// What the client gets.
#[derive(Debug)]
pub struct Answered {
    /// The body.
    pub body: Vec<u8>,
    /// What it cost.
    pub usage: Usage,
}

impl<'a> RerankRequest<'a> {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it, by the path of the field.
    pub fn read(body: Json<'a>) -> Result<Self, Invalid> {
        let mut fields = Fields::new(Path::ROOT, body)?;
        let rank_fields = fields.array("rank_fields")?.map(|fields| fields.items).unwrap_or_default();
        let documents = fields.array("documents")?.map(|documents| documents.items).unwrap_or_default();
        let path = Path::ROOT;
        let path = path.name("documents");
        if documents.is_empty() {
            return Err(path.invalid("must hold at least one document"));
        }
        let documents = documents.into_iter().enumerate();
        let documents =
            documents.map(|(at, document)| read_document(document, &rank_fields, &path.index(at)));
        let documents = documents.collect::<Result<_, _>>()?;
        let request = Self {
            model: fields.text("model")?.unwrap_or_default(),
            query: fields.need_text("query")?,
            documents,
            top_n: match fields.number("top_n")? {
                Some(count) => Some(count),
                None => fields.number("top_k")?,
            },
            return_documents: fields.bool("return_documents")?.unwrap_or(false),
            max_tokens_per_doc: fields.number("max_tokens_per_doc")?,
            losses: Losses::default(),
        };
        let mut losses = Losses::default();
        losses.unread(fields);
        Ok(Self { losses, ..request })
    }

    /// Writes it for a provider.
    #[must_use]
    pub fn write(&self, form: RerankForm, model: &str) -> Written {
        let mut losses = self.losses.clone();
        let texts = self.documents.iter().map(|text| 32 + text.len()).sum::<usize>();
        let mut out = Writer::with_capacity(256 + self.query.len() + texts);
        out.begin().member("query", &self.query);
        match form {
            RerankForm::CohereV2 => {
                out.member("model", model).number_if("top_n", self.top_n);
                out.number_if("max_tokens_per_doc", self.max_tokens_per_doc);
            }
            RerankForm::BedrockCohere => {
                // Version 2 is the one of whole documents: <https://docs.cohere.com/v2/docs/amazon-bedrock#rerank>.
                out.name("api_version").number(2).number_if("top_n", self.top_n);
                out.number_if("max_tokens_per_doc", self.max_tokens_per_doc);
            }
            RerankForm::BedrockAmazon => {
                out.number_if("top_n", self.top_n);
                lost(self.max_tokens_per_doc.is_some(), &mut losses);
            }
            RerankForm::WorkersAi => {
                out.number_if("top_k", self.top_n);
                lost(self.max_tokens_per_doc.is_some(), &mut losses);
            }
        }
        let contexts = form == RerankForm::WorkersAi;
        out.name(if contexts { "contexts" } else { "documents" }).list();
        for text in &self.documents {
            if contexts {
                out.begin().member("text", text).end();
            } else {
                out.string(text);
            }
        }
        out.end_list().end();
        Written { body: out.into_bytes(), headers: Vec::new(), losses }
    }

    /// Reads a provider's answer and writes it for the client, best first, with the documents if they were asked for.
    ///
    /// # Errors
    /// An error inside a 200, or an answer without a ranking.
    pub fn read_response(
        &self,
        form: RerankForm,
        answer: &Json<'_>,
        model: &str,
    ) -> Result<Answered, Failure> {
        let (list, index, score) = match form {
            RerankForm::WorkersAi => {
                let list = answer.at(&["result", "response"]).or_else(|| answer.get("response"));
                (list, "id", "score")
            }
            RerankForm::CohereV2 | RerankForm::BedrockCohere | RerankForm::BedrockAmazon => {
                (answer.get("results"), "index", "relevance_score")
            }
        };
        let Some(list @ Json::Array(_)) = list else {
            let failed = ["error", "errors", "message"].into_iter().any(|name| answer.get(name).is_some());
            return Err(match failed {
                true => failure_from(0, answer.raw().as_bytes()),
                false => Failure::malformed("an answer without a ranking"),
            });
        };
        let one = |item: &Json<'_>| Some((item.get(index)?.number()?, item.get(score)?.float()?));
        let mut ranking: Vec<(u64, f64)> = list.items().iter().filter_map(one).collect();
        ranking.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        if let Some(most) = self.top_n {
            ranking.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        }
        let usage = usage(answer);
        Ok(Answered { body: self.write_answer(answer, model, &ranking, &usage), usage })
    }

    fn write_answer(&self, answer: &Json<'_>, model: &str, ranking: &[(u64, f64)], usage: &Usage) -> Vec<u8> {
        let mut out = Writer::with_capacity(256 + ranking.len() * 48);
        out.begin().member_if("id", answer.get("id").and_then(Json::text)).member("object", "list");
        out.member("model", model).name("results").list();
        for (index, score) in ranking {
            out.begin().name("index").number(*index).name("relevance_score").float(*score);
            let document = usize::try_from(*index).ok().and_then(|index| self.documents.get(index));
            if let Some(document) = document.filter(|_| self.return_documents) {
                out.name("document").begin().member("text", document).end();
            }
            out.end();
        }
        out.end_list();
        if let Some(input) = usage.input {
            out.name("usage")
                .begin()
                .name("prompt_tokens")
                .number(input)
                .name("total_tokens")
                .number(input)
                .end();
        }
        if let Some(meta) = answer.get("meta") {
            out.name("meta").json(meta);
        }
        out.end();
        out.into_bytes()
    }
}

/// A document is a text, or an object of which the text counts, or the members that are named, or all of it.
fn read_document<'a>(
    document: Json<'a>,
    rank_fields: &[Json<'a>],
    path: &Path<'_>,
) -> Result<Cow<'a, str>, Invalid> {
    match document {
        Json::String(text) => Ok(text),
        Json::Object(object) if !rank_fields.is_empty() => {
            let mut text = String::new();
            for name in rank_fields.iter().filter_map(Json::text) {
                if let Some(value) = object.get(name) {
                    let value = value.cow().unwrap_or_else(|| value.raw());
                    text.extend([name, ": ", &*value, "\n"]);
                }
            }
            Ok(Cow::Owned(text))
        }
        Json::Object(object) => match object.get("text").and_then(Json::cow) {
            Some(text) => Ok(text),
            None => Ok(Cow::Borrowed(object.raw)),
        },
        other => Err(path.invalid(format!("must be a string or an object, not {}", other.kind()))),
    }
}

/// Tokens, where they are counted; Cohere bills by searches.
fn usage(answer: &Json<'_>) -> Usage {
    let paths: [&[&str]; 4] = [
        &["meta", "tokens", "input_tokens"],
        &["meta", "billed_units", "input_tokens"],
        &["usage", "prompt_tokens"],
        &["usage", "total_tokens"],
    ];
    let input = paths.into_iter().find_map(|path| answer.at(path).and_then(Json::number));
    Usage { input, ..Usage::default() }
}

fn lost(is: bool, losses: &mut Losses) {
    if is {
        losses.path("max_tokens_per_doc".to_owned());
    }
}
