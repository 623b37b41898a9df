//! What was asked of JavaScript and has not come back: a future for each, woken when its event comes.

use crate::command::{Commands, Tag};
use crate::flow::Flow;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use wharf_core::store::memory::Memory;
use wharf_core::time::Millis;

/// The platform's clock and random numbers.
pub trait Platform {
    /// Milliseconds since 1970.
    fn now(&self) -> u64;
    /// Fills a block with random bytes.
    fn fill(&self, block: &mut [u8]);
}

/// A piece of work that goes on beside an exchange.
pub type Work = Pin<Box<dyn Future<Output = ()>>>;

/// What everything in one isolate shares.
pub struct Shared {
    /// Clock and random numbers.
    pub platform: Box<dyn Platform>,
    /// What JavaScript is to do next.
    pub commands: RefCell<Commands>,
    /// Work that was deferred during this call.
    pub deferred: RefCell<Vec<Work>>,
    /// Answers that JavaScript relays, by exchange.
    pub flows: RefCell<HashMap<u32, Flow>>,
    /// How long a Durable Object may take, in milliseconds.
    pub patience: Cell<u32>,
    /// Rotation is strict: pools are kept in Durable Objects. Else what is learnt of keys stays in the isolate.
    pub strict: Cell<bool>,
    /// Pools that are kept here.
    pub memory: Memory,
    /// The longest silence that any provider is allowed, in milliseconds.
    pub longest: Cell<u64>,
    /// How long a client may hear nothing of an answer that we write ourselves.
    pub keepalive: Cell<Option<Millis>>,
    /// The access log is written.
    pub logs: Cell<bool>,
    waiting: RefCell<HashMap<u32, Waiting>>,
    next: Cell<u32>,
}

/// How an op came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened: see `events`.
    pub kind: u32,
    /// What it gave.
    pub bytes: Bytes,
}

#[derive(Default)]
struct Waiting {
    waker: Option<Waker>,
    event: Option<Event>,
}

impl Shared {
    /// Nothing is under way yet.
    pub fn new(platform: Box<dyn Platform>) -> Rc<Self> {
        Rc::new(Self {
            platform,
            commands: RefCell::default(),
            deferred: RefCell::default(),
            flows: RefCell::default(),
            patience: Cell::new(2000),
            strict: Cell::new(false),
            memory: Memory::default(),
            longest: Cell::new(0),
            keepalive: Cell::new(None),
            logs: Cell::new(true),
            waiting: RefCell::default(),
            next: Cell::new(1),
        })
    }

    /// Asks for something: a command whose first number is the op's, and what waits for it.
    pub fn ask(self: &Rc<Self>, tag: Tag, numbers: &[u32]) -> Pending {
        let op = self.next.get();
        // Zero is never one; four thousand million later the first is long gone.
        self.next.set(op.checked_add(1).unwrap_or(1));
        self.waiting.borrow_mut().insert(op, Waiting::default());
        let mut commands = self.commands.borrow_mut();
        commands.put(tag, &[op]);
        commands.numbers(numbers);
        drop(commands);
        Pending { op, shared: self.clone(), done: false }
    }

    /// An event has come; it may be for an op that nobody waits for any more.
    pub fn complete(&self, op: u32, event: Event) {
        let mut waiting = self.waiting.borrow_mut();
        let Some(slot) = waiting.get_mut(&op) else { return };
        slot.event = Some(event);
        let waker = slot.waker.take();
        drop(waiting);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// How many ops are under way.
    pub fn under_way(&self) -> usize {
        self.waiting.borrow().len()
    }
}

/// Waits for an op's event. Dropped before it, the op is cancelled.
pub struct Pending {
    /// The op.
    pub op: u32,
    shared: Rc<Shared>,
    done: bool,
}

impl Future for Pending {
    type Output = Event;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Event> {
        let mut waiting = self.shared.waiting.borrow_mut();
        let slot = waiting.entry(self.op).or_default();
        let Some(event) = slot.event.take() else {
            slot.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        drop(waiting);
        self.shared.waiting.borrow_mut().remove(&self.op);
        self.done = true;
        Poll::Ready(event)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.done {
            self.shared.waiting.borrow_mut().remove(&self.op);
            // Also when its event is here and nobody has looked at it: an answer may hang on it.
            self.shared.commands.borrow_mut().put(Tag::Cancel, &[self.op]);
        }
    }
}
