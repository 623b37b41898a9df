//! Server-sent events, cut into events as bytes arrive: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
//! An event that lies whole in one chunk is not copied.

#[cfg(test)]
mod tests;

/// The longest event that is accepted by default: a whole image may travel in one.
pub const MAX_EVENT: usize = 16 << 20;

/// One event. Fields that did not come are empty or `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// `event:`, the event's name.
    pub name: &'a [u8],
    /// `data:`, its lines joined by `\n`.
    pub data: &'a [u8],
    /// `id:`.
    pub id: Option<&'a [u8]>,
    /// `retry:`, in milliseconds.
    pub retry: Option<u64>,
}

/// Why a stream can't be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// One event is longer than the limit.
    #[error("an event of the stream is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// A binary frame is not what it says it is.
    #[error("a frame of the stream is damaged: {0}")]
    Damaged(&'static str),
}

/// Cuts a stream into events, however its bytes are split into chunks.
#[derive(Debug)]
pub struct Sse {
    /// The beginning of an event whose end has not come yet.
    pending: Vec<u8>,
    /// Several data lines of one event, joined.
    joined: Vec<u8>,
    limit: usize,
    line_empty: bool,
    /// The last byte was a `\r`: a `\n` right behind it belongs to it.
    after_cr: bool,
    /// No event has been cut off yet, so a byte order mark may still come.
    first: bool,
}

impl Default for Sse {
    fn default() -> Self {
        Self::with_limit(MAX_EVENT)
    }
}

impl Sse {
    /// A framer that refuses events longer than [`MAX_EVENT`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A framer that refuses events longer than `limit` bytes.
    #[must_use]
    pub const fn with_limit(limit: usize) -> Self {
        Self {
            pending: Vec::new(),
            joined: Vec::new(),
            limit,
            line_empty: true,
            after_cr: false,
            first: true,
        }
    }

    /// Takes the next bytes and hands over each event that they complete. Events without data are left out, as
    /// the standard wants it.
    ///
    /// # Errors
    /// When an event is too long. The stream can't be read on then.
    pub fn push(&mut self, chunk: &[u8], on: &mut impl FnMut(Event<'_>)) -> Result<(), FrameError> {
        let (mut start, mut at) = (0, 0);
        while let Some(&byte) = chunk.get(at) {
            if std::mem::take(&mut self.after_cr) && byte == b'\n' {
                if start == at && self.pending.is_empty() {
                    start += 1;
                }
                at += 1;
                continue;
            }
            let rest = chunk.get(at..).unwrap_or_default();
            let Some(length) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.line_empty = false;
                break;
            };
            let blank = length == 0 && self.line_empty;
            self.after_cr = rest.get(length) == Some(&b'\r');
            self.line_empty = true;
            at += length + 1;
            if blank {
                self.complete(chunk.get(start..at).unwrap_or_default(), on)?;
                start = at;
            }
        }
        let rest = chunk.get(start..).unwrap_or_default();
        self.check(rest)?;
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// The stream has ended. An event whose last line is whole and only lacks the blank line is handed over, since
    /// some servers end so; true means that half a line was lost.
    pub fn finish(&mut self, on: &mut impl FnMut(Event<'_>)) -> bool {
        let pending = std::mem::take(&mut self.pending);
        if self.line_empty && !pending.is_empty() {
            self.hand_over(&pending, on);
        }
        !self.line_empty
    }

    /// Nothing of an unfinished event is held.
    #[must_use]
    pub const fn at_boundary(&self) -> bool {
        self.pending.is_empty()
    }

    fn check(&self, more: &[u8]) -> Result<(), FrameError> {
        if self.pending.len() + more.len() > self.limit {
            return Err(FrameError::TooLong { limit: self.limit });
        }
        Ok(())
    }

    fn complete(&mut self, tail: &[u8], on: &mut impl FnMut(Event<'_>)) -> Result<(), FrameError> {
        self.check(tail)?;
        if self.pending.is_empty() {
            self.hand_over(tail, on);
        } else {
            let mut event = std::mem::take(&mut self.pending);
            event.extend_from_slice(tail);
            self.hand_over(&event, on);
            if event.capacity() <= 4096 {
                event.clear();
                self.pending = event;
            }
        }
        Ok(())
    }

    fn hand_over(&mut self, text: &[u8], on: &mut impl FnMut(Event<'_>)) {
        let mut text = text;
        if std::mem::take(&mut self.first) {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        let mut event = Event { name: b"", data: b"", id: None, retry: None };
        let mut lines = 0;
        self.joined.clear();
        while let Some(end) = memchr::memchr2(b'\n', b'\r', text) {
            let (line, rest) = text.split_at(end);
            text = rest.strip_prefix(b"\r\n").or_else(|| rest.get(1..)).unwrap_or_default();
            let (field, value) = split(line);
            match field {
                b"data" => {
                    if lines == 1 {
                        self.joined.extend_from_slice(event.data);
                    }
                    if lines > 0 {
                        self.joined.push(b'\n');
                        self.joined.extend_from_slice(value);
                    }
                    event.data = value;
                    lines += 1;
                }
                b"event" => event.name = value,
                b"id" if !value.contains(&0) => event.id = Some(value),
                b"retry" if value.iter().all(u8::is_ascii_digit) => {
                    event.retry = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                }
                _ => {}
            }
        }
        if lines > 1 {
            on(Event { data: &self.joined, ..event });
        } else if lines == 1 {
            on(event);
        }
        if self.joined.capacity() > 4096 {
            self.joined = Vec::new();
        }
    }
}

/// A line's field name and value; a comment has an empty name.
pub(crate) fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let Some(colon) = memchr::memchr(b':', line) else { return (line, b"") };
    let (name, value) = line.split_at(colon);
    (name, value.strip_prefix(b": ").or_else(|| value.get(1..)).unwrap_or_default())
}
