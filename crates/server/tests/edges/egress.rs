//! The ways out: an outbound proxy, what happens when it fails, and the second try for a country that is refused.

use crate::doors::{Identity, Tunnels, tls_before};
use crate::{CHAT, authorization, launch, post};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write as _;
use wharf_testkit::client::{Client, Response};
use wharf_testkit::process::Wharf;
use wharf_testkit::upstream::{Reply, Upstream, refused_address};

const REFUSED: &str = r#"{"error":{"code":"unsupported_country_region_territory","message":"Country, region, or territory not supported"}}"#;

fn via(url: &str) -> Value {
    json!({"egress": [{"via": url}]})
}

fn ways(response: &Response) -> (u16, Option<&str>, Option<&str>) {
    (response.status, response.header("x-wharf-egress"), response.header("x-wharf-attempts"))
}

#[test]
fn a_plain_upstream_is_asked_for_in_full_at_the_proxy() {
    let proxy = Upstream::echo();
    let url = format!("http://user:p%40ss-Tz8Kq4Wm@{}", proxy.address());
    let wharf = launch("http://llm.example:8000/v1", &via(&url)).start();
    let response = post(&wharf, "/v1/chat/completions", CHAT);
    assert_eq!(ways(&response), (200, Some("proxy"), Some("1")));
    let request = proxy.request();
    assert_eq!(request.target, "http://llm.example:8000/v1/chat/completions");
    assert_eq!(request.header("host"), Some("llm.example:8000"));
    assert_eq!(request.header("proxy-authorization"), Some("Basic dXNlcjpwQHNzLVR6OEtxNFdt"));
    assert_eq!(request.header("authorization"), Some("Bearer own-key-1"));
    let line = &wharf.access_log(1)[0];
    assert_eq!(line["egress"], "proxy");
    assert!(!line.to_string().contains("Tz8Kq4Wm") && !wharf.stderr().contains("Tz8Kq4Wm"));
}

#[test]
fn an_upstream_with_tls_is_reached_through_a_tunnel() {
    let upstream = Upstream::echo();
    let identity = Identity::new(&[]);
    let port = tls_before(upstream.address(), &identity);
    let tunnels = Tunnels::start(None);
    let url = format!("http://user:password@{}", tunnels.address);
    let wharf = launch(&format!("https://localhost:{port}/v1"), &via(&url))
        .file("ca.pem", &identity.ca_pem)
        .args(&["--ca-file", "ca.pem", "--workers", "1"])
        .start();
    for _ in 0..3 {
        assert_eq!(ways(&post(&wharf, "/v1/chat/completions", CHAT)), (200, Some("proxy"), Some("1")));
    }
    let heads = tunnels.heads();
    assert_eq!(heads.len(), 1, "the tunnel is kept: {heads:?}");
    assert!(heads[0].starts_with(&format!("CONNECT localhost:{port} HTTP/1.1\r\n")), "{}", heads[0]);
    assert!(heads[0].contains("proxy-authorization: Basic dXNlcjpwYXNzd29yZA=="), "{}", heads[0]);
    assert!(!heads[0].contains("own-key"), "the provider's key is inside the tunnel alone");
    assert!(upstream.requests().iter().all(|request| request.header("proxy-authorization").is_none()));
}

#[test]
fn a_proxy_that_fails_is_an_error_or_gives_way_as_the_rule_says() {
    let upstream = Upstream::echo();
    let identity = Identity::new(&[]);
    let port = tls_before(upstream.address(), &identity);
    let refuses =
        Tunnels::start(Some("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"));
    let dead = refused_address();
    for proxy in [refuses.address, dead] {
        for (otherwise, expected) in [(None, 502), (Some("fail"), 502), (Some("direct"), 200)] {
            let mut rule = json!({"via": format!("http://{proxy}")});
            if let Some(otherwise) = otherwise {
                rule["else"] = otherwise.into();
            }
            let wharf = launch(&format!("https://localhost:{port}"), &json!({"egress": [rule]}))
                .file("ca.pem", &identity.ca_pem)
                .args(&["--ca-file", "ca.pem"])
                .start();
            let response = post(&wharf, "/v1/chat/completions", CHAT);
            let way = if expected == 200 { "direct" } else { "proxy" };
            assert_eq!(
                (response.status, response.header("x-wharf-egress")),
                (expected, Some(way)),
                "{otherwise:?}"
            );
        }
    }
}

#[test]
fn a_proxy_that_refuses_a_plain_call_has_failed_as_well() {
    let upstream = Upstream::echo();
    let proxy = Upstream::start(|_| Reply::new(407, "who are you?").header("proxy-authenticate", "Basic"));
    for (otherwise, expected) in [("fail", (502, "proxy")), ("direct", (200, "direct"))] {
        let config = json!({"egress": [{"via": proxy.base(), "else": otherwise}]});
        let wharf = launch(&upstream.base(), &config).start();
        for target in ["/v1/chat/completions", "/openai/chat/completions"] {
            let response = post(&wharf, target, CHAT);
            assert_eq!((response.status, response.header("x-wharf-egress")), (expected.0, Some(expected.1)));
        }
    }
}

#[test]
fn rules_go_by_where_we_run_and_by_provider_and_the_first_wins() {
    let (upstream, proxy) = (Upstream::echo(), Upstream::echo());
    let rule = |when: Value, via: &str| json!({"when": when, "via": via});
    let way = |loc: &str, rules: Value| {
        let mut config = json!({"egress": rules});
        if !loc.is_empty() {
            config["region"] = json!({"loc": loc});
        }
        let wharf = launch(&upstream.base(), &config).start();
        post(&wharf, "/openai/x", b"{}").header("x-wharf-egress").map(str::to_owned)
    };
    let url = proxy.base();
    let hk = rule(json!({"loc": ["HK", "CN"]}), &url);
    assert_eq!(way("HK", json!([hk])).as_deref(), Some("proxy"));
    assert_eq!(way("DE", json!([hk])).as_deref(), Some("direct"));
    assert_eq!(way("", json!([hk])).as_deref(), Some("direct"));
    let by_provider = rule(json!({"provider": ["openai"]}), &url);
    let other = rule(json!({"provider": ["groq"]}), &url);
    assert_eq!(way("", json!([by_provider])).as_deref(), Some("proxy"));
    assert_eq!(way("", json!([other])).as_deref(), Some("direct"));
    assert_eq!(way("", json!([rule(json!({}), "direct"), by_provider])).as_deref(), Some("direct"));
    assert_eq!(
        way("HK", json!([rule(json!({}), "wnam")])).as_deref(),
        Some("direct"),
        "a hint has no effect here"
    );
}

#[test]
fn a_country_that_is_refused_is_tried_once_more_through_the_rule() {
    for (status, body) in
        [(403, REFUSED), (400, r#"{"error":{"message":"User location is not supported for the API use."}}"#)]
    {
        let upstream =
            Upstream::start(move |_| Reply::new(status, body).header("content-type", "application/json"));
        let proxy = Upstream::echo();
        let rules = json!({"egress": [{"when": {"loc": ["HK"]}, "via": proxy.base()}]});
        let wharf = launch(&upstream.base(), &rules).start();
        for (target, attempts) in [("/v1/chat/completions", "2"), ("/openai/x", "2")] {
            let response = post(&wharf, target, CHAT);
            assert_eq!(ways(&response), (200, Some("proxy"), Some(attempts)), "{target}");
        }
        assert_eq!((upstream.requests().len(), proxy.requests().len()), (2, 2));
        let seen = proxy.requests();
        assert_eq!(seen[0].target, upstream.url("/chat/completions"));
        assert_eq!(seen[0].text(), r#"{"model":"m","messages":[]}"#);
    }
}

#[test]
fn the_second_try_is_one_and_an_ordinary_refusal_gets_none() {
    let proxy = Upstream::start(|_| Reply::new(403, REFUSED));
    let upstream = Upstream::start(|_| Reply::new(403, REFUSED));
    let rules = json!({"egress": [{"when": {"loc": ["HK"]}, "via": proxy.base()}]});
    let wharf = launch(&upstream.base(), &rules).start();
    let response = post(&wharf, "/openai/x", b"{}");
    assert_eq!((ways(&response), response.text().as_str()), ((403, Some("proxy"), Some("2")), REFUSED));
    assert_eq!((upstream.requests().len(), proxy.requests().len()), (1, 1));
    upstream.respond(|_| Reply::new(403, r#"{"error":{"code":"insufficient_permissions"}}"#));
    let response = post(&wharf, "/openai/x", b"{}");
    assert_eq!(ways(&response), (403, Some("direct"), Some("1")));
    assert_eq!(
        response.json()["error"]["code"],
        "insufficient_permissions",
        "whole, though it was looked into"
    );
    assert_eq!(proxy.requests().len(), 1);
}

#[test]
fn a_country_that_is_refused_costs_neither_the_other_keys_nor_the_target() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(REFUSED.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let upstream =
        Upstream::start(move |_| Reply::new(403, packed.clone()).header("content-encoding", "gzip"));
    let proxy = Upstream::echo();
    // A hint means direct here, so that the proxy's is the first rule with a way of its own.
    let config = json!({
        "OPENAI_API_KEY": ["own-key-1", "own-key-2"],
        "routes": {"r": {"targets": ["openai/m", "echo/m"]}},
        "egress": [
            {"when": {"loc": ["CN"]}, "via": "wnam"},
            {"when": {"loc": ["HK"]}, "via": proxy.base()},
        ],
    });
    let wharf = launch(&upstream.base(), &config).start();
    let response = post(&wharf, "/v1/chat/completions", br#"{"model":"r","messages":[]}"#);
    assert_eq!(ways(&response), (200, Some("proxy"), Some("2")));
    assert_eq!((upstream.requests().len(), proxy.requests().len()), (1, 1));
    let key = |upstream: &Upstream| upstream.request().header("authorization").map(str::to_owned);
    assert_eq!(key(&upstream), key(&proxy), "the same key again");
}

#[test]
fn a_body_that_streams_has_no_second_try() {
    let upstream = Upstream::start(|_| Reply::new(403, REFUSED));
    let proxy = Upstream::echo();
    let rules = json!({"egress": [{"when": {"loc": ["HK"]}, "via": proxy.base()}]});
    let wharf: Wharf = launch(&upstream.base(), &rules).start();
    let mut client = Client::connect(wharf.address());
    let head = format!(
        "POST /openai/x HTTP/1.1\r\nHost: h\r\nAuthorization: {}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        authorization()
    );
    client.send(head);
    upstream.wait_for("the first chunk", |log| log.requests.iter().any(|request| request.body == b"abc"));
    client.send("0\r\n\r\n");
    let response = client.read().unwrap();
    assert_eq!((response.status, response.text().as_str()), (403, REFUSED));
    assert_eq!(proxy.log().accepted, 0);
}

#[test]
fn an_error_that_was_looked_into_and_is_cut_stays_cut() {
    let proxy = Upstream::echo();
    let rules = json!({"egress": [{"when": {"loc": ["HK"]}, "via": proxy.base()}]});
    let long = "x".repeat(1000);
    for chunked in [false, true] {
        let body = long.clone();
        let upstream = Upstream::start(move |_| {
            let reply =
                if chunked { Reply::chunked(403, [body.clone()]) } else { Reply::new(403, body.clone()) };
            reply.cut_body_after(500)
        });
        let wharf = launch(&upstream.base(), &rules).start();
        for target in ["/openai/x", "/v1/chat/completions"] {
            let response = post(&wharf, target, CHAT);
            assert_eq!((response.status, response.complete), (403, false), "{target}, chunked: {chunked}");
            assert!(long.starts_with(&response.text()), "{target}");
        }
    }
    assert_eq!(proxy.log().accepted, 0);
}
