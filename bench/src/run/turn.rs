//! One gateway's turn: started afresh, put under load, measured, ended.

use super::gateway::Gateway;
use crate::Result;
use crate::load::{Mode, Report};
use crate::machine::Busy;
use crate::mock::{Counters, Knobs};
use crate::probe::{self, Answer};
use crate::process::{self, Group};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

const PATH: &str = "/v1/chat/completions";

/// Numbers by name, as they stand in the raw lines.
pub(super) type Figures = BTreeMap<String, f64>;

/// What all turns share: the mock and the directory with bodies, configurations and logs.
pub(super) struct Bench {
    pub(super) directory: PathBuf,
    upstream: u16,
    /// Kept for its end: dropping it stops the mock.
    _mock: Group,
}

/// One load, as handed to the `load` command.
pub(super) struct Load {
    pub(super) mode: Mode,
    pub(super) body: &'static str,
    pub(super) connections: u64,
    pub(super) requests: u64,
    pub(super) seconds: f64,
    pub(super) rate: f64,
    pub(super) events: u64,
}

impl Load {
    /// So many requests over 32 connections, a minute at most.
    pub(super) fn closed(body: &'static str, requests: u64) -> Self {
        Self { mode: Mode::Closed, body, connections: 32, requests, seconds: 60.0, rate: 0.0, events: 0 }
    }

    fn arguments(&self, port: u16, directory: &Path) -> Vec<String> {
        let mode = match self.mode {
            Mode::Closed => "closed",
            Mode::Sse => "sse",
            Mode::Hold => "hold",
        };
        let body = directory.join(format!("{}.json", self.body));
        let options = [
            ("--port", port.to_string()),
            ("--path", PATH.to_owned()),
            ("--mode", mode.to_owned()),
            ("--body", body.to_string_lossy().into_owned()),
            ("--connections", self.connections.to_string()),
            ("--requests", self.requests.to_string()),
            ("--seconds", self.seconds.to_string()),
            ("--rate", self.rate.to_string()),
            ("--events", self.events.to_string()),
        ];
        let words = options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
        std::iter::once("load".to_owned()).chain(words).collect()
    }
}

/// A load's report with what the gateway spent on it.
pub(super) struct Measured {
    pub(super) report: Report,
    pub(super) user: f64,
    pub(super) system: f64,
    busy: f64,
    stolen: f64,
}

impl Measured {
    pub(super) fn cpu(&self) -> f64 {
        self.user + self.system
    }

    /// The figures every scenario has.
    pub(super) fn figures(&self) -> Figures {
        let report = &self.report;
        let rate = |count: u64| per(count, report.seconds);
        named([
            ("cpu_s", self.cpu()),
            ("user_s", self.user),
            ("system_s", self.system),
            ("seconds", report.seconds),
            ("ok", number(report.ok)),
            ("errors", number(report.failures())),
            ("requests_per_s", rate(report.ok)),
            ("events_per_s", rate(report.events)),
            ("p50_us", f64::from(report.latency_us.p50)),
            ("p99_us", f64::from(report.latency_us.p99)),
            ("first_event_p50_us", f64::from(report.first_event_us.p50)),
            ("machine_busy", self.busy),
            ("machine_stolen", self.stolen),
        ])
    }
}

/// A running gateway.
pub(super) struct Turn<'a> {
    pub(super) bench: &'a Bench,
    pub(super) gateway: &'a Gateway,
    pub(super) group: Group,
    /// From the start of the process to the first complete answer.
    pub(super) start_ms: f64,
}

impl Bench {
    pub(super) fn start(directory: PathBuf, upstream: u16) -> Result<Self> {
        let mock =
            [std::env::current_exe()?.to_string_lossy().as_ref(), "mock", "--port", &upstream.to_string()]
                .map(str::to_owned);
        let log = directory.join("mock.log");
        let mut mock = Group::spawn(&mock, &directory, &log)?;
        wait(|| probe::post(upstream, "/__stats", b"").map(drop), &mut mock, &log)?;
        Ok(Self { directory, upstream, _mock: mock })
    }

    pub(super) fn configure(&self, knobs: &Knobs) -> Result<()> {
        let answer = probe::post(self.upstream, &format!("/__cfg?{}", knobs.query()), b"")?;
        if answer.status == 200 { Ok(()) } else { Err("the mock refused its settings".into()) }
    }

    pub(super) fn counters(&self) -> Result<Counters> {
        Ok(serde_json::from_slice(&probe::post(self.upstream, "/__stats", b"")?.body)?)
    }

    /// Starts a gateway and waits for its first proxied answer.
    pub(super) fn turn<'a>(&'a self, gateway: &'a Gateway) -> Result<Turn<'a>> {
        self.configure(&Knobs::default())?;
        gateway.write_config(&self.directory)?;
        let body = fs::read(self.directory.join("small.json"))?;
        let log = self.directory.join(format!("{}.log", gateway.name));
        let mut group = Group::spawn(&gateway.command, &self.directory, &log)?;
        let answers = || match probe::post(gateway.port, PATH, &body)? {
            Answer { status: 200, body } if memchr::memmem::find(&body, b"\"choices\"").is_some() => Ok(()),
            Answer { status, body } => {
                Err(format!("status {status}, {}", String::from_utf8_lossy(&body)).into())
            }
        };
        wait(answers, &mut group, &log).map_err(|error| format!("{}: {error}", gateway.name))?;
        let start_ms = group.started.elapsed().as_secs_f64() * 1e3;
        Ok(Turn { bench: self, gateway, group, start_ms })
    }
}

impl Turn<'_> {
    /// Ends the gateway and starts it again.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.group.end();
        *self = self.bench.turn(self.gateway)?;
        Ok(())
    }

    /// Runs a load in a process of its own, so that its cost is not the gateway's.
    pub(super) fn load(&self, load: &Load) -> Result<Report> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(load.arguments(self.gateway.port, &self.bench.directory));
        let output = process::output(&mut command)?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    pub(super) fn measured(&self, load: &Load) -> Result<Measured> {
        let (busy, cpu) = (Busy::now(), self.group.cpu());
        let report = self.load(load)?;
        let (spent, (busy, stolen)) = (self.group.cpu(), busy.until(Busy::now()));
        let (user, system) = (spent.user - cpu.user, spent.system - cpu.system);
        Ok(Measured { report, user, system, busy, stolen })
    }
}

/// Asks until the answer is right, the process has ended, or 20 s have passed.
fn wait(ask: impl Fn() -> Result<()>, group: &mut Group, log: &Path) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(answer) = ask() {
        let ended = group.has_ended();
        if ended || Instant::now() > deadline {
            let said = fs::read_to_string(log).unwrap_or_default();
            let last: Vec<&str> = said.lines().rev().take(5).collect();
            let what = if ended { "ended at its start" } else { "gave no good answer in 20 s" };
            return Err(format!("{what} ({answer}); its last lines, latest first: {last:?}").into());
        }
        sleep(Duration::from_millis(1));
    }
    Ok(())
}

pub(super) fn named<const N: usize>(figures: [(&str, f64); N]) -> Figures {
    figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Counts as figures.
pub(super) fn number(count: u64) -> f64 {
    count as f64
}

/// A count per second; 0 for no time.
fn per(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { number(count) / seconds } else { 0.0 }
}
