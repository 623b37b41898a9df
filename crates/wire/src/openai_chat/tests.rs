//! The dialect, both ways.

mod answers;
mod requests;
mod streams;
mod written;

use super::OpenAiChat;
use crate::chat::{Quirks, Refused, Request, Target, Written};
use crate::json::{Invalid, parse};
use crate::translate::{Client, Context, Said, Upstream};
use serde_json::Value;

/// A rich request: every kind of message, part and tool.
const FULL: &str = include_str!("../../fixtures/openai_chat/full.json");

fn read(body: &str) -> Result<Request<'_>, Invalid> {
    OpenAiChat.read_request(parse(body.as_bytes()).unwrap(), &Said::default())
}

fn write(body: &str, quirks: &Quirks) -> Result<Written, Refused> {
    let request = read(body).unwrap();
    let target = Target { model: "target", stream: request.stream, quirks };
    OpenAiChat.write_request(&request, &target)
}

/// What the upstream gets, and what got lost on the way out.
fn sent(body: &str, quirks: &Quirks) -> (Value, Vec<String>) {
    let written = write(body, quirks).unwrap();
    let names = written.losses.names(|field| OpenAiChat.field_name(field));
    (serde_json::from_slice(&written.body).unwrap(), names)
}

fn context() -> Context {
    Context {
        request_id: "r1".to_owned(),
        model: "asked".to_owned(),
        now: 1_700_000_000,
        ..Context::default()
    }
}
