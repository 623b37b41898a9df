//! Which request gets which fault: the script's rules in their order, else the request's own wish (path, header).

use super::fault::Fault;
use serde::Deserialize;

/// A script, as its JSON says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// What `chance` is drawn from; `--seed` wins.
    #[serde(default)]
    pub seed: Option<u64>,
    /// The rules; the first that matches says what happens.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// A rule: when, and what then.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which requests; all if it says nothing.
    #[serde(default)]
    pub when: When,
    /// One fault, or a list that the requests of this rule get in turn.
    #[serde(rename = "do")]
    pub faults: Faults,
    /// What follows the end of the list.
    #[serde(default)]
    pub then: Then,
}

/// Which requests a rule is for: all that is said must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// The path begins with this.
    pub path: Option<String>,
    /// The body's `model` (in Gemini's format the path's), with `*` at the end for any ending.
    pub model: Option<String>,
    /// The header `x-chaos` has this value.
    pub header: Option<String>,
    /// A stream is asked for, or not.
    pub stream: Option<bool>,
    /// The number of the request, from 1, is at least this.
    pub from: Option<u64>,
    /// And at most this.
    pub to: Option<u64>,
    /// In so many of a hundred requests that reach this rule, drawn by the seed.
    pub chance: Option<u8>,
}

/// One fault or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Faults {
    /// Always the same.
    One(Named),
    /// One after the other.
    Several(Vec<Named>),
}

/// A fault as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Named {
    fault: Fault,
    name: String,
}

/// What follows the end of a rule's list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    /// The list begins anew.
    #[default]
    Again,
    /// Its last fault stays.
    Stay,
    /// The rule matches no more.
    Pass,
}

/// What a choice is made by.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The number of the request, from 1.
    pub number: u64,
    /// The path, less a fault in front.
    pub path: &'a str,
    /// The fault that the path named in front.
    pub wished: Option<&'a str>,
    /// The model, empty if there is none.
    pub model: &'a str,
    /// The header `x-chaos`.
    pub header: Option<&'a str>,
    /// Whether a stream is asked for.
    pub stream: bool,
}

/// What was chosen: the fault, and how it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What happens.
    pub fault: Fault,
    /// As the script, the path or the header wrote it.
    pub name: String,
}

/// Chooses, and counts what it has chosen.
#[derive(Debug)]
pub struct Chooser {
    script: Script,
    /// How often each rule was used.
    used: Vec<usize>,
    /// How often each `flap` was asked, by its name.
    flaps: Vec<(String, u64)>,
    seed: u64,
    random: u64,
}

impl TryFrom<String> for Named {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Ok(Self { fault: Fault::parse(&name)?, name })
    }
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// What is wrong, with its line and column.
    pub fn parse(text: &str) -> Result<Self, String> {
        let script: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match script.rules.iter().position(|rule| rule.faults.all().is_empty()) {
            Some(at) => Err(format!("rule {}: `do` is empty", at + 1)),
            None => Ok(script),
        }
    }

    /// Every request gets this fault.
    ///
    /// # Errors
    /// The fault cannot be read.
    pub fn always(fault: &str) -> Result<Self, String> {
        let faults = Faults::One(Named::try_from(fault.to_owned())?);
        let rule = Rule { when: When::default(), faults, then: Then::Again };
        Ok(Self { seed: None, rules: vec![rule] })
    }

    /// True if nobody is let in at all: `--fault refuse`.
    pub fn refuses_all(&self) -> bool {
        let Some(rule) = self.rules.first() else { return false };
        matches!(&rule.faults, Faults::One(named) if named.fault == Fault::Refuse) && rule.when.is_empty()
    }
}

impl Faults {
    fn all(&self) -> &[Named] {
        match self {
            Self::One(named) => std::slice::from_ref(named),
            Self::Several(list) => list,
        }
    }
}

impl When {
    fn is_empty(&self) -> bool {
        let Self { path, model, header, stream, from, to, chance } = self;
        let texts = [path, model, header].into_iter().all(Option::is_none);
        texts && stream.is_none() && from.is_none() && to.is_none() && chance.is_none()
    }

    fn holds(&self, asked: &Asked<'_>) -> bool {
        let model = self.model.as_deref().is_none_or(|wanted| match wanted.strip_suffix('*') {
            Some(start) => asked.model.starts_with(start),
            None => asked.model == wanted,
        });
        let header = self.header.is_none() || self.header.as_deref() == asked.header;
        self.path.as_deref().is_none_or(|start| asked.path.starts_with(start))
            && model
            && header
            && self.stream.is_none_or(|stream| stream == asked.stream)
            && self.from.is_none_or(|from| asked.number >= from)
            && self.to.is_none_or(|to| asked.number <= to)
    }
}

impl Chooser {
    /// For a script, with a seed that wins over the script's.
    pub fn new(script: Script, seed: Option<u64>) -> Self {
        let seed = seed.or(script.seed).unwrap_or(1);
        let used = vec![0; script.rules.len()];
        Self { script, used, flaps: Vec::new(), seed, random: seed }
    }

    /// Forgets all that it has counted and drawn.
    pub fn reset(&mut self) {
        self.used.fill(0);
        self.flaps.clear();
        self.random = self.seed;
    }

    /// The script's list of faults is for those that are let in.
    pub fn refuses_all(&self) -> bool {
        self.script.refuses_all()
    }

    /// What this request gets.
    ///
    /// # Errors
    /// It wishes for a fault that there is not.
    pub fn choose(&mut self, asked: &Asked<'_>) -> Result<Choice, String> {
        let (fault, name) = match self.by_rule(asked) {
            Some(named) => (named.fault, named.name),
            None => match asked.wished.or(asked.header) {
                Some(wish) => (Fault::parse(wish)?, wish.to_owned()),
                None => (Fault::Healthy, "ok".into()),
            },
        };
        Ok(Choice { fault: self.drawn(fault, &name), name })
    }

    fn by_rule(&mut self, asked: &Asked<'_>) -> Option<Named> {
        for at in 0..self.used.len() {
            let (Some(rule), Some(used)) = (self.script.rules.get(at), self.used.get(at)) else { continue };
            let all = rule.faults.all();
            let spent = *used >= all.len() && rule.then == Then::Pass;
            if spent || !rule.when.holds(asked) {
                continue;
            }
            let place = match rule.then {
                Then::Again => used % all.len().max(1),
                Then::Stay | Then::Pass => (*used).min(all.len().saturating_sub(1)),
            };
            let (chosen, chance) = (all.get(place).cloned(), rule.when.chance);
            if chance.is_some_and(|percent| !self.draw(percent)) {
                continue;
            }
            if let Some(used) = self.used.get_mut(at) {
                *used += 1;
            }
            return chosen;
        }
        None
    }

    /// What a `flap` or a `chance` comes to this time.
    fn drawn(&mut self, fault: Fault, name: &str) -> Fault {
        match fault {
            Fault::Flap(fails, passes, inner) => {
                let place = match self.flaps.iter_mut().find(|(known, _)| known == name) {
                    Some((_, count)) => {
                        *count += 1;
                        *count
                    }
                    None => {
                        self.flaps.push((name.to_owned(), 0));
                        0
                    }
                };
                if place % (fails + passes) < fails { *inner } else { Fault::Healthy }
            }
            Fault::Chance(percent, inner) => {
                if self.draw(percent) {
                    *inner
                } else {
                    Fault::Healthy
                }
            }
            other => other,
        }
    }

    /// SplitMix64: <https://prng.di.unimi.it/splitmix64.c>.
    fn draw(&mut self, percent: u8) -> bool {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % 100 < u64::from(percent)
    }
}

#[cfg(test)]
#[path = "script_tests.rs"]
mod tests;
