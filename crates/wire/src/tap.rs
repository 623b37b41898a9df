//! Reads beside an answer that goes through untouched: usage, and whether the answer is whole. Never changes or
//! delays a byte, and holds next to nothing: a usage object at most, whatever the size of the answer.
//!
//! `tap/sse.rs` finds the lines worth reading, `tap/probe.rs` reads JSON as it comes, `tap/whole.rs` JSON that came
//! in one piece.

mod probe;
mod sse;
mod whole;

#[cfg(test)]
mod tests;

use crate::scan::Answer;
use crate::{Format, Usage};
use bytes::Bytes;
use probe::Probe;
use sse::SseTap;

/// The longest first piece that is held unread, where nobody knows whether it is all.
const MAX_HELD: usize = 64 << 10;

/// What a tap has seen of one answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// The tokens it cost, as far as it said so.
    pub usage: Usage,
    /// The answer is whole by the rules of its format.
    pub complete: bool,
    /// It stopped between two events.
    pub boundary: bool,
    /// An error came in-band, in a body that began well.
    pub error: bool,
    /// Nothing came, comments and blanks apart.
    pub empty: bool,
    /// Events with data.
    pub events: u64,
}

/// Reads one answer as it goes by.
#[derive(Debug)]
pub struct Tap {
    format: Option<Format>,
    kind: Kind,
    /// The first piece of a JSON body, unread: mostly it is all.
    held: Option<Bytes>,
    /// What that piece is known to say, should it be all.
    foreseen: Option<Usage>,
    /// The body was whole in that piece, and its usage was found without the probe.
    whole: bool,
}

#[derive(Debug)]
enum Kind {
    Json(Probe),
    Sse(SseTap),
}

impl Tap {
    /// For a JSON body: one object, or Gemini's growing array, or an object per line. With a format of `None`
    /// whatever is recognised is read.
    #[must_use]
    pub fn json(format: Option<Format>) -> Self {
        Self { format, kind: Kind::Json(Probe::new(true)), held: None, foreseen: None, whole: false }
    }

    /// For server-sent events. With a format of `None` nothing is known about the end: always complete.
    #[must_use]
    pub fn sse(format: Option<Format>) -> Self {
        Self { format, kind: Kind::Sse(SseTap::new(format)), held: None, foreseen: None, whole: false }
    }

    /// A JSON body, all of which is here but was not passed yet, was scanned: where its usage was found it need not be
    /// looked for.
    pub fn foresee(&mut self, found: &Answer) {
        let reads = self.format != Some(Format::OllamaChat) && matches!(self.kind, Kind::Json(_));
        self.foreseen = found.usage.filter(|_| reads && !found.error);
    }

    /// The next bytes, which may be held without a copy: the first piece of a JSON body is read only if another follows.
    pub fn pass(&mut self, piece: &Bytes) {
        let short = self.foreseen.is_some() || piece.len() <= MAX_HELD;
        match &self.kind {
            Kind::Json(probe) if self.held.is_none() && !probe.started() && short => {
                self.held = Some(piece.clone());
            }
            Kind::Json(_) | Kind::Sse(_) => self.push(piece),
        }
    }

    /// The next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.foreseen = None;
        if let Some(held) = self.held.take() {
            self.read(&held);
        }
        self.read(bytes);
    }

    fn read(&mut self, bytes: &[u8]) {
        match &mut self.kind {
            Kind::Json(probe) => probe.push(bytes),
            Kind::Sse(sse) => sse.push(bytes),
        }
    }

    /// The answer has ended, well or not.
    pub fn finish(&mut self) -> Seen {
        if let Some(held) = self.held.take() {
            let reads = self.format != Some(Format::OllamaChat);
            let found = self.foreseen.or_else(|| whole::usage(&held).filter(|_| reads));
            if let Some(usage) = found {
                self.whole = true;
                return Seen { usage, complete: true, boundary: true, ..Seen::default() };
            }
            self.read(&held);
        }
        if let Kind::Json(probe) = &mut self.kind {
            probe.finish();
        }
        Seen {
            usage: self.probe().usage(),
            complete: self.complete(),
            boundary: self.boundary(),
            error: self.error(),
            empty: self.empty(),
            events: self.events(),
        }
    }

    /// The answer is whole, as far as it has come.
    #[must_use]
    pub fn complete(&self) -> bool {
        let flags = self.probe().flags();
        match (&self.kind, self.format) {
            (Kind::Json(probe), Some(Format::OllamaChat)) => probe.closed() && flags.ollama_done,
            (Kind::Json(probe), _) => self.whole || probe.closed(),
            (Kind::Sse(_), Some(Format::OpenAiChat)) => self.terminal() || flags.finish_reason,
            (Kind::Sse(_), Some(Format::GeminiGenerate)) => flags.gemini_finish,
            (Kind::Sse(_), Some(Format::OpenAiResponses)) => self.terminal() || self.error(),
            (Kind::Sse(_), _) => self.terminal(),
        }
    }

    /// The last event of its format has come: nothing of worth can follow. A finish reason alone isn't that, since
    /// usage may follow it.
    #[must_use]
    pub fn terminal(&self) -> bool {
        let flags = self.probe().flags();
        match (&self.kind, self.format) {
            (Kind::Json(_), _) => self.complete(),
            (Kind::Sse(sse), Some(Format::OpenAiChat)) => sse.done(),
            (Kind::Sse(_), Some(Format::AnthropicMessages)) => flags.message_stop,
            (Kind::Sse(_), Some(Format::OpenAiResponses)) => flags.response_end,
            (Kind::Sse(_), Some(Format::CohereChat)) => flags.message_end,
            (Kind::Sse(_), Some(Format::GeminiGenerate)) => false,
            (Kind::Sse(_), Some(Format::BedrockConverse | Format::OllamaChat) | None) => true,
        }
    }

    /// The last word of some format has come: whoever reads the answer may take it for whole.
    #[must_use]
    pub fn told(&self) -> bool {
        let flags = self.probe().flags();
        match &self.kind {
            Kind::Json(_) => self.complete(),
            Kind::Sse(sse) => sse.done() || flags.message_stop || flags.response_end || flags.message_end,
        }
    }

    /// The answer is a stream of events.
    pub(crate) const fn is_events(&self) -> bool {
        matches!(self.kind, Kind::Sse(_))
    }

    /// Between two events: an event of ours could follow here.
    #[must_use]
    pub fn boundary(&self) -> bool {
        match &self.kind {
            Kind::Json(probe) => probe.closed() || !probe.started(),
            Kind::Sse(sse) => sse.boundary(),
        }
    }

    /// An error came in-band.
    #[must_use]
    pub fn error(&self) -> bool {
        let flags = self.probe().flags();
        flags.error || (self.format == Some(Format::OpenAiResponses) && flags.response_failed)
    }

    fn empty(&self) -> bool {
        match &self.kind {
            Kind::Json(probe) => !probe.started(),
            Kind::Sse(sse) => sse.events() == 0 && sse.boundary(),
        }
    }

    /// Events with data so far.
    pub(crate) fn events(&self) -> u64 {
        match &self.kind {
            Kind::Json(_) => 0,
            Kind::Sse(sse) => sse.events(),
        }
    }

    const fn probe(&self) -> &Probe {
        match &self.kind {
            Kind::Json(probe) => probe,
            Kind::Sse(sse) => sse.probe(),
        }
    }
}
