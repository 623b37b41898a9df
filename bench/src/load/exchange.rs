//! One request and its answer on an open connection.

use super::{Load, Mode};
use crate::http::Body;
use std::io::{Error, ErrorKind, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// How an exchange ended that didn't break.
pub(super) struct Ended {
    /// A complete 200.
    pub(super) good: bool,
    /// The connection can carry the next request.
    pub(super) keep: bool,
}

struct Head {
    length: usize,
    status: u16,
    keep: bool,
    body: Body,
}

pub(super) async fn exchange(stream: &mut TcpStream, input: &mut Vec<u8>, load: &Load) -> Result<Ended> {
    let sent = Instant::now();
    stream.write_all(&load.request).await?;
    let Head { length, status, keep, mut body } = loop {
        if let Some(head) = parse(input)? {
            break head;
        }
        if stream.read_buf(input).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    };
    input.drain(..length);
    let streams = load.args.mode != Mode::Closed;
    let mut events = Events::default();
    let mut open = false;
    let mut closed = false;
    while !body.is_done() && !closed {
        let before = events.count;
        let mut bytes = 0;
        let taken = body.take(input, &mut |data| {
            bytes += data.len() as u64;
            if streams {
                events.push(data);
            }
        })?;
        input.drain(..taken);
        let opens = !open && events.count > 0;
        open |= opens;
        load.tally.borrow_mut().piece(bytes, events.count - before, opens.then(|| sent.elapsed()));
        if !body.is_done() {
            closed = stream.read_buf(input).await? == 0;
        }
    }
    if closed && !matches!(body, Body::Close) {
        return Err(Error::new(ErrorKind::UnexpectedEof, "cut inside the body"));
    }
    let mut tally = load.tally.borrow_mut();
    tally.open -= u64::from(open);
    let complete = !streams || events.is_complete(load.args.events, &load.args.last);
    let good = tally.ended(status, complete, sent.elapsed());
    Ok(Ended { good, keep: keep && !closed })
}

fn parse(input: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(input).map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
    let httparse::Status::Complete(length) = parsed else { return Ok(None) };
    let keep = !response.headers.iter().any(|header| {
        header.name.eq_ignore_ascii_case("connection") && header.value.eq_ignore_ascii_case(b"close")
    });
    let body = Body::framed(response.headers, Body::Close)?;
    Ok(Some(Head { length, status: response.code.unwrap_or(0), keep, body }))
}

/// How OpenAI ends a stream.
pub(super) const DONE: &str = "data: [DONE]\n\n";
/// As much of a stream's end as is kept.
const TAIL: usize = 64;

/// Counts server-sent events in pieces cut anywhere, and keeps the last bytes to see how the stream ended.
#[derive(Default)]
struct Events {
    count: u64,
    after_newline: bool,
    tail: Vec<u8>,
}

impl Events {
    fn push(&mut self, data: &[u8]) {
        for at in memchr::memchr_iter(b'\n', data) {
            let again = if at == 0 { self.after_newline } else { data[at - 1] == b'\n' };
            self.count += u64::from(again);
        }
        if let Some(last) = data.last() {
            self.after_newline = *last == b'\n';
        }
        self.tail.extend_from_slice(&data[data.len().saturating_sub(TAIL)..]);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
    }

    /// Whether the stream came whole: its last bytes, and every event the mock sends.
    fn is_complete(&self, expected: u64, last: &str) -> bool {
        self.tail.ends_with(last.as_bytes()) && (expected == 0 || expected == self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_count_alike_wherever_they_are_cut() {
        let stream = b"data: {\"a\":1}\n\ndata: {\"b\":\"\\n\"}\n\ndata: [DONE]\n\n";
        for cut in 0..=stream.len() {
            let mut events = Events::default();
            events.push(&stream[..cut]);
            events.push(&stream[cut..]);
            assert_eq!(events.count, 3, "cut at {cut}");
            assert!(events.is_complete(3, DONE) && events.is_complete(0, DONE), "cut at {cut}");
            assert!(!events.is_complete(4, DONE), "cut at {cut}");
        }
    }

    #[test]
    fn a_stream_without_its_end_mark_is_incomplete() {
        let mut events = Events::default();
        events.push(b"data: {}\n\n");
        assert!(!events.is_complete(1, DONE));
    }

    #[test]
    fn a_closing_answer_is_not_kept() {
        let head =
            parse(b"HTTP/1.1 503 No\r\nConnection: Close\r\ncontent-length: 0\r\n\r\n").unwrap().unwrap();
        assert_eq!((head.status, head.keep), (503, false));
    }
}
