//! Raw lines, and the medians and ratios formed from them.

use super::gateway::BASE;
use super::scenario::Scenario;
use super::turn::Figures;
use crate::Result;
use crate::machine::Machine;
use crate::table::median;
use serde::{Deserialize, Serialize};

/// One line of the raw file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    Machine(Machine),
    Sample(Sample),
}

/// What one gateway did in one scenario of one round.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Sample {
    pub(super) round: u32,
    pub(super) gateway: String,
    pub(super) scenario: Option<Scenario>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failed: Option<String>,
    #[serde(default)]
    pub(super) figures: Figures,
}

/// Everything measured in one run.
#[derive(Default)]
pub(super) struct Samples {
    pub(super) machine: Machine,
    pub(super) all: Vec<Sample>,
}

impl Samples {
    /// Reads raw lines. Rounds of several files stay apart: a ratio is only formed within one.
    pub(super) fn parse(files: &[String]) -> Result<Self> {
        let mut samples = Self::default();
        let mut first_round = 0;
        for text in files {
            let mut rounds = 0;
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                match serde_json::from_str(line)? {
                    Line::Machine(machine) => samples.machine = machine,
                    Line::Sample(mut sample) => {
                        rounds = rounds.max(sample.round + 1);
                        sample.round += first_round;
                        samples.all.push(sample);
                    }
                }
            }
            first_round += rounds;
        }
        Ok(samples)
    }

    /// The gateways in the order they were measured.
    pub(super) fn gateways(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for sample in &self.all {
            if !names.contains(&sample.gateway.as_str()) {
                names.push(&sample.gateway);
            }
        }
        names
    }

    pub(super) fn rounds(&self) -> u32 {
        self.all.iter().map(|sample| sample.round + 1).max().unwrap_or(0)
    }

    /// The median over the rounds.
    pub(super) fn figure(&self, gateway: &str, scenario: Scenario, name: &str) -> Option<f64> {
        let mut values: Vec<f64> =
            self.of(gateway, scenario).filter_map(|s| s.figures.get(name).copied()).collect();
        median(&mut values)
    }

    /// The median of the ratios to the base, each formed within its round: what the machine did meanwhile
    /// hit both.
    pub(super) fn ratio(&self, gateway: &str, scenario: Scenario, name: &str) -> Option<f64> {
        let base = |round| self.of(BASE, scenario).find(|s| s.round == round)?.figures.get(name).copied();
        let ratios = self.of(gateway, scenario).filter_map(|sample| {
            let (own, base) = (sample.figures.get(name)?, base(sample.round)?);
            (base > 0.0).then(|| own / base)
        });
        median(&mut ratios.collect::<Vec<f64>>())
    }

    /// What went wrong, one text per gateway and scenario.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for sample in &self.all {
            let scenario =
                sample.scenario.map(|scenario| format!("{scenario:?}").to_lowercase()).unwrap_or_default();
            let errors = sample.figures.get("errors").copied().unwrap_or(0.0);
            let what = match &sample.failed {
                Some(failed) => failed.clone(),
                None if errors > 0.0 => format!("{errors} requests failed"),
                None => continue,
            };
            texts.push(format!("{} in {scenario}, round {}: {what}", sample.gateway, sample.round + 1));
        }
        texts
    }

    fn of<'a>(&'a self, gateway: &'a str, scenario: Scenario) -> impl Iterator<Item = &'a Sample> {
        let wanted =
            move |s: &&Sample| s.gateway == gateway && s.scenario == Some(scenario) && s.failed.is_none();
        self.all.iter().filter(wanted)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::run::turn::named;

    pub(in crate::run) fn sample(round: u32, gateway: &str, scenario: Scenario, figures: Figures) -> Sample {
        Sample { round, gateway: gateway.to_owned(), scenario: Some(scenario), failed: None, figures }
    }

    fn cpu(round: u32, gateway: &str, value: f64) -> Sample {
        sample(round, gateway, Scenario::Cpu, named([("cpu_us", value)]))
    }

    #[test]
    fn a_ratio_is_formed_within_its_round() {
        // The machine was half as fast in round 1: a ratio of medians would say 1.25.
        let all = vec![
            cpu(0, "nginx", 10.0),
            cpu(0, "wharf", 11.0),
            cpu(1, "nginx", 20.0),
            cpu(1, "wharf", 22.0),
            cpu(2, "wharf", 99.0),
        ];
        let samples = Samples { all, ..Samples::default() };
        let ratio = samples.ratio("wharf", Scenario::Cpu, "cpu_us").unwrap();
        assert!((ratio - 1.1).abs() < 1e-9);
        assert_eq!(samples.figure("wharf", Scenario::Cpu, "cpu_us"), Some(22.0));
        assert_eq!(samples.ratio("haproxy", Scenario::Cpu, "cpu_us"), None);
    }

    #[test]
    fn raw_lines_come_back_with_rounds_kept_apart() {
        let line = |sample: Sample| serde_json::to_string(&Line::Sample(sample)).unwrap() + "\n";
        let file = line(cpu(0, "nginx", 1.0)) + &line(cpu(1, "nginx", 2.0));
        let samples = Samples::parse(&[file.clone(), file]).unwrap();
        let rounds: Vec<u32> = samples.all.iter().map(|sample| sample.round).collect();
        assert_eq!(rounds, [0, 1, 2, 3]);
        assert_eq!(samples.rounds(), 4);
    }

    #[test]
    fn failures_are_named_and_their_figures_left_out() {
        let mut failed = cpu(0, "wharf", 5.0);
        failed.failed = Some("ended at its start".to_owned());
        let errors = sample(0, "nginx", Scenario::Sse, named([("errors", 3.0)]));
        let samples = Samples { all: vec![failed, errors], ..Samples::default() };
        assert_eq!(samples.figure("wharf", Scenario::Cpu, "cpu_us"), None);
        let texts = ["wharf in cpu, round 1: ended at its start", "nginx in sse, round 1: 3 requests failed"];
        assert_eq!(samples.failures(), texts);
    }
}
