//! Pass-through: `/{provider}/…` and the AI Gateway's `/compat/…`. Method, path, query, body and headers go on as they
//! came, less what must not; nothing is retried but a kept-alive connection that turned out dead.

use super::ask::place;
use super::assembling::{add_defaults, unconfigured};
use super::attempt::{Ended, Limits, failure};
use super::course;
use super::prepared::{Body, Peer, Prepared};
use super::reply::{Incoming, Reply};
use super::telling::Telling;
use super::{Call, Core};
use crate::error::{Error, Kind};
use crate::gateway;
use crate::headers;
use crate::headers::Headers;
use crate::host::{Host, Payload, TimeoutChanges};
use crate::keys::{KeyOrder, Purpose, Wanted};
use crate::record::Record;
use crate::upstream;
use bytes::Bytes;
use http::Method;
use std::borrow::Cow;
use std::rc::Rc;
use wharf_wire::scan::Segments;

impl<H: Host> Core<H> {
    /// `/{provider}/…`
    pub(super) async fn pass_through(
        &self,
        mut call: Call<'_, H::Upload>,
        record: &mut Record,
        entry: usize,
        rest: &str,
    ) -> Result<Reply<H::Body>, Error> {
        let Some(entry) = self.table.entries.get(entry) else { return Err(super::local::nothing()) };
        record.provider = entry.provider.id.clone();
        refuse_trace(&call.incoming.method)?;
        if entry.provider.local {
            return self.echo_through(call, record, rest).await;
        }
        let wanted = Wanted { selector: call.key, model: None, purpose: Purpose::Once };
        let order = self.keys().order(&entry.pool, wanted).await;
        record.store_failed |= order.store_failed;
        if let Some(lack) = order.lack {
            return Err(course::why(lack, &entry.provider.id, self.host.now()));
        }
        let limits = call.incoming.headers.get("x-wharf-timeout").map(|value| value.to_str().unwrap_or("?"));
        let changes = limits.map(TimeoutChanges::read).transpose();
        let changes = changes.map_err(|why| Error::new(Kind::InvalidRequest, why))?.unwrap_or_default();
        let gateway = call.gateway.filter(|_| gateway::knows(entry));
        let place = place(&mut call, &self.table.place);
        let query = call.query_on();
        let (base, path) = match gateway.and_then(|g| Some((g.base(), g.provider_path(entry, rest, &query)?)))
        {
            Some(found) => found,
            None => {
                let Some(base) = &entry.base else { return Err(unconfigured(entry)) };
                (base, upstream::join(base, rest, &query))
            }
        };
        let below = upstream::below(entry.base.as_ref().map_or("", |b| &b.path), rest).into();
        let Call { incoming, who, .. } = call;
        let (method, client, body) = self.take(incoming);
        let mut headers = headers::to_upstream(client, gateway.is_some());
        add_defaults(&mut headers, entry.provider.default_headers);
        if let Some(gateway) = &gateway {
            gateway.strip(&mut headers);
        }
        let headers = Rc::new(headers);
        let (mut peer, relayed) = (Peer::provider(entry), who.relayed.as_ref());
        peer.timeouts = peer.timeouts.with(&changes);
        let prepared = Prepared { peer, method, base, path, below, headers, body, relayed, gateway };
        let limits = Limits::raw(&order, false, &place);
        let ended = self.attempt(prepared, &limits, record).await;
        self.finish(ended, &entry.provider.id, record).await
    }

    /// `/compat/…`: the gateway's own unified endpoint; it holds the keys.
    pub(super) async fn compat(
        &self,
        mut call: Call<'_, H::Upload>,
        record: &mut Record,
        rest: &str,
    ) -> Result<Reply<H::Body>, Error> {
        let Some(gateway) = call.gateway else { return Err(super::local::nothing()) };
        refuse_trace(&call.incoming.method)?;
        let path = gateway.path(rest, &call.query_on());
        let place = place(&mut call, &self.table.place);
        let (method, client, body) = self.take(call.incoming);
        let mut headers = headers::to_upstream(client, true);
        gateway.strip(&mut headers);
        let call = Prepared {
            peer: Peer::gateway(),
            method,
            base: gateway.base(),
            path,
            below: Cow::Borrowed(""),
            headers: Rc::new(headers),
            body,
            relayed: None,
            gateway: Some(gateway),
        };
        self.ask_gateway(call, &place, record).await
    }

    /// A call to the gateway's own endpoints: no key of ours is on it.
    pub(super) async fn ask_gateway(
        &self,
        call: Prepared<'_, H::Upload>,
        place: &crate::table::Place,
        record: &mut Record,
    ) -> Result<Reply<H::Body>, Error> {
        let id = call.peer.id;
        record.provider = id.to_owned().into();
        let none = KeyOrder::NONE;
        let limits = Limits::raw(&none, false, place);
        let ended = self.attempt(call, &limits, record).await;
        self.finish(ended, id, record).await
    }

    /// Takes a request apart. The body can be sent again where it is in memory already (or there is none).
    fn take(&self, incoming: Incoming<H::Upload>) -> (Method, Headers, Body<H::Upload>) {
        let body = match incoming.body {
            None => Body::Whole(Segments::default()),
            Some(mut upload) => match self.host.whole(&mut upload) {
                Some(bytes) => Body::Whole(Segments::from(bytes)),
                None => {
                    let payload =
                        Payload::Stream { first: Bytes::new(), rest: upload, length: incoming.length };
                    Body::Streamed(Some(payload))
                }
            },
        };
        (incoming.method, incoming.headers, body)
    }

    async fn finish(
        &self,
        ended: Ended<H::Body>,
        provider: &str,
        record: &mut Record,
    ) -> Result<Reply<H::Body>, Error> {
        match ended {
            Ended::Answer(answer, first, busy) => {
                let told = self.tell(*answer, first, Telling::Raw, self.table.hold, record).await;
                let mut reply = told.reply?;
                busy.into_iter().for_each(|busy| reply.occupies(busy));
                Ok(reply)
            }
            Ended::Reply(reply) => reply,
            Ended::Failed(error) => Err(failure(error, provider)),
            // Only a model route has a next target.
            Ended::Next(_) => Err(super::local::nothing()),
        }
    }
}

/// `TRACE` asks the upstream to send the request back as it came (RFC 9110 §9.3.8), with our key on it; so does
/// `TRACK`, which some servers have.
fn refuse_trace(method: &Method) -> Result<(), Error> {
    if matches!(method.as_str(), "TRACE" | "TRACK") {
        return Err(Error::new(
            Kind::MethodNotAllowed,
            "this method is not passed on: its answer would show our key",
        ));
    }
    Ok(())
}
