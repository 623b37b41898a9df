//! Incremental framing: where one event of a stream ends and the next begins. What events mean is up to formats.

pub mod aws_eventstream;
pub mod json_lines;
pub mod sse;

pub use sse::{Event, FrameError, Sse};
