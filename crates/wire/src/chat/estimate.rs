//! How many tokens a request has, guessed: for providers that don't count. The answer that carries it says that it is
//! an estimate.

use super::{Media, Part, Request, ResponseFormat, Source};

/// Tokens around every message.
const PER_TURN: u64 = 4;
/// Tokens around every tool, beside its name, text and schema.
const PER_TOOL: u64 = 12;
/// Tokens that tools cost once: their providers put a text of their own before them.
const ANY_TOOLS: u64 = 300;
/// A picture of usual size: Anthropic counts width times height by 750, at most about 1600.
/// <https://platform.claude.com/docs/en/build-with-claude/vision#calculate-image-costs>
const PER_IMAGE: u64 = 1500;
/// A file of which nothing is known.
const PER_FILE: u64 = 3000;

/// An estimate of the request's input tokens, at four bytes of text a token. Off by a third either way on English
/// text and code, more on other scripts.
#[must_use]
pub fn estimate(request: &Request<'_>) -> u64 {
    let turns = request.turns.iter().map(|turn| PER_TURN + parts(&turn.parts));
    let tools = request.tools.iter().map(|tool| {
        let description = tool.description.as_deref().unwrap_or_default();
        PER_TOOL + text(&tool.name) + text(description) + text(tool.schema())
    });
    let schema = match &request.response_format {
        Some(ResponseFormat::JsonSchema { schema, .. }) => text(schema),
        Some(ResponseFormat::Text | ResponseFormat::JsonObject) | None => 0,
    };
    let fixed = if request.tools.is_empty() { 0 } else { ANY_TOOLS };
    fixed + schema + turns.sum::<u64>() + tools.sum::<u64>()
}

fn parts(all: &[Part<'_>]) -> u64 {
    let tokens = all.iter().map(|part| match part {
        Part::Text(said) => text(&said.text),
        Part::Media(medium) => media(medium),
        Part::Reasoning(reasoning) => text(&reasoning.text),
        Part::ToolCall(call) => PER_TOOL + text(&call.name) + text(&call.arguments),
        Part::ToolResult(result) => PER_TOOL + parts(&result.parts),
        Part::Refusal(said) | Part::Json(said) => text(said),
    });
    tokens.sum()
}

fn text(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}

fn media(media: &Media<'_>) -> u64 {
    use super::MediaKind::{Audio, File, Image, Video};
    match (media.kind, &media.source) {
        (_, Source::Text(said)) => text(said),
        (Image, _) => PER_IMAGE,
        // A page of a PDF is about 2000 tokens and about 100 kB.
        (File, Source::Base64(data)) => (data.len() as u64 / 64).max(PER_IMAGE),
        // Speech: about 10 tokens a second, about 16 kB of a compressed recording.
        (Audio | Video, Source::Base64(data)) => (data.len() as u64 / 2048).max(64),
        (File | Audio | Video, _) => PER_FILE,
    }
}
