//! Shared state as the core sees it: a shard, one atomic op, a reply. The arithmetic is `pool`; a store makes it atomic.

pub mod memory;
pub mod pool;

use serde::{Deserialize, Serialize};

/// The unit of atomicity: one key pool. The name is the one P1 uses for its Durable Object
/// (`OPENAI_API_KEY`, or a custom endpoint's name), so that its counters can be taken over.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard(pub String);

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Take the next index of `length` keys, strictly in turn.
    Next {
        /// How many keys the pool has, from the caller's table: processes may differ for a while.
        length: u32,
    },
}

/// The answer to a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The index to use.
    Index(u32),
}

/// Why a store gave no answer. The caller goes on without it: random choice, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It did not answer in time.
    #[error("the state store did not answer in time")]
    Slow,
    /// It answered with a failure.
    #[error("the state store failed")]
    Failed,
}
