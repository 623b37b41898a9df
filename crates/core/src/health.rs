//! What this process knows of keys and targets: asked without waiting, on every request, by all its workers.
//!
//! What is learnt of a key goes to the store as well, for the others and for the next start; `keys` sees to that.

mod targets;

#[cfg(test)]
mod tests;

pub use targets::{TargetId, Targets};

use crate::store::breaker::Settings;
use crate::store::pool::Pool;
use crate::store::{KeyHealth, KeyId, Lease, Op, Outcome, Reply, Shard};
use crate::time::Millis;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is known.
#[derive(Default)]
pub struct Health {
    pools: Mutex<HashMap<Shard, Known>>,
    /// Targets of routes.
    pub targets: Targets,
}

#[derive(Default)]
struct Known {
    pool: Pool,
    /// When the store was asked last.
    looked: Option<Millis>,
    /// Calls under way, for keys that have a limit of them.
    busy: HashMap<KeyId, u32>,
}

/// Whether a pool has anything to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Nothing is held against any key.
    pub sound: bool,
    /// The store has never been asked.
    pub unknown: bool,
    /// The store's word is older than wanted. Said once, to the one who is to ask it.
    pub stale: bool,
}

impl Health {
    fn pools(&self) -> MutexGuard<'_, HashMap<Shard, Known>> {
        // Every step leaves a pool whole.
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A first look; `patience` is how old the store's word may be.
    pub fn glance(&self, shard: &Shard, patience: Millis, now: Millis) -> Glance {
        let mut pools = self.pools();
        if let Some(known) = pools.get_mut(shard) {
            let stepped_back = known.looked.is_some_and(|at| at.since(now) >= patience);
            if stepped_back {
                known.pool.pull_in(now);
            }
            let stale = stepped_back || known.looked.is_none_or(|at| now.since(at) >= patience);
            let unknown = known.looked.is_none();
            if stale {
                known.looked = Some(now);
            }
            return Glance { sound: known.pool.keys.is_empty(), unknown, stale };
        }
        pools.insert(shard.clone(), Known { looked: Some(now), ..Known::default() });
        Glance { sound: true, unknown: true, stale: true }
    }

    /// Chooses keys by what is known here.
    pub fn lease(&self, shard: &Shard, op: &Op) -> Lease {
        let mut pools = self.pools();
        let reply = match pools.get_mut(shard) {
            Some(known) => known.pool.apply(op),
            None => Pool::default().apply(op),
        };
        match reply {
            Reply::Lease(lease) => lease,
            Reply::Index(_) | Reply::Health(_) => Lease::default(),
        }
    }

    /// Takes in how a call ended; true if that is worth telling the store.
    pub fn report(
        &self,
        shard: &Shard,
        key: KeyId,
        model: Option<&str>,
        outcome: Outcome,
        now: Millis,
    ) -> bool {
        let mut pools = self.pools();
        if !pools.contains_key(shard) {
            pools.insert(shard.clone(), Known::default());
        }
        let Some(known) = pools.get_mut(shard) else { return false };
        known.pool.pull_in(now);
        let mut health = known.pool.keys.get(&key).cloned().unwrap_or_default();
        let changed = health.report(model, outcome, now);
        if changed {
            known.pool.keys.insert(key, health);
        }
        changed
    }

    /// Forgets what is held against a key.
    pub fn reset(&self, shard: &Shard, key: KeyId, now: Millis) {
        if let Some(known) = self.pools().get_mut(shard) {
            known.pool.apply(&Op::Reset { key, now });
        }
    }

    /// Whatever the store says next of this key holds, also if it is older than what is known here.
    pub fn yields(&self, shard: &Shard, key: KeyId) {
        if let Some(health) = self.pools().get_mut(shard).and_then(|known| known.pool.keys.get_mut(&key)) {
            health.at = Millis::default();
        }
    }

    /// Takes over what the store knows.
    pub fn absorb(&self, shard: &Shard, known: BTreeMap<KeyId, KeyHealth>, now: Millis) {
        let mut pools = self.pools();
        let pool = &mut pools.entry(shard.clone()).or_default().pool;
        pool.absorb(known, now);
    }

    /// What is known of one key.
    pub fn of(&self, shard: &Shard, key: KeyId) -> Option<KeyHealth> {
        self.pools().get(shard)?.pool.keys.get(&key).cloned()
    }

    /// Calls under way with a key.
    pub fn busy(&self, shard: &Shard, key: KeyId) -> u32 {
        self.pools().get(shard).and_then(|known| known.busy.get(&key).copied()).unwrap_or_default()
    }

    /// Counts a call with a key until the guard is dropped.
    pub fn occupy(self: &Arc<Self>, shard: &Shard, key: KeyId) -> Busy {
        *self.pools().entry(shard.clone()).or_default().busy.entry(key).or_default() += 1;
        Busy { health: self.clone(), place: Place::Key(shard.clone(), key) }
    }

    /// Counts a call to a target until the guard is dropped.
    pub fn occupy_target(self: &Arc<Self>, target: &TargetId) -> Busy {
        self.targets.enter(target);
        Busy { health: self.clone(), place: Place::Target(target.clone()) }
    }
}

/// Whose answer is on its way, and who remembers how it ends.
pub struct Watch {
    /// Who remembers.
    pub health: Arc<Health>,
    /// The target.
    pub target: TargetId,
    /// When its breaker opens.
    pub settings: Settings,
}

impl Watch {
    /// The answer broke off behind its head. No key is at fault.
    pub fn broke_off(&self, now: Millis) {
        self.health.targets.broke_off(&self.target, &self.settings, now);
    }
}

/// A call under way.
pub struct Busy {
    health: Arc<Health>,
    place: Place,
}

enum Place {
    Key(Shard, KeyId),
    Target(TargetId),
}

impl Drop for Busy {
    fn drop(&mut self) {
        match &self.place {
            Place::Target(target) => self.health.targets.leave(target),
            Place::Key(shard, key) => {
                let mut pools = self.health.pools();
                let Some(busy) = pools.get_mut(shard).and_then(|known| known.busy.get_mut(key)) else {
                    return;
                };
                *busy = busy.saturating_sub(1);
            }
        }
    }
}
