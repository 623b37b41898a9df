//! Recorded error answers, in every dialect: its form, and the provider's words.

use crate::CLIENTS;
use crate::answers::says;
use crate::judge::{self, hold, need, text};
use crate::recordings::{Body, Recording};
use crate::tally::Tally;
use serde_json::Value;
use wharf_wire::Format;
use wharf_wire::translate::{read_error, write_error};

/// Judges one recording.
pub(crate) fn replay(recording: &Recording, tally: &mut Tally) {
    if recording.status < 400 {
        return;
    }
    let (bytes, words) = match &recording.answer {
        Body::Json(value, bytes) => (bytes, judge::message(value)),
        Body::Text(bytes) | Body::Stream(bytes) => (bytes, None),
    };
    let failure = read_error(recording.format, recording.status, recording.error_type.as_deref(), bytes);
    for to in CLIENTS {
        let body = write_error(to, &failure, "req_1");
        let judged = form(to, &body, recording.status)
            .and_then(|message| says(words.as_deref().unwrap_or_default(), &message));
        tally.note(recording, to.name(), "error", judged);
    }
    let kept = failure.status == recording.status;
    tally.note(
        recording,
        "the model",
        "error",
        hold(kept, || format!("the status became {}", failure.status)),
    );
}

/// Checks that an error has its dialect's form, and gives its message.
fn form(dialect: Format, body: &[u8], status: u16) -> Result<String, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))?;
    let error = &value["error"];
    match dialect {
        Format::AnthropicMessages => {
            hold(value["type"] == "error", || "the type is not error".to_owned())?;
            need(error, &["type", "message"], "the error")?;
            need(&value, &["request_id"], "the body")?;
        }
        Format::GeminiGenerate => {
            need(error, &["code", "message", "status"], "the error")?;
            hold(error["code"] == status, || format!("the code is {}", error["code"]))?;
        }
        _ => need(error, &["message", "type", "param", "code"], "the error")?,
    }
    hold(!text(error, "message").is_empty(), || "the message is empty".to_owned())?;
    Ok(text(error, "message").to_owned())
}
