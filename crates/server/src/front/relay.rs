//! Passes a streamed body on to an HTTP/1.1 client: pieces that are ready together leave together,
//! and nothing waits for more.

use super::line::Line;
use super::message::{Feed, Piece, gather};
use super::output::Output;
use crate::wire1::{CHUNK_END, LAST_CHUNK, Length, chunk_head};
use bytes::Bytes;
use std::cell::RefCell;
use std::task::{Context, Poll, ready};

/// Content joined into one write, unless a single piece is longer.
const JOINED: usize = 16 * 1024;

thread_local! {
    /// Where pieces are put together: one list per thread, not per stream.
    static PIECES: RefCell<Vec<Bytes>> = const { RefCell::new(Vec::new()) };
}

/// How a relayed body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Completely.
    Whole,
    /// The client must see that it is not whole.
    Cut,
    /// The client's transport failed.
    Gone,
}

/// A streamed body on its way out.
pub(super) struct Relay {
    feed: Feed,
    chunked: bool,
    /// What may still come by `Content-Length`.
    left: Option<u64>,
    /// Content bytes in the output.
    unsent: usize,
    ending: Option<Ending>,
    /// Only the head is in the output yet: the first content goes with it.
    first: bool,
}

impl Relay {
    pub(super) const fn new(feed: Feed, length: Length) -> Self {
        let left = if let Length::Known(length) = length { Some(length) } else { None };
        let chunked = matches!(length, Length::Chunked);
        Self { feed, chunked, left, unsent: 0, ending: None, first: true }
    }

    /// Goes on as far as source and client let it. The source may hold the upload, which reads from `line`.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, out: &mut Output, line: &Line) -> Poll<Ending> {
        loop {
            let moved = self.ending.is_none() && (out.is_clear() || self.first) && self.fill(cx, out);
            self.first = false;
            let idle = out.is_clear();
            if ready!(line.poll_flush(cx, out)).is_err() {
                return Poll::Ready(Ending::Gone);
            }
            if self.unsent > 0 {
                self.feed.sent(std::mem::take(&mut self.unsent));
            }
            if let Some(ending) = self.ending {
                self.feed.finish();
                return Poll::Ready(ending);
            }
            if idle && !moved {
                return Poll::Pending;
            }
        }
    }

    /// Puts what the source has ready into the output; false if that is nothing.
    fn fill(&mut self, cx: &mut Context<'_>, out: &mut Output) -> bool {
        let mut pieces = PIECES.take();
        let gathered = gather(&mut self.feed, cx, JOINED, &mut pieces);
        self.ending = match gathered.last {
            Some(Piece::End) => Some(Ending::Whole),
            Some(Piece::Abort | Piece::Data(_)) => Some(Ending::Cut),
            None => None,
        };
        if !self.fits(gathered.bytes) {
            // More than was announced would be read as the next answer; less is no whole body.
            self.ending = Some(Ending::Cut);
            pieces.clear();
            PIECES.set(pieces);
            return true;
        }
        self.unsent += gathered.bytes;
        if self.chunked && gathered.bytes > 0 {
            chunk_head(out.front(), gathered.bytes);
        }
        for piece in pieces.drain(..) {
            out.push(piece);
        }
        PIECES.set(pieces);
        if self.chunked && gathered.bytes > 0 {
            out.push(Bytes::from_static(CHUNK_END));
        }
        if self.chunked && self.ending == Some(Ending::Whole) {
            out.push(Bytes::from_static(LAST_CHUNK));
        }
        gathered.bytes > 0 || self.ending.is_some()
    }

    /// Counts against `Content-Length`.
    const fn fits(&mut self, bytes: usize) -> bool {
        let Some(left) = self.left else { return true };
        let Some(left) = left.checked_sub(bytes as u64) else { return false };
        self.left = Some(left);
        !(matches!(self.ending, Some(Ending::Whole)) && left > 0)
    }
}
