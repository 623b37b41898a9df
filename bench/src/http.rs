//! The little of HTTP/1.1 that mock and load share: where a body ends.
//!
//! Not the gateway's own parser on purpose: a mistake there must not hide behind the same mistake here.

use std::io::{Error, ErrorKind, Result};

/// Where a message's body ends.
pub(crate) enum Body {
    /// So many bytes are left.
    Length(u64),
    /// After the last chunk.
    Chunked(Chunks),
    /// When the peer closes.
    Close,
}

impl Body {
    /// Reads the framing from the headers; `otherwise` is what a message without any means.
    pub(crate) fn framed(headers: &[httparse::Header<'_>], otherwise: Self) -> Result<Self> {
        let mut body = otherwise;
        for header in headers {
            if header.name.eq_ignore_ascii_case("transfer-encoding") {
                return Ok(Self::Chunked(Chunks::default()));
            }
            if header.name.eq_ignore_ascii_case("content-length") {
                let text = std::str::from_utf8(header.value).map_err(|_| bad("content-length"))?;
                body = Self::Length(text.trim().parse().map_err(|_| bad("content-length"))?);
            }
        }
        Ok(body)
    }

    /// Hands the body's data at the front of `input` to `data`; returns how many bytes of `input` are done with.
    pub(crate) fn take(&mut self, input: &[u8], data: &mut impl FnMut(&[u8])) -> Result<usize> {
        match self {
            Self::Length(left) => {
                let taken = input.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                data(&input[..taken]);
                *left -= taken as u64;
                Ok(taken)
            }
            Self::Chunked(chunks) => chunks.take(input, data),
            Self::Close => {
                data(input);
                Ok(input.len())
            }
        }
    }

    /// Whether the last byte of the body has been taken; never true when only closing ends it.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => matches!(chunks.state, State::Done),
            Self::Close => false,
        }
    }
}

/// Reads chunked framing from pieces cut anywhere.
#[derive(Default)]
pub(crate) struct Chunks {
    state: State,
    size: u64,
}

#[derive(Default)]
enum State {
    #[default]
    Size,
    Extension,
    Data,
    DataEnd,
    /// In the trailer; `true` while the line is still empty.
    Trailer(bool),
    Done,
}

impl Chunks {
    fn take(&mut self, input: &[u8], data: &mut impl FnMut(&[u8])) -> Result<usize> {
        let mut at = 0;
        while at < input.len() {
            if matches!(self.state, State::Done) {
                break;
            }
            if matches!(self.state, State::Data) {
                let room = usize::try_from(self.size).unwrap_or(usize::MAX);
                let taken = room.min(input.len() - at);
                data(&input[at..at + taken]);
                at += taken;
                self.size -= taken as u64;
                if self.size == 0 {
                    self.state = State::DataEnd;
                }
            } else {
                self.step(input[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// One byte of framing.
    fn step(&mut self, byte: u8) -> Result<()> {
        match (&self.state, byte) {
            (State::Size | State::Extension, b'\n') => {
                self.state = if self.size == 0 { State::Trailer(true) } else { State::Data };
            }
            (State::Size, b';') => self.state = State::Extension,
            (State::Size, b'\r') | (State::Extension, _) | (State::DataEnd | State::Trailer(_), b'\r') => {}
            (State::Size, digit) => {
                let digit = char::from(digit).to_digit(16).ok_or_else(|| bad("chunk size"))?;
                let size = self.size.checked_mul(16).ok_or_else(|| bad("chunk size"))?;
                self.size = size + u64::from(digit);
            }
            (State::DataEnd, b'\n') => self.state = State::Size,
            (State::DataEnd, _) => return Err(bad("end of chunk")),
            (State::Trailer(empty), b'\n') => {
                self.state = if *empty { State::Done } else { State::Trailer(true) };
            }
            (State::Trailer(_), _) => self.state = State::Trailer(false),
            (State::Data | State::Done, _) => {}
        }
        Ok(())
    }
}

fn bad(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("unreadable {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIRE: &[u8] = b"5\r\nhello\r\nA;x=y\r\n, wide wor\r\n2\r\nld\r\n0\r\nt: v\r\n\r\nNEXT";

    fn read(pieces: &[&[u8]]) -> (Vec<u8>, usize, bool) {
        let mut body = Body::Chunked(Chunks::default());
        let (mut out, mut taken) = (Vec::new(), 0);
        for piece in pieces {
            taken += body.take(piece, &mut |data| out.extend_from_slice(data)).unwrap();
        }
        (out, taken, body.is_done())
    }

    #[test]
    fn chunks_read_alike_wherever_they_are_cut() {
        for cut in 0..WIRE.len() - 4 {
            let (out, taken, done) = read(&[&WIRE[..cut], &WIRE[cut..]]);
            assert_eq!(out, b"hello, wide world", "cut at {cut}");
            assert_eq!((taken, done), (WIRE.len() - 4, true), "cut at {cut}");
        }
    }

    #[test]
    fn an_unfinished_body_is_not_done() {
        assert!(!read(&[&WIRE[..20]]).2);
    }

    #[test]
    fn a_length_leaves_the_next_message_alone() {
        let mut body = Body::Length(3);
        assert_eq!(body.take(b"abcNEXT", &mut |_| {}).unwrap(), 3);
        assert!(body.is_done());
    }

    #[test]
    fn a_bad_size_is_an_error() {
        let mut body = Body::Chunked(Chunks::default());
        assert!(body.take(b"zz\r\n", &mut |_| {}).is_err());
    }
}
