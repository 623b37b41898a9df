//! A call that lacks only its key, and the request that a key makes of it.

use crate::auth::Relayed;
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::host::{Egress, Host, HttpVersion, Payload, Timeouts, UpstreamRequest};
use crate::keys::KeyOrder;
use crate::provider::AuthRule;
use crate::secret::Secret;
use crate::signing;
use crate::table::{Base, Entry, KeyPool};
use crate::time::Millis;
use bytes::Bytes;
use http::Method;
use std::borrow::Cow;
use std::rc::Rc;
use wharf_wire::format::Format;
use wharf_wire::scan::Segments;

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
    /// The pool that these are of.
    pub pool: Option<&'a KeyPool>,
    /// How its errors read.
    pub format: Format,
    pub timeouts: Timeouts,
    pub version: HttpVersion,
}

impl<'a> Peer<'a> {
    /// A provider, called itself or below its slug at the gateway.
    pub(super) fn provider(entry: &'a Entry) -> Self {
        Self {
            id: &entry.provider.id,
            auth: entry.provider.auth,
            keys: &entry.pool.keys,
            pool: Some(&entry.pool),
            format: entry.provider.speaks,
            timeouts: entry.timeouts,
            version: entry.version,
        }
    }

    /// A provider behind the gateway's universal or compat endpoint: its credentials are not on the request.
    pub(super) fn behind_gateway(entry: &'a Entry) -> Self {
        Self { auth: &[], keys: &[], pool: None, ..Self::provider(entry) }
    }

    /// How many keys may still be tried. Where credentials are inside the body, one call has tried them all.
    pub(super) fn keys_behind(&self, order: &KeyOrder, tried: usize) -> usize {
        let one_call = order.pinned || self.keys.is_empty();
        if one_call { 0 } else { order.len().saturating_sub(tried + 1) }
    }

    /// The gateway itself.
    pub(super) fn gateway() -> Peer<'static> {
        let (timeouts, version) = (Timeouts::default(), HttpVersion::default());
        let format = Format::OpenAiChat;
        Peer { id: "ai-gateway", auth: &[], keys: &[], pool: None, format, timeouts, version }
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

    pub(super) fn replayable(&self) -> bool {
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

/// The request of one attempt.
pub(super) fn request<H: Host>(
    call: &mut Prepared<'_, H::Upload>,
    key: Option<usize>,
    egress: &Egress,
    fresh: bool,
    time_left: Option<Millis>,
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
        timeouts: call.peer.timeouts.within(time_left),
        egress: egress.clone(),
        version: call.peer.version,
        fresh,
    }
}
