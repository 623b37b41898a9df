//! What a refusal says of when to come back: headers and bodies of all vendors become one length of time. Pure.
//!
//! `retry-after`: <https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>. `retry-after-ms`, `x-should-retry`: OpenAI's SDKs,
//! <https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py>. `x-ratelimit-*`:
//! <https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers>, <https://console.groq.com/docs/rate-limits>,
//! <https://openrouter.ai/docs/api-reference/limits>. `anthropic-ratelimit-*`: <https://docs.anthropic.com/en/api/rate-limits>.
//! `RetryInfo`: <https://cloud.google.com/apis/design/errors#error_details> (read by `wharf_wire`).

use crate::headers::{Headers, text};
use crate::time::{Millis, read_http_date, read_length, read_rfc3339};
use wharf_wire::chat::Failure;

/// How long to wait before trying again, as far as the answer says; an answer that is none of 429, 503 and 529 says
/// nothing: a limit that is not reached is no reason to wait.
pub fn wait(status: u16, headers: &Headers, failure: Option<&Failure>, now: Millis) -> Option<Millis> {
    if !matches!(status, 429 | 503 | 529) {
        return None;
    }
    let exact = text(headers, "retry-after-ms").and_then(|value| seconds(value, 1.0));
    exact
        .or_else(|| text(headers, "retry-after").and_then(|value| retry_after(value, now)))
        .or_else(|| failure?.retry_after_ms.map(Millis))
        .or_else(|| resets(headers, now))
}

/// `x-should-retry`: what the provider wishes.
pub fn should_retry(headers: &Headers) -> Option<bool> {
    match text(headers, "x-should-retry")?.trim() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Seconds, which may have a fraction, or a date.
fn retry_after(value: &str, now: Millis) -> Option<Millis> {
    seconds(value, 1000.0).or_else(|| Some(read_http_date(value)?.since(now)))
}

/// A plain number that is not negative, times `scale`, in milliseconds.
fn seconds(value: &str, scale: f64) -> Option<Millis> {
    let value = value.trim();
    // What Rust reads as a number beside digits (`inf`, `1e9`) is no header's.
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let number: f64 = value.parse().ok()?;
    Some(Millis((number * scale).ceil() as u64))
}

/// The reset of the limit that is used up. Where none says so (a request may be larger than what is left), the soonest.
fn resets(headers: &Headers, now: Millis) -> Option<Millis> {
    let mut used_up: Option<Millis> = None;
    let mut soonest: Option<Millis> = None;
    for (name, value) in headers.iter() {
        let Some(kind) = reset_of(name.as_str()) else { continue };
        let Some(wait) = value.to_str().ok().and_then(|value| reset(value, now)) else { continue };
        let left = text(headers, kind.as_str()).map(str::trim);
        if left == Some("0") {
            used_up = Some(used_up.map_or(wait, |known| known.max(wait)));
        }
        soonest = Some(soonest.map_or(wait, |known| known.min(wait)));
    }
    used_up.or(soonest)
}

/// `x-ratelimit-reset-tokens` -> `x-ratelimit-remaining-tokens`; `None` for any other header.
fn reset_of(name: &str) -> Option<String> {
    let limit = name.starts_with("x-ratelimit-")
        || name.starts_with("anthropic-ratelimit-")
        || name.starts_with("ratelimit-");
    let is_reset = name.split('-').any(|part| part == "reset");
    (limit && is_reset).then(|| name.replace("reset", "remaining"))
}

/// A reset in any vendor's form: `6m0s`, `12ms`, seconds, a date, or a point in time in seconds or milliseconds.
fn reset(value: &str, now: Millis) -> Option<Millis> {
    /// Numbers from here on are points in time: as a length this would be 31 years.
    const EPOCH: u64 = 1_000_000_000;
    let value = value.trim();
    match seconds(value, 1.0) {
        Some(Millis(number)) if number >= EPOCH * 1000 => Some(Millis(number).since(now)),
        Some(Millis(number)) if number >= EPOCH => Some(Millis::seconds(number).since(now)),
        Some(_) => seconds(value, 1000.0),
        None => read_length(value).or_else(|| Some(read_rfc3339(value)?.since(now))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    const NOW: Millis = Millis(1_795_294_303_000);

    fn of(status: u16, pairs: &[(&'static str, &'static str)]) -> Option<u64> {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        wait(status, &headers, None, NOW).map(|wait| wait.0)
    }

    #[test]
    fn retry_after_is_seconds_a_fraction_or_a_date() {
        for (value, ms) in [
            ("20", Some(20_000)),
            ("0", Some(0)),
            (" 1.5 ", Some(1500)),
            ("Sat, 21 Nov 2026 20:52:43 GMT", Some(60_000)),
            ("Sat, 21 Nov 2026 20:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("1e9", None),
            ("inf", None),
            ("", None),
        ] {
            assert_eq!(of(429, &[("retry-after", value)]), ms, "{value}");
        }
        assert_eq!(of(503, &[("retry-after-ms", "12"), ("retry-after", "9")]), Some(12));
    }

    #[test]
    fn only_refusals_say_when_to_come_back() {
        for (status, ms) in
            [(200, None), (401, None), (500, None), (429, Some(1000)), (503, Some(1000)), (529, Some(1000))]
        {
            assert_eq!(of(status, &[("retry-after", "1")]), ms, "{status}");
        }
    }

    #[test]
    fn resets_are_read_in_every_vendors_form() {
        for (name, value, ms) in [
            ("x-ratelimit-reset-requests", "6m0s", 360_000),
            ("x-ratelimit-reset-requests", "1s", 1000),
            ("x-ratelimit-reset-tokens", "12ms", 12),
            ("x-ratelimit-reset-tokens", "2m59.56s", 179_560),
            ("x-ratelimit-reset-tokens", "1h2m3s", 3_723_000),
            ("x-ratelimit-reset", "1795294363000", 60_000),
            ("x-ratelimit-reset", "1795294363", 60_000),
            ("x-ratelimit-reset-requests-day", "33011.382867", 33_011_383),
            ("ratelimit-reset", "7", 7000),
            ("anthropic-ratelimit-tokens-reset", "2026-11-21T20:51:53Z", 10_000),
        ] {
            assert_eq!(of(429, &[(name, value)]), Some(ms), "{name}: {value}");
        }
        for value in ["", "soon", "6x", "m", "1.2.3s"] {
            assert_eq!(of(429, &[("x-ratelimit-reset-tokens", value)]), None, "{value}");
        }
    }

    #[test]
    fn the_limit_that_is_used_up_counts_else_the_soonest() {
        let tokens = ("x-ratelimit-reset-tokens", "20s");
        let requests = ("x-ratelimit-reset-requests", "6ms");
        assert_eq!(of(429, &[tokens, requests]), Some(6));
        assert_eq!(of(429, &[tokens, requests, ("x-ratelimit-remaining-tokens", "0")]), Some(20_000));
        let anthropic = [
            ("anthropic-ratelimit-input-tokens-reset", "2026-11-21T20:51:44Z"),
            ("anthropic-ratelimit-requests-reset", "2026-11-21T20:52:03Z"),
            ("anthropic-ratelimit-requests-remaining", "0"),
        ];
        assert_eq!(of(429, &anthropic), Some(20_000));
    }

    #[test]
    fn the_bodys_word_counts_where_no_header_has_one() {
        let failure = Failure { retry_after_ms: Some(34_075), ..Failure::default() };
        assert_eq!(wait(429, &Headers::new(), Some(&failure), NOW), Some(Millis(34_075)));
    }

    #[test]
    fn whether_to_retry_is_said_in_one_word() {
        let mut headers = Headers::new();
        assert_eq!(should_retry(&headers), None);
        headers.insert(HeaderName::from_static("x-should-retry"), HeaderValue::from_static("false"));
        assert_eq!(should_retry(&headers), Some(false));
    }
}
