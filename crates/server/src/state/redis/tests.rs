use super::*;
use crate::clock;
use std::future::Future;
use wharf_core::secret::Secret;
use wharf_core::store::pool::Pool;
use wharf_core::store::{Candidate, KeyId, Outcome, Turn};
use wharf_core::time::Millis;
use wharf_testkit::redis::Redis as Server;
use wharf_testkit::{PATIENCE, store};

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// A process's store, connected.
fn open(url: &str, patience: Duration) -> Arc<Redis> {
    let Ok(address) = Address::parse(&Secret::new(url)) else { panic!("the URL") };
    let redis = Redis::start(address, None, patience).unwrap();
    await_link(&redis, true);
    redis
}

/// Waits until the link is up, or down.
fn await_link(redis: &Redis, up: bool) {
    block(async {
        let mut link = redis.link.subscribe();
        let come = link.wait_for(|link| matches!(link, Link::Up(..)) == up);
        timeout(PATIENCE, come).await.expect("the link changes").unwrap();
    });
}

fn call(redis: &Redis, shard: &Shard, op: &Op) -> Reply {
    block(redis.call(shard, op.clone())).unwrap()
}

fn id(number: u64) -> KeyId {
    format!("{number:012x}").parse().unwrap()
}

fn strict(keys: u64, now: u64) -> Op {
    let keys = (0..keys).map(|at| Candidate { id: id(at), weight: 1, out: false }).collect();
    Op::Lease { keys, model: None, turn: Turn::Strict, probe: true, now: Millis(now) }
}

fn refused(key: u64, now: u64) -> Op {
    Op::Report { key: id(key), model: None, outcome: Outcome::Refused, now: Millis(now) }
}

fn shard() -> Shard {
    Shard("OPENAI_API_KEY".into())
}

#[test]
fn it_does_what_the_arithmetic_does_and_remembers_it() {
    let Some(server) = Server::start(&[]) else { return };
    let redis = open(&server.url(), PATIENCE);
    store::suite("redis", |shard, op| call(&redis, shard, op));
    let other = open(&server.url(), PATIENCE);
    store::is_remembered("redis", |shard, op| call(&other, shard, op));
    // A server that has forgotten its scripts is told anew.
    server.tell(&["SCRIPT", "FLUSH"]);
    store::suite("flushed", |shard, op| call(&redis, shard, op));
}

#[test]
fn a_cluster_does_the_same_and_comes_back() {
    let Some(mut nodes) = Server::cluster() else { return };
    let redis = open(&nodes[0].url(), PATIENCE);
    let link = redis.link.borrow().clone();
    assert!(matches!(link, Link::Up(Connection::Cluster(_), _)), "it was seen to be one");
    // The pools of the suite lie on all three.
    store::suite("cluster", |shard, op| call(&redis, shard, op));
    let held = |node: &Server| node.tell(&["DBSIZE"]) != ":0";
    assert!(nodes.iter().all(held), "each node has pools");
    // One node less: a store of which a part is away is away.
    let redis = open(&nodes[0].url(), Duration::from_secs(1));
    nodes[2].stop();
    let on_third = (0..).map(|at| Shard(format!("pool {at}"))).find(|shard| {
        let key = script::key(shard);
        let slot = nodes[0].tell(&["CLUSTER", "KEYSLOT", &key]);
        slot.trim_start_matches(':').parse::<u16>().unwrap() >= 10_924
    });
    let shard = on_third.unwrap();
    block(redis.call(&shard, Op::Next { length: 3 })).unwrap_err();
    await_link(&redis, false);
    nodes[2].again();
    await_link(&redis, true);
    assert_eq!(call(&redis, &shard, &Op::Next { length: 3 }), Reply::Index(0));
}

#[test]
fn names_that_do_not_fit_are_forgotten_in_the_same_order() {
    let Some(server) = Server::start(&[]) else { return };
    let redis = open(&server.url(), PATIENCE);
    let mut pool = Pool::default();
    // Many at one time: then the name decides, by bytes, whatever the letters are.
    for step in 0..160_u64 {
        let letter = ["a", "B", "é", "_", "b", "A", "ü", "Z"][(step % 8) as usize];
        let model = Some(format!("{letter}\"\\{}", (step * 37) % 131));
        let outcome = Outcome::Limited { wait: Some(Millis(1_000_000 + step % 3)) };
        let op = Op::Report { key: id(1), model, outcome, now: Millis(1_700_000_000_000) };
        assert_eq!(call(&redis, &shard(), &op), pool.apply(&op), "step {step}");
    }
}

#[test]
fn weights_and_extremes_are_the_same() {
    let Some(server) = Server::start(&[]) else { return };
    let redis = open(&server.url(), PATIENCE);
    let mut pool = Pool::default();
    let keys: Vec<Candidate> = [0, 1, 7, 65_535, 3]
        .iter()
        .enumerate()
        .map(|(at, weight)| Candidate { id: id(at as u64), weight: *weight, out: at == 1 })
        .collect();
    for step in 0..300_u32 {
        let random = step.wrapping_mul(2_654_435_761).wrapping_sub(1);
        for turn in [Turn::Strict, Turn::Random(random), Turn::Random(u32::MAX)] {
            let (keys, now) = (keys.clone(), Millis(1_700_000_000_000));
            let op = Op::Lease { keys, model: None, turn, probe: true, now };
            assert_eq!(call(&redis, &shard(), &op), pool.apply(&op), "step {step}, {turn:?}");
        }
    }
    let nobody = Op::Lease { keys: vec![], model: None, turn: Turn::Strict, probe: true, now: Millis(1) };
    for op in [nobody, Op::Next { length: 0 }, Op::Next { length: u32::MAX }, Op::Next { length: u32::MAX }] {
        assert_eq!(call(&redis, &shard(), &op), pool.apply(&op), "{op:?}");
    }
    for wait in [Some(Millis(u64::MAX)), Some(Millis(0)), None] {
        let now = Millis(1_700_000_000_000);
        let op = Op::Report { key: id(3), model: None, outcome: Outcome::Limited { wait }, now };
        assert_eq!(call(&redis, &shard(), &op), pool.apply(&op), "{op:?}");
    }
}

#[test]
fn health_that_cannot_be_read_is_forgotten() {
    let Some(server) = Server::start(&[]) else { return };
    let redis = open(&server.url(), PATIENCE);
    for text in [
        "[1]",
        "{",
        "7",
        "{\"x\":{}}",
        "{\"00000000000a\":{\"until\":\"soon\"}}",
        "{\"00000000000a\":{\"why\":\"hm\"}}",
    ] {
        server.tell(&["HSET", &script::key(&shard()), "keys", text]);
        assert_eq!(
            call(&redis, &shard(), &Op::Look { now: Millis(0) }),
            Reply::Health(Default::default()),
            "{text}"
        );
    }
    call(&redis, &shard(), &refused(1, 1000));
    assert!(
        matches!(call(&redis, &shard(), &Op::Look { now: Millis(0) }), Reply::Health(keys) if keys.len() == 1)
    );
}

#[test]
fn a_hundred_leases_of_two_processes_are_twenty_five_for_each_key() {
    let Some(server) = Server::start(&[]) else { return };
    let taken = std::thread::scope(|scope| {
        let process = || {
            scope.spawn(|| {
                let redis = open(&server.url(), PATIENCE);
                block(async {
                    let leases = (0..50).map(|_| {
                        let redis = redis.clone();
                        tokio::spawn(async move { redis.call(&shard(), strict(4, 1000)).await })
                    });
                    let mut taken = [0; 4];
                    for lease in leases.collect::<Vec<_>>() {
                        let Ok(Ok(Reply::Lease(lease))) = lease.await else { panic!("a lease") };
                        taken[lease.order[0] as usize] += 1;
                    }
                    taken
                })
            })
        };
        let both = [process(), process()];
        both.map(|process| process.join().unwrap())
    });
    let sum: Vec<i32> = (0..4).map(|at| taken[0][at] + taken[1][at]).collect();
    assert_eq!(sum, [25; 4], "{taken:?}");
}

#[test]
fn one_that_stands_still_is_waited_for_once() {
    let Some(server) = Server::start(&[]) else { return };
    let patience = Duration::from_secs(1);
    let redis = open(&server.url(), patience);
    server.signal("STOP");
    // All that were under way, and all that come after.
    let begin = clock::micros();
    block(async {
        let calls = (0..20).map(|_| {
            let redis = redis.clone();
            tokio::spawn(async move { redis.call(&shard(), strict(4, 1000)).await })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap().unwrap_err();
        }
        for _ in 0..200 {
            redis.call(&shard(), strict(4, 1000)).await.unwrap_err();
        }
    });
    let took = Duration::from_micros(clock::micros() - begin);
    assert!(took < 4 * patience, "{took:?} for one wait of {patience:?}");
    server.signal("CONT");
    await_link(&redis, true);
    assert!(matches!(call(&redis, &shard(), &strict(4, 1000)), Reply::Lease(_)));
}

#[test]
fn what_was_learnt_while_it_was_away_is_told_when_it_is_back() {
    let Some(mut server) = Server::start(&[]) else { return };
    let redis = open(&server.url(), PATIENCE);
    server.stop();
    block(redis.call(&shard(), refused(2, 1000))).unwrap_err();
    // Nobody asks, and still it is noticed.
    await_link(&redis, false);
    server.again();
    let other = open(&server.url(), PATIENCE);
    await_link(&redis, true);
    let Reply::Lease(lease) = call(&other, &shard(), &strict(4, 2000)) else { panic!("a lease") };
    assert_eq!(lease.order, [0, 1, 3]);
}

#[test]
fn a_server_that_is_not_there_costs_nothing_and_its_password_is_not_said() {
    let Some(server) = Server::start(&["--requirepass", "right-word"]) else { return };
    let url = |word: &str| format!("redis://:{word}@127.0.0.1:{}", server.port());
    let Ok(address) = Address::parse(&Secret::new(url("wrong-word"))) else { panic!("the URL") };
    let redis = Redis::start(address, None, PATIENCE).unwrap();
    block(redis.tried());
    let Link::Down(why, _) = redis.link.borrow().clone() else { panic!("the password is wrong") };
    assert!(!why.is_empty() && !why.contains("wrong-word"), "{why}");
    assert_eq!(block(redis.call(&shard(), Op::Look { now: Millis(0) })), Err(StoreError::Failed));
    assert!(!redis.place().contains("word"), "{}", redis.place());
    let redis = open(&url("right-word"), PATIENCE);
    assert_eq!(call(&redis, &shard(), &Op::Look { now: Millis(0) }), Reply::Health(Default::default()));
}

#[test]
fn of_several_servers_the_first_that_takes_writes_is_used() {
    let Some(first) = Server::start(&[]) else { return };
    let Some(second) = Server::start(&[]) else { return };
    let (one, two) = (first.port().to_string(), second.port().to_string());
    first.tell(&["REPLICAOF", "127.0.0.1", &two]);
    let redis = open(&format!("redis://127.0.0.1:{one},127.0.0.1:{two}"), PATIENCE);
    call(&redis, &shard(), &Op::Next { length: 3 });
    assert_eq!(second.tell(&["HGET", &script::key(&shard()), "next"]), "1");
}

/// A server with a certificate that an authority of the test's own has signed.
#[test]
fn with_tls_its_certificate_is_checked() {
    let authority = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = params.self_signed(&authority).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::from_params(&params, &authority);
    let own =
        rcgen::CertificateParams::new(vec!["127.0.0.1".into()]).unwrap().signed_by(&key, &issuer).unwrap();
    let folder = wharf_testkit::process::Folder::new();
    folder.write("own.pem", &own.pem());
    folder.write("key.pem", &key.serialize_pem());
    folder.write("root.pem", &root.pem());
    let options = [
        "--tls-cert-file",
        "own.pem",
        "--tls-key-file",
        "key.pem",
        "--tls-ca-cert-file",
        "root.pem",
        "--tls-auth-clients",
        "no",
    ];
    let Some(server) = Server::start_in(folder, &options) else { return };
    let url = Secret::new(format!("rediss://127.0.0.1:{}", server.port()));
    let connect = |roots: &[rustls_pki_types::CertificateDer<'_>]| {
        let Ok(address) = Address::parse(&url) else { panic!("the URL") };
        let redis = Redis::start(address, pem(roots), PATIENCE).unwrap();
        block(redis.tried());
        redis
    };
    let redis = connect(&[root.der().clone()]);
    assert_eq!(call(&redis, &shard(), &Op::Look { now: Millis(0) }), Reply::Health(Default::default()));
    let redis = connect(&[]);
    let link = redis.link.borrow().clone();
    assert!(matches!(link, Link::Down(..)), "nobody vouches for it");
}
