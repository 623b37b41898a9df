//! State that lives as long as the process.

use super::pool::Pool;
use super::{Op, Reply, Shard, StoreError};
use std::collections::HashMap;
use std::sync::Mutex;

/// A map of shards behind one lock: a step is a few nanoseconds, and only strict rotation takes one per request.
#[derive(Default)]
pub struct Memory(Mutex<HashMap<Shard, Pool>>);

impl Memory {
    /// Does one step on one shard.
    ///
    /// # Errors
    /// `Failed` if another thread died inside a step.
    pub fn call(&self, shard: &Shard, op: &Op) -> Result<Reply, StoreError> {
        let mut shards = self.0.lock().map_err(|_| StoreError::Failed)?;
        if let Some(pool) = shards.get_mut(shard) {
            return Ok(pool.apply(op));
        }
        Ok(shards.entry(shard.clone()).or_default().apply(op))
    }
}
