//! Coarse deadlines: one table and one sweeping task per thread, instead of one tokio timer per wait.
//!
//! Setting one writes a number; the sweeper sleeps until the earliest it has seen and looks the
//! table through. A deadline fires up to [`GRAIN`] ms late. It says nothing about what then happens.

use crate::clock;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::marker::PhantomData;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The least time between two sweeps.
pub const GRAIN: u64 = 20;

/// Not armed.
const OFF: u64 = u64::MAX;
/// Its time has come.
const FIRED: u64 = 0;

#[derive(Default)]
struct Table {
    /// When each slot is due.
    due: RefCell<Vec<u64>>,
    /// Who waits for each slot.
    wakers: RefCell<Vec<Option<Waker>>>,
    free: RefCell<Vec<u32>>,
    /// When the sweeper looks next; `OFF` while it waits to be woken.
    next: Cell<u64>,
    sweeper: Cell<Option<Waker>>,
    running: Cell<bool>,
}

thread_local! {
    static TABLE: Table = Table::default();
}

/// One deadline, set and cleared any number of times. Belongs to the thread that made it.
#[derive(Debug)]
pub struct Deadline {
    slot: u32,
    /// Slots are a thread's own.
    here: PhantomData<*const ()>,
}

impl Deadline {
    /// An unarmed deadline. Call it inside a current-thread runtime (`LocalRuntime` or `LocalSet`).
    pub fn new() -> Self {
        TABLE.with(|table| {
            let free = table.free.borrow_mut().pop();
            let slot = free.unwrap_or_else(|| {
                let mut due = table.due.borrow_mut();
                due.push(OFF);
                table.wakers.borrow_mut().push(None);
                u32::try_from(due.len() - 1).unwrap_or(u32::MAX)
            });
            Self { slot, here: PhantomData }
        })
    }

    /// Arms it, anew if it was armed or has fired.
    pub fn set(&self, ms_from_now: u64) {
        let at = clock::millis().saturating_add(ms_from_now).clamp(FIRED + 1, OFF - 1);
        TABLE.with(|table| {
            table.put(self.slot, at);
            table.attend(at);
        });
    }

    /// Disarms it.
    pub fn clear(&self) {
        TABLE.with(|table| table.put(self.slot, OFF));
    }

    /// Ready once it has fired, until it is set or cleared.
    ///
    /// Also when it is not armed the task is remembered, and woken by [`wake_all`].
    pub fn poll_expired(&self, cx: &Context<'_>) -> Poll<()> {
        TABLE.with(|table| {
            if table.due.borrow().get(self.slot as usize) == Some(&FIRED) {
                return Poll::Ready(());
            }
            if let Some(waker) = table.wakers.borrow_mut().get_mut(self.slot as usize)
                && !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()))
            {
                *waker = Some(cx.waker().clone());
            }
            Poll::Pending
        })
    }

    /// Returns once it has fired.
    pub async fn expired(&self) {
        poll_fn(|cx| self.poll_expired(cx)).await;
    }
}

impl Default for Deadline {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        // At the end of a thread the table may be gone before its last deadlines.
        let _gone = TABLE.try_with(|table| {
            table.put(self.slot, OFF);
            let waker = table.wakers.borrow_mut().get_mut(self.slot as usize).and_then(Option::take);
            table.free.borrow_mut().push(self.slot);
            drop(waker);
        });
    }
}

/// Wakes every task of this thread that looked at a deadline: something outside has changed.
pub fn wake_all() {
    TABLE.with(|table| table.wakers.borrow().iter().flatten().for_each(Waker::wake_by_ref));
}

impl Table {
    fn put(&self, slot: u32, at: u64) {
        if let Some(due) = self.due.borrow_mut().get_mut(slot as usize) {
            *due = at;
        }
    }

    /// Sees to it that the sweeper looks at `at`, or soon after.
    fn attend(&self, at: u64) {
        if !self.running.get() {
            self.running.set(true);
            self.next.set(at);
            tokio::task::spawn_local(Sweeper::run());
        } else if at.saturating_add(GRAIN) < self.next.get() {
            self.next.set(at);
            if let Some(sweeper) = self.sweeper.take() {
                sweeper.wake();
            }
        }
    }

    /// Fires what is due by `now`; returns when the earliest of the others is.
    fn sweep(&self, now: u64) -> u64 {
        let mut earliest = OFF;
        let mut due = self.due.borrow_mut();
        for (slot, at) in due.iter_mut().enumerate() {
            if *at == FIRED || *at == OFF {
                continue;
            }
            if *at > now {
                earliest = earliest.min(*at);
                continue;
            }
            *at = FIRED;
            if let Some(Some(waker)) = self.wakers.borrow().get(slot) {
                waker.wake_by_ref();
            }
        }
        earliest
    }
}

/// Fires what is due on this thread, now: tests move the clock and call this.
#[cfg(test)]
pub(crate) fn sweep() {
    TABLE.with(|table| table.sweep(clock::millis()));
}

/// Present while the sweeping task lives; a runtime that ends takes its tasks with it.
struct Sweeper;

impl Sweeper {
    async fn run() {
        let _running = Self;
        loop {
            let (now, next) = (clock::millis(), TABLE.with(|table| table.next.get()));
            if next > now {
                Self::wait(next, (next != OFF).then(|| Duration::from_millis(next - now))).await;
                continue;
            }
            TABLE.with(|table| {
                let earliest = table.sweep(now);
                table.next.set(if earliest == OFF { OFF } else { earliest.max(now + GRAIN) });
            });
        }
    }

    /// Waits out `wait`, or until a deadline before `next` is set.
    async fn wait(next: u64, wait: Option<Duration>) {
        let mut sleep = std::pin::pin!(wait.map(tokio::time::sleep));
        poll_fn(|cx| {
            let changed = TABLE.with(|table| {
                table.sweeper.set(Some(cx.waker().clone()));
                table.next.get() != next
            });
            match sleep.as_mut().as_pin_mut() {
                _ if changed => Poll::Ready(()),
                Some(sleep) => sleep.poll(cx),
                None => Poll::Pending,
            }
        })
        .await;
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        let _gone = TABLE.try_with(|table| {
            table.running.set(false);
            table.sweeper.take();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::local;

    #[test]
    fn short_deadlines_fire_while_a_long_one_is_armed() {
        local(async {
            let (long, short) = (Deadline::new(), Deadline::new());
            long.set(600_000);
            tokio::task::yield_now().await;
            let start = clock::millis();
            short.set(50);
            short.expired().await;
            let passed = clock::millis() - start;
            assert!((50..500).contains(&passed), "{passed}");
            assert!(poll_fn(|cx| Poll::Ready(long.poll_expired(cx))).await.is_pending());
        });
    }

    #[test]
    fn cleared_and_moved_deadlines_do_not_fire() {
        local(async {
            let (cleared, moved, due) = (Deadline::new(), Deadline::new(), Deadline::new());
            cleared.set(1000);
            moved.set(1000);
            due.set(1000);
            cleared.clear();
            moved.set(5000);
            clock::skip_millis(1001);
            sweep();
            due.expired().await;
            let fired = |deadline: &Deadline| {
                let cx = Context::from_waker(Waker::noop());
                deadline.poll_expired(&cx).is_ready()
            };
            assert!(!fired(&cleared) && !fired(&moved) && fired(&due));
            due.set(10);
            assert!(!fired(&due));
        });
    }

    #[test]
    fn slots_are_used_again() {
        local(async {
            let first = Deadline::new();
            let slot = first.slot;
            first.set(1);
            drop(first);
            let second = Deadline::new();
            assert_eq!(second.slot, slot);
            clock::skip_millis(10);
            sweep();
            assert!(second.poll_expired(&Context::from_waker(Waker::noop())).is_pending());
        });
    }
}
