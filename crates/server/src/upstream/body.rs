//! An answer's body, still open. While it waits it holds a socket and no buffer; dropping it closes the connection.

use super::h2;
use super::pool::Place;
use super::stream::Stream;
use super::timer::Timer;
use crate::wire1::{self, Decoder, Framing, Step};
use bytes::{Bytes, BytesMut};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncReadExt;
use wharf_core::host::TransportError;
use wharf_core::time::Millis;

/// What a read asks for when the last one filled its buffer: a large body is coming.
const LARGE: usize = 64 * 1024;

/// A read that brings less than this goes back to the pooled size.
const MIDDLE: usize = 16 * 1024;

thread_local! {
    /// The large buffer of the last read that found nothing. The others leave with what was read.
    static SPARE: Cell<Option<BytesMut>> = const { Cell::new(None) };
}

fn take_large() -> BytesMut {
    SPARE.take().unwrap_or_else(|| BytesMut::with_capacity(LARGE))
}

/// An upstream's answer body.
pub struct Body {
    length: Option<u64>,
    /// A piece that came together with the head.
    ready: Option<Bytes>,
    state: State,
    timer: Timer,
    idle: Millis,
}

enum State {
    Http1(Open),
    Http2(Box<h2::Incoming>),
    /// Nothing more will come: the clean end, or what went wrong.
    Ended(Result<(), TransportError>),
}

/// A connection inside an answer's body.
struct Open {
    stream: Stream,
    /// Where the connection goes at a clean end, if it may be used again.
    place: Option<Rc<Place>>,
    decoder: Decoder,
    /// The last read filled its buffer.
    large: bool,
}

impl Body {
    /// `input` is what came behind the head.
    pub(super) fn http1(
        stream: Stream,
        place: Option<Rc<Place>>,
        framing: Framing,
        mut input: BytesMut,
        idle: Millis,
    ) -> Self {
        let length = match framing {
            Framing::None => Some(0),
            Framing::Length(length) => Some(length),
            Framing::Chunked | Framing::UntilClose => None,
        };
        let open = Open { stream, place, decoder: Decoder::new(framing), large: false };
        let mut body = Self { length, ready: None, state: State::Http1(open), timer: Timer::default(), idle };
        // Most answers are here whole already: their connection is free before anybody asks for the body.
        match body.decode(&mut input) {
            Ok(piece) => body.ready = piece,
            Err(error) => body.state = State::Ended(Err(error)),
        }
        wire1::give(input);
        body
    }

    pub(super) fn http2(incoming: h2::Incoming, length: Option<u64>, idle: Millis) -> Self {
        let state = State::Http2(Box::new(incoming));
        Self { length, ready: None, state, timer: Timer::default(), idle }
    }

    /// The whole length, where the head said it.
    pub const fn length(&self) -> Option<u64> {
        self.length
    }

    /// The next piece: all that has come, however the upstream cut it; `None` at the clean end.
    ///
    /// # Errors
    /// The connection closed inside the body, was silent for too long, or sent what is not valid; the same again at
    /// each further call.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, TransportError> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// [`chunk`](Self::chunk) for a hand-written future.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, TransportError>> {
        if let Some(piece) = self.ready.take() {
            return Poll::Ready(Ok(Some(piece)));
        }
        let polled = match &mut self.state {
            State::Ended(end) => return Poll::Ready(end.map(|()| None)),
            State::Http1(_) => self.poll_http1(cx),
            State::Http2(incoming) => incoming.poll_piece(cx),
        };
        match polled {
            Poll::Ready(Ok(Some(piece))) => {
                self.timer.reset();
                Poll::Ready(Ok(Some(piece)))
            }
            Poll::Ready(Ok(None)) => {
                self.state = State::Ended(Ok(()));
                Poll::Ready(Ok(None))
            }
            Poll::Ready(Err(error)) => self.fail(error),
            Poll::Pending => {
                ready!(self.timer.poll(cx, self.idle));
                self.fail(TransportError::IdleTimeout)
            }
        }
    }

    /// Closes the connection.
    fn fail(&mut self, error: TransportError) -> Poll<Result<Option<Bytes>, TransportError>> {
        self.state = State::Ended(Err(error));
        Poll::Ready(Err(error))
    }

    fn poll_http1(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, TransportError>> {
        loop {
            let State::Http1(open) = &mut self.state else { return Poll::Ready(Ok(None)) };
            let mut input = if open.large { take_large() } else { wire1::take() };
            let room = input.capacity();
            let read = pin!(open.stream.read_buf(&mut input)).poll(cx);
            let count = match read {
                Poll::Ready(Ok(count)) => count,
                // A reset ends no body, not even one that ends with the connection.
                Poll::Ready(Err(_)) => return Poll::Ready(Err(TransportError::Closed)),
                Poll::Pending => {
                    if open.large {
                        SPARE.set(Some(input));
                    } else {
                        wire1::give(input);
                    }
                    return Poll::Pending;
                }
            };
            if count == 0 {
                wire1::give(input);
                return Poll::Ready(open.decoder.closed().map(|()| None).map_err(|_| TransportError::Closed));
            }
            open.large = count == room || count >= MIDDLE;
            let piece = self.decode(&mut input)?;
            wire1::give(input);
            // A chunk's size line alone is a sign of life, but nothing to hand on.
            self.timer.reset();
            if piece.is_some() {
                return Poll::Ready(Ok(piece));
            }
        }
    }

    /// What `input` holds of the body. At its last byte the connection goes back to the pool.
    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, TransportError> {
        let State::Http1(open) = &mut self.state else { return Ok(None) };
        let step = open.decoder.decode(input).map_err(|_| TransportError::Garbage)?;
        if open.decoder.is_done()
            && let State::Http1(Open { stream, place, .. }) =
                std::mem::replace(&mut self.state, State::Ended(Ok(())))
            && let Some(place) = place
            && input.is_empty()
        {
            // Bytes behind the end would be taken for the start of the next answer: such a connection is closed.
            place.put(stream);
        }
        Ok(match step {
            Step::Data(piece) => Some(piece),
            Step::More | Step::End => None,
        })
    }
}
