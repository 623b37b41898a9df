//! The course of one model request: which targets are tried in which order, for how long, and what is left of both.

use super::Core;
use crate::error::{Error, Kind};
use crate::headers::{Headers, text};
use crate::health::{Busy, TargetId};
use crate::host::{Host, TimeoutChanges, Timeouts};
use crate::keys::{KeyOrder, Lack, Purpose, Wanted};
use crate::plan::{self, Balance, Class, Classes};
use crate::record::Record;
use crate::route::{self, Routed, Target};
use crate::selector::Selector;
use crate::store::breaker::Gate;
use crate::table::{Entry, Route, Table};
use crate::time::Millis;
use std::collections::VecDeque;
use std::sync::Arc;

/// What is left to be tried.
pub(super) struct Course<'t> {
    queue: VecDeque<Target>,
    /// How many at the end of the queue were passed over once because they fail: then they are tried all the same.
    late: usize,
    route: Option<&'t Route>,
    /// Targets behind the one at hand.
    pub left: usize,
    /// Whether there is a choice, so that it is worth knowing how targets do.
    watched: bool,
    /// Time limits of the route and of the request.
    changes: TimeoutChanges,
    /// Some of them are the request's.
    hasty: bool,
    began: Millis,
    /// Why targets could not be called at all; the one to be shown if none could.
    lacking: Option<Error>,
}

/// What holds for the attempts at one target.
#[derive(Clone, Copy)]
pub(super) struct Terms<'c> {
    /// Targets behind this one.
    pub targets: usize,
    pub retries: u32,
    pub gives_way: Classes,
    pub timeouts: Timeouts,
    /// When the whole exchange must be over.
    pub until: Option<Millis>,
    /// The caller set limits of its own.
    pub hasty: bool,
    /// Whom to tell how the target did.
    pub watch: Option<&'c TargetId>,
}

impl<H: Host> Core<H> {
    /// Plans the course of a request for `model`.
    ///
    /// # Errors
    /// A model that nobody offers, or time limits that can't be read.
    pub(super) fn course(&self, model: &str, headers: &Headers) -> Result<Course<'_>, Error> {
        let Routed { targets, weights, route } = route::routed(&self.table, model)?;
        let mut changes = route.map(|(_, route)| route.timeouts).unwrap_or_default();
        let asked = text(headers, "x-wharf-timeout");
        let hasty = asked.is_some();
        if let Some(asked) = asked {
            let asked = TimeoutChanges::read(asked).map_err(|why| Error::new(Kind::InvalidRequest, why))?;
            changes = changes.over(&asked);
        }
        let watched = route.is_some() && targets.len() > 1;
        let queue: VecDeque<Target> = match route {
            Some((name, route)) if watched && route.balance != Balance::Ordered => {
                let busy = |at: usize| {
                    let target = targets.get(at).and_then(|target| target_id(&self.table, target));
                    target.map_or(0, |target| self.health.targets.busy(&target))
                };
                let turn = self.health.targets.turn(name);
                let order = plan::arrange(route.balance, &weights, turn, self.host.random(), busy);
                order.into_iter().filter_map(|at| targets.get(at).cloned()).collect()
            }
            Some(_) | None => targets.into(),
        };
        let (left, route, began) = (queue.len(), route.map(|(_, route)| route), self.host.now());
        Ok(Course { queue, late: 0, route, left, watched, changes, hasty, began, lacking: None })
    }

    /// The target whose turn it is. One that fails all the time waits until the others were tried.
    pub(super) fn next_stop(
        &self,
        course: &mut Course<'_>,
        record: &mut Record,
    ) -> Option<(Target, Option<TargetId>)> {
        loop {
            let late = course.queue.len() <= course.late;
            let target = course.queue.pop_front()?;
            course.late -= usize::from(late);
            course.left = course.queue.len();
            let id = if course.watched { target_id(&self.table, &target) } else { None };
            let Some(watched) = &id else { return Some((target, None)) };
            let others = course.queue.len() > course.late;
            let gate = || self.health.targets.gate(watched, &self.table.breaker, self.host.now());
            if !late && others && gate() == Gate::Open {
                record.gives_way(&watched.0, "open_breaker");
                course.queue.push_back(target);
                course.late += 1;
                continue;
            }
            return Some((target, id));
        }
    }

    /// The keys for a target; without one the course remembers why.
    pub(super) async fn keys_for(
        &self,
        entry: &Entry,
        model: &str,
        selector: Option<Selector>,
        at_gateway: bool,
        record: &mut Record,
    ) -> KeyOrder {
        let purpose = if at_gateway { Purpose::Steps } else { Purpose::Ask };
        let wanted = Wanted { selector, model: Some(model), purpose };
        let order = self.keys().order(&entry.pool, wanted).await;
        record.store_failed |= order.store_failed;
        order
    }

    /// Counts a call to a target for routes that go by that.
    pub(super) fn occupy_target(&self, course: &Course<'_>, target: Option<&TargetId>) -> Option<Busy> {
        let counted = course.route.is_some_and(|route| route.balance == Balance::LeastInFlight);
        target.filter(|_| counted).map(|target| Arc::clone(&self.health).occupy_target(target))
    }
}

impl Course<'_> {
    /// What holds for attempts at this target.
    pub(super) fn terms<'c>(&self, entry: &Entry, watch: Option<&'c TargetId>) -> Terms<'c> {
        let timeouts = entry.timeouts.with(&self.changes);
        Terms {
            targets: self.left,
            retries: self.route.and_then(|route| route.retries).unwrap_or(entry.retries),
            gives_way: self.route.map(|route| route.gives_way).unwrap_or_default(),
            timeouts,
            until: timeouts.total.map(|total| self.began + total),
            hasty: self.hasty,
            watch,
        }
    }

    /// A target has no key to be called with. The next one's turn, or what is to be shown.
    ///
    /// # Errors
    /// There is no other target, or this does not give way.
    pub(super) fn lacks(
        &mut self,
        lack: Lack,
        entry: &Entry,
        now: Millis,
        record: &mut Record,
    ) -> Result<(), Error> {
        let limited = matches!(lack, Lack::Cooling(wait) if wait.limited);
        let class = if limited { Class::RateLimited } else { Class::KeyRefused };
        let gives_way = self.route.map(|route| route.gives_way).unwrap_or_default().has(class);
        let error = why(lack, &entry.provider.id, now);
        let known = self.lacking.take();
        let sooner =
            |known: &Error| known.retry_after.is_some_and(|at| error.retry_after.is_none_or(|own| at < own));
        let shown = known.filter(sooner).unwrap_or(error);
        if self.left == 0 || !gives_way {
            return Err(shown);
        }
        record.gives_way(&entry.provider.id, "no_healthy_key");
        self.lacking = Some(shown);
        Ok(())
    }
}

fn target_id(table: &Table, target: &Target) -> Option<TargetId> {
    let entry = table.entries.get(target.entry)?;
    Some((entry.provider.id.to_string(), target.model.clone()))
}

/// Why no key can be used, for the caller.
pub(super) fn why(lack: Lack, id: &str, now: Millis) -> Error {
    match lack {
        Lack::Cooling(wait) if wait.limited => {
            let message = format!("every key of {id} is rate-limited; try again later");
            Error { retry_after: Some(wait.until.since(now)), ..Error::new(Kind::RateLimited, message) }
        }
        Lack::Cooling(wait) => {
            let message = format!(
                "no key of {id} works just now: its provider refused them or has no money left on them"
            );
            Error { retry_after: Some(wait.until.since(now)), ..Error::new(Kind::NoHealthyKey, message) }
        }
        Lack::Busy => {
            let message = format!("every key of {id} serves as many calls as it may; try again soon");
            Error { retry_after: Some(Millis::seconds(1)), ..Error::new(Kind::RateLimited, message) }
        }
        Lack::Barred => Error::new(Kind::NoHealthyKey, format!("no key of {id} may be used for this model")),
    }
}
