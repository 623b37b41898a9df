//! The only place of this crate that reads a clock.
//!
//! Reading it costs a few dozen nanoseconds, and a request asks a dozen times. So a task may run [`by_turns`]: all that
//! happens in one poll happens at one time, but for where [`renew`] says otherwise. Elsewhere each call reads anew.

#![expect(clippy::disallowed_methods, reason = "clocks are read here and handed on as numbers")]

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wharf_core::time::Millis;

/// No turn: every call reads the clock.
const OUTSIDE: u64 = u64::MAX;

/// A turn in which the clock has not been read yet.
const UNREAD: u64 = u64::MAX - 1;

/// For how long the time of day may be told from the monotonic clock, in microseconds: a clock that is set is seen
/// this much later.
const IN_STEP: u64 = 1_000_000;

thread_local! {
    static ORIGIN: Instant = Instant::now();
    /// What tests have added to this thread's monotonic clock.
    static SKIPPED_US: Cell<u64> = const { Cell::new(0) };
    /// This turn's reading, or one of the two above.
    static TURN: Cell<u64> = const { Cell::new(OUTSIDE) };
    /// A reading of both clocks: monotonic, and time of day in microseconds.
    static BOTH: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
}

/// Runs a future that reads the clock at most once in each of its polls.
pub async fn by_turns<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        TURN.set(UNREAD);
        let polled = future.as_mut().poll(cx);
        TURN.set(OUTSIDE);
        polled
    })
    .await
}

/// Lets the next call read the clock, whatever this turn has read.
pub fn renew() {
    if TURN.get() != OUTSIDE {
        TURN.set(UNREAD);
    }
}

fn read() -> u64 {
    micros_of(ORIGIN.with(Instant::elapsed))
}

fn raw() -> u64 {
    match TURN.get() {
        OUTSIDE => read(),
        UNREAD => {
            let now = read();
            TURN.set(now);
            now
        }
        now => now,
    }
}

/// Microseconds on this thread's monotonic clock; not comparable between threads.
pub fn micros() -> u64 {
    raw().saturating_add(SKIPPED_US.get())
}

/// Milliseconds on this thread's monotonic clock; not comparable between threads.
pub fn millis() -> u64 {
    micros() / 1000
}

/// The time of day.
pub fn wall() -> Millis {
    let now = raw();
    let micros = match BOTH.get() {
        Some((then, day)) if TURN.get() != OUTSIDE && now.saturating_sub(then) < IN_STEP => {
            day.saturating_add(now.saturating_sub(then))
        }
        _ => {
            let day = micros_of(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
            BOTH.set(Some((now, day)));
            day
        }
    };
    Millis(micros / 1000)
}

fn micros_of(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(time.subsec_micros()))
}

/// Moves this thread's monotonic clock on, so that tests need not wait.
#[cfg(test)]
pub(crate) fn skip_millis(ms: u64) {
    SKIPPED_US.set(SKIPPED_US.get() + ms * 1000);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn a_turn_has_one_time_unless_it_is_renewed() {
        let spin = |from: u64| while read() == from {};
        let mut polls = pin!(by_turns(poll_fn(|_| {
            let now = micros();
            spin(now);
            assert_eq!(micros(), now);
            renew();
            assert!(micros() > now);
            Poll::<()>::Pending
        })));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(polls.as_mut().poll(&mut cx).is_pending());
        assert!(polls.as_mut().poll(&mut cx).is_pending());
        let outside = micros();
        spin(outside);
        assert!(micros() > outside);
    }
}
