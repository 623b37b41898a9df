//! Keys that cool, and probes of them, over what the file of a process that has ended says: nobody has to wait for it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use wharf_core::secret::Secret;
use wharf_core::store::KeyId;
use wharf_testkit::client::{Client, Response};
use wharf_testkit::process::Wharf;
use wharf_testkit::upstream::{Recorded, Reply, Upstream};

const KEYS: [&str; 2] = ["own-key-number-0", "own-key-number-1"];
const HOUR: u64 = 3_600_000;

fn good() -> Reply {
    Reply::json(200, &json!({"good": true}))
}

fn key_of(request: &Recorded) -> usize {
    let value = request.header("authorization").unwrap_or_default();
    KEYS.iter().position(|key| value == format!("Bearer {key}")).unwrap()
}

/// A gateway over a file by which key 0 has cooled off, and key 1 will in an hour.
fn start(upstream: &Upstream, extra: &[(&str, Value)]) -> Wharf {
    #[expect(
        clippy::disallowed_methods,
        reason = "the file must hold times that the gateway's clock agrees with"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let refused = |until: u64| json!({"until": until, "why": "refused", "streak": 1, "at": now});
    let [due, cooling] = KEYS.map(|key| KeyId::of(&Secret::new(key.to_owned())).to_string());
    let health = json!({ due: refused(1), cooling: refused(now + HOUR) });
    let mut config = json!({"providers": {"openai": {"base_url": upstream.url("/v1"), "keys": KEYS}}});
    for (name, value) in extra {
        config[*name] = value.clone();
    }
    let wharf = Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string()).start();
    // The first request makes the gateway look.
    let database = rusqlite::Connection::open(wharf.folder().join(".local/state/wharf/wharf.db")).unwrap();
    database.execute("INSERT INTO health VALUES ('OPENAI_API_KEY', ?1)", [health.to_string()]).unwrap();
    wharf
}

fn send(wharf: &Wharf) -> Client {
    let mut client = Client::connect(wharf.address());
    let body = json!({"model": "openai/m", "messages": []}).to_string();
    client.send_request("POST", "/v1/chat/completions", &[], body.as_bytes());
    client
}

fn ask(wharf: &Wharf) -> Response {
    send(wharf).read().unwrap()
}

#[test]
fn a_probe_whose_client_leaves_gives_its_place_to_the_next() {
    let upstream = Upstream::queued([Reply::stall()]);
    let wharf = start(&upstream, &[]);
    let client = send(&wharf);
    upstream.wait_for_requests(1);
    assert_eq!(ask(&wharf).status, 503, "one probe at a time");
    drop(client);
    upstream.wait_for_cancels(1);
    upstream.respond(|_| good());
    assert!((0..20_000).any(|_| ask(&wharf).status == 200), "the place stays taken");
    assert!(upstream.requests().iter().all(|request| key_of(request) == 0));
}

#[test]
fn a_probe_that_the_store_granted_is_given_back_if_it_told_nothing() {
    for strict in [false, true] {
        let upstream = Upstream::queued([Reply::new(500, "no")]);
        let wharf = start(&upstream, &[("ENABLE_GLOBAL_ROUND_ROBIN", json!(strict))]);
        assert_eq!(ask(&wharf).status, 500);
        upstream.respond(|_| good());
        assert!((0..20_000).any(|_| ask(&wharf).status == 200), "strict: {strict}");
    }
}

#[test]
fn a_key_that_cools_is_no_step_for_the_ai_gateway() {
    let upstream = Upstream::start(|_| good());
    let gateway = [
        ("CLOUDFLARE_ACCOUNT_ID", json!("account")),
        ("AI_GATEWAY_NAME", json!("main")),
        ("ai_gateway", json!({"origin": upstream.url("/aig")})),
    ];
    let wharf = start(&upstream, &gateway);
    assert_eq!(ask(&wharf).status, 200);
    let steps = upstream.request().json();
    assert_eq!(steps.as_array().unwrap().len(), 1, "{steps}");
    assert!(steps.to_string().contains(KEYS[0]) && !steps.to_string().contains(KEYS[1]), "{steps}");
}
