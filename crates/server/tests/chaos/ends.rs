//! Answers that do not come, or not to their end.

use crate::{CHAT, TEXT, ask, chat, events, log, said, send, start};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use wharf_testkit::PATIENCE;
use wharf_testkit::client::{Client, Framing};
use wharf_testkit::process::Wharf;

/// All bytes of an answer, up to the end of the connection, which we ask for where the fault does not bring it.
pub(crate) fn raw(chaos: &Wharf, fault: &str, stream: bool) -> String {
    let mut connection = TcpStream::connect(chaos.address()).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = chat(stream);
    let head = format!(
        "POST /{fault}{CHAT} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all(&[head.as_bytes(), &body].concat()).unwrap();
    let mut bytes = Vec::new();
    let _reset = connection.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn nothing_comes_before_a_reset_or_as_much_as_it_says() {
    let chaos = start();
    for fault in ["refuse", "reset", "reset:0"] {
        assert!(ask(&chaos, fault, false).is_err());
        assert_eq!(raw(&chaos, fault, false), "", "{fault}");
    }
    for bytes in [1, 40, 300] {
        assert_eq!(raw(&chaos, &format!("reset:{bytes}"), true).len(), bytes);
    }
    let mut connection = TcpStream::connect(chaos.address()).unwrap();
    let request = format!("POST /reset:9{CHAT} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let end = connection.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(end.kind(), std::io::ErrorKind::ConnectionReset);
    let log = log(&chaos, 10);
    assert_eq!((&log["ended"], &log["log"][9]["status"]), (&json!({"reset": 10}), &json!(null)));
}

#[test]
fn one_port_refuses_and_one_never_answers() {
    let chaos = start();
    let told = wharf_testkit::client::fetch(&chaos.base(), "GET", "/chaos", &[], b"").json();
    let port = |name: &str| told[name].as_str().unwrap().to_owned();
    let refused = TcpStream::connect(port("refusing")).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    let soon = std::time::Duration::from_millis(100);
    let stalled = TcpStream::connect_timeout(&port("stalling").parse().unwrap(), soon).unwrap_err();
    assert_eq!(stalled.kind(), std::io::ErrorKind::TimedOut);
    for name in ["refusing", "stalling"] {
        assert!(chaos.stderr().contains(&port(name)));
    }
}

#[test]
fn silence_lasts_until_the_client_leaves() {
    let chaos = start();
    let head = |client: &mut Client| client.read_head("POST").unwrap();
    drop(send(&chaos, "silent-head", false));
    let mut body = send(&chaos, "silent-body", true);
    assert_eq!(head(&mut body).status, 200);
    let mut after = send(&chaos, "silent-after:2", true);
    let mut answer = head(&mut after);
    while events(&answer) < 2 {
        after.read_piece(&mut answer).unwrap();
    }
    let mut half = send(&chaos, "silent-after", false);
    let mut plain = head(&mut half);
    half.read_piece(&mut plain).unwrap();
    assert_eq!(plain.framing, Framing::Sized(2 * plain.body.len() + plain_rest(&plain.framing)));
    drop((body, after, half));
    let log = log(&chaos, 4);
    assert_eq!(log["ended"], json!({"client_left": 4}));
}

/// A body of odd length has one byte more in its second half.
fn plain_rest(framing: &Framing) -> usize {
    let Framing::Sized(length) = framing else { return 0 };
    length % 2
}

#[test]
fn wrong_lengths_are_told() {
    let chaos = start();
    for stream in [false, true] {
        let long = ask(&chaos, "too-long", stream).unwrap();
        assert_eq!((long.framing, long.complete), (Framing::Sized(long.body.len() + 100), false));
        let mut client = send(&chaos, "too-short", stream);
        let short = client.read_answer_to("POST").unwrap();
        assert!(short.complete && !client.is_closed(), "the rest is still to be read");
    }
    let whole = ask(&chaos, "ok", false).unwrap().body.len();
    assert_eq!(ask(&chaos, "too-short", false).unwrap().body.len(), whole / 2);
}

#[test]
fn cuts_come_inside_a_chunk_or_between_events() {
    let chaos = start();
    for stream in [false, true] {
        let cut = ask(&chaos, "cut-chunk", stream).unwrap();
        assert_eq!(
            (cut.framing, cut.complete, cut.chunks.len()),
            (Framing::Chunked, false, usize::from(stream))
        );
        let raw = raw(&chaos, "cut-chunk", stream);
        assert!(!raw.ends_with("\r\n"), "{raw}");
    }
    for (fault, count) in [("cut-events", 1), ("cut-events:3", 3), ("cut-events:0", 0)] {
        let cut = ask(&chaos, fault, true).unwrap();
        assert_eq!((events(&cut), cut.complete), (count, false), "{fault}");
        assert!(count == 0 || cut.text().ends_with("\n\n"));
        let ended = ask(&chaos, &fault.replace("cut", "end"), true).unwrap();
        assert_eq!((ended.text(), ended.complete), (cut.text(), true), "{fault}");
    }
    let (cut, ended) = (ask(&chaos, "cut-events", false).unwrap(), ask(&chaos, "end-events", false).unwrap());
    assert_eq!((cut.complete, ended.complete), (false, true));
    assert_eq!(cut.text(), ended.text());
}

#[test]
fn half_closed_connections_stay_open_for_reading() {
    let chaos = start();
    let mut client = send(&chaos, "half-close", true);
    let cut = client.read_answer_to("POST").unwrap();
    assert_eq!((events(&cut), cut.complete), (1, false));
    assert!(client.is_closed(), "nothing more comes");
    let running = log(&chaos, 0);
    assert_eq!((&running["over"], &running["open"]), (&json!(0), &json!(2)), "ours and the log's");
    drop(client);
    assert_eq!(log(&chaos, 1)["ended"], json!({"closed": 1}));
}

#[test]
fn a_connection_serves_one_right_answer_after_the_other() {
    let chaos = start();
    let mut client = Client::connect(chaos.address());
    for fault in ["ok", "status:418", "empty-body", "interim", "bad-json", "rate-limit"] {
        let answer = client.request("POST", &format!("/{fault}{CHAT}"), &[], &chat(false));
        assert!(answer.complete, "{fault}");
    }
    let last = client.request("POST", CHAT, &[("connection", "close")], &chat(false));
    assert!(said(&last) == TEXT && client.is_closed());
    assert_eq!(log(&chaos, 7)["connections"], 2);
}
