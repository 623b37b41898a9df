//! What a provider says when it fails, read from any of the forms in which providers say it. Driven by the shape, like
//! usage; each format writes it in its own words.

use crate::json::{Json, parse_lossy};

/// A failure on its way to the caller. Never holds a credential: `message` is the provider's, without what looks like
/// a key of ours being anybody's business here; the core redacts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// The HTTP status that it has or would have.
    pub status: u16,
    /// What happened, for people.
    pub message: String,
    /// The provider's code, such as `context_length_exceeded`.
    pub code: Option<String>,
    /// The provider's type, such as `overloaded_error`, `RESOURCE_EXHAUSTED`, `ThrottlingException`.
    pub kind: Option<String>,
    /// The field it is about.
    pub param: Option<String>,
    /// How long to wait, in milliseconds, where the body says so (Gemini's `RetryInfo`).
    pub retry_after_ms: Option<u64>,
}

impl Failure {
    /// A failure of ours.
    #[must_use]
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), code: Some(code.to_owned()), ..Self::default() }
    }

    /// The upstream's stream stopped too early.
    #[must_use]
    pub fn incomplete() -> Self {
        Self::new(502, crate::relay::INCOMPLETE, "The upstream ended the stream before it was complete.")
    }

    /// The upstream said something that can't be read.
    #[must_use]
    pub fn malformed(what: impl std::fmt::Display) -> Self {
        Self::new(
            502,
            "upstream_malformed",
            format!("The upstream sent something that can't be read: {what}"),
        )
    }
}

/// Reads an error answer's body. `status` is the HTTP status, or 0 inside a stream: then it is told from the words.
#[must_use]
pub fn failure_from(status: u16, body: &[u8]) -> Failure {
    let mut failure = Failure { status, ..Failure::default() };
    match parse_lossy(body) {
        Ok(json) => read(&json, &mut failure),
        Err(_) => failure.message = plain(body),
    }
    if failure.status < 400 {
        failure.status = status_of(&failure);
    }
    if failure.message.is_empty() {
        failure.message = format!("the upstream answered {} without a message", failure.status);
    }
    failure
}

/// The forms of providers.md 0.4, the most telling first.
fn read(json: &Json<'_>, failure: &mut Failure) {
    // Gemini without `alt=sse` puts its error into an array.
    let json = json.items().first().unwrap_or(json);
    match json.get("error").or_else(|| json.at(&["response", "error"])) {
        Some(error @ Json::Object(_)) => object(error, failure),
        Some(Json::String(text)) => {
            // xAI: `{"code": …, "error": text}`; Hugging Face and Ollama: `{"error": text}`.
            failure.message = text.to_string();
            failure.code = words(json.get("code"));
        }
        Some(Json::Array(array)) => failure.message = listed(&array.items),
        _ => object(json, failure),
    }
}

fn object(error: &Json<'_>, failure: &mut Failure) {
    // Bedrock's outer layer writes `Message`, FastAPI (Mistral) and Replicate `detail`.
    let message =
        ["message", "Message", "detail", "errors", "title"].into_iter().find_map(|name| error.get(name));
    failure.message = match message {
        Some(Json::String(text)) => text.to_string(),
        Some(Json::Array(array)) => listed(&array.items),
        // Mistral's 422: `{"message": {"detail": […]}}`.
        Some(nested @ Json::Object(_)) => {
            nested.get("detail").map_or_else(|| nested.raw().into_owned(), |detail| listed(detail.items()))
        }
        _ => String::new(),
    };
    failure.kind =
        words(error.get("status")).filter(|_| error.get("status").is_some_and(|s| s.text().is_some()));
    failure.kind = failure.kind.take().or_else(|| words(error.get("type")));
    failure.param = words(error.get("param"));
    match error.get("code") {
        Some(code @ Json::Number(_)) => {
            let number = code.number().and_then(|code| u16::try_from(code).ok());
            if failure.status < 400 {
                failure.status = number.filter(|code| (400..600).contains(code)).unwrap_or(failure.status);
            }
        }
        code => failure.code = words(code),
    }
    // OpenRouter: what the provider behind it said.
    if let Some(behind) = error.at(&["metadata", "raw"]).and_then(Json::text).filter(|raw| !raw.is_empty()) {
        failure.message = [&failure.message, ": ", behind].concat();
    }
    for detail in error.get("details").map_or(&[][..], Json::items) {
        if let Some(delay) = detail.get("retryDelay").and_then(Json::text) {
            failure.retry_after_ms = seconds(delay);
        }
        if detail.get("reason").and_then(Json::text) == Some("API_KEY_INVALID") {
            failure.status = 401;
        }
    }
}

fn words(json: Option<&Json<'_>>) -> Option<String> {
    match json? {
        Json::String(text) if !text.is_empty() => Some(text.to_string()),
        Json::Number(number) => Some((*number).to_owned()),
        _ => None,
    }
}

fn listed(items: &[Json<'_>]) -> String {
    let texts = items.iter().map(|item| match item {
        Json::String(text) => text.to_string(),
        other => match ["message", "msg"].into_iter().find_map(|name| other.get(name)?.text()) {
            Some(text) => text.to_owned(),
            None => other.raw().into_owned(),
        },
    });
    texts.collect::<Vec<_>>().join("; ")
}

/// `34s`, `0.5s`
fn seconds(delay: &str) -> Option<u64> {
    let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the guard leaves what fits")]
    (0.0..1e9).contains(&seconds).then_some((seconds * 1000.0) as u64)
}

/// Text that is no JSON: a page of a proxy, or a bare sentence.
fn plain(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..512).unwrap_or(body));
    let text = text.trim();
    if text.starts_with('<') { String::new() } else { text.chars().take(300).collect() }
}

/// What status an error inside a stream would have had: the vendors' own words, see each format's documentation of
/// errors.
fn status_of(failure: &Failure) -> u16 {
    let words = [failure.code.as_deref(), failure.kind.as_deref()];
    let status = words.into_iter().flatten().find_map(|word| {
        Some(match word {
            "overloaded_error" => 529,
            "rate_limit_error"
            | "rate_limit_exceeded"
            | "RESOURCE_EXHAUSTED"
            | "throttlingException"
            | "ThrottlingException"
            | "insufficient_quota"
            | "requests"
            | "tokens" => 429,
            "authentication_error" | "invalid_api_key" | "UNAUTHENTICATED" => 401,
            "billing_error" => 402,
            "permission_error" | "PERMISSION_DENIED" | "accessDeniedException" => 403,
            "not_found_error" | "NOT_FOUND" | "model_not_found" => 404,
            "request_too_large" => 413,
            "invalid_request_error"
            | "INVALID_ARGUMENT"
            | "FAILED_PRECONDITION"
            | "validationException"
            | "ValidationException"
            | "context_length_exceeded"
            | "content_filter"
            | "invalid_prompt" => 400,
            "timeout_error" | "DEADLINE_EXCEEDED" | "modelTimeoutException" => 504,
            "serviceUnavailableException" | "UNAVAILABLE" | "server_overloaded" | "slow_down" => 503,
            "api_error" | "server_error" | "INTERNAL" | "internalServerException" => 500,
            _ => return None,
        })
    });
    status.unwrap_or(502)
}
