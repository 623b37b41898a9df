//! Errors in the dialect. <https://platform.claude.com/docs/en/api/errors>

use crate::chat::Failure;
use crate::json::Writer;
use crate::stream_error::anthropic_type;

/// An error as a whole body, which is also the data of an error event.
pub(super) fn write(failure: &Failure, request_id: &str) -> Vec<u8> {
    let mut out = Writer::with_capacity(failure.message.len() + 128);
    out.begin().member("type", "error").name("error").begin();
    out.member("type", anthropic_type(failure.status)).member("message", &failure.message).end();
    out.name("request_id");
    if request_id.is_empty() {
        out.null();
    } else {
        out.string(request_id);
    }
    out.end();
    out.into_bytes()
}
