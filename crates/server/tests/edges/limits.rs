//! Limits on heads, targets, bodies and connections.

use crate::{CALLER, CHAT, authorization, launch, post, start};
use serde_json::json;
use wharf_testkit::client::{Client, fetch};
use wharf_testkit::upstream::Upstream;

#[test]
fn a_head_over_the_limit_is_431_and_a_target_over_it_414() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let ask = |target: &str, header: &str| {
        let mut client = Client::connect(wharf.address());
        client.send_request("GET", target, &[("authorization", &authorization()), ("x-long", header)], b"");
        client.read().unwrap().status
    };
    let long = |size: usize| "x".repeat(size);
    assert_eq!(ask("/openai/x", &long(60 << 10)), 200);
    assert_eq!(ask(&format!("/openai/x?{}", long(60 << 10)), "y"), 200);
    assert_eq!(ask("/openai/x", &long(66 << 10)), 431);
    assert_eq!(ask(&format!("/openai/x?{}", long(66 << 10)), "y"), 414);
    assert_eq!(ask("/openai/x", "y"), 200, "and nothing else is disturbed");
    let seen = upstream.requests();
    assert_eq!((seen.len(), seen[0].header("x-long").map(str::len)), (3, Some(60 << 10)));
}

#[test]
fn the_limit_of_heads_can_be_set() {
    let upstream = Upstream::echo();
    for launch in [
        launch(&upstream.base(), &json!({})).args(&["--max-head", "2000"]),
        launch(&upstream.base(), &json!({"limits": {"head_bytes": 2000}})),
    ] {
        let wharf = launch.start();
        let status = |size: usize| {
            let mut client = Client::connect(wharf.address());
            client.send_request("GET", "/health", &[("x-long", &"x".repeat(size))], b"");
            client.read().unwrap().status
        };
        assert_eq!((status(1500), status(2500)), (200, 431));
    }
}

#[test]
fn a_json_body_over_the_limit_is_413_by_its_length_or_by_its_chunks() {
    let upstream = Upstream::echo();
    for launch in [
        launch(&upstream.base(), &json!({})).args(&["--max-body", "5000"]),
        launch(&upstream.base(), &json!({"limits": {"json_body_bytes": 5000}})),
    ] {
        upstream.forget();
        let wharf = launch.start();
        let padded =
            |size: usize| format!("{{\"model\":\"openai/m\",\"pad\":\"{}\"}}", "x".repeat(size)).into_bytes();
        for target in ["/v1/chat/completions", "/v1/embeddings"] {
            assert_eq!(post(&wharf, target, &padded(4000)).status, 200);
            let refused = post(&wharf, target, &padded(6000));
            assert_eq!(
                (refused.status, &refused.json()["error"]["code"]),
                (413, &json!("request_too_large"))
            );
        }
        let mut client = Client::connect(wharf.address());
        let head = "Transfer-Encoding: chunked\r\n\r\n";
        client.send(format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nAuthorization: {CALLER}\r\n{head}"
        ));
        for _ in 0..8 {
            client.send(format!("3e8\r\n{}\r\n", " ".repeat(1000)));
        }
        client.send("0\r\n\r\n");
        assert_eq!(client.read().unwrap().status, 413);
        // A pass-through has no limit.
        assert_eq!(post(&wharf, "/openai/x", &padded(60_000)).status, 200);
        assert_eq!(upstream.requests().len(), 3);
        assert_eq!(upstream.requests()[2].body.len(), padded(60_000).len());
    }
}

#[test]
fn the_default_limit_is_32_mebibytes() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let mut client = Client::connect(wharf.address());
    let over = (32 << 20) + 1;
    let lines = format!("Authorization: {CALLER}\r\nContent-Length: {over}\r\n\r\n");
    client.send(format!("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n{lines}"));
    assert_eq!(client.read().unwrap().status, 413, "told by its length, before it is sent");
    let body = format!("{{\"model\":\"openai/m\",\"pad\":\"{}\"}}", "x".repeat(31 << 20)).into_bytes();
    upstream
        .respond(|request| wharf_testkit::upstream::Reply::json(200, &json!({"bytes": request.body.len()})));
    let response = post(&wharf, "/v1/chat/completions", &body);
    assert_eq!((response.status, response.json()["bytes"].as_u64()), (200, Some(body.len() as u64 - 7)));
}

#[test]
fn a_connection_too_many_is_turned_away() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream.base(), &json!({})).args(&["--max-connections", "2"]).start();
    let mut first = Client::connect(wharf.address());
    let mut second = Client::connect(wharf.address());
    for client in [&mut first, &mut second] {
        assert_eq!(client.request("GET", "/health", &[], b"").status, 200);
    }
    let mut third = Client::connect(wharf.address());
    assert_eq!(third.read().unwrap().status, 503);
    assert!(third.is_closed());
    drop(first);
    // The place is free once the gateway has seen the first one go.
    loop {
        let mut next = Client::connect(wharf.address());
        next.send_request("GET", "/health", &[], b"");
        if next.read().is_ok_and(|response| response.status == 200) {
            break;
        }
    }
    assert_eq!(second.request("GET", "/health", &[], b"").status, 200);
}

#[test]
fn many_requests_on_one_connection_and_many_connections_at_once() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let mut client = Client::connect(wharf.address());
    for _ in 0..300 {
        let response =
            client.request("POST", "/v1/chat/completions", &[("authorization", &authorization())], CHAT);
        assert_eq!(response.status, 200);
    }
    let mut clients: Vec<Client> = (0..300).map(|_| Client::connect(wharf.address())).collect();
    for client in &mut clients {
        client.send_request("POST", "/v1/chat/completions", &[("authorization", &authorization())], CHAT);
    }
    for client in &mut clients {
        assert_eq!(client.read().unwrap().status, 200);
    }
    assert_eq!(fetch(&wharf.base(), "GET", "/health", &[], b"").status, 200);
    assert_eq!(upstream.requests().len(), 600);
}
