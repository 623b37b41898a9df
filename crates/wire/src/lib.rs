//! LLM wire formats: bytes in, bytes out. No runtime, no socket, no clock, no provider.
//!
//! `scan` reads and edits a request body without parsing it into a tree, `tap` reads beside an answer that
//! goes through untouched, `relay` decides how such an answer ends.

#![forbid(unsafe_code)]

mod anthropic_messages;
mod bedrock_converse;
pub mod chat;
mod cohere_chat;
pub mod embeddings;
pub mod format;
pub mod frame;
mod gemini_generate;
pub mod json;
pub mod multipart;
mod ollama_chat;
mod openai_chat;
mod openai_responses;
pub mod opening;
pub mod relay;
pub mod rerank;
pub mod scan;
pub mod stream_error;
pub mod tap;
pub mod translate;
pub mod usage;

pub use format::Format;
pub use relay::{End, Finish, Relay, RelayKind};
pub use scan::{Edited, Edits, Member, Model, Root, Scan, ScanError, Segments, edit, members, scan, splice};
pub use stream_error::{error_body, error_event};
pub use tap::{Seen, Tap};
pub use usage::Usage;
