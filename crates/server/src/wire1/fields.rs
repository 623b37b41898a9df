//! Header lines: from httparse's view into a `Headers`, with the facts that framing needs.

use super::{Framing, HeadError};
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use wharf_core::headers::Headers;

/// What the header lines of one head say about its connection and its body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    /// `Content-Length`, all of them saying the same.
    pub length: Option<u64>,
    /// `Transfer-Encoding` lines seen.
    pub encodings: u32,
    /// One `Transfer-Encoding` line, exactly `chunked`.
    pub chunked: bool,
    /// One `Transfer-Encoding` line, exactly `identity`.
    pub identity: bool,
    /// `Host` lines seen.
    pub hosts: u32,
    /// `Connection` names `close`.
    pub close: bool,
    /// `Connection` names `keep-alive`.
    pub keep: bool,
    /// `Expect: 100-continue`.
    pub expect: bool,
}

/// Builds the map. The values are slices of `head`, which is shared by all of them.
pub(super) fn build(head: &Bytes, lines: &[httparse::Header<'_>]) -> Result<(Headers, Facts), HeadError> {
    // Room for what the gateway adds, so that the list need not grow.
    let mut map = Headers::with_capacity(lines.len() + 6);
    let mut facts = Facts::default();
    for line in lines {
        let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| HeadError::Malformed)?;
        facts.note(&name, line.value)?;
        let value =
            HeaderValue::from_maybe_shared(head.slice_ref(line.value)).map_err(|_| HeadError::Malformed)?;
        map.append(name, value);
    }
    Ok((map, facts))
}

impl Facts {
    fn note(&mut self, name: &HeaderName, value: &[u8]) -> Result<(), HeadError> {
        match name.as_str() {
            "content-length" => {
                let length = decimal(value)?;
                if self.length.is_some_and(|before| before != length) {
                    return Err(HeadError::Malformed);
                }
                self.length = Some(length);
            }
            "transfer-encoding" => {
                self.encodings += 1;
                self.chunked = self.encodings == 1 && value.eq_ignore_ascii_case(b"chunked");
                self.identity = self.encodings == 1 && value.eq_ignore_ascii_case(b"identity");
            }
            "host" => {
                self.hosts += 1;
                if !value.iter().copied().all(in_authority) {
                    return Err(HeadError::Malformed);
                }
            }
            "connection" => {
                for token in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
                    self.close |= token.eq_ignore_ascii_case(b"close");
                    self.keep |= token.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            "expect" => self.expect |= value.eq_ignore_ascii_case(b"100-continue"),
            _ => {}
        }
        Ok(())
    }

    /// Whether the connection outlives this message, by version and `Connection`.
    pub(super) const fn keep_alive(&self, http_1_1: bool) -> bool {
        !self.close && (http_1_1 || self.keep)
    }

    /// The framing by the header lines alone; `None` when neither line is there.
    pub(super) const fn framing(&self, http_1_1: bool) -> Result<Option<Framing>, HeadError> {
        match (self.encodings, self.length) {
            (0, None) => Ok(None),
            (0, Some(length)) => Ok(Some(Framing::Length(length))),
            // Beside a length, or in 1.0, a reader before or behind us may see another end.
            (1, None) if http_1_1 && self.chunked => Ok(Some(Framing::Chunked)),
            _ => Err(HeadError::Malformed),
        }
    }
}

/// Bytes that may stand in a `Host` value or an authority (RFC 3986 `host [":" port]`).
pub(super) const fn in_authority(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b':'
                | b'['
                | b']'
                | b'%'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b';'
                | b'='
        )
}

/// A length in decimal digits and nothing else.
fn decimal(value: &[u8]) -> Result<u64, HeadError> {
    if value.is_empty() {
        return Err(HeadError::Malformed);
    }
    value.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(HeadError::Malformed);
        }
        sum.checked_mul(10).and_then(|sum| sum.checked_add(u64::from(digit))).ok_or(HeadError::Malformed)
    })
}
