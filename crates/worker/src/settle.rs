//! What is logged once an exchange is over: one JSON line on the console. Dropped before that, the client left.

use crate::command::Tag;
use crate::ops::Shared;
use std::rc::Rc;
use wharf_core::record::Record;
use wharf_core::record::line::{self, Measured};
use wharf_core::time::{Millis, rfc3339};

/// An exchange's record on its way to the log.
pub struct Settle {
    /// What happened so far.
    pub record: Box<Record>,
    /// What was measured so far.
    pub measured: Measured,
    shared: Rc<Shared>,
    started: u64,
    logged: bool,
}

impl Settle {
    /// For a request that came now.
    pub fn new(shared: Rc<Shared>) -> Self {
        let started = shared.platform.now();
        Self { record: Box::default(), measured: Measured::default(), shared, started, logged: false }
    }

    /// The time now, in milliseconds since 1970.
    pub fn now(&self) -> u64 {
        self.shared.platform.now()
    }

    /// Microseconds since the request came. A Worker's clock stands still while it computes, and has milliseconds.
    pub fn passed(&self) -> u64 {
        self.shared.platform.now().saturating_sub(self.started) * 1000
    }

    /// The first bytes go to the client.
    pub fn begins(&mut self) {
        if self.measured.first_us == 0 {
            self.measured.first_us = self.passed();
        }
    }

    /// It is over: the line is written.
    pub fn over(&mut self, gone: bool) {
        if self.logged {
            return;
        }
        self.logged = true;
        if !self.shared.logs.get() {
            return;
        }
        self.measured.gone = gone;
        self.measured.end_us = self.passed();
        let mut text = Vec::with_capacity(512);
        text.extend_from_slice(b"{\"time\":\"");
        text.extend_from_slice(rfc3339(Millis(self.shared.platform.now())).as_bytes());
        text.push(b'"');
        line::members(&mut text, &self.record, self.measured);
        text.push(b'}');
        let mut commands = self.shared.commands.borrow_mut();
        commands.put(Tag::Log, &[]);
        commands.bytes(text.into());
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        self.over(true);
    }
}
