//! A streamed answer on its way: the upstream's bytes are cut into events, read, and written in the client's dialect.
//! Nothing is held that the client's dialect doesn't force.

use super::custom::Unwrap;
use super::lost::Lost;
use super::{Context, Framing, ReadStream, WriteStream, client, note_usage, upstream};
use crate::chat::{Event, Failure};
use crate::frame::aws_eventstream::EventStream;
use crate::frame::json_lines::JsonLines;
use crate::frame::sse::Sse;
use crate::relay::{End, TIMEOUT};
use crate::{Format, Usage};

/// One streamed answer.
pub struct Pipe {
    framer: Framer,
    reader: Box<dyn ReadStream>,
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
    /// Events that were read.
    pub events: u64,
}

enum Framer {
    Sse(Sse),
    JsonLines(JsonLines),
    Aws(EventStream),
}

impl Pipe {
    /// From an upstream's format to a client's; `None` where no client speaks that.
    #[must_use]
    pub fn new(from: Format, to: Format, context: &Context) -> Option<Self> {
        let upstream = upstream(from);
        let names = &context.custom_tools;
        Some(Self {
            framer: match upstream.framing() {
                Framing::Sse => Framer::Sse(Sse::new()),
                Framing::JsonLines => Framer::JsonLines(JsonLines::new()),
                Framing::AwsEventStream => Framer::Aws(EventStream::new()),
            },
            reader: upstream.stream_in(context),
            unwrap: (!names.is_empty()).then(|| Unwrap::new(names.clone())),
            writer: client(to)?.stream_out(context),
            lost: Lost::new(to),
            progress: Progress::default(),
        })
    }

    /// How far it has come.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What of the answer the client's dialect has no place for.
    #[must_use]
    pub fn lost(&self) -> Vec<&'static str> {
        self.lost.names()
    }

    /// Takes bytes from the upstream and appends what goes to the client. After a failure nothing is read.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        if self.progress.failure.is_some() || self.progress.done {
            return;
        }
        let Self { framer, reader, unwrap, writer, lost, progress } = self;
        let mut event = |name: &str, data: &[u8]| {
            if progress.failure.is_some() || progress.done {
                return;
            }
            progress.events += 1;
            let read = reader.push(name, data, &mut |event| {
                lost.note(&event);
                write(event, unwrap.as_mut(), writer.as_mut(), progress, out);
            });
            if let Err(failure) = read {
                write(Event::Error(failure), None, writer.as_mut(), progress, out);
            }
        };
        let framed = match framer {
            Framer::Sse(sse) => sse
                .push(chunk, &mut |frame| event(&String::from_utf8_lossy(frame.name), frame.data))
                .map_err(Failure::malformed),
            Framer::JsonLines(lines) => {
                lines.push(chunk, &mut |line| event("", line)).map_err(Failure::malformed)
            }
            Framer::Aws(frames) => {
                frames.push(chunk, &mut |name, data| event(name, data)).map_err(Failure::malformed)
            }
        };
        if let Err(failure) = framed
            && self.progress.failure.is_none()
        {
            self.fail(failure, out);
        }
    }

    /// The upstream's body has ended. What is not whole becomes an error event: never a clean end.
    pub fn finish(&mut self, end: End, out: &mut Vec<u8>) {
        if self.progress.failure.is_some() || self.progress.done {
            return;
        }
        if end == End::Clean {
            self.last_events(out);
            let Self { reader, unwrap, writer, lost, progress, .. } = self;
            if !progress.done && progress.failure.is_none() {
                reader.finish(&mut |event| {
                    lost.note(&event);
                    write(event, unwrap.as_mut(), writer.as_mut(), progress, out);
                });
            }
        }
        if !self.progress.done && self.progress.failure.is_none() {
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
    }

    /// Breaks the answer off: the client is told in its dialect.
    pub fn fail(&mut self, failure: Failure, out: &mut Vec<u8>) {
        write(Event::Error(failure), None, self.writer.as_mut(), &mut self.progress, out);
    }

    /// Some servers leave out the blank line or line end behind the last event.
    fn last_events(&mut self, out: &mut Vec<u8>) {
        let Self { framer, reader, unwrap, writer, lost, progress } = self;
        let mut event = |name: &str, data: &[u8]| {
            if progress.done || progress.failure.is_some() {
                return;
            }
            let read = reader.push(name, data, &mut |event| {
                lost.note(&event);
                write(event, unwrap.as_mut(), writer.as_mut(), progress, out);
            });
            if let Err(failure) = read {
                write(Event::Error(failure), None, writer.as_mut(), progress, out);
            }
        };
        match framer {
            Framer::Sse(sse) => {
                sse.finish(&mut |frame| event(&String::from_utf8_lossy(frame.name), frame.data));
            }
            Framer::JsonLines(lines) => lines.finish(&mut |line| event("", line)),
            Framer::Aws(frames) => frames.finish(&mut event),
        }
    }
}

fn write(
    event: Event<'_>,
    unwrap: Option<&mut Unwrap>,
    writer: &mut dyn WriteStream,
    progress: &mut Progress,
    out: &mut Vec<u8>,
) {
    if progress.failure.is_some() || progress.done {
        return;
    }
    note_usage(&mut progress.usage, &event);
    progress.content |= event.is_content();
    match &event {
        Event::Error(failure) => progress.failure = Some(failure.clone()),
        Event::Done => progress.done = true,
        _ => {}
    }
    match unwrap {
        Some(unwrap) => unwrap.push(event, &mut |event| writer.push(event, out)),
        None => writer.push(event, out),
    }
}

impl std::fmt::Debug for Pipe {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Pipe").field("progress", &self.progress).finish_non_exhaustive()
    }
}
