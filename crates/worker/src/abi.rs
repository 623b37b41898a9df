//! The functions that JavaScript calls, and the two that it lends us: the only unsafe code of the Worker. Everything
//! passes through one input buffer and one list of words; what they mean is `events` and `command`.
#![expect(
    unsafe_code,
    reason = "names that a module exports, and functions that it imports, are unsafe attributes"
)]

use crate::edge::Edge;
use crate::ops::Platform;
use std::cell::RefCell;

#[link(wasm_import_module = "host")]
unsafe extern "C" {
    /// Milliseconds since 1970.
    safe fn now() -> f64;
    /// Fills so many bytes at a place in our memory with random ones.
    safe fn random(at: *mut u8, length: usize);
    /// A bug is about to stop everything; this text says where it is.
    safe fn panicked(at: *const u8, length: usize);
}

/// The platform's clock and random numbers.
#[derive(Clone, Copy, Debug)]
struct Imports;

impl Platform for Imports {
    fn now(&self) -> u64 {
        now() as u64
    }

    fn fill(&self, block: &mut [u8]) {
        random(block.as_mut_ptr(), block.len());
    }
}

thread_local! {
    static EDGE: RefCell<Edge> = RefCell::new(isolate());
}

fn isolate() -> Edge {
    // The place alone: a message may quote what a caller sent.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        panicked(place.as_ptr(), place.len());
    }));
    Edge::new(Box::new(Imports))
}

/// Runs `work` and gives the place of the words it left: their number first.
fn entry(work: impl FnOnce(&mut Edge)) -> *const u32 {
    EDGE.with_borrow_mut(|edge| {
        edge.clear();
        work(edge);
        edge.words()
    })
}

/// Makes room for `length` bytes of input, and gives its place.
#[unsafe(no_mangle)]
extern "C" fn room(length: usize) -> *mut u8 {
    EDGE.with_borrow_mut(|edge| edge.room(length).as_mut_ptr())
}

/// So many bytes of the room were filled.
#[unsafe(no_mangle)]
extern "C" fn filled(length: usize) {
    EDGE.with_borrow_mut(|edge| edge.filled(length));
}

/// Takes the configuration from the input.
#[unsafe(no_mangle)]
extern "C" fn configure() -> *const u32 {
    entry(Edge::configure)
}

/// A request; its head is the input.
#[unsafe(no_mangle)]
extern "C" fn begin(exchange: u32, has_body: u32) -> *const u32 {
    entry(|edge| edge.begin(exchange, has_body != 0))
}

/// What was asked for with `op` has come about; what it gave is the input.
#[unsafe(no_mangle)]
extern "C" fn event(exchange: u32, op: u32, kind: u32) -> *const u32 {
    entry(|edge| edge.event(exchange, op, kind))
}

/// A piece of an answer that JavaScript relays; it is the input.
#[unsafe(no_mangle)]
extern "C" fn piece(exchange: u32) -> *const u32 {
    entry(|edge| edge.piece(exchange))
}

/// The upstream's body has ended, in this way.
#[unsafe(no_mangle)]
extern "C" fn ended(exchange: u32, how: u32) -> *const u32 {
    entry(|edge| edge.ended(exchange, how))
}

/// The time that was given for an answer's next sign of life is over.
#[unsafe(no_mangle)]
extern "C" fn quiet(exchange: u32) -> *const u32 {
    entry(|edge| edge.quiet(exchange))
}

/// The client has left, or everything has gone to it.
#[unsafe(no_mangle)]
extern "C" fn left(exchange: u32, sent: f64) -> *const u32 {
    entry(|edge| edge.left(exchange, sent as u64))
}

/// One step on a Durable Object's state; both are the input.
#[unsafe(no_mangle)]
extern "C" fn step() -> *const u32 {
    entry(Edge::step)
}
