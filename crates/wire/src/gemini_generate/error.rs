//! Errors in Google's form. <https://cloud.google.com/apis/design/errors>

use crate::chat::Failure;
use crate::json::Writer;
use crate::stream_error::gemini_status;

/// A failure as a whole body: the provider's or our own code as the reason, and how long to wait.
pub(super) fn write(failure: &Failure, request_id: &str) -> Vec<u8> {
    let mut out = Writer::with_capacity(256 + failure.message.len());
    out.begin().name("error").begin().name("code").number(u64::from(failure.status));
    out.member("message", &failure.message).member("status", gemini_status(failure.status));
    out.name("details").list();
    if let Some(code) = failure.code.as_deref().or(failure.kind.as_deref()) {
        out.begin().member("@type", "type.googleapis.com/google.rpc.ErrorInfo").member("reason", code).end();
    }
    if let Some(field) = &failure.param {
        out.begin().member("@type", "type.googleapis.com/google.rpc.BadRequest");
        out.name("fieldViolations").list().begin().member("field", field);
        out.member("description", &failure.message).end().end_list().end();
    }
    if !request_id.is_empty() {
        out.begin().member("@type", "type.googleapis.com/google.rpc.RequestInfo");
        out.member("requestId", request_id).end();
    }
    if let Some(wait) = failure.retry_after_ms {
        out.begin().member("@type", "type.googleapis.com/google.rpc.RetryInfo");
        out.name("retryDelay").strings(&[&seconds(wait), "s"]).end();
    }
    out.end_list().end().end();
    out.into_bytes()
}

/// Google's durations: seconds, with a fraction where there is one.
fn seconds(milliseconds: u64) -> String {
    match milliseconds % 1000 {
        0 => (milliseconds / 1000).to_string(),
        rest => format!("{}.{rest:03}", milliseconds / 1000),
    }
}
