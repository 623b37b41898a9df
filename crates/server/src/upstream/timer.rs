//! How long one connection has been silent.

use crate::wheel::Deadline;
use std::task::{Context, Poll};
use wharf_core::time::Millis;

/// Measures one wait after the other; costs nothing until something has to be waited for.
#[derive(Default)]
pub(super) struct Timer {
    deadline: Option<Deadline>,
    waiting: bool,
}

impl Timer {
    /// Something came: the next wait begins anew.
    pub(super) const fn reset(&mut self) {
        // The deadline stays armed until it is moved: should it fire meanwhile, it wakes a task for nothing.
        self.waiting = false;
    }

    /// Ready once the wait that the first call began is `limit` long.
    pub(super) fn poll(&mut self, cx: &Context<'_>, limit: Millis) -> Poll<()> {
        let deadline = self.deadline.get_or_insert_default();
        if !self.waiting {
            deadline.set(limit.0);
            self.waiting = true;
        }
        deadline.poll_expired(cx)
    }
}
