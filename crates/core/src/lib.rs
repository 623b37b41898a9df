//! Every decision of the gateway: bytes and `now` go in, decisions come out, a host carries them out.
//!
//! No runtime, no socket, no clock, no environment, no randomness of its own (see `host::Host`).

pub mod coding;
pub mod config;
pub mod echo;
pub mod error;
pub mod host;
pub mod models;
pub mod provider;
pub mod record;
pub mod secret;
pub mod status;
pub mod store;
pub mod table;
pub mod time;
