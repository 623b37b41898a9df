//! Calls one target until `plan` says that its answer is to be shown, or that the next target's turn has come.

use super::Core;
use super::course::{self, Terms};
use super::earlier::Earlier;
use super::learning::{Lesson, Tried};
use super::prepared::{Prepared, request};
use super::reply::Reply;
use super::telling::{Telling, Told};
use crate::coding::{self, Decoder};
use crate::egress;
use crate::error::{Error, Kind};
use crate::gateway;
use crate::health::{Busy, TargetId};
use crate::hints;
use crate::host::{Answer, Egress, Host, TransportError};
use crate::keys::{KeyOrder, Lack};
use crate::plan::{self, Class, Left, Next, Outcome};
use crate::record::Record;
use crate::table::{EgressRule, Entry, Place};
use crate::time::Millis;
use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use http::StatusCode;
use std::pin::pin;
use wharf_wire::translate::read_error;

/// How much of an error is read to see whether it refuses our country or our key.
const PEEK: usize = 64 * 1024;
/// For how long.
const PEEK_WAIT: Millis = Millis(1500);

/// How a target ended.
pub(super) enum Ended<B> {
    /// Show this answer; the bytes were read already, and the calls end with it.
    Answer(Box<Answer<B>>, Option<Bytes>, Option<Busy>),
    /// The caller's already.
    Reply(Result<Reply<B>, Error>),
    /// It did not answer.
    Failed(TransportError),
    /// The next target's turn. What this one answered, if it did.
    Next(Option<Box<Earlier<B>>>),
}

/// What may follow, and what is learnt.
pub(super) struct Limits<'a> {
    pub keys: &'a KeyOrder,
    pub model_route: bool,
    pub place: &'a Place,
    pub telling: Telling<'a>,
    /// What a model request has beside that.
    pub terms: Option<&'a Terms<'a>>,
    /// Who learns from it; `None`: nobody (lists, probes, pass-through).
    pub learner: Option<Learner<'a>>,
}

/// Whose key and target an attempt is about.
pub(super) struct Learner<'a> {
    pub entry: &'a Entry,
    pub model: Option<&'a str>,
    pub watch: Option<&'a TargetId>,
}

impl<'a> Limits<'a> {
    /// For a call that is shown, or read, by whoever makes it.
    pub(super) const fn raw(keys: &'a KeyOrder, model_route: bool, place: &'a Place) -> Self {
        Self { keys, model_route, place, telling: Telling::Raw, terms: None, learner: None }
    }
}

/// The way out as it stands during one target.
struct Way<'a> {
    rule: Option<&'a EgressRule>,
    egress: Egress,
    /// The region was tried for a country error.
    moved: bool,
}

/// Where the attempts at one target stand.
#[derive(Default)]
struct Tries {
    /// Keys that were tried before.
    keys: usize,
    /// On a new connection.
    fresh: bool,
    /// Retries of the same call.
    retried: u32,
}

impl<B> Seen<B> {
    fn failed(error: TransportError) -> Self {
        let outcome = Outcome::Failed(error);
        let lesson = Lesson { outcome, class: plan::class(outcome, None), wait: None };
        Self { got: Got::Failed(error), lesson, should_retry: None, moved: false, step: None }
    }
}

/// What came of one call.
pub(super) enum Got<B> {
    /// Boxed: it is handed on often, and on a model route seldom there.
    Answer(Box<Answer<B>>, Option<Bytes>),
    Told(Result<Reply<B>, Error>),
    Failed(TransportError),
}

/// One call, seen to its head and a little further.
pub(super) struct Seen<B> {
    pub got: Got<B>,
    pub lesson: Lesson,
    should_retry: Option<bool>,
    /// It refuses where we call from: another way out is to be tried.
    moved: bool,
    /// The step of the AI Gateway that it is of.
    step: Option<usize>,
}

impl<H: Host> Core<H> {
    pub(super) async fn attempt(
        &self,
        mut call: Prepared<'_, H::Upload>,
        limits: &Limits<'_>,
        record: &mut Record,
    ) -> Ended<H::Body> {
        let provider = call.peer.id;
        let mut way = self.way(limits.place, provider);
        let mut tries = Tries::default();
        let mut probe = self.probing(limits);
        loop {
            if self.time_left(limits) == Some(Millis(0)) {
                // The target was not called: nothing is learnt of it.
                return Ended::Failed(TransportError::HeadTimeout);
            }
            let left = self.left(&call, limits, &tries);
            let busy = match self.occupy(&call, limits, &tries) {
                Ok(busy) => busy,
                Err(()) if left.keys > 0 => {
                    tries.keys += 1;
                    continue;
                }
                Err(()) if left.targets > 0 && left.gives_way.has(Class::KeyRefused) => {
                    return Ended::Next(None);
                }
                Err(()) => return Ended::Reply(Err(course::why(Lack::Busy, provider, self.host.now()))),
            };
            let Some(mut seen) = self.once(&mut call, limits, &tries, left, &mut way, record).await else {
                continue;
            };
            if seen.moved {
                continue;
            }
            let tried =
                if call.peer.pool.is_some() { Tried::Key(tries.keys) } else { Tried::Step(seen.step) };
            self.learn(&seen.lesson, limits, tried);
            probe.over();
            let (mut next, key) = self.what_next(&seen, limits, left, tries.keys);
            if next == Next::Retry {
                match plan::pause(tries.retried, seen.lesson.wait, self.host.random(), self.time_left(limits))
                {
                    Some(pause) => {
                        // The answer is not waited with: its connection is free, or closed, meanwhile.
                        seen.got = Got::Failed(TransportError::Closed);
                        self.host.sleep(pause).await;
                    }
                    None => next = Next::Show,
                }
            }
            if matches!(next, Next::Retry | Next::Key) {
                record.gives_way(provider, seen.lesson.class.word());
            }
            match next {
                Next::Again => tries.fresh = true,
                Next::Retry => (tries.retried, tries.fresh) = (tries.retried + 1, false),
                Next::Key => (tries.keys, tries.fresh) = (key, false),
                Next::Target => {
                    return Ended::Next(Box::pin(self.keep(seen, provider, limits, record)).await);
                }
                Next::Show => return self.show(seen.got, limits, busy, record).await,
            }
        }
    }

    /// What follows an attempt, and with which key, if that is another one.
    fn what_next(
        &self,
        seen: &Seen<H::Body>,
        limits: &Limits<'_>,
        mut left: Left,
        tried: usize,
    ) -> (Next, usize) {
        let Lesson { outcome, class, wait } = seen.lesson;
        if self.time_left(limits) == Some(Millis(0)) {
            return (Next::Show, tried);
        }
        let key = if class.is_keys() && left.keys > 0 { self.next_key(limits, tried) } else { None };
        left.keys = key.map_or(0, |_| left.keys);
        // A pool of several cools the key: it is not asked again before that is over.
        let several = limits.learner.as_ref().is_some_and(|learner| learner.entry.pool.keys.len() > 1);
        if class.is_keys() && several && wait.is_none() {
            left.retries = 0;
        }
        (plan::next(outcome, class, seen.should_retry, left), key.unwrap_or(tried))
    }

    /// What came goes to the caller.
    pub(super) async fn show(
        &self,
        got: Got<H::Body>,
        limits: &Limits<'_>,
        busy: Option<Busy>,
        record: &mut Record,
    ) -> Ended<H::Body> {
        let mut reply = match (got, limits.telling) {
            (Got::Failed(error), _) => return Ended::Failed(error),
            (Got::Answer(answer, first), Telling::Raw) => return Ended::Answer(answer, first, busy),
            (Got::Answer(answer, first), telling) => {
                self.tell(*answer, first, telling, self.table.hold, record).await.reply
            }
            (Got::Told(reply), _) => reply,
        };
        if let (Some(busy), Ok(reply)) = (busy, &mut reply) {
            reply.occupies(busy);
        }
        Ended::Reply(reply)
    }

    fn left(&self, call: &Prepared<'_, H::Upload>, limits: &Limits<'_>, tries: &Tries) -> Left {
        let terms = limits.terms;
        Left {
            keys: call.peer.keys_behind(limits.keys, tries.keys),
            targets: terms.map_or(0, |terms| terms.targets),
            retries: terms.map_or(0, |terms| terms.retries.saturating_sub(tries.retried)),
            replayable: call.body.replayable(),
            fresh: tries.fresh,
            model_route: limits.model_route,
            gives_way: terms.map(|terms| terms.gives_way).unwrap_or_default(),
        }
    }

    /// What is left of the time for all.
    fn time_left(&self, limits: &Limits<'_>) -> Option<Millis> {
        limits.terms.and_then(|terms| terms.until).map(|until| until.since(self.host.now()))
    }

    /// Takes a place for a call with a key that has a limit of them.
    ///
    /// # Errors
    /// There is none.
    fn occupy(
        &self,
        call: &Prepared<'_, H::Upload>,
        limits: &Limits<'_>,
        tries: &Tries,
    ) -> Result<Option<Busy>, ()> {
        let Some(pool) = call.peer.pool.filter(|pool| !pool.plain) else { return Ok(None) };
        let member = limits.keys.get(tries.keys).and_then(|at| pool.members.get(at));
        let Some((member, most)) = member.and_then(|member| Some((member, member.terms.max_concurrent?)))
        else {
            return Ok(None);
        };
        if self.health.busy(&pool.shard, member.id) >= most {
            return Err(());
        }
        Ok(Some(self.health.occupy(&pool.shard, member.id)))
    }

    /// Calls once, and looks at what comes as far as is needed; `None`: another way out is to be tried at once.
    async fn once<'s>(
        &'s self,
        call: &mut Prepared<'_, H::Upload>,
        limits: &Limits<'_>,
        tries: &Tries,
        left: Left,
        way: &mut Way<'s>,
        record: &mut Record,
    ) -> Option<Seen<H::Body>> {
        let time_left = self.time_left(limits);
        if time_left == Some(Millis(0)) {
            return Some(Seen::failed(TransportError::HeadTimeout));
        }
        // What can't be sent again must not be given to a way that is not there.
        if !left.replayable && way.has_another() && !self.host.reaches(&way.egress).await {
            way.egress = Egress::Direct;
            record.egress_failed = true;
        }
        let request = request::<H>(call, limits.keys.get(tries.keys), &way.egress, tries.fresh, time_left);
        record.attempts += 1;
        record.egress = egress::word(&way.egress);
        let sent = self.host.send(request).await.and_then(|answer| way.reached(answer));
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) if left.replayable && way.falls_back(Outcome::Failed(error)) => {
                way.egress = Egress::Direct;
                record.egress_failed = true;
                return None;
            }
            Err(error) => return Some(Seen::failed(error)),
        };
        let step = call.gateway.and_then(|_| gateway::step(&answer.headers));
        let seen = if answer.status.is_success() && !matches!(limits.telling, Telling::Raw) {
            self.told(answer, limits, left, record).await
        } else {
            self.refused(call, answer, limits, left, way).await
        };
        Some(Seen { step, ..seen })
    }

    /// An answer of 200 on a model route: its beginning tells whether it is one.
    async fn told(
        &self,
        answer: Answer<H::Body>,
        limits: &Limits<'_>,
        left: Left,
        record: &mut Record,
    ) -> Seen<H::Body> {
        let first_event = limits.terms.and_then(|terms| terms.timeouts.first_event);
        let status = answer.status.as_u16();
        // Nothing else can be done about a silent stream than to wait for it: then the caller may as well see its head.
        let hold = first_event.filter(|first| left.any() || *first < self.table.hold);
        let held = hold.unwrap_or(self.table.hold);
        let tell = pin!(self.tell(answer, None, limits.telling, held, record));
        let told = match self.time_left(limits) {
            None => tell.await,
            Some(time) => match select(tell, pin!(self.host.sleep(time))).await {
                Either::Left((told, _)) => told,
                Either::Right(_) => return Seen::failed(TransportError::IdleTimeout),
            },
        };
        let Told { mut reply, trouble, waiting } = told;
        if waiting && hold.is_some() {
            return Seen::failed(TransportError::IdleTimeout);
        }
        if let Ok(reply) = &mut reply {
            // That long it was waited for already.
            let more = |first: Millis| self.host.now() + first.since(held);
            let first_by = first_event.filter(|_| waiting).map(more);
            reply.must_end(limits.terms.and_then(|terms| terms.until), first_by);
        }
        let (outcome, failure) = match trouble {
            None => (Outcome::Status(status), None),
            Some(trouble) => (trouble.outcome, trouble.failure),
        };
        let class = plan::class(outcome, failure.as_deref());
        let wait = failure.and_then(|failure| failure.retry_after_ms).map(Millis);
        let lesson = Lesson { outcome, class, wait };
        Seen { got: Got::Told(reply), lesson, should_retry: None, moved: false, step: None }
    }

    /// Any other answer: where its status leaves something open, its body is read.
    async fn refused<'s>(
        &'s self,
        call: &Prepared<'_, H::Upload>,
        mut answer: Answer<H::Body>,
        limits: &Limits<'_>,
        left: Left,
        way: &mut Way<'s>,
    ) -> Seen<H::Body> {
        let status = answer.status.as_u16();
        let outcome = Outcome::Status(status);
        let rule = left.replayable.then(|| self.elsewhere(&answer, way, call.peer.id)).flatten();
        let learns = limits.learner.as_ref().is_some_and(|learner| learner.entry.pool.keys.len() > 1);
        let unsure = plan::is_unsure(outcome) && (left.any() || learns);
        let (mut first, mut failure) = (None, None);
        if rule.is_some() || unsure {
            let plain;
            (first, plain) = self.peek(&mut answer).await;
            // Before the next key's turn: where we call from is no key's fault.
            if let Some(rule) = rule.filter(|_| egress::refuses_country(&plain)) {
                *way = Way { rule: Some(rule), egress: rule.via.clone(), moved: true };
                return Seen { moved: true, ..Seen::failed(TransportError::Closed) };
            }
            failure = unsure.then(|| read_error(call.peer.format, status, None, &plain));
        }
        let class = plan::class(outcome, failure.as_ref());
        let wait = hints::wait(status, &answer.headers, failure.as_ref(), self.host.now());
        let lesson = Lesson { outcome, class, wait };
        let should_retry = hints::should_retry(&answer.headers);
        Seen { got: Got::Answer(Box::new(answer), first), lesson, should_retry, moved: false, step: None }
    }

    fn way(&self, place: &Place, provider: &str) -> Way<'_> {
        let rule = egress::choose(&self.table, place, provider);
        let egress = rule.map_or(Egress::Direct, |rule| self.can(&rule.via));
        Way { rule, egress, moved: false }
    }

    /// A hint means direct where the host has no regions.
    fn can(&self, via: &Egress) -> Egress {
        match via {
            Egress::Hint(_) if !H::HINTS => Egress::Direct,
            Egress::Direct | Egress::Hint(_) | Egress::Proxy(_) => via.clone(),
        }
    }

    /// The rule to try once more through, if this answer may refuse our country.
    fn elsewhere(&self, answer: &Answer<H::Body>, way: &Way<'_>, provider: &str) -> Option<&EgressRule> {
        if way.moved || !egress::may_refuse_country(answer.status.as_u16()) {
            return None;
        }
        let rule = egress::elsewhere(&self.table, provider, |via| self.can(via) != Egress::Direct)?;
        (rule.via != way.egress).then_some(rule)
    }

    /// Reads the beginning of an error: what was read, and the same decoded.
    async fn peek(&self, answer: &mut Answer<H::Body>) -> (Option<Bytes>, Bytes) {
        let mut seen = BytesMut::new();
        // An error that does not come is no reason to keep the next key waiting.
        let mut wait = pin!(self.host.sleep(PEEK_WAIT));
        while seen.len() < PEEK {
            match select(pin!(self.host.read(&mut answer.body)), wait.as_mut()).await {
                Either::Left((Ok(Some(piece)), _)) => seen.extend_from_slice(&piece),
                Either::Left((Ok(None) | Err(_), _)) | Either::Right(_) => break,
            }
        }
        let seen = seen.freeze();
        let decoder =
            coding::left(&answer.headers, H::DECODES).and_then(|it| Decoder::with_limit(it, 4 * PEEK));
        let plain = match decoder {
            Some(mut decoder) => {
                let mut plain = Vec::new();
                decoder.push(&seen, &mut |piece: &[u8]| plain.extend_from_slice(piece));
                plain.into()
            }
            None => seen.clone(),
        };
        ((!seen.is_empty()).then_some(seen), plain)
    }
}

impl Way<'_> {
    /// A plain upstream's proxy answers in its place: 407 (RFC 9110 §15.5.8) is the proxy's word, never a provider's.
    fn reached<B>(&self, answer: Answer<B>) -> Result<Answer<B>, TransportError> {
        let refused = answer.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED;
        if refused && matches!(self.egress, Egress::Proxy(_)) {
            return Err(TransportError::Proxy);
        }
        Ok(answer)
    }

    /// A way of its own that cannot be gone, where the rule says `else: direct`.
    fn falls_back(&self, outcome: Outcome) -> bool {
        let cannot = match outcome {
            Outcome::Failed(error) => match error {
                TransportError::Proxy
                | TransportError::Connect
                | TransportError::ConnectTimeout
                | TransportError::Dns
                | TransportError::Tls => true,
                TransportError::Stale
                | TransportError::Closed
                | TransportError::Private
                | TransportError::Garbage
                | TransportError::HeadTimeout
                | TransportError::IdleTimeout
                | TransportError::Upload => false,
            },
            Outcome::Status(_) | Outcome::Broken => false,
        };
        cannot && self.has_another()
    }

    /// It is not the direct one, and the rule says `else: direct`.
    fn has_another(&self) -> bool {
        self.egress != Egress::Direct && self.rule.is_some_and(|rule| rule.or_direct)
    }
}

/// A transport failure as an error that names the provider, never a URL.
pub(super) fn failure(error: TransportError, provider: &str) -> Error {
    let word = error.word();
    if error == TransportError::Upload {
        return Error::new(Kind::ClientGone, "the request body ended early");
    }
    let kind = if error.is_timeout() { Kind::Timeout } else { Kind::Unreachable };
    Error::new(kind, format!("{provider} gave no answer ({word}); its side or the network failed, try again"))
}
