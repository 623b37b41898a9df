//! Which key of a pool goes first, and in which order the others follow. The rotation's cursor is the store's.

use crate::host::Host;
use crate::selector::Selector;
use crate::store::{Op, Reply};
use crate::table::{KeyPool, Table};

/// The keys that a call may use, first choice first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOrder {
    /// Places in the pool; empty: the provider has no key.
    pub indices: Vec<usize>,
    /// The caller named one key: it does not give way to others.
    pub pinned: bool,
    /// Strict rotation was asked for and the store gave no answer.
    pub store_failed: bool,
}

/// Orders the keys: strictly in turn if so configured, else from a random start.
pub async fn order<H: Host>(host: &H, table: &Table, pool: &KeyPool, selector: Option<Selector>) -> KeyOrder {
    let length = pool.keys.len();
    let pinned = matches!(selector, Some(Selector::One(_)));
    if length <= 1 {
        return KeyOrder { indices: (0..length).collect(), pinned, store_failed: false };
    }
    let (first, last) = selector.unwrap_or(Selector::All).bounds(length);
    let size = last - first + 1;
    let mut store_failed = false;
    let start = if size == 1 {
        0
    } else if table.round_robin && size == length {
        match host.call(&pool.shard, Op::Next { length: length as u32 }).await {
            Ok(Reply::Index(index)) => index as usize % size,
            Err(_) => {
                store_failed = true;
                below(host.random(), size)
            }
        }
    } else {
        below(host.random(), size)
    };
    KeyOrder { indices: (0..size).map(|step| first + (start + step) % size).collect(), pinned, store_failed }
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
