//! Which keys of a pool may be used now, and in which order: pure, from health, cursor, weights and a random number.

use super::cooling::{Cooling, KeyId, PROBE, Standing};
use super::pool::Pool;
use crate::time::Millis;
use serde::{Deserialize, Serialize};

/// A key as it stands in the caller's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its fingerprint.
    pub id: KeyId,
    /// Its share: a key of weight 3 has three turns where one of weight 1 has one.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: u16,
    /// Not for this call: the selector, its model lists or its limit of concurrent calls say no. Its turn passes over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub out: bool,
}

const fn one() -> u16 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde wants")]
const fn is_one(weight: &u16) -> bool {
    *weight == 1
}

/// How the first choice is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// Strictly in turn, by the pool's cursor.
    Strict,
    /// By this random number.
    Random(u32),
}

/// The keys that may be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Places in the caller's list, first choice first; none: there is no key to be had.
    pub order: Vec<u32>,
    /// The first of them is a probe: it must be reported on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
    /// Without any key: which one cools off first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
}

/// What there is to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Place of the key in the caller's list.
    pub key: u32,
    /// When it may be used again.
    pub until: Millis,
    /// Every key waits for a rate limit.
    pub limited: bool,
}

/// The call that a lease is for.
pub(super) struct Call<'a> {
    pub keys: &'a [Candidate],
    pub model: Option<&'a str>,
    pub turn: Turn,
    pub probe: bool,
    pub now: Millis,
}

impl Pool {
    /// Chooses. Only the cursor and a probe's mark change.
    pub(super) fn lease(&mut self, call: &Call<'_>) -> Lease {
        let standing = |key: &Candidate| match self.keys.get(&key.id) {
            Some(health) => health.standing(call.model, call.now),
            None => Standing::Ready,
        };
        let standings: Vec<Standing> = call.keys.iter().map(standing).collect();
        let is_ready = |at: usize| {
            call.keys.get(at).is_some_and(|key| !key.out) && standings.get(at) == Some(&Standing::Ready)
        };
        let may_begin = |at: usize| {
            let due = call.probe && standings.get(at) == Some(&Standing::Due);
            is_ready(at) || (due && call.keys.get(at).is_some_and(|key| !key.out))
        };
        let any = (0..call.keys.len()).any(may_begin);
        let begin = match call.turn {
            // No walk over all slots, under everybody's lock, to find nobody.
            _ if !any => None,
            Turn::Strict => self.in_turn(call.keys, may_begin),
            Turn::Random(random) => drawn(call.keys, random, may_begin),
        };
        let Some(begin) = begin else {
            return Lease { wait: wait(call, &standings), ..Lease::default() };
        };
        let probe = !is_ready(begin);
        if probe && let Some(health) = call.keys.get(begin).and_then(|key| self.keys.get_mut(&key.id)) {
            health.probe = call.now + PROBE;
            health.at = call.now;
        }
        let length = call.keys.len();
        let rest = (1..length).map(|step| (begin + step) % length).filter(|at| is_ready(*at));
        let order = std::iter::once(begin).chain(rest).map(|at| at as u32).collect();
        Lease { order, probe, wait: None }
    }

    /// The first key at the cursor or behind it that may begin; the cursor moves behind its slot.
    fn in_turn(&mut self, keys: &[Candidate], may_begin: impl Fn(usize) -> bool) -> Option<usize> {
        let total: u32 = keys.iter().map(|key| u32::from(key.weight.max(1))).sum();
        // A pool that shrank starts again at 0, as P1 does.
        let first = if self.next >= total { 0 } else { self.next };
        for step in 0..total {
            let slot = (first + step) % total;
            let at = key_at(keys, slot);
            if may_begin(at) {
                self.next = (slot + 1) % total;
                return Some(at);
            }
        }
        None
    }
}

/// The key whose slot this is. Slots go round: each key once, then each that has a second turn, and so on.
fn key_at(keys: &[Candidate], mut slot: u32) -> usize {
    if (slot as usize) < keys.len() {
        return slot as usize;
    }
    let mut round = 0;
    loop {
        let of_round = keys.iter().enumerate().filter(|(_, key)| key.weight.max(1) > round);
        let length = of_round.clone().count() as u32;
        if slot < length || length == 0 {
            return of_round.map(|(at, _)| at).nth(slot as usize).unwrap_or_default();
        }
        slot -= length;
        round += 1;
    }
}

/// A choice by weight. Products stay below 2⁵³, so that every store can do the same sum.
fn drawn(keys: &[Candidate], random: u32, may_begin: impl Fn(usize) -> bool) -> Option<usize> {
    let weight = |at: usize| keys.get(at).map_or(0, |key| u64::from(key.weight.max(1)));
    let total: u64 = (0..keys.len()).filter(|at| may_begin(*at)).map(weight).sum();
    let mut left = (u64::from(random) * total) >> 32;
    for at in (0..keys.len()).filter(|at| may_begin(*at)) {
        if left < weight(at) {
            return Some(at);
        }
        left -= weight(at);
    }
    None
}

fn wait(call: &Call<'_>, standings: &[Standing]) -> Option<Wait> {
    let mut found: Option<Wait> = None;
    for (at, standing) in standings.iter().enumerate() {
        if call.keys.get(at).is_none_or(|key| key.out) {
            continue;
        }
        let cooling = match standing {
            Standing::Cooling(cooling) => *cooling,
            Standing::Due | Standing::Ready => Cooling { until: call.now, limited: false },
        };
        let limited = found.is_none_or(|wait| wait.limited) && cooling.limited;
        let earlier = found.filter(|wait| wait.until <= cooling.until);
        let (key, until) = earlier.map_or((at as u32, cooling.until), |wait| (wait.key, wait.until));
        found = Some(Wait { key, until, limited });
    }
    found
}
