//! A provider's vectors as OpenAI's list of them. Numbers stay as they were written; as base64 they are floats of four
//! bytes, the lowest first.

use super::EmbedForm;
use crate::Usage;
use crate::chat::{Failure, failure_from};
use crate::json::{Json, Writer};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What the client gets.
#[derive(Debug)]
pub struct Answered {
    /// The body.
    pub body: Vec<u8>,
    /// What it cost.
    pub usage: Usage,
}

/// Reads a provider's answer and writes it for the client. `base64` is what the request wanted; `input_tokens` what a
/// header said (Bedrock's `x-amzn-bedrock-input-token-count`).
///
/// # Errors
/// An error inside a 200, or an answer without vectors.
pub fn read_response(
    form: EmbedForm,
    answer: &Json<'_>,
    model: &str,
    base64: bool,
    input_tokens: Option<u64>,
) -> Result<Answered, Failure> {
    let Some(vectors) = vectors(form, answer) else {
        let failed = ["error", "errors", "message"].into_iter().any(|name| answer.get(name).is_some());
        return Err(match failed {
            true => failure_from(0, answer.raw().as_bytes()),
            false => Failure::malformed("an answer without embeddings"),
        });
    };
    let input = tokens(form, answer).or(input_tokens);
    let mut out = Writer::with_capacity(256 + answer.raw().len());
    out.begin().member("object", "list").name("data").list();
    for (index, vector) in vectors.iter().enumerate() {
        out.begin().member("object", "embedding").name("index").number(index as u64).name("embedding");
        match vector {
            // Text is base64 already.
            Json::String(text) => out.string(text),
            vector if base64 => out.string(&packed(vector)?),
            vector => out.raw(&vector.raw()),
        };
        out.end();
    }
    out.end_list().member("model", model).name("usage");
    match input {
        Some(input) => {
            out.begin().name("prompt_tokens").number(input).name("total_tokens").number(input).end();
        }
        // Not known is not zero.
        None => {
            out.null();
        }
    }
    out.end();
    Ok(Answered { body: out.into_bytes(), usage: Usage { input, ..Usage::default() } })
}

/// The vectors in the order of the texts.
fn vectors<'j, 'a>(form: EmbedForm, answer: &'j Json<'a>) -> Option<Vec<&'j Json<'a>>> {
    let list = |path: &[&str]| match answer.at(path) {
        Some(Json::Array(list)) => Some(&*list.items),
        _ => None,
    };
    let each = |items: &'j [Json<'a>], path: &[&str]| {
        items.iter().map(|item| item.at(path)).collect::<Option<Vec<_>>>()
    };
    match form {
        EmbedForm::OpenAi => each(list(&["data"])?, &["embedding"]),
        // `:embedContent` answers one.
        EmbedForm::Gemini => match list(&["embeddings"]) {
            Some(items) => each(items, &["values"]),
            None => answer.at(&["embedding", "values"]).map(|one| vec![one]),
        },
        EmbedForm::VertexPredict => each(list(&["predictions"])?, &["embeddings", "values"]),
        // By type where types were asked for, else plain.
        EmbedForm::CohereV2 | EmbedForm::BedrockCohere => {
            let other = || {
                let types = answer.get("embeddings")?.members().iter();
                types.map(|(_, list)| list.items()).find(|list| !list.is_empty())
            };
            let items = list(&["embeddings", "float"]).or_else(|| list(&["embeddings"])).or_else(other)?;
            Some(items.iter().collect())
        }
        EmbedForm::Ollama => list(&["embeddings"]).map(|items| items.iter().collect()),
        EmbedForm::BedrockTitan => {
            let one = answer.get("embedding").or_else(|| answer.at(&["embeddingsByType", "float"]))?;
            Some(vec![one])
        }
        EmbedForm::BedrockNova => each(list(&["embeddings"])?, &["embedding"]),
        // The answer itself stands in `result` behind the public API, and alone behind a gateway.
        EmbedForm::WorkersAi => {
            let items = list(&["result", "data"]).or_else(|| list(&["data"]))?;
            Some(items.iter().collect())
        }
    }
}

/// How many tokens the texts had, where the answer says it.
fn tokens(form: EmbedForm, answer: &Json<'_>) -> Option<u64> {
    let number = |path: &[&str]| answer.at(path).and_then(Json::number);
    match form {
        EmbedForm::OpenAi => number(&["usage", "prompt_tokens"]),
        EmbedForm::Gemini => number(&["usageMetadata", "promptTokenCount"]),
        EmbedForm::VertexPredict => {
            let each = answer.get("predictions").map_or(&[][..], Json::items);
            let each = each.iter().map(|one| {
                let count = one.at(&["embeddings", "statistics", "token_count"]);
                count.or_else(|| one.at(&["embeddings", "statistics", "tokenCount"])).and_then(Json::number)
            });
            each.sum()
        }
        EmbedForm::CohereV2 | EmbedForm::BedrockCohere => number(&["meta", "tokens", "input_tokens"])
            .or_else(|| number(&["meta", "billed_units", "input_tokens"])),
        EmbedForm::Ollama => number(&["prompt_eval_count"]),
        EmbedForm::BedrockTitan => number(&["inputTextTokenCount"]),
        EmbedForm::BedrockNova => number(&["inputTokenCount"]),
        EmbedForm::WorkersAi => {
            number(&["result", "usage", "prompt_tokens"]).or_else(|| number(&["usage", "prompt_tokens"]))
        }
    }
}

/// <https://platform.openai.com/docs/api-reference/embeddings/create#embeddings-create-encoding_format>
fn packed(vector: &Json<'_>) -> Result<String, Failure> {
    let mut bytes = Vec::with_capacity(vector.items().len() * 4);
    for item in vector.items() {
        let Some(float) = item.float() else {
            return Err(Failure::malformed("an embedding that is no numbers"));
        };
        #[expect(clippy::cast_possible_truncation, reason = "the form has floats of four bytes")]
        bytes.extend_from_slice(&(float as f32).to_le_bytes());
    }
    Ok(STANDARD.encode(bytes))
}
