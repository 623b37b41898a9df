//! The client side: listens, reads requests, hands them to a [`Handler`], writes its answers.
//!
//! HTTP/1.1 is spoken by our own engine (strict about heads, cheap per request and per held
//! stream), HTTP/2 by hyper, both before the same handler. What a request means is not known here.

mod answer;
mod conn;
mod date;
mod drain;
mod h2;
mod io;
mod large;
mod line;
mod listen;
mod message;
mod output;
mod relay;
mod upload;

#[cfg(test)]
mod tests;

pub(crate) use date::write as http_date;
pub use drain::Drain;
pub use large::sweep;
pub use listen::{bind, serve};
pub use message::{Body, Handler, Over, Piece, Request, Response, Source};
pub use upload::Upload;

use crate::wire1;
use std::cell::Cell;
use std::rc::Rc;
use tokio_rustls::TlsAcceptor;

/// What a listener is told beside its address and its handler.
#[derive(Clone)]
pub struct Settings {
    /// The greatest head, in bytes.
    pub head: usize,
    /// From a head's first byte to its last, and for a TLS handshake.
    pub head_ms: u64,
    /// How long a connection may wait for its next request.
    pub idle_ms: u64,
    /// How long a client may neither take the answer nor go on with its body.
    pub stall_ms: u64,
    /// How long a refused client's bytes are read away, so that it sees the answer.
    pub linger_ms: u64,
    /// TLS, where the listener speaks it. [`serve`] does not set ALPN: `h2` and `http/1.1` are both served.
    pub tls: Option<TlsAcceptor>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            head: wire1::HEAD_LIMIT,
            head_ms: 10_000,
            idle_ms: 120_000,
            stall_ms: 300_000,
            linger_ms: 5_000,
            tls: None,
        }
    }
}

/// How far a worker is with stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// No new exchange.
    Draining,
    /// No exchange at all.
    Cut,
}

/// What all connections of one listener on one worker share.
struct Worker<H> {
    handler: Rc<H>,
    settings: Settings,
    phase: Cell<Phase>,
}
