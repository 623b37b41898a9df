//! One connection of the mock: read a request, answer it, again.

use super::{Mock, answers};
use crate::http::Body;
use std::io::{Error, ErrorKind, Result};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};

/// Bodies beyond this are counted, not looked at: only short ones ask for streams here.
const LOOKED_AT: usize = 64 * 1024;

enum Request {
    /// A path of the mock's own.
    Control(String),
    Models,
    Completion,
    Stream,
}

pub(super) async fn serve(mut stream: TcpStream, mock: &Mock) -> Result<()> {
    let mut input = Vec::with_capacity(8 * 1024);
    while let Some(request) = read(&mut stream, &mut input, mock).await? {
        match request {
            Request::Control(path) => {
                let known = path.strip_prefix("/__cfg?").is_none_or(|query| mock.configure(query));
                let status = if known { "200 OK" } else { "400 Bad Request" };
                let stats = serde_json::to_string(&mock.counters.get())?;
                stream.write_all(&answers::plain(status, &stats)).await?;
            }
            Request::Models => {
                let list = r#"{"object":"list","data":[{"id":"gpt-4o-mini","object":"model","created":1700000000,"owned_by":"bench"}]}"#;
                stream.write_all(&answers::plain("200 OK", list)).await?;
            }
            Request::Completion => send_completion(&mut stream, mock).await?,
            Request::Stream => {
                mock.count(|counters| {
                    (counters.streams, counters.open_streams) =
                        (counters.streams + 1, counters.open_streams + 1)
                });
                let ended = send_stream(&mut stream, mock).await;
                mock.count(|counters| {
                    counters.open_streams -= 1;
                    counters.aborted_streams += u64::from(ended.is_err());
                });
                ended?;
            }
        }
    }
    Ok(())
}

/// The next request with its body behind it; `None` when the peer is gone.
async fn read(stream: &mut TcpStream, input: &mut Vec<u8>, mock: &Mock) -> Result<Option<Request>> {
    let (head, mut body, request) = loop {
        if let Some(found) = parse(input, mock)? {
            break found;
        }
        if stream.read_buf(input).await? == 0 {
            return Ok(None);
        }
    };
    input.drain(..head);
    let mut start = Vec::new();
    loop {
        let taken = body.take(input, &mut |data| {
            let room = LOOKED_AT.saturating_sub(start.len()).min(data.len());
            start.extend_from_slice(&data[..room]);
        })?;
        input.drain(..taken);
        if body.is_done() {
            break;
        }
        if matches!(body, Body::Length(left) if left > LOOKED_AT as u64) {
            input.reserve(256 * 1024);
        }
        if stream.read_buf(input).await? == 0 {
            return Ok(None);
        }
    }
    input.shrink_to(8 * 1024);
    let request = match request {
        Request::Completion if asks_for_stream(&start) => Request::Stream,
        other => other,
    };
    Ok(Some(request))
}

/// Head length, framing and kind, once the head is complete.
fn parse(input: &[u8], mock: &Mock) -> Result<Option<(usize, Body, Request)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let parsed = request.parse(input).map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
    let httparse::Status::Complete(head) = parsed else { return Ok(None) };
    let body = Body::framed(request.headers, Body::Length(0))?;
    let path = request.path.unwrap_or("");
    if path.starts_with("/__") {
        return Ok(Some((head, body, Request::Control(path.to_owned()))));
    }
    let key = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("authorization"));
    let right = key.is_some_and(|key| key.value.starts_with(b"Bearer sk-upstream-"));
    mock.count(|counters| {
        counters.requests += 1;
        counters.wrong_key += u64::from(!right);
    });
    let kind = if request.method == Some("GET") { Request::Models } else { Request::Completion };
    Ok(Some((head, body, kind)))
}

fn asks_for_stream(body: &[u8]) -> bool {
    memchr::memmem::find(body, br#""stream":true"#).is_some()
}

async fn send_completion(stream: &mut TcpStream, mock: &Mock) -> Result<()> {
    let answers = mock.answers();
    let pause = Duration::from_micros(mock.knobs.get().pause_us);
    if pause.is_zero() {
        return stream.write_all(&answers.completion).await;
    }
    let head = memchr::memmem::find(&answers.completion, b"\r\n\r\n").map_or(0, |end| end + 4);
    let (first, rest) = answers.completion.split_at(usize::midpoint(head, answers.completion.len()));
    stream.write_all(first).await?;
    sleep(pause).await;
    stream.write_all(rest).await
}

async fn send_stream(stream: &mut TcpStream, mock: &Mock) -> Result<()> {
    let (knobs, answers) = (mock.knobs.get(), mock.answers());
    let interval = Duration::from_micros(knobs.interval_us);
    let mut due = Instant::now();
    stream.write_all(&answers.stream_head).await?;
    let batch = answers.chunk.repeat(usize::try_from(knobs.batch.clamp(1, 1_000)).unwrap_or(1));
    let mut left = knobs.chunks;
    while left > 0 {
        if left < knobs.chunks && !interval.is_zero() {
            due += interval;
            // A reader that leaves is noticed at once, not at the next write.
            tokio::select! {
                () = sleep_until(due) => {}
                left = reader_left(stream) => return Err(left),
            }
        }
        let chunks = knobs.batch.clamp(1, left);
        let bytes = usize::try_from(chunks).map_or(0, |chunks| chunks * answers.chunk.len()).min(batch.len());
        stream.write_all(&batch[..bytes]).await?;
        left -= chunks;
    }
    stream.write_all(&answers.stream_end).await
}

/// Waits until the peer closes or breaks the connection.
async fn reader_left(stream: &TcpStream) -> Error {
    loop {
        if let Err(error) = stream.readable().await {
            return error;
        }
        match stream.try_read(&mut [0; 1]) {
            Ok(0) => return ErrorKind::ConnectionReset.into(),
            Ok(_) => return Error::new(ErrorKind::InvalidData, "a request behind a running stream"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UPSTREAM_KEY;

    #[test]
    fn a_request_without_the_upstream_key_is_counted() {
        let mock = Mock::new();
        let wire = |key: &str| {
            format!("POST /v1/x HTTP/1.1\r\nauthorization: Bearer {key}\r\ncontent-length: 2\r\n\r\n{{}}")
        };
        parse(wire(UPSTREAM_KEY).as_bytes(), &mock).unwrap().unwrap();
        parse(wire("sk-bench-0").as_bytes(), &mock).unwrap().unwrap();
        let counters = mock.counters.get();
        assert_eq!((counters.requests, counters.wrong_key), (2, 1));
    }

    #[test]
    fn control_paths_are_not_requests() {
        let mock = Mock::new();
        let found = parse(b"POST /__stats HTTP/1.1\r\n\r\n", &mock).unwrap().unwrap();
        assert!(matches!(found.2, Request::Control(path) if path == "/__stats"));
        assert_eq!(mock.counters.get().requests, 0);
    }
}
