//! The Worker as the core's host: every wish becomes a command for JavaScript, and a future that waits for its event.

use crate::command::{Commands, Tag, UNKNOWN};
use crate::events;
use crate::ops::{Event, Shared};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::future::Future;
use std::rc::Rc;
use wharf_core::egress;
use wharf_core::headers::{Headers, text};
use wharf_core::host::{
    Answer, CollectError, Egress, Host, Origin, Payload, Scheme, TransportError, UpstreamRequest,
};
use wharf_core::store::{Op, Reply, Shard, StoreError};
use wharf_core::time::Millis;
use wharf_wire::scan::Arrived;

/// One isolate's host; clones share everything.
#[derive(Clone)]
pub struct Worker(Rc<Inner>);

struct Inner {
    shared: Rc<Shared>,
    random: RefCell<Random>,
}

/// An answer's body, which JavaScript holds.
pub struct Body {
    /// The op of the call that it answers.
    pub id: u32,
    /// How long it may be silent.
    pub idle: Millis,
    /// The answer's headers as they came.
    pub headers: Headers,
    /// How much there will be to read, where that is known.
    length: Option<u64>,
    read: u64,
    ended: bool,
    shared: Rc<Shared>,
    handed_over: Cell<bool>,
}

/// The longest body that is read at once, and so held whole: above it memory counts for more than the time that is saved.
const SHORT: u64 = 256 * 1024;

impl Body {
    fn new(id: u32, idle: Millis, headers: Headers, shared: Rc<Shared>) -> Self {
        // Of what is in a coding the platform undoes it, or nobody knows how long it becomes.
        let plain = !headers.contains_key(CONTENT_ENCODING);
        let length = text(&headers, CONTENT_LENGTH).filter(|_| plain);
        let length = length.and_then(|length| length.trim().parse().ok());
        let handed_over = Cell::new(false);
        Self { id, idle, headers, length, read: 0, ended: false, shared, handed_over }
    }

    /// Events may come one by one, whatever their length in all.
    fn is_short(&self) -> bool {
        let is_stream =
            || text(&self.headers, CONTENT_TYPE).is_some_and(|media| media.contains("event-stream"));
        self.length.is_some_and(|length| length <= SHORT) && !is_stream()
    }

    /// Everything was read.
    pub fn is_over(&self) -> bool {
        self.ended || self.length == Some(self.read)
    }

    /// Everything was read, at once: JavaScript has it.
    pub fn is_at_hand(&self) -> bool {
        self.is_over() && self.is_short()
    }

    /// How much there is to read, as `Tag::Respond` has it.
    pub fn length(&self) -> u32 {
        self.length.and_then(|length| u32::try_from(length).ok()).unwrap_or(UNKNOWN)
    }

    /// From here on JavaScript sees to it.
    pub fn hand_over(&self) {
        self.handed_over.set(true);
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if !self.handed_over.get() {
            self.shared.commands.borrow_mut().put(Tag::Drop, &[self.id]);
        }
    }
}

/// The client's body, which JavaScript holds. There is one in an exchange.
pub struct Upload;

impl Worker {
    /// A host over what the isolate shares.
    pub fn new(shared: Rc<Shared>) -> Self {
        Self(Rc::new(Inner { shared, random: RefCell::default() }))
    }

    /// What the isolate shares.
    pub fn shared(&self) -> &Rc<Shared> {
        &self.0.shared
    }
}

impl Host for Worker {
    const HINTS: bool = true;
    // A Worker may wait for six heads at once: <https://developers.cloudflare.com/workers/platform/limits/>.
    const PARALLEL: usize = 6;
    // `fetch` undoes these when a body is read: <https://developers.cloudflare.com/workers/runtime-apis/fetch/>.
    const DECODES: &'static [&'static str] = &["gzip", "br"];
    type Body = Body;
    type Upload = Upload;

    fn now(&self) -> Millis {
        Millis(self.0.shared.platform.now())
    }

    fn random(&self) -> u64 {
        self.0.random.borrow_mut().next(&self.0.shared)
    }

    async fn send(&self, request: UpstreamRequest<Upload>) -> Result<Answer<Body>, TransportError> {
        let (shared, timeouts) = (&self.0.shared, request.timeouts);
        let text = head(&request);
        let pending = shared.ask(Tag::Send, &[milliseconds(timeouts.first_byte)]);
        let id = pending.op;
        shared.commands.borrow_mut().bytes(text.into());
        put_body(&mut shared.commands.borrow_mut(), request.body);
        let Event { kind, bytes } = pending.await;
        if kind != events::DONE {
            return Err(events::transport(kind));
        }
        let (status, headers) = read_head(&bytes).ok_or(TransportError::Garbage)?;
        let body = Body::new(id, timeouts.idle, headers.clone(), shared.clone());
        Ok(Answer { status, headers, body })
    }

    async fn reaches(&self, egress: &Egress) -> bool {
        let Egress::Hint(hint) = egress else { return true };
        let pending = self.0.shared.ask(Tag::Reach, &[]);
        self.0.shared.commands.borrow_mut().bytes(Bytes::copy_from_slice(hint.as_bytes()));
        pending.await.kind == events::DONE
    }

    async fn read(&self, body: &mut Body) -> Result<Option<Bytes>, TransportError> {
        if body.is_over() {
            return Ok(None);
        }
        let how = if body.is_short() && body.read == 0 { Tag::Whole } else { Tag::Read };
        let asked = self.0.shared.ask(how, &[body.id, milliseconds(body.idle)]);
        match asked.await {
            Event { kind: events::PIECE, bytes } => {
                body.read += bytes.len() as u64;
                Ok(Some(bytes))
            }
            Event { kind: events::END, .. } => {
                body.ended = true;
                Ok(None)
            }
            Event { kind, .. } => Err(events::transport(kind)),
        }
    }

    fn reads_whole(&self, body: &Body) -> bool {
        body.is_short()
    }

    async fn collect(&self, _: &mut Upload, limit: usize) -> Result<Arrived, CollectError> {
        let event = self.0.shared.ask(Tag::Collect, &[u32::try_from(limit).unwrap_or(UNKNOWN)]).await;
        match event {
            Event { kind: events::DONE, bytes } => Ok(bytes.into()),
            Event { kind, .. } => Err(events::collect(kind)),
        }
    }

    async fn receive(&self, _: &mut Upload) -> Result<Option<Bytes>, CollectError> {
        match self.0.shared.ask(Tag::Receive, &[]).await {
            Event { kind: events::PIECE, bytes } => Ok(Some(bytes)),
            Event { kind: events::END, .. } => Ok(None),
            Event { kind, .. } => Err(events::collect(kind)),
        }
    }

    fn whole(&self, _: &mut Upload) -> Option<Bytes> {
        None
    }

    async fn sleep(&self, wait: Millis) {
        self.0.shared.ask(Tag::Sleep, &[milliseconds(wait)]).await;
    }

    async fn call(&self, shard: &Shard, op: Op) -> Result<Reply, StoreError> {
        let shared = &self.0.shared;
        if !shared.strict.get() {
            return shared.memory.call(shard, &op);
        }
        let op = serde_json::to_string(&op).map_err(|_| StoreError::Failed)?;
        let pending = shared.ask(Tag::Call, &[shared.patience.get()]);
        shared.commands.borrow_mut().bytes(format!("{}\n{op}", shard.0).into());
        let Event { kind, bytes } = pending.await;
        if kind != events::DONE {
            return Err(events::store(kind));
        }
        serde_json::from_slice(&bytes).map_err(|_| StoreError::Failed)
    }

    fn defer(&self, work: impl Future<Output = ()> + 'static) {
        self.0.shared.deferred.borrow_mut().push(Box::pin(work));
    }
}

/// JavaScript's timers take 31 bits; no limit of ours comes near.
fn milliseconds(wait: Millis) -> u32 {
    wait.0.min(i32::MAX as u64) as u32
}

/// Method, URL and way out, then the headers, a line for each name and each value.
fn head(request: &UpstreamRequest<Upload>) -> Vec<u8> {
    let mut text = String::with_capacity(1024);
    let Origin { scheme, .. } = &*request.origin;
    let scheme = match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    let way = egress::word(&request.egress);
    // Writing to a string cannot fail.
    let _ = write!(text, "{}\n{scheme}://{}{}\n{way}", request.method, request.authority, request.path);
    let mut text = text.into_bytes();
    let own = request.own.iter().map(|(name, value)| (name, value));
    for (name, value) in request.headers.iter().chain(own) {
        push_line(&mut text, name, value);
    }
    text
}

/// A header as two lines; neither can hold a line's end.
pub fn push_line(text: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    text.push(b'\n');
    text.extend_from_slice(name.as_str().as_bytes());
    text.push(b'\n');
    text.extend_from_slice(value.as_bytes());
}

/// Headers from lines of name and value in turn. What the platform lets through and HTTP does not is left out.
pub fn read_lines<'t>(mut lines: impl Iterator<Item = &'t [u8]>) -> Headers {
    let mut headers = Headers::with_capacity(24);
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    headers
}

fn read_head(text: &[u8]) -> Option<(StatusCode, Headers)> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let status = StatusCode::from_bytes(lines.next()?).ok()?;
    Some((status, read_lines(lines)))
}

/// The body of a call, as `Tag::Send` has it.
fn put_body(commands: &mut Commands, body: Payload<Upload>) {
    match body {
        Payload::Empty => commands.numbers(&[0]),
        Payload::Bytes(segments) => {
            let pieces: Vec<Bytes> = segments.iter().cloned().collect();
            commands.numbers(&[1, pieces.len() as u32]);
            for piece in pieces {
                commands.bytes(piece);
            }
        }
        Payload::Stream { first, rest: Upload, length } => {
            commands.numbers(&[2]);
            commands.bytes(first);
            let length = length.and_then(|length| u32::try_from(length).ok()).unwrap_or(UNKNOWN);
            commands.numbers(&[length]);
        }
    }
}

/// Random numbers from the platform, fetched in blocks.
struct Random {
    block: [u8; 512],
    used: usize,
}

impl Default for Random {
    fn default() -> Self {
        Self { block: [0; 512], used: 512 }
    }
}

impl Random {
    fn next(&mut self, shared: &Shared) -> u64 {
        if self.used + 8 > self.block.len() {
            shared.platform.fill(&mut self.block);
            self.used = 0;
        }
        let mut word = [0; 8];
        if let Some(bytes) = self.block.get(self.used..self.used + 8) {
            word.copy_from_slice(bytes);
        }
        self.used += 8;
        u64::from_le_bytes(word)
    }
}
