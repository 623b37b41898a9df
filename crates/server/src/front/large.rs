//! Buffers for bodies that are read whole. Fresh memory for each would be page faults for each: a worker keeps what it
//! used last, for a short while, and gives it back when bodies of that size stop coming.

use crate::clock;
use bytes::{Bytes, BytesMut};
use std::cell::RefCell;

/// Bodies below this are the allocator's business.
const LARGE: usize = 256 * 1024;

/// Bytes that one worker keeps at most: two bodies of the usual limit's third.
const KEPT: usize = 24 << 20;

/// How long an unused buffer is kept.
const IDLE_MS: u64 = 2_000;

thread_local! {
    static SPARE: RefCell<Vec<Spare>> = const { RefCell::new(Vec::new()) };
}

struct Spare {
    buffer: BytesMut,
    since_ms: u64,
}

/// A buffer for `length` bytes: one that is kept, if it fits without waste, else a new one.
pub(super) fn take(length: usize) -> BytesMut {
    let kept = SPARE.with_borrow_mut(|spare| {
        let fits = |s: &Spare| (length..=length.saturating_mul(2)).contains(&s.buffer.capacity());
        let at = spare.iter().position(fits)?;
        Some(spare.swap_remove(at).buffer)
    });
    kept.unwrap_or_else(|| BytesMut::with_capacity(length))
}

/// A filled buffer as bytes; its memory comes back here when the last of them is dropped.
pub(super) fn freeze(buffer: BytesMut) -> Bytes {
    if buffer.len() < LARGE { buffer.freeze() } else { Bytes::from_owner(Filled(buffer)) }
}

/// Frees what was not used lately. Called when the worker looks after its idle things.
pub fn sweep() {
    let now = clock::millis();
    SPARE.with_borrow_mut(|spare| spare.retain(|s| now.saturating_sub(s.since_ms) < IDLE_MS));
}

struct Filled(BytesMut);

impl AsRef<[u8]> for Filled {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.0);
        buffer.clear();
        // At a thread's end there is nobody left to keep it for.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            let kept: usize = spare.iter().map(|s| s.buffer.capacity()).sum();
            if kept + buffer.capacity() <= KEPT {
                spare.push(Spare { buffer, since_ms: clock::millis() });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_buffer_is_used_again_until_it_was_idle_for_long() {
        let mut buffer = take(LARGE);
        buffer.resize(LARGE, 7);
        let place = buffer.as_ptr();
        let body = freeze(buffer);
        let slice = body.slice(1..);
        drop(body);
        assert!(take(LARGE).as_ptr() != place, "it is still in use");
        drop(slice);
        let again = take(LARGE);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
        drop(freeze({
            let mut buffer = again;
            buffer.resize(LARGE, 7);
            buffer
        }));
        clock::skip_millis(IDLE_MS);
        sweep();
        SPARE.with_borrow(|spare| assert!(spare.is_empty()));
    }
}
