//! gzip (RFC 1952) and zlib (RFC 1950), piece by piece. The gzip frame is read here: flate2's own push decoder holds
//! output back until it is flushed, and its flush panics on broken data.

use super::{Halt, Sink};
use flate2::{Crc, Decompress, FlushDecompress, Status};

/// A gzip header with a file name or comment longer than this is no header.
const HEADER_LIMIT: usize = 16 << 10;
const PIECE: usize = 16 << 10;

pub(super) struct Inflate {
    state: State,
    /// Header or trailer bytes that came so far.
    held: Vec<u8>,
    body: Decompress,
    crc: Crc,
    /// gzip frame around the data, rather than zlib's own.
    gzip: bool,
    /// A member has ended: more of them may follow.
    ended_one: bool,
    piece: Box<[u8]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Body,
    Trailer,
    /// zlib data has ended; gzip goes back to `Header`.
    Ended,
}

impl Inflate {
    pub(super) fn gzip() -> Self {
        Self::new(true, State::Header)
    }

    pub(super) fn zlib() -> Self {
        Self::new(false, State::Body)
    }

    fn new(gzip: bool, state: State) -> Self {
        Self {
            state,
            held: Vec::new(),
            body: Decompress::new(!gzip),
            crc: Crc::new(),
            gzip,
            ended_one: false,
            piece: vec![0; PIECE].into_boxed_slice(),
        }
    }

    pub(super) fn at_end(&self) -> bool {
        match self.state {
            State::Header => self.ended_one && self.held.is_empty(),
            State::Body | State::Trailer => false,
            State::Ended => true,
        }
    }

    pub(super) fn push(&mut self, mut input: &[u8], sink: &mut Sink<'_>) -> Result<(), Halt> {
        while !input.is_empty() {
            input = match self.state {
                State::Header => self.header(input)?,
                State::Body => self.inflate(input, sink)?,
                State::Trailer => self.trailer(input)?,
                State::Ended => return Err(Halt::Broken),
            };
        }
        Ok(())
    }

    fn header<'a>(&mut self, input: &'a [u8]) -> Result<&'a [u8], Halt> {
        let before = self.held.len();
        let take = input.len().min(HEADER_LIMIT - before);
        self.held.extend_from_slice(&input[..take]);
        match header_length(&self.held)? {
            Some(length) => {
                self.held.clear();
                self.state = State::Body;
                // `before` bytes of the header came earlier and held no whole one, so `length` is beyond them.
                Ok(input.get(length - before..).unwrap_or_default())
            }
            None if take < input.len() => Err(Halt::Broken),
            None => Ok(&[]),
        }
    }

    fn inflate<'a>(&mut self, mut input: &'a [u8], sink: &mut Sink<'_>) -> Result<&'a [u8], Halt> {
        loop {
            let (read, written) = (self.body.total_in(), self.body.total_out());
            let status = self
                .body
                .decompress(input, &mut self.piece, FlushDecompress::None)
                .map_err(|_| Halt::Broken)?;
            let read = usize::try_from(self.body.total_in() - read).map_err(|_| Halt::Broken)?;
            let written = usize::try_from(self.body.total_out() - written).map_err(|_| Halt::Broken)?;
            input = input.get(read..).unwrap_or_default();
            if written > 0 {
                let piece = &self.piece[..written];
                if self.gzip {
                    self.crc.update(piece);
                }
                if !sink(piece) {
                    return Err(Halt::Full);
                }
            }
            match status {
                Status::StreamEnd => {
                    self.state = if self.gzip { State::Trailer } else { State::Ended };
                    return Ok(input);
                }
                Status::Ok | Status::BufError if read == 0 && written == 0 => {
                    // Nothing moves without more input; input that is left and not taken would never be.
                    return if input.is_empty() { Ok(input) } else { Err(Halt::Broken) };
                }
                Status::Ok | Status::BufError => {}
            }
        }
    }

    fn trailer<'a>(&mut self, input: &'a [u8]) -> Result<&'a [u8], Halt> {
        let take = input.len().min(8 - self.held.len());
        self.held.extend_from_slice(&input[..take]);
        if let [a, b, c, d, ..] = self.held[..]
            && self.held.len() == 8
        {
            if u32::from_le_bytes([a, b, c, d]) != self.crc.sum() {
                return Err(Halt::Broken);
            }
            self.held.clear();
            self.crc = Crc::new();
            self.body.reset(false);
            self.ended_one = true;
            self.state = State::Header;
        }
        Ok(&input[take..])
    }
}

/// Length of the gzip header that `bytes` start with; `None` while it is not all there.
fn header_length(bytes: &[u8]) -> Result<Option<usize>, Halt> {
    let wanted = [0x1f, 0x8b, 8];
    if bytes.iter().zip(wanted).any(|(byte, want)| *byte != want) {
        return Err(Halt::Broken);
    }
    let Some(flags) = bytes.get(3).copied() else { return Ok(None) };
    if flags & 0b1110_0000 != 0 {
        return Err(Halt::Broken);
    }
    let mut at = 10;
    if flags & 0b100 != 0 {
        // Extra field, with its length before it.
        let (Some(low), Some(high)) = (bytes.get(at), bytes.get(at + 1)) else { return Ok(None) };
        at += 2 + usize::from(u16::from_le_bytes([*low, *high]));
    }
    for flag in [0b1000, 0b1_0000] {
        if flags & flag != 0 {
            // File name, then comment, each ended by a zero byte.
            let Some(end) = bytes.get(at..).and_then(|rest| memchr::memchr(0, rest)) else { return Ok(None) };
            at += end + 1;
        }
    }
    if flags & 0b10 != 0 {
        at += 2;
    }
    Ok((bytes.len() >= at).then_some(at))
}
