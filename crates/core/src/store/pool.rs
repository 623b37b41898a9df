//! The arithmetic of a key pool: pure functions of state and op. Atomicity is the store's.

use super::cooling::{KeyHealth, KeyId};
use super::lease::Call;
use super::{Op, Reply};
use crate::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// What is kept of one pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pool {
    /// The index (with weights: the slot) that the next call gets.
    pub next: u32,
    /// Keys that something is, or was lately, held against.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<KeyId, KeyHealth>,
}

impl Pool {
    /// Does one step and says what it gave.
    ///
    /// A pool that shrank starts again at 0, as P1 does; a pool of none or one is always 0 and moves nothing.
    pub fn apply(&mut self, op: &Op) -> Reply {
        match op {
            Op::Next { .. } => {}
            Op::Lease { now, .. } | Op::Report { now, .. } | Op::Reset { now, .. } | Op::Look { now } => {
                self.pull_in(*now);
            }
        }
        match op {
            Op::Next { length: 0 | 1 } => Reply::Index(0),
            Op::Next { length } => {
                let index = if self.next >= *length { 0 } else { self.next };
                self.next = (index + 1) % length;
                Reply::Index(index)
            }
            Op::Lease { keys, model, turn, probe, now } => {
                let call = Call { keys, model: model.as_deref(), turn: *turn, probe: *probe, now: *now };
                Reply::Lease(self.lease(&call))
            }
            Op::Report { key, model, outcome, now } => {
                let mut health = self.keys.get(key).cloned().unwrap_or_default();
                if health.report(model.as_deref(), *outcome, *now) {
                    self.keys.insert(*key, health);
                    self.forget(*now);
                }
                Reply::Health(self.keys.clone())
            }
            Op::Reset { key, now } => {
                self.keys.insert(*key, KeyHealth { at: *now, ..KeyHealth::default() });
                self.forget(*now);
                Reply::Health(self.keys.clone())
            }
            Op::Look { .. } => Reply::Health(self.keys.clone()),
        }
    }

    /// Takes over what another account of the same pool knows better: of each key the later word.
    pub fn absorb(&mut self, known: BTreeMap<KeyId, KeyHealth>, now: Millis) {
        for (id, theirs) in known {
            let ours = self.keys.get(&id).map(|ours| ours.at);
            if ours.is_none_or(|at| at <= theirs.at) {
                self.keys.insert(id, theirs);
            }
        }
        self.pull_in(now);
        self.forget(now);
    }

    /// Lets nothing last longer from `now` on than it may: the clock may have stepped back.
    pub fn pull_in(&mut self, now: Millis) {
        for health in self.keys.values_mut() {
            health.pull_in(now);
        }
    }

    fn forget(&mut self, now: Millis) {
        self.keys.retain(|_, health| !health.is_forgotten(now));
    }
}
