//! The format, both sides.

mod answers;
mod recordings;
mod requests;
mod schemas;
mod streams;

use crate::chat::{Quirks, Refused, Request, Target, Written};
use crate::json::Invalid;
use crate::translate::{self, Context, Said};
use crate::{End, Format};
use serde_json::Value;

fn read(body: &str) -> Result<Request<'_>, Invalid> {
    let said = Said { model: Some("gemini-x"), ..Said::default() };
    translate::read_request(Format::GeminiGenerate, body.as_bytes(), &said)
}

fn write(request: &Request<'_>, quirks: &Quirks) -> Result<Written, Refused> {
    let target = Target { model: "gemini-x", stream: false, quirks };
    translate::write_request(Format::GeminiGenerate, request, &target)
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn context() -> Context {
    Context { request_id: "req_1".into(), model: "gemini-x".into(), ..Context::default() }
}

/// A stream through our reader and writer.
fn piped(body: &[u8], step: usize, context: &Context) -> String {
    let mut pipe = translate::Pipe::new(Format::GeminiGenerate, Format::GeminiGenerate, context).unwrap();
    let mut out = Vec::new();
    body.chunks(step).for_each(|chunk| pipe.push(chunk, &mut out));
    pipe.finish(End::Clean, &mut out);
    String::from_utf8(out).unwrap()
}

/// Chunks as server-sent events.
fn events(chunks: &[&str]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect()
}
