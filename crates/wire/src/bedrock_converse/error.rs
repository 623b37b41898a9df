//! Errors: a class, in a header or in the frame, and a message.

use crate::chat::{Failure, failure_from};
use crate::json::{Json, parse_lossy};

/// An error answer. The class stands in the header `x-amzn-errortype`, an address may be behind it:
/// `ValidationException:http://…`.
pub(super) fn read(status: u16, error_type: Option<&str>, body: &[u8]) -> Failure {
    let mut failure = failure_from(status, body);
    let inside = || {
        let json = parse_lossy(body).ok()?;
        json.get("__type").and_then(Json::text).map(|class| name(class).to_owned())
    };
    let class = error_type.map(|class| name(class).to_owned()).or_else(inside);
    if status < 400 {
        failure.status = class.as_deref().and_then(status_of).unwrap_or(failure.status);
    }
    failure.kind = class.or(failure.kind);
    if TOO_LONG.iter().any(|words| failure.message.contains(words)) {
        failure.code = Some("context_length_exceeded".to_owned());
    }
    failure
}

/// An exception inside a stream.
pub(super) fn exception(class: &str, payload: &[u8]) -> Failure {
    read(0, Some(class), payload)
}

/// What models say when a request doesn't fit: Claude, Nova, others.
const TOO_LONG: &[&str] =
    &["Input is too long", "prompt is too long", "Input Tokens Exceeded", "maximum context length"];

/// `com.amazon.coral.service#ValidationException:http://…`
fn name(class: &str) -> &str {
    let class = class.split_once(':').map_or(class, |(name, _)| name);
    class.rsplit_once('#').map_or(class, |(_, name)| name)
}

/// The status that each class has: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors>.
/// In frames the first letter is small.
fn status_of(class: &str) -> Option<u16> {
    const STATUSES: &[(&str, u16)] = &[
        ("ValidationException", 400),
        ("ServiceQuotaExceededException", 400),
        ("ConflictException", 400),
        ("UnrecognizedClientException", 403),
        ("ExpiredTokenException", 403),
        ("AccessDeniedException", 403),
        ("ResourceNotFoundException", 404),
        ("ModelTimeoutException", 408),
        ("ModelErrorException", 424),
        ("ModelStreamErrorException", 424),
        ("ThrottlingException", 429),
        ("ModelNotReadyException", 429),
        ("InternalServerException", 500),
        ("InternalFailure", 500),
        ("ServiceUnavailableException", 503),
    ];
    STATUSES.iter().find(|(known, _)| known.eq_ignore_ascii_case(class)).map(|(_, status)| *status)
}
