//! HTTP/2 to upstreams: the connections of a place, several of them where their stream limits demand it.

mod message;

pub(super) use message::{Incoming, exchange};

use super::stream::Stream;
use crate::clock;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use message::OutBody;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use tokio::sync::Mutex;
use wharf_core::host::TransportError;

/// Streams on one connection, whatever the server would allow: one lost packet holds up all of them.
const MOST_STREAMS: usize = 200;

/// What the other side may send unasked, per stream and per connection.
const STREAM_WINDOW: u32 = 512 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

/// As large a head as over HTTP/1.1.
const HEAD_LIMIT: u32 = 64 * 1024;

/// The HTTP/2 connections of one place.
#[derive(Default)]
pub(super) struct Links {
    open: RefCell<Vec<Link>>,
    /// Held while a connection is opened, where HTTP/2 is expected: the others wait, and share it.
    pub(super) dialing: Mutex<()>,
    /// A connection here has settled on HTTP/2 before.
    expected: Cell<bool>,
}

struct Link {
    sender: SendRequest<OutBody>,
    load: Rc<Load>,
}

/// How busy a connection is.
struct Load {
    streams: Cell<usize>,
    limit: Cell<usize>,
    /// When a seat was given back last, on this thread's clock.
    since_ms: Cell<u64>,
}

/// One stream's place on a connection.
pub(super) struct Seat {
    sender: SendRequest<OutBody>,
    /// Another request went over this connection before.
    pub(super) reused: bool,
    load: Rc<Load>,
}

impl Seat {
    fn new(link: &Link, reused: bool) -> Self {
        link.load.streams.set(link.load.streams.get() + 1);
        Self { sender: link.sender.clone(), reused, load: Rc::clone(&link.load) }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.load.streams.set(self.load.streams.get().saturating_sub(1));
        self.load.since_ms.set(clock::millis());
    }
}

impl Links {
    /// Whether requests to this place should wait for a connection that is being opened.
    pub(super) fn is_expected(&self) -> bool {
        self.expected.get()
    }

    /// A connection has settled on HTTP/1.1: nobody needs to wait for its outcome to be shared.
    pub(super) fn expect_none(&self) {
        self.expected.set(false);
    }

    /// A seat on a connection that has one free.
    pub(super) fn seat(&self) -> Option<Seat> {
        let mut open = self.open.borrow_mut();
        open.retain(|link| !link.sender.is_closed());
        let free = open.iter().find(|link| link.load.streams.get() < link.load.limit.get());
        free.map(|link| Seat::new(link, true))
    }

    /// Makes a connection of `stream`, and gives its first seat.
    pub(super) async fn open(&self, stream: Stream) -> Result<Seat, TransportError> {
        self.expected.set(true);
        let handshake = Builder::new(Local)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(HEAD_LIMIT)
            .handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await.map_err(|_| TransportError::Closed)?;
        let load = Rc::new(Load {
            streams: Cell::new(0),
            limit: Cell::new(connection.current_max_send_streams().clamp(1, MOST_STREAMS)),
            since_ms: Cell::new(clock::millis()),
        });
        let seen = Rc::clone(&load);
        let mut connection = Box::pin(connection);
        tokio::task::spawn_local(async move {
            let driven = std::future::poll_fn(|cx| {
                let done = connection.as_mut().poll(cx);
                seen.limit.set(connection.current_max_send_streams().clamp(1, MOST_STREAMS));
                done
            });
            if let Err(error) = driven.await {
                tracing::debug!(%error, "HTTP/2 connection ended");
            }
        });
        let link = Link { sender, load };
        let seat = Seat::new(&link, false);
        self.open.borrow_mut().push(link);
        Ok(seat)
    }

    /// Closes what has been idle for `keep_ms`.
    pub(super) fn sweep(&self, now: u64, keep_ms: u64) {
        self.open.borrow_mut().retain(|Link { sender, load }| {
            let kept = load.streams.get() > 0 || now.saturating_sub(load.since_ms.get()) < keep_ms;
            kept && !sender.is_closed()
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.borrow().is_empty()
    }
}

/// Runs hyper's tasks on this thread.
#[derive(Clone, Copy)]
struct Local;

impl<F: Future + 'static> Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
