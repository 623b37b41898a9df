//! Targets of routes: whether they answer, how many calls each has under way, and whose turn it is.

use crate::store::breaker::{Breaker, Gate, Settings};
use crate::time::Millis;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A target of a route: the provider's name and its model. Both come from the configuration.
pub type TargetId = (String, String);

/// What is known of them. Only targets of routes that have a choice are watched.
#[derive(Default)]
pub struct Targets(Mutex<Watched>);

#[derive(Default)]
struct Watched {
    breakers: HashMap<TargetId, Breaker>,
    busy: HashMap<TargetId, u32>,
    /// By route: whose turn it is.
    turns: HashMap<String, u32>,
}

impl Targets {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        // Every step leaves the maps whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the target may be called now; a probe that is granted is marked.
    pub fn gate(&self, target: &TargetId, settings: &Settings, now: Millis) -> Gate {
        self.watched().breakers.get_mut(target).map_or(Gate::Closed, |breaker| breaker.enter(settings, now))
    }

    /// Takes in how a call ended.
    pub fn report(&self, target: &TargetId, failed: bool, settings: &Settings, now: Millis) {
        let mut watched = self.watched();
        match watched.breakers.get_mut(target) {
            Some(breaker) => breaker.report(failed, settings, now),
            // One that never failed needs no memory: its successes only dilute.
            None if failed => {
                let mut breaker = Breaker::default();
                breaker.report(true, settings, now);
                watched.breakers.insert(target.clone(), breaker);
            }
            None => {}
        }
    }

    /// Takes in that an answer, which counts as one since its head came, broke off.
    pub fn broke_off(&self, target: &TargetId, settings: &Settings, now: Millis) {
        self.watched().breakers.entry(target.clone()).or_default().broke_off(settings, now);
    }

    /// A probe was given up.
    pub fn release(&self, target: &TargetId) {
        if let Some(breaker) = self.watched().breakers.get_mut(target) {
            breaker.release();
        }
    }

    /// Calls under way.
    pub fn busy(&self, target: &TargetId) -> u32 {
        self.watched().busy.get(target).copied().unwrap_or_default()
    }

    pub(super) fn enter(&self, target: &TargetId) {
        let mut watched = self.watched();
        match watched.busy.get_mut(target) {
            Some(busy) => *busy += 1,
            None => drop(watched.busy.insert(target.clone(), 1)),
        }
    }

    pub(super) fn leave(&self, target: &TargetId) {
        if let Some(busy) = self.watched().busy.get_mut(target) {
            *busy = busy.saturating_sub(1);
        }
    }

    /// The next turn of a route.
    pub fn turn(&self, route: &str) -> u32 {
        let mut watched = self.watched();
        match watched.turns.get_mut(route) {
            Some(turn) => {
                *turn = turn.wrapping_add(1);
                *turn
            }
            None => {
                watched.turns.insert(route.to_owned(), 0);
                0
            }
        }
    }
}
