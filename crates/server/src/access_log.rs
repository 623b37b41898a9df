//! The access log: one line per exchange, written by a thread of its own. Workers only append to a buffer, so that a
//! slow disk or terminal never slows a request; what does not fit is dropped and counted.

use crate::clock;
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use wharf_core::record::Record;
use wharf_core::record::line::{self, Measured};
use wharf_core::time::{Millis, rfc3339};

/// A worker hands its buffer over at this size (and at every tick).
const BLOCK: usize = 256 * 1024;

/// Blocks that may wait for the writer: 4 MiB.
const WAITING: usize = 16;

/// Written blocks that are kept to be filled again.
const KEPT: usize = 4;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// The writing side, one per worker.
pub struct AccessLog {
    style: Style,
    block: RefCell<Vec<u8>>,
    stamp: RefCell<Stamp>,
    sink: Option<Sink>,
}

/// The date of the last line down to its second: most lines share it with the one before.
#[derive(Default)]
struct Stamp {
    second: u64,
    text: String,
}

impl Stamp {
    /// `2026-11-21T20:51:43.` and then the milliseconds and `Z`.
    fn write(&mut self, out: &mut Vec<u8>, now: Millis) {
        let (second, ms) = (now.0 / 1000, now.0 % 1000);
        if self.second != second || self.text.is_empty() {
            self.second = second;
            self.text = rfc3339(now);
            self.text.truncate(20);
        }
        out.extend_from_slice(self.text.as_bytes());
        out.extend([ms / 100, ms / 10 % 10, ms % 10].map(|digit| b'0' + digit as u8));
        out.push(b'Z');
    }
}

/// The thread that writes, shared by the workers.
#[derive(Clone)]
pub struct Sink {
    blocks: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
    /// Written blocks, to be filled again.
    empty: Arc<Mutex<Vec<Vec<u8>>>>,
}

enum Message {
    Lines(Vec<u8>),
    Flush(SyncSender<()>),
}

impl Sink {
    /// Starts the writer: `-` is standard output, `off` (a `None` here) is nothing, all else a file that is appended to.
    ///
    /// # Errors
    /// The file cannot be opened, or there is no thread to be had.
    pub fn start(target: &str) -> io::Result<Option<Self>> {
        let out: Box<dyn Write + Send> = match target {
            "off" => return Ok(None),
            "-" => Box::new(io::stdout()),
            path => Box::new(File::options().create(true).append(true).open(Path::new(path))?),
        };
        let (blocks, waiting) = sync_channel(WAITING);
        let empty: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let written = empty.clone();
        std::thread::Builder::new().name("wharf-log".into()).spawn(move || write(out, &waiting, &written))?;
        Ok(Some(Self { blocks, dropped: Arc::default(), empty }))
    }

    /// Waits until all that was handed over is written.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.blocks.send(Message::Flush(done)).is_ok() {
            // The writer answers or is gone; both end the wait.
            let _ = wait.recv();
        }
    }

    /// A block that was written.
    fn block(&self) -> Option<Vec<u8>> {
        self.empty.lock().ok()?.pop()
    }
}

fn write(mut out: Box<dyn Write + Send>, blocks: &Receiver<Message>, empty: &Mutex<Vec<Vec<u8>>>) {
    while let Ok(message) = blocks.recv() {
        // A closed pipe or a full disk must not stop the gateway: these lines are lost, later ones may not be.
        match message {
            Message::Lines(mut lines) => {
                drop(out.write_all(&lines).and_then(|()| out.flush()));
                lines.clear();
                if let Ok(mut empty) = empty.lock()
                    && empty.len() < KEPT
                {
                    empty.push(lines);
                }
            }
            Message::Flush(done) => drop(done.send(())),
        }
    }
}

impl AccessLog {
    /// The log of one worker.
    pub fn new(style: Style, sink: Option<Sink>) -> Self {
        Self { style, block: RefCell::default(), stamp: RefCell::default(), sink }
    }

    /// Appends one line.
    pub fn line(&self, record: &Record, measured: Measured) {
        if self.sink.is_none() {
            return;
        }
        let mut block = self.block.borrow_mut();
        if block.capacity() == 0 {
            *block = self.sink.as_ref().and_then(Sink::block).unwrap_or_default();
            block.reserve(4096);
        }
        match self.style {
            Style::Json => {
                block.extend_from_slice(b"{\"time\":\"");
                self.stamp.borrow_mut().write(&mut block, clock::wall());
                block.push(b'"');
                line::members(&mut block, record, measured);
                block.extend_from_slice(b"}\n");
            }
            Style::Pretty => pretty(&mut block, clock::wall(), record, measured),
        }
        if block.len() >= BLOCK {
            drop(block);
            self.hand_over();
        }
    }

    /// Hands what there is to the writer; called at every tick.
    pub fn hand_over(&self) {
        let Some(sink) = &self.sink else { return };
        let block = std::mem::take(&mut *self.block.borrow_mut());
        if block.is_empty() {
            return;
        }
        let unsent = match sink.blocks.try_send(Message::Lines(block)) {
            Err(TrySendError::Full(unsent) | TrySendError::Disconnected(unsent)) => unsent,
            Ok(()) => return,
        };
        if let Message::Lines(block) = unsent {
            let lines = memchr::memchr_iter(b'\n', &block).count() as u64;
            let all = sink.dropped.fetch_add(lines, Ordering::Relaxed) + lines;
            tracing::warn!("the access log cannot keep up: {lines} lines dropped, {all} since the start");
        }
    }
}

fn pretty(out: &mut Vec<u8>, now: Millis, record: &Record, measured: Measured) {
    let stamp = rfc3339(now);
    let clock = stamp.get(11..23).unwrap_or(&stamp);
    let target = if record.model.is_empty() {
        record.provider.clone()
    } else {
        format!("{}/{}", record.provider, record.model).into()
    };
    let tokens = |n: Option<u64>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let printed = |s: &str| s.chars().map(|c| if c.is_control() { '?' } else { c }).collect::<String>();
    let mut line = format!(
        "{clock} {} {} {} {} {}B {:.1}ms",
        record.status,
        record.method,
        printed(record.path()),
        printed(&target),
        measured.bytes,
        measured.end_us as f64 / 1000.0
    );
    if record.usage.input.is_some() || record.usage.output.is_some() {
        line += &format!(" tokens {}+{}", tokens(record.usage.input), tokens(record.usage.output));
    }
    for (word, on) in [("cut", record.cut), ("client-gone", measured.gone)] {
        if on {
            line = format!("{line} {word}");
        }
    }
    if !record.gave_way.is_empty() {
        line = format!("{line} after {}", record.gave_way.join(", "));
    }
    if !record.error.is_empty() {
        line = format!("{line} {}", record.error);
    }
    out.extend_from_slice(format!("{line} id={} caller={}\n", record.id, record.caller).as_bytes());
}
