//! Reads JSON as it comes, split anywhere, in bounded memory: enters only the few places where formats put usage,
//! finish reasons and errors, and skips all else. Does not check syntax: a bad answer goes through as it is.

mod place;

use crate::Usage;
use crate::usage::Counts;
use place::{Key, Place, Role};

/// The longest usage object that is kept; real ones are below 2 KiB.
const MAX_USAGE: usize = 16 << 10;

/// What was found in the objects that have been closed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) finish_reason: bool,
    pub(super) gemini_finish: bool,
    pub(super) message_stop: bool,
    pub(super) message_end: bool,
    pub(super) response_end: bool,
    pub(super) response_failed: bool,
    pub(super) ollama_done: bool,
    pub(super) error: bool,
}

impl Flags {
    fn absorb(&mut self, new: Self) {
        self.finish_reason |= new.finish_reason;
        self.gemini_finish |= new.gemini_finish;
        self.message_stop |= new.message_stop;
        self.message_end |= new.message_end;
        self.response_end |= new.response_end;
        self.response_failed |= new.response_failed;
        self.ollama_done |= new.ollama_done;
        self.error |= new.error;
    }

    /// An object's `type`, which is also the name of its event.
    pub(super) fn note_type(&mut self, name: &[u8]) {
        match name {
            b"message_stop" => self.message_stop = true,
            b"message-end" => self.message_end = true,
            b"response.completed" | b"response.incomplete" => self.response_end = true,
            b"response.failed" => {
                self.response_end = true;
                self.response_failed = true;
            }
            b"error" => self.error = true,
            _ => {}
        }
    }
}

/// The first bytes of a key or a short value.
#[derive(Debug, Clone, Copy, Default)]
struct Word {
    bytes: [u8; 24],
    /// Beyond the size: too long to be of interest.
    length: u8,
}

impl Word {
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(usize::from(self.length)) {
            *slot = byte;
        }
        self.length = self.length.saturating_add(1);
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    const fn is_empty(&self) -> bool {
        self.length == 0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Key {
        escape: bool,
    },
    Text {
        escape: bool,
    },
    /// A number or a literal.
    Bare,
    /// A value nobody looks into: containers open in it, and whether in a string of it.
    Skip {
        depth: u32,
        string: bool,
        escape: bool,
    },
}

const DEPTH: usize = 4;

/// See the module.
#[derive(Debug)]
pub(super) struct Probe {
    state: State,
    stack: [Place; DEPTH],
    depth: usize,
    /// In an object: the next string is a key.
    key_due: bool,
    word: Word,
    key: Key,
    role: Role,
    /// Members are looked for that only whole JSON bodies have.
    wide: bool,
    started: bool,
    now: Flags,
    flags: Flags,
    /// The usage object being read, then the last one; and that of Anthropic's `message_start`.
    capture: Vec<u8>,
    usage: Vec<u8>,
    start_usage: Vec<u8>,
    input: Option<u64>,
    output: Option<u64>,
}

impl Probe {
    pub(super) fn new(wide: bool) -> Self {
        Self {
            state: State::Between,
            stack: [Place::Top; DEPTH],
            depth: 0,
            key_due: false,
            word: Word::default(),
            key: Key::Other,
            role: Role::Skip,
            wide,
            started: false,
            now: Flags::default(),
            flags: Flags::default(),
            capture: Vec::new(),
            usage: Vec::new(),
            start_usage: Vec::new(),
            input: None,
            output: None,
        }
    }

    /// Forgets an object that may be half read; what was found stays.
    pub(super) fn reset(&mut self) {
        self.state = State::Between;
        self.depth = 0;
        self.key_due = false;
        self.now = Flags::default();
        self.capture.clear();
    }

    pub(super) const fn flags(&self) -> &Flags {
        &self.flags
    }

    pub(super) const fn flags_mut(&mut self) -> &mut Flags {
        &mut self.flags
    }

    /// A byte that is not blank has come.
    pub(super) const fn started(&self) -> bool {
        self.started
    }

    /// A value has come and is closed.
    pub(super) fn closed(&self) -> bool {
        self.started && self.depth == 0 && self.state == State::Between
    }

    /// A root that is a number has no end of its own.
    pub(super) fn finish(&mut self) {
        if self.state == State::Bare {
            self.end_short();
        }
    }

    pub(super) fn usage(&self) -> Usage {
        let mut counts = Counts::default();
        counts.add(&self.start_usage);
        counts.add(&self.usage);
        let mut usage = counts.usage();
        usage.input = usage.input.or(self.input);
        usage.output = usage.output.or(self.output);
        usage
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            let used = match self.state {
                State::Skip { .. } => self.skip(rest),
                State::Between => {
                    self.between(byte);
                    1
                }
                State::Key { escape } => {
                    self.string_byte(byte, escape, true);
                    1
                }
                State::Text { escape } => {
                    self.string_byte(byte, escape, false);
                    1
                }
                State::Bare if matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') => {
                    self.end_short();
                    0
                }
                State::Bare => {
                    self.word.push(byte);
                    1
                }
            };
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    fn place(&self) -> Place {
        self.depth.checked_sub(1).and_then(|top| self.stack.get(top)).copied().unwrap_or(Place::Top)
    }

    fn between(&mut self, byte: u8) {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => {}
            b':' => self.key_due = false,
            b',' => self.key_due = self.place().is_object(),
            b'}' | b']' => self.close(),
            b'"' if self.key_due => {
                self.word = Word::default();
                self.state = State::Key { escape: false };
            }
            _ => self.value(byte),
        }
    }

    fn value(&mut self, byte: u8) {
        self.started = true;
        self.role = Role::of(self.place(), self.key, self.wide);
        self.word = Word::default();
        match byte {
            b'{' | b'[' => {
                if let Some(place) = self.role.entered(byte == b'{')
                    && let Some(slot) = self.stack.get_mut(self.depth)
                {
                    *slot = place;
                    self.depth += 1;
                    self.key_due = place.is_object();
                    return;
                }
                self.now.error |= self.role == Role::Error;
                if self.role.is_usage() && byte == b'{' {
                    self.capture.clear();
                    self.capture.push(byte);
                } else {
                    self.role = Role::Skip;
                }
                self.state = State::Skip { depth: 1, string: false, escape: false };
            }
            b'"' if self.role.wants_text() => self.state = State::Text { escape: false },
            b'"' => {
                self.role = Role::Skip;
                self.state = State::Skip { depth: 0, string: true, escape: false };
            }
            _ => {
                self.word.push(byte);
                self.state = State::Bare;
            }
        }
    }

    fn close(&mut self) {
        if self.place() == Place::Root {
            self.flags.absorb(std::mem::take(&mut self.now));
        }
        self.depth = self.depth.saturating_sub(1);
        self.key_due = false;
        self.key = Key::Other;
    }

    fn string_byte(&mut self, byte: u8, escape: bool, key: bool) {
        match byte {
            b'"' if !escape => {
                if key {
                    self.key = Key::of(self.word.as_bytes());
                    self.state = State::Between;
                } else {
                    self.end_short();
                }
                return;
            }
            _ => self.word.push(byte),
        }
        let escape = byte == b'\\' && !escape;
        self.state = if key { State::Key { escape } } else { State::Text { escape } };
    }

    /// A text, a number or a literal has ended.
    fn end_short(&mut self) {
        let text = matches!(self.state, State::Text { .. });
        self.state = State::Between;
        let word = self.word.as_bytes();
        let said = !(self.word.is_empty() || (!text && (word == b"null" || word == b"false")));
        match self.role {
            Role::FinishReason => self.now.finish_reason |= said,
            Role::GeminiFinish => self.now.gemini_finish |= said,
            Role::Error => self.now.error |= said,
            Role::Type if text => self.now.note_type(word),
            Role::OllamaDone => self.now.ollama_done |= word == b"true",
            Role::Input => self.input = count(word).or(self.input),
            Role::Output => self.output = count(word).or(self.output),
            _ => {}
        }
    }

    /// Skips as much of `bytes` as it can, and says how much that was.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        let State::Skip { mut depth, mut string, mut escape } = self.state else { return 0 };
        let mut at = 0;
        let mut ended = false;
        while let Some(&byte) = bytes.get(at) {
            if std::mem::take(&mut escape) {
                at += 1;
                continue;
            }
            let rest = bytes.get(at..).unwrap_or_default();
            if string {
                let Some(stop) = memchr::memchr2(b'"', b'\\', rest) else {
                    at = bytes.len();
                    break;
                };
                at += stop + 1;
                escape = rest.get(stop) == Some(&b'\\');
                string = escape;
                ended = !string && depth == 0;
            } else {
                at += match byte {
                    b'"' => {
                        string = true;
                        1
                    }
                    b'{' | b'[' => {
                        depth += 1;
                        1
                    }
                    b'}' | b']' => {
                        depth -= 1;
                        ended = depth == 0;
                        1
                    }
                    _ => plain(rest),
                };
            }
            if ended {
                break;
            }
        }
        self.state = if ended { State::Between } else { State::Skip { depth, string, escape } };
        if self.role.is_usage() {
            self.keep(bytes.get(..at).unwrap_or_default(), ended);
        }
        at
    }

    fn keep(&mut self, bytes: &[u8], ended: bool) {
        if self.capture.len() + bytes.len() <= MAX_USAGE {
            self.capture.extend_from_slice(bytes);
        } else {
            self.capture = Vec::new();
            self.role = Role::Skip;
            return;
        }
        if !ended {
            return;
        }
        let slot = match self.role {
            Role::StartUsage => &mut self.start_usage,
            // Other APIs use `meta` for other things: it must not hide a usage object.
            Role::Meta if !self.usage.is_empty() => return,
            _ => &mut self.usage,
        };
        std::mem::swap(slot, &mut self.capture);
        self.role = Role::Skip;
    }
}

/// Bytes that neither open nor close anything, at least one. Lists of numbers go by in whole blocks.
fn plain(bytes: &[u8]) -> usize {
    // `|` 0x20 makes `[` and `]` the same as `{` and `}`.
    let stops = |byte: u8| (byte | 0x20 == b'{') | (byte | 0x20 == b'}') | (byte == b'"');
    let (blocks, _) = bytes.as_chunks::<32>();
    let clean =
        blocks.iter().take_while(|block| !block.iter().fold(false, |hit, &byte| hit | stops(byte))).count()
            * 32;
    let rest = bytes.get(clean..).unwrap_or_default();
    clean + rest.iter().position(|&byte| stops(byte)).unwrap_or(rest.len())
}

fn count(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}
