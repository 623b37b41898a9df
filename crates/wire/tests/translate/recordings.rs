//! The recordings: which of them are chats, and what they hold.

use crate::judge::bedrock;
use serde_json::Value;
use std::path::{Path, PathBuf};
use wharf_wire::Format;

/// One recorded exchange.
#[derive(Debug)]
pub(crate) struct Recording {
    /// `<provider>/<file>`
    pub(crate) name: String,
    pub(crate) provider: String,
    pub(crate) format: Format,
    pub(crate) status: u16,
    pub(crate) answer: Body,
    /// What `x-amzn-errortype` said.
    pub(crate) error_type: Option<String>,
    /// The request's JSON body.
    pub(crate) request: Option<Value>,
    /// The request's path.
    pub(crate) path: String,
}

/// An answer's body.
#[derive(Debug)]
pub(crate) enum Body {
    Json(Value, Vec<u8>),
    Stream(Vec<u8>),
    /// Neither JSON nor a stream: the page of a proxy.
    Text(Vec<u8>),
}

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "a test reads where its data is")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The folder, where one is named.
pub(crate) fn folder() -> Option<PathBuf> {
    variable("WHARF_FIXTURES").map(PathBuf::from).filter(|folder| folder.is_dir())
}

/// The files, sorted; `None` where no folder is named.
pub(crate) fn paths() -> Option<Vec<PathBuf>> {
    let folder = folder()?;
    let only = variable("WHARF_REPLAY").unwrap_or_default();
    let list =
        |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = list(&folder)
        .flat_map(|provider| list(&provider).collect::<Vec<_>>())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .filter(|path| path.to_string_lossy().contains(&only))
        .collect();
    files.sort();
    Some(files)
}

/// Reads one; `None` for what is no chat.
pub(crate) fn read(path: &Path) -> Option<Recording> {
    let file = path.file_name()?.to_str()?;
    let provider = path.parent()?.file_name()?.to_str()?.to_owned();
    let format = match file.split('.').next()?.trim_end_matches("-stream") {
        "chat" => Format::OpenAiChat,
        "responses" => Format::OpenAiResponses,
        "messages" | "raw-predict" => Format::AnthropicMessages,
        "generate-content" => Format::GeminiGenerate,
        "cohere-v2-chat" => Format::CohereChat,
        "ollama-chat" => Format::OllamaChat,
        "converse" => Format::BedrockConverse,
        _ => return None,
    };
    let record: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let response = record.get("response")?;
    let header = response.pointer("/headers/x-amzn-errortype").and_then(Value::as_str);
    let url = record.pointer("/request/url").and_then(Value::as_str).unwrap_or_default();
    Some(Recording {
        name: format!("{provider}/{file}"),
        provider,
        format,
        status: u16::try_from(response.get("status")?.as_u64()?).ok()?,
        answer: body(format, response)?,
        error_type: header.map(|text| text.split(':').next().unwrap_or(text).to_owned()),
        request: record.pointer("/request/body_json").cloned(),
        path: url.to_owned(),
    })
}

fn body(format: Format, response: &Value) -> Option<Body> {
    if let Some(whole) = response.get("body_json") {
        return Some(Body::Json(whole.clone(), whole.to_string().into_bytes()));
    }
    if let Some(coded) = response.get("body_base64").and_then(Value::as_str) {
        return Some(Body::Stream(decode(coded)));
    }
    let text = response.get("body_text")?.as_str()?;
    Some(match format {
        Format::BedrockConverse => Body::Stream(bedrock::framed(text)),
        Format::OllamaChat => Body::Stream(text.into()),
        _ if text.contains("data:") => Body::Stream(text.into()),
        _ => Body::Text(text.into()),
    })
}

/// Base64 with the standard alphabet.
fn decode(coded: &str) -> Vec<u8> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for byte in coded.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xff).unwrap_or_default());
        }
    }
    out
}
