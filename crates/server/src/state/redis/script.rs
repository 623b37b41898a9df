//! One step as one script: the core's arithmetic in Lua, which Redis runs with nothing else in between.

use super::link::Connection;
use redis::{ErrorKind, RedisError, ServerErrorKind, cmd};
use std::fmt::Write;
use std::sync::LazyLock;
use wharf_core::store::{
    LIMITED, LONGEST, LONGEST_HINT, MODELS, Op, PROBE, REFUSED, REMEMBERED, Reply, Shard, UNUSED,
};

/// The script. Durations have one source, the core.
static SCRIPT: LazyLock<Script> = LazyLock::new(|| {
    let mut text = String::new();
    let durations = [
        ("LIMITED", LIMITED),
        ("REFUSED", REFUSED),
        ("LONGEST", LONGEST),
        ("LONGEST_HINT", LONGEST_HINT),
        ("PROBE", PROBE),
        ("REMEMBERED", REMEMBERED),
        ("UNUSED", UNUSED),
    ];
    for (name, length) in durations {
        // Writing to a string does not fail.
        let _ = writeln!(text, "local {name} = {}", length.0);
    }
    let _ = writeln!(text, "local MODELS = {MODELS}");
    text.push_str(include_str!("pool.lua"));
    Script { name: redis::Script::new(&text).get_hash().to_owned(), text }
});

struct Script {
    text: String,
    /// Its SHA-1, by which Redis knows it.
    name: String,
}

/// Why a step has no reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    /// The connection, or Redis.
    #[error("{0}")]
    Redis(#[from] RedisError),
    /// A reply that is none: another version's script.
    #[error("a reply that cannot be read: {0}")]
    Reply(#[from] serde_json::Error),
}

impl StepError {
    /// The connection failed: the step may be tried on another one.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Redis(error) if error.is_unrecoverable_error() || error.is_io_error())
    }
}

/// Where a pool is kept. All of it is one key, so that it lies on one node of a cluster; the number is that of the
/// form, so that versions that keep another one do not meet.
pub(super) fn key(shard: &Shard) -> String {
    format!("wharf:1:{{{}}}", shard.0)
}

/// Does one step: one round trip, but for the first one that a server ever sees.
pub(super) async fn step(connection: &mut Connection, shard: &Shard, op: &Op) -> Result<Reply, StepError> {
    let reply: String = run(connection, &key(shard), &serde_json::to_string(op)?).await?;
    Ok(serde_json::from_str(&reply)?)
}

/// Finds out whether steps on this shard can be done. Changes nothing, but needs all that a step does.
pub(super) async fn probe(connection: &mut Connection, shard: &Shard) -> Result<(), StepError> {
    let _: i64 = run(connection, &key(shard), "\"probe\"").await?;
    Ok(())
}

async fn run<T: redis::FromRedisValue>(
    connection: &mut Connection,
    key: &str,
    op: &str,
) -> Result<T, RedisError> {
    let by_name = cmd("EVALSHA").arg(&SCRIPT.name).arg(1).arg(key).arg(op).to_owned();
    match connection.query(&by_name).await {
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
            let whole = cmd("EVAL").arg(&SCRIPT.text).arg(1).arg(key).arg(op).to_owned();
            connection.query(&whole).await
        }
        answer => answer,
    }
}
