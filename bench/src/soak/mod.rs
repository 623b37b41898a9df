//! The soak: many clients, one gateway, four upstreams that fail at random. No request may be lost without an error,
//! no half answer may look whole, nothing may leak, and all counts must agree at the end.

mod answer;
mod client;
mod ledger;
mod setup;

use crate::Result;
use crate::process::{Directory, Group, end_all_on_signal};
use answer::{Ended, Outcome};
use client::Load;
use setup::{Counted, Server};
use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, sleep_until};

/// Resident memory at the end may be so many times that of the first minute.
const GROWTH: f64 = 1.1;

/// How long what is over may take to show: a log that is written, a connection that is closed.
const SETTLING: Duration = Duration::from_secs(10);

/// Command line of `soak`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// For so long new requests are sent
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Clients at a time
    #[arg(long, default_value_t = 200)]
    clients: u64,
    /// How long a client pauses between two requests, on average
    #[arg(long, default_value_t = 100)]
    pause_ms: u64,
    /// What faults, questions and pauses are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The program to soak
    #[arg(long, default_value = "target/release/wharf")]
    wharf: PathBuf,
    /// Keep configuration and logs here, instead of in a directory that goes away
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// SplitMix64: <https://prng.di.unimi.it/splitmix64.c>.
struct Random(u64);

impl Random {
    /// Below `count`.
    fn below(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % count.max(1)
    }
}

/// What the gateway holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    rss_kib: u64,
    files: usize,
    threads: usize,
}

impl Held {
    fn by(group: &Group) -> Self {
        let (files, threads) = group.held();
        Self { rss_kib: group.rss_kib(), files, threads }
    }
}

/// What was seen in the end, for the report.
struct Seen {
    ended: Vec<Ended>,
    /// What the first unfair answers looked like.
    unfair: Vec<String>,
    before: Held,
    early: Held,
    after: Held,
    upstreams: Counted,
    /// Open files once the upstreams are gone.
    files_left: usize,
}

/// Soaks, prints what came of it, and fails if anything is not as it must be.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let own = Directory::new()?;
    end_all_on_signal(own.0.clone())?;
    let directory = args.keep.as_deref().unwrap_or(&own.0);
    std::fs::create_dir_all(directory)?;
    // What an earlier run kept would be counted again.
    let _ = std::fs::remove_file(directory.join("access.log"));
    let upstreams = setup::upstreams(&args.wharf, directory, args.seed)?;
    let gateway = setup::gateway(&args.wharf, directory, &upstreams)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let seen = runtime.block_on(LocalSet::new().run_until(soak(args, directory, gateway, upstreams)))?;
    let (text, wrong) = report(args, directory, &seen)?;
    println!("{text}");
    for line in seen.unfair.iter().chain(&wrong) {
        eprintln!("{line}");
    }
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn soak(args: &Args, directory: &Path, gateway: Server, upstreams: Vec<Server>) -> Result<Seen> {
    let before = settled(&gateway.group).await;
    let start = Instant::now();
    let load = Rc::new(Load {
        port: gateway.port,
        end: start + Duration::from_secs(args.seconds),
        pause_ms: args.pause_ms,
        issued: Cell::new(0),
        ended: RefCell::default(),
        unfair: RefCell::default(),
    });
    let mut clients = JoinSet::new();
    for number in 0..args.clients {
        clients.spawn_local(client::run(load.clone(), Random(args.seed << 32 | number)));
    }
    // The first minute; of a short soak the first third.
    sleep_until(start + Duration::from_secs((args.seconds / 3).min(60))).await;
    let early = Held::by(&gateway.group);
    watch(&load, &gateway, start).await;
    while clients.join_next().await.is_some() {}
    let ended = load.ended.take();
    let log = directory.join("access.log");
    let (mut counted, mut after);
    let deadline = Instant::now() + SETTLING;
    loop {
        counted = count(&upstreams)?;
        after = Held::by(&gateway.group);
        let settled = ledger::lines(&log)? >= ended.len() as u64
            && counted.over == counted.requests
            && after.files as u64 == before.files as u64 + counted.open;
        if settled || Instant::now() > deadline {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    drop(upstreams);
    let deadline = Instant::now() + SETTLING;
    while gateway.group.held().0 > before.files && Instant::now() < deadline {
        sleep(Duration::from_millis(100)).await;
    }
    let files_left = gateway.group.held().0;
    Ok(Seen { ended, unfair: load.unfair.take(), before, early, after, upstreams: counted, files_left })
}

/// What the gateway holds once it has started: one worker may answer before another one has opened anything.
async fn settled(group: &Group) -> Held {
    let deadline = Instant::now() + SETTLING;
    let mut held = Held::by(group);
    loop {
        sleep(Duration::from_millis(500)).await;
        let now = Held::by(group);
        let same = (held.files, held.threads) == (now.files, now.threads);
        held = now;
        if same || Instant::now() > deadline {
            return held;
        }
    }
}

/// A line every ten seconds, until the time is up.
async fn watch(load: &Load, gateway: &Server, start: Instant) {
    while Instant::now() < load.end {
        sleep_until(load.end.min(Instant::now() + Duration::from_secs(10))).await;
        let Held { rss_kib, files, threads } = Held::by(&gateway.group);
        let (seconds, requests) = (start.elapsed().as_secs(), load.issued.get());
        eprintln!(
            "{seconds:>4} s  {requests:>8} requests  {rss_kib:>7} KiB  {files:>4} files  {threads:>3} threads"
        );
    }
}

fn count(upstreams: &[Server]) -> Result<Counted> {
    let mut all = Counted::default();
    for upstream in upstreams {
        let one = setup::counted(upstream.port)?;
        all.requests += one.requests;
        all.over += one.over;
        all.open += one.open;
    }
    Ok(all)
}

/// What is printed, and what is not as it must be.
fn report(args: &Args, directory: &Path, seen: &Seen) -> Result<(String, Vec<String>)> {
    let logged = ledger::read(&directory.join("access.log"), &seen.ended)?;
    let of = |wanted: Outcome, routed: bool| {
        seen.ended.iter().filter(|ended| ended.outcome == wanted && ended.routed == routed).count()
    };
    let growth = seen.after.rss_kib as f64 / seen.early.rss_kib as f64;
    let mut text = format!("{} s, {} clients, {} requests", args.seconds, args.clients, seen.ended.len());
    for (name, routed) in [("over four targets", true), ("at one target", false)] {
        let _ = write!(text, "\n{name}:");
        for outcome in Outcome::ALL {
            let _ = write!(text, " {} {}", of(outcome, routed), format!("{outcome:?}").to_lowercase());
        }
    }
    let (Seen { before, early, after, upstreams, .. }, attempts) = (seen, logged.attempts);
    let _ = write!(
        text,
        "\nlog: {} lines, {attempts} attempts; upstreams: {} requests, {} over, {} connections open\n\
         RSS: {} KiB at the start, {} early, {} at the end ({growth:.3} times); open files: {}, then {}, {} without \
         upstreams; threads: {}, then {}",
        logged.lines,
        upstreams.requests,
        upstreams.over,
        upstreams.open,
        before.rss_kib,
        early.rss_kib,
        after.rss_kib,
        before.files,
        after.files,
        seen.files_left,
        before.threads,
        after.threads,
    );
    let mut wrong: Vec<String> = logged.wrong.iter().take(10).cloned().collect();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    let unfair = seen.ended.iter().filter(|ended| !ended.outcome.is_fair()).count();
    let routed = seen.ended.iter().filter(|ended| ended.routed).count();
    let refused = of(Outcome::Refused, true);
    must(unfair == 0, format!("{unfair} requests were lost, or half an answer looked whole"));
    must(refused * 100 <= routed, format!("{refused} of {routed} refused that had other targets"));
    must(logged.gone > 0, "no client was seen to leave".into());
    must(
        attempts == upstreams.requests,
        format!("{attempts} attempts, {} requests upstream", upstreams.requests),
    );
    must(upstreams.over == upstreams.requests, "requests upstream that never ended".into());
    must(growth <= GROWTH, format!("memory grew {growth:.3} times, {GROWTH} is the most"));
    let files = before.files as u64 + upstreams.open;
    must(after.files as u64 == files, format!("{} open files, {files} expected", after.files));
    must(seen.files_left == before.files, format!("{} open files without upstreams", seen.files_left));
    must(after.threads == before.threads, format!("{} threads, were {}", after.threads, before.threads));
    Ok((text, wrong))
}
