//! A circuit breaker for one target: pure arithmetic of outcomes over a window. It belongs to the process, which sees
//! most of what there is to see; no key is cooled by it.

use crate::time::Millis;

/// When it opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Outcomes older than this do not count (they leave in halves).
    pub window: Millis,
    /// Fewer outcomes than this open nothing.
    pub samples: u32,
    /// It opens when so many of a hundred failed.
    pub percent: u32,
    /// How long it stays open at first; doubled by each probe that fails, up to sixteen times.
    pub open: Millis,
}

impl Default for Settings {
    fn default() -> Self {
        Self { window: Millis::seconds(30), samples: 5, percent: 50, open: Millis::seconds(15) }
    }
}

/// How long a probe may take before another call may be it.
const PROBE: Millis = Millis::seconds(60);

/// How often the time that it stays open is doubled at most.
const DOUBLED: u32 = 4;

/// The state of one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    /// When the younger half of the window began.
    began: Millis,
    young: Tally,
    old: Tally,
    /// Not to be called until then.
    until: Millis,
    /// Times that it opened in a row; 0: closed.
    opened: u32,
    probe: Millis,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    all: u32,
    failed: u32,
}

/// Whether a target may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// As usual.
    Closed,
    /// This one call may: it tells whether the target is back.
    Probe,
    /// No: others are to be tried first.
    Open,
}

impl Breaker {
    /// Whether the target may be called now. A probe that is granted is marked.
    pub fn enter(&mut self, settings: &Settings, now: Millis) -> Gate {
        if self.opened == 0 {
            return Gate::Closed;
        }
        self.pull_in(settings, now);
        if self.until > now || self.probe > now {
            return Gate::Open;
        }
        self.probe = now + PROBE;
        Gate::Probe
    }

    /// Takes in how a call ended.
    pub fn report(&mut self, failed: bool, settings: &Settings, now: Millis) {
        self.pull_in(settings, now);
        if self.opened > 0 {
            // Answers to calls from before it opened say nothing of now.
            if self.until > now {
                return;
            }
            self.probe = Millis::default();
            if failed {
                self.until = now + Millis(settings.open.0 << self.opened.min(DOUBLED));
                self.opened = self.opened.saturating_add(1);
            } else {
                *self = Self { began: now, ..Self::default() };
            }
            return;
        }
        self.turn(settings.window, now);
        self.young.all = self.young.all.saturating_add(1);
        self.young.failed = self.young.failed.saturating_add(u32::from(failed));
        let all = self.young.all.saturating_add(self.old.all);
        let lost = u64::from(self.young.failed.saturating_add(self.old.failed));
        if failed && all >= settings.samples && lost * 100 >= u64::from(all) * u64::from(settings.percent) {
            *self = Self { until: now + settings.open, opened: 1, ..Self::default() };
        }
    }

    /// An answer broke off behind its head: what was taken in as a success was none.
    pub fn broke_off(&mut self, settings: &Settings, now: Millis) {
        // It began before the target was given up: that says nothing of now.
        if self.opened > 0 {
            return;
        }
        self.turn(settings.window, now);
        for tally in [&mut self.young, &mut self.old] {
            if tally.all > tally.failed {
                tally.all -= 1;
                break;
            }
        }
        self.report(true, settings, now);
    }

    /// A probe was given up: another call may be it.
    pub const fn release(&mut self) {
        self.probe = Millis(0);
    }

    /// A clock that stepped back must not keep it open for longer than it may be.
    fn pull_in(&mut self, settings: &Settings, now: Millis) {
        self.until = self.until.min(now + Millis(settings.open.0 << DOUBLED));
        self.probe = self.probe.min(now + PROBE);
        self.began = self.began.min(now);
    }

    /// Lets the older half go once it is older than the window.
    fn turn(&mut self, window: Millis, now: Millis) {
        let half = (window.0 / 2).max(1);
        let age = now.since(self.began).0;
        if age < half {
            return;
        }
        self.old = if age < 2 * half { self.young } else { Tally::default() };
        self.young = Tally::default();
        self.began = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Settings = Settings { window: Millis(1000), samples: 4, percent: 50, open: Millis(100) };

    #[test]
    fn an_answer_that_broke_off_is_no_success() {
        let strict = Settings { percent: 100, ..AT };
        let mut breaker = Breaker::default();
        for now in 0..4 {
            assert_eq!(breaker.enter(&strict, Millis(now)), Gate::Closed);
            breaker.report(false, &strict, Millis(now));
            breaker.broke_off(&strict, Millis(now));
        }
        assert_eq!(breaker.enter(&AT, Millis(4)), Gate::Open);
        let open = breaker;
        breaker.broke_off(&strict, Millis(200));
        assert_eq!(breaker, open, "it began before");
    }

    fn after(outcomes: &[bool], now: u64) -> Breaker {
        let mut breaker = Breaker::default();
        for failed in outcomes {
            breaker.report(*failed, &AT, Millis(now));
        }
        breaker
    }

    #[test]
    fn it_opens_at_the_rate_once_there_are_enough_outcomes() {
        assert_eq!(after(&[true; 3], 10_000).enter(&AT, Millis(10_000)), Gate::Closed);
        assert_eq!(
            after(&[false, false, false, true, true], 10_000).enter(&AT, Millis(10_000)),
            Gate::Closed
        );
        assert_eq!(after(&[false, false, true, true], 10_000).enter(&AT, Millis(10_000)), Gate::Open);
    }

    #[test]
    fn what_is_older_than_the_window_does_not_count() {
        let mut breaker = after(&[true; 3], 10_000);
        breaker.report(true, &AT, Millis(11_100));
        assert_eq!(breaker.enter(&AT, Millis(11_100)), Gate::Closed);
    }

    #[test]
    fn one_probe_closes_it_or_opens_it_for_longer() {
        let mut breaker = after(&[true; 4], 10_000);
        assert_eq!(breaker.enter(&AT, Millis(10_099)), Gate::Open);
        assert_eq!(breaker.enter(&AT, Millis(10_100)), Gate::Probe);
        assert_eq!(breaker.enter(&AT, Millis(10_100)), Gate::Open, "one at a time");
        breaker.report(true, &AT, Millis(10_120));
        assert_eq!(breaker.until, Millis(10_320));
        assert_eq!(breaker.enter(&AT, Millis(10_320)), Gate::Probe);
        breaker.release();
        assert_eq!(breaker.enter(&AT, Millis(10_320)), Gate::Probe);
        breaker.report(false, &AT, Millis(10_330));
        assert_eq!(breaker.enter(&AT, Millis(10_330)), Gate::Closed);
    }

    #[test]
    fn a_clock_that_steps_back_keeps_it_open_for_no_longer() {
        let mut breaker = after(&[true; 4], 1_000_000_000);
        assert_eq!(breaker.enter(&AT, Millis(1_000_000_100)), Gate::Probe);
        assert_eq!(breaker.enter(&AT, Millis(5)), Gate::Open);
        let (most, probe) = (5 + (AT.open.0 << DOUBLED), 5 + PROBE.0);
        assert_eq!((breaker.until, breaker.probe), (Millis(most), Millis(probe)));
        assert_eq!(breaker.enter(&AT, Millis(probe)), Gate::Probe);
        let mut closed = after(&[true; 3], 1_000_000_000);
        closed.report(false, &AT, Millis(5));
        closed.report(true, &AT, Millis(2005));
        assert_eq!(closed.enter(&AT, Millis(2005)), Gate::Closed, "what is old leaves");
    }

    #[test]
    fn a_dead_target_is_asked_less_and_less_but_never_given_up() {
        let mut breaker = after(&[true; 4], 0);
        let mut now = 100;
        for _ in 0..40 {
            assert_eq!(breaker.enter(&AT, Millis(now)), Gate::Probe);
            breaker.report(true, &AT, Millis(now));
            let until = breaker.until.0;
            assert!(until - now <= 1600);
            now = until;
        }
    }
}
