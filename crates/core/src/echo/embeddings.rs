//! Vectors without a meaning: the same text gives the same one, another text another one.

use super::request::parse;
use super::{estimate, invalid};
use crate::error::Error;
use crate::secret::digest;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

const DIMENSIONS: usize = 16;
const MAX_DIMENSIONS: usize = 4096;
/// OpenAI's own limit of inputs to one call: <https://platform.openai.com/docs/api-reference/embeddings/create>.
const MAX_INPUTS: usize = 2048;

#[derive(Deserialize)]
struct Request {
    model: Option<String>,
    input: Input,
    dimensions: Option<usize>,
    encoding_format: Option<String>,
}

/// Text or token numbers, one or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<u32>),
    TokenLists(Vec<Vec<u32>>),
}

/// Answers an OpenAI embeddings body.
///
/// # Errors
/// `InvalidJson` for what is not JSON, `InvalidRequest` for what is no embeddings request.
pub fn embeddings(body: &[u8]) -> Result<Bytes, Error> {
    let request: Request = parse(body, "an embeddings request")?;
    let dimensions = request.dimensions.unwrap_or(DIMENSIONS);
    if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        return Err(invalid(format!("`dimensions` must be from 1 to {MAX_DIMENSIONS}.")));
    }
    let base64 = match request.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(invalid("`encoding_format` must be `float` or `base64`.")),
    };
    // What is hashed, and how many tokens it counts as.
    let inputs: Vec<(Vec<u8>, u64)> = match &request.input {
        Input::Text(text) => vec![words(text)],
        Input::Texts(texts) => texts.iter().map(|text| words(text)).collect(),
        Input::Tokens(tokens) => vec![numbers(tokens)],
        Input::TokenLists(lists) => lists.iter().map(|tokens| numbers(tokens)).collect(),
    };
    if inputs.is_empty() || inputs.len() > MAX_INPUTS || inputs.iter().any(|(bytes, _)| bytes.is_empty()) {
        return Err(invalid(format!("`input` must be from 1 to {MAX_INPUTS} texts, none of them empty.")));
    }
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, (bytes, _))| {
            let vector = vector(bytes, dimensions);
            let embedding = if base64 { encoded(&vector).into() } else { json!(vector) };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let tokens: u64 = inputs.iter().map(|(_, tokens)| tokens).sum();
    let answer = json!({
        "object": "list",
        "data": data,
        "model": request.model.as_deref().unwrap_or("any"),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    });
    Ok(answer.to_string().into())
}

fn words(text: &str) -> (Vec<u8>, u64) {
    (text.as_bytes().to_vec(), estimate(text))
}

fn numbers(tokens: &[u32]) -> (Vec<u8>, u64) {
    (tokens.iter().flat_map(|token| token.to_le_bytes()).collect(), tokens.len() as u64)
}

/// A vector of length one, made of as many digests as it takes.
fn vector(bytes: &[u8], dimensions: usize) -> Vec<f32> {
    let seed = digest(bytes);
    let mut numbers: Vec<f32> = (0u32..)
        .flat_map(|block| digest(&[&seed[..], &block.to_le_bytes()].concat()))
        // From -127.5 to 127.5: never zero, so the length is never zero either.
        .map(|byte| f32::from(byte) - 127.5)
        .take(dimensions)
        .collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    for number in &mut numbers {
        *number /= length;
    }
    numbers
}

/// Little-endian floats in base64, as OpenAI's clients ask for them.
fn encoded(vector: &[f32]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}
