//! Finds the end of a head while its bytes arrive, looking at each byte once.
//!
//! Line ends are judged here too: a bare LF or CR is refused as soon as it is seen, so that a
//! client that never sends the CRLF CRLF we wait for still gets its answer at once.

use super::HeadError;
use memchr::memchr2;

/// Empty lines that are forgiven before the first line (old clients send one after a body).
const LEADING_LINES: usize = 4;

/// How far a head has been looked at. One per head; the buffer may grow between calls, not shrink.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scan {
    /// The next byte to look at.
    at: usize,
    /// Where the current line starts.
    line: usize,
    /// Empty lines before the first one.
    leading: usize,
    /// The first line is complete.
    started: bool,
}

impl Scan {
    /// The length of the head once its last byte is in `buf`; `None` while more is needed.
    ///
    /// # Errors
    /// A line end other than CRLF, a first byte that starts no message, or a head over `limit`.
    pub fn find(&mut self, buf: &[u8], limit: usize) -> Result<Option<usize>, HeadError> {
        while let Some(found) = buf.get(self.at..).and_then(|rest| memchr2(b'\r', b'\n', rest)) {
            let end = self.at + found;
            match (buf.get(end), buf.get(end + 1)) {
                (Some(b'\r'), Some(b'\n')) => {}
                // Half a line end: the other half may be on its way.
                (Some(b'\r'), None) => {
                    self.at = end;
                    return self.unfinished(buf, limit);
                }
                _ => return Err(HeadError::Malformed),
            }
            let length = end - self.line;
            self.at = end + 2;
            if length == 0 && !self.started {
                self.leading += 1;
                if self.leading > LEADING_LINES {
                    return Err(HeadError::Malformed);
                }
            } else if length == 0 {
                return if self.at > limit { Err(HeadError::TooLarge) } else { Ok(Some(self.at)) };
            } else if !self.started {
                self.started = true;
                if length > limit {
                    return Err(HeadError::TargetTooLong);
                }
            }
            self.line = self.at;
        }
        self.at = buf.len();
        self.unfinished(buf, limit)
    }

    /// Judges what lies behind the last complete line.
    fn unfinished(&self, buf: &[u8], limit: usize) -> Result<Option<usize>, HeadError> {
        if !self.started {
            // A TLS hello on the plain port is told apart by its first byte, not by a time-out.
            let first = buf.get(self.line).copied().unwrap_or(b'A');
            if !first.is_ascii_graphic() && first != b'\r' {
                return Err(HeadError::Malformed);
            }
        }
        if buf.len() <= limit {
            return Ok(None);
        }
        Err(if self.started { HeadError::TooLarge } else { HeadError::TargetTooLong })
    }
}
