//! Strict rotation over a pool's keys: fair under load, on every route, over several processes, and after a crash.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::Path;
use wharf_testkit::client::{Client, Response};
use wharf_testkit::process::{Launch, Wharf};
use wharf_testkit::turns;
use wharf_testkit::upstream::{Recorded, Reply, Upstream};

const CALLER: &str = "caller-key-of-rotation";
const KEYS: [&str; 4] = ["own-key-number-0", "own-key-number-1", "own-key-number-2", "own-key-number-3"];
const CHAT: &[u8] = br#"{"model":"openai/m","messages":[]}"#;

fn launch(upstream: &Upstream, extra: &[(&str, Value)]) -> Launch {
    let mut config = json!({
        "PROXY_API_KEY": CALLER,
        "OPENAI_API_KEY": KEYS,
        "ENABLE_GLOBAL_ROUND_ROBIN": true,
        "providers": {"openai": {"base_url": upstream.url("/v1")}},
    });
    for (name, value) in extra {
        config[*name] = value.clone();
    }
    Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string())
}

fn ask(client: &mut Client, method: &str, target: &str, body: &[u8]) -> Response {
    client.request(method, target, &[("authorization", &format!("Bearer {CALLER}"))], body)
}

/// The place of the key that a request carried.
fn key_of(request: &Recorded) -> usize {
    turns::key_of(request, &KEYS)
}

fn counts(upstream: &Upstream) -> [usize; 4] {
    turns::counts(upstream, &KEYS)
}

/// `each` requests on each of `clients` connections, all at once, and all are answered.
fn flood(gateways: &[&Wharf], clients: usize, each: usize) {
    turns::flood(gateways, clients, each, |client| {
        assert_eq!(ask(client, "POST", "/v1/chat/completions", CHAT).status, 200)
    });
}

#[test]
fn a_hundred_concurrent_requests_over_four_keys_are_twenty_five_each() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, &[]).start();
    flood(&[&wharf], 100, 1);
    assert_eq!(counts(&upstream), [25; 4]);
    assert!(wharf.folder().join(".local/state/wharf/wharf.db").is_file(), "the state is kept in a file");
}

#[test]
fn two_processes_on_one_file_share_the_cycle() {
    let upstream = Upstream::echo();
    let first = launch(&upstream, &[]).start();
    let state = first.folder().join(".local/state/wharf/wharf.db");
    let second = launch(&upstream, &[]).args(&["--state", state.to_str().unwrap()]).start();
    flood(&[&first, &second], 20, 5);
    assert_eq!(counts(&upstream), [25; 4]);
}

#[test]
fn after_a_crash_the_cycle_goes_on_where_it_was() {
    let upstream = Upstream::echo();
    let mut folder = None;
    for _ in 0..3 {
        let wharf = match folder.take() {
            None => launch(&upstream, &[]).start(),
            Some(folder) => {
                let launch = Wharf::launch(env!("CARGO_BIN_EXE_wharf")).in_folder(folder);
                launch.args(&["--config", "test.jsonc"]).start()
            }
        };
        let mut client = Client::connect(wharf.address());
        for _ in 0..33 {
            assert_eq!(ask(&mut client, "POST", "/v1/chat/completions", CHAT).status, 200);
        }
        folder = Some(wharf.kill9());
    }
    let order: Vec<usize> = upstream.requests().iter().map(key_of).collect();
    let expected: Vec<usize> = (0..99).map(|number| number % 4).collect();
    assert_eq!(order, expected, "no duplicate and no gap");
}

#[test]
fn a_crash_under_load_repeats_no_key() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, &[]).start();
    let address = wharf.address();
    let folder = std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || {
                let mut client = Client::connect(address);
                loop {
                    let headers = [("authorization", &*format!("Bearer {CALLER}"))];
                    client.send_request("POST", "/v1/chat/completions", &headers, CHAT);
                    if client.read().is_err() {
                        return;
                    }
                }
            });
        }
        upstream.wait_for("requests", |log| log.received >= 100);
        wharf.kill9()
    });
    let launch = Wharf::launch(env!("CARGO_BIN_EXE_wharf")).in_folder(folder);
    let wharf = launch.args(&["--config", "test.jsonc"]).start();
    flood(&[&wharf], 4, 10);
    let counts = counts(&upstream);
    // A request that was given its key and not yet sent when the process died leaves a gap, one for each client at most.
    let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
    assert!(most - least <= 8, "{counts:?}");
}

#[test]
fn every_route_takes_the_next_key_of_one_cycle() {
    let upstream = Upstream::start(|request| match request.path() {
        "/v1/models" => Reply::json(200, &json!({"data": [{"id": "m", "object": "model"}]})),
        _ => Reply::json(200, &json!({})),
    });
    let wharf = launch(&upstream, &[]).args(&["--workers", "1"]).start();
    let mut client = Client::connect(wharf.address());
    let routes: [(&str, &str, &[u8]); 10] = [
        ("POST", "/v1/chat/completions", CHAT),
        ("GET", "/openai/files", b""),
        ("POST", "/v1/embeddings", CHAT),
        ("GET", "/v1/models", b""),
        // From the cache: no call, so no step either.
        ("GET", "/v1/models", b""),
        ("POST", "/v1/responses", CHAT),
        ("POST", "/v1/moderations", CHAT),
        ("POST", "/v1/images/generations", CHAT),
        ("POST", "/v1/audio/speech", CHAT),
        ("POST", "/openai/chat/completions", CHAT),
    ];
    for (method, target, body) in routes {
        assert_eq!(ask(&mut client, method, target, body).status, 200, "{target}");
    }
    let order: Vec<usize> = upstream.requests().iter().map(key_of).collect();
    assert_eq!(order, [0, 1, 2, 3, 0, 1, 2, 3, 0]);
}

#[test]
fn the_steps_for_the_ai_gateway_begin_with_the_next_key() {
    let upstream = Upstream::echo();
    let gateway = [
        ("CLOUDFLARE_ACCOUNT_ID", json!("account")),
        ("AI_GATEWAY_NAME", json!("main")),
        ("ai_gateway", json!({"origin": upstream.url("/aig")})),
    ];
    let wharf = launch(&upstream, &gateway).start();
    let mut client = Client::connect(wharf.address());
    for _ in 0..3 {
        assert_eq!(ask(&mut client, "POST", "/v1/chat/completions", CHAT).status, 200);
        assert_eq!(ask(&mut client, "POST", "/", br#"{"provider":"openai","query":{}}"#).status, 200);
    }
    assert_eq!(ask(&mut client, "POST", "/key/2/v1/chat/completions", CHAT).status, 200);
    let steps = |request: &Recorded| -> Vec<usize> {
        let key = |step: &Value| KEYS.iter().position(|key| step.to_string().contains(key)).unwrap();
        request.json().as_array().unwrap().iter().map(key).collect()
    };
    let seen: Vec<Vec<usize>> = upstream.requests().iter().map(steps).collect();
    let (model, universal): (Vec<_>, Vec<_>) = seen.iter().partition(|steps| steps.len() == 4);
    assert_eq!(universal, [&[1], &[3], &[1]]);
    assert_eq!(model, [&[0, 1, 2, 3], &[2, 3, 0, 1], &[0, 1, 2, 3], &[2, 0, 1, 3]]);
}

#[test]
fn state_that_cannot_be_written_is_kept_in_memory_and_said_so() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, &[]).args(&["--state", "test.jsonc/state.db"]).start();
    let said = wharf.wait_for_stderr("the warning", |text| text.contains("start anew"));
    assert!(said.contains("warning") && said.contains("test.jsonc/state.db"), "{said}");
    flood(&[&wharf], 10, 4);
    assert_eq!(counts(&upstream), [10; 4]);
}

#[test]
fn random_choice_is_spread_over_all_keys_and_writes_nothing() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, &[("ENABLE_GLOBAL_ROUND_ROBIN", json!(false))]).start();
    flood(&[&wharf], 8, 25);
    let counts = counts(&upstream);
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    let database = Connection::open(wharf.folder().join(".local/state/wharf/wharf.db")).unwrap();
    for table in ["counters", "health"] {
        let rows = format!("SELECT count(*) FROM {table}");
        assert_eq!(database.query_row(&rows, [], |row| row.get::<_, u32>(0)).unwrap(), 0, "{table}");
    }
}

#[test]
fn one_key_needs_no_file() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, &[("OPENAI_API_KEY", json!(KEYS[0]))]).start();
    flood(&[&wharf], 2, 2);
    assert_eq!(files(wharf.folder()), ["test.jsonc"]);
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    entries.map(|name| name.to_string_lossy().into_owned()).collect()
}

#[test]
fn p1s_counters_are_carried_on() {
    let upstream = Upstream::echo();
    let folder = wharf_testkit::process::Folder::new();
    let state = folder.path().join("wharf.db");
    let database = Connection::open(&state).unwrap();
    let table = "CREATE TABLE counters (key_name TEXT PRIMARY KEY, current_index INTEGER NOT NULL DEFAULT 0)";
    database.execute(table, []).unwrap();
    database.execute("INSERT INTO counters VALUES ('OPENAI_API_KEY', 3)", []).unwrap();
    let wharf = launch(&upstream, &[]).args(&["--state", state.to_str().unwrap()]).start();
    let mut client = Client::connect(wharf.address());
    ask(&mut client, "POST", "/v1/chat/completions", CHAT);
    assert_eq!(upstream.requests().iter().map(key_of).collect::<Vec<_>>(), [3]);
    let next = "SELECT current_index FROM counters WHERE key_name = 'OPENAI_API_KEY'";
    assert_eq!(database.query_row(next, [], |row| row.get::<_, u32>(0)).unwrap(), 0);
}

#[test]
fn a_store_that_does_not_answer_falls_back_to_random_and_is_counted() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream, &[("state_timeout_ms", json!(30))]).start();
    let database = Connection::open(wharf.folder().join(".local/state/wharf/wharf.db")).unwrap();
    database.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut client = Client::connect(wharf.address());
    assert_eq!(ask(&mut client, "POST", "/v1/chat/completions", CHAT).status, 200);
    assert_eq!(ask(&mut client, "GET", "/v1/models", b"").status, 200);
    database.execute_batch("ROLLBACK").unwrap();
    for line in wharf.access_log(2) {
        assert_eq!(line["store_failed"], true, "{line}");
        assert!(
            line["end_us"].as_u64().unwrap() < 1_900_000,
            "by the configured time, not by the default: {line}"
        );
    }
}
