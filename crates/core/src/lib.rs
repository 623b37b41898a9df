//! Every decision of the gateway: bytes and `now` go in, decisions come out, a host carries them out.
//!
//! No runtime, no socket, no clock, no environment, no randomness of its own (see `host::Host`).

#![forbid(unsafe_code)]

pub mod auth;
pub mod changes;
pub mod coding;
pub mod config;
pub mod cors;
pub mod echo;
pub mod egress;
pub mod error;
pub mod exchange;
pub mod gateway;
pub mod headers;
pub mod health;
pub mod hints;
pub mod host;
pub mod ingress;
pub mod keys;
pub mod lane;
pub mod models;
pub mod plan;
pub mod provider;
pub mod query;
pub mod record;
pub mod route;
pub mod secret;
pub mod selector;
pub mod signing;
pub mod status;
pub mod store;
pub mod table;
pub mod time;
pub mod upstream;
