//! What a handler gets and gives back, whatever HTTP version the client speaks.

use super::Upload;
use bytes::Bytes;
use http::{Method, StatusCode, Version};
use std::net::SocketAddr;
use std::task::{Context, Poll};
use wharf_core::headers::Headers;

/// A client's request: head complete, body not yet read.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query as they came (`*` for `OPTIONS *`).
    pub target: String,
    /// All header lines as they came, `Host` included (from `:authority` in HTTP/2).
    pub headers: Headers,
    /// The version.
    pub version: Version,
    /// The body.
    pub body: Upload,
    /// Who is connected.
    pub peer: SocketAddr,
    /// The connection has TLS.
    pub tls: bool,
    /// When the head was complete, on [`crate::clock::micros`]'s clock.
    pub received_us: u64,
}

/// What answers requests. One per worker; nothing here is `Send`.
#[expect(async_fn_in_trait, reason = "a worker is one thread, so no `Send` bound is wanted")]
pub trait Handler {
    /// Answers one request. Dropped unfinished when the client leaves.
    async fn handle(&self, request: Request) -> Response;
}

/// An answer.
pub struct Response {
    /// The status; an interim one (1xx) is sent as 502.
    pub status: StatusCode,
    /// Header lines; those about connection and framing are skipped and written from `body`.
    pub headers: Headers,
    /// The body.
    pub body: Body,
}

/// An answer's body.
pub enum Body {
    /// None.
    Empty,
    /// All of it.
    Full(Bytes),
    /// As it comes.
    Stream(Box<dyn Source>),
}

/// What gives a streamed body.
pub trait Source {
    /// The next piece. Not called again after `End` or `Abort`.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Piece>;
    /// The body's whole length, if that is known before it begins.
    fn length(&self) -> Option<u64>;
    /// So many bytes of content have gone to the client's socket.
    fn sent(&mut self, bytes: usize);
    /// The exchange is over. Called exactly once, also when the body is never asked for.
    fn over(&mut self, how: Over);
}

/// A step of a streamed body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Content.
    Data(Bytes),
    /// The clean end.
    End,
    /// The body cannot be completed: the client must not take it for whole.
    Abort,
}

/// How an exchange ended for its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// All that the source gave has gone out, its `End` or `Abort` included.
    Finished,
    /// The client left, or stopped reading for too long.
    ClientGone,
}

/// A source that is told exactly once that it is over.
pub(super) struct Feed(Option<Box<dyn Source>>);

impl Feed {
    pub(super) fn new(source: Box<dyn Source>) -> Self {
        Self(Some(source))
    }

    /// One whose source is over: it gives `Abort`.
    pub(super) const fn ended() -> Self {
        Self(None)
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        self.0.as_mut().map_or(Poll::Ready(Piece::Abort), |source| source.poll_next(cx))
    }

    pub(super) fn length(&self) -> Option<u64> {
        self.0.as_ref().and_then(|source| source.length())
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        if let Some(source) = &mut self.0 {
            source.sent(bytes);
        }
    }

    pub(super) fn finish(&mut self) {
        self.tell(Over::Finished);
    }

    fn tell(&mut self, how: Over) {
        if let Some(mut source) = self.0.take() {
            source.over(how);
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.tell(Over::ClientGone);
    }
}

/// Pieces that were ready together.
pub(super) struct Gathered {
    /// Content bytes gathered.
    pub bytes: usize,
    /// `End` or `Abort`, if that was reached.
    pub last: Option<Piece>,
}

/// Takes what is ready from `feed`, up to `limit` bytes, into `pieces`.
pub(super) fn gather(
    feed: &mut Feed,
    cx: &mut Context<'_>,
    limit: usize,
    pieces: &mut Vec<Bytes>,
) -> Gathered {
    /// More slices than this are no gain in one system call.
    const MOST: usize = 32;
    let mut gathered = Gathered { bytes: 0, last: None };
    while gathered.bytes < limit && pieces.len() < MOST {
        match feed.poll_next(cx) {
            Poll::Ready(Piece::Data(data)) => {
                gathered.bytes += data.len();
                if !data.is_empty() {
                    pieces.push(data);
                }
            }
            Poll::Ready(last @ (Piece::End | Piece::Abort)) => {
                gathered.last = Some(last);
                break;
            }
            Poll::Pending => break,
        }
    }
    gathered
}
