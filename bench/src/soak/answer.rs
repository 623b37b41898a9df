//! What a client makes of an answer: whole, refused, told to be broken, cut, or a lie.

use serde_json::Value;

/// How callers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Chat,
    Responses,
    Messages,
    Gemini,
}

/// How a request ended for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// All of the answer.
    Whole,
    /// A status that says that it failed, with an error in the caller's dialect.
    Refused,
    /// A stream that said that it is broken, and ended.
    Told,
    /// A body that HTTP calls unfinished.
    Cut,
    /// The client left inside the body.
    Left,
    /// Half an answer that looks like a whole one, or an error that cannot be read.
    Lie,
    /// No answer, or none in time.
    Lost,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    /// 0 where none came.
    pub(super) status: u16,
    /// There were several targets to ask.
    pub(super) routed: bool,
}

impl Outcome {
    pub(super) const ALL: [Self; 7] =
        [Self::Whole, Self::Refused, Self::Told, Self::Cut, Self::Left, Self::Lie, Self::Lost];

    /// Nothing went wrong that may not.
    pub(super) const fn is_fair(self) -> bool {
        match self {
            Self::Whole | Self::Refused | Self::Told | Self::Cut | Self::Left => true,
            Self::Lie | Self::Lost => false,
        }
    }
}

impl Dialect {
    pub(super) const ALL: [Self; 4] = [Self::Chat, Self::Responses, Self::Messages, Self::Gemini];

    /// Path and body of a question.
    pub(super) fn question(self, model: &str, stream: bool) -> (String, String) {
        let prompt = "How do ships come in?";
        match self {
            Self::Chat => (
                "/v1/chat/completions".into(),
                format!(
                    r#"{{"model":"{model}","stream":{stream},"messages":[{{"role":"user","content":"{prompt}"}}]}}"#
                ),
            ),
            Self::Responses => (
                "/v1/responses".into(),
                format!(r#"{{"model":"{model}","stream":{stream},"input":"{prompt}"}}"#),
            ),
            Self::Messages => (
                "/v1/messages".into(),
                format!(
                    r#"{{"model":"{model}","stream":{stream},"max_tokens":99,"messages":[{{"role":"user","content":"{prompt}"}}]}}"#
                ),
            ),
            Self::Gemini => {
                let verb = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                let body = format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":"{prompt}"}}]}}]}}"#);
                (format!("/v1beta/models/{model}:{verb}"), body)
            }
        }
    }

    /// Judges an answer whose body ended as HTTP has it.
    pub(super) fn judge(self, stream: bool, status: u16, body: &[u8]) -> Outcome {
        if status != 200 {
            let told = serde_json::from_slice(body).is_ok_and(|body: Value| body.get("error").is_some());
            return if status >= 400 && told { Outcome::Refused } else { Outcome::Lie };
        }
        if !stream {
            let whole = serde_json::from_slice(body).is_ok_and(|body: Value| self.is_whole(&body));
            return if whole { Outcome::Whole } else { Outcome::Lie };
        }
        let text = String::from_utf8_lossy(body);
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
        let ended = lines.clone().any(|data| match self {
            Self::Chat => data.trim() == "[DONE]",
            Self::Responses => data.contains(r#""type":"response.completed""#),
            Self::Messages => data.contains(r#""type":"message_stop""#),
            Self::Gemini => data.contains(r#""finishReason":"STOP""#),
        });
        let told = lines.any(|data| {
            let error = |event: &Value| {
                let kind = event["type"].as_str().unwrap_or_default();
                kind == "error" || kind == "response.failed" || event["error"].is_object()
            };
            serde_json::from_str(data).is_ok_and(|event: Value| error(&event))
        });
        match (told, ended) {
            (true, _) => Outcome::Told,
            (false, true) => Outcome::Whole,
            (false, false) => Outcome::Lie,
        }
    }

    /// A plain answer that says how it ended.
    fn is_whole(self, body: &Value) -> bool {
        match self {
            Self::Chat => body["choices"][0]["finish_reason"] == "stop",
            Self::Responses => body["status"] == "completed",
            Self::Messages => body["stop_reason"] == "end_turn",
            Self::Gemini => body["candidates"][0]["finishReason"] == "STOP",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_answer_is_no_whole_one() {
        let whole = "data: {\"choices\":[]}\n\ndata: [DONE]\n\n";
        assert_eq!(Dialect::Chat.judge(true, 200, whole.as_bytes()), Outcome::Whole);
        assert_eq!(Dialect::Chat.judge(true, 200, &whole.as_bytes()[..24]), Outcome::Lie);
        let told = "data: {\"choices\":[]}\n\ndata: {\"error\":{\"message\":\"cut\"}}\n\n";
        assert_eq!(Dialect::Chat.judge(true, 200, told.as_bytes()), Outcome::Told);
        assert_eq!(Dialect::Chat.judge(false, 200, b"{\"choices\":["), Outcome::Lie);
        let stop = b"{\"choices\":[{\"finish_reason\":\"stop\"}]}";
        assert_eq!(Dialect::Chat.judge(false, 200, stop), Outcome::Whole);
    }

    #[test]
    fn an_error_must_say_that_it_is_one() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.judge(true, 502, b"{\"error\":{}}"), Outcome::Refused);
            assert_eq!(dialect.judge(false, 502, b"<html>"), Outcome::Lie);
            assert_eq!(
                dialect.judge(true, 200, b"event: error\ndata: {\"type\":\"error\"}\n\n"),
                Outcome::Told
            );
        }
    }
}
