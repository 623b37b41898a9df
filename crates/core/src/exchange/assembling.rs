//! Everything that one call is made of, put together: at the provider itself, or at the AI Gateway in front of it.

use super::prepared::{Body, Peer, Prepared};
use super::{Call, Core};
use crate::error::{Error, Kind};
use crate::gateway::{self, Gateway};
use crate::headers;
use crate::headers::Headers;
use crate::host::Host;
use crate::keys::KeyOrder;
use crate::route::printable;
use crate::secret::Secret;
use crate::table::Entry;
use crate::upstream;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method};
use std::borrow::Cow;
use std::rc::Rc;
use wharf_wire::scan::Segments;

impl<H: Host> Core<H> {
    #[expect(clippy::too_many_arguments, reason = "everything that one call is made of, once")]
    pub(super) fn assemble<'a>(
        &'a self,
        call: &Call<'a, H::Upload>,
        mut headers: Headers,
        body: Segments,
        rest: Cow<'a, str>,
        query: &str,
        entry: &'a Entry,
        order: &KeyOrder,
        form: bool,
    ) -> Result<Prepared<'a, H::Upload>, Error> {
        add_defaults(&mut headers, entry.provider.default_headers);
        if let Some(gateway) = call.gateway.filter(|_| gateway::takes_our_paths(entry)) {
            return Ok(self.at_gateway(gateway, headers, body, rest, query, entry, order, form));
        }
        let Some(base) = &entry.base else { return Err(unconfigured(entry)) };
        headers::past_gateway(&mut headers);
        Ok(Prepared {
            peer: Peer::provider(entry),
            method: Method::POST,
            base,
            path: upstream::join(base, &rest, query),
            below: below(&base.path, rest),
            headers: Rc::new(headers),
            body: Body::Whole(body),
            relayed: None,
            gateway: None,
        })
    }

    #[expect(clippy::too_many_arguments, reason = "everything that one call is made of, once")]
    fn at_gateway<'a>(
        &self,
        gateway: Gateway<'a>,
        mut headers: Headers,
        body: Segments,
        rest: Cow<'a, str>,
        query: &str,
        entry: &'a Entry,
        order: &KeyOrder,
        form: bool,
    ) -> Prepared<'a, H::Upload> {
        let base_path = entry.base.as_ref().map_or("", |b| &b.path);
        let below_base = upstream::below(base_path, &rest);
        gateway.strip(&mut headers);
        let (peer, path, headers, body) = if form {
            (
                Peer::provider(entry),
                gateway.provider_path(entry, &rest, query).unwrap_or_default(),
                headers,
                body,
            )
        } else {
            let (mut outer, step) = gateway::split_headers(headers);
            outer.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let body = steps(entry, order, &step, &gateway::endpoint(entry, &rest, query), below_base, &body);
            (Peer::behind_gateway(entry), gateway.path("", ""), outer, body)
        };
        Prepared {
            peer,
            method: Method::POST,
            base: gateway.base(),
            path,
            below: below(base_path, rest),
            headers: Rc::new(headers),
            body: Body::Whole(body),
            relayed: None,
            gateway: Some(gateway),
        }
    }
}

/// The universal steps: one per eligible key, or one without a credential (the gateway may hold the key itself).
fn steps(
    entry: &Entry,
    order: &KeyOrder,
    headers: &Headers,
    endpoint: &str,
    below: &str,
    body: &Segments,
) -> Segments {
    let slug = entry.provider.gateway.map_or("", |slug| slug.slug);
    let query = body.to_bytes();
    let keys: Vec<&Secret> = order.iter().filter_map(|at| entry.pool.keys.get(at)).collect();
    let mut out = Vec::with_capacity((query.len() + 512) * keys.len().max(1));
    out.push(b'[');
    if keys.is_empty() {
        gateway::write_step(&mut out, slug, endpoint, headers, &query);
    }
    for (at, key) in keys.into_iter().enumerate() {
        let mut own = Vec::new();
        let member = crate::signing::sign(entry.provider.auth, below, &mut own, key);
        let mut headers = headers.clone();
        headers.extend(own);
        if at > 0 {
            out.push(b',');
        }
        let endpoint = match member {
            Some(member) => {
                Cow::Owned(format!("{endpoint}{}{member}", if endpoint.contains('?') { '&' } else { '?' }))
            }
            None => Cow::Borrowed(endpoint),
        };
        gateway::write_step(&mut out, slug, &endpoint, &headers, &query);
    }
    out.push(b']');
    Segments::from(Bytes::from(out))
}

/// The part of a path below the base path, borrowed where it can be.
fn below<'a>(base_path: &str, rest: Cow<'a, str>) -> Cow<'a, str> {
    match rest {
        Cow::Borrowed(rest) => Cow::Borrowed(upstream::below(base_path, rest)),
        Cow::Owned(rest) => Cow::Owned(upstream::below(base_path, &rest).to_owned()),
    }
}

/// Headers that a provider wants where the client sent none by that name.
pub(super) fn add_defaults(headers: &mut Headers, defaults: &'static [(&'static str, &'static str)]) {
    for (name, value) in defaults {
        let name = HeaderName::from_static(name);
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

pub(super) fn unconfigured(entry: &Entry) -> Error {
    let id = &entry.provider.id;
    Error::new(
        Kind::ModelNotFound,
        format!("{} has no base URL here: set providers.{id}.base_url", printable(id)),
    )
}
