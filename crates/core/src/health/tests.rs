use super::*;
use crate::store::{Candidate, Turn};

const NOW: Millis = Millis(1_000_000);

fn shard() -> Shard {
    Shard("POOL".into())
}

fn id(number: u32) -> KeyId {
    format!("{number:012x}").parse().unwrap()
}

fn lease(health: &Health) -> Lease {
    let keys = (0..2).map(|at| Candidate { id: id(at), weight: 1, out: false }).collect();
    health.lease(&shard(), &Op::Lease { keys, model: None, turn: Turn::Random(0), probe: true, now: NOW })
}

#[test]
fn the_store_is_asked_at_first_and_then_once_in_a_while_by_one() {
    let health = Health::default();
    let glance = |at| health.glance(&shard(), Millis(10), Millis(at));
    assert_eq!(glance(0), Glance { sound: true, unknown: true, stale: true });
    assert_eq!(glance(9), Glance { sound: true, unknown: false, stale: false });
    assert!(glance(10).stale && !glance(10).stale);
}

#[test]
fn a_clock_that_steps_back_keeps_nothing_for_longer_than_it_may() {
    let health = Health::default();
    let later = Millis(NOW.0 * 1_000_000);
    health.glance(&shard(), Millis(10), later);
    health.report(&shard(), id(0), None, Outcome::Refused, later);
    assert!(health.glance(&shard(), Millis(10), NOW).stale, "what was asked then is old");
    assert_eq!(health.of(&shard(), id(0)).unwrap().until, NOW + crate::store::LONGEST);
    assert!(!health.report(&shard(), id(0), None, Outcome::Refused, NOW + Millis(1)), "it cools");
}

#[test]
fn what_is_learnt_here_holds_at_once_and_what_others_learnt_is_taken_over() {
    let health = Health::default();
    assert!(health.report(&shard(), id(0), None, Outcome::Refused, NOW));
    assert!(!health.report(&shard(), id(0), None, Outcome::Refused, NOW), "the same again is no news");
    assert!(!health.report(&shard(), id(1), None, Outcome::Served, NOW), "nor is health");
    assert_eq!(lease(&health).order, [1]);
    let mut other = Pool::default();
    other.apply(&Op::Report { key: id(1), model: None, outcome: Outcome::Unpaid, now: NOW });
    health.absorb(&shard(), other.keys, NOW);
    assert!(lease(&health).order.is_empty());
    health.reset(&shard(), id(0), NOW + Millis(1));
    assert_eq!(lease(&health).order, [0]);
    assert!(!health.glance(&shard(), Millis(10), NOW).sound);
}

#[test]
fn calls_under_way_are_counted_until_they_are_over() {
    let health = Arc::new(Health::default());
    let one = health.occupy(&shard(), id(0));
    let two = health.occupy(&shard(), id(0));
    assert_eq!(health.busy(&shard(), id(0)), 2);
    drop(one);
    assert_eq!((health.busy(&shard(), id(0)), health.busy(&shard(), id(1))), (1, 0));
    drop(two);
    assert_eq!(health.busy(&shard(), id(0)), 0);
    let target = ("openai".to_owned(), "m".to_owned());
    let busy = health.occupy_target(&target);
    assert_eq!(health.targets.busy(&target), 1);
    drop(busy);
    assert_eq!(health.targets.busy(&target), 0);
}

#[test]
fn a_probe_that_the_store_denies_leaves_no_mark_that_outlives_the_others() {
    let (health, mut store) = (Health::default(), Pool::default());
    let refused = Op::Report { key: id(0), model: None, outcome: Outcome::Refused, now: Millis(0) };
    store.apply(&refused);
    health.absorb(&shard(), store.keys.clone(), Millis(0));
    health.report(&shard(), id(1), None, Outcome::Limited { wait: None }, NOW);
    assert!(lease(&health).probe);
    health.yields(&shard(), id(0));
    health.absorb(&shard(), store.keys, NOW);
    assert!(lease(&health).probe, "the other's is over");
}
