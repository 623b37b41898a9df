//! A request's body as a handler sees it, whatever HTTP version it comes in.

use super::h2::Incoming;
use super::large;
use super::line::Line;
use bytes::{Bytes, BytesMut};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use wharf_core::host::CollectError;
use wharf_wire::scan::{Arrived, Arriving};

/// A request's body. It is read while the handler (or its answer's source) runs; may be dropped unread.
pub struct Upload(Kind);

enum Kind {
    Empty,
    Held(Bytes),
    Line { line: Rc<Line>, exchange: u32, length: Option<u64> },
    H2(Box<Incoming>),
}

impl Upload {
    /// No body.
    pub const fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// A body that is there already.
    pub const fn held(body: Bytes) -> Self {
        Self(Kind::Held(body))
    }

    pub(super) const fn line(line: Rc<Line>, exchange: u32, length: Option<u64>) -> Self {
        Self(Kind::Line { line, exchange, length })
    }

    pub(super) fn h2(incoming: Incoming) -> Self {
        Self(Kind::H2(Box::new(incoming)))
    }

    /// The body's whole length, if the client has said it.
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Kind::Empty => Some(0),
            Kind::Held(body) => Some(body.len() as u64),
            Kind::Line { length, .. } => *length,
            Kind::H2(incoming) => incoming.length(),
        }
    }

    /// True if there is no body at all: neither a length nor chunks were announced.
    pub const fn is_empty(&self) -> bool {
        matches!(self.0, Kind::Empty)
    }

    /// The whole body, if it is here already: taken without waiting, so that it can be sent more than once.
    pub fn whole(&mut self) -> Option<Bytes> {
        match &mut self.0 {
            Kind::Empty => Some(Bytes::new()),
            Kind::Held(body) => Some(std::mem::take(body)),
            Kind::Line { line, exchange, .. } => line.take_whole(*exchange),
            Kind::H2(_) => None,
        }
    }

    /// The next piece; `None` at the clean end.
    ///
    /// # Errors
    /// `Broken`: the client closed inside the body, or it is not valid.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, CollectError>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(Ok(None)),
            Kind::Held(body) => Poll::Ready(Ok(Some(std::mem::take(body)).filter(|body| !body.is_empty()))),
            Kind::Line { line, exchange, .. } => line.poll_content(cx, *exchange),
            Kind::H2(incoming) => incoming.poll_chunk(cx),
        }
    }

    /// The next piece; `None` at the clean end.
    ///
    /// # Errors
    /// As [`poll_chunk`](Self::poll_chunk).
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, CollectError> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// The whole body.
    ///
    /// # Errors
    /// `TooLarge` once it is known to be over `limit`, by its length before anything is read; else as
    /// [`poll_chunk`](Self::poll_chunk).
    pub async fn collect(&mut self, limit: usize) -> Result<Arrived, CollectError> {
        let length = self.length();
        if length.is_some_and(|length| length > limit as u64) {
            return Err(CollectError::TooLarge);
        }
        let Some(first) = self.chunk().await? else { return Ok(Arrived::default()) };
        if first.len() > limit {
            return Err(CollectError::TooLarge);
        }
        match length.and_then(|length| usize::try_from(length).ok()) {
            Some(length) if length == first.len() => Ok(first.into()),
            Some(length) => self.collect_known(first, length).await,
            None => self.collect_open(first, limit).await.map(Arrived::from),
        }
    }

    /// Reserves once and reads into place.
    async fn collect_known(&mut self, first: Bytes, length: usize) -> Result<Arrived, CollectError> {
        let mut whole = Arriving::new(large::take(length));
        whole.push(&first);
        drop(first);
        while whole.len() < length {
            if let Kind::Line { line, exchange, .. } = &self.0 {
                poll_fn(|cx| line.poll_direct(cx, *exchange, whole.room())).await?;
                whole.look();
            } else {
                let piece = self.chunk().await?.ok_or(CollectError::Broken)?;
                whole.push(&piece);
            }
        }
        Ok(whole.finish(large::freeze))
    }

    async fn collect_open(&mut self, first: Bytes, limit: usize) -> Result<Bytes, CollectError> {
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut whole = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(piece) = next {
            if whole.len() + piece.len() > limit {
                return Err(CollectError::TooLarge);
            }
            whole.extend_from_slice(&piece);
            next = self.chunk().await?;
        }
        Ok(whole.freeze())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Kind::Line { line, exchange, .. } = &self.0 {
            line.forget(*exchange);
        }
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("length", &self.length()).finish_non_exhaustive()
    }
}
