//! The core's answer as a command: pass-through goes out as the platform's own stream; what was read whole as bytes; the
//! rest of a model route's answers is relayed, so that one which breaks off never looks whole.

use crate::command::{Tag, UNKNOWN};
use crate::flow::Flow;
use crate::host::{Body, Worker, push_line};
use crate::ops::Shared;
use crate::settle::Settle;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderName, HeaderValue, StatusCode};
use std::collections::VecDeque;
use wharf_core::exchange::{OutBody, Outgoing, Stream};
use wharf_core::headers::{Headers, text};
use wharf_core::host::Host;
use wharf_core::lane::Lane;
use wharf_core::time::Millis;
use wharf_wire::relay::End;

const NONE: u32 = 0;
const BYTES: u32 = 1;
const HANDED_OVER: u32 = 2;
const RELAYED: u32 = 3;
const PACED: u32 = 4;
const READ: u32 = 5;

/// How often what passes as it comes is shown to us, in milliseconds: what comes meanwhile is held in memory, and a stream
/// comes slowly.
const LOOK: u32 = 100;
const LOOK_AT_STREAM: u32 = 1000;

/// Answers an exchange. `head`: the client asked for no body.
pub fn respond(shared: &Shared, exchange: u32, outgoing: Outgoing<Body>, mut settle: Settle, head: bool) {
    let Outgoing { status, headers, body } = outgoing;
    settle.measured.head_us = settle.passed();
    if head || has_no_body(status) {
        // What a GET would bring. With a body the platform counts by itself.
        let length = match &body {
            OutBody::Full(bytes) => Some(bytes.len().into()),
            OutBody::Paced(..) | OutBody::Stream(_) => headers.get(CONTENT_LENGTH).cloned(),
        };
        drop(body);
        put_head(shared, status, headers, length.filter(|_| head), false);
        shared.commands.borrow_mut().numbers(&[NONE]);
        return settle.over(false);
    }
    match body {
        OutBody::Full(bytes) => full(shared, status, headers, bytes, settle),
        OutBody::Paced(pieces, pace) => paced(shared, exchange, (status, headers), pieces, pace, settle),
        OutBody::Stream(stream) => streamed(shared, exchange, (status, headers), *stream, settle),
    }
}

/// <https://fetch.spec.whatwg.org/#null-body-status>
fn has_no_body(status: StatusCode) -> bool {
    matches!(status.as_u16(), 101 | 103 | 204 | 205 | 304)
}

/// Status and headers; the length only of a body that does not go out. `read`: the body goes through our hands, and with that the platform has undone its coding.
fn put_head(
    shared: &Shared,
    status: StatusCode,
    mut headers: Headers,
    length: Option<HeaderValue>,
    read: bool,
) {
    headers.remove(CONTENT_LENGTH);
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length);
    }
    if read && is_undone(&headers) {
        headers.remove(CONTENT_ENCODING);
    }
    let mut lines = Vec::with_capacity(1024);
    for (name, value) in headers.iter() {
        push_line(&mut lines, name, value);
    }
    let mut commands = shared.commands.borrow_mut();
    commands.put(Tag::Respond, &[status.as_u16().into()]);
    commands.bytes(lines.into());
}

/// The platform undoes the coding of such an answer when its body is read.
fn is_undone(headers: &Headers) -> bool {
    text(headers, CONTENT_ENCODING).is_some_and(|coding| Worker::DECODES.contains(&coding.trim()))
}

/// What turns one list of headers into another: the names to take out, in the first line; then those to put in.
fn changes(before: &Headers, after: &Headers) -> Vec<u8> {
    let mut text = Vec::with_capacity(512);
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        if !text.is_empty() {
            text.push(b',');
        }
        text.extend_from_slice(name.as_str().as_bytes());
    }
    for (name, value) in after.iter() {
        // The platform has one line for a name: of several, the first brings all.
        let (mut all, mut old) = (after.get_all(name), before.get_all(name));
        let is_first = all.next().is_some_and(|first| std::ptr::eq(first, value));
        let (others, same) = (all.next().is_some(), old.next() == Some(value) && old.next().is_none());
        if is_first && others {
            push_line(&mut text, name, &joined(after, name));
        } else if is_first && !same {
            push_line(&mut text, name, value);
        }
    }
    text
}

fn joined(headers: &Headers, name: &HeaderName) -> HeaderValue {
    let all: Vec<&[u8]> = headers.get_all(name).map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&all.join(&b", "[..])).unwrap_or(HeaderValue::from_static(""))
}

fn full(shared: &Shared, status: StatusCode, headers: Headers, bytes: Bytes, mut settle: Settle) {
    settle.begins();
    settle.measured.bytes = bytes.len() as u64;
    put_head(shared, status, headers, None, true);
    let mut commands = shared.commands.borrow_mut();
    commands.numbers(&[BYTES]);
    commands.bytes(bytes);
    drop(commands);
    settle.over(false);
}

fn paced(
    shared: &Shared,
    exchange: u32,
    (status, headers): (StatusCode, Headers),
    pieces: VecDeque<Bytes>,
    pace: Millis,
    mut settle: Settle,
) {
    settle.begins();
    put_head(shared, status, headers, None, true);
    let mut commands = shared.commands.borrow_mut();
    commands.numbers(&[PACED, pace.0.min(60_000) as u32, pieces.len() as u32]);
    for piece in pieces {
        commands.bytes(piece);
    }
    drop(commands);
    shared.flows.borrow_mut().insert(exchange, Flow::own(settle));
}

fn streamed(
    shared: &Shared,
    exchange: u32,
    (status, headers): (StatusCode, Headers),
    mut stream: Stream<Body>,
    mut settle: Settle,
) {
    let first = stream.first.take();
    let Some(body) = stream.body.take() else {
        let mut lane = stream.lane;
        let mut all = first.map(|first| lane.push(first)).unwrap_or_default().to_vec();
        let now = Millis(settle.now());
        all.extend_from_slice(&lane.finish(End::Clean, &mut settle.record, now).append);
        return full(shared, status, headers, all.into(), settle);
    };
    if stream.lane.may_be_handed_over() && first.is_none() {
        body.hand_over();
        let change = changes(&body.headers, &headers);
        let mut commands = shared.commands.borrow_mut();
        commands.put(Tag::Respond, &[status.as_u16().into()]);
        commands.bytes(change.into());
        commands.numbers(&[HANDED_OVER, body.id]);
        drop(commands);
        settle.measured.handed_over = true;
        return settle.over(false);
    }
    body.hand_over();
    let first = match first {
        Some(first) if body.is_over() && stream.lane.keeps_length() => {
            return read(shared, (status, headers), &body, first, stream.lane, settle);
        }
        first => first,
    };
    let look = match (stream.lane.is_verbatim(), stream.lane.keeps_length()) {
        (true, true) => LOOK,
        (true, false) => LOOK_AT_STREAM,
        (false, _) => 0,
    };
    let length = if stream.lane.keeps_length() { body.length() } else { UNKNOWN };
    put_head(shared, status, headers, None, true);
    let first = first.map(|first| stream.lane.push(first)).unwrap_or_default();
    if !first.is_empty() {
        settle.begins();
    }
    let flow = Flow::relayed(stream.lane, settle, shared.keepalive.get(), look);
    let mut commands = shared.commands.borrow_mut();
    let idle = body.idle.0.min(i32::MAX as u64) as u32;
    commands.numbers(&[RELAYED, body.id, idle, flow.wait(), look, length]);
    commands.bytes(first);
    drop(commands);
    shared.flows.borrow_mut().insert(exchange, flow);
}

/// An answer that was read to its end goes out as it came.
fn read(
    shared: &Shared,
    (status, mut headers): (StatusCode, Headers),
    body: &Body,
    first: Bytes,
    mut lane: Lane,
    mut settle: Settle,
) {
    let first = lane.push(first);
    let now = Millis(settle.now());
    // Its end was as HTTP has it: nothing follows.
    let _ = lane.finish(End::Clean, &mut settle.record, now);
    settle.begins();
    settle.measured.bytes = first.len() as u64;
    if is_undone(&headers) {
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
    }
    let change = changes(&body.headers, &headers);
    let mut commands = shared.commands.borrow_mut();
    commands.put(Tag::Respond, &[status.as_u16().into()]);
    commands.bytes(change.into());
    commands.numbers(&[READ, body.id]);
    commands.bytes(if body.is_at_hand() { Bytes::new() } else { first });
    drop(commands);
    settle.over(false);
}
