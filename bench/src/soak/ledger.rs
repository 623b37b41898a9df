//! Holds three counts against each other: what the clients saw, what the gateway logged, what the upstreams got.

use super::answer::{Ended, Outcome};
use crate::Result;
use serde::Deserialize;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// What matters of a line of the access log.
#[derive(Deserialize)]
struct Line {
    id: String,
    status: u16,
    attempts: u64,
    #[serde(default)]
    client_gone: bool,
}

/// What the gateway logged.
#[derive(Debug, Default)]
pub(super) struct Logged {
    pub(super) lines: u64,
    pub(super) attempts: u64,
    /// Requests whose client was seen to leave.
    pub(super) gone: u64,
    /// What does not fit to what the clients saw.
    pub(super) wrong: Vec<String>,
}

/// How many lines the log has.
pub(super) fn lines(log: &Path) -> Result<u64> {
    let mut reader = BufReader::new(File::open(log)?);
    let mut count = 0;
    loop {
        let piece = reader.fill_buf()?;
        if piece.is_empty() {
            return Ok(count);
        }
        count += memchr::memchr_iter(b'\n', piece).count() as u64;
        let length = piece.len();
        reader.consume(length);
    }
}

/// Reads the log: every request must have one line, with the status that its client saw.
pub(super) fn read(log: &Path, ended: &[Ended]) -> Result<Logged> {
    let mut logged = Logged::default();
    let mut seen = vec![false; ended.len()];
    for text in BufReader::new(File::open(log)?).lines() {
        let line: Line = serde_json::from_str(&text?)?;
        logged.lines += 1;
        logged.attempts += line.attempts;
        let number = line.id.strip_prefix("soak-").and_then(|number| number.parse::<usize>().ok());
        let Some((number, Ended { outcome, status, .. })) = number.and_then(|n| Some((n, *ended.get(n)?)))
        else {
            logged.wrong.push(format!("{}: nobody asked this", line.id));
            continue;
        };
        if std::mem::replace(&mut seen[number], true) {
            logged.wrong.push(format!("{}: logged twice", line.id));
        }
        if outcome != Outcome::Lost && status != line.status {
            logged.wrong.push(format!("{}: {status} at the client, {} in the log", line.id, line.status));
        }
        // Not the reverse: what was written before the gateway could know counts as received.
        logged.gone += u64::from(line.client_gone);
        if line.client_gone && outcome != Outcome::Left {
            logged.wrong.push(format!("{}: its client did not leave ({outcome:?})", line.id));
        }
    }
    let missing = seen.iter().enumerate().filter(|(_, seen)| !**seen);
    logged.wrong.extend(missing.map(|(number, _)| format!("soak-{number}: not logged")));
    Ok(logged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_each_with_the_clients_status() {
        let log = std::env::temp_dir().join(format!("wharf-soak-ledger-{}.log", std::process::id()));
        let line = |number: u32, status: u16, more: &str| {
            format!("{{\"id\":\"soak-{number}\",\"status\":{status},\"attempts\":2{more}}}\n")
        };
        let gone = ",\"client_gone\":true";
        let text =
            [line(0, 200, ""), line(1, 502, ""), line(1, 502, ""), line(2, 200, gone), line(9, 200, "")];
        std::fs::write(&log, text.concat()).unwrap();
        let ended = |outcome, status| Ended { outcome, status, routed: false };
        let ended = [
            ended(Outcome::Left, 200),
            ended(Outcome::Refused, 504),
            ended(Outcome::Cut, 200),
            ended(Outcome::Whole, 200),
        ];
        let logged = read(&log, &ended).unwrap();
        assert_eq!((logged.lines, logged.attempts, lines(&log).unwrap()), (5, 10, 5));
        let wrong = [
            "soak-1: 504 at the client, 502 in the log",
            "soak-1: logged twice",
            "soak-1: 504 at the client, 502 in the log",
            "soak-2: its client did not leave (Cut)",
            "soak-9: nobody asked this",
            "soak-3: not logged",
        ];
        assert_eq!(logged.wrong, wrong);
        std::fs::remove_file(log).unwrap();
    }
}
