//! One suite for every store of pool state: it must do what `Pool::apply` does, whatever carries it.
//!
//! A store is handed in as a function that does one step and waits for its reply.

use wharf_core::store::pool::Pool;
use wharf_core::store::{Candidate, KeyId, Op, Outcome, Reply, Shard, Turn};
use wharf_core::time::Millis;

/// Where a random sequence begins; a failing step names it.
const SEEDS: u64 = 4;
/// Steps of one sequence.
const STEPS: usize = 250;

/// Runs everything. `unique` goes into the names of the shards, so that a store may be used more than once.
///
/// # Panics
/// At the first reply that is not the arithmetic's.
pub fn suite(unique: &str, mut call: impl FnMut(&Shard, &Op) -> Reply) {
    turns_are_strict(&shard(unique, "turns"), &mut call);
    health_is_kept(&shard(unique, "health"), &mut call);
    shards_are_apart(unique, &mut call);
    for seed in 1..=SEEDS {
        random_steps(&shard(unique, &format!("random-{seed}")), seed, &mut call);
    }
}

/// What another process must see after the suite's first part: for stores that outlive their process.
///
/// # Panics
/// If it is forgotten.
pub fn is_remembered(unique: &str, mut call: impl FnMut(&Shard, &Op) -> Reply) {
    let Reply::Health(health) = call(&shard(unique, "health"), &Op::Look { now: Millis(200) }) else {
        panic!("health")
    };
    assert!(health.get(&id(1)).is_some_and(|health| health.streak == 1), "the refused key: {health:?}");
    assert_eq!(call(&shard(unique, "turns"), &Op::Next { length: 3 }), Reply::Index(0), "the cursor");
}

fn shard(unique: &str, part: &str) -> Shard {
    Shard(format!("{unique}/{part}"))
}

fn id(number: u64) -> KeyId {
    format!("{:012x}", number + 0xa000).parse().expect("twelve digits")
}

fn turns_are_strict(shard: &Shard, call: &mut impl FnMut(&Shard, &Op) -> Reply) {
    for index in [0, 1, 2, 0, 1, 2] {
        assert_eq!(call(shard, &Op::Next { length: 3 }), Reply::Index(index));
    }
}

fn health_is_kept(shard: &Shard, call: &mut impl FnMut(&Shard, &Op) -> Reply) {
    let report = |key, outcome, now| Op::Report { key: id(key), model: None, outcome, now: Millis(now) };
    let lease = |now| {
        let keys = (0..3).map(|at| Candidate { id: id(at), weight: 1, out: false }).collect();
        Op::Lease { keys, model: None, turn: Turn::Strict, probe: true, now: Millis(now) }
    };
    let order = |reply| match reply {
        Reply::Lease(lease) => lease.order,
        Reply::Index(_) | Reply::Health(_) => panic!("a lease"),
    };
    assert_eq!(order(call(shard, &lease(0))), [0, 1, 2]);
    call(shard, &report(1, Outcome::Refused, 10));
    call(shard, &report(2, Outcome::Limited { wait: Some(Millis(90)) }, 10));
    assert_eq!(order(call(shard, &lease(20))), [0]);
    assert_eq!(order(call(shard, &lease(100))), [2, 0]);
    call(shard, &Op::Reset { key: id(2), now: Millis(120) });
    assert_eq!(order(call(shard, &lease(130))), [0, 2]);
}

fn shards_are_apart(unique: &str, call: &mut impl FnMut(&Shard, &Op) -> Reply) {
    let (one, other) = (shard(unique, "one"), shard(unique, "other"));
    assert_eq!(call(&one, &Op::Next { length: 2 }), Reply::Index(0));
    assert_eq!(call(&other, &Op::Next { length: 2 }), Reply::Index(0));
    assert_eq!(call(&one, &Op::Next { length: 2 }), Reply::Index(1));
}

/// The same steps through the store and through the arithmetic.
fn random_steps(shard: &Shard, seed: u64, call: &mut impl FnMut(&Shard, &Op) -> Reply) {
    let (mut dice, mut model, mut now) = (Dice(seed), Pool::default(), 50_000_000_000);
    for step in 0..STEPS {
        // Mostly moments, at times long enough for a cooling to end or a key to be forgotten.
        now += if dice.below(8) == 0 { dice.below(5_000_000) } else { dice.below(20_000) };
        // And now and then the clock is set back, by up to some days.
        if dice.below(40) == 0 {
            now -= dice.below(200_000_000);
        }
        let op = dice.op(now);
        let expected = model.apply(&op);
        let found = call(shard, &op);
        assert_eq!(found, expected, "seed {seed}, step {step}: {op:?} on {model:?}");
    }
}

/// Numbers that look random and are the same at every run: xorshift64*.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    fn op(&mut self, now: u64) -> Op {
        let now = Millis(now);
        match self.below(10) {
            0 => Op::Next { length: self.below(6) as u32 },
            1..=5 => {
                let count = 1 + self.below(5);
                let keys = (0..count).map(|at| Candidate {
                    id: id(at),
                    weight: if self.below(3) == 0 { 1 + self.below(4) as u16 } else { 1 },
                    out: self.below(6) == 0,
                });
                let keys = keys.collect();
                let random = Turn::Random((self.below(1 << 31) * 2) as u32);
                let turn = if self.below(2) == 0 { Turn::Strict } else { random };
                Op::Lease { keys, model: self.model(), turn, probe: self.below(4) > 0, now }
            }
            6..=8 => {
                let (key, model) = (id(self.below(5)), self.model());
                Op::Report { key, model, outcome: self.outcome(), now }
            }
            _ if self.below(2) == 0 => Op::Reset { key: id(self.below(5)), now },
            _ => Op::Look { now },
        }
    }

    fn model(&mut self) -> Option<String> {
        (self.below(3) == 0).then(|| format!("model-{}", self.below(70)))
    }

    fn outcome(&mut self) -> Outcome {
        match self.below(6) {
            0 => Outcome::Served,
            1 => Outcome::Limited { wait: None },
            2 => Outcome::Limited { wait: Some(Millis(self.below(100_000_000))) },
            3 => Outcome::Unpaid,
            4 => Outcome::Refused,
            _ => Outcome::Unknown,
        }
    }
}
