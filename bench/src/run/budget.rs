//! What each figure must be, and what we aim at.

use super::sample::Samples;
use super::scenario::Scenario;
use crate::table::Verdict;

/// One row of the table.
pub(super) struct Budget {
    pub(super) scenario: Scenario,
    pub(super) figure: &'static str,
    pub(super) title: &'static str,
    pub(super) unit: &'static str,
    pub(super) limit: Limit,
    pub(super) must: f64,
    pub(super) aim: f64,
}

/// What the two limits are held against.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// The ratio to nginx.
    Ratio,
    /// The figure itself.
    Value,
}

/// All rows, in the order of the table.
pub(super) const BUDGETS: &[Budget] = &[
    ratio(Scenario::Cpu, "cpu_us", "small JSON request", "µs CPU", 1.15, 1.0),
    ratio(Scenario::Cpu16k, "cpu_us", "16 KiB prompt, many escapes", "µs CPU", 1.30, 1.0),
    ratio(Scenario::Sse, "cpu_us", "stream chunk, every 5 ms", "µs CPU", 1.15, 1.0),
    ratio(Scenario::Flood, "cpu_us", "stream chunk, back to back", "µs CPU", 2.0, 1.0),
    ratio(Scenario::Big, "cpu_s_per_gib", "10 MiB bodies", "s CPU/GiB", 1.1, 1.0),
    value(Scenario::Big, "peak_rss_mib", "10 MiB bodies, 4 at a time, peak RSS", "MiB", 64.0, 32.0),
    value(Scenario::Hold, "kib_per_stream", "held stream", "KiB", 25.0, 15.0),
    value(Scenario::Hold, "left_upstream", "upstream streams 0.5 s after the clients left", "", 0.0, 0.0),
    value(Scenario::Start, "idle_rss_mib", "idle RSS", "MiB", 16.0, 12.0),
    value(Scenario::Rss, "growth", "RSS after 100,000 requests ÷ after 10,000", "×", 1.10, 1.02),
    value(Scenario::Start, "start_ms", "start to first answer", "ms", 50.0, 20.0),
    value(Scenario::Start, "binary_mb", "program, stripped", "MB", 20.0, 10.0),
];

const fn ratio(
    scenario: Scenario,
    figure: &'static str,
    title: &'static str,
    unit: &'static str,
    must: f64,
    aim: f64,
) -> Budget {
    Budget { scenario, figure, title, unit, limit: Limit::Ratio, must, aim }
}

const fn value(
    scenario: Scenario,
    figure: &'static str,
    title: &'static str,
    unit: &'static str,
    must: f64,
    aim: f64,
) -> Budget {
    Budget { scenario, figure, title, unit, limit: Limit::Value, must, aim }
}

impl Budget {
    /// What the limits are held against.
    pub(super) fn held(&self, samples: &Samples, gateway: &str) -> Option<f64> {
        match self.limit {
            Limit::Ratio => samples.ratio(gateway, self.scenario, self.figure),
            Limit::Value => samples.figure(gateway, self.scenario, self.figure),
        }
    }

    pub(super) fn verdict(&self, samples: &Samples, gateway: &str) -> Verdict {
        Verdict::of(self.held(samples, gateway), self.must, self.aim)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::tests::sample;
    use super::super::turn::named;
    use super::*;

    #[test]
    fn verdicts() {
        let start = |name: &str, idle| sample(0, name, Scenario::Start, named([("idle_rss_mib", idle)]));
        let all = vec![start("lean", 9.0), start("fair", 16.004), start("fat", 16.1)];
        let samples = Samples { all, ..Samples::default() };
        let row = BUDGETS.iter().find(|row| row.figure == "idle_rss_mib").unwrap();
        let verdicts = ["lean", "fair", "fat", "absent"].map(|name| row.verdict(&samples, name));
        assert_eq!(verdicts, [Verdict::Aim, Verdict::Pass, Verdict::Over, Verdict::Unknown]);
    }

    #[test]
    fn an_aim_is_never_easier_than_its_must() {
        assert!(BUDGETS.iter().all(|row| row.aim <= row.must));
    }
}
