//! A per-thread store of read and write buffers, so that a waiting connection holds none.

use bytes::BytesMut;
use std::cell::RefCell;

/// The size of a pooled buffer.
///
/// A head with a 16 KiB prompt behind it fits: one read. It costs little, as nothing that waits holds one.
pub const BUFFER: usize = 20 * 1024;

/// Buffers kept per thread (1.25 MiB at most).
const KEPT: usize = 64;

thread_local! {
    static POOL: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer with at least [`BUFFER`] bytes of room.
pub fn take() -> BytesMut {
    POOL.with_borrow_mut(Vec::pop).unwrap_or_else(|| BytesMut::with_capacity(BUFFER))
}

/// Gives a buffer back. One that has grown, or whose memory is still shared with a `Bytes`, is let go.
pub fn give(mut buffer: BytesMut) {
    buffer.clear();
    if buffer.capacity() > 2 * BUFFER || !buffer.try_reclaim(BUFFER) {
        return;
    }
    POOL.with_borrow_mut(|pool| {
        if pool.len() < KEPT {
            pool.push(buffer);
        }
    });
}
