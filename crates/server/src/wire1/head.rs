//! Request and answer heads: what a complete head means, and which heads are refused.
//!
//! httparse splits the lines; everything two readers could understand differently is refused here.

use super::fields::{self, Facts};
use super::{Framing, HeadError, MAX_HEADERS, Scan};
use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::{Method, StatusCode, Version};
use std::mem::MaybeUninit;
use wharf_core::headers::Headers;

/// A request's head.
#[derive(Debug)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// Path and query as they came (`*` for `OPTIONS *`); an absolute URI is cut down to them.
    pub target: String,
    /// 1.0 or 1.1.
    pub version: Version,
    /// All header lines; `Host` is the URI's where the target was absolute.
    pub headers: Headers,
    /// How many bytes of the buffer the head takes.
    pub consumed: usize,
    /// Where the body ends.
    pub framing: Framing,
    /// The client keeps the connection.
    pub keep_alive: bool,
    /// The client waits for `100 Continue` before it sends the body.
    pub expect_continue: bool,
}

/// An answer's head.
#[derive(Debug)]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// 1.0 or 1.1.
    pub version: Version,
    /// All header lines.
    pub headers: Headers,
    /// How many bytes of the buffer the head takes, interim (1xx) heads before it included.
    pub consumed: usize,
    /// Where the body ends.
    pub framing: Framing,
    /// The server keeps the connection once the body has ended.
    pub keep_alive: bool,
}

/// Reads a request's head from the start of `buf`; `None` while it is incomplete.
///
/// # Errors
/// See [`HeadError`]; the connection is of no use afterwards.
pub fn parse_request(buf: &[u8], limit: usize) -> Result<Option<RequestHead>, HeadError> {
    match Scan::default().find(buf, limit)? {
        Some(end) => RequestHead::parse(buf.get(..end).unwrap_or_default()).map(Some),
        None => Ok(None),
    }
}

/// Reads an answer's head from the start of `buf`, past interim ones; `None` while it is incomplete.
/// `to_head`: the request was a `HEAD`, so no body follows whatever the header lines say.
///
/// # Errors
/// See [`HeadError`]; the connection is of no use afterwards.
pub fn parse_response(buf: &[u8], to_head: bool, limit: usize) -> Result<Option<ResponseHead>, HeadError> {
    let mut skipped = 0;
    loop {
        let rest = buf.get(skipped..).unwrap_or_default();
        let Some(end) = Scan::default().find(rest, limit.saturating_sub(skipped))? else { return Ok(None) };
        let mut head = ResponseHead::parse(rest.get(..end).unwrap_or_default(), to_head)?;
        skipped += end;
        if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
            head.consumed = skipped;
            return Ok(Some(head));
        }
    }
}

impl RequestHead {
    /// Reads a head whose end [`Scan`] has found: `head` is that and no more.
    ///
    /// # Errors
    /// See [`HeadError`].
    pub fn parse(head: &[u8]) -> Result<Self, HeadError> {
        let shared = Bytes::copy_from_slice(head);
        let mut lines = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut []);
        complete(request.parse_with_uninit_headers(&shared, &mut lines), head.len())?;
        let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
        else {
            return Err(HeadError::Malformed);
        };
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| HeadError::Malformed)?;
        if method == Method::CONNECT {
            return Err(HeadError::Connect);
        }
        let (mut headers, facts) = fields::build(&shared, request.headers)?;
        let http_1_1 = minor == 1;
        if facts.hosts > 1 || (http_1_1 && facts.hosts == 0) {
            return Err(HeadError::Malformed);
        }
        let target = origin_form(&method, target, &mut headers)?;
        Ok(Self {
            method,
            target,
            version: version(minor),
            headers,
            consumed: head.len(),
            framing: facts.framing(http_1_1)?.unwrap_or(Framing::None),
            keep_alive: facts.keep_alive(http_1_1),
            expect_continue: facts.expect && http_1_1,
        })
    }
}

impl ResponseHead {
    /// Reads a head whose end [`Scan`] has found: `head` is that and no more. It may be an interim one.
    ///
    /// # Errors
    /// See [`HeadError`].
    pub fn parse(head: &[u8], to_head: bool) -> Result<Self, HeadError> {
        let shared = Bytes::copy_from_slice(head);
        let mut lines = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            &shared,
            &mut lines,
        );
        complete(parsed, head.len())?;
        let (Some(code), Some(minor)) = (response.code, response.version) else {
            return Err(HeadError::Malformed);
        };
        let status = StatusCode::from_u16(code).map_err(|_| HeadError::Malformed)?;
        let (headers, facts) = fields::build(&shared, response.headers)?;
        let framing = answer_framing(status, to_head, facts, minor == 1)?;
        Ok(Self {
            status,
            version: version(minor),
            headers,
            consumed: head.len(),
            framing,
            keep_alive: facts.keep_alive(minor == 1) && framing != Framing::UntilClose,
        })
    }
}

fn answer_framing(
    status: StatusCode,
    to_head: bool,
    facts: Facts,
    http_1_1: bool,
) -> Result<Framing, HeadError> {
    if status == StatusCode::SWITCHING_PROTOCOLS {
        // What follows is another protocol's: never a next answer.
        return Ok(Framing::UntilClose);
    }
    let said = if facts.encodings == 1 && facts.identity && http_1_1 && facts.length.is_none() {
        None
    } else {
        facts.framing(http_1_1)?
    };
    let bodiless = status.is_informational() || matches!(status.as_u16(), 204 | 304);
    Ok(if to_head || bodiless { Framing::None } else { said.unwrap_or(Framing::UntilClose) })
}

fn complete(parsed: httparse::Result<usize>, length: usize) -> Result<(), HeadError> {
    match parsed {
        Ok(httparse::Status::Complete(end)) if end == length => Ok(()),
        Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooLarge),
        Ok(_) | Err(_) => Err(HeadError::Malformed),
    }
}

const fn version(minor: u8) -> Version {
    if minor == 1 { Version::HTTP_11 } else { Version::HTTP_10 }
}

/// Path and query of a target. An absolute URI's authority replaces `Host` (RFC 9112, 3.2.2).
fn origin_form(method: &Method, target: &str, headers: &mut Headers) -> Result<String, HeadError> {
    // A fragment has no place in a request (RFC 9112, 3.2): a server behind us might cut it off, and resolve what is left.
    if !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(HeadError::Malformed);
    }
    if target.starts_with('/') {
        return Ok(target.to_owned());
    }
    if target == "*" && *method == Method::OPTIONS {
        return Ok(target.to_owned());
    }
    let scheme = ["http://", "https://"]
        .into_iter()
        .find(|scheme| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
        .ok_or(HeadError::Malformed)?;
    let rest = target.get(scheme.len()..).unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.is_empty() || !authority.bytes().all(fields::in_authority) {
        return Err(HeadError::Malformed);
    }
    headers.insert(HOST, HeaderValue::from_str(authority).map_err(|_| HeadError::Malformed)?);
    Ok(if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
}
