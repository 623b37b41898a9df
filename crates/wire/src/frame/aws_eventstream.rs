//! AWS's binary event stream.

use super::sse::FrameError;

/// Cuts a stream into messages.
#[derive(Debug, Default)]
pub struct EventStream {
    pending: Vec<u8>,
}

impl EventStream {
    /// A framer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When a frame can't be read.
    pub fn push(&mut self, _chunk: &[u8], _on: &mut impl FnMut(&str, &[u8])) -> Result<(), FrameError> {
        Ok(())
    }
}
