//! What one load has seen, and its report.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Counted while the load runs.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) ok: u64,
    pub(super) refused: u64,
    pub(super) incomplete: u64,
    pub(super) broken: u64,
    events: u64,
    received: u64,
    pub(super) open: u64,
    peak_open: u64,
    latency_us: Vec<u32>,
    first_event_us: Vec<u32>,
}

/// One JSON object per load.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) seconds: f64,
    /// Complete answers with status 200.
    pub(crate) ok: u64,
    /// Answers with another status.
    pub(crate) refused: u64,
    /// Streams that ended well-framed, but short of events.
    pub(crate) incomplete: u64,
    /// Connections refused or cut, answers that never came.
    pub(crate) broken: u64,
    pub(crate) events: u64,
    pub(crate) received_bytes: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) open_at_end: u64,
    pub(crate) peak_open: u64,
    pub(crate) latency_us: Quantiles,
    pub(crate) first_event_us: Quantiles,
}

impl Report {
    pub(crate) fn failures(&self) -> u64 {
        self.refused + self.incomplete + self.broken
    }
}

/// Of a set of times, in microseconds.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quantiles {
    pub(crate) p50: u32,
    pub(crate) p99: u32,
    pub(crate) max: u32,
}

impl Quantiles {
    fn of(times: &mut [u32]) -> Self {
        times.sort_unstable();
        let at =
            |percent: usize| times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or(0);
        Self { p50: at(50), p99: at(99), max: at(100) }
    }
}

impl Tally {
    /// A piece of an answer has come; `opened` says after which time, if it held a stream's first event.
    pub(super) fn piece(&mut self, bytes: u64, events: u64, opened: Option<Duration>) {
        self.received += bytes;
        self.events += events;
        if let Some(after) = opened {
            self.open += 1;
            self.peak_open = self.peak_open.max(self.open);
            self.first_event_us.push(micros(after));
        }
    }

    /// An answer has come to its end; returns whether it was a good one.
    pub(super) fn ended(&mut self, status: u16, complete: bool, after: Duration) -> bool {
        match (status, complete) {
            (200, true) => {
                self.ok += 1;
                self.latency_us.push(micros(after));
            }
            (200, false) => self.incomplete += 1,
            _ => self.refused += 1,
        }
        status == 200 && complete
    }

    pub(super) fn report(&mut self, took: Duration, sent_bytes: u64) -> Report {
        Report {
            seconds: took.as_secs_f64(),
            ok: self.ok,
            refused: self.refused,
            incomplete: self.incomplete,
            broken: self.broken,
            events: self.events,
            received_bytes: self.received,
            sent_bytes,
            open_at_end: self.open,
            peak_open: self.peak_open,
            latency_us: Quantiles::of(&mut self.latency_us),
            first_event_us: Quantiles::of(&mut self.first_event_us),
        }
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_hundred() {
        let mut times: Vec<u32> = (0..=100).rev().collect();
        assert_eq!(Quantiles::of(&mut times), Quantiles { p50: 50, p99: 99, max: 100 });
    }

    #[test]
    fn quantiles_of_none_and_one() {
        assert_eq!(Quantiles::of(&mut []), Quantiles::default());
        assert_eq!(Quantiles::of(&mut [7]), Quantiles { p50: 7, p99: 7, max: 7 });
    }

    #[test]
    fn each_answer_counts_once() {
        let mut tally = Tally::default();
        assert!(tally.ended(200, true, Duration::ZERO));
        assert!(!tally.ended(200, false, Duration::ZERO));
        assert!(!tally.ended(401, true, Duration::ZERO));
        let report = tally.report(Duration::from_secs(1), 0);
        assert_eq!((report.ok, report.failures()), (1, 2));
    }
}
