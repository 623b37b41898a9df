//! Our own errors in the caller's dialect: whole bodies, and events inside a stream that has already begun.
//! Which status and code an error has is decided elsewhere.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::Format;

/// An error as an event of a stream. Nothing may follow it: no `[DONE]`, no `message_stop`. Empty for Bedrock,
/// whose binary frames are not written here: cut the transport instead.
#[must_use]
pub fn error_event(format: Format, status: u16, code: &str, message: &str, request_id: &str) -> Bytes {
    numbered_error_event(format, status, code, message, request_id, 0)
}

/// The same, with the number that the event has in a Responses stream.
pub(crate) fn numbered_error_event(
    format: Format,
    status: u16,
    code: &str,
    message: &str,
    request_id: &str,
    sequence: u64,
) -> Bytes {
    let body = error_value(format, status, code, message, None, request_id);
    let event = match format {
        Format::OpenAiChat | Format::CohereChat => format!("data: {body}\n\n"),
        Format::AnthropicMessages => format!("event: error\ndata: {body}\n\n"),
        Format::GeminiGenerate => format!("data: {body}\r\n\r\n"),
        Format::OllamaChat => format!("{body}\n"),
        Format::BedrockConverse => return Bytes::new(),
        // A flat event, not the body's form: <https://platform.openai.com/docs/api-reference/responses-streaming/error>.
        Format::OpenAiResponses => {
            let event = json!({
                "type": "error", "code": code, "message": message, "param": null, "sequence_number": sequence,
            });
            format!("event: error\ndata: {event}\n\n")
        }
    };
    event.into()
}

/// An error as a whole body; `param` is the field that it is about, where the dialect has a place for it.
#[must_use]
pub fn error_body(
    format: Format,
    status: u16,
    code: &str,
    message: &str,
    param: Option<&str>,
    request_id: &str,
) -> Vec<u8> {
    error_value(format, status, code, message, param, request_id).to_string().into_bytes()
}

fn error_value(
    format: Format,
    status: u16,
    code: &str,
    message: &str,
    param: Option<&str>,
    request_id: &str,
) -> Value {
    match format {
        Format::OpenAiChat | Format::OpenAiResponses => json!({"error": {
            "message": message, "type": openai_type(status), "param": param, "code": code, "status": status,
        }}),
        Format::AnthropicMessages => json!({
            "type": "error",
            "error": {"type": anthropic_type(status), "message": message},
            "request_id": request_id,
        }),
        Format::GeminiGenerate => json!({"error": {
            "code": status, "message": message, "status": gemini_status(status),
        }}),
        // <https://docs.cohere.com/reference/errors>
        Format::CohereChat => json!({"id": request_id, "message": message}),
        Format::BedrockConverse => json!({"message": message}),
        Format::OllamaChat => json!({"error": message}),
    }
}

/// <https://platform.openai.com/docs/guides/error-codes>
pub(crate) const fn openai_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

/// <https://platform.claude.com/docs/en/api/errors>
pub(crate) const fn anthropic_type(status: u16) -> &'static str {
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

/// The status's name: <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>.
pub(crate) const fn gemini_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        502 | 503 | 529 => "UNAVAILABLE",
        400..=499 => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(format: Format) -> String {
        String::from_utf8(error_event(format, 504, "upstream_timeout", "too \"slow\"", "req_1").to_vec())
            .unwrap()
    }

    #[test]
    fn an_event_has_the_callers_dialect() {
        let openai = r#"{"error":{"message":"too \"slow\"","type":"api_error","param":null,"code":"upstream_timeout","status":504}}"#;
        assert_eq!(event(Format::OpenAiChat), format!("data: {openai}\n\n"));
        let anthropic = r#"{"type":"error","error":{"type":"timeout_error","message":"too \"slow\""},"request_id":"req_1"}"#;
        assert_eq!(event(Format::AnthropicMessages), format!("event: error\ndata: {anthropic}\n\n"));
        let gemini = r#"{"error":{"code":504,"message":"too \"slow\"","status":"DEADLINE_EXCEEDED"}}"#;
        assert_eq!(event(Format::GeminiGenerate), format!("data: {gemini}\r\n\r\n"));
        let responses = r#"{"type":"error","code":"upstream_timeout","message":"too \"slow\"","param":null,"sequence_number":0}"#;
        assert_eq!(event(Format::OpenAiResponses), format!("event: error\ndata: {responses}\n\n"));
    }

    #[test]
    fn types_follow_the_status() {
        let openai = [
            (400, "invalid_request_error"),
            (415, "invalid_request_error"),
            (401, "authentication_error"),
            (403, "permission_error"),
            (429, "rate_limit_error"),
            (502, "api_error"),
        ];
        assert!(openai.iter().all(|(status, name)| openai_type(*status) == *name));
        let anthropic = [
            (400, "invalid_request_error"),
            (402, "billing_error"),
            (404, "not_found_error"),
            (413, "request_too_large"),
            (500, "api_error"),
            (503, "api_error"),
            (529, "overloaded_error"),
        ];
        assert!(anthropic.iter().all(|(status, name)| anthropic_type(*status) == *name));
        let gemini = [
            (400, "INVALID_ARGUMENT"),
            (404, "NOT_FOUND"),
            (500, "INTERNAL"),
            (502, "UNAVAILABLE"),
            (503, "UNAVAILABLE"),
            (504, "DEADLINE_EXCEEDED"),
            (529, "UNAVAILABLE"),
        ];
        assert!(gemini.iter().all(|(status, name)| gemini_status(*status) == *name));
    }

    #[test]
    fn a_body_is_one_json_object() {
        for format in Format::ALL {
            let body = error_body(format, 400, "invalid_json", "no \u{1} \"good\"", None, "r");
            assert!(serde_json::from_slice::<Value>(&body).unwrap().is_object());
        }
    }
}
