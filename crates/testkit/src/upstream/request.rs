//! One request as the upstream received it: nothing normalised, nothing lost.

use serde_json::{Value, json};

/// A recorded request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Its number among all requests, from 0.
    pub number: usize,
    /// Which connection it came on, from 0.
    pub connection: usize,
    /// The method.
    pub method: String,
    /// The request target as written: path and query, nothing decoded.
    pub target: String,
    /// The minor version: 1 for HTTP/1.1.
    pub version: u8,
    /// The headers in order, names in their original case.
    pub headers: Vec<(String, String)>,
    /// The head's bytes as they came.
    pub raw_head: Vec<u8>,
    /// The body, chunked framing taken off.
    pub body: Vec<u8>,
    /// The sizes of the chunks of a chunked body.
    pub chunks: Vec<usize>,
    /// Whether the body has come to its proper end.
    pub complete: bool,
}

impl Recorded {
    /// The first value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All values of a header.
    pub fn header_all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The target up to its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query, without its `?`.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a request body in UTF-8")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a request body in JSON")
    }

    /// The request as JSON, for answers that echo it.
    pub fn describe(&self) -> Value {
        json!({
            "method": self.method,
            "target": self.target,
            "headers": self.headers,
            "body": String::from_utf8_lossy(&self.body),
        })
    }

    /// Reads a head, blank line included.
    pub(super) fn read_head(connection: usize, raw: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 256];
        let mut head = httparse::Request::new(&mut headers);
        if !head.parse(raw).ok()?.is_complete() {
            return None;
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(Self {
            connection,
            method: head.method?.to_owned(),
            target: head.path?.to_owned(),
            version: head.version?,
            headers: head.headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect(),
            raw_head: raw.to_vec(),
            ..Self::default()
        })
    }

    pub(super) fn is_chunked(&self) -> bool {
        self.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    }

    pub(super) fn length(&self) -> usize {
        self.header("content-length").and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    }

    pub(super) fn wants_close(&self) -> bool {
        self.version == 0
            || self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}
