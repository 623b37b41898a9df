//! The arithmetic of a key pool: pure functions of state and op. Atomicity is the store's.

use super::{Op, Reply};
use serde::{Deserialize, Serialize};

/// What is kept of one pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The index that the next call gets.
    pub next: u32,
}

impl Pool {
    /// Does one step and says what it gave.
    ///
    /// A pool that shrank starts again at 0, as P1 does; a pool of none or one is always 0 and moves nothing.
    pub fn apply(&mut self, op: &Op) -> Reply {
        match *op {
            Op::Next { length } if length <= 1 => Reply::Index(0),
            Op::Next { length } => {
                let index = if self.next >= length { 0 } else { self.next };
                self.next = (index + 1) % length;
                Reply::Index(index)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(pool: &mut Pool, length: u32) -> u32 {
        let Reply::Index(index) = pool.apply(&Op::Next { length });
        index
    }

    #[test]
    fn keys_are_handed_out_in_turn_and_a_shrunken_pool_starts_again() {
        let mut pool = Pool::default();
        assert_eq!((0..5).map(|_| take(&mut pool, 3)).collect::<Vec<_>>(), [0, 1, 2, 0, 1]);
        assert_eq!(take(&mut pool, 2), 0);
        assert_eq!(take(&mut pool, 1), 0);
        assert_eq!(take(&mut pool, 2), 1);
    }
}
