//! The scorecard by hand, for a gateway on any host: `config CHAOS` prints the configuration that it needs,
//! `run GATEWAY HOST CHAOS` holds it to the table of `docs/faults.md`. All but HOST are base URLs.

use std::io::{self, Write as _};
use std::process::ExitCode;
use wharf_testkit::scorecard::{Cell, Gateway, Setup, run};

/// Requests at once: nearly all that takes time is waiting.
const AT_ONCE: usize = 24;

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut out = io::stdout().lock();
    match words[..] {
        ["config", chaos] => writeln!(out, "{:#}", Setup::of(chaos).config())?,
        ["run", base, host, chaos] => {
            let cells = Cell::all(&Setup::of(chaos).pairs);
            let (count, misses) = (cells.len(), run(Gateway { base, host, headers: &[] }, &cells, AT_ONCE));
            for miss in &misses {
                writeln!(out, "{miss}")?;
            }
            writeln!(out, "{} of {count} cells are as they must be on {host}", count - misses.len())?;
            return Ok(ExitCode::from(u8::from(!misses.is_empty())));
        }
        _ => {
            writeln!(io::stderr(), "usage: scorecard config CHAOS | run GATEWAY HOST CHAOS")?;
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}
