//! What waits to be written to a client: one growing front (heads, small pieces), then shared slices.

use super::io::Io;
use crate::wire1;
use bytes::{Buf, Bytes, BytesMut};
use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

/// Slices handed to one system call: the front, 32 pieces and a chunk's end.
const SLICES: usize = 34;

/// Pieces up to this size are copied behind the head: one `send` of one slice is the cheapest write.
pub(super) const COPIED: usize = 4 * 1024;

/// See the module.
#[derive(Default)]
pub(super) struct Output {
    front: BytesMut,
    queue: VecDeque<Bytes>,
    /// Something was written that TLS may still hold.
    unflushed: bool,
    /// Bytes written, to tell progress from a stall.
    pub written: u64,
}

impl Output {
    /// The buffer that is written first.
    pub(super) fn front(&mut self) -> &mut BytesMut {
        if self.front.capacity() == 0 {
            self.front = wire1::take();
        }
        &mut self.front
    }

    /// Adds content behind everything else, copied if it is small and nothing shared is before it.
    pub(super) fn push(&mut self, piece: Bytes) {
        if piece.len() <= COPIED && self.queue.is_empty() && self.front.len() + piece.len() <= wire1::BUFFER {
            self.front().extend_from_slice(&piece);
        } else {
            self.queue.push_back(piece);
        }
    }

    /// Everything has reached the socket.
    pub(super) fn is_clear(&self) -> bool {
        self.front.is_empty() && self.queue.is_empty() && !self.unflushed
    }

    /// Writes until everything has reached the socket; no buffer is held then.
    pub(super) fn poll_flush(&mut self, io: &mut Io, cx: &mut Context<'_>) -> Poll<Result<()>> {
        while !(self.front.is_empty() && self.queue.is_empty()) {
            let count = ready!(self.poll_write(io, cx))?;
            if count == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            self.unflushed = io.is_tls();
            self.written = self.written.wrapping_add(count as u64);
            self.advance(count);
        }
        if self.unflushed {
            ready!(Pin::new(io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&self, io: &mut Io, cx: &mut Context<'_>) -> Poll<Result<usize>> {
        if self.queue.is_empty() {
            return io.poll_write_slices(cx, &[IoSlice::new(&self.front)]);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let parts = std::iter::once(&*self.front).chain(self.queue.iter().map(|piece| &**piece));
        let mut used = 0;
        for (slot, part) in slices.iter_mut().zip(parts.filter(|part| !part.is_empty())) {
            *slot = IoSlice::new(part);
            used += 1;
        }
        io.poll_write_slices(cx, slices.get(..used).unwrap_or_default())
    }

    fn advance(&mut self, mut count: usize) {
        let front = count.min(self.front.len());
        self.front.advance(front);
        count -= front;
        if self.front.is_empty() && self.front.capacity() > 0 {
            wire1::give(std::mem::take(&mut self.front));
        }
        while let Some(piece) = self.queue.front_mut() {
            if count < piece.len() {
                piece.advance(count);
                return;
            }
            count -= piece.len();
            self.queue.pop_front();
        }
        // A burst's queue is not kept while the stream waits.
        if self.queue.capacity() > 4 {
            self.queue = VecDeque::new();
        }
    }
}
