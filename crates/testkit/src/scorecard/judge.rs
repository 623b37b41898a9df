//! What an answer is to its caller: right, an error that it is told of, a cut, or something it could take for an end.

use super::rows::Expect;
use super::{Cell, Dialect, setup};
use crate::client::Response;
use serde_json::Value;

/// The text of `wharf chaos`'s right answers.
const TEXT: &str = "Ships come in with the tide.";

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The right answer, by the broken target.
    Right,
    /// The right answer, by the healthy target, in a second attempt.
    FailsOver,
    /// An error with a status, in the caller's dialect.
    Status(u16),
    /// A stream whose last word is an error event of the caller's dialect.
    Told,
    /// A cut transport.
    Cut,
    /// A whole answer that no reader takes for one.
    AsSent,
    /// What must never be; a sentence says why.
    Wrong(String),
}

impl Expect {
    /// Whether this may come.
    pub fn allows(self, outcome: &Outcome) -> bool {
        match self {
            Self::Right => *outcome == Outcome::Right,
            Self::FailsOver => *outcome == Outcome::FailsOver,
            Self::Status(status) => *outcome == Outcome::Status(status),
            Self::Told => *outcome == Outcome::Told,
            Self::Cut => *outcome == Outcome::Cut,
            Self::ToldOrCut => matches!(outcome, Outcome::Told | Outcome::Cut),
            Self::Failed => matches!(outcome, Outcome::Status(500..)),
            Self::ToldOrFailed => matches!(outcome, Outcome::Told | Outcome::Status(500..)),
        }
    }
}

/// Reads an answer as a careful caller would.
pub(super) fn judge(cell: &Cell, response: &Response) -> Outcome {
    if response.status != 200 {
        return refused(cell, response);
    }
    if cell.stream { streamed(cell, response) } else { plain(cell, response) }
}

fn refused(cell: &Cell, response: &Response) -> Outcome {
    let read: Result<Value, _> = serde_json::from_slice(&response.body);
    let status = response.status;
    if !response.complete || !read.is_ok_and(|body| is_error(cell.pair.caller, &body)) {
        return Outcome::Wrong(format!("{status} with no error of the dialect: {}", response.text()));
    }
    let hinted = super::ROWS[cell.row].fault.contains(":retry-after=1,");
    if status == 429 && hinted && response.header("retry-after") != Some("1") {
        return Outcome::Wrong("429 without the provider's retry-after".into());
    }
    Outcome::Status(status)
}

fn plain(cell: &Cell, response: &Response) -> Outcome {
    if !response.complete {
        return Outcome::Cut;
    }
    let Ok(body) = serde_json::from_slice::<Value>(&response.body) else {
        return match response.body.is_empty() {
            true => Outcome::Wrong("an empty 200".into()),
            false => Outcome::AsSent,
        };
    };
    if text_of(cell.pair.caller, &body) == TEXT {
        return right(cell, response);
    }
    Outcome::Wrong(format!("a 200 that is not the answer: {body}"))
}

fn streamed(cell: &Cell, response: &Response) -> Outcome {
    let dialect = cell.pair.caller;
    let (mut text, mut over, mut failed) = (String::new(), false, false);
    let body = response.text();
    for data in body.lines().filter_map(|line| line.strip_prefix("data:")) {
        let data = data.trim();
        let event: Value = serde_json::from_str(data).unwrap_or(Value::Null);
        text.push_str(delta_of(dialect, &event));
        over |= data == "[DONE]" || ends(dialect, &event);
        failed |= is_error_event(dialect, &event);
    }
    if !TEXT.starts_with(&text) {
        return Outcome::Wrong(format!("words that nobody sent: `{text}`"));
    }
    match (failed, over, response.complete) {
        (true, true, _) => Outcome::Wrong(format!("an end and an error: {body}")),
        (true, false, true) => Outcome::Told,
        (_, false, false) => Outcome::Cut,
        (false, false, true) => Outcome::Wrong(format!("a clean end of half an answer: {body}")),
        (false, true, _) if text == TEXT => right(cell, response),
        (false, true, _) => Outcome::Wrong(format!("an end behind the wrong text `{text}`")),
    }
}

/// The right answer: whose it is.
fn right(cell: &Cell, response: &Response) -> Outcome {
    let (provider, attempts) = (response.header("x-wharf-provider"), response.header("x-wharf-attempts"));
    if provider == Some(&cell.provider()) {
        return Outcome::Right;
    }
    let again = attempts.and_then(|count| count.parse::<u32>().ok()).is_some_and(|count| count > 1);
    if provider == Some(&setup::healthy_name(cell.pair.provider)) && again {
        return Outcome::FailsOver;
    }
    Outcome::Wrong(format!("answered by {provider:?} in {attempts:?} attempts"))
}

fn is_error(dialect: Dialect, body: &Value) -> bool {
    let said = body["error"]["message"].as_str().is_some_and(|message| !message.is_empty());
    said && match dialect {
        Dialect::Chat | Dialect::Responses => body["error"]["type"].is_string(),
        Dialect::Messages => body["type"] == "error" && body["error"]["type"].is_string(),
        Dialect::Gemini => body["error"]["code"].is_number() && body["error"]["status"].is_string(),
    }
}

fn is_error_event(dialect: Dialect, event: &Value) -> bool {
    match dialect {
        Dialect::Chat => event["error"]["message"].is_string(),
        Dialect::Responses => {
            event["type"] == "response.failed" || (event["type"] == "error" && event["message"].is_string())
        }
        Dialect::Messages | Dialect::Gemini => is_error(dialect, event),
    }
}

fn text_of(dialect: Dialect, body: &Value) -> &str {
    let at = match dialect {
        Dialect::Chat => "/choices/0/message/content",
        Dialect::Responses => "/output/0/content/0/text",
        Dialect::Messages => "/content/0/text",
        Dialect::Gemini => "/candidates/0/content/parts/0/text",
    };
    body.pointer(at).and_then(Value::as_str).unwrap_or("")
}

fn delta_of(dialect: Dialect, event: &Value) -> &str {
    let at = match dialect {
        Dialect::Chat => "/choices/0/delta/content",
        Dialect::Responses if event["type"] != "response.output_text.delta" => return "",
        Dialect::Responses => "/delta",
        Dialect::Messages => "/delta/text",
        Dialect::Gemini => "/candidates/0/content/parts/0/text",
    };
    event.pointer(at).and_then(Value::as_str).unwrap_or("")
}

/// The dialect's own end of a whole answer.
fn ends(dialect: Dialect, event: &Value) -> bool {
    match dialect {
        Dialect::Chat => event.pointer("/choices/0/finish_reason").is_some_and(Value::is_string),
        Dialect::Responses => event["type"] == "response.completed",
        Dialect::Messages => event["type"] == "message_stop",
        Dialect::Gemini => event.pointer("/candidates/0/finishReason").is_some_and(Value::is_string),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Framing;
    use crate::scorecard::PAIRS;

    const HALF: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Ships come in\"}}]}\n\n";
    const REST: &str =
        "data: {\"choices\":[{\"delta\":{\"content\":\" with the tide.\"},\"finish_reason\":\"stop\"}]}\n\n";
    const ERROR: &str = "data: {\"error\":{\"message\":\"gone\",\"type\":\"server_error\"}}\n\n";

    fn of(stream: bool, status: u16, body: &str, complete: bool, headers: &[(&str, &str)]) -> Outcome {
        let cell = Cell { row: 0, pair: PAIRS[0], stream, second: true };
        let mut named: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        named.push(("x-wharf-provider".into(), cell.provider()));
        let (chunks, body) = (Vec::new(), body.as_bytes().to_vec());
        let framing = Framing::Chunked;
        judge(&cell, &Response { status, version: 1, headers: named, framing, body, chunks, complete })
    }

    #[test]
    fn half_an_answer_is_never_taken_for_an_end() {
        let wrong = |outcome: Outcome| matches!(outcome, Outcome::Wrong(_));
        assert!(wrong(of(true, 200, HALF, true, &[])), "a clean end without one of the dialect");
        assert!(wrong(of(true, 200, REST, true, &[])), "the beginning is lost");
        assert!(wrong(of(true, 200, &[HALF, REST, ERROR].concat(), true, &[])), "an end and an error");
        assert!(wrong(of(true, 200, &[HALF, HALF, REST].concat(), true, &[])), "a part twice");
        assert!(wrong(of(true, 200, "", true, &[])) && wrong(of(false, 200, "", true, &[])));
        assert!(wrong(of(false, 200, "{\"choices\":[]}", true, &[])));
        assert!(wrong(of(false, 502, "<html>", true, &[])) && wrong(of(false, 502, "{}", true, &[])));
    }

    #[test]
    fn honest_ends_are_told_apart() {
        let error = ERROR.trim_start_matches("data: ").trim();
        assert_eq!(of(true, 200, &[HALF, REST].concat(), true, &[]), Outcome::Right);
        assert_eq!(of(true, 200, &[HALF, ERROR].concat(), true, &[]), Outcome::Told);
        assert_eq!(of(true, 200, HALF, false, &[]), Outcome::Cut);
        assert_eq!(of(false, 200, "{\"cho", true, &[]), Outcome::AsSent);
        assert_eq!(of(false, 200, "{\"cho", false, &[]), Outcome::Cut);
        assert_eq!(of(false, 502, error, true, &[]), Outcome::Status(502));
    }

    #[test]
    fn the_second_target_counts_only_as_a_second_attempt() {
        let whole = format!("{{\"choices\":[{{\"message\":{{\"content\":\"{TEXT}\"}}}}]}}");
        let by = |headers: &[(&str, &str)]| of(false, 200, &whole, true, headers);
        let healthy = ("x-wharf-provider", "well-chat");
        assert_eq!(by(&[healthy, ("x-wharf-attempts", "2")]), Outcome::FailsOver);
        assert!(matches!(by(&[healthy, ("x-wharf-attempts", "1")]), Outcome::Wrong(_)));
        assert!(matches!(by(&[("x-wharf-provider", "other")]), Outcome::Wrong(_)));
    }
}
