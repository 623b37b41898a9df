//! Between the front and the core: a request goes in, an answer comes out, and its record is logged when it is over,
//! also when the client has left.

use crate::access_log::AccessLog;
use crate::clock;
use crate::front::{Body, Drain, Handler, Over, Piece, Request, Response, Source};
use crate::native::Native;
use crate::reload::{InForce, Live};
use crate::upstream;
use crate::wheel::Deadline;
use bytes::Bytes;
use http::Method;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use wharf_core::exchange::{Core, Incoming, OutBody, Outgoing, Stream};
use wharf_core::host::TransportError;
use wharf_core::record::Record;
use wharf_core::record::line::Measured;
use wharf_core::time::Millis;
use wharf_wire::relay::End;

/// What one worker serves with.
pub struct Gateway {
    core: RefCell<Rc<Core<Native>>>,
    /// What is in force, and which version of it `core` has.
    live: Arc<Live>,
    seen: Cell<u64>,
    /// Where records go.
    pub log: Rc<AccessLog>,
    /// Whether we still take traffic.
    pub drain: Drain,
}

impl Gateway {
    /// Serves with what is in force.
    pub fn new(
        live: Arc<Live>,
        log: Rc<AccessLog>,
        drain: Drain,
        first: impl FnOnce(InForce) -> Rc<Core<Native>>,
    ) -> Self {
        let (version, in_force) = live.look();
        Self { core: RefCell::new(first(in_force)), live, seen: Cell::new(version), log, drain }
    }

    /// The core for a request that begins now. It stays the request's own, whatever comes into force meanwhile.
    fn core(&self) -> Rc<Core<Native>> {
        self.follow();
        self.core.borrow().clone()
    }

    /// Takes over what has come into force.
    pub fn follow(&self) {
        if self.live.version() == self.seen.get() {
            return;
        }
        let (version, InForce { table, state }) = self.live.look();
        self.seen.set(version);
        let next = {
            let core = self.core.borrow();
            core.succeed(table, core.host.over(state))
        };
        self.core.replace(next);
    }
}

impl Handler for Gateway {
    async fn handle(&self, request: Request) -> Response {
        let head = request.method == Method::HEAD;
        let mut settle = Settle::new(self.log.clone(), request.received_us);
        let incoming = Incoming {
            method: request.method,
            target: request.target,
            authority: None,
            headers: request.headers,
            length: request.body.length(),
            body: (!request.body.is_empty()).then_some(request.body),
            place: None,
            ready: !self.drain.is_draining(),
        };
        let core = self.core();
        let outgoing = core.serve(incoming, &mut settle.record).await;
        respond(outgoing, settle, head, core.table.keepalive)
    }
}

fn respond(
    outgoing: Outgoing<upstream::Body>,
    mut settle: Settle,
    head: bool,
    keepalive: Option<Millis>,
) -> Response {
    let Outgoing { status, headers, body } = outgoing;
    settle.measured.head_us = settle.passed();
    let body = match body {
        OutBody::Full(bytes) => {
            settle.measured.bytes = if head { 0 } else { bytes.len() as u64 };
            settle.over(Over::Finished);
            if bytes.is_empty() { Body::Empty } else { Body::Full(bytes) }
        }
        OutBody::Stream(_) | OutBody::Paced(..) if head => {
            settle.over(Over::Finished);
            Body::Empty
        }
        OutBody::Paced(pieces, pace) => {
            let pace = Duration::from_millis(pace.0);
            Body::Stream(Box::new(Paced { pieces, pace, wait: None, settle }))
        }
        OutBody::Stream(stream) => {
            let body = stream.body.as_ref().filter(|_| stream.lane.keeps_length());
            let length = body.and_then(upstream::Body::length);
            let quiet = Quiet { keepalive: keepalive.filter(|_| length.is_none()), ..Quiet::default() };
            Body::Stream(Box::new(Relayed { stream, length, settle, tail: Tail::Open, quiet }))
        }
    };
    Response { status, headers, body }
}

/// What is logged once an exchange is over. Dropped before that, the client left before there was an answer.
struct Settle {
    log: Rc<AccessLog>,
    record: Box<Record>,
    started: u64,
    measured: Measured,
    logged: bool,
}

impl Settle {
    fn new(log: Rc<AccessLog>, started: u64) -> Self {
        Self { log, record: Box::default(), started, measured: Measured::default(), logged: false }
    }

    fn passed(&self) -> u64 {
        clock::micros().saturating_sub(self.started)
    }

    fn sent(&mut self, bytes: usize) {
        if self.measured.bytes == 0 {
            self.measured.first_us = self.passed();
        }
        self.measured.bytes += bytes as u64;
    }

    fn over(&mut self, how: Over) {
        // The end is what the client had to wait for, our own work included.
        clock::renew();
        self.measured.gone = how == Over::ClientGone;
        self.measured.end_us = self.passed();
        self.logged = true;
        self.log.line(&self.record, self.measured);
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        if !self.logged {
            self.over(Over::ClientGone);
        }
    }
}

/// An upstream's body on its way.
struct Relayed {
    stream: Box<Stream<upstream::Body>>,
    length: Option<u64>,
    settle: Settle,
    tail: Tail,
    quiet: Quiet,
}

/// What happens while nothing comes. Costs nothing until something has to be waited for.
#[derive(Default)]
struct Quiet {
    /// How long until the client hears from us.
    keepalive: Option<Millis>,
    deadline: Option<Deadline>,
    armed: bool,
}

impl Quiet {
    /// Ready once nothing came for `limit`.
    fn poll(&mut self, cx: &Context<'_>, limit: Millis) -> Poll<()> {
        let deadline = self.deadline.get_or_insert_default();
        if !self.armed {
            deadline.set(limit.0);
            self.armed = true;
        }
        deadline.poll_expired(cx)
    }
}

/// Where a body is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tail {
    /// More may come.
    Open,
    /// A last piece of ours has gone out.
    Appended,
    /// `End` or `Abort` was given.
    Over,
}

impl Relayed {
    fn end(&mut self, end: End) -> Piece {
        let finish = self.stream.lane.finish(end, &mut self.settle.record, clock::wall());
        self.stream.body = None;
        // A length that was promised leaves no room for bytes of ours.
        if finish.abort || (!finish.append.is_empty() && self.length.is_some()) {
            self.tail = Tail::Over;
            return Piece::Abort;
        }
        if finish.append.is_empty() {
            self.tail = Tail::Over;
            return Piece::End;
        }
        self.tail = Tail::Appended;
        Piece::Data(finish.append)
    }

    /// What is left of the answer's time, where it has one.
    fn time_left(&self) -> Option<Millis> {
        self.stream.lane.deadline().map(|at| at.since(clock::wall()))
    }

    /// Nothing is there: the client is kept waiting, hears a sign of life, or is told that this was all.
    fn wait(&mut self, cx: &Context<'_>) -> Poll<Piece> {
        loop {
            let left = self.time_left();
            if left == Some(Millis(0)) {
                return Poll::Ready(self.end(End::IdleTimeout));
            }
            let limit = self.quiet.keepalive.into_iter().chain(left).min();
            let Some(limit) = limit else { return Poll::Pending };
            if self.quiet.poll(cx, limit).is_pending() {
                return Poll::Pending;
            }
            self.quiet.armed = false;
            if self.time_left() != Some(Millis(0))
                && self.quiet.keepalive.is_some()
                && let Some(sign) = self.stream.lane.keepalive()
            {
                return Poll::Ready(Piece::Data(sign));
            }
        }
    }
}

impl Source for Relayed {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        if self.tail == Tail::Appended {
            self.tail = Tail::Over;
            return Poll::Ready(Piece::End);
        }
        if self.stream.lane.is_over() && self.tail == Tail::Open {
            return Poll::Ready(self.end(End::Clean));
        }
        if let Some(first) = self.stream.first.take() {
            return Poll::Ready(Piece::Data(self.stream.lane.push(first)));
        }
        if self.time_left() == Some(Millis(0)) {
            return Poll::Ready(self.end(End::IdleTimeout));
        }
        let polled = match &mut self.stream.body {
            Some(body) => body.poll_chunk(cx),
            None => Poll::Ready(Ok(None)),
        };
        if polled.is_pending() {
            return self.wait(cx);
        }
        self.quiet.armed = false;
        Poll::Ready(match polled {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(Some(piece))) => Piece::Data(self.stream.lane.push(piece)),
            Poll::Ready(Ok(None)) => self.end(End::Clean),
            Poll::Ready(Err(TransportError::IdleTimeout)) => self.end(End::IdleTimeout),
            Poll::Ready(Err(_)) => self.end(End::Cut),
        })
    }

    fn length(&self) -> Option<u64> {
        self.length
    }

    fn sent(&mut self, bytes: usize) {
        self.settle.sent(bytes);
    }

    fn over(&mut self, how: Over) {
        if self.tail == Tail::Open {
            self.stream.lane.abandon(&mut self.settle.record);
        }
        self.settle.over(how);
    }
}

/// Pieces of our own with a pause before each.
struct Paced {
    pieces: VecDeque<Bytes>,
    pace: Duration,
    wait: Option<Pin<Box<tokio::time::Sleep>>>,
    settle: Settle,
}

impl Source for Paced {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        if self.pieces.is_empty() {
            return Poll::Ready(Piece::End);
        }
        let pace = self.pace;
        let wait = self.wait.get_or_insert_with(|| Box::pin(tokio::time::sleep(pace)));
        if wait.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.wait = None;
        Poll::Ready(self.pieces.pop_front().map_or(Piece::End, Piece::Data))
    }

    fn length(&self) -> Option<u64> {
        None
    }

    fn sent(&mut self, bytes: usize) {
        self.settle.sent(bytes);
    }

    fn over(&mut self, how: Over) {
        self.settle.over(how);
    }
}
