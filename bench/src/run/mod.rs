//! The harness: mock, then scenario by scenario each gateway in turn, round after round.
//!
//! The turns of one scenario follow one another directly (A B C, A B C, …), each on a freshly started program:
//! what the machine does meanwhile hits neighbours alike, and nothing one scenario leaves behind reaches the next.

use crate::Result;
use crate::machine::{self, Machine};
use crate::process::{Directory, end_all_on_signal};
use crate::table;
use clap::ValueEnum;
use gateway::{Gateway, Settings};
use sample::{Line, Sample, Samples};
use scenario::{Scale, Scenario};
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use turn::Bench;

mod bodies;
mod budget;
pub(crate) mod gateway;
mod report;
mod sample;
mod scenario;
mod turn;

pub(crate) use bodies::write as write_bodies;

/// Files that a gateway has open beside two for each stream.
const SPARE: u64 = 500;

/// Command line of `run`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Gateways in turn; any other as NAME=COMMAND, with @PORT@ and @UPSTREAM@ in the command
    #[arg(long = "gateway", short, default_values = ["nginx", "haproxy", "wharf"])]
    gateways: Vec<String>,
    /// The gateway held against the limits
    #[arg(long, default_value = "wharf")]
    subject: String,
    /// Scenarios to run, comma-separated; all without it
    #[arg(long, short, value_enum, value_delimiter = ',')]
    scenarios: Vec<Scenario>,
    #[arg(long, short, default_value_t = 3)]
    rounds: u32,
    /// Small numbers and one round: shows that it works, not what it costs
    #[arg(long)]
    quick: bool,
    /// Streams that `hold` keeps open at once [default: 5000, with `--quick` 500]
    #[arg(long)]
    held: Option<u64>,
    /// The program to measure as `wharf`
    #[arg(long, default_value = "target/release/wharf")]
    wharf: PathBuf,
    /// The model asked for
    #[arg(long, default_value = "openai/gpt-4o-mini")]
    model: String,
    /// First of the loopback ports to use
    #[arg(long, default_value_t = 19100)]
    port: u16,
    /// File for the raw lines
    #[arg(long, default_value = "target/bench.jsonl")]
    out: PathBuf,
    #[command(flatten)]
    output: Output,
    /// Date to print instead of today's
    #[arg(long)]
    date: Option<String>,
}

/// Command line of `report`.
#[derive(clap::Args)]
pub(crate) struct ReportArgs {
    /// Files with raw lines
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The gateway held against the limits
    #[arg(long, default_value = "wharf")]
    subject: String,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Args)]
struct Output {
    /// Markdown file to renew between its markers, docs/performance.md as a rule
    #[arg(long)]
    docs: Option<PathBuf>,
}

/// Measures, prints the table, and says by its exit code whether every turn could be measured.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let mut scale = if args.quick { Scale::QUICK } else { Scale::FULL };
    scale.held = args.held.unwrap_or(scale.held);
    let scenarios = if args.scenarios.is_empty() { Scenario::value_variants() } else { &args.scenarios };
    let files = 2 * scale.held + SPARE;
    if scenarios.contains(&Scenario::Hold) && machine::open_files() < files {
        return Err(
            format!("`hold` needs more open files: `ulimit -n {files}` first, or leave it out").into()
        );
    }
    let directory = Directory::new()?;
    end_all_on_signal(directory.0.clone())?;
    let settings = Settings {
        upstream: args.port,
        directory: &directory.0,
        wharf: &args.wharf,
        connections: scale.held,
    };
    let ports = args.port + 1..;
    let gateways = args.gateways.iter().zip(ports).map(|(spec, port)| Gateway::new(spec, port, &settings));
    let gateways: Vec<Gateway> = gateways.collect::<Result<_>>()?;
    for port in std::iter::once(args.port).chain(gateways.iter().map(|gateway| gateway.port)) {
        // Somebody else's server must not be measured by mistake.
        TcpListener::bind(("127.0.0.1", port))
            .map_err(|error| format!("port {port}: {error}; choose others with --port"))?;
    }
    bodies::write(&directory.0, &args.model)?;
    let versions = gateways.iter().map(Gateway::version).collect();
    let machine = Machine::read(args.date.clone(), versions, args.quick);
    let mut raw = Raw::new(&args.out)?;
    raw.write(&Line::Machine(machine.clone()))?;
    let bench = Bench::start(directory.0.clone(), args.port)?;
    for gateway in &gateways {
        // What can't start at all should say so now, not in each of its turns.
        bench.turn(gateway)?;
    }
    let mut samples = Samples { machine, ..Samples::default() };
    for round in 0..if args.quick { 1 } else { args.rounds } {
        for scenario in scenarios {
            for gateway in &gateways {
                let sample = measure(&bench, gateway, *scenario, round, &scale);
                eprintln!("{}", brief(&sample));
                raw.write(&Line::Sample(sample.clone()))?;
                samples.all.push(sample);
            }
        }
    }
    finish(&samples, &args.subject, &args.output)
}

/// Renders what earlier runs have measured.
pub(crate) fn report_again(args: &ReportArgs) -> Result<ExitCode> {
    let read =
        |file: &PathBuf| fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()));
    let texts: Vec<String> = args.files.iter().map(read).collect::<std::result::Result<_, _>>()?;
    finish(&Samples::parse(&texts)?, &args.subject, &args.output)
}

fn finish(samples: &Samples, subject: &str, output: &Output) -> Result<ExitCode> {
    println!("{}", report::terminal(samples, subject));
    if let Some(file) = &output.docs {
        table::put(file, "bench", &report::markdown(samples, subject))?;
    }
    Ok(if samples.failures().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One turn; what goes wrong is part of the result.
fn measure(bench: &Bench, gateway: &Gateway, scenario: Scenario, round: u32, scale: &Scale) -> Sample {
    let run = || {
        let wrong = bench.counters()?.wrong_key;
        let figures = scenario.run(&mut bench.turn(gateway)?, scale)?;
        match bench.counters()?.wrong_key - wrong {
            0 => Ok(figures),
            wrong => Err(format!("{wrong} requests came upstream without an upstream key").into()),
        }
    };
    let (failed, figures) = match run() {
        Ok(figures) => (None, figures),
        Err::<_, Box<dyn std::error::Error>>(error) => (Some(error.to_string()), turn::Figures::new()),
    };
    Sample { round, gateway: gateway.name.clone(), scenario: Some(scenario), failed, figures }
}

/// One line to watch the run by.
fn brief(sample: &Sample) -> String {
    let scenario = sample.scenario.map(|scenario| format!("{scenario:?}").to_lowercase()).unwrap_or_default();
    let start = format!("round {} {scenario:<7} {:<10}", sample.round + 1, sample.gateway);
    if let Some(failed) = &sample.failed {
        return format!("{start} FAILED: {failed}");
    }
    let shown = ["start_ms", "idle_rss_mib", "cpu_us", "cpu_s_per_gib", "peak_rss_mib", "kib_per_stream"];
    let shown = shown.iter().chain(&["left_upstream", "growth", "requests_per_s", "errors", "machine_busy"]);
    let figures = shown.filter_map(|name| Some(format!("{name} {:.2}", sample.figures.get(*name)?)));
    format!("{start} {}", figures.collect::<Vec<_>>().join(", "))
}

/// The raw lines, each on disk before the next turn starts.
struct Raw(fs::File);

impl Raw {
    fn new(file: &Path) -> Result<Self> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(Self(fs::File::create(file).map_err(|error| format!("{}: {error}", file.display()))?))
    }

    fn write(&mut self, line: &Line) -> Result<()> {
        Ok(writeln!(self.0, "{}", serde_json::to_string(line)?)?)
    }
}
