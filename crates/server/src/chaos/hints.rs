//! The hints of a 429: when to come back, in every spelling that providers use.

use crate::front::http_date;
use serde_json::{Value, json};
use wharf_core::time::{Millis, rfc3339};

/// A hint. Numbers are seconds unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// `retry-after: 2`.
    RetryAfter(u64),
    /// `retry-after` with a date so far ahead.
    RetryAfterDate(u64),
    /// `retry-after-ms`, in milliseconds.
    RetryAfterMs(u64),
    /// `x-ratelimit-remaining-requests: 0` and `x-ratelimit-reset-requests: 2s`.
    ResetRequests(u64),
    /// The same for tokens.
    ResetTokens(u64),
    /// `anthropic-ratelimit-requests-remaining: 0` and its reset as a date (RFC 3339).
    Anthropic(u64),
    /// `RetryInfo` in Gemini's details.
    RetryInfo(u64),
    /// `x-should-retry`.
    ShouldRetry(bool),
}

/// Reads `name=value,name=value`; a value that is left out is 1, or true.
pub(super) fn read(text: &str) -> Option<Vec<Hint>> {
    text.split(',').filter(|part| !part.is_empty()).map(one).collect()
}

fn one(part: &str) -> Option<Hint> {
    let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
    let number = || value.map_or(Some(1), |value| value.parse().ok());
    Some(match name {
        "retry-after" => Hint::RetryAfter(number()?),
        "retry-after-date" => Hint::RetryAfterDate(number()?),
        "retry-after-ms" => Hint::RetryAfterMs(number()?),
        "reset-requests" => Hint::ResetRequests(number()?),
        "reset-tokens" => Hint::ResetTokens(number()?),
        "anthropic-reset" => Hint::Anthropic(number()?),
        "retry-info" => Hint::RetryInfo(number()?),
        "should-retry" => Hint::ShouldRetry(value.map_or(Some(true), |value| value.parse().ok())?),
        _ => return None,
    })
}

/// The header lines of some hints, at a time of day.
pub(super) fn headers(hints: &[Hint], now: Millis) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for hint in hints {
        match *hint {
            Hint::RetryAfter(seconds) => lines.push(("retry-after", seconds.to_string())),
            Hint::RetryAfterDate(seconds) => {
                // A date has no milliseconds: rounded up, it is never too early.
                let date = http_date(now.0.div_ceil(1000).saturating_add(seconds));
                lines.push(("retry-after", String::from_utf8_lossy(&date).into_owned()));
            }
            Hint::RetryAfterMs(ms) => lines.push(("retry-after-ms", ms.to_string())),
            Hint::ResetRequests(seconds) => {
                lines.push(("x-ratelimit-remaining-requests", "0".into()));
                lines.push(("x-ratelimit-reset-requests", format!("{seconds}s")));
            }
            Hint::ResetTokens(seconds) => {
                lines.push(("x-ratelimit-remaining-tokens", "0".into()));
                lines.push(("x-ratelimit-reset-tokens", format!("{seconds}s")));
            }
            Hint::Anthropic(seconds) => {
                let reset = rfc3339(now + Millis(seconds.saturating_mul(1000)));
                lines.push(("anthropic-ratelimit-requests-remaining", "0".into()));
                lines.push(("anthropic-ratelimit-requests-reset", reset));
            }
            Hint::RetryInfo(_) => {}
            Hint::ShouldRetry(should) => lines.push(("x-should-retry", should.to_string())),
        }
    }
    lines
}

/// Puts `RetryInfo` into an error's body, whatever its format.
/// <https://cloud.google.com/apis/design/errors#error_details>
pub(super) fn detail(hints: &[Hint], mut body: Value) -> Value {
    let delay = hints.iter().find_map(|hint| match hint {
        Hint::RetryInfo(seconds) => Some(*seconds),
        _ => None,
    });
    if let Some(seconds) = delay
        && let Some(error) = body.get_mut("error").and_then(Value::as_object_mut)
    {
        let info = json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s"),
        });
        error.insert("details".into(), json!([info]));
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hint_is_said_as_its_vendor_says_it() {
        let now = Millis(1_795_294_303_123);
        let all = "retry-after=2,retry-after-date=2,retry-after-ms=1500,reset-requests=3,reset-tokens,\
                   anthropic-reset=60,retry-info=9,should-retry=false";
        let hints = read(all).unwrap();
        let lines = headers(&hints, now);
        let said = |name: &str| {
            lines.iter().filter(|line| line.0 == name).map(|line| line.1.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(said("retry-after"), ["2", "Sat, 21 Nov 2026 20:51:46 GMT"]);
        assert_eq!(said("retry-after-ms"), ["1500"]);
        assert_eq!(said("x-ratelimit-reset-requests"), ["3s"]);
        assert_eq!(said("x-ratelimit-reset-tokens"), ["1s"]);
        assert_eq!(said("anthropic-ratelimit-requests-reset"), ["2026-11-21T20:52:43.123Z"]);
        assert_eq!(said("x-should-retry"), ["false"]);
        let body = detail(&hints, json!({"error": {"code": 429}}));
        assert_eq!(body["error"]["details"][0]["retryDelay"], "9s");
    }

    #[test]
    fn what_is_no_hint_is_refused() {
        assert!(["soon", "retry-after=soon", "should-retry=maybe"].iter().all(|text| read(text).is_none()));
        assert_eq!(read(""), Some(Vec::new()));
    }
}
