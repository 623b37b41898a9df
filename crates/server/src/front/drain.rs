//! How many clients are in, and how all workers stop: one handle, shared by every thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Notify, watch};

/// Counts connections over all workers, and tells the workers to stop.
#[derive(Clone)]
pub struct Drain(Arc<Shared>);

struct Shared {
    /// `Some(bound)` once stopping: how many ms running exchanges may still take.
    stop: watch::Sender<Option<u64>>,
    open: AtomicUsize,
    limit: usize,
    emptied: Notify,
}

impl Drain {
    /// A handle that lets `limit` connections in at a time.
    pub fn new(limit: usize) -> Self {
        let shared = Shared {
            stop: watch::Sender::new(None),
            open: AtomicUsize::new(0),
            limit,
            emptied: Notify::new(),
        };
        Self(Arc::new(shared))
    }

    /// Stops listening and closes idle connections; running exchanges are cut after `bound_ms`.
    pub fn start(&self, bound_ms: u64) {
        self.0.stop.send_if_modified(|stop| stop.replace(bound_ms).is_none());
    }

    /// True once [`start`](Self::start) has been called.
    pub fn is_draining(&self) -> bool {
        self.0.stop.borrow().is_some()
    }

    /// Connections open now, over all workers.
    pub fn open(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Returns when stopping has begun and the last connection is closed.
    pub async fn drained(&self) {
        self.stopping().await;
        loop {
            let emptied = self.0.emptied.notified();
            if self.open() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// Returns when stopping begins, with the bound in ms.
    pub(super) async fn stopping(&self) -> u64 {
        let mut stop = self.0.stop.subscribe();
        // `self` keeps the sender, so this cannot fail.
        stop.wait_for(Option::is_some).await.ok().and_then(|bound| *bound).unwrap_or_default()
    }

    /// A place for one more connection; `None` when all are taken.
    pub(super) fn enter(&self) -> Option<Place> {
        if self.0.open.fetch_add(1, Ordering::Relaxed) >= self.0.limit {
            self.leave();
            return None;
        }
        Some(Place(self.clone()))
    }

    fn leave(&self) {
        if self.0.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.emptied.notify_waiters();
        }
    }
}

/// One open connection.
pub(super) struct Place(Drain);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.leave();
    }
}
