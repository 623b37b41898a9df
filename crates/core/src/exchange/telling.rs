//! What an answer of 200 turns out to be once its beginning was read: an answer, or a failure that `plan` may act on.

use super::Core;
use super::reply::Reply;
use super::translating::Translation;
use crate::error::Error;
use crate::host::{Answer, Host, TransportError};
use crate::ingress::Ask;
use crate::plan::Outcome;
use crate::record::Record;
use crate::time::Millis;
use bytes::Bytes;
use wharf_wire::chat::Failure;
use wharf_wire::relay::{INCOMPLETE, TIMEOUT};

/// How an answer reaches the caller.
#[derive(Clone, Copy)]
pub(super) enum Telling<'t> {
    /// By whoever asked: pass-through, lists.
    Raw,
    /// As it comes.
    Verbatim(&'t Ask),
    /// In the caller's dialect.
    Translated(&'t Translation),
}

/// A reply, and what is wrong with it, if it is one only for want of a better.
pub(super) struct Told<B> {
    pub reply: Result<Reply<B>, Error>,
    pub trouble: Option<Trouble>,
    /// Nothing of a stream has come so far.
    pub waiting: bool,
}

/// What is wrong with an answer.
pub(super) struct Trouble {
    pub outcome: Outcome,
    /// What the provider says, where it says it.
    pub failure: Option<Box<Failure>>,
}

impl From<Outcome> for Trouble {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, failure: None }
    }
}

impl Trouble {
    /// An error that came in the place of an answer.
    pub(super) fn of(failure: &Failure) -> Self {
        let outcome = match failure.code.as_deref() {
            Some(INCOMPLETE | "upstream_malformed") => Outcome::Broken,
            Some(TIMEOUT) => Outcome::Failed(TransportError::IdleTimeout),
            Some(_) | None => Outcome::Status(failure.status),
        };
        Self { outcome, failure: Some(Box::new(failure.clone())) }
    }
}

impl<H: Host> Core<H> {
    /// Makes an answer the caller's; its head waits for `hold` at most.
    pub(super) async fn tell(
        &self,
        answer: Answer<H::Body>,
        first: Option<Bytes>,
        telling: Telling<'_>,
        hold: Millis,
        record: &mut Record,
    ) -> Told<H::Body> {
        match telling {
            Telling::Raw => self.relay(answer, first, None, hold, record).await,
            Telling::Verbatim(ask) => self.relay(answer, first, Some(ask), hold, record).await,
            // Boxed: verbatim requests must not carry the size of this way.
            Telling::Translated(way) => Box::pin(self.lead_back(answer, first, way, hold, record)).await,
        }
    }
}
