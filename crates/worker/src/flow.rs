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
    /// How much later than it came a piece may be shown to us, in milliseconds.
    late: u64,
    /// How long until the client hears from us. Nothing can be put into what the platform pipes.
    keepalive: Option<Millis>,
    /// When the client last heard something.
    heard: u64,
}

impl Flow {
    /// Pieces of our own.
    pub fn own(settle: Settle) -> Self {
        let now = settle.now();
        Self { lane: None, settle, finished: false, touched: now, late: 0, keepalive: None, heard: now }
    }

    /// An upstream's answer; `look` is how often what the platform pipes is shown to us, in milliseconds (0: it all passes
    /// here).
    pub fn relayed(lane: Lane, settle: Settle, keepalive: Option<Millis>, look: u32) -> Self {
        let (keepalive, now) = (keepalive.filter(|_| !lane.is_verbatim()), settle.now());
        // A timer of the platform is late at times, too.
        let late = u64::from(look) * 3 / 2;
        Self { lane: Some(lane), settle, finished: false, touched: now, late, keepalive, heard: now }
    }

    /// When the answer is to be given up, in milliseconds since 1970.
    fn deadline(&self) -> Option<u64> {
        let lane = self.lane.as_ref()?;
        lane.deadline().map(|at| at.0 + self.late)
    }

    /// In how many milliseconds `quiet` is to be called; 0: never.
    pub fn wait(&self) -> u32 {
        let sign = self.keepalive.map(|wait| self.heard + wait.0);
        let next = sign.into_iter().chain(self.deadline()).min();
        next.map_or(0, |at| at.saturating_sub(self.settle.now()).clamp(1, i32::MAX as u64) as u32)
    }

    /// That time is over.
    pub fn quiet(&mut self, commands: &mut Commands) {
        let now = self.settle.now();
        let over = self.deadline().is_some_and(|at| at <= now);
        let mut sign = None;
        if !over && self.keepalive.is_some_and(|wait| self.heard + wait.0 <= now) {
            self.heard = now;
            sign = self.lane.as_ref().and_then(Lane::keepalive);
        }
        commands.put(Tag::Quiet, &[]);
        commands.bytes(sign.unwrap_or_default());
        commands.numbers(&[if over { 0 } else { self.wait() }, over.into()]);
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
        (self.touched, self.heard) = (self.settle.now(), self.settle.now());
        let over = lane.is_over();
        commands.put(Tag::Piece, &[]);
        // Verbatim, JavaScript has the same bytes in its hands already.
        commands.bytes(if lane.is_verbatim() { Bytes::new() } else { out });
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
