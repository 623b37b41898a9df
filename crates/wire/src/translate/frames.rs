//! An upstream's stream cut into events, whichever framing its format has.

use super::Framing;
use crate::chat::Failure;
use crate::frame::aws_eventstream::EventStream;
use crate::frame::json_lines::JsonLines;
use crate::frame::sse::Sse;

/// Cuts one stream.
#[derive(Debug)]
pub(super) enum Frames {
    Sse(Sse),
    JsonLines(JsonLines),
    Aws(EventStream),
}

impl Frames {
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Sse => Self::Sse(Sse::new()),
            Framing::JsonLines => Self::JsonLines(JsonLines::new()),
            Framing::AwsEventStream => Self::Aws(EventStream::new()),
        }
    }

    /// Takes the next bytes and hands over each event that they complete: its name, empty where there is none, and its
    /// data.
    pub(super) fn push(&mut self, chunk: &[u8], on: &mut impl FnMut(&str, &[u8])) -> Result<(), Failure> {
        match self {
            Self::Sse(sse) => {
                sse.push(chunk, &mut |frame| on(&String::from_utf8_lossy(frame.name), frame.data))
            }
            Self::JsonLines(lines) => lines.push(chunk, &mut |line| on("", line)),
            Self::Aws(frames) => frames.push(chunk, on),
        }
        .map_err(Failure::malformed)
    }

    /// No event has begun whose end has not come.
    pub(super) fn is_between(&self) -> bool {
        match self {
            Self::Sse(sse) => sse.at_boundary(),
            Self::JsonLines(lines) => lines.at_boundary(),
            Self::Aws(frames) => frames.at_boundary(),
        }
    }

    /// The stream has ended. Some servers leave out the blank line or line end behind the last event.
    pub(super) fn finish(&mut self, on: &mut impl FnMut(&str, &[u8])) {
        match self {
            Self::Sse(sse) => {
                sse.finish(&mut |frame| on(&String::from_utf8_lossy(frame.name), frame.data));
            }
            Self::JsonLines(lines) => lines.finish(&mut |line| on("", line)),
            Self::Aws(frames) => frames.finish(on),
        }
    }
}
