//! Zstandard (RFC 8878), block by block: ruzstd pulls from a reader, so a block is handed to it once it is all there.

use super::{Halt, Sink};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io;

/// The most that a `zstd` body on the web may ask for: RFC 9659.
const WINDOW_LIMIT: u64 = 8 << 20;
/// The longest frame header.
const HEADER_LIMIT: usize = 18;
/// The most that a block may hold, compressed or not.
const BLOCK_LIMIT: usize = 128 << 10;

pub(super) struct Zstd {
    frames: FrameDecoder,
    /// Bytes that came and are not decoded: less than a header or a block.
    held: Vec<u8>,
    state: State,
    ended_one: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between frames.
    Header,
    /// Inside a frame, with a checksum after its last block or without.
    Blocks { checksum: bool },
    /// Inside a skippable frame.
    Skip(usize),
}

impl Default for Zstd {
    fn default() -> Self {
        let mut frames = FrameDecoder::new();
        frames.set_max_window_size(WINDOW_LIMIT);
        Self { frames, held: Vec::new(), state: State::Header, ended_one: false }
    }
}

impl Zstd {
    pub(super) fn at_end(&self) -> bool {
        self.state == State::Header && self.ended_one && self.held.is_empty()
    }

    pub(super) fn push(&mut self, input: &[u8], sink: &mut Sink<'_>) -> Result<(), Halt> {
        // Slices of a block, so that `held` stays small however much comes at once.
        for slice in input.chunks(BLOCK_LIMIT) {
            self.held.extend_from_slice(slice);
            let mut done = 0;
            while let Some(used) = self.step(done, sink)? {
                done += used;
            }
            self.held.drain(..done);
        }
        Ok(())
    }

    /// Decodes one header or block from `held[from..]` and says how long it was; `None` while it is not all there.
    fn step(&mut self, from: usize, sink: &mut Sink<'_>) -> Result<Option<usize>, Halt> {
        let bytes = self.held.get(from..).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(None);
        }
        match self.state {
            State::Skip(left) => {
                let used = left.min(bytes.len());
                self.state = if left == used { State::Header } else { State::Skip(left - used) };
                Ok(Some(used))
            }
            State::Header => self.header(from),
            State::Blocks { checksum } => {
                let Some(size) = block_size(bytes, checksum)? else { return Ok(None) };
                let mut block = &bytes[..size];
                let last = self
                    .frames
                    .decode_blocks(&mut block, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(|_| Halt::Broken)?;
                self.frames.collect_to_writer(Writer(sink)).map_err(|_| Halt::Full)?;
                if last {
                    self.state = State::Header;
                    self.ended_one = true;
                }
                Ok(Some(size))
            }
        }
    }

    fn header(&mut self, from: usize) -> Result<Option<usize>, Halt> {
        let bytes = self.held.get(from..).unwrap_or_default();
        let mut rest = bytes;
        match self.frames.reset(&mut rest) {
            Ok(()) => {
                // Bit 2 of the descriptor, behind the magic number: a checksum follows the last block.
                let checksum = bytes.get(4).is_some_and(|descriptor| descriptor & 0b100 != 0);
                self.state = State::Blocks { checksum };
                Ok(Some(bytes.len() - rest.len()))
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                let length = usize::try_from(length).map_err(|_| Halt::Broken)?;
                self.ended_one = true;
                self.state = if length == 0 { State::Header } else { State::Skip(length) };
                Ok(Some(8))
            }
            // A bad magic number is bad at once; everything else may just be short.
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::BadMagicNumber(_))) => {
                Err(Halt::Broken)
            }
            Err(_) if bytes.len() < HEADER_LIMIT => Ok(None),
            Err(_) => Err(Halt::Broken),
        }
    }
}

/// Length of the block that `bytes` start with, its header and the frame's checksum included; `None` while short.
fn block_size(bytes: &[u8], checksum: bool) -> Result<Option<usize>, Halt> {
    let [a, b, c, ..] = *bytes else { return Ok(None) };
    let header = u32::from_le_bytes([a, b, c, 0]);
    let (last, kind) = (header & 1 == 1, header >> 1 & 3);
    let size = usize::try_from(header >> 3).map_err(|_| Halt::Broken)?;
    if kind == 3 || size > BLOCK_LIMIT {
        return Err(Halt::Broken);
    }
    // Kind 1 is one byte, repeated.
    let content = if kind == 1 { 1 } else { size };
    let whole = 3 + content + if last && checksum { 4 } else { 0 };
    Ok((bytes.len() >= whole).then_some(whole))
}

/// A sink as a writer, which is what ruzstd wants; refusing is its only error.
struct Writer<'a, 'b>(&'a mut Sink<'b>);

impl io::Write for Writer<'_, '_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if (self.0)(piece) { Ok(piece.len()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
