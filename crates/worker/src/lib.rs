//! Wharf on Cloudflare Workers: the core behind a narrow seam. JavaScript (`js/`) owns `fetch`, streams, timers and
//! Durable Objects; here is what happened goes in, and what to do comes out, each as one buffer.
//!
//! Why it is so: docs/decisions/0007-worker-seam.md.

#[cfg(target_arch = "wasm32")]
mod abi;
pub mod answer;
pub mod command;
pub mod edge;
pub mod events;
pub mod flow;
pub mod host;
pub mod object;
pub mod ops;
pub mod settle;
pub mod setup;
