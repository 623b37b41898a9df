//! The connection to Redis, kept by a thread of its own: it connects, notices that Redis has gone, and tries again off
//! the request path. Who asks meanwhile is told so at once.

use super::address::{Address, certificates};
use super::script;
use super::{PLACEHOLDER, Redis};
use crate::clock;
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, cmd};
use std::sync::Weak;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use wharf_core::store::Shard;

/// The first wait before another try, and the longest.
const AGAIN: Duration = Duration::from_millis(100);
const SELDOM: Duration = Duration::from_secs(5);
/// A link that has held for so long was sound: the next failure begins with short waits, and is warned about.
const SOUND: Duration = Duration::from_secs(30);
/// How often a link that nobody uses is looked after.
const BEAT: Duration = Duration::from_secs(1);
/// For a connection, TLS and a cluster's map included. Nobody waits for it.
const CONNECT: Duration = Duration::from_secs(5);
/// Steps that may wait to be written before their callers do.
const QUEUE: usize = 4096;

/// What a worker asks: clones share one socket (of a cluster: one for each node), and steps of many requests are under
/// way on it at once.
#[derive(Clone)]
pub(super) enum Connection {
    /// One server.
    One(MultiplexedConnection),
    /// A cluster.
    Cluster(ClusterConnection),
}

impl Connection {
    /// Sends one command.
    pub(super) async fn query<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, RedisError> {
        match self {
            Self::One(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}

/// How things stand.
#[derive(Clone)]
pub(super) enum Link {
    /// It may be asked.
    Up(Connection, u64),
    /// It is not asked: why, and which pool showed it.
    Down(String, Shard),
}

/// Opens the circuit, unless that connection has been replaced: whoever waits on it goes on without.
pub(super) fn open(link: &watch::Sender<Link>, number: u64, why: String, shard: &Shard) {
    link.send_if_modified(|link| {
        let ours = matches!(link, Link::Up(_, at) if *at == number);
        if ours {
            *link = Link::Down(why, shard.clone());
        }
        ours
    });
}

/// What the thread needs.
pub(super) struct Keeper {
    pub address: Address,
    /// What servers' certificates are checked against, as PEM; `None`: the system's.
    pub roots: Option<Vec<u8>>,
    /// How long a probe may take: what takes longer is of no use to a request.
    pub patience: Duration,
    pub redis: Weak<Redis>,
}

/// What the log says of the link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Down,
    Back,
}

impl Keeper {
    /// Keeps the link until nobody holds the store any more.
    pub(super) async fn run(self) {
        let (mut wait, mut said, mut number) = (AGAIN, Said::Nothing, 0);
        let mut shard = Shard(PLACEHOLDER.into());
        loop {
            number += 1;
            let why = match self.connect(&shard).await {
                Ok(connection) => {
                    let begin = clock::micros();
                    let Some(why) = self.hold(connection, number, &mut shard, &mut said).await else {
                        return;
                    };
                    if Duration::from_micros(clock::micros().saturating_sub(begin)) > SOUND {
                        (wait, said) = (AGAIN, Said::Nothing);
                    }
                    why
                }
                Err(why) => why,
            };
            let why = self.address.hide(&why);
            let Some(redis) = self.redis.upgrade() else { return };
            redis.link.send_replace(Link::Down(why.clone(), shard.clone()));
            drop(redis);
            // One that comes and goes is not worth a line each time, one that stays away is.
            if said == Said::Nothing || (said == Said::Back && wait == SELDOM) {
                tracing::warn!(
                    "state in {}: {why}: until it is back, each process goes by what it knows itself",
                    self.address.place()
                );
                said = Said::Down;
            }
            sleep(jittered(wait)).await;
            wait = (wait * 2).min(SELDOM);
        }
    }

    /// Tells what was kept back, lets the workers use the connection, and looks after it. Returns why it is no longer
    /// of use; `None`: it is no longer needed.
    async fn hold(
        &self,
        mut connection: Connection,
        number: u64,
        shard: &mut Shard,
        said: &mut Said,
    ) -> Option<String> {
        let redis = self.redis.upgrade()?;
        if let Err(why) = redis.tell_backlog(&mut connection).await {
            return Some(why);
        }
        let mut link = redis.link.subscribe();
        redis.link.send_replace(Link::Up(connection.clone(), number));
        drop(redis);
        if *said == Said::Down {
            tracing::info!("state in {}: it answers again", self.address.place());
            *said = Said::Back;
        }
        loop {
            if let Ok(changed) = timeout(BEAT, link.changed()).await {
                changed.ok()?;
            }
            if let Link::Down(why, at) = &*link.borrow_and_update() {
                *shard = at.clone();
                return Some(why.clone());
            }
            let redis = self.redis.upgrade()?;
            let sound = self.probe(&mut connection, shard).await;
            // A step that failed while the link came up was kept back after the rest had been told.
            let sound = match sound {
                Ok(()) => redis.tell_backlog(&mut connection).await,
                failed => failed,
            };
            if let Err(why) = sound {
                return Some(why);
            }
        }
    }

    async fn probe(&self, connection: &mut Connection, shard: &Shard) -> Result<(), String> {
        match timeout(self.patience, script::probe(connection, shard)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(SLOW.into()),
        }
    }

    /// The first server that a step can be done on, or the cluster that it belongs to.
    async fn connect(&self, shard: &Shard) -> Result<Connection, String> {
        let roots = self.roots.as_deref();
        let mut why = String::from("there is no server in its URL");
        for client in self.address.clients(roots).map_err(|error| error.to_string())? {
            why = match timeout(CONNECT, self.try_server(&client)).await {
                Ok(Ok(mut connection)) => match self.probe(&mut connection, shard).await {
                    Ok(()) => return Ok(connection),
                    Err(why) => why,
                },
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it cannot be reached in time".into(),
            };
        }
        Err(why)
    }

    async fn try_server(&self, client: &Client) -> Result<Connection, RedisError> {
        // Time limits are ours: each step has its own.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE);
        let mut one = client.get_multiplexed_async_connection_with_config(&config).await?;
        // Who may not ask this, or is no Redis that knows it, is no cluster.
        let said: Result<String, RedisError> = cmd("INFO").arg("cluster").query_async(&mut one).await;
        if !said.is_ok_and(|said| said.contains("cluster_enabled:1")) {
            return Ok(Connection::One(one));
        }
        let mut builder = ClusterClientBuilder::new(self.address.infos()?)
            .connection_timeout(CONNECT)
            .response_timeout(self.patience);
        if let Some(roots) = self.roots.as_deref() {
            builder = builder.certs(certificates(Some(roots)));
        }
        Ok(Connection::Cluster(builder.build()?.get_async_connection().await?))
    }
}

/// Why a link is given up that has not failed.
pub(super) const SLOW: &str = "it did not answer in time";

/// Many processes lose one Redis at one moment: they should not all come back at one.
fn jittered(wait: Duration) -> Duration {
    let mut byte = [128];
    // Without random numbers all wait alike.
    let _ = getrandom::fill(&mut byte);
    wait.mul_f64(0.5 + f64::from(byte[0]) / 256.0)
}

/// Starts the thread.
///
/// # Errors
/// There is no thread or no runtime to be had.
pub(super) fn start(keeper: Keeper) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("wharf-redis".into()).spawn(move || runtime.block_on(keeper.run()))?;
    Ok(())
}
