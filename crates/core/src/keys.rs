//! Which key of a pool goes first, and in which order the others follow. The rotation's cursor is the store's.

use crate::host::Host;
use crate::selector::Selector;
use crate::store::{Op, Reply};
use crate::table::{KeyPool, Table};

/// The keys that a call may use, first choice first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOrder {
    /// Where in the pool the keys stand that may be used.
    first: usize,
    /// How many there are; none: the provider has no key.
    size: usize,
    /// Which of them goes first; behind the last comes the first.
    start: usize,
    /// The caller named one key: it does not give way to others.
    pub pinned: bool,
    /// Strict rotation was asked for and the store gave no answer.
    pub store_failed: bool,
}

impl KeyOrder {
    /// No key at all.
    pub const NONE: Self = Self { first: 0, size: 0, start: 0, pinned: false, store_failed: false };

    /// This key alone, which gives way to no other.
    pub const fn one(key: usize) -> Self {
        Self { first: key, size: 1, pinned: true, ..Self::NONE }
    }

    /// How many keys may be used.
    pub const fn len(&self) -> usize {
        self.size
    }

    /// The provider has no key.
    pub const fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// The place in the pool of the key whose turn is `step`, counted from 0.
    pub fn get(&self, step: usize) -> Option<usize> {
        (step < self.size).then(|| self.first + (self.start + step) % self.size)
    }

    /// The places in the pool, in turn.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        (0..self.size).filter_map(|step| self.get(step))
    }
}

/// Orders the keys: strictly in turn if so configured, else from a random start.
pub async fn order<H: Host>(host: &H, table: &Table, pool: &KeyPool, selector: Option<Selector>) -> KeyOrder {
    let length = pool.keys.len();
    let pinned = matches!(selector, Some(Selector::One(_)));
    if length <= 1 {
        return KeyOrder { size: length, pinned, ..KeyOrder::NONE };
    }
    let (first, last) = selector.unwrap_or(Selector::All).bounds(length);
    let size = last - first + 1;
    let mut store_failed = false;
    let start = if size == 1 {
        0
    } else if table.round_robin && size == length {
        match host.call(&pool.shard, Op::Next { length: length as u32 }).await {
            Ok(Reply::Index(index)) => index as usize % size,
            Ok(Reply::Lease(_) | Reply::Health(_)) | Err(_) => {
                store_failed = true;
                below(host.random(), size)
            }
        }
    } else {
        below(host.random(), size)
    };
    KeyOrder { first, size, start, pinned, store_failed }
}

/// A uniform choice below `size` from 64 random bits (the bias is under 2⁻³² for any real pool).
fn below(random: u64, size: usize) -> usize {
    ((u128::from(random) * size as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn the_choice_covers_the_whole_range_and_nothing_else() {
        assert_eq!(below(0, 4), 0);
        assert_eq!(below(u64::MAX, 4), 3);
        assert_eq!(below(u64::MAX / 2 + 1, 4), 2);
    }
}
