//! Where shared state is kept: in memory, in an SQLite file that survives `kill -9` and that several processes share, or
//! in a Redis that many machines share.
//! The arithmetic is the core's; this only makes it atomic and durable. Random rotation comes here only with what was
//! learnt of a key, and to see what others learnt.

pub mod redis;

#[cfg(test)]
mod tests;

use self::redis::{Address, Redis};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use rustls_pki_types::CertificateDer;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::oneshot;
use wharf_core::store::memory::Memory;
use wharf_core::store::pool::Pool;
use wharf_core::store::{Op, Reply, Shard, StoreError};

/// How many waiting steps share one transaction at most.
const BATCH: usize = 64;

/// The state of one process, shared by its workers.
#[derive(Clone)]
pub enum State {
    /// Gone with the process.
    Memory(Arc<Memory>),
    /// In a file; opened at the first step.
    Sqlite(Arc<Sqlite>),
    /// In Redis.
    Redis(Arc<Redis>),
}

impl State {
    /// State in memory.
    pub fn memory() -> Self {
        Self::Memory(Arc::default())
    }

    /// State in a file. It is opened now, so that an unusable path is known at start. A step that takes longer than
    /// `patience` is given up.
    ///
    /// # Errors
    /// What SQLite or the file system says.
    pub fn file(path: &Path, patience: Duration) -> Result<Self, OpenError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let connection = open(path, patience)?;
        let sqlite = Sqlite { path: path.to_owned(), patience, sender: OnceLock::new() };
        sqlite.start(connection)?;
        Ok(Self::Sqlite(Arc::new(sqlite)))
    }

    /// State in Redis. Waits until the first try to connect is over; a Redis that is not there is warned about, and
    /// tried again. `roots` are further certificates that its own may be signed by.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn redis(
        address: Address,
        roots: &[CertificateDer<'_>],
        patience: Duration,
    ) -> Result<Self, std::io::Error> {
        let redis = Redis::start(address, redis::pem(roots), patience)?;
        tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(redis.tried());
        Ok(Self::Redis(redis))
    }

    /// One atomic step on one shard.
    ///
    /// # Errors
    /// The store failed, or did not answer in time.
    pub async fn call(&self, shard: &Shard, op: Op) -> Result<Reply, StoreError> {
        match self {
            Self::Memory(memory) => memory.call(shard, &op),
            Self::Sqlite(sqlite) => sqlite.call(shard.clone(), op).await,
            Self::Redis(redis) => redis.call(shard, op).await,
        }
    }

    /// For people: where the state is.
    pub fn place(&self) -> String {
        match self {
            Self::Memory(_) => "memory".into(),
            Self::Sqlite(sqlite) => sqlite.path.display().to_string(),
            Self::Redis(redis) => redis.place().to_owned(),
        }
    }
}

/// Why a state file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or the thread.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The database.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// A database on a thread of its own: SQLite blocks, and a worker must not.
pub struct Sqlite {
    path: PathBuf,
    patience: Duration,
    sender: OnceLock<Sender<Step>>,
}

struct Step {
    shard: Shard,
    op: Op,
    answer: oneshot::Sender<Result<Reply, StoreError>>,
}

impl Step {
    /// It is of use to others, whether its caller still waits or not.
    const fn is_news(&self) -> bool {
        matches!(self.op, Op::Report { .. } | Op::Reset { .. })
    }
}

impl Sqlite {
    fn start(&self, connection: Connection) -> std::io::Result<()> {
        let (sender, steps) = channel();
        std::thread::Builder::new().name("wharf-state".into()).spawn(move || run(connection, &steps))?;
        // The thread ends when the last sender goes, with the process.
        self.sender.get_or_init(|| sender);
        Ok(())
    }

    async fn call(&self, shard: Shard, op: Op) -> Result<Reply, StoreError> {
        let (answer, wait) = oneshot::channel();
        let sender = self.sender.get().ok_or(StoreError::Failed)?;
        sender.send(Step { shard, op, answer }).map_err(|_| StoreError::Failed)?;
        match tokio::time::timeout(self.patience, wait).await {
            Ok(answer) => answer.unwrap_or(Err(StoreError::Failed)),
            Err(_) => Err(StoreError::Slow),
        }
    }
}

fn open(path: &Path, patience: Duration) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    // Several processes may start at once, and opening is no step that a caller waits for.
    connection.busy_timeout(Duration::from_secs(2))?;
    // WAL with `NORMAL` loses nothing when a process dies; a power cut may repeat the last few indices, which does no harm.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // P1's own table, so that its counters can be carried over; health stands beside it, as the core writes it.
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS counters (key_name TEXT PRIMARY KEY, current_index INTEGER NOT NULL DEFAULT 0);
         CREATE TABLE IF NOT EXISTS health (key_name TEXT PRIMARY KEY, keys TEXT NOT NULL)",
    )?;
    connection.busy_timeout(patience)?;
    Ok(connection)
}

fn run(mut connection: Connection, steps: &Receiver<Step>) {
    while let Ok(first) = steps.recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(step) = steps.try_recv()
        {
            batch.push(step);
        }
        // After a standstill nobody takes a key from those that have given up: a probe among them would be lost, and
        // the others would only keep the living waiting. What was learnt still counts.
        batch.retain(|step| step.is_news() || !step.answer.is_closed());
        if batch.is_empty() {
            continue;
        }
        let replies = apply(&mut connection, &batch);
        for (at, step) in batch.into_iter().enumerate() {
            let reply = replies.as_ref().map_or(Err(StoreError::Failed), |replies| {
                replies.get(at).cloned().ok_or(StoreError::Failed)
            });
            // A caller that has left is none of our business: its index is used up.
            let _ = step.answer.send(reply);
        }
    }
}

/// Does a batch in one transaction. It holds the write lock from its start, so that no other process can read the same
/// cursor. Those who only look wait for nobody, as long as nothing changes.
fn apply(connection: &mut Connection, batch: &[Step]) -> Result<Vec<Reply>, rusqlite::Error> {
    let looking = batch.iter().all(|step| matches!(step.op, Op::Look { .. }));
    if looking && let Some(replies) = look(connection, batch)? {
        return Ok(replies);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut replies = Vec::with_capacity(batch.len());
    for step in batch {
        let before = load(&transaction, &step.shard)?;
        let mut pool = before.clone();
        replies.push(pool.apply(&step.op));
        save(&transaction, &step.shard, &before, &pool)?;
    }
    transaction.commit()?;
    Ok(replies)
}

/// Does a batch of looks without the write lock. `None`: one of them found what is to be kept, as after a clock has
/// stepped back. SQLite lets nobody write who has read what another has changed since: it is for a transaction of its own.
fn look(connection: &mut Connection, batch: &[Step]) -> Result<Option<Vec<Reply>>, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    let mut replies = Vec::with_capacity(batch.len());
    for step in batch {
        let before = load(&transaction, &step.shard)?;
        let mut pool = before.clone();
        replies.push(pool.apply(&step.op));
        if pool != before {
            return Ok(None);
        }
    }
    Ok(Some(replies))
}

fn load(transaction: &Transaction<'_>, shard: &Shard) -> Result<Pool, rusqlite::Error> {
    let next: Option<i64> = transaction
        .prepare_cached("SELECT current_index FROM counters WHERE key_name = ?1")?
        .query_row(params![shard.0], |row| row.get(0))
        .optional()?;
    let keys: Option<String> = transaction
        .prepare_cached("SELECT keys FROM health WHERE key_name = ?1")?
        .query_row(params![shard.0], |row| row.get(0))
        .optional()?;
    // What a later version wrote and this one can't read is forgotten: it heals by being learnt again.
    let keys = keys.and_then(|keys| serde_json::from_str(&keys).ok()).unwrap_or_default();
    // P1 and others write here, too: a cursor that is none starts again.
    let next = next.and_then(|next| u32::try_from(next).ok()).unwrap_or(0);
    Ok(Pool { next, keys })
}

fn save(
    transaction: &Transaction<'_>,
    shard: &Shard,
    before: &Pool,
    after: &Pool,
) -> Result<(), rusqlite::Error> {
    if after.next != before.next {
        transaction
            .prepare_cached(
                "INSERT INTO counters (key_name, current_index) VALUES (?1, ?2)
                 ON CONFLICT (key_name) DO UPDATE SET current_index = excluded.current_index",
            )?
            .execute(params![shard.0, after.next])?;
    }
    if after.keys != before.keys {
        let keys = serde_json::to_string(&after.keys)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        transaction
            .prepare_cached(
                "INSERT INTO health (key_name, keys) VALUES (?1, ?2)
                 ON CONFLICT (key_name) DO UPDATE SET keys = excluded.keys",
            )?
            .execute(params![shard.0, keys])?;
    }
    Ok(())
}
