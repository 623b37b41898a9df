//! An answer that JavaScript relays: it reads and writes, and here each piece passes the lane.

use crate::command::{Commands, Tag};
use crate::settle::Settle;
use bytes::Bytes;
use wharf_core::lane::Lane;
use wharf_core::time::Millis;
use wharf_wire::relay::End;

/// An answer on its way.
pub struct Flow {
    /// `None`: pieces of our own, or everything has passed.
    lane: Option<Lane>,
    settle: Settle,
    finished: bool,
    touched: u64,
}

impl Flow {
    /// Pieces of our own.
    pub fn own(settle: Settle) -> Self {
        Self { lane: None, touched: settle.now(), settle, finished: false }
    }

    /// An upstream's answer.
    pub fn relayed(lane: Lane, settle: Settle) -> Self {
        Self { lane: Some(lane), touched: settle.now(), settle, finished: false }
    }

    /// When something last passed, in milliseconds since 1970.
    pub fn touched(&self) -> u64 {
        self.touched
    }

    /// A piece has come.
    pub fn piece(&mut self, piece: Bytes, commands: &mut Commands) {
        let Some(lane) = &mut self.lane else { return };
        let out = lane.push(piece);
        self.settle.begins();
        self.touched = self.settle.now();
        let over = lane.is_over();
        commands.put(Tag::Piece, &[]);
        // Verbatim, JavaScript has the same bytes in its hands already.
        commands.bytes(if lane.keeps_length() { Bytes::new() } else { out });
        commands.numbers(&[over.into()]);
    }

    /// The upstream's body has ended.
    pub fn ended(&mut self, end: End, commands: &mut Commands) {
        self.finished = true;
        let Some(mut lane) = self.lane.take() else { return };
        let now = Millis(self.settle.now());
        let finish = lane.finish(end, &mut self.settle.record, now);
        commands.put(Tag::End, &[]);
        commands.bytes(finish.append);
        commands.numbers(&[finish.abort.into()]);
    }

    /// Nothing goes to the client any more: everything has (so many bytes), or it has left.
    pub fn left(mut self, sent: u64) {
        if let Some(mut lane) = self.lane.take() {
            lane.abandon(&mut self.settle.record);
        }
        self.settle.measured.bytes = sent;
        self.settle.over(!self.finished);
    }
}

/// The end that JavaScript names by a number.
pub const fn end(how: u32) -> End {
    match how {
        crate::events::END => End::Clean,
        crate::events::IDLE_TIMEOUT => End::IdleTimeout,
        _ => End::Cut,
    }
}
