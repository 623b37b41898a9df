//! State in a Redis that several processes share: exact under load, whoever dies, and never the reason that a request
//! fails. Without a `redis-server` these tests say so and pass; with `WHARF_REDIS=1` they fail then.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use wharf_testkit::client::Client;
use wharf_testkit::process::{Launch, Wharf};
use wharf_testkit::redis::Redis;
use wharf_testkit::turns;
use wharf_testkit::upstream::{Recorded, Reply, Upstream};

const CALLER: &str = "caller-key-of-redis";
const KEYS: [&str; 4] = ["own-key-number-0", "own-key-number-1", "own-key-number-2", "own-key-number-3"];
const CHAT: &[u8] = br#"{"model":"openai/m","messages":[]}"#;
const POOL: &str = "wharf:1:{OPENAI_API_KEY}";

fn launch(upstream: &Upstream, state: &str) -> Launch {
    let config = json!({
        "PROXY_API_KEY": CALLER,
        "OPENAI_API_KEY": KEYS,
        "ENABLE_GLOBAL_ROUND_ROBIN": true,
        "state": state,
        "providers": {"openai": {"base_url": upstream.url("/v1")}},
    });
    Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string())
}

/// One request; an error is a connection that the gateway's death cut.
fn ask(client: &mut Client) -> Result<u16, String> {
    let headers = [("authorization", &*format!("Bearer {CALLER}"))];
    client.send_request("POST", "/v1/chat/completions", &headers, CHAT);
    client.read().map(|response| response.status).map_err(|error| format!("{error:?}"))
}

fn key_of(request: &Recorded) -> usize {
    turns::key_of(request, &KEYS)
}

fn counts(upstream: &Upstream) -> [usize; 4] {
    turns::counts(upstream, &KEYS)
}

/// `each` requests on each of `clients` connections, all at once, and all are answered.
fn flood(gateways: &[&Wharf], clients: usize, each: usize) {
    turns::flood(gateways, clients, each, |client| assert_eq!(ask(client), Ok(200)));
}

/// Refuses the last key.
fn one_dead_key() -> Upstream {
    Upstream::start(|request| match key_of(request) {
        3 => Reply::json(401, &json!({"error": {"message": "bad key"}})),
        _ => Reply::json(200, &json!({})),
    })
}

#[test]
fn a_hundred_concurrent_requests_through_two_processes_are_twenty_five_for_each_key() {
    let Some(redis) = Redis::start(&[]) else { return };
    let upstream = Upstream::echo();
    let gateways = [(); 2].map(|()| launch(&upstream, &redis.url()).start());
    flood(&[&gateways[0], &gateways[1]], 100, 1);
    assert_eq!(counts(&upstream), [25; 4]);
    assert!(!gateways[0].folder().join(".local").exists(), "no file is written");
}

#[test]
fn when_one_of_two_is_killed_the_other_goes_on_fairly_and_a_cooling_key_stays_cooling() {
    let Some(redis) = Redis::start(&[]) else { return };
    let upstream = one_dead_key();
    let first = launch(&upstream, &redis.url()).start();
    let second = launch(&upstream, &redis.url()).start();
    let mut client = Client::connect(second.address());
    // What the second learns of the key, the first goes by, and goes on to when the second is dead.
    while !redis.tell(&["HGET", POOL, "keys"]).contains("refused") {
        assert_eq!(ask(&mut client), Ok(200));
    }
    upstream.forget();
    let (survivor, victim) = (first.address(), second.address());
    let begun = upstream.wait_for("nothing", |_| true).received;
    std::thread::scope(|scope| {
        for number in 0..16 {
            scope.spawn(move || {
                let mut client = Client::connect(if number < 8 { survivor } else { victim });
                let mut left = if number < 8 { 60 } else { usize::MAX };
                while left > 0 {
                    match ask(&mut client) {
                        Ok(status) => assert_eq!(status, 200),
                        Err(_) if number >= 8 => return,
                        Err(error) => panic!("{error}"),
                    }
                    left -= 1;
                }
            });
        }
        upstream.wait_for("requests", |log| log.received >= begun + 100);
        drop(second.kill9());
    });
    let [a, b, c, dead] = counts(&upstream);
    assert_eq!(dead, 0, "it cools");
    // A request that had its key and was not sent when the process died leaves a gap, one for each client at most.
    let (least, most) = (a.min(b).min(c), a.max(b).max(c));
    assert!(most - least <= 8, "{:?}", [a, b, c]);
    upstream.forget();
    flood(&[&first], 6, 10);
    assert_eq!(counts(&upstream), [20, 20, 20, 0], "what the dead one had begun does no harm");
    // One that has only just started goes by it, too.
    upstream.forget();
    let third = launch(&upstream, &redis.url()).start();
    flood(&[&third], 3, 10);
    assert_eq!(counts(&upstream), [10, 10, 10, 0]);
}

#[test]
fn redis_stops_and_starts_under_load_and_no_request_fails() {
    let Some(mut redis) = Redis::start(&[]) else { return };
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, &redis.url()).start();
    let (address, done) = (wharf.address(), AtomicBool::new(false));
    let sent: usize = std::thread::scope(|scope| {
        let load = |_| {
            scope.spawn(|| {
                let (mut client, mut sent) = (Client::connect(address), 0);
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(ask(&mut client), Ok(200));
                    sent += 1;
                }
                sent
            })
        };
        let loads: Vec<_> = (0..8).map(load).collect();
        let more = |count: usize| {
            let from = upstream.wait_for("nothing", |_| true).received;
            upstream.wait_for("requests", |log| log.received >= from + count);
        };
        more(100);
        redis.stop();
        more(200);
        redis.again();
        wharf.wait_for_stderr("the return", |text| text.contains("it answers again"));
        more(100);
        done.store(true, Ordering::Relaxed);
        loads.into_iter().map(|load| load.join().unwrap()).sum()
    });
    upstream.forget();
    flood(&[&wharf], 10, 4);
    assert_eq!(counts(&upstream), [10; 4], "the shared cycle goes on");
    let lines = wharf.access_log(sent + 40);
    let failed = lines.iter().filter(|line| line["store_failed"] == true).count();
    assert!(failed >= 100, "without Redis {failed} requests were counted");
    assert!(lines.iter().all(|line| line["status"] == 200 && took(line) < 1_900_000), "no request waited");
    assert_eq!(wharf.stderr().matches("goes by what it knows itself").count(), 1, "{}", wharf.stderr());
}

fn took(line: &Value) -> u64 {
    line["end_us"].as_u64().unwrap()
}

#[test]
fn a_redis_that_stands_still_is_waited_for_once_and_no_request_fails() {
    let Some(redis) = Redis::start(&[]) else { return };
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, &redis.url()).start();
    flood(&[&wharf], 4, 1);
    redis.signal("STOP");
    flood(&[&wharf], 4, 25);
    redis.signal("CONT");
    wharf.wait_for_stderr("the return", |text| text.contains("it answers again"));
    let lines = wharf.access_log(104);
    let waited = lines.iter().filter(|line| took(line) > 1_000_000).count();
    // Those that were under way when it was found out: one for each client.
    assert!(waited <= 4, "{waited} requests waited");
    assert!(lines.iter().all(|line| took(line) < 4_000_000));
}

#[test]
fn one_that_is_not_there_at_start_is_a_warning_and_its_password_is_nowhere() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, "redis://someone:hush-word@127.0.0.1:1/3").start();
    flood(&[&wharf], 2, 4);
    let said = wharf.wait_for_stderr("the warning", |text| text.contains("goes by what it knows itself"));
    assert!(said.contains("WARN") && said.contains("redis://127.0.0.1:1/3"), "{said}");
    let lines = wharf.access_log(8);
    assert!(lines.iter().all(|line| line["store_failed"] == true), "{lines:?}");
    let ended = {
        wharf.term();
        wharf.wait()
    };
    assert!(!ended.stderr.contains("hush-word") && !ended.stdout.contains("hush-word"));
    assert!(!ended.stderr.contains("someone"));
}

#[test]
fn a_url_that_cannot_be_one_is_refused_without_being_shown() {
    let upstream = Upstream::echo();
    for url in ["redis://:hush-word@host:port", "rediss://:hush-word@host#insecure", "redis://:hush-word@"] {
        let ended = launch(&upstream, url).before(&["check"]).run();
        assert!(!ended.status.success(), "{url}");
        assert!(ended.stderr.contains("state") && !ended.stderr.contains("hush-word"), "{}", ended.stderr);
    }
    let ended = launch(&upstream, "rediss://:hush-word@host:1,other:2/0").before(&["check"]).run();
    assert!(ended.status.success() && !ended.stdout.contains("hush-word"), "{}", ended.stderr);
}
