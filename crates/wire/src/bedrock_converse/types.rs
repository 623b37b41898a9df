//! The words of the dialect.

use crate::chat::{Bind, Effort};
use crate::chat::{Citation, Finish, State, StateKind};
use crate::json::Json;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#bedrock-runtime_Converse-response-stopReason>
pub(super) fn finish(word: &str) -> Finish {
    match word {
        "stop_sequence" => Finish::StopSequence,
        "tool_use" => Finish::ToolCalls,
        "max_tokens" => Finish::Length,
        "model_context_window_exceeded" => Finish::ContextFull,
        "content_filtered" | "guardrail_intervened" => Finish::ContentFilter,
        "malformed_model_output" | "malformed_tool_use" => Finish::Error,
        _ => Finish::Stop,
    }
}

/// Nova's three efforts: <https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html>.
pub(super) const fn nova_effort(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::XHigh | Effort::Max => "high",
    }
}

/// Before redacted reasoning that is not Claude's: it is kept as it came.
const OTHER: &str = "bedrock:";

/// A redacted block: Bedrock has the base64 of what Anthropic writes as text.
pub(super) fn redacted(blob: &str) -> State<'static> {
    let text = STANDARD.decode(blob).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()));
    let data = text.unwrap_or_else(|| [OTHER, blob].concat());
    State { kind: StateKind::ClaudeRedacted, bind: Bind::Reasoning, data: Cow::Owned(data) }
}

/// The way back.
pub(super) fn redacted_blob(data: &str) -> String {
    data.strip_prefix(OTHER).map_or_else(|| STANDARD.encode(data), str::to_owned)
}

/// A signature of a stretch of reasoning.
pub(super) fn signature(text: Cow<'_, str>) -> State<'_> {
    State { kind: StateKind::ClaudeSignature, bind: Bind::Reasoning, data: text }
}

/// A source. Bedrock says where in the source, not where in the answer.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Citation.html>
pub(super) fn citation<'a>(json: &Json<'a>) -> Citation<'a> {
    let text = |path: &[&str]| json.at(path).and_then(Json::cow);
    let mut cited: Option<Cow<'a, str>> = None;
    for content in json.get("sourceContent").map_or(&[][..], Json::items) {
        if let Some(more) = content.get("text").and_then(Json::cow) {
            match &mut cited {
                Some(cited) => cited.to_mut().push_str(&more),
                None => cited = Some(more),
            }
        }
    }
    let url = text(&["location", "web", "url"]).or_else(|| text(&["source"]));
    Citation { url, title: text(&["title"]), cited, start: None, end: None }
}

/// A call that Bedrock has answered itself: nobody else may.
pub(super) fn is_server_call(call: &Json<'_>) -> bool {
    call.get("type").and_then(Json::text) == Some("server_tool_use")
}

/// What of the model's own fields names the stop text; only where they were asked for.
pub(super) fn stop_sequence<'a>(event: &Json<'a>) -> Option<Cow<'a, str>> {
    let fields = event.get("additionalModelResponseFields")?;
    let stop = fields.get("stop_sequence").or_else(|| fields.at(&["delta", "stop_sequence"]));
    stop.and_then(Json::cow)
}
