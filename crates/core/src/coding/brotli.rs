//! Brotli (RFC 7932), piece by piece, with its window of at most 16 MiB (no large-window extension).

use super::{Halt, Sink};
use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

const PIECE: usize = 16 << 10;

pub(super) struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    ended: bool,
    piece: Box<[u8]>,
}

impl Brotli {
    pub(super) fn new() -> Self {
        let alloc = StandardAlloc::default;
        Self {
            state: Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())),
            ended: false,
            piece: vec![0; PIECE].into_boxed_slice(),
        }
    }

    pub(super) fn at_end(&self) -> bool {
        self.ended
    }

    pub(super) fn push(&mut self, input: &[u8], sink: &mut Sink<'_>) -> Result<(), Halt> {
        if input.is_empty() {
            return Ok(());
        }
        if self.ended {
            return Err(Halt::Broken);
        }
        let (mut left, mut at) = (input.len(), 0);
        loop {
            let (mut room, mut written, mut total) = (self.piece.len(), 0, 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut at,
                input,
                &mut room,
                &mut written,
                &mut self.piece,
                &mut total,
                &mut self.state,
            );
            if written > 0 && !sink(&self.piece[..written]) {
                return Err(Halt::Full);
            }
            match result {
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::NeedsMoreInput => return Ok(()),
                BrotliResult::ResultSuccess => {
                    self.ended = true;
                    return if left == 0 { Ok(()) } else { Err(Halt::Broken) };
                }
                BrotliResult::ResultFailure => return Err(Halt::Broken),
            }
        }
    }
}
