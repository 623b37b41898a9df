//! A streamed answer on its way: the upstream's bytes are cut into events, read, and written in the client's dialect.
//! Nothing is held that the client's dialect doesn't force.

use super::custom::Unwrap;
use super::frames::Frames;
use super::lost::Lost;
use super::{Context, ReadStream, WriteStream, client, upstream};
use crate::chat::{Event, Failure};
use crate::relay::{End, TIMEOUT};
use crate::{Format, Usage};

/// One streamed answer.
pub struct Pipe {
    frames: Frames,
    reader: Box<dyn ReadStream>,
    out: Outward,
    to: Format,
}

/// The way of events to the client.
struct Outward {
    unwrap: Option<Unwrap>,
    writer: Box<dyn WriteStream>,
    lost: Lost,
    progress: Progress,
}

/// How far an answer has come.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Something of the answer itself went out: an error can no longer become a status.
    pub content: bool,
    /// The answer is whole, by the rules of the upstream's format.
    pub done: bool,
    /// The provider, or we, broke it off.
    pub failure: Option<Failure>,
    /// Tokens so far.
    pub usage: Usage,
}

impl Progress {
    /// Nothing that still comes would be read.
    const fn is_over(&self) -> bool {
        self.done || self.failure.is_some()
    }
}

impl Pipe {
    /// From an upstream's format to a client's; `None` where no client speaks that.
    #[must_use]
    pub fn new(from: Format, to: Format, context: &Context) -> Option<Self> {
        let upstream = upstream(from);
        let names = &context.custom_tools;
        Some(Self {
            frames: Frames::new(upstream.framing()),
            reader: upstream.stream_in(context),
            out: Outward {
                unwrap: (!names.is_empty()).then(|| Unwrap::new(names.clone())),
                writer: client(to)?.stream_out(context),
                lost: Lost::new(to),
                progress: Progress::default(),
            },
            to,
        })
    }

    /// How far it has come.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.out.progress
    }

    /// The client's dialect, while more may come: all that was written ends between two events.
    #[must_use]
    pub fn between_events(&self) -> Option<Format> {
        (!self.progress().is_over()).then_some(self.to)
    }

    /// What of the answer the client's dialect has no place for.
    #[must_use]
    pub fn lost(&self) -> Vec<&'static str> {
        self.out.lost.names()
    }

    /// Takes bytes from the upstream and appends what goes to the client. After the end, or a failure, nothing is read.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        if self.out.progress.is_over() {
            return;
        }
        let Self { frames, reader, out: outward, .. } = self;
        let framed = frames.push(chunk, &mut |name, data| outward.read(reader.as_mut(), name, data, out));
        if let Err(failure) = framed {
            self.fail(failure, out);
        }
    }

    /// The upstream's body has ended. What is not whole becomes an error event: never a clean end.
    pub fn finish(&mut self, end: End, out: &mut Vec<u8>) {
        let Self { frames, reader, out: outward, .. } = self;
        if end == End::Clean && !outward.progress.is_over() {
            frames.finish(&mut |name, data| outward.read(reader.as_mut(), name, data, out));
        }
        // Some formats have no last event: whether the answer was told to its end its reader knows, however the body
        // ended. Half an event is none: what it would have said is lost.
        if !outward.progress.is_over() && (end == End::Clean || frames.is_between()) {
            reader.finish(&mut |event| outward.write(event, out));
        }
        self.fail(
            match end {
                End::Clean | End::Cut => Failure::incomplete(),
                End::IdleTimeout => Failure::new(
                    504,
                    TIMEOUT,
                    "The upstream sent nothing more before the stream was complete.",
                ),
            },
            out,
        );
    }

    /// Breaks the answer off, unless it is over: the client is told in its dialect.
    pub fn fail(&mut self, failure: Failure, out: &mut Vec<u8>) {
        self.out.write(Event::Error(failure), out);
    }
}

impl Outward {
    /// Reads one framed event and writes what it says.
    fn read(&mut self, reader: &mut dyn ReadStream, name: &str, data: &[u8], out: &mut Vec<u8>) {
        if self.progress.is_over() {
            return;
        }
        if let Err(failure) = reader.push(name, data, &mut |event| self.write(event, out)) {
            self.write(Event::Error(failure), out);
        }
    }

    fn write(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        let Self { unwrap, writer, lost, progress } = self;
        if progress.is_over() {
            return;
        }
        lost.note(&event);
        progress.content |= event.is_content();
        match &event {
            Event::Usage(usage) => progress.usage.merge(usage),
            Event::Error(failure) => progress.failure = Some(failure.clone()),
            Event::Done => progress.done = true,
            _ => {}
        }
        match unwrap {
            Some(unwrap) => unwrap.push(event, &mut |event| writer.push(event, out)),
            None => writer.push(event, out),
        }
    }
}

impl std::fmt::Debug for Pipe {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Pipe").field("progress", &self.out.progress).finish_non_exhaustive()
    }
}
