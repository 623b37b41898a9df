//! One JSON value per line, cut into lines as bytes arrive: <https://github.com/ndjson/ndjson-spec>.

use super::sse::{FrameError, MAX_EVENT};

#[cfg(test)]
mod tests;

/// Cuts a stream into lines, however its bytes are split into chunks. Blank lines are left out.
#[derive(Debug, Default)]
pub struct JsonLines {
    pending: Vec<u8>,
}

impl JsonLines {
    /// A framer that refuses lines longer than [`MAX_EVENT`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and hands over each line that they complete.
    ///
    /// # Errors
    /// When a line is too long. The stream can't be read on then.
    pub fn push(&mut self, chunk: &[u8], on: &mut impl FnMut(&[u8])) -> Result<(), FrameError> {
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, behind) = rest.split_at(end);
            rest = behind.get(1..).unwrap_or_default();
            if self.pending.is_empty() {
                hand_over(line, on);
            } else {
                self.check(line)?;
                let mut whole = std::mem::take(&mut self.pending);
                whole.extend_from_slice(line);
                hand_over(&whole, on);
            }
        }
        self.check(rest)?;
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// The stream has ended: a last line without its end is handed over too.
    pub fn finish(&mut self, on: &mut impl FnMut(&[u8])) {
        hand_over(&std::mem::take(&mut self.pending), on);
    }

    /// Nothing of an unfinished line is held.
    #[must_use]
    pub const fn at_boundary(&self) -> bool {
        self.pending.is_empty()
    }

    const fn check(&self, more: &[u8]) -> Result<(), FrameError> {
        if self.pending.len() + more.len() > MAX_EVENT {
            return Err(FrameError::TooLong { limit: MAX_EVENT });
        }
        Ok(())
    }
}

fn hand_over(line: &[u8], on: &mut impl FnMut(&[u8])) {
    let line = line.trim_ascii();
    if !line.is_empty() {
        on(line);
    }
}
