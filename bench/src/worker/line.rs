//! What is asked of the Workers, and how much of the plain one's cost each kind of request may take.

use crate::Result;
use crate::mock::Knobs;
use serde_json::{Value, json};
use std::path::Path;

/// One kind of request, measured on a plain Worker and on ours.
pub(super) struct Line {
    pub(super) title: &'static str,
    pub(super) way: Way,
    /// The name of a body without its `.json`.
    pub(super) body: &'static str,
    pub(super) answer: Answer,
    /// Further header lines of the client.
    pub(super) headers: &'static [&'static str],
    /// Times the plain Worker's cost.
    pub(super) must: f64,
    /// 0 where the limit is all that is asked.
    pub(super) aim: f64,
}

/// The way a request takes through ours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Routed by its model's name, not translated
    Verbatim,
    /// Anthropic's dialect, to an upstream of OpenAI's
    Translated,
    /// Under the provider's name, the body not read
    PassThrough,
}

/// How the upstream answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Json,
    /// 2 KiB of it
    LongJson,
    /// 60 events, 4 at a time every 5 ms
    Paced,
    /// 60 events one after the other
    BackToBack,
}

/// As the OpenAI SDK sends and Cloudflare adds.
const MANY: &[&str] = &[
    "accept-encoding: gzip, br",
    "accept-language: *",
    "x-stainless-lang: js",
    "x-stainless-package-version: 6.9.1",
    "x-stainless-os: Linux",
    "x-stainless-arch: x64",
    "x-stainless-runtime: node",
    "x-stainless-runtime-version: v22.12.0",
    "x-stainless-retry-count: 0",
    "x-stainless-timeout: 600",
    "cf-connecting-ip: 192.0.2.7",
    "cf-ipcountry: DE",
    "cf-ray: 8f0000000000abcd-FRA",
    "cf-visitor: {\"scheme\":\"https\"}",
    "x-forwarded-proto: https",
    "x-real-ip: 192.0.2.7",
];
const ANTHROPIC: &[&str] = &["anthropic-version: 2023-06-01"];

pub(super) const LINES: &[Line] = &[
    line("JSON, small", Way::Verbatim, "small", Answer::Json, &[], 1.5, 1.25),
    line("JSON, small, 22 request headers", Way::Verbatim, "small", Answer::Json, MANY, 1.5, 1.25),
    line("JSON, 16 KiB prompt", Way::Verbatim, "16k", Answer::LongJson, &[], 1.5, 1.25),
    line("stream, 4 events every 5 ms", Way::Verbatim, "stream", Answer::Paced, &[], 1.5, 1.25),
    line("stream, back to back", Way::Verbatim, "stream", Answer::BackToBack, &[], 1.5, 1.25),
    line("translated JSON", Way::Translated, "messages", Answer::Json, ANTHROPIC, 3.0, 0.0),
    line(
        "translated stream, 4 every 5 ms",
        Way::Translated,
        "messages-stream",
        Answer::Paced,
        ANTHROPIC,
        3.0,
        0.0,
    ),
    line(
        "translated stream, back to back",
        Way::Translated,
        "messages-stream",
        Answer::BackToBack,
        ANTHROPIC,
        3.0,
        0.0,
    ),
    line("pass-through, JSON", Way::PassThrough, "small", Answer::Json, &[], 1.3, 0.0),
    line("pass-through, 16 KiB prompt", Way::PassThrough, "16k", Answer::LongJson, &[], 1.3, 0.0),
    line("pass-through, stream, 4 every 5 ms", Way::PassThrough, "stream", Answer::Paced, &[], 1.3, 0.0),
];

const fn line(
    title: &'static str,
    way: Way,
    body: &'static str,
    answer: Answer,
    headers: &'static [&'static str],
    must: f64,
    aim: f64,
) -> Line {
    Line { title, way, body, answer, headers, must, aim }
}

impl Way {
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Verbatim => "/v1/chat/completions",
            Self::Translated => "/v1/messages",
            Self::PassThrough => "/openai/chat/completions",
        }
    }
}

impl Answer {
    pub(super) const fn is_stream(self) -> bool {
        matches!(self, Self::Paced | Self::BackToBack)
    }

    pub(super) fn knobs(self) -> Knobs {
        let stream = Knobs { chunks: 60, ..Knobs::default() };
        match self {
            Self::Json => Knobs::default(),
            Self::LongJson => Knobs { body_bytes: 2048, ..Knobs::default() },
            Self::Paced => Knobs { interval_us: 5_000, batch: 4, ..stream },
            Self::BackToBack => stream,
        }
    }
}

/// Writes the bodies that only Workers are asked with.
pub(super) fn write_bodies(directory: &Path, model: &str) -> Result<()> {
    let question = "Write one sentence about the sea.";
    let messages = json!({
        "model": model, "max_tokens": 256, "temperature": 0.7, "system": "You are a helpful assistant.",
        "messages": [{ "role": "user", "content": question }],
    });
    let mut streamed = messages.clone();
    streamed["stream"] = Value::Bool(true);
    for (name, body) in [("messages", messages), ("messages-stream", streamed)] {
        std::fs::write(directory.join(format!("{name}.json")), serde_json::to_vec(&body)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aim_is_never_easier_than_its_must() {
        assert!(LINES.iter().all(|line| line.aim <= line.must));
    }

    #[test]
    fn a_stream_is_asked_for_where_one_is_expected() {
        let streamed = |line: &Line| line.body.ends_with("stream");
        assert!(LINES.iter().all(|line| streamed(line) == line.answer.is_stream()));
    }
}
