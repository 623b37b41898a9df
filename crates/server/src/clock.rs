//! The only place of this crate that reads a clock.

#![expect(clippy::disallowed_methods, reason = "clocks are read here and handed on as numbers")]

use std::cell::Cell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use wharf_core::time::Millis;

thread_local! {
    static ORIGIN: Instant = Instant::now();
    /// What tests have added to this thread's monotonic clock.
    static SKIPPED_US: Cell<u64> = const { Cell::new(0) };
}

/// Microseconds on this thread's monotonic clock; not comparable between threads.
pub fn micros() -> u64 {
    let passed = ORIGIN.with(Instant::elapsed).as_micros();
    u64::try_from(passed).unwrap_or(u64::MAX).saturating_add(SKIPPED_US.get())
}

/// Milliseconds on this thread's monotonic clock; not comparable between threads.
pub fn millis() -> u64 {
    micros() / 1000
}

/// The time of day.
pub fn wall() -> Millis {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Millis(u64::try_from(passed).unwrap_or(u64::MAX))
}

/// Moves this thread's monotonic clock on, so that tests need not wait.
#[cfg(test)]
pub(crate) fn skip_millis(ms: u64) {
    SKIPPED_US.set(SKIPPED_US.get() + ms * 1000);
}
