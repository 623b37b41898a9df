//! The scorecard by hand, for a gateway on any host: `config CHAOS` prints the configuration that it needs,
//! `run GATEWAY HOST CHAOS` holds it to the table of `docs/faults.md`. All but HOST are base URLs.

use std::io::{self, Write as _};
use std::process::ExitCode;
use wharf_testkit::scorecard::{Setup, run};

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut out = io::stdout().lock();
    match words[..] {
        ["config", chaos] => writeln!(out, "{:#}", Setup::of(chaos).config())?,
        ["run", gateway, host, chaos] => {
            let (count, misses) = run(gateway, host, &Setup::of(chaos));
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
