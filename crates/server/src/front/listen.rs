//! Listens: one socket per worker on a shared port, one task per connection.

use super::conn::{self, Ended};
use super::drain::{Drain, Place};
use super::io::{Io, Rewound};
use super::message::Handler;
use super::{Phase, Settings, Worker, h2};
use crate::clock;
use crate::wheel::{self, Deadline};
use bytes::BytesMut;
use socket2::{Domain, Protocol, Socket, Type};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::Result;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Connections the kernel keeps for us until they are accepted.
const BACKLOG: i32 = 4096;

/// How long accepting rests when the process is out of descriptors or memory.
const EXHAUSTED_MS: u64 = 50;

/// Binds a listening socket. Each worker binds its own to the same address; the kernel spreads the clients.
///
/// # Errors
/// The system's.
pub fn bind(address: SocketAddr) -> Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The connections of one `serve` call.
#[derive(Default)]
struct Tasks {
    open: Cell<usize>,
    ended: Notify,
}

struct Task {
    tasks: Rc<Tasks>,
    _place: Place,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.tasks.open.set(self.tasks.open.get().saturating_sub(1));
        self.tasks.ended.notify_one();
    }
}

/// Accepts and serves until `drain` starts, and returns when the last connection is closed.
///
/// Call it inside a current-thread runtime (`LocalRuntime` or `LocalSet`).
///
/// # Errors
/// The listener cannot be used with this runtime.
pub async fn serve<H: Handler + 'static>(
    listener: std::net::TcpListener,
    handler: Rc<H>,
    settings: Settings,
    drain: Drain,
) -> Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let worker = Rc::new(Worker { handler, settings, phase: Cell::new(Phase::Running) });
    let tasks = Rc::new(Tasks::default());
    let bound = {
        let mut stopping = pin!(drain.stopping());
        let mut pause = pin!(Pause::default());
        poll_fn(|cx| {
            if let Poll::Ready(bound) = stopping.as_mut().poll(cx) {
                worker.phase.set(Phase::Draining);
                // Clients the kernel has let in already are served, not reset.
                while let Poll::Ready(Ok((tcp, peer))) = listener.poll_accept(cx) {
                    admit(&worker, &tasks, &drain, tcp, peer);
                }
                return Poll::Ready(bound);
            }
            while pause.poll(cx).is_ready() {
                match listener.poll_accept(cx) {
                    Poll::Ready(Ok((tcp, peer))) => admit(&worker, &tasks, &drain, tcp, peer),
                    Poll::Ready(Err(error)) if is_the_clients(&error) => {}
                    Poll::Ready(Err(_)) => pause.begin(),
                    Poll::Pending => break,
                }
            }
            Poll::Pending
        })
        .await
    };
    drop(listener);
    wheel::wake_all();
    let cut = Deadline::new();
    cut.set(bound);
    if !emptied(&tasks, Some(&cut)).await {
        worker.phase.set(Phase::Cut);
        wheel::wake_all();
        emptied(&tasks, None).await;
    }
    Ok(())
}

/// Waits until no connection is open; false if `bound` was there first.
async fn emptied(tasks: &Tasks, bound: Option<&Deadline>) -> bool {
    while tasks.open.get() > 0 {
        let mut ended = pin!(tasks.ended.notified());
        let in_time = poll_fn(|cx| match (ended.as_mut().poll(cx), bound) {
            (Poll::Ready(()), _) => Poll::Ready(true),
            (Poll::Pending, Some(bound)) => bound.poll_expired(cx).map(|()| false),
            (Poll::Pending, None) => Poll::Pending,
        });
        if !in_time.await {
            return false;
        }
    }
    true
}

/// An error of one connection that was gone before it was accepted.
fn is_the_clients(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Between a failed accept and the next.
#[derive(Default)]
struct Pause(Option<Deadline>);

impl Pause {
    fn begin(&mut self) {
        let deadline = Deadline::new();
        deadline.set(EXHAUSTED_MS);
        self.0 = Some(deadline);
    }

    fn poll(&mut self, cx: &std::task::Context<'_>) -> Poll<()> {
        if let Some(deadline) = &self.0 {
            std::task::ready!(deadline.poll_expired(cx));
            self.0 = None;
        }
        Poll::Ready(())
    }
}

fn admit<H: Handler + 'static>(
    worker: &Rc<Worker<H>>,
    tasks: &Rc<Tasks>,
    drain: &Drain,
    tcp: TcpStream,
    peer: SocketAddr,
) {
    // Without it small chunks wait for the client's acknowledgement; a socket that refuses it is dead.
    let _dead = tcp.set_nodelay(true);
    let Some(place) = drain.enter() else {
        if worker.settings.tls.is_none() {
            conn::turn_away(&tcp);
        }
        return;
    };
    tasks.open.set(tasks.open.get() + 1);
    let task = Task { tasks: Rc::clone(tasks), _place: place };
    let worker = Rc::clone(worker);
    if worker.settings.tls.is_some() {
        tokio::task::spawn_local(clock::by_turns(async move {
            let _task = task;
            serve_tls(&worker, tcp, peer).await;
        }));
    } else {
        tokio::task::spawn_local(clock::by_turns(async move {
            let _task = task;
            serve_http1(&worker, Io::Tcp(tcp), peer).await;
        }));
    }
}

async fn serve_http1<H: Handler + 'static>(worker: &Rc<Worker<H>>, io: Io, peer: SocketAddr) {
    let tls = io.is_tls();
    if let Ended::Http2(io, read) = conn::serve(worker, io, peer).await {
        // Boxed: HTTP/1.1 connections do not carry room for hyper's state.
        Box::pin(h2::serve(Rc::clone(worker), Rewound::new(read, io), peer, tls)).await;
    }
}

async fn serve_tls<H: Handler + 'static>(worker: &Rc<Worker<H>>, tcp: TcpStream, peer: SocketAddr) {
    let Some(acceptor) = &worker.settings.tls else { return };
    let Some(tls) = handshake(worker, acceptor.accept(tcp)).await else { return };
    let is_h2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    let io = Io::Tls(Box::new(tls));
    if is_h2 {
        Box::pin(h2::serve(Rc::clone(worker), Rewound::new(BytesMut::new(), io), peer, true)).await;
    } else {
        serve_http1(worker, io, peer).await;
    }
}

/// Boxed, so that a connection does not carry its handshake along; bounded like a head.
async fn handshake<H, T>(worker: &Worker<H>, accept: impl Future<Output = Result<T>>) -> Option<T> {
    let mut accept = Box::pin(accept);
    let deadline = Deadline::new();
    deadline.set(worker.settings.head_ms);
    poll_fn(|cx| {
        if let Poll::Ready(accepted) = accept.as_mut().poll(cx) {
            return Poll::Ready(accepted.ok());
        }
        if worker.phase.get() == Phase::Cut {
            return Poll::Ready(None);
        }
        deadline.poll_expired(cx).map(|()| None)
    })
    .await
}
