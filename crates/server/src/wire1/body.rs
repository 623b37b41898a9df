//! Takes the framing off a body: what arrived in, its content out.
//!
//! All chunks found in one buffer come out as one piece, moved together in place; a reader behind
//! this one never sees how the sender cut them.

use super::Framing;
use bytes::{Buf, Bytes, BytesMut};

/// The longest chunk extension that is skipped, and the longest trailer section that is dropped.
const SKIPPED: usize = 4 * 1024;

/// Content up to this size is copied out, so that a small piece does not pin a whole read buffer.
const COPIED: usize = 2 * 1024;

/// The body is not valid, or ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// A chunk line or trailer that is not what the protocol says.
    #[error("malformed body")]
    Malformed,
    /// The peer closed inside the body.
    #[error("body cut short")]
    CutShort,
}

/// What [`Decoder::decode`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Content, never empty. [`Decoder::is_done`] tells whether it was the last.
    Data(Bytes),
    /// Nothing yet: read more.
    More,
    /// The body has ended; what is left in the buffer belongs to the next message.
    End,
}

/// Reads one body.
#[derive(Clone, Copy, Debug)]
pub struct Decoder {
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Length(u64),
    UntilClose,
    /// In a size line: its value and its digits so far.
    Size(u64, u8),
    /// In a chunk extension: bytes skipped.
    Extension(u64, usize),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    /// In the trailer section: all bytes skipped, and those of the current line.
    Trailer(usize, usize),
    /// After a CR in the trailer section.
    TrailerLf(usize, usize),
    Done,
}

impl Decoder {
    /// A decoder for one body.
    pub const fn new(framing: Framing) -> Self {
        Self {
            state: match framing {
                Framing::None | Framing::Length(0) => State::Done,
                Framing::Length(length) => State::Length(length),
                Framing::Chunked => State::Size(0, 0),
                Framing::UntilClose => State::UntilClose,
            },
        }
    }

    /// True once the body's last byte, framing included, has been decoded.
    pub const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// What is still to come, where that is known.
    pub const fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Length(left) => Some(left),
            State::Done => Some(0),
            _ => None,
        }
    }

    /// Takes the next content from the front of `buf`.
    ///
    /// # Errors
    /// [`BodyError::Malformed`]; the connection is of no use afterwards.
    pub fn decode(&mut self, buf: &mut BytesMut) -> Result<Step, BodyError> {
        match self.state {
            State::Done => Ok(Step::End),
            _ if buf.is_empty() => Ok(Step::More),
            State::UntilClose => Ok(Step::Data(carve(buf, buf.len()))),
            State::Length(left) => {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
                self.took_direct(here);
                Ok(Step::Data(carve(buf, here)))
            }
            _ => self.chunks(buf),
        }
    }

    /// Notes `count` bytes of a length-framed body that were read past this decoder.
    pub const fn took_direct(&mut self, count: usize) {
        if let State::Length(left) = self.state {
            let left = left.saturating_sub(count as u64);
            self.state = if left == 0 { State::Done } else { State::Length(left) };
        }
    }

    /// The peer has closed.
    ///
    /// # Errors
    /// [`BodyError::CutShort`] unless the body may end so, or had ended.
    pub const fn closed(&mut self) -> Result<(), BodyError> {
        match self.state {
            State::UntilClose | State::Done => {
                self.state = State::Done;
                Ok(())
            }
            _ => Err(BodyError::CutShort),
        }
    }

    fn chunks(&mut self, buf: &mut BytesMut) -> Result<Step, BodyError> {
        let (mut at, mut start, mut end) = (0, 0, 0);
        while let Some(&byte) = buf.get(at) {
            if let State::Data(left) = self.state {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len() - at);
                if end == start {
                    // The first content stays where it is; only later ones move, down to its end.
                    (start, end) = (at, at);
                } else {
                    buf.copy_within(at..at + here, end);
                }
                (at, end) = (at + here, end + here);
                let left = left - here as u64;
                self.state = if left == 0 { State::DataCr } else { State::Data(left) };
                continue;
            }
            self.state = self.state.next(byte)?;
            at += 1;
            if self.is_done() {
                break;
            }
        }
        if start == end {
            buf.advance(at);
            return Ok(if self.is_done() { Step::End } else { Step::More });
        }
        buf.advance(start);
        let data = carve(buf, end - start);
        buf.advance(at - end);
        Ok(Step::Data(data))
    }
}

impl State {
    /// One byte of chunk framing.
    fn next(self, byte: u8) -> Result<Self, BodyError> {
        let printable = byte >= b' ' && byte != 0x7f || byte == b'\t';
        Ok(match (self, byte) {
            (Self::Size(_, 0), b'\r' | b';') => return Err(BodyError::Malformed),
            (Self::Size(size, _) | Self::Extension(size, _), b'\r') => Self::SizeLf(size),
            (Self::Size(size, _), b';') => Self::Extension(size, 0),
            (Self::Size(size, digits), _) => {
                let digit = char::from(byte).to_digit(16).ok_or(BodyError::Malformed)?;
                if digits == 16 {
                    return Err(BodyError::Malformed);
                }
                Self::Size(size << 4 | u64::from(digit), digits + 1)
            }
            (Self::Extension(size, skipped), _) if printable && skipped < SKIPPED => {
                Self::Extension(size, skipped + 1)
            }
            (Self::SizeLf(0), b'\n') => Self::Trailer(0, 0),
            (Self::SizeLf(size), b'\n') => Self::Data(size),
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::Size(0, 0),
            (Self::Trailer(all, line), b'\r') => Self::TrailerLf(all, line),
            (Self::Trailer(all, line), _) if printable && all < SKIPPED => Self::Trailer(all + 1, line + 1),
            (Self::TrailerLf(_, 0), b'\n') => Self::Done,
            (Self::TrailerLf(all, _), b'\n') if all < SKIPPED => Self::Trailer(all + 1, 0),
            _ => return Err(BodyError::Malformed),
        })
    }
}

/// The first `count` bytes of `buf`: a copy when they are few, else a share of its memory.
fn carve(buf: &mut BytesMut, count: usize) -> Bytes {
    if count > COPIED {
        return buf.split_to(count).freeze();
    }
    let data = Bytes::copy_from_slice(buf.get(..count).unwrap_or_default());
    buf.advance(count);
    data
}
