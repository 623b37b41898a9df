//! Writes heads and chunk framing into a buffer.
//!
//! Whoever calls decides the framing; lines that say how a connection or a body is framed are
//! written from that decision alone, and skipped in the header map.

use bytes::{BufMut, BytesMut};
use http::header::{DATE, HOST, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use wharf_core::headers::Headers;

/// What stands behind each chunk's content.
pub const CHUNK_END: &[u8] = b"\r\n";

/// What ends a chunked body.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// How a body that we send is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// No line is written: there is no body, or the connection's end ends it.
    Unsaid,
    /// `Content-Length`.
    Known(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// The parts of an answer's head that are not in its header map.
#[derive(Clone, Copy, Debug)]
pub struct ResponseLine<'a> {
    /// The status.
    pub status: StatusCode,
    /// How the body is framed.
    pub length: Length,
    /// What `Connection` says, where it must be said.
    pub connection: Option<&'static str>,
    /// The value of `Date`, for an answer that has none.
    pub date: Option<&'a [u8]>,
}

/// Appends a request's head. `host` becomes `Host`; one in `headers` is skipped. `own` goes behind them.
pub fn request_head(
    out: &mut BytesMut,
    method: &Method,
    target: &str,
    host: &str,
    headers: &Headers,
    own: &[(HeaderName, HeaderValue)],
    length: Length,
) {
    let room = room(headers.iter()) + room(own.iter().map(|(name, value)| (name, value)));
    out.reserve(target.len() + host.len() + 64 + room);
    out.put_slice(method.as_str().as_bytes());
    out.put_slice(b" ");
    out.put_slice(target.as_bytes());
    out.put_slice(b" HTTP/1.1\r\nhost: ");
    out.put_slice(host.as_bytes());
    out.put_slice(b"\r\n");
    for (name, value) in headers.iter() {
        if *name != HOST {
            line(out, name, value);
        }
    }
    for (name, value) in own {
        line(out, name, value);
    }
    framing(out, length);
    out.put_slice(b"\r\n");
}

/// Appends an answer's head.
pub fn response_head(out: &mut BytesMut, first: ResponseLine<'_>, headers: &Headers) {
    out.reserve(160 + room(headers.iter()));
    status_line(out, first.status);
    let mut dated = false;
    for (name, value) in headers.iter() {
        dated |= *name == DATE;
        line(out, name, value);
    }
    if let Some(date) = first.date
        && !dated
    {
        out.put_slice(b"date: ");
        out.put_slice(date);
        out.put_slice(b"\r\n");
    }
    framing(out, first.length);
    if let Some(connection) = first.connection {
        out.put_slice(b"connection: ");
        out.put_slice(connection.as_bytes());
        out.put_slice(b"\r\n");
    }
    out.put_slice(b"\r\n");
}

/// Appends a chunk's size line. An empty chunk would end the body: it is never asked for.
pub fn chunk_head(out: &mut BytesMut, length: usize) {
    let mut digits = [0_u8; 16];
    let mut at = digits.len();
    let mut rest = length;
    while let Some((slot, nibble)) = at.checked_sub(1).and_then(|i| Some((digits.get_mut(i)?, rest & 15))) {
        *slot = b"0123456789abcdef".get(nibble).copied().unwrap_or_default();
        at -= 1;
        rest >>= 4;
        if rest == 0 {
            break;
        }
    }
    out.put_slice(digits.get(at..).unwrap_or_default());
    out.put_slice(b"\r\n");
}

/// Appends a number in decimal.
pub fn decimal(out: &mut BytesMut, number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        at -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.put_slice(digits.get(at..).unwrap_or_default());
}

/// A number as a header value.
pub fn decimal_value(number: u64) -> HeaderValue {
    HeaderValue::from(number)
}

fn status_line(out: &mut BytesMut, status: StatusCode) {
    if status == StatusCode::OK {
        out.put_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(status.as_str().as_bytes());
    out.put_slice(b" ");
    out.put_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.put_slice(b"\r\n");
}

fn framing(out: &mut BytesMut, length: Length) {
    match length {
        Length::Unsaid => {}
        Length::Known(length) => {
            out.put_slice(b"content-length: ");
            decimal(out, length);
            out.put_slice(b"\r\n");
        }
        Length::Chunked => out.put_slice(b"transfer-encoding: chunked\r\n"),
    }
}

fn line(out: &mut BytesMut, name: &HeaderName, value: &HeaderValue) {
    let name = name.as_str();
    let ours = matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "transfer-encoding"
            | "content-length"
            | "upgrade"
            | "trailer"
    );
    if ours {
        return;
    }
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    out.put_slice(value.as_bytes());
    out.put_slice(b"\r\n");
}

/// Room for the lines of a map, so that the buffer grows at most once.
fn room<'a>(headers: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>) -> usize {
    headers.map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}
