//! The mock upstream: an OpenAI-compatible server on one thread that answers at once.
//!
//! Any POST gets a JSON chat completion, or server-sent events when its body says `"stream":true`.
//! `POST /__cfg?chunks=…&chunk_bytes=…&interval_us=…&batch=…&body_bytes=…&pause_us=…` changes the answers of a running mock,
//! `/__stats` only reads the counters; both answer with them.

use crate::process::Group;
use crate::{Result, probe};
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::thread::sleep;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::task::LocalSet;

mod answers;
mod connection;

/// Command line of `mock`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Loopback port to listen on
    #[arg(long, default_value_t = 19100)]
    port: u16,
    /// Stop by itself after this many seconds
    #[arg(long, default_value_t = 3600)]
    seconds: u64,
}

/// Starts a mock as a process of its own, and waits until it answers.
pub(crate) fn spawn(directory: &Path, port: u16) -> Result<Group> {
    let program = std::env::current_exe()?;
    let words = [program.to_string_lossy().as_ref(), "mock", "--port", &port.to_string()].map(str::to_owned);
    let mut mock = Group::spawn(&words, directory, &directory.join("mock.log"))?;
    while probe::post(port, "/__stats", b"").is_err() {
        if mock.has_ended() {
            return Err("the mock ended at its start".into());
        }
        sleep(Duration::from_millis(1));
    }
    Ok(mock)
}

/// What the answers look like.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Knobs {
    /// Content chunks of a stream.
    pub(crate) chunks: u64,
    /// Bytes of one chunk's event.
    pub(crate) chunk_bytes: u64,
    /// Time between two chunks; 0 sends them back to back.
    pub(crate) interval_us: u64,
    /// Chunks handed to the socket at a time.
    pub(crate) batch: u64,
    /// Bytes of a JSON answer.
    pub(crate) body_bytes: u64,
    /// Time between the halves of a JSON answer.
    pub(crate) pause_us: u64,
}

impl Default for Knobs {
    fn default() -> Self {
        Self { chunks: 50, chunk_bytes: 220, interval_us: 0, batch: 1, body_bytes: 700, pause_us: 0 }
    }
}

impl Knobs {
    /// Takes over the settings of a query; false if one is unknown.
    fn set(&mut self, query: &str) -> bool {
        query.split('&').filter(|pair| !pair.is_empty()).all(|pair| {
            let Some((name, Ok(value))) = pair.split_once('=').map(|(n, v)| (n, v.parse())) else {
                return false;
            };
            match name {
                "chunks" => self.chunks = value,
                "chunk_bytes" => self.chunk_bytes = value,
                "interval_us" => self.interval_us = value,
                "batch" => self.batch = value,
                "body_bytes" => self.body_bytes = value,
                "pause_us" => self.pause_us = value,
                _ => return false,
            }
            true
        })
    }

    /// The settings as a query for `/__cfg`.
    pub(crate) fn query(&self) -> String {
        let Self { chunks, chunk_bytes, interval_us, batch, body_bytes, pause_us } = self;
        format!(
            "chunks={chunks}&chunk_bytes={chunk_bytes}&interval_us={interval_us}&batch={batch}&body_bytes={body_bytes}&pause_us={pause_us}"
        )
    }
}

/// What the mock has seen.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Counters {
    pub(crate) connections: u64,
    pub(crate) requests: u64,
    pub(crate) streams: u64,
    pub(crate) open_streams: u64,
    /// Streams whose reader left before the end.
    pub(crate) aborted_streams: u64,
    /// Requests that didn't carry an upstream key: the gateway in between does less than it should.
    pub(crate) wrong_key: u64,
}

/// Shared by all connections of the one thread.
struct Mock {
    knobs: Cell<Knobs>,
    counters: Cell<Counters>,
    answers: RefCell<Rc<answers::Answers>>,
}

impl Mock {
    fn new() -> Self {
        let knobs = Knobs::default();
        let answers = RefCell::new(Rc::new(answers::Answers::new(&knobs)));
        Self { knobs: Cell::new(knobs), counters: Cell::default(), answers }
    }

    fn count(&self, change: impl FnOnce(&mut Counters)) {
        let mut counters = self.counters.get();
        change(&mut counters);
        self.counters.set(counters);
    }

    fn configure(&self, query: &str) -> bool {
        let mut knobs = self.knobs.get();
        let known = knobs.set(query);
        if known {
            self.knobs.set(knobs);
            self.answers.replace(Rc::new(answers::Answers::new(&knobs)));
        }
        known
    }

    fn answers(&self) -> Rc<answers::Answers> {
        Rc::clone(&self.answers.borrow())
    }
}

/// Serves until the time is up.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let limit = Duration::from_secs(args.seconds);
    let listening = async { tokio::time::timeout(limit, listen(args.port)).await };
    // Running out of time is the normal end.
    runtime.block_on(LocalSet::new().run_until(listening)).unwrap_or(Ok(()))?;
    Ok(ExitCode::SUCCESS)
}

async fn listen(port: u16) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    let listener = socket.listen(4096)?;
    let mock = Rc::new(Mock::new());
    loop {
        // Out of descriptors is the likely error: let some streams end first.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        stream.set_nodelay(true)?;
        mock.count(|counters| counters.connections += 1);
        let mock = Rc::clone(&mock);
        tokio::task::spawn_local(async move {
            // A broken connection ends with its counters; there is nobody to tell.
            let _ = connection::serve(stream, &mock).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_sets_what_it_names_and_nothing_else() {
        let mut knobs = Knobs::default();
        assert!(knobs.set("chunks=7&interval_us=5000"));
        assert_eq!(knobs, Knobs { chunks: 7, interval_us: 5000, ..Knobs::default() });
        assert!(!knobs.set("color=red"));
        assert!(!knobs.set("chunks=many"));
    }

    #[test]
    fn a_query_says_all_settings() {
        let knobs = Knobs { chunks: 1, chunk_bytes: 2, interval_us: 3, batch: 4, body_bytes: 5, pause_us: 6 };
        let mut read = Knobs::default();
        assert!(read.set(&knobs.query()));
        assert_eq!(read, knobs);
    }
}
