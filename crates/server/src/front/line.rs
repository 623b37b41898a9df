//! A connection's read side: transport, read buffer, and the body that is being read.
//!
//! Shared by the connection and its [`super::Upload`], as either may be the one that reads.

use super::io::Io;
use super::output::Output;
use crate::wire1::{self, BUFFER, Decoder, Framing, Step};
use bytes::{BufMut, Bytes, BytesMut};
use std::cell::{RefCell, RefMut};
use std::io::{ErrorKind, IoSlice, Result};
use std::task::{Context, Poll, ready};
use wharf_core::host::CollectError;

/// The interim answer a client waits for that has said `Expect: 100-continue`.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The most that one read of a long body asks for.
const LARGE: usize = 64 * 1024;

/// The connection's state, for its loop and its upload.
pub(super) struct Line(RefCell<State>);

/// See [`Line`].
pub(super) struct State {
    pub io: Option<Io>,
    pub buf: BytesMut,
    pub decoder: Decoder,
    /// Counts exchanges, so that an upload that outlives its own reads nothing of the next.
    exchange: u32,
    /// The handler may still read the body.
    pub upload_held: bool,
    /// The upload waits for bytes.
    pub upload_waits: bool,
    /// What is left to write of [`CONTINUE`].
    owed: &'static [u8],
    /// The client has closed its side, or the transport has failed.
    pub gone: bool,
    /// The body was not valid: nothing behind it can be understood.
    pub broken: bool,
    /// Bytes read, to tell progress from a stall.
    pub read: u64,
}

impl Line {
    pub(super) fn new(io: Io) -> Self {
        Self(RefCell::new(State {
            io: Some(io),
            buf: BytesMut::new(),
            decoder: Decoder::new(Framing::None),
            exchange: 0,
            upload_held: false,
            upload_waits: false,
            owed: &[],
            gone: false,
            broken: false,
            read: 0,
        }))
    }

    /// The state, for as long as one poll takes.
    pub(super) fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// Writes until `out` is clear.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>, out: &mut Output) -> Poll<Result<()>> {
        match &mut self.state().io {
            Some(io) => out.poll_flush(io, cx),
            None => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        }
    }

    /// Starts an exchange; its number goes to the upload.
    pub(super) fn begin(&self, framing: Framing, expects_continue: bool) -> u32 {
        let mut state = self.state();
        state.exchange = state.exchange.wrapping_add(1);
        state.decoder = Decoder::new(framing);
        state.upload_held = !state.decoder.is_done();
        state.upload_waits = false;
        state.owed = if expects_continue && state.upload_held { CONTINUE } else { &[] };
        state.exchange
    }

    /// The upload of `exchange` is dropped.
    pub(super) fn forget(&self, exchange: u32) {
        let mut state = self.state();
        if state.exchange == exchange {
            (state.upload_held, state.upload_waits) = (false, false);
        }
    }

    /// The next content of the body of `exchange`.
    pub(super) fn poll_content(
        &self,
        cx: &mut Context<'_>,
        exchange: u32,
    ) -> Poll<std::result::Result<Option<Bytes>, CollectError>> {
        let mut state = self.state();
        if state.exchange != exchange {
            return Poll::Ready(Err(CollectError::Broken));
        }
        loop {
            if let Some(step) = state.step() {
                return Poll::Ready(step);
            }
            let room =
                state.decoder.remaining().map_or(BUFFER, |left| usize::try_from(left).unwrap_or(LARGE));
            ready!(state.poll_more(cx, |state, cx| state.poll_fill(cx, room.clamp(BUFFER, LARGE))))?;
        }
    }

    /// The whole body of `exchange`, where it has come completely with the head.
    pub(super) fn take_whole(&self, exchange: u32) -> Option<Bytes> {
        let mut state = self.state();
        let left = state.decoder.remaining().and_then(|left| usize::try_from(left).ok())?;
        if state.exchange != exchange || state.buf.len() < left {
            return None;
        }
        match state.step() {
            Some(Ok(Some(body))) if body.len() == left => Some(body),
            Some(_) | None => None,
        }
    }

    /// Reads more of the body of `exchange`, straight into `whole`, past the read buffer (which is empty).
    pub(super) fn poll_direct(
        &self,
        cx: &mut Context<'_>,
        exchange: u32,
        whole: impl BufMut,
    ) -> Poll<std::result::Result<(), CollectError>> {
        let mut state = self.state();
        let left = state.decoder.remaining().and_then(|left| usize::try_from(left).ok());
        let Some(left) = left.filter(|left| state.exchange == exchange && *left > 0) else {
            return Poll::Ready(Err(CollectError::Broken));
        };
        let count = ready!(state.poll_more(cx, |state, cx| state.poll_read(cx, &mut whole.limit(left))))?;
        state.decoder.took_direct(count);
        Poll::Ready(Ok(()))
    }
}

impl State {
    /// What the read buffer holds of the body; `None` when more must be read.
    fn step(&mut self) -> Option<std::result::Result<Option<Bytes>, CollectError>> {
        let Self { decoder, buf, .. } = self;
        let step = decoder.decode(buf);
        self.rest();
        match step {
            Ok(Step::Data(data)) => Some(Ok(Some(data))),
            Ok(Step::End) => Some(Ok(None)),
            Ok(Step::More) if self.gone || self.broken => Some(Err(CollectError::Broken)),
            Ok(Step::More) => None,
            Err(_) => {
                self.broken = true;
                Some(Err(CollectError::Broken))
            }
        }
    }

    /// Reads for the upload: asks the client to go on if it waits for that, and notes whether we wait for it.
    fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
        read: impl FnOnce(&mut Self, &mut Context<'_>) -> Poll<Result<usize>>,
    ) -> Poll<std::result::Result<usize, CollectError>> {
        self.upload_waits = true;
        let count = match self.poll_continue(cx) {
            Poll::Ready(Ok(())) => ready!(read(self, cx)),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => return Poll::Pending,
        };
        self.upload_waits = false;
        match count {
            Ok(count) if count > 0 => Poll::Ready(Ok(count)),
            Ok(_) | Err(_) => {
                self.gone = true;
                Poll::Ready(Err(CollectError::Broken))
            }
        }
    }

    fn poll_continue(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        while !self.owed.is_empty() {
            let Some(io) = &mut self.io else { break };
            let count = ready!(io.poll_write_slices(cx, &[IoSlice::new(self.owed)]))?;
            self.owed = self.owed.get(count..).unwrap_or_default();
            if self.owed.is_empty() {
                ready!(tokio::io::AsyncWrite::poll_flush(std::pin::Pin::new(io), cx))?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The answer begins: from now on nothing else may be written. What is left of a begun interim answer.
    pub(super) fn settle_continue(&mut self) -> &'static [u8] {
        let owed = if self.is_unasked() { &[] } else { self.owed };
        self.owed = &[];
        owed
    }

    /// The client waits to be asked for its body, and nobody has.
    pub(super) fn is_unasked(&self) -> bool {
        self.owed.len() == CONTINUE.len()
    }

    /// Reads into the buffer, making `room` in an empty one. Without bytes to read no buffer is held.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<Result<usize>> {
        let Some(io) = &mut self.io else { return Poll::Ready(Ok(0)) };
        ready!(io.poll_readable(cx))?;
        if self.buf.capacity() == 0 {
            self.buf = wire1::take();
        }
        if self.buf.is_empty() || self.buf.capacity() - self.buf.len() < 1024 {
            self.buf.reserve(room);
        }
        let read = io.poll_read_into(cx, &mut self.buf);
        if let Poll::Ready(Ok(count)) = read {
            self.read = self.read.wrapping_add(count as u64);
        }
        if !matches!(read, Poll::Ready(Ok(1..))) {
            self.rest();
        }
        read
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut impl BufMut) -> Poll<Result<usize>> {
        let Some(io) = &mut self.io else { return Poll::Ready(Ok(0)) };
        let read = io.poll_read_into(cx, into);
        if let Poll::Ready(Ok(count)) = read {
            self.read = self.read.wrapping_add(count as u64);
        }
        read
    }

    /// Gives an empty buffer back.
    pub(super) fn rest(&mut self) {
        if self.buf.is_empty() && self.buf.capacity() > 0 {
            wire1::give(std::mem::take(&mut self.buf));
        }
    }

    /// Reads the rest of an unwanted body away, `allowed` bytes at most. Ready once the body has ended,
    /// or nothing more is read: see `decoder`, `gone` and `broken`.
    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>, allowed: &mut usize) -> Poll<()> {
        while !self.decoder.is_done() && !self.gone && !self.broken && *allowed > 0 {
            match self.step() {
                Some(Ok(Some(data))) => {
                    *allowed = allowed.saturating_sub(data.len());
                    continue;
                }
                Some(_) => break,
                None => {}
            }
            match ready!(self.poll_fill(cx, BUFFER)) {
                Ok(1..) => {}
                Ok(_) | Err(_) => self.gone = true,
            }
        }
        Poll::Ready(())
    }
}
