//! AWS's binary event stream, cut into messages as bytes arrive: a prelude of two lengths, headers, a payload, and a
//! checksum over each of prelude and message. <https://smithy.io/2.0/aws/amazon-eventstream.html>
//!
//! What a message means is up to the format. A message that lies whole in one chunk is not copied.

use super::json_lines::JsonLines;
use super::sse::{FrameError, MAX_EVENT};
use crate::json::Writer;

#[cfg(test)]
pub(crate) mod tests;

/// Before the names of exceptions and errors that [`EventStream`] hands over.
pub const EXCEPTION: &str = "exception:";

/// Both lengths and their checksum.
const PRELUDE: usize = 12;
/// The checksum at the end.
const TRAILER: usize = 4;
/// The longest headers that AWS allows.
const MAX_HEADERS: usize = 128 << 10;
/// The longest message: what an event may hold and what is around it.
const MAX_MESSAGE: usize = MAX_EVENT + MAX_HEADERS;

/// Cuts a stream into messages, however its bytes are split into chunks.
#[derive(Debug, Default)]
pub struct EventStream {
    /// The beginning of a message whose end has not come yet.
    pending: Vec<u8>,
    /// The stream is JSON lines instead: some proxies and recorders decode the frames. No frame begins with `{`, it
    /// would be two gigabytes long.
    lines: Option<JsonLines>,
    begun: bool,
}

impl EventStream {
    /// A framer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing of an unfinished message is held.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        self.pending.is_empty() && self.lines.as_ref().is_none_or(JsonLines::at_boundary)
    }

    /// Takes the next bytes and hands over type and payload of each message that they complete. The type of an
    /// exception or error has [`EXCEPTION`] before it; a JSON line has none.
    ///
    /// # Errors
    /// When a message is too long or its checksums or headers are wrong. The stream can't be read on then.
    pub fn push(&mut self, chunk: &[u8], on: &mut impl FnMut(&str, &[u8])) -> Result<(), FrameError> {
        if !self.begun && !chunk.is_empty() {
            self.begun = true;
            self.lines = chunk.starts_with(b"{").then(JsonLines::new);
        }
        if let Some(lines) = &mut self.lines {
            return lines.push(chunk, &mut |line| on("", line));
        }
        let mut rest = chunk;
        while !rest.is_empty() {
            if self.pending.is_empty() {
                let Some((message, behind)) = split(rest)? else {
                    self.pending.extend_from_slice(rest);
                    return Ok(());
                };
                hand_over(message, on)?;
                rest = behind;
                continue;
            }
            let wanted = match prelude(&self.pending)? {
                Some(total) => total,
                None => PRELUDE,
            };
            let (more, behind) = rest.split_at((wanted - self.pending.len()).min(rest.len()));
            self.pending.extend_from_slice(more);
            rest = behind;
            if prelude(&self.pending)?.is_some_and(|total| total == self.pending.len()) {
                let mut message = std::mem::take(&mut self.pending);
                hand_over(&message, on)?;
                if message.capacity() <= 4096 {
                    message.clear();
                    self.pending = message;
                }
            }
        }
        Ok(())
    }

    /// The stream has ended: a last JSON line without its end is handed over too.
    pub fn finish(&mut self, on: &mut impl FnMut(&str, &[u8])) {
        if let Some(lines) = &mut self.lines {
            lines.finish(&mut |line| on("", line));
        }
    }
}

/// A message and what is behind it.
type Cut<'b> = (&'b [u8], &'b [u8]);

/// The first message; `None`: it is not whole.
fn split(bytes: &[u8]) -> Result<Option<Cut<'_>>, FrameError> {
    Ok(prelude(bytes)?.and_then(|total| bytes.split_at_checked(total)))
}

/// A message's length, checked; `None`: its prelude is not whole.
fn prelude(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
    let Some(head) = bytes.first_chunk::<PRELUDE>() else { return Ok(None) };
    let [total, headers, sum] = [0, 4, 8].map(|at| number(head, at));
    if crc32fast::hash(head.get(..8).unwrap_or_default()) != sum {
        return Err(FrameError::Damaged("the checksum of its lengths is wrong"));
    }
    let (total, headers) = (total as usize, headers as usize);
    if total > MAX_MESSAGE {
        return Err(FrameError::TooLong { limit: MAX_MESSAGE });
    }
    if headers > MAX_HEADERS || total < PRELUDE + headers + TRAILER {
        return Err(FrameError::Damaged("its lengths contradict each other"));
    }
    Ok(Some(total))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let number = bytes.get(at..).and_then(<[u8]>::first_chunk);
    number.map_or(0, |number| u32::from_be_bytes(*number))
}

/// A whole message: what its headers say it is, and its payload.
fn hand_over(message: &[u8], on: &mut impl FnMut(&str, &[u8])) -> Result<(), FrameError> {
    const CUT: FrameError = FrameError::Damaged("it is shorter than it says");
    let (body, sum) = message.split_last_chunk::<TRAILER>().ok_or(CUT)?;
    if crc32fast::hash(body) != u32::from_be_bytes(*sum) {
        return Err(FrameError::Damaged("its checksum is wrong"));
    }
    let behind = PRELUDE + number(message, 4) as usize;
    let head = Head::read(body.get(PRELUDE..behind).ok_or(CUT)?)?;
    let payload = body.get(behind..).ok_or(CUT)?;
    match head.message {
        // Without a type it is an event: smithy's own readers see it so.
        "event" | "" => on(head.event, payload),
        "exception" => on(&[EXCEPTION, head.exception].concat(), payload),
        "error" => {
            let mut out = Writer::default();
            out.begin().member("message", head.error_message).end();
            on(&[EXCEPTION, head.error].concat(), &out.into_bytes());
        }
        // Other kinds of messages may come to be: they are nobody's answer.
        _ => {}
    }
    Ok(())
}

/// The headers that say what a message is.
#[derive(Debug, Default)]
struct Head<'h> {
    message: &'h str,
    event: &'h str,
    exception: &'h str,
    error: &'h str,
    error_message: &'h str,
}

impl<'h> Head<'h> {
    fn read(bytes: &'h [u8]) -> Result<Self, FrameError> {
        let mut head = Self::default();
        let mut cursor = Cursor(bytes);
        while !cursor.0.is_empty() {
            let (name, value) = cursor.header().ok_or(FrameError::Damaged("its headers can't be read"))?;
            let slot = match name {
                b":message-type" => &mut head.message,
                b":event-type" => &mut head.event,
                b":exception-type" => &mut head.exception,
                b":error-code" => &mut head.error,
                b":error-message" => &mut head.error_message,
                _ => continue,
            };
            *slot = value.unwrap_or_default();
        }
        Ok(head)
    }
}

struct Cursor<'h>(&'h [u8]);

impl<'h> Cursor<'h> {
    fn take(&mut self, count: usize) -> Option<&'h [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn text(&mut self) -> Option<&'h [u8]> {
        let length = *self.take(2)?.first_chunk::<2>()?;
        self.take(usize::from(u16::from_be_bytes(length)))
    }

    /// A header's name, and its value where that is a string.
    fn header(&mut self) -> Option<(&'h [u8], Option<&'h str>)> {
        let length = self.byte()?;
        let name = self.take(usize::from(length))?;
        let value = match self.byte()? {
            // True, false.
            0 | 1 => None,
            2 => self.take(1).map(|_| None)?,
            3 => self.take(2).map(|_| None)?,
            4 => self.take(4).map(|_| None)?,
            // A long, a time.
            5 | 8 => self.take(8).map(|_| None)?,
            6 => self.text().map(|_| None)?,
            7 => Some(std::str::from_utf8(self.text()?).ok()?),
            9 => self.take(16).map(|_| None)?,
            _ => return None,
        };
        Some((name, value))
    }
}
