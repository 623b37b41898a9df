//! Calls one target until `plan` says that its answer is to be shown, or that the next target's turn has come.

use super::Core;
use crate::auth::Relayed;
use crate::coding::{self, Decoder};
use crate::egress;
use crate::error::{Error, Kind};
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::host::{Answer, Egress, Host, HttpVersion, Payload, Timeouts, TransportError, UpstreamRequest};
use crate::keys::KeyOrder;
use crate::plan::{self, Left, Next, Outcome};
use crate::provider::AuthRule;
use crate::record::Record;
use crate::secret::Secret;
use crate::signing;
use crate::table::{Base, EgressRule, Entry, Place};
use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use std::borrow::Cow;
use std::rc::Rc;
use wharf_wire::scan::Segments;

/// How much of an error is read to see whether it refuses our country or our key.
const PEEK: usize = 64 * 1024;

/// A call that lacks only its key.
pub(super) struct Prepared<'a, U> {
    /// Whom we call, and how it is called.
    pub peer: Peer<'a>,
    pub method: Method,
    /// Where to connect.
    pub base: &'a Base,
    /// Path and query on the wire.
    pub path: String,
    /// The path below the provider's base URL: the auth rules go by it.
    pub below: Cow<'a, str>,
    pub headers: Rc<Headers>,
    pub body: Body<U>,
    pub relayed: Option<&'a Relayed>,
    pub gateway: Option<Gateway<'a>>,
}

/// What a call must know of its provider.
pub(super) struct Peer<'a> {
    pub id: &'a str,
    pub auth: &'a [AuthRule],
    /// Keys to sign with; none where credentials are inside the body (universal steps).
    pub keys: &'a [Secret],
    pub timeouts: Timeouts,
    pub version: HttpVersion,
}

impl<'a> Peer<'a> {
    /// A provider, called itself or below its slug at the gateway.
    pub(super) fn provider(entry: &'a Entry) -> Self {
        let (timeouts, version) = (entry.timeouts, entry.version);
        Self { id: &entry.provider.id, auth: entry.provider.auth, keys: &entry.pool.keys, timeouts, version }
    }

    /// A provider behind the gateway's universal or compat endpoint: its credentials are not on the request.
    pub(super) fn behind_gateway(entry: &'a Entry) -> Self {
        Self { auth: &[], keys: &[], ..Self::provider(entry) }
    }

    /// How many keys may still be tried. Where credentials are inside the body, one call has tried them all.
    fn keys_behind(&self, order: &KeyOrder, tried: usize) -> usize {
        let one_call = order.pinned || self.keys.is_empty();
        if one_call { 0 } else { order.len().saturating_sub(tried + 1) }
    }

    /// The gateway itself.
    pub(super) fn gateway() -> Peer<'static> {
        let (timeouts, version) = (Timeouts::default(), HttpVersion::default());
        Peer { id: "ai-gateway", auth: &[], keys: &[], timeouts, version }
    }
}

/// A request body that can, or cannot, be sent again.
pub(super) enum Body<U> {
    Whole(Segments),
    /// Taken by the first attempt.
    Streamed(Option<Payload<U>>),
}

impl<U> Body<U> {
    /// What is here, then the rest of the client's body: it can be sent once.
    pub(super) fn followed_by(self, rest: U, length: Option<u64>) -> Self {
        let first = match self {
            Self::Whole(bytes) => bytes.to_bytes(),
            Self::Streamed(_) => Bytes::new(),
        };
        Self::Streamed(Some(Payload::Stream { first, rest, length }))
    }

    fn replayable(&self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Streamed(_) => false,
        }
    }

    fn payload(&mut self) -> Payload<U> {
        match self {
            Self::Whole(bytes) if bytes.is_empty() => Payload::Empty,
            Self::Whole(bytes) => Payload::Bytes(bytes.clone()),
            Self::Streamed(payload) => payload.take().unwrap_or(Payload::Empty),
        }
    }
}

/// How a target ended.
pub(super) enum Ended<B> {
    /// Show this answer; the bytes were read already.
    Answer(Answer<B>, Option<Bytes>),
    /// It did not answer.
    Failed(TransportError),
    /// The next target's turn.
    Next,
}

/// What may follow.
pub(super) struct Limits<'a> {
    pub keys: &'a KeyOrder,
    /// Targets behind this one.
    pub targets: usize,
    pub model_route: bool,
    pub place: &'a Place,
}

/// The way out as it stands during one target.
struct Way<'a> {
    rule: Option<&'a EgressRule>,
    egress: Egress,
    /// The region was tried for a country error.
    moved: bool,
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
        let (mut tried, mut fresh) = (0, false);
        loop {
            let request = request::<H>(&mut call, limits.keys.get(tried), &way.egress, fresh);
            record.attempts += 1;
            record.egress = egress::word(&way.egress);
            let mut ended = self.host.send(request).await.and_then(|answer| way.reached(answer));
            let mut outcome = match &ended {
                Ok(answer) => Outcome::Status(answer.status.as_u16()),
                Err(error) => Outcome::Failed(*error),
            };
            let replayable = call.body.replayable();
            if replayable && way.falls_back(outcome) {
                way.egress = Egress::Direct;
                record.egress_failed = true;
                continue;
            }
            let left = Left {
                keys: call.peer.keys_behind(limits.keys, tried),
                targets: limits.targets,
                replayable,
                fresh,
                model_route: limits.model_route,
            };
            let mut first = None;
            if let Ok(answer) = &mut ended {
                let rule = replayable.then(|| self.elsewhere(answer, &way, provider)).flatten();
                let unsure = plan::may_refuse_key(outcome, left);
                if rule.is_some() || unsure {
                    let plain;
                    (first, plain) = self.peek(answer).await;
                    // Before the next key's turn: where we call from is no key's fault.
                    if let Some(rule) = rule.filter(|_| egress::refuses_country(&plain)) {
                        way = Way { rule: Some(rule), egress: rule.via.clone(), moved: true };
                        continue;
                    }
                    if unsure && plan::refuses_key(&plain) {
                        outcome = Outcome::Status(401);
                    }
                }
            }
            match plan::next(outcome, left) {
                Next::Again => fresh = true,
                Next::Key => (tried, fresh) = (tried + 1, false),
                Next::Target => return Ended::Next,
                Next::Show => {
                    return match ended {
                        Err(error) => Ended::Failed(error),
                        Ok(answer) => Ended::Answer(answer, first),
                    };
                }
            }
        }
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
        while seen.len() < PEEK {
            match self.host.read(&mut answer.body).await {
                Ok(Some(piece)) => seen.extend_from_slice(&piece),
                Ok(None) | Err(_) => break,
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
            Outcome::Status(_) => false,
        };
        cannot && self.egress != Egress::Direct && self.rule.is_some_and(|rule| rule.or_direct)
    }
}

fn request<H: Host>(
    call: &mut Prepared<'_, H::Upload>,
    key: Option<usize>,
    egress: &Egress,
    fresh: bool,
) -> UpstreamRequest<H::Upload> {
    let (mut own, mut path) = (Vec::with_capacity(2), call.path.clone());
    let rules = call.peer.auth;
    let secret = key.and_then(|at| call.peer.keys.get(at));
    let query = match (secret, call.relayed) {
        (Some(secret), _) => signing::sign(rules, &call.below, &mut own, secret),
        (None, Some(relayed)) => signing::relay(rules, &call.below, &mut own, relayed),
        (None, None) => None,
    };
    if let Some(member) = query {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(&member);
    }
    if let Some(gateway) = &call.gateway {
        gateway.sign(&mut own);
    }
    UpstreamRequest {
        method: call.method.clone(),
        origin: call.base.origin.clone(),
        authority: call.base.authority.clone(),
        path,
        headers: call.headers.clone(),
        own,
        body: call.body.payload(),
        timeouts: call.peer.timeouts,
        egress: egress.clone(),
        version: call.peer.version,
        fresh,
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
