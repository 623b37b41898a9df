//! The Worker's table: Markdown for the documentation, columns for the terminal.

use super::line::Way;
use super::{Cost, Measured};
use crate::table::{Verdict, columns, median, shown};
use std::fmt::Write as _;

const HEADS: [&str; 8] = ["what", "unit", "plain", "wharf", "ratio", "must", "aim", ""];

/// All that stands between the marks.
pub(super) fn markdown(measured: &Measured) -> String {
    let rounds = measured.costs.iter().map(|cost| cost.rounds.len()).max().unwrap_or(0);
    let mut text = measured.machine.heading(rounds);
    let _ = writeln!(text, "| {} |\n|---|---|---:|---:|---:|---:|---:|---|", HEADS.join(" | "));
    for row in rows(measured) {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    let _ = writeln!(text, "\nAlso seen, without limits:\n\n| what | plain | wharf |\n|---|---:|---:|");
    for row in also(measured) {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    for failure in failures(measured) {
        let _ = writeln!(text, "\n**{failure}**");
    }
    text
}

/// The same in columns.
pub(super) fn terminal(measured: &Measured) -> String {
    let mut table = vec![HEADS.map(str::to_owned).to_vec()];
    table.extend(rows(measured));
    let mut text = columns(&table, 2);
    text.push('\n');
    text.push_str(&columns(&also(measured), 1));
    for failure in failures(measured) {
        let _ = writeln!(text, "FAILED: {failure}");
    }
    text
}

fn rows(measured: &Measured) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = measured.costs.iter().map(cost_row).collect();
    if let Some([plain, ours]) = &measured.starts {
        let row = ("cold start, over plain's", "ms", [plain.process, ours.process]);
        rows.push(value_row(row, ours.process - plain.process, 60.0, 0.0));
    }
    if let Some([plain, ours]) = measured.first_bytes {
        for (title, at) in
            [("first byte of a slow JSON answer, pass-through", 0), ("first byte of a slow stream", 1)]
        {
            rows.push(value_row((title, "ms", [plain[at], ours[at]]), ours[at] - plain[at], 5.0, 0.0));
        }
    }
    if let Some(memory) = &measured.memory {
        let [plain, ours] = memory.each_ref().map(|steps| growth(steps).unwrap_or(0.0));
        let title = format!("memory after {} requests ÷ after {}", steps(measured, 2), steps(measured, 1));
        // workerd's own memory grows too, so flat is what doesn't grow more than the plain Worker's.
        rows.push(value_row((&title, "×", [plain, ours]), ours / plain.max(1.0), 1.15, 1.05));
    }
    let kilobytes = measured.size.wasm_gzip as f64 / 1e3;
    let mut row = value_row(("wasm, gzipped", "kB", [0.0, kilobytes]), kilobytes, 900.0, 450.0);
    "–".clone_into(&mut row[2]);
    rows.push(row);
    rows
}

fn cost_row(cost: &Cost) -> Vec<String> {
    let middle = |at: usize| median(&mut cost.rounds.iter().map(|pair| pair[at]).collect::<Vec<f64>>());
    let ratio = median(&mut cost.rounds.iter().map(|[base, own]| own / base).collect::<Vec<f64>>());
    let (line, unit) = (cost.line, if cost.line.answer.is_stream() { "µs CPU/stream" } else { "µs CPU" });
    let base = if line.way == Way::PassThrough { "pipe: " } else { "" };
    let aim = if line.aim > 0.0 { format!("≤ {}×", line.aim) } else { String::new() };
    vec![
        line.title.to_owned(),
        unit.to_owned(),
        format!("{base}{}", shown(middle(0))),
        shown(middle(1)),
        shown(ratio),
        format!("≤ {}×", line.must),
        aim,
        Verdict::of(ratio, line.must, line.aim).text().to_owned(),
    ]
}

fn value_row((title, unit, figures): (&str, &str, [f64; 2]), held: f64, must: f64, aim: f64) -> Vec<String> {
    let [plain, ours] = figures.map(|figure| shown(Some(figure)));
    let aims = if aim > 0.0 { format!("≤ {aim}") } else { String::new() };
    // Less than nothing over plain's is no feat, only noise.
    let verdict = Verdict::of(Some(held.max(0.01)), must, aim).text().to_owned();
    let cells = [title, unit, &plain, &ours, "–", &format!("≤ {must}"), &aims, &verdict];
    cells.map(str::to_owned).to_vec()
}

fn also(measured: &Measured) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut push = |title: &str, plain: Option<f64>, ours: f64| {
        rows.push(vec![title.to_owned(), shown(plain), shown(Some(ours))]);
    };
    if let Some([plain, ours]) = &measured.starts {
        push("first request of a process, ms", Some(plain.first), ours.first);
        push("second request, ms", Some(plain.second), ours.second);
    }
    if let Some([plain, ours]) = &measured.memory {
        for (at, (plain, ours)) in plain.iter().zip(ours).enumerate() {
            push(&format!("RSS after {} requests, MiB", steps(measured, at)), Some(*plain), *ours);
        }
    }
    let size = &measured.size;
    push("wasm, kB", None, size.wasm as f64 / 1e3);
    push("JavaScript, kB", None, size.script as f64 / 1e3);
    push("JavaScript, gzipped, kB", None, size.script_gzip as f64 / 1e3);
    rows
}

fn failures(measured: &Measured) -> Vec<String> {
    let failed = |cost: &Cost| Some(format!("{}: {}", cost.line.title, cost.failed.as_ref()?));
    measured.costs.iter().filter_map(failed).collect()
}

/// The last figure by the one before it.
fn growth(resident: &[f64]) -> Option<f64> {
    match resident {
        [.., before, last] if *before > 0.0 => Some(last / before),
        _ => None,
    }
}

fn steps(measured: &Measured, at: usize) -> String {
    shown(measured.memory_steps.get(at).map(|count| *count as f64))
}
