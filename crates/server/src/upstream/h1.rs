//! One request over one HTTP/1.1 connection: head and body out, head in. Dropping the future closes the connection.

use super::body::Body;
use super::pool::Place;
use super::stream::Stream;
use super::timer::Timer;
use super::{Upload, send_length};
use crate::wire1::{self, BUFFER, CHUNK_END, HEAD_LIMIT, LAST_CHUNK, ResponseHead};
use bytes::{Buf, Bytes, BytesMut};
use http::header::{HeaderValue, PROXY_AUTHORIZATION};
use http::{Method, StatusCode};
use std::future::{Future, poll_fn};
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncReadExt, AsyncWrite};
use wharf_core::host::{Answer, CollectError, Payload, TransportError, UpstreamRequest};
use wharf_core::time::Millis;

/// Pieces of one write: the head and the three of a body.
const PIECES: usize = 4;

/// A body up to this size is copied behind its head: one slice is the cheapest write.
const COPIED: usize = 4 * 1024;

/// A connection, from a request's first byte to the last one of its answer's head.
struct Exchange {
    stream: Stream,
    /// What has come of the head; no memory before its first byte.
    input: BytesMut,
    /// The answer's head, which an upstream may send while it is still being sent to.
    early: Option<ResponseHead>,
    timer: Timer,
    reused: bool,
    to_head: bool,
    /// The request has not been sent to its end, and will not be: the connection can't be used again.
    unsent: bool,
}

/// Sends `request` over `stream`, and gives the answer with its body open.
pub(super) async fn exchange<U: Upload>(
    place: Rc<Place>,
    stream: Stream,
    reused: bool,
    request: &mut UpstreamRequest<U>,
) -> Result<Answer<Body>, TransportError> {
    let to_head = request.method == Method::HEAD;
    let timeouts = request.timeouts;
    let mut exchange = Exchange {
        stream,
        input: BytesMut::new(),
        early: None,
        timer: Timer::default(),
        reused,
        to_head,
        unsent: false,
    };
    exchange.request(&place, request).await?;
    exchange.timer.reset();
    let head = match exchange.early.take() {
        Some(head) => head,
        None => poll_fn(|cx| exchange.poll_answer(cx, timeouts.first_byte)).await?,
    };
    let Exchange { stream, input, unsent, .. } = exchange;
    let place = (head.keep_alive && !unsent).then_some(place);
    let body = Body::http1(stream, place, head.framing, input, timeouts.idle);
    Ok(Answer { status: head.status, headers: head.headers, body })
}

/// The request's head, as it goes on the wire.
fn encode<U>(place: &Place, request: &mut UpstreamRequest<U>) -> Result<BytesMut, TransportError> {
    // A blank or a line end in here would be a second request. Who built it has checked; this is the last gate.
    let graphic = |text: &str| text.bytes().all(|byte| byte > b' ' && byte != 0x7f);
    if !graphic(&request.path) || !graphic(&request.authority) {
        return Err(TransportError::Garbage);
    }
    let route = place.route();
    let length = send_length(request);
    let mut out = wire1::take();
    let target = match route.proxy {
        Some(proxy) if route.is_absolute_form() => {
            if let Some(value) = &proxy.authorization {
                let mut value = HeaderValue::from_str(value.expose()).map_err(|_| TransportError::Proxy)?;
                value.set_sensitive(true);
                request.own.push((PROXY_AUTHORIZATION, value));
            }
            &format!("http://{}{}", route.origin.authority(), request.path)
        }
        Some(_) | None => &request.path,
    };
    let UpstreamRequest { method, authority, headers, own, .. } = request;
    wire1::request_head(&mut out, method, target, authority, headers, own, length);
    Ok(out)
}

impl Exchange {
    /// Sends head and body; returns early when the upstream wants no more of it.
    async fn request<U: Upload>(
        &mut self,
        place: &Place,
        request: &mut UpstreamRequest<U>,
    ) -> Result<(), TransportError> {
        let mut head = encode(place, request)?;
        let stall = request.timeouts.idle;
        match std::mem::replace(&mut request.body, Payload::Empty) {
            Payload::Empty => {
                self.write([&head, &[], &[], &[]], stall).await?;
                wire1::give(head);
            }
            Payload::Bytes(body) if body.len() <= COPIED => {
                body.iter().for_each(|piece| head.extend_from_slice(piece));
                self.write([&head, &[], &[], &[]], stall).await?;
                wire1::give(head);
            }
            Payload::Bytes(body) => {
                let mut rest = body.iter();
                let mut piece = || rest.next().map_or(&[][..], |bytes| bytes);
                self.write([&head, piece(), piece(), piece()], stall).await?;
                wire1::give(head);
            }
            Payload::Stream { first, rest, length: Some(length) } => {
                self.stream_sized(head, first, rest, length, stall).await?;
            }
            Payload::Stream { first, rest, length: None } => {
                self.stream_chunked(head, first, rest, stall).await?;
            }
        }
        Ok(())
    }

    async fn stream_sized<U: Upload>(
        &mut self,
        head: BytesMut,
        first: Bytes,
        mut rest: U,
        length: u64,
        stall: Millis,
    ) -> Result<(), TransportError> {
        let mut left = length.checked_sub(first.len() as u64).ok_or(TransportError::Upload)?;
        self.write([&head, &first, &[], &[]], stall).await?;
        drop(first);
        wire1::give(head);
        while !self.unsent && left > 0 {
            // An upload that ends before its length leaves the upstream waiting for more: it must not look complete.
            let Some(piece) = self.next(&mut rest).await? else {
                return if self.unsent { Ok(()) } else { Err(TransportError::Upload) };
            };
            left = left.checked_sub(piece.len() as u64).ok_or(TransportError::Upload)?;
            self.write([&piece, &[], &[], &[]], stall).await?;
        }
        Ok(())
    }

    async fn stream_chunked<U: Upload>(
        &mut self,
        mut head: BytesMut,
        first: Bytes,
        mut rest: U,
        stall: Millis,
    ) -> Result<(), TransportError> {
        if first.is_empty() {
            self.write([&head, &[], &[], &[]], stall).await?;
        } else {
            wire1::chunk_head(&mut head, first.len());
            self.write([&head, &first, CHUNK_END, &[]], stall).await?;
        }
        drop(first);
        wire1::give(head);
        while !self.unsent {
            let Some(piece) = self.next(&mut rest).await? else {
                if !self.unsent {
                    self.write([LAST_CHUNK, &[], &[], &[]], stall).await?;
                }
                return Ok(());
            };
            // An empty chunk would end the body.
            if !piece.is_empty() {
                let mut size = BytesMut::with_capacity(18);
                wire1::chunk_head(&mut size, piece.len());
                self.write([&size, &piece, CHUNK_END, &[]], stall).await?;
            }
        }
        Ok(())
    }

    /// The next piece of the client's body, unless the upstream refuses the rest meanwhile (then `unsent` is set).
    async fn next<U: Upload>(&mut self, upload: &mut U) -> Result<Option<Bytes>, TransportError> {
        let mut piece = pin!(upload.chunk());
        poll_fn(|cx| {
            if let Poll::Ready(piece) = piece.as_mut().poll(cx) {
                let broken = |_: CollectError| TransportError::Upload;
                return Poll::Ready(piece.map_err(broken));
            }
            ready!(self.poll_refused(cx))?;
            Poll::Ready(Ok(None))
        })
        .await
    }

    /// Writes all of `pieces`, in one system call if the socket takes them, unless the upstream refuses them.
    async fn write(&mut self, mut pieces: [&[u8]; PIECES], stall: Millis) -> Result<(), TransportError> {
        if self.unsent {
            return Ok(());
        }
        self.timer.reset();
        poll_fn(|cx| {
            loop {
                let stream = Pin::new(&mut self.stream);
                let written = match pieces {
                    [[], [], [], []] => {
                        let flushed = stream.poll_flush(cx);
                        if matches!(flushed, Poll::Ready(Ok(()))) {
                            return Poll::Ready(Ok(()));
                        }
                        flushed.map_ok(|()| 0)
                    }
                    [one, [], [], []] => stream.poll_write(cx, one),
                    _ => stream.poll_write_vectored(cx, &pieces.map(IoSlice::new)),
                };
                match written {
                    Poll::Ready(Ok(count)) if count > 0 => {
                        advance(&mut pieces, count);
                        self.timer.reset();
                    }
                    // It reads no more. Why, it may have said before it closed: the answer is read as ever.
                    Poll::Ready(_) => {
                        self.unsent = true;
                        return Poll::Ready(Ok(()));
                    }
                    Poll::Pending => {
                        if let Poll::Ready(refused) = self.poll_refused(cx) {
                            return Poll::Ready(refused);
                        }
                        ready!(self.timer.poll(cx, stall));
                        return Poll::Ready(Err(TransportError::HeadTimeout));
                    }
                }
            }
        })
        .await
    }

    /// Ready when an answer came that makes the rest of the request pointless.
    ///
    /// One that promises success does not: whoever sends that still reads. It is kept until the request is out.
    fn poll_refused(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if self.early.is_some() {
            return Poll::Pending;
        }
        let head = ready!(self.poll_head(cx))?;
        let refused = !head.status.is_success();
        self.early = Some(head);
        if !refused {
            return Poll::Pending;
        }
        self.unsent = true;
        Poll::Ready(Ok(()))
    }

    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        limit: Millis,
    ) -> Poll<Result<ResponseHead, TransportError>> {
        if let Poll::Ready(done) = self.poll_head(cx) {
            return Poll::Ready(done);
        }
        ready!(self.timer.poll(cx, limit));
        Poll::Ready(Err(TransportError::HeadTimeout))
    }

    /// The answer's head, past interim ones. What follows it stays in `input`.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseHead, TransportError>> {
        loop {
            if self.input.capacity() == 0 {
                self.input = wire1::take();
            } else if self.input.len() == self.input.capacity() {
                self.input.reserve(BUFFER);
            }
            let read = pin!(self.stream.read_buf(&mut self.input)).poll(cx);
            let Poll::Ready(read) = read else {
                if self.input.is_empty() {
                    wire1::give(std::mem::take(&mut self.input));
                }
                return Poll::Pending;
            };
            if !matches!(read, Ok(1..)) {
                let stale = self.reused && self.input.is_empty();
                return Poll::Ready(Err(if stale { TransportError::Stale } else { TransportError::Closed }));
            }
            match wire1::parse_response(&self.input, self.to_head, HEAD_LIMIT) {
                Ok(None) => {}
                // We asked for no other protocol.
                Ok(Some(head)) if head.status != StatusCode::SWITCHING_PROTOCOLS => {
                    self.input.advance(head.consumed);
                    return Poll::Ready(Ok(head));
                }
                Ok(Some(_)) | Err(_) => return Poll::Ready(Err(TransportError::Garbage)),
            }
        }
    }
}

/// Takes `count` bytes off the front of `pieces`.
fn advance(pieces: &mut [&[u8]; PIECES], mut count: usize) {
    for piece in pieces {
        let here = count.min(piece.len());
        *piece = piece.get(here..).unwrap_or_default();
        count -= here;
    }
}
