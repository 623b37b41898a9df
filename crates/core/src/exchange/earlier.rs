//! What a target answered that gave way: it is shown after all if those behind it cannot even be called, since what
//! a provider says tells more than that others have no key, or that the time is over.

use super::Core;
use super::attempt::{Ended, Limits, Seen};
use super::relaying::Pieces;
use super::reply::{OutBody, Reply, Stream};
use crate::error::{Error, Kind};
use crate::host::Host;
use crate::record::Record;
use crate::time::Millis;
use futures_util::future::{Either, select};
use http::StatusCode;
use std::borrow::Cow;
use std::pin::pin;
use wharf_wire::relay::End;

/// How long the next target waits at most for an error to be read that will probably not be shown.
const PATIENCE: Millis = Millis(100);
/// The longest error that is kept in the caller's own format. Most are far shorter.
const KEPT: usize = 64 * 1024;

/// An answer that gave way.
pub(super) struct Earlier<B> {
    reply: Reply<B>,
    /// When the provider wants to be asked again, where it said so.
    again: Option<Millis>,
    provider: Cow<'static, str>,
    model: String,
    egress: Cow<'static, str>,
    dropped: Vec<String>,
    /// What the log says of it.
    error: &'static str,
    /// Calls made before the target at hand.
    pub calls: u32,
}

/// How one target ended.
pub(super) enum Turn<B> {
    /// Its answer is the caller's.
    Answered(Reply<B>),
    /// The next target's turn. What this one answered, if it did.
    Next(Option<Box<Earlier<B>>>),
}

impl<H: Host> Core<H> {
    /// Keeps what came, where it is an answer that is soon whole: meanwhile others are called, and its connection is
    /// to be free or closed by then.
    pub(super) async fn keep(
        &self,
        seen: Seen<H::Body>,
        provider: &str,
        limits: &Limits<'_>,
        record: &mut Record,
    ) -> Option<Box<Earlier<H::Body>>> {
        let again = seen.lesson.wait.map(|wait| self.host.now() + wait);
        // An error in a 200 was noted as it was found, any other is as it is shown: neither is the next target's.
        let told = record.error;
        record.gives_way(provider, seen.lesson.class.word());
        let shown = async {
            match self.show(seen.got, limits, None, record).await {
                Ended::Reply(Ok(reply)) => self.read_out(reply).await,
                _ => None,
            }
        };
        let kept = match select(pin!(shown), pin!(self.host.sleep(PATIENCE))).await {
            Either::Left((kept, _)) => kept,
            Either::Right(_) => None,
        };
        let error = match std::mem::take(&mut record.error) {
            "" => told,
            error => error,
        };
        let (provider, model, egress) =
            (record.provider.clone(), record.model.clone(), record.egress.clone());
        let (dropped, calls) = (record.dropped.clone(), record.attempts);
        Some(Box::new(Earlier { reply: kept?, again, provider, model, egress, dropped, error, calls }))
    }

    /// Reads the rest of an answer; `None`: it is too long, or breaks off.
    async fn read_out(&self, mut reply: Reply<H::Body>) -> Option<Reply<H::Body>> {
        let OutBody::Stream(stream) = reply.body else { return Some(reply) };
        let Stream { first, body, lane } = *stream;
        let mut pieces = Pieces::default();
        if let Some(first) = first {
            pieces.push(first);
        }
        if let Some(mut body) = body {
            while let Some(piece) = self.host.read(&mut body).await.ok()? {
                pieces.push(piece);
                if pieces.length > KEPT {
                    return None;
                }
            }
        }
        reply.body = OutBody::Stream(Box::new(Stream { first: pieces.joined(), body: None, lane }));
        Some(reply)
    }
}

impl<B> Earlier<B> {
    /// It tells the caller more than the error of a target that was not called; `calls` were made in all.
    pub(super) fn tells_more_than(&self, error: &Error, now: Millis, calls: u32) -> bool {
        match error.kind {
            Kind::NoHealthyKey | Kind::ModelNotFound | Kind::UnsupportedEndpoint | Kind::UnsupportedField => {
                true
            }
            // When to come again is worth more than what went wrong, and of two times the sooner one.
            Kind::RateLimited => {
                let sooner = |at: Millis| error.retry_after.is_none_or(|wait| at < now + wait);
                self.reply.status == StatusCode::TOO_MANY_REQUESTS && self.again.is_some_and(sooner)
            }
            // The time was over before the last target could be called.
            Kind::Timeout => calls == self.calls,
            // The last target was called, or the request itself is at fault.
            _ => false,
        }
    }

    /// It is the answer after all.
    pub(super) fn shown(self, record: &mut Record, now: Millis) -> Reply<B> {
        let Self { mut reply, provider, model, egress, dropped, error, .. } = self;
        (record.provider, record.model) = (provider, model);
        (record.egress, record.dropped, record.error) = (egress, dropped, error);
        // All of it is here: then its length is, too. How a stream is to be ended only its host can tell the client.
        if let OutBody::Stream(stream) = &mut reply.body
            && stream.lane.keeps_length()
        {
            let whole = stream.lane.push(stream.first.take().unwrap_or_default());
            stream.lane.finish(End::Clean, record, now);
            reply.body = OutBody::Full(whole);
        }
        reply
    }
}

#[cfg(test)]
#[path = "earlier_tests.rs"]
mod tests;
