//! The Worker's cost in workerd, beside a plain JavaScript Worker that does only what the platform costs anyway.
//!
//! Owns the turns and what they are held against; workerd's processes, the loads and the table have files of their own.

use crate::machine::{self, Machine};
use crate::process::{Directory, end_all_on_signal};
use crate::{Result, mock, run};
use isolate::{Isolate, Settings, Worker};
use life::{Size, Start};
use line::{Answer, LINES, Line, Way};
use load::Client;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod isolate;
mod life;
mod line;
mod load;
mod report;

/// Command line of `worker`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Turns; a ratio is formed within each
    #[arg(long, short, default_value_t = 5)]
    rounds: u32,
    /// Small numbers and one round: shows that it works, not what it costs
    #[arg(long)]
    quick: bool,
    /// Only the lines whose titles hold one of these words
    #[arg(long, short, value_delimiter = ',')]
    lines: Vec<String>,
    /// The folder with index.js and its modules
    #[arg(long, default_value = "crates/worker/build")]
    build: PathBuf,
    /// workerd
    #[arg(long, env = "WORKERD", default_value = "crates/worker/node_modules/.bin/workerd")]
    workerd: PathBuf,
    /// The configuration whose `compatibility_date` all Workers get
    #[arg(long, default_value = "crates/worker/wrangler.jsonc")]
    wrangler: PathBuf,
    /// The model asked for
    #[arg(long, default_value = "openai/gpt-4o-mini")]
    model: String,
    /// First of four loopback ports to use
    #[arg(long, default_value_t = 19200)]
    port: u16,
    /// Markdown file to renew between its `worker` marks, docs/performance.md as a rule
    #[arg(long)]
    docs: Option<PathBuf>,
    /// Date to print instead of today's
    #[arg(long)]
    date: Option<String>,
}

/// How much of everything.
struct Scale {
    rounds: u32,
    warm: u64,
    /// Turns of both Workers within a round, so short that the machine's moods hit both.
    slices: u64,
    requests: u64,
    streams: u64,
    starts: usize,
    memory: [u64; 3],
}

/// One line's figures: a pair of µs CPU per request and round, the plain Worker's and ours.
struct Cost {
    line: &'static Line,
    rounds: Vec<[f64; 2]>,
    failed: Option<String>,
}

/// Everything measured in one run; of pairs, the plain Worker's figure comes first.
struct Measured {
    machine: Machine,
    costs: Vec<Cost>,
    starts: Option<[Start; 2]>,
    first_bytes: Option<[[f64; 2]; 2]>,
    memory: Option<[Vec<f64>; 2]>,
    memory_steps: [u64; 3],
    size: Size,
}

struct Workers {
    plain: Worker,
    pipe: Worker,
    ours: Worker,
}

/// Measures and prints the table; exits with 1 when something failed.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let scale = Scale::new(args);
    let workerd = args.workerd.canonicalize().map_err(|error| {
        format!("{}: {error} (`npm ci` in crates/worker, or name it with WORKERD)", args.workerd.display())
    })?;
    let date = compatibility_date(&args.wrangler)?;
    let directory = Directory::new()?;
    end_all_on_signal(directory.0.clone())?;
    for port in args.port..args.port + 4 {
        // Somebody else's server must not be measured by mistake.
        TcpListener::bind(("127.0.0.1", port))
            .map_err(|error| format!("port {port}: {error}; choose others with --port"))?;
    }
    run::write_bodies(&directory.0, &args.model)?;
    line::write_bodies(&directory.0, &args.model)?;
    let settings = Settings { workerd: &workerd, date: &date, upstream: args.port, directory: &directory.0 };
    let workers = Workers {
        plain: Worker::plain(args.port + 1, &settings)?,
        pipe: Worker::pipe(args.port + 2, &settings)?,
        ours: Worker::built(args.port + 3, &settings, &args.build)?,
    };
    let _mock = mock::spawn(&directory.0, args.port)?;
    let client = Client { directory: &directory.0, upstream: args.port };
    let version = machine::first_line(&workerd.to_string_lossy(), &["--version"]);
    let mut measured = Measured {
        machine: Machine::read(args.date.clone(), vec![version], args.quick),
        costs: chosen(&args.lines),
        starts: None,
        first_bytes: None,
        memory: None,
        memory_steps: scale.memory,
        size: life::size(&args.build)?,
    };
    for round in 0..scale.rounds {
        turn(&workers, &client, &scale, &mut measured.costs, round)?;
    }
    if args.lines.is_empty() {
        life(&workers, &client, &scale, &mut measured)?;
    }
    println!("{}", report::terminal(&measured));
    if let Some(file) = &args.docs {
        crate::table::put(file, "worker", &report::markdown(&measured))?;
    }
    let failed = measured.costs.iter().any(|cost| cost.failed.is_some());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Scale {
    fn new(args: &Args) -> Self {
        if args.quick {
            let memory = [200, 1_000, 2_000];
            return Self { rounds: 1, warm: 500, slices: 2, requests: 500, streams: 64, starts: 2, memory };
        }
        let memory = [1_000, 10_000, 30_000];
        Self {
            rounds: args.rounds,
            warm: 4_000,
            slices: 4,
            requests: 2_500,
            streams: 256,
            starts: 11,
            memory,
        }
    }
}

/// All lines once, on freshly started processes.
fn turn(workers: &Workers, client: &Client<'_>, scale: &Scale, costs: &mut [Cost], round: u32) -> Result<()> {
    client.configure(&Answer::Json.knobs().query())?;
    let start = |worker: &Worker| -> Result<Isolate> {
        let mut isolate = worker.start()?;
        let ready = isolate.ready(Way::Verbatim.path(), &client.body("small")?);
        ready.map_err(|error| format!("{}: {error}", worker.name))?;
        Ok(isolate)
    };
    let (plain, pipe, ours) = (start(&workers.plain)?, start(&workers.pipe)?, start(&workers.ours)?);
    let first = LINES.first().ok_or("no line")?;
    for (isolate, name) in [(&plain, "plain"), (&ours, isolate::SUBJECT)] {
        // What all kinds of requests run through is compiled by then, whichever lines are measured.
        client.spent(isolate, name, first, scale.warm)?;
    }
    for cost in costs {
        let base = if cost.line.way == Way::PassThrough { (&pipe, "pipe") } else { (&plain, "plain") };
        match slices(client, cost.line, [base, (&ours, isolate::SUBJECT)], scale) {
            Ok(pair) => {
                let [base, own] = pair;
                let title = cost.line.title;
                eprintln!("round {} {title:<36} {base:8.1} {own:8.1}  {:.2}×", round + 1, own / base);
                cost.rounds.push(pair);
            }
            Err(error) => {
                eprintln!("round {} {:<36} FAILED: {error}", round + 1, cost.line.title);
                cost.failed = Some(error.to_string());
            }
        }
    }
    Ok(())
}

/// µs CPU per request of both Workers, which take turns.
fn slices(client: &Client<'_>, line: &Line, pair: [(&Isolate, &str); 2], scale: &Scale) -> Result<[f64; 2]> {
    client.configure(&line.answer.knobs().query())?;
    let requests = if line.answer.is_stream() { scale.streams } else { scale.requests };
    for (isolate, name) in pair {
        // Fills pools and lets V8 compile what is hot; not counted.
        client.spent(isolate, name, line, 2 * requests)?;
    }
    let mut spent = [0.0; 2];
    for _ in 0..scale.slices {
        for (sum, (isolate, name)) in spent.iter_mut().zip(pair) {
            *sum += client.spent(isolate, name, line, requests)?;
        }
    }
    Ok(spent.map(|seconds| seconds * 1e6 / (requests * scale.slices) as f64))
}

fn life(workers: &Workers, client: &Client<'_>, scale: &Scale, measured: &mut Measured) -> Result<()> {
    let pair = [&workers.plain, &workers.ours];
    measured.starts = life::starts(&pair, client, scale.starts)?.try_into().ok();
    measured.first_bytes = life::first_bytes(&pair, client, scale.starts)?.try_into().ok();
    let memory = pair.map(|worker| life::memory(worker, client, &scale.memory));
    let [plain, ours] = memory;
    measured.memory = Some([plain?, ours?]);
    Ok(())
}

fn chosen(words: &[String]) -> Vec<Cost> {
    let wanted = |line: &&Line| words.is_empty() || words.iter().any(|word| line.title.contains(word));
    let cost = |line| Cost { line, rounds: Vec::new(), failed: None };
    LINES.iter().filter(wanted).map(cost).collect()
}

/// The date from a `wrangler.jsonc`, whose comments need no parser for this.
fn compatibility_date(file: &Path) -> Result<String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let after = text.split_once("\"compatibility_date\":").map(|(_, after)| after);
    let date = after.and_then(|after| after.split('"').nth(1));
    Ok(date.ok_or_else(|| format!("{} has no compatibility_date", file.display()))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_choose_lines() {
        assert_eq!(chosen(&[]).len(), LINES.len());
        let titles: Vec<&str> = chosen(&["16 KiB".to_owned()]).iter().map(|cost| cost.line.title).collect();
        assert_eq!(titles, ["JSON, 16 KiB prompt", "pass-through, 16 KiB prompt"]);
    }
}
