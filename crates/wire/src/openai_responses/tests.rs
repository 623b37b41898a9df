//! Responses, both sides: requests in and out, answers whole and streamed.

mod answers;
mod requests_in;
mod requests_out;
mod streams;

use super::OpenAiResponses;
use crate::Format;
use crate::chat::{Quirks, Refused, Request, Target};
use crate::json::Invalid;
use crate::translate::{Context, Said, Upstream};
use serde_json::{Value, json};

fn read(body: &str) -> Result<Request<'_>, Invalid> {
    crate::translate::read_request(Format::OpenAiResponses, body.as_bytes(), &Said::default())
}

fn write_for(request: &Request<'_>, quirks: &Quirks) -> Result<(Value, Vec<String>), Refused> {
    let target = Target { model: "gpt-x", stream: request.stream, quirks };
    let written = OpenAiResponses.write_request(request, &target)?;
    let losses = written.losses.names(super::types::field_name);
    Ok((serde_json::from_slice(&written.body).unwrap(), losses))
}

/// The body and what was lost, for OpenAI itself.
fn write(request: &Request<'_>) -> (Value, Vec<String>) {
    write_for(request, &Quirks { developer: true, ..Quirks::default() }).unwrap()
}

fn context() -> Context {
    Context { request_id: "req_1".into(), model: "model-x".into(), now: 1_700_000_000, ..Context::default() }
}
