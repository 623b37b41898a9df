//! The client: keeps so many requests in flight and prints what came back as one JSON object.
//!
//! `closed` sends the next request when the answer is complete, `sse` does the same with streams and counts their
//! events, `hold` opens streams at a steady pace and keeps them open until the time is up.

use crate::{CALLER_KEY, Result, probe};
use std::cell::{Cell, RefCell};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

mod exchange;
mod tally;

use exchange::{DONE, Ended, exchange};
pub(crate) use tally::Report;
use tally::Tally;

/// How the connections are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Mode {
    /// Request after request on each connection
    Closed,
    /// Stream after stream on each connection
    Sse,
    /// One stream per connection, held open to the end
    Hold,
}

/// Command line of `load`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Loopback port to send to
    #[arg(long)]
    port: u16,
    #[arg(long, default_value = "/v1/chat/completions")]
    path: String,
    #[arg(long, value_enum, default_value_t = Mode::Closed)]
    mode: Mode,
    /// Requests in flight at a time
    #[arg(long, default_value_t = 32)]
    connections: u64,
    /// Stop after so many requests; 0 for no limit but the time
    #[arg(long, default_value_t = 0)]
    requests: u64,
    /// Send nothing new after this many seconds
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Streams opened per second (hold)
    #[arg(long, default_value_t = 1000.0)]
    rate: f64,
    /// Events a complete stream has; 0 to accept any number
    #[arg(long, default_value_t = 0)]
    events: u64,
    /// What a complete stream ends with
    #[arg(long, default_value = DONE)]
    last: String,
    /// A further request header, `name: value`; may be given again
    #[arg(long = "header")]
    headers: Vec<String>,
    /// File with the request body
    #[arg(long)]
    body: std::path::PathBuf,
}

/// What all connections of one load share; they run on one thread.
struct Load {
    args: Args,
    request: Vec<u8>,
    end: Instant,
    issued: Cell<u64>,
    tally: RefCell<Tally>,
}

/// Sends the load and prints the report.
pub(crate) fn main(args: Args) -> Result<ExitCode> {
    let body = std::fs::read(&args.body).map_err(|error| format!("{}: {error}", args.body.display()))?;
    let request = probe::request(args.port, &args.path, CALLER_KEY, &args.headers, &body);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(LocalSet::new().run_until(send(args, request)));
    println!("{}", serde_json::to_string(&report)?);
    Ok(ExitCode::SUCCESS)
}

async fn send(args: Args, request: Vec<u8>) -> Report {
    let start = Instant::now();
    let end = start + Duration::from_secs_f64(args.seconds);
    let load = Rc::new(Load { args, request, end, issued: Cell::new(0), tally: RefCell::default() });
    let mut connections = JoinSet::new();
    for number in 0..load.args.connections {
        connections.spawn_local(connection(Rc::clone(&load), number));
    }
    // What is in flight at the end may finish, but not for ever.
    let grace = if load.args.mode == Mode::Hold { Duration::ZERO } else { Duration::from_secs(10) };
    let finished = timeout_at(end + grace, async { while connections.join_next().await.is_some() {} }).await;
    let mut tally = load.tally.borrow_mut();
    if finished.is_err() && load.args.mode != Mode::Hold {
        tally.broken += connections.len() as u64;
    }
    let (sent, bytes) = (tally.ok, load.request.len() as u64);
    tally.report(start.elapsed(), sent * bytes)
}

async fn connection(load: Rc<Load>, number: u64) {
    if load.args.mode == Mode::Hold {
        hold(&load, number).await;
        return;
    }
    let mut open: Option<TcpStream> = None;
    let mut input = Vec::with_capacity(32 * 1024);
    let mut failures = 0;
    while failures < 100 && Instant::now() < load.end && take_turn(&load) {
        let mut stream = match open.take() {
            Some(stream) => stream,
            None => match connect(load.args.port).await {
                Ok(stream) => stream,
                Err(_) => {
                    failures += 1;
                    load.tally.borrow_mut().broken += 1;
                    sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
        };
        input.clear();
        match exchange(&mut stream, &mut input, &load).await {
            Ok(Ended { good, keep }) => {
                failures = if good { 0 } else { failures + 1 };
                open = keep.then_some(stream);
            }
            Err(_) => {
                failures += 1;
                load.tally.borrow_mut().broken += 1;
            }
        }
    }
}

/// One stream that is meant to outlast the load; its ending early is a failure.
async fn hold(load: &Load, number: u64) {
    let after = Duration::from_secs_f64(number as f64 / load.args.rate);
    sleep_until(load.end - Duration::from_secs_f64(load.args.seconds) + after).await;
    let mut input = Vec::with_capacity(2 * 1024);
    if let Ok(mut stream) = connect(load.args.port).await {
        // Whatever it says, it has ended before the time was up.
        let _ = exchange(&mut stream, &mut input, load).await;
    }
    load.tally.borrow_mut().broken += 1;
}

async fn connect(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Takes one of the requests there are to send.
fn take_turn(load: &Load) -> bool {
    let issued = load.issued.get();
    load.issued.set(issued + 1);
    load.args.requests == 0 || issued < load.args.requests
}
