//! The table of what translating costs, made from what `cargo bench -p wharf-wire --bench translate` measured.

use crate::Result;
use clap::Args as ClapArgs;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What `translate` takes.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Write the table into this file, between its marks
    #[arg(long)]
    docs: Option<PathBuf>,
    /// Only make the table again, from what was measured last
    #[arg(long)]
    again: bool,
    /// Where cargo builds
    #[arg(long, env = "CARGO_TARGET_DIR", default_value = "target")]
    target: PathBuf,
}

/// The groups of the benchmark: name, what one unit is, the limit over the verbatim path in microseconds.
const GROUPS: [(&str, &str, f64); 3] = [
    ("request", "request of 4 kB, read and written", 60.0),
    ("answer", "whole answer of 4 kB", 60.0),
    ("stream", "streamed event", 3.0),
];

/// Measures, and makes the table.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    if !args.again {
        let mut command = Command::new("cargo");
        command.args(["bench", "-p", "wharf-wire", "--bench", "translate", "--"]);
        command.args([
            "--warm-up-time",
            "0.2",
            "--measurement-time",
            "0.5",
            "--sample-size",
            "10",
            "--noplot",
        ]);
        if !command.status()?.success() {
            return Err("the benchmark failed".into());
        }
    }
    let table = table(&args.target.join("criterion"))?;
    match &args.docs {
        Some(docs) => crate::table::put(docs, "translate", &table)?,
        None => println!("{table}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn table(folder: &Path) -> Result<String> {
    let mut out = String::from(
        "Microseconds over the verbatim path, per pair of formats; the median over pairs and the dearest pair.\n\n\
         | what | median | most | dearest pair | limit | |\n|---|---:|---:|---|---:|---|\n",
    );
    for (group, unit, limit) in GROUPS {
        let mut costs = over_verbatim(&folder.join(group))?;
        costs.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (Some(middle), Some(most)) = (costs.get(costs.len() / 2), costs.last()) else {
            return Err(format!("nothing measured in {group}").into());
        };
        let word = if most.1 <= limit { "PASS" } else { "over" };
        let (middle, pair, most) = (middle.1, &most.0, most.1);
        let _ = writeln!(out, "| {unit} | {middle:.2} | {most:.2} | {pair} | {limit} | {word} |");
    }
    Ok(out)
}

/// What each pair costs over the verbatim path of its source, in microseconds per unit.
fn over_verbatim(group: &Path) -> Result<Vec<(String, f64)>> {
    let mut measured: BTreeMap<String, f64> = BTreeMap::new();
    for entry in fs::read_dir(group).map_err(|e| format!("{}: {e}", group.display()))? {
        let folder = entry?.path().join("new");
        let (Ok(about), Ok(estimates)) =
            (fs::read(folder.join("benchmark.json")), fs::read(folder.join("estimates.json")))
        else {
            continue;
        };
        let (about, estimates): (Value, Value) =
            (serde_json::from_slice(&about)?, serde_json::from_slice(&estimates)?);
        let name = about["function_id"].as_str().ok_or("a benchmark without a name")?;
        let nanoseconds = estimates["median"]["point_estimate"].as_f64().ok_or("no estimate")?;
        let elements = about["throughput"]["Elements"].as_f64().unwrap_or(1.0);
        measured.insert(name.to_owned(), nanoseconds / elements / 1000.0);
    }
    let verbatim = |from: &str| measured.get(&format!("{from}/verbatim")).copied().unwrap_or(0.0);
    let pairs = measured.iter().filter_map(|(name, cost)| {
        let (from, to) = name.split_once('/')?;
        (to != "verbatim").then(|| (format!("{from} → {to}"), cost - verbatim(from)))
    });
    Ok(pairs.collect())
}
