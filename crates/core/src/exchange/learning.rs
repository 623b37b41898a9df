//! What an attempt taught: of the key for the others who would use it, of the target for the routes that have a choice.

use super::Core;
use super::attempt::{Learner, Limits};
use crate::host::Host;
use crate::keys;
use crate::plan::{Class, Outcome};
use crate::store;
use crate::time::Millis;

/// One attempt's end.
pub(super) struct Lesson {
    pub outcome: Outcome,
    pub class: Class,
    /// How long the provider wants to be left alone.
    pub wait: Option<Millis>,
}

impl<H: Host> Core<H> {
    /// Takes a lesson in. `tried` is the place of the key in the order.
    pub(super) fn learn(&self, lesson: &Lesson, limits: &Limits<'_>, tried: usize) {
        let Some(learner) = &limits.learner else { return };
        if let Some(target) = learner.watch
            && lesson.outcome != Outcome::Failed(crate::host::TransportError::Upload)
        {
            let failed = lesson.class.is_targets();
            self.health.targets.report(target, failed, &self.table.breaker, self.host.now());
        }
        // A key that nobody doubts needs no good word: only probes, and keys that were named, may have a bad one.
        let doubted = (limits.keys.probe && tried == 0) || limits.keys.pinned;
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
        keys::report(&self.host, &self.health, &learner.entry.pool, member, model, outcome);
    }
}
