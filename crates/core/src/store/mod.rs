//! Shared state as the core sees it: a shard, one atomic op, a reply. The arithmetic is `pool`; a store makes it atomic.
//!
//! Ops, replies and the state of a pool have one JSON encoding, which Redis and Durable Objects carry and keep.

pub mod breaker;
mod cooling;
mod lease;
pub mod memory;
pub mod pool;

pub use cooling::{
    Cooling, KeyHealth, KeyId, LIMITED, LONGEST, LONGEST_HINT, MODELS, PROBE, REFUSED, REMEMBERED, Standing,
    UNUSED, Why,
};
pub use lease::{Candidate, Lease, Turn, Wait};

use crate::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The unit of atomicity: one key pool. The name is the one P1 uses for its Durable Object
/// (`OPENAI_API_KEY`, or a custom endpoint's name), so that its counters can be taken over.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard(pub String);

/// One step. Times are the caller's: a store has no clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Take the next index of `length` keys, strictly in turn, whatever their health.
    Next {
        /// How many keys the pool has, from the caller's table: processes may differ for a while.
        length: u32,
    },
    /// Which keys may be used now, first choice first.
    Lease {
        /// The pool's keys in configured order.
        keys: Vec<Candidate>,
        /// The model that is asked for, where the provider limits per model.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// How the first choice is made.
        turn: Turn,
        /// The call may be the probe of a key that was refused. A pass-through may not: it is not tried again.
        probe: bool,
        /// The time now.
        now: Millis,
    },
    /// How a call with a key ended.
    Report {
        /// The key.
        key: KeyId,
        /// The model, where the provider limits per model.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// How it ended.
        outcome: Outcome,
        /// The time now.
        now: Millis,
    },
    /// Forget what is held against a key.
    Reset {
        /// The key.
        key: KeyId,
        /// The time now.
        now: Millis,
    },
    /// What is known of the keys.
    Look {
        /// The time now.
        now: Millis,
    },
}

/// How a call ended, as far as its key is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The provider took the key.
    Served,
    /// 429.
    Limited {
        /// For how long, where the provider said it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait: Option<Millis>,
    },
    /// 402, or a 429 that says that the account is out of money.
    Unpaid,
    /// 401 or 403.
    Refused,
    /// Nothing was learnt of the key: a probe that failed for another reason, or was given up.
    Unknown,
}

/// The answer to a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// `Next`: the index to use.
    Index(u32),
    /// `Lease`: the keys.
    Lease(Lease),
    /// `Report`, `Reset`, `Look`: what is known of the pool's keys now.
    Health(BTreeMap<KeyId, KeyHealth>),
}

/// Why a store gave no answer. The caller goes on without it: with what the process knows itself, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It did not answer in time.
    #[error("the state store did not answer in time")]
    Slow,
    /// It answered with a failure.
    #[error("the state store failed")]
    Failed,
}
