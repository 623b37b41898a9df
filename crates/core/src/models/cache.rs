//! What was listed lately. Five minutes are fresh; up to an hour is shown once more while somebody asks again.

use super::Entries;
use crate::time::Millis;
use std::collections::HashMap;

const FRESH: Millis = Millis::seconds(300);
const STALE: Millis = Millis::seconds(3600);
/// Somebody who was sent to ask again and did not come back in this time is given up.
const ASKING: Millis = Millis::seconds(30);
/// Selectors are the callers' choice, so their number must be bounded here.
const SLOTS: usize = 256;

/// Whose list: different keys of one provider may see different models.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Provider id.
    pub provider: String,
    /// The key that a `/key/` selector chose; `None` without one.
    pub key: Option<usize>,
}

/// What is known of one list.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// Use it.
    Fresh(Entries),
    /// Use it; whoever gets `revalidate` also asks again, beside the answer.
    Stale {
        /// What was listed.
        entries: Entries,
        /// True for the first who looks; others need not ask as well.
        revalidate: bool,
    },
    /// Ask, and wait.
    Empty,
}

struct Stored {
    entries: Entries,
    at: Millis,
    asking: Option<Millis>,
}

impl Stored {
    /// Nobody asks again on behalf of another table.
    fn kept(&self) -> Self {
        Self { entries: self.entries.clone(), at: self.at, asking: None }
    }
}

/// A bounded map of lists, pure: the host says what time it is.
#[derive(Default)]
pub struct Cache(HashMap<Slot, Stored>);

impl Cache {
    /// What is known of this list now.
    pub fn look(&mut self, slot: &Slot, now: Millis) -> Look {
        let Some(stored) = self.0.get_mut(slot) else { return Look::Empty };
        let age = now.since(stored.at);
        if age < FRESH {
            return Look::Fresh(stored.entries.clone());
        }
        if age >= STALE {
            return Look::Empty;
        }
        let revalidate = stored.asking.is_none_or(|since| now.since(since) >= ASKING);
        if revalidate {
            stored.asking = Some(now);
        }
        Look::Stale { entries: stored.entries.clone(), revalidate }
    }

    /// Keeps a list; when there are too many, the oldest goes.
    pub fn put(&mut self, slot: Slot, entries: Entries, now: Millis) {
        if self.0.len() >= SLOTS && !self.0.contains_key(&slot) {
            let oldest = self.0.iter().min_by_key(|(_, stored)| stored.at).map(|(slot, _)| slot.clone());
            if let Some(oldest) = oldest {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(slot, Stored { entries, at: now, asking: None });
    }

    /// The lists of the providers that `stays` holds for, for the table that follows.
    pub fn kept(&self, stays: impl Fn(&str) -> bool) -> Self {
        let lists = self.0.iter().filter(|(slot, _)| stays(&slot.provider));
        Self(lists.map(|(slot, stored)| (slot.clone(), stored.kept())).collect())
    }

    /// Forgets a list that could not be had again: what fails is left out, not shown for ever.
    pub fn forget(&mut self, slot: &Slot) {
        self.0.remove(slot);
    }
}
