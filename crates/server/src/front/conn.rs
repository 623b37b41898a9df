//! One HTTP/1.1 connection: head, handler, answer, and again.
//!
//! While the handler runs or the answer streams, the client is watched: when it leaves, both are dropped.

use super::answer::{self, Asked, Outgoing, Plan};
use super::io::Io;
use super::line::Line;
use super::message::{Handler, Request, Response};
use super::output::Output;
use super::relay::{Ending, Relay};
use super::upload::Upload;
use super::{Phase, Worker};
use crate::clock;
use crate::wheel::Deadline;
use crate::wire1::{BUFFER, Framing, HeadError, Length, RequestHead, Scan};
use bytes::{Buf, BytesMut};
use http::StatusCode;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::net::TcpStream;

/// How an HTTP/2 connection without TLS begins.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// An unread body up to this size is read away to keep the connection.
const DISCARDED: usize = 64 * 1024;

/// A refused client's bytes are read away up to this size.
const LINGERED: usize = 8 * 1024 * 1024;

/// What became of a connection.
pub(super) enum Ended {
    /// It is over.
    Closed,
    /// The client speaks HTTP/2: transport, and what was read.
    Http2(Io, BytesMut),
}

/// What the deadline is armed for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Armed {
    Off,
    Idle,
    Head,
    /// No progress since so many bytes were read or written.
    Stall(u64),
    Linger,
}

enum Next {
    Head(RequestHead),
    Refused(HeadError),
    Http2,
    Gone,
}

struct Conn<'a, H> {
    worker: &'a Worker<H>,
    line: Rc<Line>,
    output: Output,
    deadline: Deadline,
    armed: Armed,
    peer: SocketAddr,
    tls: bool,
    /// Nothing has been answered yet: it may still turn out to be HTTP/2.
    first: bool,
}

/// Serves a connection to its end.
pub(super) async fn serve<H: Handler>(worker: &Worker<H>, io: Io, peer: SocketAddr) -> Ended {
    let tls = io.is_tls();
    let mut conn = Conn {
        worker,
        line: Rc::new(Line::new(io)),
        output: Output::default(),
        deadline: Deadline::new(),
        armed: Armed::Off,
        peer,
        tls,
        first: true,
    };
    let ended = conn.run().await;
    // An upload that is still held somewhere must not keep the socket open.
    let mut state = conn.line.state();
    let io = state.io.take();
    let read = std::mem::take(&mut state.buf);
    match io {
        Some(io) if ended => Ended::Http2(io, read),
        _ => Ended::Closed,
    }
}

impl<H: Handler> Conn<'_, H> {
    /// True if the connection goes on as HTTP/2.
    async fn run(&mut self) -> bool {
        loop {
            let mut scan = Scan::default();
            match poll_fn(|cx| self.poll_head(cx, &mut scan)).await {
                Next::Head(head) => {
                    self.first = false;
                    if !self.exchange(head).await {
                        return false;
                    }
                }
                Next::Refused(error) => {
                    answer::refuse(self.output.front(), error.status());
                    self.flush().await;
                    self.linger().await;
                    return false;
                }
                Next::Http2 => return true,
                Next::Gone => return false,
            }
        }
    }

    fn poll_head(&mut self, cx: &mut Context<'_>, scan: &mut Scan) -> Poll<Next> {
        let line = Rc::clone(&self.line);
        let mut state = line.state();
        loop {
            if let Some(next) = self.take_head(&mut state.buf, scan) {
                state.rest();
                self.disarm();
                return Poll::Ready(next);
            }
            match state.poll_fill(cx, BUFFER) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(_) | Err(_)) => return Poll::Ready(Next::Gone),
                Poll::Pending => {
                    let idle = state.buf.is_empty();
                    match self.worker.phase.get() {
                        Phase::Cut => return Poll::Ready(Next::Gone),
                        Phase::Draining if idle => return Poll::Ready(Next::Gone),
                        Phase::Draining | Phase::Running => {}
                    }
                    let settings = &self.worker.settings;
                    let (what, ms) =
                        if idle { (Armed::Idle, settings.idle_ms) } else { (Armed::Head, settings.head_ms) };
                    self.arm(what, ms);
                    ready!(self.deadline.poll_expired(cx));
                    return Poll::Ready(Next::Gone);
                }
            }
        }
    }

    /// A head from what has been read, if that is enough to tell.
    fn take_head(&self, buf: &mut BytesMut, scan: &mut Scan) -> Option<Next> {
        if buf.is_empty() {
            return None;
        }
        if self.first && buf.starts_with(b"PRI") {
            let seen = buf.len().min(PREFACE.len());
            if buf.get(..seen) == PREFACE.get(..seen) {
                return (seen == PREFACE.len()).then_some(Next::Http2);
            }
        }
        match scan.find(buf, self.worker.settings.head) {
            Ok(None) => None,
            Err(error) => Some(Next::Refused(error)),
            Ok(Some(end)) => {
                let head = RequestHead::parse(buf.get(..end).unwrap_or_default());
                buf.advance(end);
                Some(head.map_or_else(Next::Refused, Next::Head))
            }
        }
    }

    /// One request and its answer; true if the connection can serve another.
    async fn exchange(&mut self, head: RequestHead) -> bool {
        let asked = Asked::new(&head.method, head.version, head.keep_alive);
        let exchange = self.line.begin(head.framing, head.expect_continue);
        let body = match head.framing {
            Framing::None | Framing::UntilClose => Upload::empty(),
            Framing::Length(length) => Upload::line(Rc::clone(&self.line), exchange, Some(length)),
            Framing::Chunked => Upload::line(Rc::clone(&self.line), exchange, None),
        };
        let request = Request {
            method: head.method,
            target: head.target,
            headers: head.headers,
            version: head.version,
            body,
            peer: self.peer,
            tls: self.tls,
            received_us: clock::micros(),
        };
        let Some(response) = self.handle(request).await else { return false };
        let Response { status, headers, body } = response;
        let plan = answer::plan(asked, status, &headers, body, self.can_keep());
        let begun = self.line.state().settle_continue();
        self.output.front().extend_from_slice(begun);
        answer::write(self.output.front(), asked, &plan, &headers);
        drop(headers);
        let Plan { length, keep_alive, body, .. } = plan;
        let whole = match body {
            Outgoing::None => self.flush().await,
            Outgoing::Full(bytes) => {
                self.output.push(bytes);
                self.flush().await
            }
            Outgoing::Stream(feed) => self.relay(Relay::new(feed, length), length).await,
        };
        whole && self.finish(keep_alive).await
    }

    /// Runs the handler; `None` if the client left meanwhile. Boxed: a held stream does not carry its state.
    async fn handle(&mut self, request: Request) -> Option<Response> {
        let worker = self.worker;
        let mut handling = Box::pin(worker.handler.handle(request));
        let response = poll_fn(|cx| {
            if let Poll::Ready(response) = handling.as_mut().poll(cx) {
                return Poll::Ready(Some(response));
            }
            ready!(self.poll_departed(cx));
            Poll::Ready(None)
        })
        .await;
        self.disarm();
        response
    }

    /// Whether our side can go on after this exchange, as far as can be told before its answer.
    fn can_keep(&self) -> bool {
        let state = self.line.state();
        let readable = state.decoder.is_done()
            || !state.is_unasked() && state.decoder.remaining().is_none_or(|left| left <= DISCARDED as u64);
        self.worker.phase.get() == Phase::Running && readable && !state.broken && !state.gone
    }

    /// Ready when the client has left, stalls, or the worker cuts.
    fn poll_departed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let line = Rc::clone(&self.line);
        let mut state = line.state();
        if state.upload_waits {
            self.arm(Armed::Stall(state.read), self.worker.settings.stall_ms);
        } else if self.output.is_clear() {
            self.disarm();
        }
        if !state.decoder.is_done() && !state.upload_held && !state.is_unasked() {
            let mut allowed = DISCARDED;
            if state.poll_discard(cx, &mut allowed).is_ready() && allowed == 0 {
                cx.waker().wake_by_ref();
            }
        }
        // A next request's bytes are kept, up to a buffer full; behind those nobody looks.
        while (state.decoder.is_done() || state.is_unasked() && !state.upload_held)
            && !state.gone
            && state.buf.len() < BUFFER
        {
            match state.poll_fill(cx, BUFFER) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(_) | Err(_)) => state.gone = true,
                Poll::Pending => break,
            }
        }
        if state.gone || self.worker.phase.get() == Phase::Cut {
            return Poll::Ready(());
        }
        self.deadline.poll_expired(cx)
    }

    /// Streams a body; true if it went out whole.
    async fn relay(&mut self, mut relay: Relay, length: Length) -> bool {
        let ending = poll_fn(|cx| {
            if let Poll::Ready(ending) = relay.poll(cx, &mut self.output, &self.line) {
                return Poll::Ready(ending);
            }
            ready!(self.poll_blocked(cx));
            Poll::Ready(Ending::Gone)
        })
        .await;
        self.disarm();
        if ending == Ending::Cut
            && length == Length::Unsaid
            && let Some(io) = &self.line.state().io
        {
            // Without length or chunks the close itself is the end: only a reset tells it is none.
            io.reset_on_close();
        }
        ending == Ending::Whole
    }

    /// Ready when waiting on is of no use: see [`Self::poll_departed`]; also if the client takes nothing.
    fn poll_blocked(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.output.is_clear() {
            self.arm(Armed::Stall(self.output.written), self.worker.settings.stall_ms);
        }
        self.poll_departed(cx)
    }

    /// Writes what waits; false if the client left.
    async fn flush(&mut self) -> bool {
        let written = poll_fn(|cx| {
            if let Poll::Ready(result) = self.line.poll_flush(cx, &mut self.output) {
                return Poll::Ready(result.is_ok());
            }
            ready!(self.poll_blocked(cx));
            Poll::Ready(false)
        })
        .await;
        self.disarm();
        written
    }

    /// After a complete answer: true if the next request can be read.
    async fn finish(&mut self, keep_alive: bool) -> bool {
        if self.line.state().decoder.is_done() {
            if !keep_alive {
                self.close().await;
            }
            return keep_alive;
        }
        if keep_alive {
            let mut allowed = DISCARDED;
            poll_fn(|cx| {
                let line = Rc::clone(&self.line);
                if line.state().poll_discard(cx, &mut allowed).is_ready() {
                    return Poll::Ready(());
                }
                self.arm(Armed::Head, self.worker.settings.head_ms);
                self.deadline.poll_expired(cx)
            })
            .await;
            self.disarm();
            let state = self.line.state();
            if state.decoder.is_done() && !state.broken {
                return true;
            }
        }
        self.linger().await;
        false
    }

    /// Ends our side; under TLS with its goodbye.
    async fn close(&mut self) {
        let line = Rc::clone(&self.line);
        self.arm(Armed::Linger, self.worker.settings.linger_ms);
        poll_fn(|cx| {
            let shut = match &mut line.state().io {
                Some(io) if io.is_tls() => tokio::io::AsyncWrite::poll_shutdown(pin!(io), cx).map(drop),
                _ => Poll::Ready(()),
            };
            if shut.is_ready() { Poll::Ready(()) } else { self.deadline.poll_expired(cx) }
        })
        .await;
        self.disarm();
    }

    /// Ends our side and reads the client's bytes away for a while: closed at once, the unread ones
    /// would make the kernel reset the connection, and the client might never see its answer.
    async fn linger(&mut self) {
        let line = Rc::clone(&self.line);
        let (mut shut, mut left) = (false, LINGERED);
        self.arm(Armed::Linger, self.worker.settings.linger_ms);
        poll_fn(|cx| {
            let mut state = line.state();
            if !shut {
                shut = match &mut state.io {
                    Some(io) => tokio::io::AsyncWrite::poll_shutdown(pin!(io), cx).is_ready(),
                    None => true,
                };
            }
            loop {
                state.buf.clear();
                match state.poll_fill(cx, BUFFER) {
                    Poll::Ready(Ok(count)) if count > 0 && left > count => left -= count,
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => break,
                }
            }
            if self.worker.phase.get() == Phase::Cut {
                return Poll::Ready(());
            }
            self.deadline.poll_expired(cx)
        })
        .await;
    }

    fn arm(&mut self, what: Armed, ms: u64) {
        if self.armed != what {
            self.armed = what;
            self.deadline.set(ms);
        }
    }

    fn disarm(&mut self) {
        if self.armed != Armed::Off {
            self.armed = Armed::Off;
            self.deadline.clear();
        }
    }
}

/// Refuses a connection there is no place for, without a task: its socket's buffer holds the answer.
pub(super) fn turn_away(tcp: &TcpStream) {
    let mut out = crate::wire1::take();
    answer::refuse(&mut out, StatusCode::SERVICE_UNAVAILABLE);
    // The client is to be rid of, whether it sees why or not.
    let _unseen = socket2::SockRef::from(&tcp).send(&out);
    crate::wire1::give(out);
}
