//! A fake upstream on a real loopback socket: it records every request as received and answers by script.
//! It lives on its own thread, so that tests with and without a runtime use it alike.

mod connection;
mod reply;
mod request;

pub use reply::{Feed, Reply};
pub use request::Recorded;

use crate::PATIENCE;
use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use tokio::sync::{Notify, oneshot};

type Script = Box<dyn FnMut(&Recorded) -> Reply + Send>;

/// What has happened at the upstream so far.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Every request whose head arrived, in that order.
    pub requests: Vec<Recorded>,
    /// How many requests there were, the forgotten ones included.
    pub received: usize,
    /// How many connections were accepted.
    pub accepted: usize,
    /// How many of them are open.
    pub open: usize,
    /// Connections that the peer closed, by number.
    pub closed_by_peer: Vec<usize>,
    /// Connections that the peer closed while a request or an answer was under way: a cancelled exchange.
    pub cancelled: Vec<usize>,
}

struct Shared {
    log: Mutex<Log>,
    changed: Condvar,
    notify: Notify,
    script: Mutex<Script>,
    answer_early: bool,
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn update<T>(&self, change: impl FnOnce(&mut Log) -> T) -> T {
        let out = change(&mut self.log());
        self.changed.notify_all();
        self.notify.notify_waiters();
        out
    }

    fn reply_to(&self, request: &Recorded) -> Reply {
        let mut script = self.script.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        script(request)
    }
}

/// A fake provider. Dropping it closes everything.
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Starts one that answers each request by calling `script` once its body is complete.
    pub fn start(script: impl FnMut(&Recorded) -> Reply + Send + 'static) -> Self {
        Self::launch(Box::new(script), false)
    }

    /// Like [`Upstream::start`], but answers as soon as the head is in, and reads the body afterwards.
    pub fn start_early(script: impl FnMut(&Recorded) -> Reply + Send + 'static) -> Self {
        Self::launch(Box::new(script), true)
    }

    /// Starts one that gives these answers in order, and a telling 599 when they are used up.
    pub fn queued(replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut queue: VecDeque<Reply> = replies.into_iter().collect();
        Self::start(move |_| queue.pop_front().unwrap_or_else(Reply::unscripted))
    }

    /// Starts one that echoes what it received, as JSON: method, target, headers (pairs) and body (text).
    pub fn echo() -> Self {
        Self::start(|request| Reply::json(200, &request.describe()))
    }

    fn launch(script: Script, answer_early: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        listener.set_nonblocking(true).expect("a non-blocking listener");
        let address = listener.local_addr().expect("the listener's address");
        let shared = Arc::new(Shared {
            log: Mutex::new(Log::default()),
            changed: Condvar::new(),
            notify: Notify::new(),
            script: Mutex::new(script),
            answer_early,
        });
        let (stop, stopped) = oneshot::channel();
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("fake-upstream".into())
            .spawn(move || run(listener, &of_thread, stopped))
            .expect("a thread for the fake upstream");
        Self { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, with no slash at the end.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `http://127.0.0.1:PORT` followed by `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Replaces the script from the next request on.
    pub fn respond(&self, script: impl FnMut(&Recorded) -> Reply + Send + 'static) {
        *self.shared.script.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Box::new(script);
    }

    /// Everything that happened until now.
    pub fn log(&self) -> Log {
        self.shared.log().clone()
    }

    /// The requests received until now, the unfinished ones included.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.log().requests.clone()
    }

    /// The only request; fails when there were none or several.
    pub fn request(&self) -> Recorded {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "the upstream expected exactly one request, got {requests:#?}");
        requests.into_iter().next().expect("one request")
    }

    /// Forgets the recorded requests, for the next part of a test. Connections stay counted.
    pub fn forget(&self) {
        self.shared.update(|log| log.requests.clear());
    }

    /// Blocks until `ready` holds for the log; fails the test after [`PATIENCE`].
    pub fn wait_for(&self, what: &str, ready: impl Fn(&Log) -> bool) -> Log {
        let log = self.shared.log();
        let (log, timeout) = self
            .shared
            .changed
            .wait_timeout_while(log, PATIENCE, |log| !ready(log))
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let seen = log.clone();
        drop(log);
        assert!(!timeout.timed_out(), "waited in vain for {what}; the upstream saw {seen:#?}");
        seen
    }

    /// Blocks until `count` requests have arrived with their whole bodies.
    pub fn wait_for_requests(&self, count: usize) -> Vec<Recorded> {
        self.wait_for("requests", |log| log.requests.iter().filter(|r| r.complete).count() >= count).requests
    }

    /// Blocks until the peer has cancelled `count` exchanges.
    pub fn wait_for_cancels(&self, count: usize) -> Log {
        self.wait_for("cancelled exchanges", |log| log.cancelled.len() >= count)
    }

    /// Blocks until no connection is open.
    pub fn wait_until_closed(&self) -> Log {
        self.wait_for("every connection to close", |log| log.open == 0)
    }

    /// The same as [`Upstream::wait_for`] for tests on a runtime, whose thread must not be blocked.
    pub async fn until(&self, what: &str, ready: impl Fn(&Log) -> bool) -> Log {
        let wait = async {
            loop {
                let changed = self.shared.notify.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                let seen = self.log();
                if ready(&seen) {
                    return seen;
                }
                changed.await;
            }
        };
        let Ok(seen) = tokio::time::timeout(PATIENCE, wait).await else {
            panic!("waited in vain for {what}; the upstream saw {:#?}", self.log())
        };
        seen
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.expect("the fake upstream's script did not panic");
            }
        }
    }
}

/// An address on which nobody listens: connecting to it is refused.
pub fn refused_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    listener.local_addr().expect("the listener's address")
}

fn run(listener: TcpListener, shared: &Arc<Shared>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("the listener");
        let accept = async {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let number = shared.update(|log| {
                    log.open += 1;
                    log.accepted += 1;
                    log.accepted - 1
                });
                tokio::spawn(connection::serve(stream, number, Arc::clone(shared)));
            }
        };
        tokio::select! {
            () = accept => {}
            _ = stopped => {}
        }
    });
}
