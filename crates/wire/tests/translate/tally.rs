//! What passed and what did not, by provider and by pair of formats.

use crate::judge::exceptions::{EXCEPTIONS, Exception};
use crate::recordings::{self, Recording};
use std::collections::BTreeMap;

/// Counts of cases; a case is one recording in one dialect and one way of asking.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    providers: BTreeMap<String, (usize, usize)>,
    pairs: BTreeMap<String, (usize, usize)>,
    excepted: BTreeMap<&'static str, usize>,
    wrong: Vec<(String, String, String)>,
}

/// As many failures of each pair are shown, unless `WHARF_REPLAY_SHOWN` says otherwise.
const SHOWN: usize = 3;

impl Tally {
    /// Notes a case: `to` names the dialect, `how` the way, and what is wrong if anything is.
    pub(crate) fn note(&mut self, recording: &Recording, to: &str, how: &str, wrong: Result<(), String>) {
        let pair = format!("{} -> {to}", recording.format);
        let mut passed = 1;
        if let Err(what) = wrong {
            match allowed(&recording.name, to, &what) {
                Some(known) => *self.excepted.entry(known.reason).or_default() += 1,
                None => {
                    passed = 0;
                    self.wrong.push((pair.clone(), format!("{} [{how}]", recording.name), what));
                }
            }
        }
        for count in [
            self.providers.entry(recording.provider.clone()).or_default(),
            self.pairs.entry(pair).or_default(),
        ] {
            count.0 += passed;
            count.1 += 1;
        }
    }

    /// Adds another's counts.
    pub(crate) fn add(&mut self, other: Self) {
        for (into, from) in [(&mut self.providers, other.providers), (&mut self.pairs, other.pairs)] {
            for (name, (passed, total)) in from {
                let count = into.entry(name).or_default();
                count.0 += passed;
                count.1 += total;
            }
        }
        for (reason, count) in other.excepted {
            *self.excepted.entry(reason).or_default() += count;
        }
        self.wrong.extend(other.wrong);
    }

    /// All cases.
    pub(crate) fn total(&self) -> usize {
        self.providers.values().map(|(_, total)| total).sum()
    }

    /// Those that failed.
    pub(crate) fn wrong(&self) -> usize {
        self.wrong.len()
    }

    /// Prints the counts, the exceptions, and the first failures of each pair.
    pub(crate) fn print(&self) {
        for (name, (passed, total)) in self.providers.iter().chain(&self.pairs) {
            println!("{passed}/{total} {name}");
        }
        println!("{}/{} in all", self.total() - self.wrong(), self.total());
        for (reason, count) in &self.excepted {
            println!("excepted {count}: {reason}");
        }
        let most = recordings::variable("WHARF_REPLAY_SHOWN").and_then(|most| most.parse().ok());
        let most: usize = most.unwrap_or(SHOWN);
        let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
        for (pair, file, what) in &self.wrong {
            let count = shown.entry(pair).or_default();
            *count += 1;
            if *count <= most {
                println!("WRONG {pair} {file}\n      {what}");
            }
        }
    }
}

/// The exception that allows this difference.
fn allowed(file: &str, to: &str, what: &str) -> Option<&'static Exception> {
    EXCEPTIONS.iter().find(|known| {
        file.contains(known.file)
            && (known.to.is_empty() || known.to == to)
            && (known.what.is_empty() || what.contains(known.what))
    })
}
