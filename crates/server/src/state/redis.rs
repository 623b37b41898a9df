//! State in Redis, Valkey or a cluster of them, shared by processes on many machines. Each step is one script and one
//! round trip. A Redis that is down or slow costs at most one wait: after it every step fails at once, and the caller
//! goes on with what it knows itself, until the link is up again.

mod address;
mod link;
mod script;

#[cfg(test)]
mod tests;

pub use address::Address;
pub(super) use address::pem;

use link::{Connection, Keeper, Link, SLOW};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use wharf_core::store::{Op, Reply, Shard, StoreError};

/// The pool that is probed before any has been asked for.
const PLACEHOLDER: &str = "probe";

/// How much of what was learnt while Redis was away is kept to be told it later. The oldest goes first.
const BACKLOG: usize = 1024;

/// The store.
pub struct Redis {
    place: String,
    patience: Duration,
    link: watch::Sender<Link>,
    backlog: Mutex<VecDeque<(Shard, Op)>>,
}

impl Redis {
    /// Begins to connect. `roots` (PEM) are what a server's certificate is checked against, where not by the system's.
    /// A step that takes longer than `patience` is given up.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(address: Address, roots: Option<Vec<u8>>, patience: Duration) -> std::io::Result<Arc<Self>> {
        let begin = Link::Down(String::new(), Shard(PLACEHOLDER.into()));
        let redis = Arc::new(Self {
            place: address.place().to_owned(),
            patience,
            link: watch::Sender::new(begin),
            backlog: Mutex::default(),
        });
        link::start(Keeper { address, roots, patience, redis: Arc::downgrade(&redis) })?;
        Ok(redis)
    }

    /// Waits until the first try to connect is over, but no longer than a step may take.
    pub async fn tried(&self) {
        let mut link = self.link.subscribe();
        let tried = link.wait_for(|link| !matches!(link, Link::Down(why, _) if why.is_empty()));
        // Whatever has come of it: the link goes on trying, and says so.
        let _ = timeout(self.patience, tried).await;
    }

    /// For people: where the state is.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// One atomic step on one shard.
    ///
    /// # Errors
    /// Redis failed, did not answer in time, or is known to be away. What was learnt is told it later.
    pub async fn call(&self, shard: &Shard, op: Op) -> Result<Reply, StoreError> {
        let reply = self.ask(shard, &op).await;
        if reply.is_err() && matches!(op, Op::Report { .. } | Op::Reset { .. }) {
            self.keep_back(shard.clone(), op);
        }
        reply
    }

    async fn ask(&self, shard: &Shard, op: &Op) -> Result<Reply, StoreError> {
        let mut link = self.link.subscribe();
        let up = match &*link.borrow_and_update() {
            Link::Up(connection, number) => Some((connection.clone(), *number)),
            Link::Down(..) => None,
        };
        let (mut connection, number) = up.ok_or(StoreError::Failed)?;
        let step = timeout(self.patience, script::step(&mut connection, shard, op));
        let answer = tokio::select! {
            biased;
            answer = step => answer,
            // Another step has found out: there is nothing to wait for.
            _ = link.changed() => return Err(StoreError::Failed),
        };
        let (why, error) = match answer {
            Ok(Ok(reply)) => return Ok(reply),
            Ok(Err(error)) => (error.to_string(), StoreError::Failed),
            Err(_) => (SLOW.to_owned(), StoreError::Slow),
        };
        link::open(&self.link, number, why, shard);
        Err(error)
    }

    fn keep_back(&self, shard: Shard, op: Op) {
        let mut backlog = self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        if backlog.len() == BACKLOG {
            backlog.pop_front();
        }
        backlog.push_back((shard, op));
    }

    /// Tells what was kept back. A step that had been done although its reply was lost does no harm when it is done
    /// again: the first one holds.
    async fn tell_backlog(&self, connection: &mut Connection) -> Result<(), String> {
        loop {
            let next = self.backlog.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((shard, op)) = next else { return Ok(()) };
            let why = match timeout(self.patience, script::step(connection, &shard, &op)).await {
                Ok(Ok(_)) => continue,
                // It was heard and not taken: it would not be the next time either.
                Ok(Err(error)) if !error.is_lost() => continue,
                Ok(Err(error)) => error.to_string(),
                Err(_) => SLOW.to_owned(),
            };
            self.backlog.lock().unwrap_or_else(PoisonError::into_inner).push_front((shard, op));
            return Err(why);
        }
    }
}
