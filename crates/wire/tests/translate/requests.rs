//! Recorded requests, written for every other upstream format and held against its vendor's description.

use crate::judge;
use crate::judge::facts::{self, Facts};
use crate::recordings::Recording;
use crate::tally::Tally;
use crate::vendors::Vendors;
use serde_json::Value;
use wharf_wire::Format;
use wharf_wire::chat::{
    Effort, Field, FileParts, IdRule, Quirks, ReasoningReplay, Refused, Request, Target, ToolChoice,
};
use wharf_wire::translate::{Said, read_request, write_request};

/// Judges one recording's request.
pub(crate) fn replay(recording: &Recording, vendors: &Vendors, tally: &mut Tally) {
    let Some(body) = recording.request.as_ref().filter(|_| crate::CLIENTS.contains(&recording.format)) else {
        return;
    };
    let bytes = body.to_string().into_bytes();
    let said = Said { model: Some("a-model"), stream: recording.path.contains(":stream"), ..Said::default() };
    let request = match read_request(recording.format, &bytes, &said) {
        Ok(request) => request,
        Err(invalid) => {
            // What its own vendor refused too need not be understood, and what it keeps itself can't be had elsewhere.
            let kept = STORED.contains(&&*invalid.path) || recording.status >= 400;
            let judged = judge::hold(kept, || format!("invalid: {invalid}"));
            tally.note(recording, "the model", "request", judged);
            return;
        }
    };
    tally.note(recording, "the model", "request", Ok(()));
    // What its own vendor refused is mostly out of bounds elsewhere too.
    if recording.status >= 400 {
        return;
    }
    let mut facts = facts::of(recording.format, body);
    facts.tools.retain(|name| may_be_called(request.tool_choice.as_ref(), name));
    for to in Format::ALL.into_iter().filter(|to| *to != recording.format) {
        let judged = written(to, &request, &Quirks::default(), &facts, |body| vendors.check(to, body));
        tally.note(recording, to.name(), "request", judged);
    }
    let judged = written(Format::OpenAiChat, &request, &mistral(), &facts, |body| vendors.mistral(body));
    tally.note(recording, "mistral", "request", judged);
}

/// Fields that name something stored at one vendor.
const STORED: [&str; 5] = ["cachedContent", "previous_response_id", "conversation", "prompt", "background"];

/// A tool that must not be called may be left out where the target has no word for that.
fn may_be_called(choice: Option<&ToolChoice<'_>>, name: &str) -> bool {
    match choice {
        Some(ToolChoice::None) => false,
        Some(ToolChoice::Tool(only)) => only == name,
        Some(ToolChoice::Allowed { names, .. }) => names.iter().any(|known| known == name),
        _ => true,
    }
}

/// As the catalogue has it for Mistral.
fn mistral() -> Quirks {
    Quirks {
        refuses: vec![
            Field::Logprobs,
            Field::TopLogprobs,
            Field::LogitBias,
            Field::User,
            Field::Store,
            Field::ServiceTier,
            Field::Verbosity,
            Field::Name,
        ],
        seed: "random_seed",
        stream_options: false,
        ids: IdRule::Nine,
        replay: ReasoningReplay::Parts,
        tool_required: "any",
        temperature_most: Some(1.5),
        files: FileParts::DocumentUrl,
        plain_audio: true,
        efforts: &Effort::ALL[..6],
        ..Quirks::default()
    }
}

fn written(
    to: Format,
    request: &Request<'_>,
    quirks: &Quirks,
    facts: &Facts,
    check: impl Fn(&Value) -> Result<(), String>,
) -> Result<(), String> {
    let target = Target { model: "a-model", stream: request.stream, quirks };
    let written = match write_request(to, request, &target) {
        Ok(written) => written,
        Err(refused) => return legitimate(&refused),
    };
    let body: Value =
        serde_json::from_slice(&written.body).map_err(|error| format!("the body is no JSON: {error}"))?;
    check(&body)?;
    facts::missing(facts, &body)
}

/// Only media and the vendors' own tools may be refused.
fn legitimate(refused: &Refused) -> Result<(), String> {
    let media = [Field::Image, Field::File, Field::Audio, Field::Video];
    judge::hold(media.contains(&refused.field) || refused.field == Field::Tools, || {
        format!("refused for {:?}: {}", refused.field, refused.reason)
    })
}
