//! How things come back from JavaScript, as numbers that `js/events.js` shares, and what they mean to the core.

use wharf_core::host::{CollectError, TransportError};
use wharf_core::store::StoreError;

/// It is done; the input is what it gave.
pub const DONE: u32 = 0;
/// A piece of a body.
pub const PIECE: u32 = 1;
/// A body's clean end.
pub const END: u32 = 2;
/// The name did not resolve.
pub const DNS: u32 = 3;
/// No connection.
pub const CONNECT: u32 = 4;
/// The TLS handshake failed.
pub const TLS: u32 = 5;
/// The Durable Object that the call was to leave through failed.
pub const OBJECT: u32 = 6;
/// The connection was lost.
pub const CLOSED: u32 = 7;
/// What came is not HTTP.
pub const GARBAGE: u32 = 8;
/// No head in time.
pub const HEAD_TIMEOUT: u32 = 9;
/// Silence inside a body.
pub const IDLE_TIMEOUT: u32 = 10;
/// The client's body broke off.
pub const UPLOAD: u32 = 11;
/// The client's body is over the limit.
pub const TOO_LARGE: u32 = 12;
/// A Durable Object was asked and failed, or there is none.
pub const STORE_FAILED: u32 = 13;
/// A Durable Object did not answer in time.
pub const STORE_SLOW: u32 = 14;

/// A failure of a call; what is no number of ours is a lost connection.
pub const fn transport(kind: u32) -> TransportError {
    match kind {
        DNS => TransportError::Dns,
        CONNECT => TransportError::Connect,
        TLS => TransportError::Tls,
        OBJECT => TransportError::Proxy,
        GARBAGE => TransportError::Garbage,
        HEAD_TIMEOUT => TransportError::HeadTimeout,
        IDLE_TIMEOUT => TransportError::IdleTimeout,
        UPLOAD => TransportError::Upload,
        _ => TransportError::Closed,
    }
}

/// A failure of reading the client's body.
pub const fn collect(kind: u32) -> CollectError {
    match kind {
        TOO_LARGE => CollectError::TooLarge,
        _ => CollectError::Broken,
    }
}

/// A failure of the state store.
pub const fn store(kind: u32) -> StoreError {
    match kind {
        STORE_SLOW => StoreError::Slow,
        _ => StoreError::Failed,
    }
}

#[cfg(test)]
mod tests {
    /// `js/events.js` names the same numbers.
    #[test]
    fn javascript_has_the_same_numbers() {
        let theirs = include_str!("../js/events.js");
        let ours = include_str!("events.rs");
        let mut found = 0;
        for line in ours.lines() {
            let Some(rest) = line.strip_prefix("pub const ") else { continue };
            let Some((name, rest)) = rest.split_once(": u32 = ") else { continue };
            let number = rest.trim_end_matches(';');
            assert!(theirs.contains(&format!("export const {name} = {number};")), "{name} = {number}");
            found += 1;
        }
        assert_eq!(found, theirs.matches("export const").count());
    }
}
