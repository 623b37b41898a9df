//! What the figures were measured on, and how busy it was meanwhile.

use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the gateways are looked for; Debian puts servers in `sbin`.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Named beside every table, since the figures mean nothing without it.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) cpu: String,
    pub(crate) cores: u64,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    /// `nginx 1.22.1` and the like.
    pub(crate) versions: Vec<String>,
    pub(crate) quick: bool,
}

impl Machine {
    pub(crate) fn read(date: Option<String>, versions: Vec<String>, quick: bool) -> Self {
        let file = |path| fs::read_to_string(path).unwrap_or_default();
        let memory_kib =
            field(&file("/proc/meminfo"), "MemTotal").and_then(|text| text.strip_suffix(" kB")?.parse().ok());
        Self {
            date: date.unwrap_or_else(today),
            cpu: field(&file("/proc/cpuinfo"), "model name").unwrap_or("unknown CPU").to_owned(),
            cores: std::thread::available_parallelism().map_or(0, |cores| cores.get() as u64),
            memory_gib: memory_kib.unwrap_or(0_u64).div_ceil(1024 * 1024),
            kernel: file("/proc/sys/kernel/osrelease").trim().to_owned(),
            versions,
            quick,
        }
    }

    /// The sentence above a table, as a paragraph.
    pub(crate) fn heading(&self, rounds: impl Display) -> String {
        let Self { date, cpu, cores, memory_gib, kernel, versions, quick } = self;
        let versions = versions.join(", ");
        let quick = if *quick {
            " of a quick run: it shows that the benchmark works, not what things cost"
        } else {
            ""
        };
        format!(
            "Measured on {date}: {cpu}, {cores} cores, {memory_gib} GiB, Linux {kernel}; {versions}; \
             median of {rounds} rounds{quick}.\n\n"
        )
    }
}

/// The first line a command prints on either output; empty when it can't be run.
pub(crate) fn first_line(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).env("PATH", PATH).output() else {
        return String::new();
    };
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).lines().next().unwrap_or("").trim().to_owned()
}

/// The first dotted number of a line such as `nginx version: nginx/1.22.1`.
pub(crate) fn version_in(line: &str) -> Option<&str> {
    let words = line.split(|c: char| c == '/' || c == '-' || c.is_whitespace());
    let dotted = |word: &&str| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit());
    words.map(|word| word.trim_end_matches('.')).find(dotted)
}

/// How many files a process started here may open.
pub(crate) fn open_files() -> u64 {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    soft_limit(&limits, "Max open files").unwrap_or(u64::MAX)
}

fn soft_limit(limits: &str, name: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Time of all cores since boot, in ticks.
#[derive(Clone, Copy)]
pub(crate) struct Busy {
    total: u64,
    idle: u64,
    stolen: u64,
}

impl Busy {
    pub(crate) fn now() -> Self {
        Self::parse(&fs::read_to_string("/proc/stat").unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let line = text.lines().next().unwrap_or("");
        let ticks: Vec<u64> =
            line.split_ascii_whitespace().skip(1).take(8).filter_map(|t| t.parse().ok()).collect();
        let at = |index: usize| ticks.get(index).copied().unwrap_or(0);
        Self { total: ticks.iter().sum(), idle: at(3) + at(4), stolen: at(7) }
    }

    /// The shares of the time since `self` that the machine was busy, and that its own host took.
    pub(crate) fn until(self, later: Self) -> (f64, f64) {
        let share = |from: u64, to: u64| (to - from) as f64 / (later.total - self.total).max(1) as f64;
        (1.0 - share(self.idle, later.idle), share(self.stolen, later.stolen))
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    date_of(seconds / 86_400)
}

/// The UTC date of a day counted from 1970-01-01 (the usual civil-from-days arithmetic, years starting in March).
fn date_of(day: u64) -> String {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (day, date) in
            [(0, "1970-01-01"), (11_016, "2000-02-29"), (19_782, "2024-02-29"), (20_778, "2026-11-21")]
        {
            assert_eq!(date_of(day), date);
        }
    }

    #[test]
    fn versions() {
        assert_eq!(version_in("nginx version: nginx/1.22.1"), Some("1.22.1"));
        assert_eq!(
            version_in("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/"),
            Some("2.6.12")
        );
        assert_eq!(version_in("wharf 0.1.0"), Some("0.1.0"));
        assert_eq!(version_in("no such thing"), None);
    }

    #[test]
    fn limits() {
        let limits = "Max processes             95911     95911     processes\nMax open files            20000                524288               files\n";
        assert_eq!(soft_limit(limits, "Max open files"), Some(20000));
        assert_eq!(
            soft_limit(
                "Max open files            unlimited            unlimited            files",
                "Max open files"
            ),
            None
        );
    }

    #[test]
    fn busy_shares() {
        let before = Busy::parse("cpu  10 0 10 80 0 0 0 0 0 0\n");
        let after = Busy::parse("cpu  30 0 30 120 0 0 0 20 0 0\n");
        assert_eq!(before.until(after), (0.6, 0.2));
    }

    #[test]
    fn fields_with_blanks_before_the_colon() {
        assert_eq!(field("model\t: 1\nmodel name\t: AMD EPYC\n", "model name"), Some("AMD EPYC"));
    }
}
