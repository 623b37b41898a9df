//! What is written, byte for byte.

use crate::wire1::{Length, ResponseLine, chunk_head, decimal, give, request_head, response_head, take};
use bytes::BytesMut;
use http::header::HeaderValue;
use http::{Method, StatusCode};
use wharf_core::headers::Headers;

fn headers(lines: &[(&'static str, &'static str)]) -> Headers {
    lines.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
}

#[test]
fn a_request_head() {
    let mut out = BytesMut::new();
    let lines = headers(&[("x-a", "b"), ("host", "no"), ("content-length", "9"), ("connection", "close")]);
    request_head(&mut out, &Method::POST, "/p?q", "h:81", &lines, &[], Length::Known(120));
    assert_eq!(out, "POST /p?q HTTP/1.1\r\nhost: h:81\r\nx-a: b\r\ncontent-length: 120\r\n\r\n");
}

#[test]
fn an_answer_head() {
    let mut out = BytesMut::new();
    let first = ResponseLine {
        status: StatusCode::NOT_FOUND,
        length: Length::Chunked,
        connection: Some("close"),
        date: Some(b"D"),
    };
    response_head(
        &mut out,
        first,
        &headers(&[("x-a", "b"), ("transfer-encoding", "gzip"), ("content-length", "9")]),
    );
    let text = "HTTP/1.1 404 Not Found\r\nx-a: b\r\ndate: D\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    assert_eq!(out, text);
    out.clear();
    let first = ResponseLine { status: StatusCode::OK, length: Length::Unsaid, connection: None, ..first };
    response_head(&mut out, first, &headers(&[("date", "E")]));
    assert_eq!(out, "HTTP/1.1 200 OK\r\ndate: E\r\n\r\n");
}

#[test]
fn numbers() {
    for number in [0, 9, 10, 255, 4096, 65_535, 1_000_000, usize::MAX] {
        let mut out = BytesMut::new();
        chunk_head(&mut out, number);
        assert_eq!(out, format!("{number:x}\r\n"));
        out.clear();
        decimal(&mut out, number as u64);
        assert_eq!(out, number.to_string());
    }
}

#[test]
fn a_buffer_comes_back_unless_it_is_shared() {
    let mut first = take();
    first.extend_from_slice(b"x");
    let at = first.as_ptr();
    give(first);
    let again = take();
    assert!(again.is_empty() && again.as_ptr() == at);
    let mut shared = again;
    shared.extend_from_slice(b"yz");
    let _held = shared.split_to(1).freeze();
    give(shared);
    assert_ne!(take().as_ptr(), at);
}
