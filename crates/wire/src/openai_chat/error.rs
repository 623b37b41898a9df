//! Errors in this dialect: `{"error": {message, type, param, code}}`, and `status`, which clients of other gateways
//! read. <https://platform.openai.com/docs/guides/error-codes>

use crate::chat::Failure;
use crate::json::Writer;
use crate::stream_error::openai_type;

/// Appends the error object; as an event it stands behind `data: `.
pub(super) fn append(failure: &Failure, out: &mut Vec<u8>) {
    let mut body = Writer::behind(std::mem::take(out));
    body.begin().name("error").begin().member("message", &failure.message);
    body.member("type", openai_type(failure.status));
    let words = [
        ("param", &failure.param),
        ("code", if failure.code.is_some() { &failure.code } else { &failure.kind }),
    ];
    for (name, word) in words {
        body.name(name);
        match word {
            Some(word) => body.string(word),
            None => body.null(),
        };
    }
    body.name("status").number(u64::from(failure.status)).end().end();
    *out = body.into_bytes();
}

/// An error as a whole body.
pub(super) fn write(failure: &Failure) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + failure.message.len());
    append(failure, &mut out);
    out
}
