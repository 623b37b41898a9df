//! What several keys cost: the same small request through the gateway with one key, and with eight whose turns are drawn
//! or taken strictly, in an SQLite file or in Redis. Owns its turns and its table.

use crate::machine::{self, Machine};
use crate::process::{self, Directory, Group, end_all_on_signal};
use crate::run::gateway::absolute;
use crate::table::{Verdict, columns, median, shown};
use crate::{CALLER_KEY, Result, UPSTREAM_KEY, load, mock, probe, run};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread::sleep;
use std::time::{Duration, Instant};

const PATH: &str = "/v1/chat/completions";
const KEYS: usize = 8;
const HEADS: [&str; 7] = ["what", "unit", "one key", "wharf", "more", "must", ""];

/// Command line of `pools`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Turns; a difference is formed within each
    #[arg(long, short, default_value_t = 7)]
    rounds: usize,
    /// Requests of each way in a turn
    #[arg(long, default_value_t = 8_000)]
    requests: u64,
    /// The gateway
    #[arg(long, default_value = "target/release/wharf")]
    wharf: PathBuf,
    /// The model asked for
    #[arg(long, default_value = "openai/gpt-4o-mini")]
    model: String,
    /// First of seven loopback ports to use
    #[arg(long, default_value_t = 19300)]
    port: u16,
    /// Markdown file to renew between its `pools` marks, docs/performance.md as a rule
    #[arg(long)]
    docs: Option<PathBuf>,
    /// Date to print instead of today's
    #[arg(long)]
    date: Option<String>,
}

/// What the added CPU of a way is held against.
#[derive(Clone, Copy)]
enum Limit {
    None,
    /// Times the cost with one key.
    Times(f64),
    /// Microseconds more than with one key.
    Micros(f64),
}

/// One way to keep keys.
struct Way {
    title: &'static str,
    limit: Limit,
    group: Group,
    port: u16,
    /// µs CPU per request, one figure a round.
    spent: Vec<f64>,
}

/// Measures and prints the table.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let program = absolute(&args.wharf)?;
    let directory = Directory::new()?;
    end_all_on_signal(directory.0.clone())?;
    run::write_bodies(&directory.0, &args.model)?;
    let _mock = mock::spawn(&directory.0, args.port)?;
    let redis = redis(&directory.0, args.port + 1)?;
    let mut ways = ways(args, &program, &directory.0, redis.is_some())?;
    let body = std::fs::read(directory.0.join("small.json"))?;
    for way in &mut ways {
        ready(way, &body)?;
        spent(way, &directory.0, args.requests / 2)?;
    }
    for round in 0..args.rounds {
        // Whoever comes first in a round has the coldest caches: they take turns at that, too.
        for at in 0..ways.len() {
            let count = ways.len();
            let Some(way) = ways.get_mut((round + at) % count) else { continue };
            let figure = spent(way, &directory.0, args.requests)?;
            eprintln!("round {} {:<36} {figure:.1} µs CPU", round + 1, way.title);
            way.spent.push(figure);
        }
    }
    let rows = rows(&ways);
    println!("{}", columns(&[vec![HEADS.map(str::to_owned).to_vec()], rows.clone()].concat(), 2));
    if let Some(file) = &args.docs {
        let said = machine::first_line(&program, &["--version"]);
        let version = format!("wharf {}", machine::version_in(&said).unwrap_or_default());
        let machine = Machine::read(args.date.clone(), vec![version], false);
        crate::table::put(file, "pools", &markdown(&machine, args.rounds, &rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// All ways, each a process that may not listen yet.
fn ways(args: &Args, program: &str, directory: &Path, redis: bool) -> Result<Vec<Way>> {
    let upstream = args.port;
    let keys: Vec<String> = (0..KEYS).map(|number| format!("{UPSTREAM_KEY}-{number}")).collect();
    let file = directory.join("state.db").to_string_lossy().into_owned();
    let shared = format!("redis://127.0.0.1:{}", args.port + 1);
    let mut all = vec![
        ("one key", json!(UPSTREAM_KEY), false, "memory", Limit::None),
        ("8 keys, drawn, health in memory", json!(keys), false, "memory", Limit::Times(1.1)),
        ("8 keys, drawn, health kept in SQLite", json!(keys), false, file.as_str(), Limit::Times(1.1)),
        ("8 keys, strictly in turn, SQLite", json!(keys), true, file.as_str(), Limit::Micros(40.0)),
    ];
    if redis {
        all.push(("8 keys, strictly in turn, Redis", json!(keys), true, &shared, Limit::None));
    }
    let mut ways = Vec::new();
    for (number, (title, keys, strict, state, limit)) in all.into_iter().enumerate() {
        let port = args.port + 2 + number as u16;
        let config = config(upstream, &keys, strict);
        let name = format!("pool-{number}");
        let path = directory.join(format!("{name}.jsonc"));
        std::fs::write(&path, config.to_string())?;
        let (path, listen) = (path.to_string_lossy().into_owned(), format!("127.0.0.1:{port}"));
        let words =
            [program, "serve", "--config", &path, "--listen", &listen, "--state", state, "--workers", "2"]
                .map(str::to_owned);
        let group = Group::spawn(&words, directory, &directory.join(format!("{name}.log")))?;
        ways.push(Way { title, limit, group, port, spent: Vec::new() });
    }
    Ok(ways)
}

fn config(upstream: u16, keys: &Value, strict: bool) -> Value {
    json!({
        "PROXY_API_KEY": CALLER_KEY,
        "OPENAI_API_KEY": keys,
        "ENABLE_GLOBAL_ROUND_ROBIN": strict,
        "providers": { "openai": { "base_url": format!("http://127.0.0.1:{upstream}/v1") } },
    })
}

/// A Redis without persistence; `None`: there is no redis-server here.
fn redis(directory: &Path, port: u16) -> Result<Option<Group>> {
    let port_text = port.to_string();
    let words =
        ["redis-server", "--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
            .map(str::to_owned);
    let Ok(group) = Group::spawn(&words, directory, &directory.join("redis.log")) else {
        eprintln!("there is no redis-server here: its line is left out");
        return Ok(None);
    };
    let deadline = Instant::now() + Duration::from_secs(5);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > deadline {
            return Err("redis-server does not answer".into());
        }
        sleep(Duration::from_millis(2));
    }
    Ok(Some(group))
}

fn ready(way: &mut Way, body: &[u8]) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match probe::post(way.port, PATH, body) {
            Ok(answer) if answer.status == 200 => return Ok(()),
            Ok(answer) => return Err(format!("{}: {}", way.title, answer.status).into()),
            Err(_) if !way.group.has_ended() && Instant::now() < deadline => sleep(Duration::from_millis(2)),
            Err(error) => return Err(format!("{}: {error}", way.title).into()),
        }
    }
}

/// µs of CPU that the gateway takes for a request.
fn spent(way: &Way, directory: &Path, requests: u64) -> Result<f64> {
    let before = way.group.cpu();
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["load", "--seconds", "60", "--path", PATH, "--mode", "closed", "--connections", "32"]);
    command.arg("--body").arg(directory.join("small.json"));
    command.args(["--port", &way.port.to_string(), "--requests", &requests.to_string()]);
    let output = process::output(&mut command)?;
    let after = way.group.cpu();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let report: load::Report = serde_json::from_slice(&output.stdout)?;
    if report.failures() > 0 || report.ok != requests {
        return Err(format!("{}: only {} of {requests} were good", way.title, report.ok).into());
    }
    let seconds = after.user + after.system - before.user - before.system;
    Ok(seconds * 1e6 / requests as f64)
}

fn rows(ways: &[Way]) -> Vec<Vec<String>> {
    let Some(base) = ways.first() else { return Vec::new() };
    let middle = |values: &mut Vec<f64>| median(values);
    ways.iter()
        .skip(1)
        .map(|way| {
            let pairs = || way.spent.iter().zip(&base.spent);
            let times = middle(&mut pairs().map(|(own, base)| own / base).collect());
            let more = middle(&mut pairs().map(|(own, base)| own - base).collect());
            let (shown_more, must, verdict) = match way.limit {
                Limit::None => (times.map(|times| format!("{times:.2}×")), String::new(), Verdict::Unknown),
                Limit::Times(must) => (
                    times.map(|times| format!("{times:.2}×")),
                    format!("≤ {must}×"),
                    Verdict::of(times, must, 0.0),
                ),
                Limit::Micros(must) => (
                    more.map(|more| format!("{more:+.1} µs")),
                    format!("≤ {must} µs"),
                    Verdict::of(more, must, f64::MIN),
                ),
            };
            vec![
                way.title.to_owned(),
                "µs CPU".to_owned(),
                shown(middle(&mut base.spent.clone())),
                shown(middle(&mut way.spent.clone())),
                shown_more.unwrap_or_default(),
                must,
                verdict.text().to_owned(),
            ]
        })
        .collect()
}

fn markdown(machine: &Machine, rounds: usize, rows: &[Vec<String>]) -> String {
    let mut text = machine.heading(rounds);
    let _ = writeln!(text, "| {} |\n|---|---|---:|---:|---:|---:|---|", HEADS.join(" | "));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}
