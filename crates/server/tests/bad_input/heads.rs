//! Heads that another server might read another way: refused, the connection closed, and nothing behind them served.

use crate::{CALLER, GOOD, Setup};

/// A second request, which must never be served.
const BEHIND: &str =
    "GET /openai/smuggled HTTP/1.1\r\nHost: h\r\nAuthorization: caller-key-of-bad-input\r\n\r\n";

fn with_headers(lines: &str, body: &str) -> String {
    format!("POST /openai/x HTTP/1.1\r\nHost: h\r\nAuthorization: {CALLER}\r\n{lines}\r\n\r\n{body}")
}

#[test]
fn what_two_servers_could_read_differently_is_refused_and_nothing_behind_it_is_served() {
    let setup = Setup::start();
    for (lines, body) in [
        ("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked, gzip", "0\r\n\r\n"),
        ("Transfer-Encoding: xchunked", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked, chunked", "0\r\n\r\n"),
        ("Transfer-Encoding: identity", ""),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n"),
        ("Transfer-Encoding: \"chunked\"", "0\r\n\r\n"),
        ("Transfer-Encoding:", "0\r\n\r\n"),
        ("Content-Length: 4\r\nContent-Length: 5", "abcd"),
        ("Content-Length: 4, 5", "abcd"),
        ("Content-Length: +4", "abcd"),
        ("Content-Length: -4", "abcd"),
        ("Content-Length: 0x4", "abcd"),
        ("Content-Length: 4a", "abcd"),
        ("Content-Length: 4 4", "abcd"),
        ("Content-Length:", "abcd"),
        ("Content-Length: 99999999999999999999999", "abcd"),
        ("Content-Length : 4", "abcd"),
        ("Content-Length\t: 4", "abcd"),
        ("X-Folded: a\r\n b", ""),
        ("X-Folded: a\r\n\tb", ""),
        (" Leading: blank", ""),
        ("X-Nul: a\0b", ""),
        ("X-Cr: a\rb", ""),
        ("X-Cr: a\rContent-Length: 4", "abcd"),
        ("X Space: a", ""),
        ("X-No-Colon", ""),
        (": no name", ""),
        ("Host: other", ""),
        ("Host: h", ""),
    ] {
        let answers = setup.raw(with_headers(lines, body) + BEHIND);
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [400], "{lines:?}");
        let seen = setup.upstream.requests();
        assert!(seen.is_empty(), "{lines:?} reached the upstream: {:?}", seen[0].target);
        setup.still_good(lines);
    }
}

#[test]
fn a_length_beside_chunks_is_refused_or_ends_the_connection() {
    let setup = Setup::start();
    for lines in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
    ] {
        let answers = setup.raw(with_headers(lines, "0\r\n\r\n") + BEHIND);
        assert!(answers.len() == 1 && [200, 400].contains(&answers[0].status), "{lines}");
        assert!(setup.upstream.requests().iter().all(|one| one.target != "/base/v1/smuggled"), "{lines}");
        setup.still_good(lines);
    }
}

#[test]
fn chunks_that_cannot_be_read_are_an_error_and_no_complete_request_upstream() {
    let setup = Setup::start();
    for body in [
        "zz\r\nabcd\r\n0\r\n\r\n",
        "-1\r\nabcd\r\n0\r\n\r\n",
        "+4\r\nabcd\r\n0\r\n\r\n",
        "0x4\r\nabcd\r\n0\r\n\r\n",
        "\r\nabcd\r\n0\r\n\r\n",
        "4\r\nabcdef\r\n0\r\n\r\n",
        "4\nabcd\n0\n\n",
        "ffffffffffffffffff\r\nabcd\r\n0\r\n\r\n",
        "4 \r\r\nabcd\r\n0\r\n\r\n",
        "4\r\nabcd\r\n",
        "4\r\nab",
    ] {
        for target in ["/openai/x", "/v1/chat/completions"] {
            let head = format!(
                "POST {target} HTTP/1.1\r\nHost: h\r\nAuthorization: {CALLER}\r\nTransfer-Encoding: chunked\r\n\r\n"
            );
            let answers = setup.raw(format!("{head}{body}{BEHIND}"));
            let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            assert!(matches!(statuses[..], [] | [400]), "{body:?} to {target}: {statuses:?}");
            assert!(setup.upstream.requests().iter().all(|one| !one.complete), "{body:?} to {target}");
            setup.still_good(body);
        }
    }
}

#[test]
fn request_lines_that_cannot_be_read_are_refused() {
    let setup = Setup::start();
    for line in [
        "GET",
        "GET /ping",
        "GET /ping HTTP/1.1 more",
        "GET  /ping HTTP/1.1",
        " GET /ping HTTP/1.1",
        "GET /pi ng HTTP/1.1",
        "GET /ping HTTP/2.0",
        "GET /ping HTTP/9.9",
        "GET /ping http/1.1",
        "GET /ping ICY/1.0",
        "G@T /ping HTTP/1.1",
        "GET /pi\0ng HTTP/1.1",
        "GET /pi\u{7f}ng HTTP/1.1",
        "GET /ping\rHTTP/1.1",
        "GET ping HTTP/1.1",
        "GET @evil.example/ HTTP/1.1",
        "GET ?x HTTP/1.1",
        "\u{16}\u{3}\u{1}\u{2}",
    ] {
        let answers = setup.raw(format!("{line}\r\nHost: h\r\nAuthorization: {CALLER}\r\n\r\n{BEHIND}"));
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [400], "{line:?}");
        assert_eq!(setup.upstream.requests().len(), 0, "{line:?}");
        setup.still_good(line);
    }
}

#[test]
fn http_1_1_needs_a_host_and_http_1_0_does_not() {
    let setup = Setup::start();
    let statuses =
        |bytes: String| -> Vec<u16> { setup.raw(bytes).iter().map(|answer| answer.status).collect() };
    assert_eq!(statuses(format!("GET /ping HTTP/1.1\r\nAuthorization: {CALLER}\r\n\r\n{BEHIND}")), [400]);
    assert_eq!(statuses(format!("GET /ping HTTP/1.0\r\nAuthorization: {CALLER}\r\n\r\n")), [200]);
    assert_eq!(setup.upstream.requests().len(), 0);
}

#[test]
fn requests_one_behind_the_other_are_answered_in_their_order() {
    let setup = Setup::start();
    let one = |number: usize| {
        let body = String::from_utf8_lossy(GOOD);
        let length = body.len();
        format!(
            "POST /v1/chat/completions?n={number} HTTP/1.1\r\nHost: h\r\nAuthorization: {CALLER}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let mut client = wharf_testkit::client::Client::connect(setup.wharf.address());
    client.send((0..5).map(one).collect::<String>());
    for _ in 0..5 {
        assert_eq!(client.read().unwrap().status, 200);
    }
    let targets: Vec<String> = setup.upstream.requests().into_iter().map(|request| request.target).collect();
    let expected: Vec<String> =
        (0..5).map(|number| format!("/base/v1/chat/completions?n={number}")).collect();
    assert_eq!(targets, expected);
}
