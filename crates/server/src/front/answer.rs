//! From a handler's answer to its head on the wire: framing, `Connection`, `Date`.

use super::date;
use super::message::{Body, Feed};
use crate::wire1::{Length, ResponseLine, response_head};
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::{Method, StatusCode, Version};
use wharf_core::headers::Headers;

/// What of the request decides how its answer is written.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    /// `HEAD`: no body is sent whatever the answer has.
    pub head: bool,
    /// The client reads chunks.
    pub http_1_1: bool,
    /// The connection may serve a next request, by what the client said.
    pub keep_alive: bool,
}

impl Asked {
    pub(super) fn new(method: &Method, version: Version, keep_alive: bool) -> Self {
        Self { head: *method == Method::HEAD, http_1_1: version == Version::HTTP_11, keep_alive }
    }
}

/// A body on its way out.
pub(super) enum Outgoing {
    None,
    Full(Bytes),
    Stream(Feed),
}

/// A decided answer.
pub(super) struct Plan {
    pub status: StatusCode,
    pub length: Length,
    pub keep_alive: bool,
    pub body: Outgoing,
}

/// Decides how `body` is framed. `keep_alive`: our own side can go on after this exchange.
pub(super) fn plan(
    asked: Asked,
    status: StatusCode,
    headers: &Headers,
    body: Body,
    keep_alive: bool,
) -> Plan {
    // An interim status is no answer: a client would wait on, and take the next answer for this one.
    let (status, body) =
        if status.is_informational() { (StatusCode::BAD_GATEWAY, Body::Empty) } else { (status, body) };
    let silent = matches!(status.as_u16(), 204 | 304);
    let (length, body) = match body {
        Body::Empty if asked.head => (said(headers), Outgoing::None),
        Body::Empty => (Length::Known(0), Outgoing::None),
        Body::Full(bytes) => (Length::Known(bytes.len() as u64), Outgoing::Full(bytes)),
        Body::Stream(source) => {
            let feed = Feed::new(source);
            let length = match feed.length() {
                Some(length) => Length::Known(length),
                None if asked.head => said(headers),
                None if asked.http_1_1 => Length::Chunked,
                None => Length::Unsaid,
            };
            (length, Outgoing::Stream(feed))
        }
    };
    let until_close = length == Length::Unsaid && !asked.head && !silent;
    let body = match body {
        Outgoing::Stream(mut feed) if asked.head || silent => {
            feed.finish();
            Outgoing::None
        }
        Outgoing::Full(_) if asked.head || silent => Outgoing::None,
        body => body,
    };
    Plan {
        status,
        length: if silent { Length::Unsaid } else { length },
        keep_alive: keep_alive && asked.keep_alive && !until_close,
        body,
    }
}

/// The length that an answer to `HEAD` tells of the body it does not have.
fn said(headers: &Headers) -> Length {
    let value = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.parse().ok()).map_or(Length::Unsaid, Length::Known)
}

/// Appends the head.
pub(super) fn write(out: &mut BytesMut, asked: Asked, plan: &Plan, headers: &Headers) {
    let date = date::now();
    let first = ResponseLine {
        status: plan.status,
        length: plan.length,
        connection: match (plan.keep_alive, asked.http_1_1) {
            (false, _) => Some("close"),
            (true, false) => Some("keep-alive"),
            (true, true) => None,
        },
        date: Some(date.as_slice()),
    };
    response_head(out, first, headers);
}

/// Appends a refusal that ends the connection.
pub(super) fn refuse(out: &mut BytesMut, status: StatusCode) {
    let date = date::now();
    let first = ResponseLine {
        status,
        length: Length::Known(0),
        connection: Some("close"),
        date: Some(date.as_slice()),
    };
    response_head(out, first, &Headers::new());
}
