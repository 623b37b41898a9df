//! What the gateway costs, beside nginx and haproxy, on one small machine.
//!
//! One binary with eight commands: `mock` is the upstream, `load` the client, `run` starts both and the gateways
//! between them and measures, `report` renders what was measured, `translate` measures translation alone, `worker` the
//! Worker in workerd, `pools` what several keys cost, `soak` keeps the gateway busy while its upstreams fail. Everything
//! listens on and talks to loopback.
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads clocks and waits; nothing here serves anybody"
)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool for developers")]

use clap::{Parser, Subcommand};
use std::process::ExitCode;

mod http;
mod load;
mod machine;
mod mock;
mod pools;
mod probe;
mod process;
mod run;
mod soak;
mod table;
mod translate;
mod worker;

/// Any failure ends the command with its text; nobody matches on it.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The key the load generator presents to the gateway.
const CALLER_KEY: &str = "sk-bench-0000000000000000000000000000000000000000";
/// The key the gateway has to present upstream instead.
const UPSTREAM_KEY: &str = "sk-upstream-0000000000000000000000000000000000";

#[derive(Parser)]
#[command(version, about = "Measures the gateway beside nginx and haproxy", long_about = None)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the mock upstream until its time is up
    Mock(mock::Args),
    /// Send one load and print one JSON object
    Load(load::Args),
    /// Measure the gateways in turn and print the table
    Run(run::Args),
    /// Measure what translating costs and print the table
    Translate(translate::Args),
    /// Measure the Worker in workerd beside a plain one and print the table
    Worker(worker::Args),
    /// Measure what several keys and their state cost
    Pools(pools::Args),
    /// Keep the gateway busy between many clients and four failing upstreams, and account for every request
    Soak(soak::Args),
    /// Render raw lines again
    Report(run::ReportArgs),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Mock(args) => mock::main(&args),
        Command::Load(args) => load::main(args),
        Command::Run(args) => run::main(&args),
        Command::Translate(args) => translate::main(&args),
        Command::Worker(args) => worker::main(&args),
        Command::Pools(args) => pools::main(&args),
        Command::Soak(args) => soak::main(&args),
        Command::Report(args) => run::report_again(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("wharf-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
