//! The `wharf` binary: parses the command line and runs one command.

use clap::Parser;
use std::io::Write as _;
use std::process::ExitCode;
use wharf::cli::{Cli, Command, Serve, Source, exit};
use wharf::serve::{Failure, Prepared};
use wharf::{ask, chaos, explain, serve};
use wharf_core::config;
use wharf_core::provider::catalog::builtins;

/// Keeps a worker's allocations on its own core and gives memory back after bursts.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => serve::run(&cli.serve),
        Some(Command::Serve(options)) => serve::run(&options),
        Some(Command::Check(source)) => check(&source),
        Some(Command::Explain(options)) => explain::run(&options).map(|text| print(&text)),
        Some(Command::Models(source)) => ask(&source, "/v1/models"),
        Some(Command::Status(source)) => ask(&source, "/status"),
        Some(Command::Chaos(options)) => chaos::run(&options),
        Some(Command::Schema) => {
            print(&format!("{:#}\n", config::schema(builtins())));
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::from(exit::OK),
        Err(failure) => {
            for line in &failure.lines {
                complain(line);
            }
            ExitCode::from(failure.code)
        }
    }
}

/// Standard output has JSON and nothing else.
fn ask(source: &Source, path: &str) -> Result<(), Failure> {
    let (text, note) = ask::run(source, path)?;
    if let Some(note) = note {
        complain(&note);
    }
    print(&text);
    Ok(())
}

/// All problems at once; warnings too.
fn check(source: &Source) -> Result<(), Failure> {
    let Prepared { loaded, .. } = serve::prepare(&Serve { source: source.clone(), ..Serve::default() })?;
    for note in &loaded.notes {
        complain(&format!("warning: {note}"));
    }
    let what = loaded.file.map_or_else(|| "the environment".into(), |path| path.display().to_string());
    print(&format!("{what}: no problem found\n"));
    Ok(())
}

/// A closed pipe is the reader's choice.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
