//! Bodies on their way up: streamed without being held, continued on request, refused early.

use crate::{CALLER, authorization, launch, start};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use wharf_testkit::PATIENCE;
use wharf_testkit::client::Client;
use wharf_testkit::process::Wharf;
use wharf_testkit::upstream::{Reply, Upstream};

/// The most memory that the process has ever had, in KiB; `None` where the system does not tell (only Linux does so).
fn peak(wharf: &Wharf) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", wharf.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Fails when a body of 40 MiB that only passes has taken more than a part of that.
fn assert_not_held(wharf: &Wharf, before: Option<u64>) {
    if let (Some(now), Some(before)) = (peak(wharf), before) {
        assert!(now - before < 16 << 10, "{} KiB for a body that only passes", now - before);
    }
}

/// Bytes that no shift or loss leaves the same.
fn pattern(size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size);
    let mut word = 1_u64;
    while bytes.len() < size {
        word = word.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes
}

#[test]
fn forty_megabytes_pass_through_and_are_never_held() {
    let upstream = Upstream::start(|request| Reply::json(200, &json!({"bytes": request.body.len()})));
    let wharf = start(&upstream);
    let before = peak(&wharf);
    let body = pattern(40 << 20);
    let mut client = Client::connect(wharf.address());
    let headers = [("authorization", &*authorization()), ("content-type", "application/octet-stream")];
    let response = client.request("PUT", "/openai/files/big", &headers, &body);
    assert_eq!((response.status, response.json()["bytes"].as_u64()), (200, Some(40 << 20)));
    let request = upstream.request();
    assert!(request.body == body, "every byte in its place");
    assert_eq!(request.header("content-length"), Some("41943040"));
    assert_not_held(&wharf, before);
}

#[test]
fn forty_megabytes_come_down_and_are_never_held() {
    let body = pattern(40 << 20);
    let sent = body.clone();
    let upstream = Upstream::start(move |_| Reply::new(200, sent.clone()));
    let wharf = start(&upstream);
    let before = peak(&wharf);
    let mut client = Client::connect(wharf.address());
    let response =
        client.request("GET", "/openai/files/big/content", &[("authorization", &authorization())], b"");
    assert!(response.complete && response.body == body);
    assert_not_held(&wharf, before);
}

#[test]
fn an_upload_reaches_the_upstream_while_it_is_sent() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    for chunked in [false, true] {
        upstream.forget();
        let mut client = Client::connect(wharf.address());
        let framing = if chunked { "Transfer-Encoding: chunked" } else { "Content-Length: 6" };
        let head =
            format!("POST /openai/x HTTP/1.1\r\nHost: h\r\nAuthorization: {CALLER}\r\n{framing}\r\n\r\n");
        let piece =
            |text: &str| if chunked { format!("{:x}\r\n{text}\r\n", text.len()) } else { text.to_owned() };
        client.send(head + &piece("abc"));
        upstream.wait_for("the first half", |log| log.requests.iter().any(|request| request.body == b"abc"));
        client.send(piece("def") + if chunked { "0\r\n\r\n" } else { "" });
        assert_eq!(client.read().unwrap().json()["body"], "abcdef");
        let request = upstream.request();
        assert_eq!(request.header("transfer-encoding").is_some(), chunked, "framed as it came");
    }
}

#[test]
fn a_multipart_body_keeps_its_boundary_and_streams_behind_its_model() {
    let upstream = Upstream::echo();
    let wharf = launch(&upstream.base(), &json!({"limits": {"json_body_bytes": 2000}})).start();
    let form = |model: &str, size: usize| {
        let file = "x".repeat(size);
        format!(
            "--b0und\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--b0und\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n{file}\r\n--b0und--\r\n"
        )
    };
    for size in [10, 100_000] {
        upstream.forget();
        let mut client = Client::connect(wharf.address());
        let headers =
            [("authorization", &*authorization()), ("content-type", "multipart/form-data; boundary=b0und")];
        let response = client.request(
            "POST",
            "/v1/audio/transcriptions",
            &headers,
            form("openai/whisper-1", size).as_bytes(),
        );
        assert_eq!(response.status, 200, "{size}");
        let request = upstream.request();
        assert!(request.text() == form("whisper-1", size), "{size}: only the model differs");
        assert_eq!(request.header("content-type"), Some("multipart/form-data; boundary=b0und"));
        assert_eq!(request.header("content-length"), Some(&*request.body.len().to_string()));
    }
    let late = form("openai/whisper-1", 5000).replace("name=\"model\"", "name=\"other\"");
    let mut client = Client::connect(wharf.address());
    let headers =
        [("authorization", &*authorization()), ("content-type", "multipart/form-data; boundary=b0und")];
    client.send_request("POST", "/v1/audio/transcriptions", &headers, late.as_bytes());
    let status = client.read().unwrap().status;
    assert!([400, 413].contains(&status), "{status}: no model in what may be held");
}

/// Reads until `end` is there.
fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(end.as_bytes()) {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
    String::from_utf8(seen).unwrap()
}

#[test]
fn a_client_that_waits_to_be_told_is_told_to_go_on() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    for target in ["/openai/x", "/v1/chat/completions"] {
        upstream.forget();
        let mut stream = TcpStream::connect(wharf.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = r#"{"model":"openai/m"}"#;
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: h\r\nAuthorization: {CALLER}\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        assert!(until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 100 "), "{target}");
        stream.write_all(body.as_bytes()).unwrap();
        assert!(until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 200 "), "{target}");
        assert_eq!(upstream.request().header("expect"), None, "{target}");
    }
}

#[test]
fn who_may_not_call_is_told_so_before_the_body() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    for lines in ["Expect: 100-continue\r\nContent-Length: 1000000", "Content-Length: 100000000"] {
        let mut client = Client::connect(wharf.address());
        client.send(format!("POST /openai/x HTTP/1.1\r\nHost: h\r\nAuthorization: wrong\r\n{lines}\r\n\r\n"));
        assert_eq!(client.read().unwrap().status, 401, "{lines}");
    }
    assert_eq!(upstream.log().accepted, 0);
}

#[test]
fn an_upstream_that_answers_early_is_heard() {
    let upstream = Upstream::start_early(|_| Reply::new(413, "too large").then_close());
    let wharf = start(&upstream);
    let mut client = Client::connect(wharf.address());
    let head = format!(
        "POST /openai/x HTTP/1.1\r\nHost: h\r\nAuthorization: {CALLER}\r\nContent-Length: 1000000\r\n\r\n"
    );
    client.send(head + "only the beginning");
    let response = client.read().unwrap();
    assert_eq!((response.status, response.text().as_str()), (413, "too large"));
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_body_cancels_the_upstream() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let mut client = Client::connect(wharf.address());
    let head = format!(
        "POST /openai/x HTTP/1.1\r\nHost: h\r\nAuthorization: {CALLER}\r\nContent-Length: 1000\r\n\r\n"
    );
    client.send(head + "half");
    upstream.wait_for("the beginning", |log| log.requests.iter().any(|request| request.body == b"half"));
    drop(client);
    let log = upstream.wait_for_cancels(1);
    assert!(!log.requests[0].complete);
}
