//! The dialect, both sides: requests in and out, answers whole and streamed.

mod answers;
mod forms;
mod requests_in;
mod requests_out;
mod streams;

use super::AnthropicMessages;
use crate::Format;
use crate::chat::{Event, Quirks, Request, Target, Written};
use crate::frame::sse::Sse;
use crate::json::Invalid;
use crate::translate::{Context, ReadStream, Said, Upstream};
use serde_json::Value;

fn read(body: &str) -> Result<Request<'_>, Invalid> {
    crate::translate::read_request(Format::AnthropicMessages, body.as_bytes(), &Said::default())
}

/// What the request lost on the way in, by the caller's names.
fn lost_in(body: &str) -> Vec<String> {
    read(body).unwrap().losses.names(super::types::field_name)
}

fn written(request: &Request<'_>, quirks: &Quirks) -> Written {
    let target = Target { model: "claude-x", stream: false, quirks };
    AnthropicMessages.write_request(request, &target).unwrap()
}

/// The body, and what the request lost on the way out.
fn write(request: &Request<'_>, quirks: &Quirks) -> (Value, Vec<String>) {
    let written = written(request, quirks);
    (serde_json::from_slice(&written.body).unwrap(), written.losses.names(super::types::field_name))
}

fn context() -> Context {
    Context { request_id: "req_1".into(), model: "model-x".into(), ..Context::default() }
}

/// Feeds a stream in pieces of this size and gathers its events; the last is an error's where one came.
fn events(stream: &str, piece: usize) -> Vec<Event<'static>> {
    let mut reader = super::stream_in::Reader::new(&context());
    let mut sse = Sse::new();
    let mut events = Vec::new();
    for chunk in stream.as_bytes().chunks(piece.max(1)) {
        sse.push(chunk, &mut |frame| {
            let name = String::from_utf8_lossy(frame.name).into_owned();
            let pushed = reader.push(&name, frame.data, &mut |event| events.push(event.into_owned()));
            if let Err(failure) = pushed {
                events.push(Event::Error(failure));
            }
        })
        .unwrap();
    }
    reader.finish(&mut |event| events.push(event.into_owned()));
    events
}

/// Events as a stream would have them: name and data.
fn frames(bytes: &[u8]) -> Vec<(String, Value)> {
    let mut frames = Vec::new();
    Sse::new()
        .push(bytes, &mut |frame| {
            let name = String::from_utf8_lossy(frame.name).into_owned();
            frames.push((name, serde_json::from_slice(frame.data).unwrap()));
        })
        .unwrap();
    frames
}
