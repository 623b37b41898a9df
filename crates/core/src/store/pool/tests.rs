use super::*;
use crate::secret::Secret;
use crate::store::{Candidate, LONGEST, LONGEST_HINT, Lease, Outcome, REMEMBERED, Standing, Turn, Why};
use proptest::prelude::*;

fn id(number: u32) -> KeyId {
    format!("{number:012x}").parse().unwrap()
}

fn keys(count: u32) -> Vec<Candidate> {
    (0..count).map(|number| Candidate { id: id(number), weight: 1, out: false }).collect()
}

fn take(pool: &mut Pool, length: u32) -> u32 {
    let Reply::Index(index) = pool.apply(&Op::Next { length }) else { panic!("an index") };
    index
}

fn lease_of(pool: &mut Pool, keys: &[Candidate], model: Option<&str>, turn: Turn, now: u64) -> Lease {
    let (keys, model) = (keys.to_vec(), model.map(str::to_owned));
    let op = Op::Lease { keys, model, turn, probe: true, now: Millis(now) };
    let Reply::Lease(lease) = pool.apply(&op) else { panic!("a lease") };
    lease
}

fn strict(pool: &mut Pool, count: u32, now: u64) -> Lease {
    lease_of(pool, &keys(count), None, Turn::Strict, now)
}

fn report(pool: &mut Pool, key: u32, outcome: Outcome, now: u64) {
    pool.apply(&Op::Report { key: id(key), model: None, outcome, now: Millis(now) });
}

const LIMITED: Outcome = Outcome::Limited { wait: None };

#[test]
fn keys_are_handed_out_in_turn_and_a_shrunken_pool_starts_again() {
    let mut pool = Pool::default();
    assert_eq!((0..5).map(|_| take(&mut pool, 3)).collect::<Vec<_>>(), [0, 1, 2, 0, 1]);
    assert_eq!(take(&mut pool, 2), 0);
    assert_eq!(take(&mut pool, 1), 0);
    assert_eq!(take(&mut pool, 2), 1);
}

#[test]
fn a_strict_lease_turns_as_the_bare_cursor_does() {
    let mut pool = Pool::default();
    assert_eq!(strict(&mut pool, 3, 0).order, [0, 1, 2]);
    assert_eq!(take(&mut pool, 3), 1);
    assert_eq!(strict(&mut pool, 3, 0).order, [2, 0, 1]);
    assert_eq!(strict(&mut pool, 2, 0).order, [0, 1]);
}

#[test]
fn a_limited_key_is_passed_over_for_thirty_seconds_or_as_long_as_was_said() {
    let mut pool = Pool::default();
    report(&mut pool, 1, LIMITED, 1_000);
    report(&mut pool, 2, Outcome::Limited { wait: Some(Millis(500)) }, 1_000);
    assert_eq!(strict(&mut pool, 3, 1_499).order, [0]);
    assert_eq!(strict(&mut pool, 3, 1_500).order, [2, 0]);
    assert_eq!(strict(&mut pool, 3, 30_999).order, [0, 2]);
    let lease = strict(&mut pool, 3, 31_000);
    assert_eq!((lease.order, lease.probe), (vec![1, 2, 0], false));
}

#[test]
fn a_refused_key_cools_for_five_minutes_then_one_probe_heals_or_doubles() {
    let mut pool = Pool::default();
    report(&mut pool, 0, Outcome::Refused, 0);
    report(&mut pool, 0, Outcome::Refused, 10);
    assert_eq!(strict(&mut pool, 2, 299_999).order, [1]);
    let probe = strict(&mut pool, 2, 300_000);
    assert_eq!((probe.order, probe.probe), (vec![0, 1], true));
    let next = strict(&mut pool, 2, 300_000);
    assert_eq!((next.order, next.probe), (vec![1], false));
    assert_eq!(strict(&mut pool, 2, 300_000).order, [1], "one probe at a time");
    report(&mut pool, 0, Outcome::Refused, 300_100);
    assert_eq!(pool.keys[&id(0)].until, Millis(900_100), "doubled");
    let wait = strict(&mut pool, 1, 300_200).wait.unwrap();
    assert_eq!((wait.key, wait.until, wait.limited), (0, Millis(900_100), false));
    assert!(strict(&mut pool, 1, 900_100).probe);
    report(&mut pool, 0, Outcome::Unknown, 900_200);
    assert!(strict(&mut pool, 1, 900_200).probe, "a probe that told nothing is followed by another");
    report(&mut pool, 0, Outcome::Served, 900_300);
    let healed = strict(&mut pool, 1, 900_300);
    assert_eq!((healed.order, healed.probe), (vec![0], false));
}

#[test]
fn a_probe_that_nobody_reports_is_over_after_a_minute() {
    let mut pool = Pool::default();
    report(&mut pool, 0, Outcome::Unpaid, 0);
    assert_eq!(pool.keys[&id(0)].why, Some(Why::Unpaid));
    assert!(strict(&mut pool, 1, 300_000).probe);
    assert!(strict(&mut pool, 1, 359_999).order.is_empty());
    assert!(strict(&mut pool, 1, 360_000).probe);
}

#[test]
fn a_refused_key_that_nobody_asks_for_any_more_is_forgotten_in_the_end() {
    let mut pool = Pool::default();
    report(&mut pool, 0, Outcome::Refused, 0);
    let day = 86_400_000;
    report(&mut pool, 1, LIMITED, 2 * day);
    assert_eq!(pool.keys.len(), 2);
    report(&mut pool, 1, LIMITED, 2 * day + 1);
    assert_eq!(pool.keys.keys().copied().collect::<Vec<_>>(), [id(1)]);
}

#[test]
fn a_limit_for_one_model_leaves_the_others() {
    let mut pool = Pool::default();
    let model = Some("m".to_owned());
    pool.apply(&Op::Report { key: id(0), model, outcome: LIMITED, now: Millis(0) });
    let (keys, turn) = (keys(1), Turn::Random(0));
    assert_eq!(lease_of(&mut pool, &keys, Some("other"), turn, 1).order, [0]);
    let wait = lease_of(&mut pool, &keys, Some("m"), turn, 1).wait.unwrap();
    assert_eq!((wait.until, wait.limited), (Millis(30_000), true));
    assert_eq!(lease_of(&mut pool, &keys, Some("m"), turn, 30_000).order, [0]);
}

#[test]
fn a_limit_for_one_model_ends_none_that_runs_for_all() {
    let mut pool = Pool::default();
    report(&mut pool, 0, LIMITED, 0);
    let model = Some("m".to_owned());
    let outcome = Outcome::Limited { wait: Some(Millis(5)) };
    pool.apply(&Op::Report { key: id(0), model: model.clone(), outcome, now: Millis(10) });
    let wait = strict(&mut pool, 1, 20).wait.unwrap();
    assert_eq!((wait.until, wait.limited), (Millis(30_000), true));
    pool.apply(&Op::Report { key: id(0), model, outcome, now: Millis(30_000) });
    assert_eq!(pool.keys[&id(0)].why, None, "it is over");
}

#[test]
fn waiting_is_for_a_limit_only_if_every_key_waits_for_one() {
    let mut pool = Pool::default();
    report(&mut pool, 0, LIMITED, 0);
    report(&mut pool, 1, Outcome::Limited { wait: Some(Millis(7)) }, 0);
    let wait = strict(&mut pool, 2, 1).wait.unwrap();
    assert_eq!((wait.key, wait.until, wait.limited), (1, Millis(7), true));
    report(&mut pool, 2, Outcome::Refused, 0);
    let wait = strict(&mut pool, 3, 1).wait.unwrap();
    assert_eq!((wait.key, wait.limited), (1, false));
}

#[test]
fn weights_are_shares_of_the_turns() {
    let mut pool = Pool::default();
    let mut keys = keys(3);
    keys[0].weight = 3;
    keys[2].weight = 2;
    let turns: Vec<u32> =
        (0..12).map(|_| lease_of(&mut pool, &keys, None, Turn::Strict, 0).order[0]).collect();
    assert_eq!(turns, [0, 1, 2, 0, 2, 0, 0, 1, 2, 0, 2, 0]);
    let mut counts = [0; 3];
    for step in 0..600 {
        let random = Turn::Random(step * 7_158_279);
        counts[lease_of(&mut pool, &keys, None, random, 0).order[0] as usize] += 1;
    }
    assert_eq!(counts, [300, 100, 200]);
}

#[test]
fn a_key_that_is_out_is_never_leased_and_waits_for_nothing() {
    let mut pool = Pool::default();
    let mut keys = keys(2);
    keys[0].out = true;
    assert_eq!(lease_of(&mut pool, &keys, None, Turn::Strict, 0).order, [1]);
    keys[1].out = true;
    assert_eq!(lease_of(&mut pool, &keys, None, Turn::Random(1), 0), Lease::default());
}

#[test]
fn a_clock_that_steps_back_makes_nothing_last_longer_than_it_may() {
    let (year, mut pool) = (31_536_000_000, Pool::default());
    report(&mut pool, 0, Outcome::Refused, year);
    report(&mut pool, 1, LIMITED, year);
    report(&mut pool, 2, Outcome::Refused, year);
    assert!(lease_of(&mut pool, &keys(3)[2..], None, Turn::Strict, year + 300_000).probe);
    let model = Some("m".to_owned());
    pool.apply(&Op::Report { key: id(3), model, outcome: LIMITED, now: Millis(year) });
    pool.apply(&Op::Reset { key: id(4), now: Millis(year) });
    let other = pool.keys.clone();
    // The first look after the step: whoever looks.
    for op in [
        Op::Look { now: Millis(1) },
        Op::Lease { keys: keys(4), model: None, turn: Turn::Strict, probe: true, now: Millis(1) },
        Op::Report { key: id(1), model: None, outcome: Outcome::Unknown, now: Millis(1) },
        Op::Reset { key: id(7), now: Millis(1) },
    ] {
        let mut pool = pool.clone();
        pool.apply(&op);
        assert_eq!(pool.keys[&id(0)].until, Millis(1) + LONGEST, "{op:?}");
        assert_eq!(pool.keys[&id(1)].until, Millis(1) + LONGEST_HINT);
        assert_eq!(pool.keys[&id(2)].probe, Millis(1) + crate::store::PROBE);
        assert_eq!(pool.keys[&id(3)].models["m"], Millis(1) + LONGEST_HINT);
        pool.apply(&Op::Look { now: Millis(2) });
        assert_eq!(pool.keys[&id(0)].until, Millis(1) + LONGEST, "once");
        assert_eq!(pool.keys[&id(4)].at, Millis(1), "nothing is held against it");
        let mut others = Pool::default();
        report(&mut others, 4, Outcome::Refused, 2);
        pool.absorb(others.keys, Millis(2));
        assert_eq!(pool.keys[&id(4)].streak, 1, "what others learn by the new clock is taken over");
        let probe = lease_of(&mut pool, &keys(1), None, Turn::Strict, 1 + LONGEST.0);
        assert!(probe.probe);
        report(&mut pool, 0, Outcome::Served, 2 + LONGEST.0);
        assert_eq!(pool.keys[&id(0)].at, Millis(2 + LONGEST.0), "the later word is told by the new clock");
    }
    pool.apply(&Op::Look { now: Millis(1) });
    pool.absorb(BTreeMap::default(), Millis(1) + REMEMBERED);
    assert!(pool.keys.contains_key(&id(4)), "it is remembered for as long as it may be");
    pool.absorb(BTreeMap::default(), Millis(2) + REMEMBERED);
    assert!(!pool.keys.contains_key(&id(4)), "and no longer");
    let mut late = Pool::default();
    late.absorb(other, Millis(1));
    assert_eq!(late.keys[&id(0)].until, Millis(1) + LONGEST);
}

#[test]
fn a_call_that_may_not_probe_waits_instead() {
    let mut pool = Pool::default();
    report(&mut pool, 0, Outcome::Refused, 0);
    let now = Millis(400_000);
    let op = Op::Lease { keys: keys(1), model: None, turn: Turn::Random(0), probe: false, now };
    let Reply::Lease(lease) = pool.apply(&op) else { panic!("a lease") };
    assert_eq!((lease.order, lease.wait.unwrap().until), (vec![], now));
}

#[test]
fn a_reset_clears_and_the_later_word_holds() {
    let mut pool = Pool::default();
    report(&mut pool, 0, Outcome::Refused, 0);
    let old = pool.keys.clone();
    let Reply::Health(health) = pool.apply(&Op::Reset { key: id(0), now: Millis(5) }) else {
        panic!("health")
    };
    assert_eq!(health[&id(0)].standing(None, Millis(5)), Standing::Ready);
    pool.absorb(old, Millis(6));
    assert_eq!(strict(&mut pool, 1, 6).order, [0]);
    let mut other = Pool::default();
    report(&mut other, 0, LIMITED, 7);
    pool.absorb(other.keys, Millis(8));
    assert!(strict(&mut pool, 1, 8).order.is_empty());
}

#[test]
fn the_encoding_is_short_and_stays() {
    let mut pool = Pool::default();
    assert_eq!(serde_json::to_string(&pool).unwrap(), r#"{"next":0}"#);
    report(&mut pool, 0, Outcome::Refused, 1_000);
    let text = r#"{"next":0,"keys":{"000000000000":{"until":301000,"why":"refused","streak":1,"at":1000}}}"#;
    assert_eq!(serde_json::to_string(&pool).unwrap(), text);
    assert_eq!(serde_json::from_str::<Pool>(text).unwrap(), pool);
    let (keys, model) = (keys(1), Some("m".into()));
    let op = Op::Lease { keys, model, turn: Turn::Random(7), probe: true, now: Millis(9) };
    assert_eq!(
        serde_json::to_string(&op).unwrap(),
        r#"{"lease":{"keys":[{"id":"000000000000"}],"model":"m","turn":{"random":7},"probe":true,"now":9}}"#
    );
    assert_eq!(
        serde_json::to_string(&pool.apply(&op)).unwrap(),
        r#"{"lease":{"order":[],"wait":{"key":0,"until":301000,"limited":false}}}"#
    );
}

#[test]
fn a_fingerprint_is_the_start_of_the_digest() {
    // `printf sk-1 | sha256sum`
    assert_eq!(KeyId::of(&Secret::new("sk-1")).to_string(), "0f2c10bf3d12");
    assert!("12345".parse::<KeyId>().is_err() && "+0000000000f".parse::<KeyId>().is_err());
}

#[test]
fn what_callers_can_fill_has_an_end() {
    let mut pool = Pool::default();
    for number in 0..1000 {
        let model = Some(format!("model-{number}"));
        let wait = Some(Millis(100_000));
        pool.apply(&Op::Report {
            key: id(0),
            model,
            outcome: Outcome::Limited { wait },
            now: Millis(number),
        });
    }
    let health = &pool.keys[&id(0)];
    assert_eq!(health.models.len(), 64);
    assert!(health.models.contains_key("model-999"));
    report(&mut pool, 1, LIMITED, 50_000_000);
    assert_eq!(pool.keys.len(), 1, "what is over for long is forgotten");
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Served),
        (0..200_000_000_u64).prop_map(|wait| Outcome::Limited { wait: Some(Millis(wait)) }),
        Just(LIMITED),
        Just(Outcome::Unpaid),
        Just(Outcome::Refused),
        Just(Outcome::Unknown),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Calls, outcomes and time in any order: no key that cools is used but as the one probe, and none cools for longer
    /// than it may.
    #[test]
    fn a_cooling_key_is_used_by_nobody_but_one_probe(
        steps in proptest::collection::vec((0..4_u32, outcome(), 0..400_000_u64, any::<u32>(), any::<bool>()), 1..60)
    ) {
        let mut pool = Pool::default();
        let mut now = 1_000_u64;
        let mut probing: BTreeMap<u32, u64> = BTreeMap::new();
        for (key, outcome, passed, random, is_strict) in steps {
            now += passed;
            let before = pool.clone();
            let turn = if is_strict { Turn::Strict } else { Turn::Random(random) };
            let lease = lease_of(&mut pool, &keys(4), None, turn, now);
            for (place, used) in lease.order.iter().enumerate() {
                let standing = before.keys.get(&id(*used)).map(|health| health.standing(None, Millis(now)));
                let probe = place == 0 && lease.probe;
                prop_assert_eq!(standing.unwrap_or(Standing::Ready), if probe { Standing::Due } else { Standing::Ready });
                if probe {
                    prop_assert!(probing.get(used).is_none_or(|until| *until <= now), "two probes");
                    probing.insert(*used, now + crate::store::PROBE.0);
                }
            }
            report(&mut pool, key, outcome, now);
            if outcome != Outcome::Served || pool.keys.get(&id(key)).is_some_and(|health| health.probe.0 == 0) {
                probing.remove(&key);
            }
            for health in pool.keys.values() {
                let left = health.until.since(Millis(now));
                let cap = if health.why == Some(Why::Limited) { LONGEST_HINT } else { LONGEST };
                prop_assert!(left <= cap);
            }
        }
    }

    /// Over the keys that are healthy throughout, strict rotation is fair within one.
    #[test]
    fn rotation_is_fair_over_healthy_keys(count in 2..9_u32, sick in any::<u16>(), start in 0..9_u32, calls in 1..80_usize) {
        let mut pool = Pool { next: start, ..Pool::default() };
        let healthy: Vec<u32> = (0..count).filter(|key| sick & (1 << key) == 0).collect();
        for key in (0..count).filter(|key| !healthy.contains(key)) {
            report(&mut pool, key, Outcome::Refused, 0);
        }
        let mut counts = BTreeMap::new();
        for _ in 0..calls {
            match strict(&mut pool, count, 10).order.first() {
                Some(first) => *counts.entry(*first).or_insert(0_usize) += 1,
                None => prop_assert!(healthy.is_empty()),
            }
        }
        let of = |key: &u32| counts.get(key).copied().unwrap_or_default();
        let (least, most) = (healthy.iter().map(of).min(), healthy.iter().map(of).max());
        prop_assert!(most.unwrap_or_default() - least.unwrap_or_default() <= 1);
    }
}
