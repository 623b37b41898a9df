//! What a target answered that gave way: it is shown after all if those behind it cannot even be called, since what
//! a provider says tells more than that others have no key.

use super::Core;
use super::attempt::{Ended, Limits, Seen};
use super::reply::Reply;
use crate::error::{Error, Kind};
use crate::host::Host;
use crate::record::Record;
use crate::time::Millis;
use futures_util::future::{Either, select};
use http::StatusCode;
use std::borrow::Cow;
use std::pin::pin;

/// How long the next target waits at most for an error to be translated that will probably not be shown.
const PATIENCE: Millis = Millis(100);

/// An answer that gave way.
pub(super) struct Earlier<B> {
    reply: Reply<B>,
    /// When the provider wants to be asked again, where it said so.
    again: Option<Millis>,
    provider: Cow<'static, str>,
    model: String,
    egress: Cow<'static, str>,
    dropped: Vec<String>,
}

/// How one target ended.
pub(super) enum Turn<B> {
    /// Its answer is the caller's.
    Answered(Reply<B>),
    /// The next target's turn. What this one answered, if it did.
    Next(Option<Box<Earlier<B>>>),
}

impl<H: Host> Core<H> {
    /// Keeps what came, where it is an answer.
    pub(super) async fn keep(
        &self,
        seen: Seen<H::Body>,
        limits: &Limits<'_>,
        record: &mut Record,
    ) -> Option<Box<Earlier<H::Body>>> {
        let again = seen.lesson.wait.map(|wait| self.host.now() + wait);
        let shown =
            match select(pin!(self.show(seen.got, limits, None, record)), pin!(self.host.sleep(PATIENCE)))
                .await
            {
                Either::Left((shown, _)) => shown,
                Either::Right(_) => return None,
            };
        let Ended::Reply(Ok(reply)) = shown else { return None };
        let (provider, model, egress) =
            (record.provider.clone(), record.model.clone(), record.egress.clone());
        Some(Box::new(Earlier { reply, again, provider, model, egress, dropped: record.dropped.clone() }))
    }
}

impl<B> Earlier<B> {
    /// It tells the caller more than the error of a target that was not called.
    pub(super) fn tells_more_than(&self, error: &Error, now: Millis) -> bool {
        match error.kind {
            Kind::NoHealthyKey | Kind::ModelNotFound | Kind::UnsupportedEndpoint | Kind::UnsupportedField => {
                true
            }
            // When to come again is worth more than what went wrong, and of two times the sooner one.
            Kind::RateLimited => {
                let sooner = |at: Millis| error.retry_after.is_none_or(|wait| at < now + wait);
                self.reply.status == StatusCode::TOO_MANY_REQUESTS && self.again.is_some_and(sooner)
            }
            // The last target was called, or the request itself is at fault.
            _ => false,
        }
    }

    /// It is the answer after all.
    pub(super) fn shown(self, record: &mut Record) -> Reply<B> {
        let Self { reply, provider, model, egress, dropped, .. } = self;
        (record.provider, record.model) = (provider, model);
        (record.egress, record.dropped) = (egress, dropped);
        reply
    }
}
