//! One request and its answer over an HTTP/2 connection.

use super::super::body::Body;
use super::super::pool::Place;
use super::super::timer::Timer;
use super::super::{Upload, send_length};
use super::Seat;
use crate::wire1::{Length, decimal_value};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;
use wharf_core::host::{Answer, Payload, Timeouts, TransportError, UpstreamRequest};
use wharf_core::time::Millis;

/// Frames that are there already are joined up to this size.
const JOINED: usize = 16 * 1024;

/// Sends `request` on the stream that `seat` stands for.
pub(in super::super) async fn exchange<U: Upload>(
    place: &Place,
    mut seat: Seat,
    request: UpstreamRequest<U>,
) -> Result<Answer<Body>, TransportError> {
    let timeouts = request.timeouts;
    let (parts, body) = head(place, request)?;
    let (out, upload) = match body {
        Payload::Empty => (OutBody::Held(VecDeque::new()), None),
        Payload::Bytes(body) => (OutBody::Held(body.iter().cloned().collect()), None),
        Payload::Stream { first, rest, length } => {
            let (sender, receiver) = mpsc::channel(1);
            (OutBody::Pumped(receiver), Some((sender, first, rest, length)))
        }
    };
    let answer = seat.sender.send_request(Request::from_parts(parts, out));
    let mut open = None;
    let answered = match upload {
        None => wait(answer, std::future::ready(Ok(())), timeouts).await,
        Some((sender, first, rest, length)) => {
            let answered = wait(answer, pump(&sender, first, rest, length, timeouts.idle), timeouts).await;
            open = Some(sender);
            answered
        }
    };
    match answered {
        Ok(answer) => {
            let (head, body) = answer.into_parts();
            let length = http_body::Body::size_hint(&body).exact();
            let incoming = Incoming { body, end: None, _open: open, _seat: seat };
            let body = Body::http2(incoming, length, timeouts.idle);
            Ok(Answer { status: head.status, headers: head.headers.into(), body })
        }
        Err(Some(error)) => Err(error),
        Err(None) => Err(lost(&seat).await),
    }
}

/// Whether one stream failed, or the connection did: then, if it was a kept one, it may have been closed before.
async fn lost(seat: &Seat) -> TransportError {
    // hyper tells the stream first; its connection's task learns of it a few polls later.
    for _ in 0..4 {
        if seat.sender.is_closed() {
            return if seat.reused { TransportError::Stale } else { TransportError::Closed };
        }
        tokio::task::yield_now().await;
    }
    TransportError::Closed
}

/// The answer's head, while `upload` goes on beside it. `Err(None)`: hyper failed.
///
/// An answer that refuses the request ends the upload. One that promises success does not: it is kept until then.
async fn wait<B>(
    answer: impl Future<Output = hyper::Result<Response<B>>>,
    upload: impl Future<Output = Result<(), TransportError>>,
    timeouts: Timeouts,
) -> Result<Response<B>, Option<TransportError>> {
    let (mut answer, mut upload) = (pin!(answer), pin!(upload));
    let mut head = None;
    let mut uploaded = false;
    let mut timer = Timer::default();
    poll_fn(|cx| {
        if !uploaded && let Poll::Ready(done) = upload.as_mut().poll(cx) {
            done?;
            uploaded = true;
        }
        if head.is_none()
            && let Poll::Ready(answered) = answer.as_mut().poll(cx)
        {
            let answered = answered.map_err(|error| {
                tracing::debug!(%error, "HTTP/2 request failed");
                None
            })?;
            head = Some(answered);
        }
        if head.as_ref().is_some_and(|head| uploaded || !head.status().is_success())
            && let Some(head) = head.take()
        {
            return Poll::Ready(Ok(head));
        }
        if uploaded {
            ready!(timer.poll(cx, timeouts.first_byte));
            return Poll::Ready(Err(Some(TransportError::HeadTimeout)));
        }
        Poll::Pending
    })
    .await
}

/// The request's head; what has no place in HTTP/2 is taken out by hyper.
fn head<U>(
    place: &Place,
    request: UpstreamRequest<U>,
) -> Result<(http::request::Parts, Payload<U>), TransportError> {
    let garbage = TransportError::Garbage;
    let mut uri = http::uri::Parts::default();
    uri.scheme = Some(match place.route().origin.scheme {
        wharf_core::host::Scheme::Http => Scheme::HTTP,
        wharf_core::host::Scheme::Https => Scheme::HTTPS,
    });
    uri.authority = Some(Authority::try_from(&*request.authority).map_err(|_| garbage)?);
    uri.path_and_query = Some(PathAndQuery::try_from(request.path.as_str()).map_err(|_| garbage)?);
    let length = send_length(&request);
    let mut headers = std::rc::Rc::unwrap_or_clone(request.headers);
    headers.extend(request.own);
    headers.remove(HOST);
    if let Length::Known(length) = length {
        headers.insert(CONTENT_LENGTH, decimal_value(length));
    }
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = request.method;
    parts.uri = Uri::from_parts(uri).map_err(|_| garbage)?;
    parts.headers = headers.into();
    Ok((parts, request.body))
}

/// What goes to hyper of a client's body.
pub(super) enum Piece {
    Data(Bytes),
    /// The clean end. A sender that is dropped before it resets the stream.
    End,
}

/// Sends a client's body on as it comes.
async fn pump<U: Upload>(
    out: &mpsc::Sender<Piece>,
    first: Bytes,
    mut rest: U,
    length: Option<u64>,
    stall: Millis,
) -> Result<(), TransportError> {
    let mut sent = 0_u64;
    let mut next = Some(first);
    while let Some(piece) = next {
        sent = sent.saturating_add(piece.len() as u64);
        if !piece.is_empty() && !put(out, Piece::Data(piece), stall).await? {
            return Ok(());
        }
        let full = length.is_some_and(|length| sent >= length);
        next = if full { None } else { rest.chunk().await.map_err(|_| TransportError::Upload)? };
    }
    if length.is_some_and(|length| length != sent) {
        return Err(TransportError::Upload);
    }
    put(out, Piece::End, stall).await?;
    Ok(())
}

/// False when the upstream takes no more; its answer will tell why.
async fn put(out: &mpsc::Sender<Piece>, piece: Piece, stall: Millis) -> Result<bool, TransportError> {
    let mut room = pin!(out.reserve());
    let mut timer = Timer::default();
    let room = poll_fn(|cx| {
        if let Poll::Ready(room) = room.as_mut().poll(cx) {
            return Poll::Ready(Ok(room));
        }
        ready!(timer.poll(cx, stall));
        Poll::Ready(Err(TransportError::HeadTimeout))
    })
    .await?;
    Ok(room.map(|room| room.send(piece)).is_ok())
}

/// A request's body on its way out.
pub(super) enum OutBody {
    Held(VecDeque<Bytes>),
    Pumped(mpsc::Receiver<Piece>),
    Ended,
}

/// The client's body broke: hyper resets the stream.
#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request's body ended early")
    }
}

impl std::error::Error for Broken {}

impl http_body::Body for OutBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        let piece = match this {
            Self::Held(pieces) => Ok(pieces.pop_front()),
            Self::Pumped(receiver) => match ready!(receiver.poll_recv(cx)) {
                Some(Piece::Data(data)) => Ok(Some(data)),
                Some(Piece::End) => Ok(None),
                None => Err(Broken),
            },
            Self::Ended => Ok(None),
        };
        if !matches!(piece, Ok(Some(_))) {
            *this = Self::Ended;
        }
        Poll::Ready(piece.map(|data| data.map(Frame::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Held(pieces) => pieces.is_empty(),
            Self::Pumped(_) => false,
            Self::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Held(pieces) => SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum()),
            Self::Pumped(_) => SizeHint::new(),
            Self::Ended => SizeHint::with_exact(0),
        }
    }
}

/// An answer's body on its way in. Dropped before its end, it resets the stream.
pub(in super::super) struct Incoming {
    body: hyper::body::Incoming,
    /// How it ended, when the last pieces were handed on together.
    end: Option<Result<(), TransportError>>,
    /// The way of an upload that the upstream refused: dropping it would reset the stream with the answer in it.
    _open: Option<mpsc::Sender<Piece>>,
    _seat: Seat,
}

impl Incoming {
    /// All frames that have come, joined.
    pub(in super::super) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, TransportError>> {
        let mut first = Bytes::new();
        let mut joined = BytesMut::new();
        while self.end.is_none() && first.len().max(joined.len()) < JOINED {
            let Poll::Ready(frame) = http_body::Body::poll_frame(Pin::new(&mut self.body), cx) else { break };
            match frame.transpose() {
                // Trailers are dropped, as on HTTP/1.1.
                Ok(Some(frame)) => match frame.into_data() {
                    Ok(data) if first.is_empty() => first = data,
                    Ok(data) => {
                        if joined.is_empty() {
                            joined.extend_from_slice(&first);
                        }
                        joined.extend_from_slice(&data);
                    }
                    Err(_) => {}
                },
                Ok(None) => self.end = Some(Ok(())),
                Err(_) => self.end = Some(Err(TransportError::Closed)),
            }
        }
        match self.end {
            _ if !joined.is_empty() => Poll::Ready(Ok(Some(joined.freeze()))),
            _ if !first.is_empty() => Poll::Ready(Ok(Some(first))),
            Some(end) => Poll::Ready(end.map(|()| None)),
            None => Poll::Pending,
        }
    }
}
