//! The configuration read anew: when its file changed, on SIGHUP, and when `/admin/reload` asks. The main thread does
//! it, off every request's way; workers take over what is in force with their next request.

use crate::cli::{Serve, exit};
use crate::load::Loaded;
use crate::serve::{self, Failure, Prepared};
use crate::state::State;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};
use wharf_core::changes;
use wharf_core::config::{self, HostSettings};
use wharf_core::host::Reloaded;
use wharf_core::table::Table;

/// How often the file is looked at. What was seen to change is read once it has stood still for as long: an editor may
/// be writing.
const LOOK: Duration = Duration::from_secs(1);

/// What requests that begin now are served with.
#[derive(Clone)]
pub struct InForce {
    /// The configuration.
    pub table: Arc<Table>,
    /// Where rotation is kept.
    pub state: State,
}

/// What is in force, shared by the workers. Whether it is still what a worker knows is one atomic read.
pub struct Live {
    version: AtomicU64,
    now: Mutex<InForce>,
}

impl Live {
    /// The first.
    pub fn new(first: InForce) -> Self {
        Self { version: AtomicU64::new(0), now: Mutex::new(first) }
    }

    /// Grows with every change.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// What is in force, and the version of it.
    pub fn look(&self) -> (u64, InForce) {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        (self.version(), now.clone())
    }

    fn put(&self, next: InForce) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = next;
        self.version.fetch_add(1, Ordering::Release);
    }
}

/// Asks for the configuration to be read anew; every worker has one.
#[derive(Clone)]
pub struct Asker(mpsc::UnboundedSender<oneshot::Sender<Reloaded>>);

/// What was asked, for the main thread.
pub struct Asks(mpsc::UnboundedReceiver<oneshot::Sender<Reloaded>>);

/// The two ends.
pub fn asks() -> (Asker, Asks) {
    let (asker, asks) = mpsc::unbounded_channel();
    (Asker(asker), Asks(asks))
}

impl Asker {
    /// What came of it. A server that is stopping reads nothing any more.
    pub async fn ask(&self) -> Reloaded {
        let stopping = || Reloaded::Refused(vec!["the server is stopping".into()]);
        let (answer, wait) = oneshot::channel();
        if self.0.send(answer).is_err() {
            return stopping();
        }
        wait.await.unwrap_or_else(|_| stopping())
    }
}

/// How the server was started.
pub struct Started {
    /// The command line.
    pub options: Serve,
    /// Where to listen, as configured.
    pub configured: SocketAddr,
    /// Where it listens.
    pub address: SocketAddr,
    /// The settings that hold until the end.
    pub host: HostSettings,
    /// The file, if there was one.
    pub file: Option<PathBuf>,
    /// The files as they were before they were read.
    pub read: Stamps,
}

/// What the files that may be the configuration looked like; `None` where there was none.
pub type Stamps = Vec<Option<Stamp>>;

/// Reads the configuration anew, and puts it into force.
pub struct Reloader {
    /// Its `read` is as of the last time that they were.
    started: Started,
    live: Arc<Live>,
    /// Something else was seen since, and may still be growing.
    growing: Option<Stamps>,
}

impl Reloader {
    /// For a server that has just started.
    pub const fn new(started: Started, live: Arc<Live>) -> Self {
        Self { started, live, growing: None }
    }

    /// Until nobody is left who could ask.
    pub async fn run(mut self, mut hup: Signal, mut asked: Asks) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                ask = asked.0.recv() => {
                    let Some(answer) = ask else { return };
                    // Who asked may have left.
                    let _ = answer.send(self.reload("/admin/reload"));
                }
                _ = hup.recv() => drop(self.reload("SIGHUP")),
                _ = look.tick() => {
                    if self.has_changed() {
                        drop(self.reload("the file changed"));
                    }
                }
            }
        }
    }

    /// True once what has changed stands still.
    fn has_changed(&mut self) -> bool {
        let now = stamps(&self.started.options);
        if now == self.started.read {
            self.growing = None;
            return false;
        }
        if self.growing.as_ref() == Some(&now) {
            return true;
        }
        self.growing = Some(now);
        false
    }

    /// Reads, checks as at a start, and swaps; whatever comes of it is logged.
    fn reload(&mut self, why: &str) -> Reloaded {
        // Before they are read: what changes from here on is seen as a change.
        self.started.read = stamps(&self.started.options);
        self.growing = None;
        let outcome = match self.load() {
            Ok(prepared) => self.swap(prepared),
            Err(failure) => Reloaded::Refused(failure.lines),
        };
        tell(why, &outcome);
        outcome
    }

    /// All that is checked at a start, and that it may be served where we listen.
    fn load(&self) -> Result<Prepared, Failure> {
        let prepared = serve::prepare(&self.started.options)?;
        let Loaded { compiled, file, .. } = &prepared.loaded;
        if let (Some(gone), None) = (&self.started.file, file) {
            return Err(Failure::new(exit::CONFIG, format!("{}: the file is gone", gone.display())));
        }
        serve::may_listen(&compiled.table, self.started.address)?;
        let problems = config::own_listener_problems(compiled, self.started.address);
        match problems.is_empty() {
            true => Ok(prepared),
            false => {
                Err(Failure { lines: problems.iter().map(ToString::to_string).collect(), code: exit::CONFIG })
            }
        }
    }

    fn swap(&self, prepared: Prepared) -> Reloaded {
        let (_, InForce { table: before, mut state }) = self.live.look();
        let fixed = self.fixed(&prepared);
        let Prepared { loaded, roots, .. } = prepared;
        let Loaded { compiled, notes: mut warnings, .. } = loaded;
        let table = Arc::new(compiled.table);
        warnings.extend(fixed.into_iter().map(|name| format!("`{name}` changed: that takes a restart")));
        let changes = changes::between(&before, &table);
        if changes.is_empty() {
            return Reloaded::Unchanged { warnings };
        }
        if serve::needs_state(&table) && !serve::needs_state(&before) {
            let (opened, note) = serve::state(&table, &self.started.host, &roots);
            state = opened;
            warnings.extend(note);
        }
        self.live.put(InForce { table, state });
        Reloaded::Changed { changes, warnings }
    }

    /// The members that changed and cannot while we run.
    fn fixed(&self, prepared: &Prepared) -> Vec<&'static str> {
        // Without `..`: a new member must be looked at, too.
        let HostSettings {
            listen: _,
            state,
            state_timeout,
            log_format,
            access_log,
            tls,
            ca_file,
            head_bytes,
            connections,
            drain,
        } = &self.started.host;
        let now = &prepared.loaded.compiled.host;
        let members = [
            ("listen", self.started.configured == prepared.address),
            ("state", *state == now.state),
            ("state_timeout_ms", *state_timeout == now.state_timeout),
            ("log", *log_format == now.log_format && *access_log == now.access_log),
            ("tls", *tls == now.tls),
            ("ca_file", *ca_file == now.ca_file),
            ("limits.head_bytes", *head_bytes == now.head_bytes),
            ("limits.connections", *connections == now.connections),
            ("drain_ms", *drain == now.drain),
        ];
        members.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }
}

/// One line for the outcome, and one for each problem and warning.
fn tell(why: &str, outcome: &Reloaded) {
    let warnings: &[String] = match outcome {
        Reloaded::Changed { changes, warnings } => {
            tracing::info!("configuration reloaded ({why}): {}", changes.join("; "));
            warnings
        }
        Reloaded::Unchanged { warnings } => {
            tracing::info!("configuration reloaded ({why}): no change");
            warnings
        }
        Reloaded::Refused(problems) => {
            tracing::error!(
                "configuration not reloaded ({why}), the one in force stays: {}",
                problems.join("; ")
            );
            &[]
        }
        Reloaded::Unable => &[],
    };
    for warning in warnings {
        tracing::warn!("configuration: {warning}");
    }
}

/// What tells one content of a file from another without reading it. A file that is put in another's place, by a
/// rename or behind a symbolic link, has another inode; one that is written in place has another time of change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    inode: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What the files that may be the configuration look like now.
pub fn stamps(options: &Serve) -> Stamps {
    let stamp = |path: &Path| {
        let data = std::fs::metadata(path).ok()?;
        Some(Stamp {
            inode: (data.dev(), data.ino()),
            size: data.size(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        })
    };
    crate::load::candidates(&options.source).into_iter().map(stamp).collect()
}
