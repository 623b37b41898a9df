//! The first events of a stream that goes through untouched: until one of them is part of the answer itself, another
//! provider can still be asked. Decides nothing; says what came.

use crate::Format;
use crate::chat::Failure;
use crate::frame::sse::{Event, Sse};
use crate::json::{Json, parse_lossy};
use crate::translate::read_error;

/// A first event longer than this is taken for an answer unread.
const LONGEST: usize = 256 << 10;

/// What has come so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// Nothing, or only what comes before an answer: comments, pings, announcements.
    Waiting,
    /// A part of the answer.
    Begun,
    /// An error, or something that is no event of the format.
    Failed(Box<Failure>),
}

/// Reads the beginning of one stream.
#[derive(Debug)]
pub struct Opening {
    format: Format,
    frames: Sse,
    state: Opened,
}

impl Opening {
    /// For a stream of this format.
    #[must_use]
    pub const fn new(format: Format) -> Self {
        Self { format, frames: Sse::with_limit(LONGEST), state: Opened::Waiting }
    }

    /// Takes the next bytes. Once something is known, nothing more is read.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.state == Opened::Waiting {
            let Self { format, frames, state } = self;
            let read = frames.push(bytes, &mut |event| {
                if *state == Opened::Waiting {
                    *state = opened(*format, &event);
                }
            });
            if read.is_err() {
                self.state = Opened::Begun;
            }
        }
    }

    /// What is known.
    #[must_use]
    pub const fn state(&self) -> &Opened {
        &self.state
    }
}

fn opened(format: Format, event: &Event<'_>) -> Opened {
    let failed = |failure| Opened::Failed(Box::new(failure));
    if event.data.trim_ascii() == b"[DONE]" {
        return failed(Failure::incomplete());
    }
    let Ok(json @ Json::Object(_)) = parse_lossy(event.data) else {
        return failed(Failure::malformed("its first event is no JSON object"));
    };
    let kind = json.get("type").and_then(Json::text);
    let errors = ["error", "response.failed"];
    let named = std::str::from_utf8(event.name).is_ok_and(|name| errors.contains(&name));
    let carries = json.get("error").is_some_and(|error| !matches!(error, Json::Null));
    if named || carries || kind.is_some_and(|kind| errors.contains(&kind)) {
        return failed(read_error(format, 0, None, event.data));
    }
    match kind {
        // Anthropic's and Responses' announcements hold nothing of the answer.
        Some("ping" | "message_start" | "response.created" | "response.queued" | "response.in_progress") => {
            Opened::Waiting
        }
        Some(_) | None => Opened::Begun,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(format: Format, text: &str) -> Opened {
        let mut opening = Opening::new(format);
        opening.push(text.as_bytes());
        let whole = opening.state().clone();
        let mut bytes = Opening::new(format);
        for byte in text.bytes() {
            bytes.push(&[byte]);
        }
        assert_eq!(*bytes.state(), whole, "cut anywhere");
        whole
    }

    fn status(opened: Opened) -> u16 {
        let Opened::Failed(failure) = opened else { panic!("{opened:?}") };
        failure.status
    }

    #[test]
    fn comments_pings_and_announcements_are_no_answer_yet() {
        for (format, text) in [
            (Format::OpenAiChat, ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n"),
            (Format::OpenAiChat, "data: {\"choices\":"),
            (
                Format::AnthropicMessages,
                "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n",
            ),
            (Format::OpenAiResponses, "event: response.created\ndata: {\"type\":\"response.created\"}\n\n"),
        ] {
            assert_eq!(after(format, text), Opened::Waiting, "{text}");
        }
    }

    #[test]
    fn a_part_of_the_answer_begins_it() {
        for (format, text) in [
            (Format::OpenAiChat, ": hm\n\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n"),
            (Format::OpenAiChat, "data: {\"choices\":[],\"error\":null}\r\n\r\ndata: {\"error\":{}}\r\n\r\n"),
            (Format::AnthropicMessages, "data: {\"type\":\"content_block_start\"}\n\n"),
            (Format::OpenAiResponses, "data: {\"type\":\"response.output_item.added\"}\n\n"),
            (Format::GeminiGenerate, "data: {\"candidates\":[]}\n\n"),
        ] {
            assert_eq!(after(format, text), Opened::Begun, "{text}");
        }
        let long = format!("data: {{\"choices\":\"{}", "x".repeat(LONGEST));
        let mut opening = Opening::new(Format::OpenAiChat);
        opening.push(long.as_bytes());
        assert_eq!(*opening.state(), Opened::Begun);
    }

    #[test]
    fn an_error_is_told_with_the_status_that_it_means() {
        for (format, text, expected) in [
            (Format::OpenAiChat, "data: {\"error\":{\"message\":\"slow down\",\"code\":429}}\n\n", 429),
            (
                Format::AnthropicMessages,
                "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
                529,
            ),
            (
                Format::AnthropicMessages,
                "data: {\"type\":\"message_start\"}\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"}}\n\n",
                500,
            ),
            (Format::GeminiGenerate, "data: {\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}\n\n", 503),
            (Format::OpenAiChat, "data: [DONE]\n\n", 502),
            (Format::OpenAiChat, "data: <html>\n\n", 502),
            (Format::OpenAiChat, "data: {\"choices\": [\n\n", 502),
        ] {
            assert_eq!(status(after(format, text)), expected, "{text}");
        }
    }
}
