//! Upstreams that are dead, reset, stall, talk nonsense or stop: the right status, and the next request is a good one.

use crate::{GOOD, Setup, code};
use wharf_testkit::upstream::Reply;

fn raw(text: &str) -> Reply {
    Reply::raw(text.as_bytes())
}

type Play = fn() -> Reply;

/// What comes instead of an answer, and the status it gets.
const BROKEN: [(&str, Play, u16); 24] = [
    ("a close", Reply::close, 502),
    ("a reset", Reply::reset, 502),
    ("silence", Reply::stall, 504),
    ("garbage", Reply::garbage, 502),
    ("half a head", Reply::half_head, 502),
    ("a header of 70 kB", || Reply::oversized_header(70 << 10), 502),
    ("a head that never ends", || raw(&format!("HTTP/1.1 200 OK\r\n{}", "x-a: b\r\n".repeat(20_000))), 502),
    ("a thousand headers", || raw(&format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(20_000))), 502),
    ("a head of two statuses", || raw("HTTP/1.1 200 200\r\nHTTP/1.1 200 OK\r\n\r\n"), 502),
    ("no status", || raw("HTTP/1.1\r\n\r\n"), 502),
    ("a status of letters", || raw("HTTP/1.1 abc OK\r\n\r\n"), 502),
    ("a status of two digits", || raw("HTTP/1.1 20 OK\r\n\r\n"), 502),
    ("a status of four digits", || raw("HTTP/1.1 2000 OK\r\n\r\n"), 502),
    ("another protocol", || raw("SSH-2.0-OpenSSH_9.9\r\n"), 502),
    ("another version", || raw("HTTP/3.0 200 OK\r\n\r\n"), 502),
    ("a header without a colon", || raw("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"), 502),
    ("a NUL in a header", || raw("HTTP/1.1 200 OK\r\nx-a: b\0c\r\n\r\n"), 502),
    ("two lengths", || raw("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"), 502),
    ("a length of letters", || raw("HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nab"), 502),
    ("a negative length", || raw("HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nab"), 502),
    ("an unknown transfer coding", || raw("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nab"), 502),
    ("an interim answer alone", || raw("HTTP/1.1 100 Continue\r\n\r\n"), 502),
    ("a switch that nobody asked for", || Reply::switch_and_echo("websocket"), 502),
    ("a binary head", || Reply::raw([0_u8, 1, 2, 255, 13, 10, 13, 10]), 502),
];

#[test]
fn an_upstream_that_gives_no_answer_is_a_bad_gateway_or_a_time_out() {
    let setup = Setup::start();
    for (name, reply, status) in BROKEN {
        for target in ["/v1/chat/completions", "/openai/x"] {
            setup.upstream.respond(move |_| reply());
            let response = setup.post(target, &[], GOOD);
            let expected = if status == 504 { "upstream_timeout" } else { "upstream_unreachable" };
            assert_eq!((response.status, &*code(&response)), (status, expected), "{name} on {target}");
            assert_eq!(response.header("x-wharf-provider"), Some("openai"), "{name}");
            let text = response.text();
            assert!(!text.contains("127.0.0.1") && !text.contains("own-key"), "{name}: {text}");
            setup.still_good(name);
        }
    }
}

const LONG: [u8; 1000] = [b'x'; 1000];

fn chunks(body: &str) -> Reply {
    raw(&format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}"))
}

/// What comes of a body that does not come to its end.
const CUT: [(&str, Play); 9] = [
    ("a length not reached", || Reply::new(200, LONG).cut_body_after(400)),
    ("a length not reached, and a reset", || Reply::new(200, LONG).cut_body_after(400).then_reset()),
    ("half a chunk", || Reply::chunked(200, [LONG]).cut_body_after(300)),
    ("no last chunk", || Reply::chunked(200, [LONG]).cut_body_after(1000 + 5 + 2)),
    ("half a last chunk", || chunks("3\r\nabc\r\n0\r\n")),
    ("a chunk size of letters", || chunks("3\r\nabc\r\nzz\r\nabc\r\n0\r\n\r\n")),
    ("a chunk longer than its size", || chunks("3\r\nabcdef\r\n0\r\n\r\n")),
    ("a chunk size beyond all bounds", || chunks("fffffffffffffffffff\r\nabc")),
    ("silence in the body", || Reply::stall_after_head(200)),
];

#[test]
fn an_answer_that_stops_in_its_body_is_never_whole() {
    let setup = Setup::start();
    for (name, reply) in CUT {
        for target in ["/openai/x", "/v1/chat/completions"] {
            setup.upstream.respond(move |_| reply());
            let response = setup.post(target, &[], GOOD);
            assert!(!response.complete || response.status >= 500, "{name} on {target}: {response:?}");
            setup.still_good(name);
        }
    }
}

#[test]
fn more_than_was_announced_is_not_taken_for_the_next_answer() {
    let setup = Setup::start();
    let poisoned =
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison";
    for _ in 0..3 {
        setup.upstream.respond(move |_| raw(poisoned));
        let response = setup.post("/openai/x", &[], GOOD);
        assert_eq!((response.status, response.text().as_str()), (200, "ok"));
        setup.still_good("an answer with another one behind it");
    }
}
