//! `/key/{selector}` over the wire: P1's table, on every route that uses a provider's key.

use serde_json::json;
use std::collections::BTreeSet;
use wharf_testkit::client::Client;
use wharf_testkit::process::Wharf;
use wharf_testkit::upstream::{Recorded, Upstream};

const CALLER: &str = "caller-key-of-selectors";
const KEYS: [&str; 3] = ["own-key-number-0", "own-key-number-1", "own-key-number-2"];
const CHAT: &[u8] = br#"{"model":"openai/m","messages":[]}"#;

/// Enough that a key which may be chosen is not chosen once in 2⁴⁰ runs or more.
const TRIES: usize = 80;

fn start(upstream: &Upstream) -> Wharf {
    let config = json!({
        "PROXY_API_KEY": CALLER,
        "OPENAI_API_KEY": KEYS,
        "providers": {
            "openai": {"base_url": upstream.url("/v1")},
            "bare": {"base_url": upstream.url("/bare")},
        },
    });
    Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string()).start()
}

fn key_of(request: &Recorded) -> Option<usize> {
    let value = request.header("authorization")?;
    KEYS.iter().position(|key| value == format!("Bearer {key}"))
}

fn status(client: &mut Client, method: &str, target: &str, body: &[u8]) -> u16 {
    client.request(method, target, &[("authorization", &format!("Bearer {CALLER}"))], body).status
}

#[test]
fn p1s_table_of_selectors_holds_on_every_route() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let mut client = Client::connect(wharf.address());
    let table: [(&str, &[usize]); 18] = [
        ("0", &[0]),
        ("1", &[1]),
        ("2", &[2]),
        ("3", &[0]),
        ("7", &[1]),
        ("1-2", &[1, 2]),
        ("2-", &[2]),
        ("-1", &[0, 1]),
        ("-0", &[0]),
        ("0-0", &[0]),
        ("2-1", &[2]),
        ("5-", &[2]),
        ("5-9", &[2]),
        ("4-9", &[1, 2]),
        ("-4", &[0, 1, 2]),
        ("0-", &[0, 1, 2]),
        ("-", &[0, 1, 2]),
        ("99999999999999999999", &[0]),
    ];
    let routes: [(&str, &str, &[u8]); 3] = [
        ("POST", "/v1/chat/completions", CHAT),
        ("GET", "/openai/files", b""),
        ("POST", "/v1/embeddings", CHAT),
    ];
    for (selector, keys) in table {
        for (method, target, body) in routes {
            upstream.forget();
            let tries = if keys.len() == 1 { 4 } else { TRIES };
            for _ in 0..tries {
                assert_eq!(status(&mut client, method, &format!("/key/{selector}{target}"), body), 200);
            }
            let seen: BTreeSet<usize> = upstream.requests().iter().filter_map(key_of).collect();
            assert_eq!(seen, keys.iter().copied().collect(), "{selector} on {target}");
        }
    }
}

#[test]
fn what_is_no_selector_is_not_found() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let mut client = Client::connect(wharf.address());
    for selector in ["abc", "1abc", "1--2", "", "%20", "1-2-3", "+1", "--", "-a", "1-b"] {
        let target = format!("/key/{selector}/v1/chat/completions");
        assert_eq!(status(&mut client, "POST", &target, CHAT), 404, "{selector}");
    }
    assert_eq!(status(&mut client, "GET", "/key/1/key/2/ping", b""), 404);
    assert_eq!(status(&mut client, "GET", "/key/1", b""), 404, "nothing is at the root");
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn a_provider_without_keys_makes_no_selector_an_error() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let mut client = Client::connect(wharf.address());
    let body = br#"{"model":"bare/m","messages":[]}"#;
    for selector in ["0", "7", "1-2", "2-", "-4", "-"] {
        let target = format!("/key/{selector}/v1/chat/completions");
        assert_eq!(status(&mut client, "POST", &target, body), 200, "{selector}");
        assert_eq!(status(&mut client, "GET", &format!("/key/{selector}/bare/x"), b""), 200, "{selector}");
    }
    assert!(upstream.requests().iter().all(|request| request.header("authorization").is_none()));
}

#[test]
fn a_selector_goes_before_our_own_paths_too() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let mut client = Client::connect(wharf.address());
    for target in ["/key/1/ping", "/key/1-2/health", "/key/-/status", "/key/2/v1/models"] {
        assert_eq!(status(&mut client, "GET", target, b""), 200, "{target}");
    }
}
