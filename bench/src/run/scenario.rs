//! What is done to a gateway in one turn, and which figures come out.

use super::turn::{Figures, Load, Measured, Turn, named, number};
use crate::Result;
use crate::load::Mode;
use crate::mock::Knobs;
use serde::{Deserialize, Serialize};
use std::thread::sleep;
use std::time::Duration;

/// The scenarios, in the order they are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scenario {
    /// Start to first answer, memory after it, size of the program
    Start,
    /// Small JSON requests, 32 at a time
    Cpu,
    /// Prompts of 16 KiB with many escapes, answers of 2 KiB
    Cpu16k,
    /// 32 streams at a time of 50 chunks, 5 ms apart
    Sse,
    /// 8 streams at a time of 1,000 chunks back to back
    Flood,
    /// The same with 16 chunks in each write of the upstream
    Burst,
    /// Bodies of 10 MiB, 4 at a time
    Big,
    /// Thousands of streams of one chunk a second
    Hold,
    /// Memory after more and more requests
    Rss,
}

/// How much of everything; a quick run shows that it works, not what it costs.
pub(super) struct Scale {
    warm: u64,
    starts: u64,
    small: u64,
    long: u64,
    streams: u64,
    floods: u64,
    big: u64,
    pub(super) held: u64,
    held_seconds: f64,
    memory: [u64; 3],
}

impl Scale {
    pub(super) const FULL: Self = Self {
        warm: 10_000,
        starts: 5,
        small: 100_000,
        long: 50_000,
        streams: 640,
        floods: 800,
        big: 400,
        held: 5_000,
        held_seconds: 8.0,
        memory: [1_000, 10_000, 100_000],
    };
    pub(super) const QUICK: Self = Self {
        warm: 1_000,
        starts: 1,
        small: 10_000,
        long: 5_000,
        streams: 128,
        floods: 80,
        big: 40,
        held: 500,
        held_seconds: 3.0,
        memory: [500, 2_000, 8_000],
    };
}

impl Scenario {
    /// Runs it on a gateway that has just been started.
    pub(super) fn run(self, turn: &mut Turn<'_>, scale: &Scale) -> Result<Figures> {
        match self {
            Self::Start => start(turn, scale),
            Self::Cpu => {
                warm(turn, scale, "small")?;
                per_request(&turn.measured(&Load::closed("small", scale.small))?)
            }
            Self::Cpu16k => {
                turn.bench.configure(&Knobs { body_bytes: 2048, ..Knobs::default() })?;
                warm(turn, scale, "16k")?;
                per_request(&turn.measured(&Load::closed("16k", scale.long))?)
            }
            Self::Sse => {
                let knobs = Knobs { interval_us: 5_000, ..Knobs::default() };
                chunks(turn, &knobs, 32, 64, scale.streams)
            }
            Self::Flood => {
                let knobs = Knobs { chunks: 1_000, ..Knobs::default() };
                chunks(turn, &knobs, 8, 16, scale.floods)
            }
            Self::Burst => {
                let knobs = Knobs { chunks: 1_000, batch: 16, ..Knobs::default() };
                chunks(turn, &knobs, 8, 16, scale.floods)
            }
            Self::Big => big(turn, scale),
            Self::Hold => hold(turn, scale),
            Self::Rss => memory(turn, scale),
        }
    }
}

fn start(turn: &mut Turn<'_>, scale: &Scale) -> Result<Figures> {
    let mut times = vec![turn.start_ms];
    sleep(Duration::from_secs(1));
    let mut figures = named([("idle_rss_mib", mib(turn.group.rss_kib()))]);
    if let Some(size) = turn.gateway.binary_mb(&turn.bench.directory) {
        figures.insert("binary_mb".to_owned(), size);
    }
    for _ in 1..scale.starts {
        turn.restart()?;
        times.push(turn.start_ms);
    }
    figures.insert("start_ms".to_owned(), crate::table::median(&mut times).unwrap_or(0.0));
    Ok(figures)
}

/// Fills pools and caches; its cost is not counted.
fn warm(turn: &Turn<'_>, scale: &Scale, body: &'static str) -> Result<()> {
    turn.load(&Load::closed(body, scale.warm)).map(drop)
}

fn per_request(measured: &Measured) -> Result<Figures> {
    let mut figures = measured.figures();
    let each = divided(measured.report.ok)?;
    figures.insert("cpu_us".to_owned(), measured.cpu() * 1e6 / each);
    figures.insert("user_us".to_owned(), measured.user * 1e6 / each);
    figures.insert("system_us".to_owned(), measured.system * 1e6 / each);
    Ok(figures)
}

fn chunks(turn: &Turn<'_>, knobs: &Knobs, connections: u64, warm: u64, streams: u64) -> Result<Figures> {
    turn.bench.configure(knobs)?;
    // The finish reason and `[DONE]` follow the chunks.
    let events = knobs.chunks + 2;
    let load = |requests| Load {
        mode: Mode::Sse,
        body: "stream",
        connections,
        requests,
        seconds: 60.0,
        rate: 0.0,
        events,
    };
    turn.load(&load(warm))?;
    let measured = turn.measured(&load(streams))?;
    let mut figures = measured.figures();
    figures.insert("cpu_us".to_owned(), measured.cpu() * 1e6 / divided(measured.report.events)?);
    Ok(figures)
}

fn big(turn: &Turn<'_>, scale: &Scale) -> Result<Figures> {
    warm(turn, scale, "small")?;
    let measured = turn.measured(&Load { connections: 4, ..Load::closed("big", scale.big) })?;
    let gib = divided(measured.report.sent_bytes)? / f64::from(1 << 30);
    let mut figures = measured.figures();
    figures.insert("cpu_s_per_gib".to_owned(), measured.cpu() / gib);
    figures.insert("mib_per_s".to_owned(), gib * 1024.0 / measured.report.seconds);
    figures.insert("peak_rss_mib".to_owned(), mib(turn.group.peak_kib()));
    Ok(figures)
}

fn hold(turn: &Turn<'_>, scale: &Scale) -> Result<Figures> {
    warm(turn, scale, "small")?;
    let before = turn.group.rss_kib();
    turn.bench.configure(&Knobs { interval_us: 1_000_000, chunks: 1_000, ..Knobs::default() })?;
    let rate = 1_000.0;
    let measured = turn.measured(&Load {
        mode: Mode::Hold,
        body: "stream",
        connections: scale.held,
        requests: 0,
        seconds: number(scale.held) / rate + scale.held_seconds,
        rate,
        events: 0,
    })?;
    sleep(Duration::from_millis(500));
    let left = turn.bench.counters()?.open_streams;
    let peak = turn.group.peak_kib();
    let mut figures = measured.figures();
    let open = divided(measured.report.peak_open)?;
    figures.insert("open_streams".to_owned(), open);
    figures.insert("kib_per_stream".to_owned(), number(peak.saturating_sub(before)) / open);
    figures.insert("peak_rss_mib".to_owned(), mib(peak));
    figures.insert("left_upstream".to_owned(), number(left));
    Ok(figures)
}

fn memory(turn: &Turn<'_>, scale: &Scale) -> Result<Figures> {
    let mut figures = Figures::new();
    let (mut sent, mut errors) = (0, 0);
    for (step, name) in scale.memory.into_iter().zip(["rss_1_mib", "rss_2_mib", "rss_3_mib"]) {
        let report = turn.load(&Load::closed("small", step - sent))?;
        sent = step;
        errors += report.failures();
        figures.insert(name.to_owned(), mib(turn.group.rss_kib()));
    }
    let growth = figures["rss_3_mib"] / figures["rss_2_mib"];
    figures.insert("growth".to_owned(), growth);
    figures.insert("errors".to_owned(), number(errors));
    Ok(figures)
}

/// A divisor; nothing to divide by is a failed run.
fn divided(count: u64) -> Result<f64> {
    if count == 0 { Err("no complete answer".into()) } else { Ok(number(count)) }
}

fn mib(kib: u64) -> f64 {
    number(kib) / 1024.0
}
