//! One blocking request at a time: to see whether a gateway answers yet, and to talk to the mock.

use crate::http::Body;
use crate::{CALLER_KEY, Result};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// A status and the whole body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// POSTs `body` to a loopback port on a connection of its own.
pub(crate) fn post(port: u16, path: &str, body: &[u8]) -> Result<Answer> {
    exchange(port, &request(port, path, CALLER_KEY, &[], body))
}

/// GETs from a loopback port on a connection of its own.
pub(crate) fn get(port: u16, path: &str) -> Result<Answer> {
    exchange(port, format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n").as_bytes())
}

fn exchange(port: u16, request: &[u8]) -> Result<Answer> {
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&to, Duration::from_millis(500))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    stream.set_nodelay(true)?;
    stream.write_all(request)?;
    let mut input = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let read = stream.read(&mut piece)?;
        input.extend_from_slice(&piece[..read]);
        if let Some(answer) = parse(&input, read == 0)? {
            return Ok(answer);
        }
        if read == 0 {
            return Err("closed before the end of the answer".into());
        }
    }
}

/// The bytes of a POST.
pub(crate) fn request(port: u16, path: &str, key: &str, headers: &[String], body: &[u8]) -> Vec<u8> {
    let more: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\naccept: */*\r\n\
         user-agent: wharf-bench\r\nauthorization: Bearer {key}\r\n{more}content-length: {}\r\n\r\n",
        body.len()
    );
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn parse(input: &[u8], closed: bool) -> Result<Option<Answer>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(input)? else { return Ok(None) };
    let status = response.code.unwrap_or(0);
    let mut framing = Body::framed(response.headers, Body::Close)?;
    let mut body = Vec::new();
    framing.take(&input[head..], &mut |data| body.extend_from_slice(data))?;
    let ended = framing.is_done() || (closed && matches!(framing, Body::Close));
    Ok(ended.then_some(Answer { status, body }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_or_nothing() {
        let wire = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        assert!(parse(&wire[..wire.len() - 1], false).unwrap().is_none());
        let answer = parse(wire, false).unwrap().unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"hello".as_slice()));
    }

    #[test]
    fn closing_ends_a_body_without_framing() {
        let wire = b"HTTP/1.1 401 No\r\n\r\nno";
        assert!(parse(wire, false).unwrap().is_none());
        assert_eq!(parse(wire, true).unwrap().unwrap().status, 401);
    }
}
