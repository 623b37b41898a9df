//! What all tables share: medians, numbers as they are shown, verdicts, and the place in the documentation.

use crate::Result;
use std::fmt::Write as _;
use std::path::Path;

/// How a figure stands to its limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Aim,
    Pass,
    Over,
    Unknown,
}

impl Verdict {
    /// Judged as it is shown: 1.154 stands in the table as 1.15.
    pub(crate) fn of(held: Option<f64>, must: f64, aim: f64) -> Self {
        match held.map(|held| (held * 100.0).round() / 100.0) {
            None => Self::Unknown,
            Some(held) if held <= aim => Self::Aim,
            Some(held) if held <= must => Self::Pass,
            Some(_) => Self::Over,
        }
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Aim => "PASS (aim)",
            Self::Pass => "PASS",
            Self::Over => "over",
            Self::Unknown => "–",
        }
    }
}

/// The middle value, or the mean of the two.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// Three digits are as many as the noise leaves.
pub(crate) fn shown(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value >= 1_000.0 => thousands(&format!("{value:.0}")),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

/// Rows in columns for a terminal, the first row being the heads; the first `left` columns stand left.
pub(crate) fn columns(table: &[Vec<String>], left: usize) -> String {
    let count = table.first().map_or(0, Vec::len);
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in table {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column < left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

/// Puts `text` between `<!-- NAME:start -->` and `<!-- NAME:end -->` of a file, in place of what stands there.
pub(crate) fn put(file: &Path, name: &str, text: &str) -> Result<()> {
    let old = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let new = replaced(&old, name, text)
        .ok_or_else(|| format!("{} has no marks {name}:start and {name}:end", file.display()))?;
    Ok(std::fs::write(file, new)?)
}

fn replaced(old: &str, name: &str, text: &str) -> Option<String> {
    let (start, end) = (format!("<!-- {name}:start -->\n"), format!("<!-- {name}:end -->"));
    let from = old.find(&start)? + start.len();
    let to = from + old.get(from..)?.find(&end)?;
    Some(format!("{}{text}{}", old.get(..from)?, old.get(to..)?))
}

fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn a_verdict_goes_by_what_is_shown() {
        let verdicts = [Some(1.0), Some(1.504), Some(1.506), None].map(|held| Verdict::of(held, 1.5, 1.25));
        assert_eq!(verdicts, [Verdict::Aim, Verdict::Pass, Verdict::Over, Verdict::Unknown]);
    }

    #[test]
    fn numbers_have_three_digits_or_separators() {
        let texts = [0.456, 1.0, 17.19, 310.4, 1_234.0, 1_234_567.0].map(|value| shown(Some(value)));
        assert_eq!(texts, ["0.46", "1.00", "17.2", "310", "1,234", "1,234,567"]);
    }

    #[test]
    fn only_the_block_is_replaced() {
        let old = "# Performance\n\nWords.\n\n<!-- x:start -->\nold\n<!-- x:end -->\n\nMore.\n";
        assert_eq!(replaced(old, "x", "new\n").as_deref(), Some(old.replace("old", "new").as_str()));
        assert_eq!(replaced(old, "y", "new\n"), None);
    }
}
