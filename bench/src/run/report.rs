//! The tables: Markdown for the documentation, plain columns for the terminal.

use super::budget::{BUDGETS, Limit};
use super::gateway::BASE;
use super::sample::Samples;
use super::scenario::Scenario;
use crate::table::{columns, shown};
use std::fmt::Write as _;

/// Seen by the way; no limits on these, since they depend on what else shares the cores.
const ALSO: &[(Scenario, &str, &str)] = &[
    (Scenario::Cpu, "requests_per_s", "small requests/s, 32 connections"),
    (Scenario::Cpu, "p50_us", "their latency p50, µs"),
    (Scenario::Cpu, "p99_us", "their latency p99, µs"),
    (Scenario::Cpu, "user_us", "user CPU per small request, µs"),
    (Scenario::Cpu, "system_us", "system CPU per small request, µs"),
    (Scenario::Sse, "first_event_p50_us", "first event p50, µs"),
    (Scenario::Flood, "events_per_s", "chunks/s, 8 streams back to back"),
    (Scenario::Burst, "cpu_us", "CPU per chunk when upstream writes 16 at a time, µs"),
    (Scenario::Big, "mib_per_s", "10 MiB bodies, MiB/s"),
    (Scenario::Hold, "open_streams", "streams held"),
    (Scenario::Hold, "peak_rss_mib", "RSS with them, MiB"),
    (Scenario::Rss, "rss_1_mib", "RSS after 1,000 requests, MiB"),
    (Scenario::Rss, "rss_2_mib", "RSS after 10,000 requests, MiB"),
    (Scenario::Rss, "rss_3_mib", "RSS after 100,000 requests, MiB"),
];

/// All that stands between the marks.
pub(super) fn markdown(samples: &Samples, subject: &str) -> String {
    let gateways = samples.gateways();
    let mut text = samples.machine.heading(samples.rounds());
    let columns = gateways.join(" | ");
    let _ = writeln!(text, "| what | unit | {columns} | {subject} ÷ {BASE} | must | aim | |");
    let _ = writeln!(text, "|---|---|{}---:|---:|---:|---|", "---:|".repeat(gateways.len()));
    for row in rows(samples, &gateways, subject) {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    let _ = writeln!(text, "\nAlso seen, without limits:\n\n| what | {columns} |");
    let _ = writeln!(text, "|---|{}", "---:|".repeat(gateways.len()));
    for (scenario, figure, title) in ALSO {
        let cells: Vec<String> =
            gateways.iter().map(|name| shown(samples.figure(name, *scenario, figure))).collect();
        let _ = writeln!(text, "| {title} | {} |", cells.join(" | "));
    }
    for failure in samples.failures() {
        let _ = writeln!(text, "\n**{failure}**");
    }
    text
}

/// The same first table in columns, with the ratios of every gateway.
pub(super) fn terminal(samples: &Samples, subject: &str) -> String {
    let gateways = samples.gateways();
    let mut heads = vec!["what".to_owned(), "unit".to_owned()];
    heads.extend(gateways.iter().map(|name| (*name).to_owned()));
    heads.extend([format!("{subject}/{BASE}"), "must".to_owned(), "aim".to_owned(), String::new()]);
    let mut table = vec![heads];
    table.extend(rows(samples, &gateways, subject));
    let mut text = columns(&table, 2);
    for failure in samples.failures() {
        let _ = writeln!(text, "FAILED: {failure}");
    }
    text
}

fn rows(samples: &Samples, gateways: &[&str], subject: &str) -> Vec<Vec<String>> {
    let measured =
        |row: &&super::budget::Budget| gateways.iter().any(|name| row.held(samples, name).is_some());
    let row = |budget: &super::budget::Budget| {
        let cell = |name: &&str| {
            let value = shown(samples.figure(name, budget.scenario, budget.figure));
            match samples.ratio(name, budget.scenario, budget.figure) {
                Some(ratio) if budget.limit == Limit::Ratio && *name != BASE && *name != subject => {
                    format!("{value} ({}×)", shown(Some(ratio)))
                }
                _ => value,
            }
        };
        let mut cells = vec![budget.title.to_owned(), budget.unit.to_owned()];
        cells.extend(gateways.iter().map(cell));
        let ratio = match budget.limit {
            Limit::Ratio => shown(samples.ratio(subject, budget.scenario, budget.figure)),
            Limit::Value => "–".to_owned(),
        };
        let sign = if budget.limit == Limit::Ratio { "×" } else { "" };
        cells.extend([
            ratio,
            format!("≤ {}{sign}", limit(budget.must)),
            format!("≤ {}{sign}", limit(budget.aim)),
        ]);
        cells.push(budget.verdict(samples, subject).text().to_owned());
        cells
    };
    BUDGETS.iter().filter(measured).map(row).collect()
}

/// A limit as it was set: `1.15`, `64`.
fn limit(value: f64) -> String {
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::super::sample::tests::sample;
    use super::super::turn::named;
    use super::*;

    fn samples() -> Samples {
        let cpu = |name: &str, value| {
            sample(0, name, Scenario::Cpu, named([("cpu_us", value), ("requests_per_s", 31_234.5)]))
        };
        let all = vec![cpu("nginx", 20.0), cpu("haproxy", 25.0), cpu("wharf", 22.0)];
        Samples { all, ..Samples::default() }
    }

    #[test]
    fn a_row_has_every_gateway_the_ratio_and_the_limits() {
        let text = markdown(&samples(), "wharf");
        let row =
            "| small JSON request | µs CPU | 20.0 | 25.0 (1.25×) | 22.0 | 1.10 | ≤ 1.15× | ≤ 1× | PASS |\n";
        assert!(text.contains(row), "{text}");
        assert!(text.contains("| small requests/s, 32 connections | 31,234 | 31,234 | 31,234 |"), "{text}");
        assert!(!text.contains("idle RSS"), "rows that weren't measured are left out");
    }

    #[test]
    fn the_terminal_table_is_aligned() {
        let text = terminal(&samples(), "wharf");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        let column = |line: &str, word: &str| {
            line.find(word).map(|at| line[..at].chars().count() + word.chars().count())
        };
        assert_eq!(column(lines[0], "must"), column(lines[1], "≤ 1.15×"));
    }
}
