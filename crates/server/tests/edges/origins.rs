//! Browsers: what a page is told on preflights, on answers and on errors, with and without caller keys.

use crate::{CHAT, authorization, launch, post, start};
use serde_json::json;
use wharf_testkit::client::fetch;
use wharf_testkit::process::Wharf;
use wharf_testkit::upstream::{Reply, Upstream};

const PAGE: (&str, &str) = ("origin", "https://app.example");

#[test]
fn a_preflight_is_answered_before_anything_else() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    for target in ["/v1/chat/completions", "/openai/x", "/nowhere", "/key/zzz/ping", "*"] {
        let headers = [
            PAGE,
            ("access-control-request-method", "PATCH"),
            ("access-control-request-headers", "x-api-key, anthropic-version, x-own"),
        ];
        let response = fetch(&wharf.base(), "OPTIONS", target, &headers, b"");
        assert_eq!((response.status, response.body.len()), (204, 0), "{target}");
        for (name, value) in [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
            ("access-control-allow-headers", "x-api-key, anthropic-version, x-own"),
            ("access-control-max-age", "86400"),
        ] {
            assert_eq!(response.header(name), Some(value), "{target}");
        }
        let plain = fetch(&wharf.base(), "OPTIONS", target, &[], b"");
        let allow = plain.header("allow").unwrap_or_default();
        assert!([200, 204].contains(&plain.status) && allow.contains("PATCH"), "{target}: {allow}");
    }
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn every_answer_and_every_error_may_be_read_by_the_page() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let cors = || {
        Reply::json(200, &json!({}))
            .header("access-control-allow-origin", "https://theirs.example")
            .header("access-control-allow-credentials", "true")
            .header("set-cookie", "a=b")
    };
    upstream.respond(move |_| cors());
    let key = authorization();
    for (method, target, headers, status) in [
        ("POST", "/v1/chat/completions", vec![("authorization", &*key), PAGE], 200),
        ("GET", "/openai/x", vec![("authorization", &*key), PAGE], 200),
        ("GET", "/openai/x", vec![("authorization", &*key)], 200),
        ("GET", "/health", vec![PAGE], 200),
        ("GET", "/openai/x", vec![PAGE], 401),
        ("GET", "/nowhere", vec![("authorization", &*key), PAGE], 404),
        ("POST", "/v1/embeddings", vec![("authorization", &*key), PAGE], 200),
    ] {
        let response =
            fetch(&wharf.base(), method, target, &headers, if method == "POST" { CHAT } else { b"" });
        assert_eq!(response.status, status, "{target}");
        assert_eq!(response.header_all("access-control-allow-origin"), ["*"], "{target}");
        let exposed = response.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("x-wharf-request-id") && exposed.contains("x-wharf-attempts"), "{exposed}");
        assert_eq!(response.header("access-control-allow-credentials"), None, "{target}");
        assert_eq!(response.header("set-cookie"), None, "{target}");
    }
}

#[test]
fn configured_origins_are_matched_and_echoed() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream.base(), &json!({"cors": {"origins": ["https://app.example"]}})).start();
    let key = authorization();
    for (origin, allowed) in [
        ("https://app.example", true),
        ("https://app.example.evil", false),
        ("http://app.example", false),
        ("null", false),
    ] {
        let headers = [("authorization", &*key), ("origin", origin)];
        let response = fetch(&wharf.base(), "GET", "/openai/x", &headers, b"");
        assert_eq!(response.header("access-control-allow-origin"), allowed.then_some(origin));
        assert!(response.header_all("vary").iter().any(|value| value.contains("Origin")), "{origin}");
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        let preflight = fetch(&wharf.base(), "OPTIONS", "/openai/x", &headers, b"");
        assert_eq!(preflight.header("access-control-allow-origin"), allowed.then_some(origin));
    }
}

#[test]
fn without_a_caller_key_pages_and_hosts_that_are_not_local_are_refused() {
    let upstream = Upstream::echo();
    let launch = || {
        let config =
            json!({"OPENAI_API_KEY": "own-key-1", "providers": {"openai": {"base_url": upstream.base()}}});
        Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string())
    };
    let local = launch().start();
    for (headers, good) in [
        (vec![], true),
        (vec![("host", "localhost:1234")], true),
        (vec![("host", "[::1]:1234")], true),
        (vec![("host", "127.0.0.1")], true),
        (vec![("origin", "http://localhost:3000")], true),
        (vec![("origin", "http://127.0.0.1:3000")], true),
        (vec![("host", "evil.example")], false),
        (vec![("host", "localhost.evil.example")], false),
        (vec![("host", "127.0.0.1.evil.example")], false),
        (vec![("origin", "https://evil.example")], false),
        (vec![("origin", "null")], false),
        (vec![("origin", "https://localhost.evil.example")], false),
        (vec![("origin", "https://evil.example"), ("host", "localhost")], false),
    ] {
        for method in ["GET", "OPTIONS"] {
            let mut sent = headers.clone();
            if method == "OPTIONS" {
                sent.push(("access-control-request-method", "POST"));
            }
            let response = fetch(&local.base(), method, "/openai/x", &sent, b"");
            let expected = if good { if method == "GET" { 200 } else { 204 } } else { 403 };
            assert_eq!(response.status, expected, "{method} {headers:?}");
            if !good {
                assert_eq!(response.header("access-control-allow-origin"), None, "{headers:?}");
                assert_eq!(response.json()["error"]["code"], "forbidden_origin");
            }
        }
    }
    let open = launch().args(&["--open"]).start();
    for headers in [vec![PAGE], vec![("host", "wharf.example")]] {
        let response = fetch(&open.base(), "GET", "/openai/x", &headers, b"");
        assert_eq!((response.status, response.header("access-control-allow-origin")), (200, Some("*")));
    }
}

#[test]
fn redirects_and_cookies_stay_where_they_are() {
    let upstream =
        Upstream::start(|_| Reply::new(307, "").header("location", "http://169.254.169.254/latest"));
    let wharf = start(&upstream);
    let response = post(&wharf, "/openai/x", b"{}");
    assert_eq!((response.status, response.header("location")), (307, Some("http://169.254.169.254/latest")));
    assert_eq!(upstream.requests().len(), 1, "never followed");
}
