//! One answer on its way to the client, and how it ends. Sans-IO: a host pushes chunks in, sends on what comes
//! out, and carries out the `Finish`.
//!
//! A stream is whole when its dialect says so, not when its connection closes. What is not whole never ends
//! cleanly: the client is told in its dialect, or its transport is cut.

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::scan::Answer;
use crate::stream_error::numbered_error_event;
use crate::{Format, Seen, Tap};

/// What kind of answer is relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayKind {
    /// A stream of events on a model route, in the client's dialect.
    ModelStream(Format),
    /// A whole body on a model route. It ends as HTTP says, but a cut behind its closing brace does no harm.
    ModelJson,
    /// Anything in pass-through: it ends as the upstream ended it.
    PassThrough,
}

/// How the upstream's body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As HTTP has it.
    Clean,
    /// The connection broke.
    Cut,
    /// Nothing came for too long, and we gave up.
    IdleTimeout,
}

/// What is left to do when an answer has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finish {
    /// Bytes to send before the end; mostly none.
    pub append: Bytes,
    /// Cut the client's transport instead of ending the body.
    pub abort: bool,
    /// What the tap saw.
    pub seen: Seen,
}

/// The code of an answer that stopped too early.
pub const INCOMPLETE: &str = "upstream_incomplete";
/// The code of an answer that came to a standstill.
pub const TIMEOUT: &str = "upstream_timeout";

/// One answer on its way.
#[derive(Debug)]
pub struct Relay {
    kind: RelayKind,
    tap: Option<Tap>,
    encoded: bool,
}

impl Relay {
    /// Bytes go through as they come; the tap, if any, reads them too.
    #[must_use]
    pub const fn verbatim(kind: RelayKind, tap: Option<Tap>) -> Self {
        Self { kind, tap, encoded: false }
    }

    /// For a body with a `Content-Encoding`: what is pushed is not shown to the tap, the host [`observe`]s the
    /// decoded copy. No event of ours can be put behind compressed bytes, so an incomplete stream is cut.
    ///
    /// [`observe`]: Self::observe
    #[must_use]
    pub const fn encoded(kind: RelayKind, tap: Option<Tap>) -> Self {
        Self { kind, tap, encoded: true }
    }

    /// Takes a chunk from upstream and gives what to send to the client.
    #[must_use]
    pub fn push(&mut self, chunk: Bytes) -> Bytes {
        if let Some(tap) = self.tap.as_mut().filter(|_| !self.encoded) {
            tap.pass(&chunk);
        }
        chunk
    }

    /// Shows decoded bytes to the tap.
    pub fn observe(&mut self, bytes: &[u8]) {
        if let Some(tap) = &mut self.tap {
            tap.push(bytes);
        }
    }

    /// It ends as the upstream ends it, and nobody asks what was in it.
    #[must_use]
    pub const fn is_passed_through(&self) -> bool {
        matches!(self.kind, RelayKind::PassThrough)
    }

    /// The answer is whole already: an idle time-out or a cut would do no harm.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.tap.as_ref().is_some_and(Tap::terminal)
    }

    /// See [`Tap::foresee`].
    pub fn foresee(&mut self, found: &Answer) {
        if let Some(tap) = self.tap.as_mut().filter(|_| !self.encoded) {
            tap.foresee(found);
        }
    }

    /// Its last word has come: a client may take it for whole, and go on.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.tap.as_ref().is_some_and(Tap::told)
    }

    /// What comes is still in the upstream's coding.
    #[must_use]
    pub const fn is_encoded(&self) -> bool {
        self.encoded
    }

    /// A stream on a model route: its dialect, and not HTTP, says where it ends.
    #[must_use]
    pub const fn is_stream(&self) -> bool {
        matches!(self.kind, RelayKind::ModelStream(_))
    }

    /// The dialect of a stream on a model route that stands between two events: something of ours may be put in here.
    #[must_use]
    pub fn between_events(&self) -> Option<Format> {
        let tap = self.tap.as_ref().filter(|tap| !self.encoded && tap.is_events() && tap.boundary())?;
        match self.kind {
            RelayKind::ModelStream(format) if !tap.terminal() => Some(format),
            RelayKind::ModelStream(_) | RelayKind::ModelJson | RelayKind::PassThrough => None,
        }
    }

    /// The upstream's body has ended.
    #[must_use]
    pub fn finish(&mut self, end: End, request_id: &str) -> Finish {
        let Some(tap) = &mut self.tap else {
            return Finish { abort: end != End::Clean, ..Finish::default() };
        };
        let seen = tap.finish();
        let (terminal, sequence) = (tap.terminal(), tap.events());
        let finish = Finish { append: Bytes::new(), abort: false, seen };
        match self.kind {
            RelayKind::PassThrough => Finish { abort: end != End::Clean, ..finish },
            RelayKind::ModelJson => Finish { abort: end != End::Clean && !seen.complete, ..finish },
            RelayKind::ModelStream(format) => match stream_end(end, seen, terminal) {
                StreamEnd::Whole => finish,
                StreamEnd::Torn => Finish { abort: true, ..finish },
                StreamEnd::Short if self.encoded => Finish { abort: true, ..finish },
                StreamEnd::Short => {
                    let append = short_event(format, end, request_id, sequence);
                    Finish { abort: append.is_empty(), append, ..finish }
                }
            },
        }
    }
}

enum StreamEnd {
    Whole,
    /// It stopped between two events, before its end.
    Short,
    /// It stopped inside an event.
    Torn,
}

fn stream_end(end: End, seen: Seen, terminal: bool) -> StreamEnd {
    // Usage may follow a finish reason: half of that event must not look like a good end either.
    let told = seen.complete || seen.error;
    if terminal || (told && (seen.boundary || end == End::Clean)) {
        StreamEnd::Whole
    } else if seen.boundary {
        StreamEnd::Short
    } else {
        StreamEnd::Torn
    }
}

fn short_event(format: Format, end: End, request_id: &str, sequence: u64) -> Bytes {
    let (status, code, message) = match end {
        End::Clean | End::Cut => (502, INCOMPLETE, "The upstream ended the stream before it was complete."),
        End::IdleTimeout => (504, TIMEOUT, "The upstream sent nothing more before the stream was complete."),
    };
    numbered_error_event(format, status, code, message, request_id, sequence)
}
