//! Errors in the dialect. <https://platform.claude.com/docs/en/api/errors>

use crate::chat::Failure;
use crate::json::Writer;

/// An error as a whole body, which is also the data of an error event.
pub(super) fn write(failure: &Failure, request_id: &str) -> Vec<u8> {
    let mut out = Writer::with_capacity(failure.message.len() + 128);
    out.begin().member("type", "error").name("error").begin();
    out.member("type", kind(failure.status)).member("message", &failure.message).end();
    out.name("request_id");
    if request_id.is_empty() {
        out.null();
    } else {
        out.string(request_id);
    }
    out.end();
    out.into_bytes()
}

/// The type that goes with a status.
const fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}
