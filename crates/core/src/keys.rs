//! Which key of a pool goes first, and in which order the others follow: by what this process knows of them where that
//! is enough, by the store where the turn is strict or a key is to be probed.

use crate::health::Health;
use crate::host::Host;
use crate::selector::Selector;
use crate::store::{Candidate, Lease, Op, Outcome, Reply, Standing, Turn, Wait};
use crate::table::{KeyPool, Member, Table};
use std::ops::Range;
use std::sync::Arc;

/// The keys that a call may use, first choice first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOrder {
    /// Where in the pool the keys stand that may be used.
    first: usize,
    /// How many there are; none: there is no key to use.
    size: usize,
    /// Which of them goes first; behind the last comes the first.
    start: usize,
    /// The keys one by one, where they are not a range.
    picked: Option<Vec<u32>>,
    /// The caller named one key: it does not give way to others.
    pub pinned: bool,
    /// The store was needed and gave no answer.
    pub store_failed: bool,
    /// The first key is a probe.
    pub probe: bool,
    /// There are keys, and none can be used now.
    pub lack: Option<Lack>,
}

/// Why no key of a pool can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// They cool.
    Cooling(Wait),
    /// Each that could is at its limit of concurrent calls.
    Busy,
    /// None serves the model.
    Barred,
}

/// What a key is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// What `/key/…` says.
    pub selector: Option<Selector>,
    /// The model that is asked for, where one is.
    pub model: Option<&'a str>,
    /// What for.
    pub purpose: Purpose,
}

/// What for a key is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A model route: it may be tried with another key.
    Ask,
    /// One call, shown as it comes: when all keys cool, with the one that cools off first.
    Once,
    /// The AI Gateway tries key by key itself.
    Steps,
}

impl KeyOrder {
    /// No key at all.
    pub const NONE: Self = Self {
        first: 0,
        size: 0,
        start: 0,
        picked: None,
        pinned: false,
        store_failed: false,
        probe: false,
        lack: None,
    };

    /// This key alone, which gives way to no other.
    pub const fn one(key: usize) -> Self {
        Self { first: key, size: 1, pinned: true, ..Self::NONE }
    }

    /// How many keys may be used.
    pub fn len(&self) -> usize {
        self.picked.as_ref().map_or(self.size, Vec::len)
    }

    /// There is no key to use.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place in the pool of the key whose turn is `step`, counted from 0.
    pub fn get(&self, step: usize) -> Option<usize> {
        match &self.picked {
            Some(picked) => picked.get(step).map(|at| *at as usize),
            None => (step < self.size).then(|| self.first + (self.start + step) % self.size),
        }
    }

    /// The places in the pool, in turn.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).filter_map(|step| self.get(step))
    }
}

/// What choosing keys needs beside the pool.
pub struct Keys<'a, H: Host> {
    /// The host.
    pub host: &'a H,
    /// What this process knows.
    pub health: &'a Arc<Health>,
    /// The configuration.
    pub table: &'a Table,
}

impl<H: Host> Keys<'_, H> {
    /// Orders the keys of a pool: strictly in turn if so configured, else from a random start; cooling ones are left out.
    pub async fn order(&self, pool: &KeyPool, wanted: Wanted<'_>) -> KeyOrder {
        let length = pool.keys.len();
        if length == 0 || (length == 1 && pool.plain) {
            let pinned = matches!(wanted.selector, Some(Selector::One(_)));
            return KeyOrder { size: length, pinned, ..KeyOrder::NONE };
        }
        let (first, last) = wanted.selector.unwrap_or(Selector::All).bounds(length);
        let range = first..last + 1;
        let pinned = matches!(wanted.selector, Some(Selector::One(_)));
        let order = KeyOrder { first, size: range.len(), pinned, ..KeyOrder::NONE };
        // A key that the caller named is the caller's choice, cooling or not.
        if range.len() == 1 || wanted.purpose == Purpose::Steps {
            return self.by_terms(pool, range, wanted, order).await;
        }
        let sound = self.glance(pool).await;
        if self.table.round_robin && range.len() == length {
            return self.strict(pool, wanted, order, sound).await;
        }
        if sound && pool.plain {
            return KeyOrder { start: below(self.random(), range.len()), ..order };
        }
        self.drawn(pool, range, wanted, order).await
    }

    fn random(&self) -> u32 {
        (self.host.random() >> 32) as u32
    }

    /// Whether nothing is known against any key. The store is asked at first, and now and then beside the request.
    async fn glance(&self, pool: &KeyPool) -> bool {
        let glance = self.health.glance(&pool.shard, H::LOOK, self.host.now());
        if !glance.stale {
            return glance.sound;
        }
        if glance.unknown {
            look(self.host, self.health, pool).await;
            return self.health.glance(&pool.shard, H::LOOK, self.host.now()).sound;
        }
        self.look_beside(pool);
        glance.sound
    }

    fn look_beside(&self, pool: &KeyPool) {
        let (host, health, shard) = (self.host.clone(), self.health.clone(), pool.shard.clone());
        self.host.defer(async move {
            if let Ok(Reply::Health(known)) = host.call(&shard, Op::Look { now: host.now() }).await {
                health.absorb(&shard, known, host.now());
            }
        });
    }

    /// The selected keys in turn, less those whose terms say no, and those that cool and were not named.
    async fn by_terms(
        &self,
        pool: &KeyPool,
        range: Range<usize>,
        wanted: Wanted<'_>,
        order: KeyOrder,
    ) -> KeyOrder {
        let order = match range.len() {
            1 => order,
            _ if self.table.round_robin && range.len() == pool.keys.len() => {
                let length = range.len() as u32;
                match self.host.call(&pool.shard, Op::Next { length }).await {
                    Ok(Reply::Index(index)) => KeyOrder { start: index as usize % range.len(), ..order },
                    Ok(Reply::Lease(_) | Reply::Health(_)) | Err(_) => {
                        KeyOrder { start: below(self.random(), range.len()), store_failed: true, ..order }
                    }
                }
            }
            _ => KeyOrder { start: below(self.random(), range.len()), ..order },
        };
        // One that cools is no step: it would be the gateway's first try. Only a key that the caller named is just that, on
        // purpose. One that has cooled off is a step, too: the gateway goes on behind it, and nobody would probe it otherwise.
        let named = (range.len() == 1).then_some(range.start);
        // At the gateway the others stand behind it: a step that fails gives way.
        let behind =
            if named.is_some() && wanted.purpose == Purpose::Steps { 0..pool.keys.len() } else { 0..0 };
        let sound = (named.is_some() && behind.len() < 2) || self.glance(pool).await;
        if pool.plain && sound && behind.len() < 2 {
            return order;
        }
        let is_well = |at: &usize| {
            let member = pool.members.get(*at);
            member.is_some_and(|member| {
                self.is_free(pool, member, wanted.model)
                    && (sound || named == Some(*at) || !self.is_cooling(pool, member, wanted.model))
            })
        };
        let mut picked: Vec<u32> = order.iter().filter(is_well).map(|at| at as u32).collect();
        if !picked.is_empty() {
            let behind = behind.filter(|at| named != Some(*at) && is_well(at));
            picked.extend(behind.map(|at| at as u32));
            return KeyOrder { picked: Some(picked), ..order };
        }
        let op = self.op(pool, range.clone(), wanted, Turn::Random(0));
        let lack = match self.health.lease(&pool.shard, &op).wait.filter(|_| !sound) {
            Some(wait) => Lack::Cooling(wait),
            None => self.why_none(pool, range, wanted),
        };
        KeyOrder { picked: Some(picked), lack: Some(lack), ..order }
    }

    async fn strict(&self, pool: &KeyPool, wanted: Wanted<'_>, order: KeyOrder, sound: bool) -> KeyOrder {
        let all = 0..pool.keys.len();
        let op = self.op(pool, all.clone(), wanted, Turn::Strict);
        let (order, lease) = match self.host.call(&pool.shard, op).await {
            Ok(Reply::Lease(lease)) => (order, lease),
            Ok(Reply::Index(_) | Reply::Health(_)) | Err(_) => {
                let op = self.op(pool, all.clone(), wanted, Turn::Random(self.random()));
                (KeyOrder { store_failed: true, ..order }, self.health.lease(&pool.shard, &op))
            }
        };
        let lease = if sound { lease } else { self.less_what_we_know(pool, wanted, lease) };
        self.leased(pool, all, wanted, &order, lease)
    }

    /// What was learnt a moment ago may not have reached the store yet.
    fn less_what_we_know(&self, pool: &KeyPool, wanted: Wanted<'_>, mut lease: Lease) -> Lease {
        let once = Wanted { purpose: Purpose::Once, ..wanted };
        let ours = self.health.lease(&pool.shard, &self.op(pool, 0..pool.keys.len(), once, Turn::Random(0)));
        let probe = lease.order.first().copied().filter(|_| lease.probe);
        lease.order.retain(|at| ours.order.contains(at) || probe == Some(*at));
        if lease.order.is_empty() && lease.wait.is_none() { ours } else { lease }
    }

    async fn drawn(
        &self,
        pool: &KeyPool,
        range: Range<usize>,
        wanted: Wanted<'_>,
        mut order: KeyOrder,
    ) -> KeyOrder {
        let op = self.op(pool, range.clone(), wanted, Turn::Random(self.random()));
        let mut lease = self.health.lease(&pool.shard, &op);
        if lease.probe {
            // One probe among all who share the store: it says who.
            match self.host.call(&pool.shard, op).await {
                Ok(Reply::Lease(granted)) => {
                    self.heed(pool, &lease, &granted);
                    lease = granted;
                }
                Ok(Reply::Index(_) | Reply::Health(_)) | Err(_) => order.store_failed = true,
            }
        }
        self.leased(pool, range, wanted, &order, lease)
    }

    /// A probe that we would have been is another's: our own mark gives way to what the store says of that one.
    fn heed(&self, pool: &KeyPool, ours: &Lease, granted: &Lease) {
        let Some(&at) = ours.order.first() else { return };
        if granted.probe && granted.order.first() == Some(&at) {
            return;
        }
        if let Some(member) = pool.members.get(at as usize) {
            self.health.yields(&pool.shard, member.id);
            self.look_beside(pool);
        }
    }

    fn leased(
        &self,
        pool: &KeyPool,
        range: Range<usize>,
        wanted: Wanted<'_>,
        order: &KeyOrder,
        lease: Lease,
    ) -> KeyOrder {
        let (order, Lease { order: picked, probe, wait }) = (order.clone(), lease);
        let lack = match (picked.is_empty(), wait) {
            (false, _) => None,
            (true, Some(wait)) if wanted.purpose == Purpose::Once => {
                return KeyOrder { picked: Some(vec![wait.key]), ..order };
            }
            (true, Some(wait)) => Some(Lack::Cooling(wait)),
            (true, None) => Some(self.why_none(pool, range, wanted)),
        };
        KeyOrder { picked: Some(picked), probe, lack, ..order }
    }

    fn op(&self, pool: &KeyPool, range: Range<usize>, wanted: Wanted<'_>, turn: Turn) -> Op {
        let keys = pool.members.iter().enumerate().map(|(at, member)| Candidate {
            id: member.id,
            weight: member.terms.weight,
            out: !range.contains(&at) || (!pool.plain && !self.is_free(pool, member, wanted.model)),
        });
        let probe = wanted.purpose == Purpose::Ask;
        let model = wanted.model.map(str::to_owned);
        Op::Lease { keys: keys.collect(), model, turn, probe, now: self.host.now() }
    }

    fn is_cooling(&self, pool: &KeyPool, member: &Member, model: Option<&str>) -> bool {
        let health = self.health.of(&pool.shard, member.id);
        let standing = health.map(|health| health.standing(model, self.host.now()));
        matches!(standing, Some(Standing::Cooling(_)))
    }

    fn is_free(&self, pool: &KeyPool, member: &Member, model: Option<&str>) -> bool {
        let room =
            member.terms.max_concurrent.is_none_or(|most| self.health.busy(&pool.shard, member.id) < most);
        room && member.terms.serves(model)
    }

    fn why_none(&self, pool: &KeyPool, range: Range<usize>, wanted: Wanted<'_>) -> Lack {
        let serves = pool.members.get(range).unwrap_or_default().iter();
        if { serves }.any(|member| member.terms.serves(wanted.model)) { Lack::Busy } else { Lack::Barred }
    }
}

/// Takes over what the store knows of a pool; nothing, if it gives no answer.
pub async fn look<H: Host>(host: &H, health: &Health, pool: &KeyPool) {
    if let Ok(Reply::Health(known)) = host.call(&pool.shard, Op::Look { now: host.now() }).await {
        health.absorb(&pool.shard, known, host.now());
    }
}

/// Takes in how a call with a key ended, and tells the store beside the request, where that is news. A pool with one
/// key has no other to use: nothing is held against it.
pub fn report<H: Host>(
    host: &H,
    health: &Arc<Health>,
    pool: &KeyPool,
    member: &Member,
    model: Option<&str>,
    (outcome, probe): (Outcome, bool),
) {
    let now = host.now();
    if pool.keys.len() < 2 {
        return;
    }
    // A probe that the store granted may be news there alone.
    if !health.report(&pool.shard, member.id, model, outcome, now) && !probe {
        return;
    }
    let op = Op::Report { key: member.id, model: model.map(str::to_owned), outcome, now };
    let (host, health, shard) = (host.clone(), health.clone(), pool.shard.clone());
    host.clone().defer(async move {
        if let Ok(Reply::Health(known)) = host.call(&shard, op).await {
            health.absorb(&shard, known, host.now());
        }
    });
}

/// A uniform choice below `size` from 32 random bits (the bias is under 2⁻¹⁶ for any real pool).
fn below(random: u32, size: usize) -> usize {
    ((u64::from(random) * size as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn the_choice_covers_the_whole_range_and_nothing_else() {
        assert_eq!(below(0, 4), 0);
        assert_eq!(below(u32::MAX, 4), 3);
        assert_eq!(below(u32::MAX / 2 + 1, 4), 2);
    }
}
