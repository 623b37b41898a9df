//! What an attempt taught: of the key for the others who would use it, of the target for the routes that have a choice.

use super::Core;
use super::attempt::{Learner, Limits};
use crate::host::Host;
use crate::keys;
use crate::plan::{Class, Outcome};
use crate::store::{self, Standing};
use crate::time::Millis;

/// One attempt's end.
pub(super) struct Lesson {
    pub outcome: Outcome,
    pub class: Class,
    /// How long the provider wants to be left alone.
    pub wait: Option<Millis>,
}

/// Which key an attempt was made with: its place in the order.
#[derive(Clone, Copy)]
pub(super) enum Tried {
    /// The one that the call was signed with.
    Key(usize),
    /// The AI Gateway tried them in turn, and this one it answered with, if it says so. What came of those before
    /// nobody knows.
    Step(Option<usize>),
}

impl<H: Host> Core<H> {
    /// Takes a lesson in.
    pub(super) fn learn(&self, lesson: &Lesson, limits: &Limits<'_>, tried: Tried) {
        let Some(learner) = &limits.learner else { return };
        // Whoever has less time than the target needs must not take it from the others.
        let own = lesson.class == Class::Timeout && limits.terms.is_some_and(|terms| terms.hasty);
        if let Some(target) = learner.watch
            && lesson.outcome != Outcome::Failed(crate::host::TransportError::Upload)
            && !own
        {
            let failed = lesson.class.is_targets();
            self.health.targets.report(target, failed, &self.table.breaker, self.host.now());
        }
        // A key that nobody doubts needs no good word: only probes, steps, and keys that were named, may have a bad one.
        let (tried, doubted) = match tried {
            Tried::Key(at) => (at, (limits.keys.probe && at == 0) || limits.keys.pinned),
            Tried::Step(Some(at)) => (at, lesson.class == Class::Answered),
            Tried::Step(None) => return,
        };
        let outcome = match lesson.class {
            Class::KeyRefused => store::Outcome::Refused,
            Class::Unpaid => store::Outcome::Unpaid,
            Class::RateLimited => store::Outcome::Limited { wait: lesson.wait },
            Class::Answered if doubted => store::Outcome::Served,
            _ if doubted => store::Outcome::Unknown,
            _ => return,
        };
        self.learn_of_key(learner, limits, tried, outcome);
    }

    fn learn_of_key(
        &self,
        learner: &Learner<'_>,
        limits: &Limits<'_>,
        tried: usize,
        outcome: store::Outcome,
    ) {
        let member = limits.keys.get(tried).and_then(|at| learner.entry.pool.members.get(at));
        let Some(member) = member else { return };
        let per_model = learner.entry.provider.limits_per_model;
        let model = learner.model.filter(|_| per_model);
        let probe = limits.keys.probe && tried == 0;
        keys::report(&self.host, &self.health, &learner.entry.pool, member, model, (outcome, probe));
    }

    /// Watches over a probe, should this be one.
    pub(super) const fn probing<'a>(&'a self, limits: &'a Limits<'a>) -> Probe<'a, H> {
        Probe { core: self, limits, under_way: true }
    }

    /// The next key in the order that nothing was learnt against since; `None`: there is none.
    pub(super) fn next_key(&self, limits: &Limits<'_>, tried: usize) -> Option<usize> {
        let Some(learner) = &limits.learner else { return Some(tried + 1) };
        let pool = &learner.entry.pool;
        let model = learner.model.filter(|_| learner.entry.provider.limits_per_model);
        let is_well = |step: &usize| {
            let member = limits.keys.get(*step).and_then(|at| pool.members.get(at));
            let health = member.and_then(|member| self.health.of(&pool.shard, member.id));
            let standing = health.map(|health| health.standing(model, self.host.now()));
            matches!(standing, None | Some(Standing::Ready))
        };
        (tried + 1..limits.keys.len()).find(is_well)
    }
}

/// A call that may be the probe of its key or its target. If the client leaves meanwhile another call is to be the probe, at once.
pub(super) struct Probe<'a, H: Host> {
    core: &'a Core<H>,
    limits: &'a Limits<'a>,
    under_way: bool,
}

impl<H: Host> Probe<'_, H> {
    /// It was told how it ended.
    pub(super) const fn over(&mut self) {
        self.under_way = false;
    }
}

impl<H: Host> Drop for Probe<'_, H> {
    fn drop(&mut self) {
        let Some(learner) = self.limits.learner.as_ref().filter(|_| self.under_way) else { return };
        if let Some(target) = learner.watch {
            self.core.health.targets.release(target);
        }
        if self.limits.keys.probe {
            self.core.learn_of_key(learner, self.limits, 0, store::Outcome::Unknown);
        }
    }
}
