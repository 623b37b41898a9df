//! What comes in from a host and what goes back to it: a request's head, an answer, and how errors are shown.

use crate::error::{Error, Kind};
use crate::headers::Headers;
use crate::headers::value;
use crate::health::{Busy, Watch};
use crate::lane::Lane;
use crate::record::Record;
use crate::table::Place;
use crate::time::Millis;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use std::borrow::Cow;
use wharf_wire::format::Format;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-wharf-request-id");
const PROVIDER: HeaderName = HeaderName::from_static("x-wharf-provider");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-wharf-attempts");
const EGRESS: HeaderName = HeaderName::from_static("x-wharf-egress");
const DROPPED: HeaderName = HeaderName::from_static("x-wharf-dropped");

/// A client's request as the host hands it in.
pub struct Incoming<U> {
    /// The method.
    pub method: Method,
    /// Path and query as received.
    pub target: String,
    /// Host of an absolute target or of HTTP/2's `:authority`; else the `Host` header counts.
    pub authority: Option<String>,
    /// Headers as received.
    pub headers: Headers,
    /// The body, unread; `None`: there is none.
    pub body: Option<U>,
    /// Length of the body where the client said it.
    pub length: Option<u64>,
    /// Where the request came in, if the host knows better than the configuration.
    pub place: Option<Place>,
    /// The host takes traffic (it is neither starting nor draining).
    pub ready: bool,
}

/// An answer: the host writes it out, and settles once it is over.
pub struct Outgoing<B> {
    /// Status.
    pub status: StatusCode,
    /// Headers but for what the host writes (`Content-Length`, `Transfer-Encoding`, `Date`, `Connection`).
    pub headers: Headers,
    /// Body.
    pub body: OutBody<B>,
}

/// A body on its way to the client.
pub enum OutBody<B> {
    /// Complete.
    Full(Bytes),
    /// Pieces of our own, one after the other, with a pause before each (the `echo` provider's stream).
    Paced(std::collections::VecDeque<Bytes>, Millis),
    /// An upstream's.
    Stream(Box<Stream<B>>),
}

/// An upstream's answer on its way: the host reads `body`, pushes each piece through `lane`, and sends what comes out.
pub struct Stream<B> {
    /// A piece that was read already.
    pub first: Option<Bytes>,
    /// The rest; `None`: `first` was all.
    pub body: Option<B>,
    /// What sees the pieces pass.
    pub lane: Lane,
}

/// An answer before its record is put on it.
pub struct Reply<B> {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: Headers,
    /// Body.
    pub body: OutBody<B>,
}

impl<B> Reply<B> {
    /// An answer of our own.
    pub fn new(status: StatusCode, headers: Headers, body: impl Into<Bytes>) -> Self {
        Self { status, headers, body: OutBody::Full(body.into()) }
    }

    /// A JSON answer of our own.
    pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::typed(status, "application/json", body)
    }

    /// An answer of our own with its media type.
    pub fn typed(status: StatusCode, media: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = Headers::with_capacity(8);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        Self::new(status, headers, body)
    }

    /// Counts a call as under way until the answer has come to its end.
    pub(super) fn occupies(&mut self, busy: Busy) {
        if let OutBody::Stream(stream) = &mut self.body {
            stream.lane.occupies(busy, &self.headers);
        }
    }

    /// Whoever watches the target hears of it if the answer breaks off.
    pub(super) fn watches(&mut self, watch: Watch) {
        if let OutBody::Stream(stream) = &mut self.body {
            stream.lane.watches(watch);
        }
    }

    /// The answer must be over by `until`, and must have begun by `first_by`.
    pub(super) fn must_end(&mut self, until: Option<Millis>, first_by: Option<Millis>) {
        if let OutBody::Stream(stream) = &mut self.body {
            stream.lane.must_end(until, first_by);
        }
    }

    /// Puts our own headers on. No upstream's of these names are left: see [`to_client`](crate::headers::to_client).
    pub(super) fn outgoing(mut self, record: &mut Record) -> Outgoing<B> {
        record.status = self.status.as_u16();
        self.headers.append(REQUEST_ID, value(&record.id));
        if !record.provider.is_empty() {
            let attempts =
                if record.attempts == 1 { HeaderValue::from_static("1") } else { record.attempts.into() };
            let egress = if record.egress.is_empty() {
                HeaderValue::from_static("direct")
            } else {
                cow(&record.egress)
            };
            self.headers.append(PROVIDER, cow(&record.provider));
            self.headers.append(ATTEMPTS, attempts);
            self.headers.append(EGRESS, egress);
        }
        if !record.dropped.is_empty() {
            self.headers.append(DROPPED, value(&record.dropped.join(",")));
        }
        Outgoing { status: self.status, headers: self.headers, body: self.body }
    }
}

/// A header value without a copy where the text is the catalogue's or ours.
#[expect(clippy::ptr_arg, reason = "whether the text is borrowed is the question")]
fn cow(text: &Cow<'static, str>) -> HeaderValue {
    match text {
        Cow::Borrowed(text) => HeaderValue::from_static(text),
        Cow::Owned(text) => value(text),
    }
}

/// An error as an answer, in the caller's dialect.
pub(super) fn error<B>(error: &Error, format: Format, record: &mut Record) -> Reply<B> {
    record.error = error.kind.code();
    let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = wharf_wire::stream_error::error_body(
        format,
        status.as_u16(),
        error.kind.code(),
        &error.message,
        error.param.as_deref(),
        &record.id,
    );
    let mut reply = Reply::json(status, body);
    if error.kind == Kind::Unauthorized {
        reply.headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if error.kind == Kind::MethodNotAllowed {
        reply.headers.insert(ALLOW, HeaderValue::from_static(crate::cors::METHODS));
    }
    if let Some(wait) = error.retry_after {
        reply.headers.insert(RETRY_AFTER, HeaderValue::from(wait.0.div_ceil(1000)));
    }
    reply
}
