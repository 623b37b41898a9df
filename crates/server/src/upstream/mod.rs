//! The way out: HTTP to upstreams, over one worker's own connections. Nothing here is shared between threads but the
//! TLS configuration, and nothing decides whether to try again: the core does.

mod body;
mod dial;
mod dns;
mod h1;
mod h2;
mod pool;
mod proxy;
mod stream;
mod timer;
mod tls;

#[cfg(test)]
mod tests;

pub use body::Body;
pub use pool::Limits;
pub use tls::Tls;

use crate::wire1::Length;
use bytes::Bytes;
use dial::Dialer;
use http::Method;
use pool::{Place, Pool};
use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use stream::Stream;
use tokio::time::{sleep, timeout};
use wharf_core::host::{Answer, CollectError, Egress, HttpVersion, Payload, TransportError, UpstreamRequest};
use wharf_core::time::Millis;

/// How often idle connections are looked through.
const SWEEP: Duration = Duration::from_secs(5);

/// A client's request body that is sent on as it comes.
#[expect(async_fn_in_trait, reason = "used generically on one thread, so no `Send` bound is wanted")]
pub trait Upload {
    /// The next piece; `None` at the clean end.
    async fn chunk(&mut self) -> Result<Option<Bytes>, CollectError>;
}

/// For requests whose body never comes from a client.
impl Upload for Infallible {
    async fn chunk(&mut self) -> Result<Option<Bytes>, CollectError> {
        match *self {}
    }
}

/// One worker's HTTP client; clones share connections and counts.
#[derive(Clone)]
pub struct Client {
    worker: Rc<Worker>,
}

struct Worker {
    dialer: Dialer,
    pool: Pool,
    opened: Cell<u64>,
    reused: Cell<u64>,
    stale: Cell<u64>,
}

/// What a worker's connections have done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections opened.
    pub opened: u64,
    /// Requests sent over a connection that another one had used.
    pub reused: u64,
    /// Kept connections that turned out closed only when a request was sent.
    pub stale: u64,
    /// HTTP/1.1 connections that are idle now.
    pub idle: usize,
}

/// What a request goes over.
enum Connection {
    Http1 { stream: Stream, reused: bool },
    Http2(h2::Seat),
}

impl Client {
    /// A client for this worker. Must be called inside its runtime: idle connections are swept by a task.
    pub fn new(tls: Arc<Tls>, limits: Limits) -> Self {
        let worker = Rc::new(Worker {
            dialer: Dialer::new(tls),
            pool: Pool::new(limits),
            opened: Cell::default(),
            reused: Cell::default(),
            stale: Cell::default(),
        });
        let swept = Rc::downgrade(&worker);
        let period = SWEEP.min(limits.idle_for);
        tokio::task::spawn_local(async move {
            loop {
                sleep(period).await;
                match swept.upgrade() {
                    Some(worker) => worker.pool.sweep(),
                    None => return,
                }
            }
        });
        Self { worker }
    }

    /// Sends `request`, and waits for the answer's head. Dropping the future closes the connection.
    ///
    /// # Errors
    /// See [`TransportError`]; [`TransportError::Stale`] only where a kept connection was used.
    pub async fn send<U: Upload>(
        &self,
        mut request: UpstreamRequest<U>,
    ) -> Result<Answer<Body>, TransportError> {
        let worker = &*self.worker;
        let proxy = match &request.egress {
            Egress::Proxy(proxy) => Some(proxy),
            Egress::Direct | Egress::Hint(_) => None,
        };
        let place = worker.pool.place(&request.origin, proxy, request.version);
        let kept = if request.fresh { None } else { kept(&place) };
        let connection = match kept {
            Some(connection) => connection,
            None => Box::pin(worker.connect(&place, request.timeouts.connect, request.fresh)).await?,
        };
        let answer = match connection {
            Connection::Http1 { stream, reused } => {
                worker.count(reused);
                h1::exchange(place, stream, reused, &mut request).await
            }
            Connection::Http2(seat) => {
                worker.count(seat.reused);
                Box::pin(h2::exchange(&place, seat, request)).await
            }
        };
        if matches!(answer, Err(TransportError::Stale)) {
            worker.stale.set(worker.stale.get() + 1);
        }
        answer
    }

    /// What this worker's connections have done so far.
    pub fn counts(&self) -> Counts {
        let Worker { pool, opened, reused, stale, .. } = &*self.worker;
        Counts { opened: opened.get(), reused: reused.get(), stale: stale.get(), idle: pool.idle() }
    }
}

/// A connection that is there already.
fn kept(place: &Place) -> Option<Connection> {
    if let Some(seat) = place.links.seat() {
        return Some(Connection::Http2(seat));
    }
    place.take().map(|stream| Connection::Http1 { stream, reused: true })
}

impl Worker {
    fn count(&self, reused: bool) {
        let counter = if reused { &self.reused } else { &self.opened };
        counter.set(counter.get() + 1);
    }

    /// A new connection, all of it within `limit`.
    async fn connect(&self, place: &Place, limit: Millis, fresh: bool) -> Result<Connection, TransportError> {
        match timeout(Duration::from_millis(limit.0), self.connect_unlimited(place, fresh)).await {
            Ok(done) => done,
            Err(_) => {
                self.dialer.give_up(place.route());
                Err(TransportError::ConnectTimeout)
            }
        }
    }

    async fn connect_unlimited(&self, place: &Place, fresh: bool) -> Result<Connection, TransportError> {
        let prior = place.route().version == HttpVersion::Http2;
        // One HTTP/2 connection serves everybody that waits for it.
        let mut turn = None;
        if !fresh && (prior || place.links.is_expected()) {
            turn = Some(place.links.dialing.lock().await);
            if let Some(seat) = place.links.seat() {
                return Ok(Connection::Http2(seat));
            }
        }
        let stream = self.dialer.dial(place.route()).await?;
        let connection = if prior || stream.is_h2() {
            Connection::Http2(place.links.open(stream).await?)
        } else {
            place.links.expect_none();
            Connection::Http1 { stream, reused: false }
        };
        drop(turn);
        Ok(connection)
    }
}

/// How a request's body is framed.
fn send_length<U>(request: &UpstreamRequest<U>) -> Length {
    // RFC 9110 §8.6: a method that usually has a body says so when there is none.
    let empty = match request.method {
        Method::POST | Method::PUT | Method::PATCH => Length::Known(0),
        _ => Length::Unsaid,
    };
    match &request.body {
        Payload::Empty => empty,
        Payload::Bytes(body) if body.is_empty() => empty,
        Payload::Bytes(body) => Length::Known(body.len() as u64),
        Payload::Stream { length: Some(length), .. } => Length::Known(*length),
        Payload::Stream { length: None, .. } => Length::Chunked,
    }
}
