//! Whether a recorded stream is whole by its dialect, told from its JSON: written apart from the gateway's own reader.

use crate::question::Dialect;
use serde_json::Value;
use wharf_testkit::client::Response;
use wharf_testkit::replay::Recording;

/// How the client must see the end of an answer.
#[derive(Debug)]
pub(crate) enum Ending {
    /// As it was recorded.
    Whole,
    /// With an error event behind it.
    Told(Dialect),
    /// Cut.
    Cut,
    /// Not at all: there was nothing in it.
    Refused,
}

/// What the contract says of this recording on a model route.
pub(crate) fn ending(format: Dialect, recording: &Recording, body: &[u8]) -> Ending {
    let media = recording.response.content_type();
    let streams = media.starts_with("text/event-stream");
    if recording.response.status < 300 && body.is_empty() && (streams || media.contains("json")) {
        return Ending::Refused;
    }
    if !streams || recording.response.status >= 300 {
        return Ending::Whole;
    }
    let text = String::from_utf8_lossy(body).replace("\r\n", "\n");
    let whole = text.split("\n\n").any(|event| ends(format, event));
    match (whole, text.ends_with("\n\n")) {
        (true, _) => Ending::Whole,
        (false, true) => Ending::Told(format),
        (false, false) => Ending::Cut,
    }
}

/// The same for a stream that stopped early; `None` where it may already be whole, or is none.
pub(crate) fn early(format: Option<Dialect>, recording: &Recording, body: &[u8]) -> Option<Ending> {
    let format = format.filter(|_| recording.response.content_type().starts_with("text/event-stream"))?;
    let text = String::from_utf8_lossy(body).replace("\r\n", "\n").replace('\r', "\n");
    if text.split("\n\n").any(|event| ends(format, event)) {
        return None;
    }
    let rest = text.rsplit_once("\n\n").map_or(text.as_str(), |(_, rest)| rest);
    let begun = rest.lines().any(|line| line.starts_with("data:") || line.starts_with("event:"));
    let between = rest.is_empty() || (rest.ends_with('\n') && !begun);
    Some(if between { Ending::Told(format) } else { Ending::Cut })
}

fn ends(format: Dialect, event: &str) -> bool {
    let lines = event.lines().filter_map(|line| line.strip_prefix("data:"));
    let data = lines.collect::<Vec<_>>().join("\n");
    if data.trim() == "[DONE]" {
        return format == Dialect::Chat;
    }
    let Ok(value) = serde_json::from_str::<Value>(&data) else { return false };
    let said = |value: &Value| !value.is_null() && value != "";
    let kind = value["type"].as_str().unwrap_or_default();
    let any = |list: &str, member: &str| {
        value[list].as_array().is_some_and(|items| items.iter().any(|item| said(&item[member])))
    };
    // An error that came in-band is an end that the client has seen.
    said(&value["error"])
        || kind == "error"
        || match format {
            Dialect::Chat => any("choices", "finish_reason"),
            Dialect::Messages => kind == "message_stop",
            Dialect::Responses => {
                ["response.completed", "response.incomplete", "response.failed"].contains(&kind)
            }
            Dialect::Gemini => {
                any("candidates", "finishReason") || said(&value["promptFeedback"]["blockReason"])
            }
        }
}

/// Whether the client's body is the recorded one, and ends as it must.
pub(crate) fn fits(ending: &Ending, answer: &Response, recorded: &[u8]) -> Result<(), String> {
    let as_it_was = answer.body == recorded;
    match ending {
        Ending::Whole if as_it_was && answer.complete => Ok(()),
        Ending::Cut if as_it_was && !answer.complete => Ok(()),
        Ending::Told(format) if answer.complete && told(*format, &answer.body, recorded) => Ok(()),
        ending => Err(format!("expected the end {ending:?}, complete is {}", answer.complete)),
    }
}

fn told(format: Dialect, body: &[u8], recorded: &[u8]) -> bool {
    let Some(rest) = body.strip_prefix(recorded) else { return false };
    let text = String::from_utf8_lossy(rest).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let data = lines.iter().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
    let Ok(value) = serde_json::from_str::<Value>(data) else { return false };
    match format {
        Dialect::Chat => lines.len() == 2 && value["error"]["code"] == "upstream_incomplete",
        Dialect::Messages => lines[0] == "event: error" && value["error"]["type"] == "api_error",
        Dialect::Responses => lines[0] == "event: error" && value["code"] == "upstream_incomplete",
        Dialect::Gemini => value["error"]["code"] == 502,
    }
}
