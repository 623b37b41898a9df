//! `wharf chaos`: an upstream that misbehaves as it is told, for tests of this gateway and of any other.
//!
//! It speaks its own HTTP/1.1, since it must be able to break it. Reading requests is `wire1`'s, as for the gateway.

pub mod answers;
mod connection;
pub mod fault;
mod frames;
pub mod hints;
mod log;
mod plan;
mod play;
pub mod script;

use crate::cli::{self, exit};
use crate::serve::{Failure, runtime};
use log::Log;
use script::{Chooser, Script};
use std::cell::RefCell;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// Where it listens when nobody says.
const DEFAULT_LISTEN: &str = "127.0.0.1:9900";

/// What all connections share.
struct Chaos {
    chooser: RefCell<Chooser>,
    log: RefCell<Log>,
    /// Told whenever a request is over.
    news: Notify,
    dead: DeadPorts,
}

/// Ports of ours where no connection comes about.
struct DeadPorts {
    /// Nobody listens here.
    refusing: SocketAddr,
    /// Nobody accepts here, and the queue is full.
    stalling: SocketAddr,
    /// What keeps them so, and others away from them.
    _held: (TcpSocket, TcpListener, TcpStream),
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// A script or a fault that cannot be read, or an address that cannot be listened on.
pub fn run(options: &cli::Chaos) -> Result<(), Failure> {
    let script = script(options)?;
    let listen = options.listen.as_deref().unwrap_or(DEFAULT_LISTEN);
    let address: SocketAddr =
        listen.parse().map_err(|e| Failure::new(exit::USAGE, format!("--listen {listen}: {e}")))?;
    let failed = |e: io::Error| Failure::new(exit::FAILED, format!("cannot listen on {address}: {e}"));
    let runtime = runtime().map_err(failed)?;
    runtime.block_on(async {
        let (mut term, mut int) = (
            signal(SignalKind::terminate()).map_err(failed)?,
            signal(SignalKind::interrupt()).map_err(failed)?,
        );
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let dead = DeadPorts::beside(address).await.map_err(failed)?;
        let (refusing, stalling) = (dead.refusing, dead.stalling);
        let chooser = RefCell::new(Chooser::new(script, options.seed));
        let chaos = Rc::new(Chaos { chooser, log: RefCell::default(), news: Notify::new(), dead });
        let ports = format!("refusing on {refusing}, stalling on {stalling}");
        let _ = writeln!(io::stderr(), "wharf chaos listening on http://{address}, {ports}");
        tokio::select! {
            () = accept(&listener, &chaos) => {}
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        Ok(())
    })
}

async fn accept(listener: &TcpListener, chaos: &Rc<Chaos>) {
    let refuses_all = chaos.chooser.borrow().refuses_all();
    loop {
        // Out of descriptors, or a client that has left already: neither is the end.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        if refuses_all {
            connection::reset(stream);
            continue;
        }
        let chaos = Rc::clone(chaos);
        tokio::task::spawn_local(async move { connection::serve(stream, &chaos).await });
    }
}

impl DeadPorts {
    /// Two free ports of the same address.
    async fn beside(listen: SocketAddr) -> io::Result<Self> {
        let bound = || {
            let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            socket.bind(SocketAddr::new(listen.ip(), 0))?;
            io::Result::Ok(socket)
        };
        let refused = bound()?;
        // A queue for one connection, which is ours: Linux drops whoever comes next, and they try until they give up.
        let stalled = bound()?.listen(0)?;
        let (refusing, stalling) = (refused.local_addr()?, stalled.local_addr()?);
        let first = TcpStream::connect(stalling).await?;
        Ok(Self { refusing, stalling, _held: (refused, stalled, first) })
    }
}

fn script(options: &cli::Chaos) -> Result<Script, Failure> {
    let usage = |line: String| Failure::new(exit::USAGE, line);
    if let Some(fault) = &options.fault {
        return Script::always(fault).map_err(|error| usage(format!("--fault {error}")));
    }
    let Some(path) = &options.script else { return Ok(Script::default()) };
    let text = read(path).map_err(|e| Failure::new(exit::FAILED, format!("{}: {e}", path.display())))?;
    Script::parse(&text).map_err(|error| usage(format!("{}: {error}", path.display())))
}

fn read(path: &Path) -> io::Result<String> {
    if path.as_os_str() != "-" {
        return std::fs::read_to_string(path);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}
