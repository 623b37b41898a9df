//! The HTTP/1.1 codec that both sides share: heads in, bodies in, heads and chunks out.
//!
//! Bytes only: no socket, no clock, no task. What a peer may send is decided here, once; what is
//! done about a refusal is the connection's business.

mod body;
mod buffers;
mod encode;
mod fields;
mod head;
mod scan;

#[cfg(test)]
mod tests;

pub use body::{BodyError, Decoder, Step};
pub use buffers::{BUFFER, give, take};
pub use encode::{
    CHUNK_END, LAST_CHUNK, Length, ResponseLine, chunk_head, decimal, decimal_value, request_head,
    response_head,
};
pub use head::{RequestHead, ResponseHead, parse_request, parse_response};
pub use scan::Scan;

use http::StatusCode;

/// The greatest head that is read unless a connection says otherwise.
pub const HEAD_LIMIT: usize = 64 * 1024;

/// The greatest number of header lines in one head.
pub const MAX_HEADERS: usize = 128;

/// Where a message's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// After so many bytes.
    Length(u64),
    /// After the last chunk.
    Chunked,
    /// When the peer closes (answers only).
    UntilClose,
}

/// Why a head was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not HTTP/1.x, or a head that two readers could understand differently.
    #[error("malformed head")]
    Malformed,
    /// The request line alone is over the limit.
    #[error("request target too long")]
    TargetTooLong,
    /// The head is over the limit, or has too many lines.
    #[error("head too large")]
    TooLarge,
    /// `CONNECT`: this is no forward proxy.
    #[error("CONNECT is not served")]
    Connect,
}

impl HeadError {
    /// The status that a client is told.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Connect => StatusCode::METHOD_NOT_ALLOWED,
        }
    }
}
