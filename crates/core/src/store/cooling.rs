//! What is held against one key, and for how long: pure arithmetic of outcome and time.

use super::Outcome;
use crate::secret::Secret;
use crate::time::Millis;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// How long a rate-limited key is left alone where the provider does not say.
pub const LIMITED: Millis = Millis::seconds(30);
/// How long a refused key is left alone at first; each further refusal in a row doubles it.
pub const REFUSED: Millis = Millis::seconds(300);
/// The longest that a refused key is left alone.
pub const LONGEST: Millis = Millis::seconds(3600);
/// The longest wait that is believed of a provider: a day, which is as far as daily limits reach.
pub const LONGEST_HINT: Millis = Millis::seconds(86_400);
/// How long a probe may take before another call may be it.
pub const PROBE: Millis = Millis::seconds(60);
/// Models of one key that are remembered as limited. Their names come from callers.
pub const MODELS: usize = 64;
/// How long it is remembered that nothing is held against a key any more, so that an older word does not bring it back.
pub const REMEMBERED: Millis = Millis::seconds(3600);

/// How long a refusal is remembered that no probe has followed up: the key is gone from the configuration, or its pool
/// is not used. Longer than any cooling, so that a key in use never gets there.
pub const UNUSED: Millis = Millis::seconds(172_800);

/// A key's name that is not the key: the first 48 bits of its SHA-256, in hexadecimal. It stays when keys are reordered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u64);

impl KeyId {
    /// The name of a key.
    pub fn of(key: &Secret) -> Self {
        let [a, b, c, d, e, f, ..] = key.digest();
        Self(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = &'static str;

    /// # Errors
    /// Anything but twelve hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 12 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("a key's fingerprint is twelve hexadecimal digits");
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| "a key's fingerprint is twelve hexadecimal digits")
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a key is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Rate-limited: it heals by itself.
    Limited,
    /// Its account is out of money.
    Unpaid,
    /// The provider does not take it.
    Refused,
}

impl Why {
    /// The word on pages and in logs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Limited => "limited",
            Self::Unpaid => "unpaid",
            Self::Refused => "refused",
        }
    }
}

/// What is held against one key. Members that say nothing are left out of its encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyHealth {
    /// It is left alone until then.
    #[serde(skip_serializing_if = "is_zero")]
    pub until: Millis,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// Refusals in a row. While there are any, a key that has cooled off is used by one call only: the probe.
    #[serde(skip_serializing_if = "is_none")]
    pub streak: u32,
    /// A probe is under way, and counts until then.
    #[serde(skip_serializing_if = "is_zero")]
    pub probe: Millis,
    /// When this changed last: of two accounts the later one holds.
    pub at: Millis,
    /// Models that it is rate-limited for, until when.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, Millis>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde wants")]
const fn is_zero(at: &Millis) -> bool {
    at.0 == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde wants")]
const fn is_none(count: &u32) -> bool {
    *count == 0
}

/// Whether a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Ready,
    /// It has cooled off after a refusal: one call may try it.
    Due,
    /// It may not.
    Cooling(Cooling),
}

/// A key that is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cooling {
    /// Until when.
    pub until: Millis,
    /// Because of a rate limit.
    pub limited: bool,
}

impl KeyHealth {
    /// Whether the key may be used for this model.
    pub fn standing(&self, model: Option<&str>, now: Millis) -> Standing {
        if self.until > now {
            return Standing::Cooling(Cooling { until: self.until, limited: self.why == Some(Why::Limited) });
        }
        if self.streak > 0 && self.probe > now {
            return Standing::Cooling(Cooling { until: self.probe, limited: false });
        }
        if let Some(until) = model.and_then(|model| self.models.get(model)).filter(|until| **until > now) {
            return Standing::Cooling(Cooling { until: *until, limited: true });
        }
        if self.streak > 0 { Standing::Due } else { Standing::Ready }
    }

    /// Until when the key is left alone, for every model or for some.
    pub fn cooling(&self, now: Millis) -> Option<Millis> {
        let models = self.models.values().copied().max().unwrap_or_default();
        Some(self.until.max(models)).filter(|until| *until > now)
    }

    /// Takes in how a call ended; false if that changed nothing.
    pub fn report(&mut self, model: Option<&str>, outcome: Outcome, now: Millis) -> bool {
        match outcome {
            // A call that began before the limit was reached says nothing of it.
            Outcome::Served if self.streak == 0 => return false,
            Outcome::Served => *self = Self { models: std::mem::take(&mut self.models), ..Self::default() },
            // Calls that were under way when the key was refused tell nothing new.
            Outcome::Limited { .. } | Outcome::Unpaid | Outcome::Refused
                if self.streak > 0 && self.until > now =>
            {
                return false;
            }
            Outcome::Limited { wait } => {
                let until = now + wait.unwrap_or(LIMITED).min(LONGEST_HINT);
                match model {
                    Some(model) => self.limit_model(model, until, now),
                    None => {
                        let until =
                            if self.why == Some(Why::Limited) { until.max(self.until) } else { until };
                        self.until = until;
                        self.why = Some(Why::Limited);
                    }
                }
                (self.streak, self.probe) = (0, Millis::default());
            }
            Outcome::Unpaid | Outcome::Refused => {
                self.until = now + Millis((REFUSED.0 << self.streak.min(8)).min(LONGEST.0));
                self.streak = self.streak.saturating_add(1);
                self.probe = Millis::default();
                self.why = Some(if outcome == Outcome::Unpaid { Why::Unpaid } else { Why::Refused });
            }
            Outcome::Unknown if self.probe.0 == 0 => return false,
            Outcome::Unknown => self.probe = Millis::default(),
        }
        self.at = now;
        true
    }

    /// A clock that stepped back must not make anything last longer than it may: what lies further ahead is pulled in.
    pub(super) fn pull_in(&mut self, now: Millis) {
        let longest = if self.why == Some(Why::Limited) { LONGEST_HINT } else { LONGEST };
        let own = [(&mut self.until, longest), (&mut self.probe, PROBE)].into_iter();
        let models = self.models.values_mut().map(|until| (until, LONGEST_HINT));
        // Nothing may be held against it any more, and then the time of its last change is all that is too far ahead.
        let mut far = self.at > now + LONGEST;
        for (until, most) in own.chain(models) {
            far |= *until > now + most;
            *until = (*until).min(now + most);
        }
        if far {
            self.at = self.at.min(now);
        }
    }

    fn limit_model(&mut self, model: &str, until: Millis, now: Millis) {
        self.models.retain(|_, until| *until > now);
        if self.models.len() >= MODELS && !self.models.contains_key(model) {
            let first = self.models.iter().min_by_key(|(_, until)| **until).map(|(name, _)| name.clone());
            self.models.remove(&first.unwrap_or_default());
        }
        let known = self.models.entry(model.to_owned()).or_default();
        *known = until.max(*known);
        // The key itself is taken: what was held against it is over. A limit that runs is for all models.
        if self.until <= now {
            self.until = Millis::default();
            self.why = None;
        }
    }

    /// Nothing is held against the key, and has not been for long, or nobody has asked for it: it need not be kept.
    pub(super) fn is_forgotten(&self, now: Millis) -> bool {
        let patience = if self.streak == 0 { REMEMBERED } else { UNUSED };
        self.cooling(now).is_none() && now.since(self.at) > patience
    }
}
