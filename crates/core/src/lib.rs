//! Every decision of the gateway: bytes and `now` go in, decisions come out, a host carries them out.
//!
//! No runtime, no socket, no clock, no environment, no randomness of its own (see `host::Host`).

pub mod config;
pub mod error;
pub mod host;
pub mod provider;
pub mod record;
pub mod secret;
pub mod store;
pub mod table;
pub mod time;
