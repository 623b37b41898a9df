//! The tap on server-sent events. An event that lies whole in one chunk is only searched for a few words; its JSON
//! is read when one of them is there. Anything else goes through the probe as it comes, so nothing is held.
//!
//! Both ways must find the same in data that is JSON: a word that `Hints` does not know must not mean anything to
//! the probe.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::probe::Probe;
use crate::Format;
use crate::frame::sse::split;

const DONE: &[u8] = b"[DONE]";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    /// Not known yet: the colon hasn't come.
    Unknown,
    Data,
    Event,
    Other,
}

/// The line being read, when it did not come in one piece.
#[derive(Debug)]
struct Line {
    field: Field,
    length: usize,
    /// The field's name, then an event's name.
    head: [u8; 32],
    head_length: usize,
    /// How much of `[DONE]` has matched; `None` when the data is something else.
    done: Option<usize>,
}

impl Line {
    const START: Self =
        Self { field: Field::Unknown, length: 0, head: [0; 32], head_length: 0, done: Some(0) };

    fn keep(&mut self, byte: u8) {
        if let Some(slot) = self.head.get_mut(self.head_length) {
            *slot = byte;
        }
        self.head_length = self.head_length.saturating_add(1);
    }

    /// What was kept; nothing when it was too long to be a name we know.
    fn head(&self) -> &[u8] {
        self.head.get(..self.head_length).unwrap_or_default()
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct SseTap {
    format: Option<Format>,
    probe: Probe,
    line: Line,
    after_cr: bool,
    first_line: bool,
    /// The event being read has a data line, or a name.
    has_data: bool,
    has_name: bool,
    done: bool,
    events: u64,
}

impl SseTap {
    pub(super) fn new(format: Option<Format>) -> Self {
        Self {
            format,
            probe: Probe::new(false),
            line: Line::START,
            after_cr: false,
            first_line: true,
            has_data: false,
            has_name: false,
            done: false,
            events: 0,
        }
    }

    pub(super) const fn probe(&self) -> &Probe {
        &self.probe
    }

    /// `data: [DONE]` has come.
    pub(super) const fn done(&self) -> bool {
        self.done
    }

    pub(super) const fn events(&self) -> u64 {
        self.events
    }

    pub(super) const fn boundary(&self) -> bool {
        self.line.length == 0 && !self.has_data && !self.has_name
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some(&byte) = rest.first() {
            if std::mem::take(&mut self.after_cr) && byte == b'\n' {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.part(rest);
                return;
            };
            let (line, behind) = rest.split_at(end);
            self.after_cr = behind.first() == Some(&b'\r');
            rest = behind.get(1..).unwrap_or_default();
            if self.line.length == 0 && !self.first_line {
                self.whole(line, behind);
            } else {
                self.part(line);
                self.end_line();
            }
        }
    }

    /// A line in one piece; `behind` starts with its line end.
    fn whole(&mut self, line: &[u8], behind: &[u8]) {
        if line.is_empty() {
            self.end_event();
        } else if let Some(data) = line.strip_prefix(b"data:") {
            if self.has_data || !blank_follows(behind) {
                self.part(line);
                self.end_line();
                return;
            }
            self.has_data = true;
            let data = data.strip_prefix(b" ").unwrap_or(data);
            if data.starts_with(DONE) {
                self.done = true;
            } else if Hints::get().hit(self.format, data) {
                self.probe.push(data);
            }
        } else if line.starts_with(b"event:") {
            self.has_name = true;
            self.note_name(split(line).1);
        }
    }

    /// A piece of a line.
    fn part(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while self.line.field == Field::Unknown
            && let Some(&byte) = rest.first()
        {
            rest = rest.get(1..).unwrap_or_default();
            self.line.length += 1;
            self.line.keep(byte);
            self.name_field();
        }
        self.line.length += rest.len();
        match self.line.field {
            Field::Data => self.data(rest),
            Field::Event => rest.iter().for_each(|&byte| self.line.keep(byte)),
            Field::Unknown | Field::Other => {}
        }
    }

    fn name_field(&mut self) {
        match self.line.head() {
            b"data:" => {
                self.line.field = Field::Data;
                if self.has_data {
                    self.probe.push(b"\n");
                }
                self.has_data = true;
            }
            b"event:" => {
                self.line.field = Field::Event;
                self.has_name = true;
            }
            // A byte order mark may stand before the first line.
            b"\xef\xbb\xbf" if self.first_line => {
                self.line = Line::START;
                self.first_line = false;
            }
            head if head.len() > 6 => self.line.field = Field::Other,
            _ => {}
        }
    }

    fn data(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let Some(matched) = self.line.done else { break };
            if matched == DONE.len() || (matched == 0 && byte == b' ') {
                continue;
            }
            self.line.done = (DONE.get(matched) == Some(&byte)).then_some(matched + 1);
        }
        self.done |= self.line.done == Some(DONE.len());
        self.probe.push(bytes);
    }

    fn end_line(&mut self) {
        self.first_line = false;
        if self.line.length == 0 {
            self.end_event();
        }
        let line = std::mem::replace(&mut self.line, Line::START);
        if line.field == Field::Event {
            self.note_name(split(line.head()).1);
        }
    }

    /// Some servers tell an error by the event's name only. All else is repeated in the data, and counts when that
    /// has come.
    fn note_name(&mut self, name: &[u8]) {
        if name == b"error" {
            self.probe.flags_mut().error = true;
        }
    }

    fn end_event(&mut self) {
        self.probe.reset();
        self.events += u64::from(self.has_data);
        self.has_data = false;
        self.has_name = false;
    }
}

/// A blank line comes right behind this line end.
fn blank_follows(behind: &[u8]) -> bool {
    let next = behind.strip_prefix(b"\r\n").or_else(|| behind.get(1..)).unwrap_or_default();
    matches!(next.first(), Some(b'\n' | b'\r'))
}

/// The words that make an event worth reading.
struct Hints {
    usage: Finder<'static>,
    error: Finder<'static>,
    finish_reason: Finder<'static>,
    message_stop: Finder<'static>,
    message_end: Finder<'static>,
    response: Finder<'static>,
}

impl Hints {
    fn get() -> &'static Self {
        static HINTS: LazyLock<Hints> = LazyLock::new(|| Hints {
            usage: Finder::new(b"\"usage"),
            error: Finder::new(b"\"error\""),
            finish_reason: Finder::new(b"\"finish_reason\""),
            message_stop: Finder::new(b"\"message_stop\""),
            message_end: Finder::new(b"\"message-end\""),
            response: Finder::new(b"\"response."),
        });
        &HINTS
    }

    fn hit(&self, format: Option<Format>, data: &[u8]) -> bool {
        // Gemini's events are few, big, and nearly all carry usage.
        let ends = match format {
            Some(Format::GeminiGenerate) => return true,
            Some(Format::OpenAiChat) => self.finish_reason.find_iter(data).any(|at| has_value(data, at + 15)),
            Some(Format::AnthropicMessages) => self.message_stop.find(data).is_some(),
            Some(Format::CohereChat) => self.message_end.find(data).is_some(),
            Some(Format::OpenAiResponses) => self.response.find_iter(data).any(|at| ends_response(data, at)),
            Some(Format::BedrockConverse | Format::OllamaChat) | None => false,
        };
        ends || self.error.find(data).is_some() || self.usage.find_iter(data).any(|at| opens_usage(data, at))
    }
}

/// `"usage` at `at` is the key `usage` or `usageMetadata` with an object behind it.
fn opens_usage(data: &[u8], at: usize) -> bool {
    let rest = data.get(at + 6..).unwrap_or_default();
    let rest = rest.strip_prefix(b"Metadata").unwrap_or(rest);
    rest.first() == Some(&b'"') && has_value(rest, 1)
}

/// A colon and something but null or an empty text follow a key that ends at `at`.
fn has_value(data: &[u8], at: usize) -> bool {
    let rest = data.get(at..).unwrap_or_default().trim_ascii_start();
    let Some(value) = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start) else { return false };
    !value.starts_with(b"null") && !value.starts_with(b"\"\"")
}

fn ends_response(data: &[u8], at: usize) -> bool {
    let rest = data.get(at + 10..).unwrap_or_default();
    [&b"completed\""[..], b"incomplete\"", b"failed\""].iter().any(|end| rest.starts_with(end))
}
