//! Heads: what is understood, what is refused, and that neither depends on how bytes arrive.

use crate::wire1::{Framing, HEAD_LIMIT, HeadError, RequestHead, Scan, parse_request, parse_response};
use http::{Method, Version};

fn request(text: &str) -> Result<Option<RequestHead>, HeadError> {
    parse_request(text.as_bytes(), HEAD_LIMIT)
}

fn good(text: &str) -> RequestHead {
    request(text).unwrap().unwrap()
}

#[test]
fn a_request_is_understood() {
    let head = good("POST /v1/chat?x=1 HTTP/1.1\r\nHost: a:80\r\nX-Y:  z \r\nContent-Length: 12\r\n\r\nrest");
    assert_eq!(head.method, Method::POST);
    assert_eq!(head.target, "/v1/chat?x=1");
    assert_eq!(head.version, Version::HTTP_11);
    assert_eq!(head.headers.get("x-y").unwrap(), "z");
    assert_eq!(head.framing, Framing::Length(12));
    assert!(head.keep_alive && !head.expect_continue);
    assert_eq!(head.consumed, 72);
}

#[test]
fn framing_and_connection_follow_the_lines() {
    let chunked =
        good("PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\nexpect: 100-Continue\r\n\r\n");
    assert_eq!(chunked.framing, Framing::Chunked);
    assert!(chunked.expect_continue);
    assert_eq!(good("GET / HTTP/1.1\r\nhost: a\r\n\r\n").framing, Framing::None);
    assert!(!good("GET / HTTP/1.1\r\nhost: a\r\nconnection: te, Close\r\n\r\n").keep_alive);
    assert!(!good("GET / HTTP/1.0\r\n\r\n").keep_alive);
    assert!(good("GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n").keep_alive);
    assert_eq!(good("\r\n\r\nGET / HTTP/1.0\r\n\r\n").consumed, 22);
    let same = "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\n";
    assert_eq!(good(same).framing, Framing::Length(5));
}

#[test]
fn an_absolute_target_brings_its_host() {
    let head = good("GET http://b.example:81/p?q HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(
        (head.target.as_str(), head.headers.get("host").unwrap().to_str().unwrap()),
        ("/p?q", "b.example:81")
    );
    assert_eq!(good("GET HTTPS://b?q HTTP/1.1\r\nHost: a\r\n\r\n").target, "/?q");
    assert_eq!(good("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").target, "*");
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let h = "host: a\r\n";
    for text in [
        format!("POST / HTTP/1.1\r\n{h}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}transfer-encoding: gzip, chunked\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}transfer-encoding: chunked, chunked\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}transfer-encoding: xchunked\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}transfer-encoding: identity\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}transfer-encoding:\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}transfer-encoding: \"chunked\"\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}transfer-encoding: \x0bchunked\r\n\r\n"),
        "POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\n{h}{h}\r\n"),
        format!("GET / HTTP/1.0\r\n{h}{h}\r\n"),
        "GET / HTTP/1.1\r\nhost: a b\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nhost: a/b\r\n\r\n".to_owned(),
        format!("POST / HTTP/1.1\r\n{h}content-length: 3\r\ncontent-length: 4\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}content-length: 3, 3\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}content-length: +3\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}content-length: -3\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}content-length: 0x3\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}content-length: 3 3\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}content-length:\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{h}content-length: 18446744073709551616\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{h}x: a\r\n b\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{h}x: a\r\n\tb\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n x: a\r\n{h}\r\n"),
        format!("GET / HTTP/1.1\r\n{h}x : a\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{h}x\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{h}: a\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{h}x: a\0b\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{h}x: a\rb\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{h}x: a\nb: c\r\n\r\n"),
        "GET / HTTP/1.1\nhost: a\n\n".to_owned(),
        "GET /\r\n\r\n".to_owned(),
        "GET / HTTP/1.1 x\r\nhost: a\r\n\r\n".to_owned(),
        "GET  / HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        "GET /a b HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        "GET /\x01 HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        "GET /é HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        "G(T / HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        "GET / HTTP/2.0\r\nhost: a\r\n\r\n".to_owned(),
        "GET / HTTP/1.2\r\nhost: a\r\n\r\n".to_owned(),
        "GET x HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        "GET * HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        "GET http:///p HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        "GET http://u@h/p HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        "GET ftp://h/p HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
        "\x16\x03\x01".to_owned(),
    ] {
        assert_eq!(request(&text).err(), Some(HeadError::Malformed), "{text:?}");
        assert_eq!(byte_by_byte(&text), Some(HeadError::Malformed), "{text:?}");
    }
    let connect = "CONNECT h:443 HTTP/1.1\r\nhost: h:443\r\n\r\n";
    assert_eq!(request(connect).err(), Some(HeadError::Connect));
}

/// What becomes of a head whose bytes come one at a time.
fn byte_by_byte(text: &str) -> Option<HeadError> {
    let mut scan = Scan::default();
    (1..=text.len()).find_map(|count| {
        let buf = &text.as_bytes()[..count];
        match scan.find(buf, HEAD_LIMIT) {
            Ok(end) => end.and_then(|end| RequestHead::parse(&buf[..end]).err()),
            Err(error) => Some(error),
        }
    })
}

#[test]
fn limits_are_told_apart_while_bytes_arrive() {
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(200));
    assert_eq!(parse_request(long.as_bytes(), 100).err(), Some(HeadError::TargetTooLong));
    assert_eq!(parse_request(&long.as_bytes()[..101], 100).err(), Some(HeadError::TargetTooLong));
    let wide = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "a".repeat(200));
    assert_eq!(parse_request(wide.as_bytes(), 100).err(), Some(HeadError::TooLarge));
    assert_eq!(parse_request(&wide.as_bytes()[..101], 100).err(), Some(HeadError::TooLarge));
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(128));
    assert_eq!(request(&many).err(), Some(HeadError::TooLarge));
    let enough = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(127));
    assert_eq!(good(&enough).headers.len(), 128);
}

#[test]
fn a_head_is_incomplete_until_its_last_byte() {
    let text = "\r\nGET /a HTTP/1.1\r\nhost: a\r\nx: yz\r\n\r\n";
    let mut scan = Scan::default();
    for count in 0..text.len() {
        assert!(request(&text[..count]).unwrap().is_none(), "{count}");
        assert_eq!(scan.find(&text.as_bytes()[..count], HEAD_LIMIT), Ok(None));
    }
    assert_eq!(scan.find(text.as_bytes(), HEAD_LIMIT), Ok(Some(text.len())));
}

#[test]
fn answers_are_framed_by_status_and_lines() {
    let framing = |text: &str, to_head| {
        parse_response(text.as_bytes(), to_head, HEAD_LIMIT).map(|head| head.unwrap().framing)
    };
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(framing(chunked, false), Ok(Framing::Chunked));
    assert_eq!(framing(chunked, true), Ok(Framing::None));
    assert_eq!(framing("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n", false), Ok(Framing::Length(7)));
    assert_eq!(framing("HTTP/1.1 204 \r\ncontent-length: 7\r\n\r\n", false), Ok(Framing::None));
    assert_eq!(framing("HTTP/1.1 304 Not\r\ncontent-length: 7\r\n\r\n", false), Ok(Framing::None));
    assert_eq!(framing("HTTP/1.1 200\r\n\r\n", false), Ok(Framing::UntilClose));
    assert_eq!(framing("HTTP/1.1 101 X\r\n\r\n", false), Ok(Framing::UntilClose));
    assert_eq!(
        framing("HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n", false),
        Ok(Framing::UntilClose)
    );
    for bad in [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 7\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 6\r\ncontent-length: 7\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: y\r\n z\r\n\r\n",
        "HTTP/1.1 200 OK\nx: y\n\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        assert_eq!(framing(bad, false), Err(HeadError::Malformed), "{bad:?}");
    }
}

#[test]
fn interim_answers_are_skipped() {
    let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 gr\u{fc}n\r\nconnection: close\r\n\r\n";
    for count in 0..text.len() {
        if text.is_char_boundary(count) {
            assert!(parse_response(&text.as_bytes()[..count], false, HEAD_LIMIT).unwrap().is_none());
        }
    }
    let head = parse_response(text.as_bytes(), false, HEAD_LIMIT).unwrap().unwrap();
    assert_eq!((head.status.as_u16(), head.consumed, head.keep_alive), (200, text.len(), false));
}
