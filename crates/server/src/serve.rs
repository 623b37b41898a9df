//! `wharf serve`: checks that it may listen where it is told to, starts one worker per core, and stops in good order.

use crate::access_log::{AccessLog, Sink, Style};
use crate::cli::{Serve, exit};
use crate::front::{self, Drain};
use crate::handler::Gateway;
use crate::load::{self, LoadError, Loaded};
use crate::native::Native;
use crate::reload::{Asker, Asks, InForce, Live, Reloader, Started, asks, stamps};
use crate::state::State;
use crate::state::redis::Address;
use crate::upstream::{Client, Limits, Tls};
use crate::{banner, tls};
use rustls_pki_types::CertificateDer;
use std::io::{self, IsTerminal};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use wharf_core::config::{
    self, AccessLog as LogTarget, Compiled, HostSettings, LogFormat, State as StateSetting,
};
use wharf_core::exchange::Core;
use wharf_core::health::Health;
use wharf_core::host::Egress;
use wharf_core::table::{Access, EgressRule, Table};

/// Where we listen when nobody says.
const DEFAULT_LISTEN: &str = "127.0.0.1:8787";

/// Client connections at once when nobody says.
const CONNECTIONS: usize = 65_536;

/// How often a worker hands its log lines over.
const TICK: Duration = Duration::from_millis(100);

/// Why the server does not start or run.
#[derive(Debug)]
pub struct Failure {
    /// Lines for standard error.
    pub lines: Vec<String>,
    /// Exit code.
    pub code: u8,
}

impl Failure {
    pub(crate) fn new(code: u8, line: impl Into<String>) -> Self {
        Self { lines: vec![line.into()], code }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self { lines: error.lines(), code: exit::CONFIG }
    }
}

/// What every worker gets.
#[derive(Clone)]
struct Shared {
    live: Arc<Live>,
    reloads: Asker,
    /// What is known of keys and targets.
    health: Arc<Health>,
    tls: Arc<Tls>,
    settings: front::Settings,
    drain: Drain,
    style: Style,
    sink: Option<Sink>,
}

/// A configuration that a server can start with.
pub struct Prepared {
    /// The configuration.
    pub loaded: Loaded,
    /// Where to listen, as configured.
    pub(crate) address: SocketAddr,
    /// Further certificates that upstreams are checked against.
    pub(crate) roots: Vec<CertificateDer<'static>>,
    acceptor: Option<TlsAcceptor>,
}

/// Loads the configuration and the files it names, and settles where to listen: all that can keep the server from
/// starting and can be known without starting it.
///
/// # Errors
/// All problems at once, or an address that must not be listened on.
pub fn prepare(options: &Serve) -> Result<Prepared, Failure> {
    let mut loaded = load::load(&options.source, options.open)?;
    load::override_with(&mut loaded, options);
    loaded.notes.extend(hints(&loaded.compiled));
    let address = address(options, &loaded)?;
    let problems = config::own_listener_problems(&loaded.compiled, address);
    if !problems.is_empty() {
        return Err(LoadError::Problems(problems).into());
    }
    let host = &loaded.compiled.host;
    if let Some(StateSetting::Redis(url)) = &host.state {
        Address::parse(url).map_err(|why| Failure::new(exit::CONFIG, format!("state: the URL {why}")))?;
    }
    let acceptor =
        host.tls.as_ref().map(tls::acceptor).transpose().map_err(|e| Failure::new(exit::CONFIG, e))?;
    let roots = roots(host)?;
    Ok(Prepared { loaded, address, roots, acceptor })
}

/// The certificates of `ca_file`.
///
/// # Errors
/// The file cannot be read, or holds none.
pub(crate) fn roots(host: &HostSettings) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let Some(path) = &host.ca_file else { return Ok(Vec::new()) };
    Tls::read_ca_file(Path::new(path)).map_err(|e| Failure::new(exit::CONFIG, format!("ca_file {path}: {e}")))
}

/// Runs until it is told to stop.
///
/// # Errors
/// A wrong configuration, an address that cannot or must not be listened on, or a worker that cannot start.
pub fn run(options: &Serve) -> Result<(), Failure> {
    // Before they are read: what changes from here on is seen as a change.
    let read = stamps(options);
    let Prepared { loaded, address: configured, roots, acceptor } = prepare(options)?;
    let style = style(options, &loaded);
    start_log(style);
    let workers = options.workers.or_else(cores).unwrap_or(1).max(1);
    let (listeners, address) = listen(configured, workers)?;
    let state = state(&loaded.compiled.table, &loaded.compiled.host, &roots);
    let Loaded { compiled, file, mut notes } = loaded;
    let target = options.access_log.clone().unwrap_or_else(|| match &compiled.host.access_log {
        Some(LogTarget::Off) => "off".into(),
        Some(LogTarget::File(path)) => path.clone(),
        Some(LogTarget::Stdout) | None => "-".into(),
    });
    let sink =
        Sink::start(&target).map_err(|e| Failure::new(exit::FAILED, format!("access log {target}: {e}")))?;
    let host = &compiled.host;
    let secure = acceptor.is_some();
    let table = Arc::new(compiled.table);
    let (reloads, asked) = asks();
    let shared = Shared {
        settings: front::Settings { head: host.head_bytes, tls: acceptor, ..front::Settings::default() },
        tls: Arc::new(Tls::new(roots)),
        drain: Drain::new(host.connections.unwrap_or(CONNECTIONS)),
        live: Arc::new(Live::new(InForce { table: table.clone(), state: state.0.clone() })),
        reloads,
        health: Arc::default(),
        style,
        sink,
    };
    notes.extend(state.1);
    let stop = Stop::new().map_err(|e| Failure::new(exit::FAILED, format!("no runtime: {e}")))?;
    banner::show(&table, address, secure, file.as_deref(), &state.0.place(), &notes);
    let drain_ms = host.drain.0;
    let started = Started { options: options.clone(), configured, address, host: compiled.host, file, read };
    let reloader = Reloader::new(started, shared.live.clone());
    serve(listeners, &shared, drain_ms, stop, reloader, asked)
}

/// Runs the workers and waits for the signal to stop.
fn serve(
    listeners: Vec<TcpListener>,
    shared: &Shared,
    drain_ms: u64,
    stop: Stop,
    reloader: Reloader,
    asked: Asks,
) -> Result<(), Failure> {
    let mut threads = Vec::new();
    for (at, listener) in listeners.into_iter().enumerate() {
        let shared = shared.clone();
        let thread =
            std::thread::Builder::new().name(format!("wharf-{at}")).spawn(move || worker(listener, &shared));
        threads.push(thread.map_err(|e| Failure::new(exit::FAILED, format!("no thread for a worker: {e}")))?);
    }
    stop.wait(reloader, asked);
    shared.drain.start(drain_ms);
    tracing::info!("draining: no new connections, {} open", shared.drain.open());
    let mut result = Ok(());
    for thread in threads {
        match thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => result = Err(Failure::new(exit::FAILED, format!("a worker failed: {error}"))),
            Err(_) => result = Err(Failure::new(exit::FAILED, "a worker died")),
        }
    }
    if let Some(sink) = &shared.sink {
        sink.flush();
    }
    tracing::info!("stopped");
    result
}

/// The signals that we act on. Made before anybody is let in or told that we listen: until then a signal would end the
/// process at once, whatever it is doing.
struct Stop {
    runtime: Runtime,
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Stop {
    fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let inside = runtime.enter();
        let (term, int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let hup = signal(SignalKind::hangup())?;
        drop(inside);
        Ok(Self { runtime, term, int, hup })
    }

    /// Returns when one has come that stops us. Until then this thread reads the configuration anew when it is asked to.
    fn wait(self, reloader: Reloader, asked: Asks) {
        let Self { runtime, mut term, mut int, hup } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
                () = reloader.run(hup, asked) => {}
            }
        });
    }
}

/// A current-thread runtime as every worker has it: what it runs need not be `Send`.
pub(crate) fn runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default())
}

fn worker(listener: TcpListener, shared: &Shared) -> io::Result<()> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let log = Rc::new(AccessLog::new(shared.style, shared.sink.clone()));
        let client = Client::new(shared.tls.clone(), Limits::default());
        let first = |InForce { table, state }| {
            let host = Native::new(client, state, Some(shared.reloads.clone()));
            Core::sharing(table, host, shared.health.clone())
        };
        let gateway = Gateway::new(shared.live.clone(), log.clone(), shared.drain.clone(), first);
        let handler = Rc::new(gateway);
        let ticking = handler.clone();
        tokio::task::spawn_local(async move {
            let mut tick = tokio::time::interval(TICK);
            loop {
                tick.tick().await;
                ticking.log.hand_over();
                // A worker without requests must not keep an old table for ever.
                ticking.follow();
                front::sweep();
            }
        });
        let served = front::serve(listener, handler, shared.settings.clone(), shared.drain.clone()).await;
        log.hand_over();
        served
    })
}

/// Where to listen, if we may: without a caller key only on loopback.
fn address(options: &Serve, loaded: &Loaded) -> Result<SocketAddr, Failure> {
    let named = options.listen.as_deref();
    let address = match (named, loaded.compiled.host.listen) {
        (None, Some(address)) => address,
        (named, _) => {
            let text = named.unwrap_or(DEFAULT_LISTEN);
            config::parse_listen(text)
                .map_err(|problem| Failure::new(exit::USAGE, format!("--listen {text}: {problem}")))?
        }
    };
    may_listen(&loaded.compiled.table, address)?;
    Ok(address)
}

/// Without a caller key only loopback is listened on.
///
/// # Errors
/// Everybody who reaches the address could spend the provider keys.
pub(crate) fn may_listen(table: &Table, address: SocketAddr) -> Result<(), Failure> {
    if matches!(table.access, Access::Local) && !address.ip().to_canonical().is_loopback() {
        let (why, how) = if table.dev {
            ("DEV=true needs no caller key", "Unset DEV and set PROXY_API_KEY, or listen on 127.0.0.1.")
        } else {
            let how = "Set PROXY_API_KEY, or listen on 127.0.0.1, or say --open (OPEN=true) if that is what you want.";
            ("no caller key is configured (PROXY_API_KEY)", how)
        };
        let line = format!(
            "refusing to listen on {address}: {why}, so everybody who reaches it could spend your provider keys.\n{how}"
        );
        return Err(Failure::new(exit::CONFIG, line));
    }
    Ok(())
}

/// One listener per worker on the same port.
fn listen(address: SocketAddr, workers: usize) -> Result<(Vec<TcpListener>, SocketAddr), Failure> {
    let failed = |e: io::Error| Failure::new(exit::FAILED, format!("cannot listen on {address}: {e}"));
    // Sockets that share a port would also share it with a stranger's: first see that it is free.
    let probe = TcpListener::bind(address).map_err(failed)?;
    let address = probe.local_addr().map_err(failed)?;
    drop(probe);
    let listeners: Result<Vec<_>, _> = (0..workers).map(|_| front::bind(address)).collect();
    Ok((listeners.map_err(failed)?, address))
}

fn cores() -> Option<usize> {
    std::thread::available_parallelism().ok().map(NonZero::get)
}

fn style(options: &Serve, loaded: &Loaded) -> Style {
    match (options.log.as_deref(), loaded.compiled.host.log_format) {
        (Some("pretty"), _) | (None, Some(LogFormat::Pretty)) => Style::Pretty,
        (None, None) if io::stdout().is_terminal() => Style::Pretty,
        (Some(_), _) | (None, Some(LogFormat::Json) | None) => Style::Json,
    }
}

/// Our own messages go to standard error, so that standard output is the access log and nothing else.
fn start_log(style: Style) {
    let builder = tracing_subscriber::fmt().with_writer(io::stderr).with_target(false);
    // A second start in one process (tests) keeps the first's subscriber.
    let _ = match style {
        Style::Json => builder.json().try_init(),
        Style::Pretty => builder.with_ansi(io::stderr().is_terminal()).try_init(),
    };
}

/// Whether there is any state: only pools of several keys have some.
pub(crate) fn needs_state(table: &Table) -> bool {
    table.entries.iter().any(|entry| entry.pool.keys.len() > 1)
}

/// The file that state is kept in; `None`: it is kept in memory. Without a need for it no file is touched.
pub(crate) fn state_file(table: &Table, host: &HostSettings) -> Option<PathBuf> {
    match &host.state {
        _ if !needs_state(table) => None,
        Some(StateSetting::Memory | StateSetting::Redis(_)) => None,
        Some(StateSetting::File(path)) => Some(path.into()),
        None => load::default_state(),
    }
}

/// Opens the state.
pub(crate) fn state(
    table: &Table,
    host: &HostSettings,
    roots: &[CertificateDer<'_>],
) -> (State, Option<String>) {
    if let Some(redis) = redis_state(table, host, roots) {
        return redis;
    }
    let wanted = state_file(table, host);
    let Some(path) = wanted else { return (State::memory(), None) };
    match State::file(&path, Duration::from_millis(host.state_timeout.0)) {
        Ok(state) => (state, None),
        Err(error) => {
            let note = format!(
                "{}: {error}: rotation and health of keys are kept in memory, and start anew with the process",
                path.display()
            );
            (State::memory(), Some(note))
        }
    }
}

/// The Redis that is configured, where there is state to keep, and what should be said of it. `roots`: what it may be
/// vouched for by, beside the system's.
pub(crate) fn redis_state(
    table: &Table,
    host: &HostSettings,
    roots: &[CertificateDer<'_>],
) -> Option<(State, Option<String>)> {
    let Some(StateSetting::Redis(url)) = &host.state else { return None };
    if !needs_state(table) {
        return None;
    }
    let patience = Duration::from_millis(host.state_timeout.0);
    let opened = Address::parse(url)
        .and_then(|address| State::redis(address, roots, patience).map_err(|error| error.to_string()));
    Some(match opened {
        Ok(state) => (state, None),
        Err(why) => {
            (State::memory(), Some(format!("state in Redis: {why}: it is kept in memory, and not shared")))
        }
    })
}

/// Region hints do nothing here, and who counts on one should know.
fn hints(compiled: &Compiled) -> Option<String> {
    let table = &compiled.table;
    // The rule that holds without any is not the user's, and says nothing to those who run elsewhere.
    let meant = |rule: &EgressRule| {
        compiled.own_egress || table.place.loc.as_ref().is_some_and(|loc| rule.loc.contains(loc))
    };
    let counted_on = table.egress.iter().any(|rule| matches!(rule.via, Egress::Hint(_)) && meant(rule));
    counted_on
        .then(|| "egress: region hints have no effect on the native host, such requests go direct".into())
}
