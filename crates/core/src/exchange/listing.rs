//! `GET /v1/models` and `GET /status`: every available provider is asked in parallel, 5 seconds each. What fails is
//! left out and named; the answer itself never fails.

use super::attempt::{Ended, Limits};
use super::prepared::{Body, Peer, Prepared};
use super::reply::Reply;
use super::{Call, Core};
use crate::error::{Error, Kind};
use crate::gateway::{self, Gateway};
use crate::headers::Headers;
use crate::headers::value;
use crate::host::{Host, Timeouts};
use crate::keys::{KeyOrder, Purpose, Wanted};
use crate::models::{self, Entries, Look, Slot};
use crate::record::Record;
use crate::route::printable;
use crate::selector::Selector;
use crate::status::{self, KeyStatus, Probe};
use crate::table::Entry;
use crate::time::Millis;
use crate::upstream;
use bytes::BytesMut;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use wharf_wire::format::Format;
use wharf_wire::scan::Segments;

/// How long one provider may take.
const PATIENCE: Millis = Millis::seconds(5);

/// How long all of them may take.
const ALL: Millis = Millis::seconds(20);

/// The longest list that is read.
const LONGEST: usize = 32 << 20;

/// One list to get.
#[derive(Clone)]
struct Ask {
    entry: usize,
    key: Option<Selector>,
    /// The gateway in force.
    gateway: Option<String>,
    /// Whether a key had to be chosen without the store.
    store_failed: Rc<Cell<bool>>,
}

impl Ask {
    fn note(&self, order: &KeyOrder) {
        self.store_failed.set(self.store_failed.get() || order.store_failed);
    }
}

impl<H: Host> Core<H> {
    /// The merged list, in the caller's dialect.
    pub(super) async fn list_models(
        self: &Rc<Self>,
        call: &Call<'_, H::Upload>,
        record: &mut Record,
        gemini: bool,
    ) -> Result<Reply<H::Body>, Error> {
        let listing = self.listing(call, record, None).await;
        let mut reply = Reply::json(
            StatusCode::OK,
            models::render(dialect(&call.incoming.headers, gemini), &listing.entries),
        );
        if !listing.missing.is_empty() {
            let missing = HeaderName::from_static("x-wharf-models-missing");
            reply.headers.insert(missing, value(&listing.missing.join(",")));
        }
        Ok(reply)
    }

    /// One model of the list.
    pub(super) async fn show_model(
        self: &Rc<Self>,
        call: &Call<'_, H::Upload>,
        record: &mut Record,
        id: &str,
        gemini: bool,
    ) -> Result<Reply<H::Body>, Error> {
        let missing = || Error::new(Kind::NotFound, format!("no provider lists a model `{}`", printable(id)));
        let (provider, rest) = id.split_once('/').ok_or_else(missing)?;
        let entry = *self.table.names.get(provider).ok_or_else(missing)?;
        let listing = self.listing(call, record, Some(entry)).await;
        let name = self.table.entries.get(entry).map_or(provider, |entry| &entry.provider.id);
        let body =
            models::one(dialect(&call.incoming.headers, gemini), &listing.entries, &format!("{name}/{rest}"));
        body.map(|body| Reply::json(StatusCode::OK, body)).ok_or_else(missing)
    }

    async fn listing(
        self: &Rc<Self>,
        call: &Call<'_, H::Upload>,
        record: &mut Record,
        only: Option<usize>,
    ) -> models::Listing {
        let mut places = models::listed(&self.table);
        if let Some(only) = only {
            let local = self.table.entries.get(only).is_some_and(|entry| entry.provider.local);
            places = if local { vec![only] } else { places.into_iter().filter(|at| *at == only).collect() };
        }
        let gateway = call.gateway.map(|gateway| gateway.name().to_owned());
        let store_failed = Rc::<Cell<bool>>::default();
        let asks = places.into_iter().map(|entry| {
            let (gateway, store_failed) = (gateway.clone(), store_failed.clone());
            Ask { entry, key: call.key, gateway, store_failed }
        });
        let parts = stream::iter(asks).map(|ask| {
            let core = self.clone();
            async move {
                let entry = ask.entry;
                let entries = core.cached(ask).await;
                (entry, entries)
            }
        });
        let parts: Vec<_> = parts.buffered(H::PARALLEL).collect().await;
        record.store_failed |= store_failed.get();
        let name = |at: usize| self.table.entries.get(at).map_or("", |entry| &*entry.provider.id);
        models::merge(parts.into_iter().map(|(at, entries)| (name(at), entries)))
    }

    /// A list from the cache, asked again beside the answer once it is stale.
    async fn cached(self: Rc<Self>, ask: Ask) -> Option<Entries> {
        let entry = self.table.entries.get(ask.entry)?;
        let now = self.host.now();
        if entry.provider.local {
            return Some(models::fixed(&entry.provider.id, crate::echo::MODELS, now).into());
        }
        if !entry.models.is_empty() {
            return Some(models::fixed(&entry.provider.id, &entry.models, now).into());
        }
        // A key is taken from the rotation only for a call that is made; a key that the caller chose has a list of its own.
        let picked = match ask.key.filter(|key| *key != Selector::All) {
            Some(key) => Some(self.keys().order(&entry.pool, any_model(Some(key))).await),
            None => None,
        };
        let chosen = picked.as_ref().and_then(|order| order.get(0));
        let slot = Slot { provider: entry.provider.id.to_string(), key: chosen };
        let look = self.lists.borrow_mut().look(&slot, now);
        match look {
            Look::Fresh(entries) | Look::Stale { entries, revalidate: false } => Some(entries),
            Look::Stale { entries, revalidate: true } => {
                let core = self.clone();
                self.host.defer(async move {
                    core.refresh(&ask, picked, slot).await;
                });
                Some(entries)
            }
            Look::Empty => self.refresh(&ask, picked, slot).await,
        }
    }

    async fn refresh(&self, ask: &Ask, picked: Option<KeyOrder>, slot: Slot) -> Option<Entries> {
        let entries: Option<Entries> = {
            let (pages, wait) = (pin!(self.pages(ask, picked)), pin!(self.host.sleep(PATIENCE)));
            match select(pages, wait).await {
                Either::Left((entries, _)) => entries.map(Into::into),
                Either::Right(_) => None,
            }
        };
        let mut lists = self.lists.borrow_mut();
        match &entries {
            Some(entries) => lists.put(slot, entries.clone(), self.host.now()),
            None => lists.forget(&slot),
        }
        entries
    }

    /// All pages of one provider's list.
    async fn pages(&self, ask: &Ask, picked: Option<KeyOrder>) -> Option<Vec<serde_json::Value>> {
        let entry = self.table.entries.get(ask.entry)?;
        let order = match picked {
            Some(order) => order,
            None => self.keys().order(&entry.pool, any_model(None)).await,
        };
        ask.note(&order);
        let gateway = gateway::named(&self.table, ask.gateway.as_deref());
        let (mut entries, mut next) = (Vec::new(), String::new());
        for _ in 0..models::MAX_PAGES {
            let (status, body) = self.get(entry, gateway, &order, true, &next).await?;
            let page = status.is_success().then(|| models::read_page(&entry.provider, &body)).flatten()?;
            entries.extend(page.entries);
            match page.next {
                Some(more) => next = more,
                None => break,
            }
        }
        Some(entries)
    }

    /// `GET` of a provider's model list.
    async fn get(
        &self,
        entry: &Entry,
        gateway: Option<Gateway<'_>>,
        order: &KeyOrder,
        rotate: bool,
        query: &str,
    ) -> Option<(StatusCode, BytesMut)> {
        let rest = entry.provider.paths.models.as_deref()?;
        let gateway = gateway.filter(|_| gateway::takes_our_paths(entry));
        let (base, path) = match gateway.and_then(|g| Some((g.base(), g.provider_path(entry, rest, query)?)))
        {
            Some(found) => found,
            None => (entry.base.as_ref()?, upstream::join(entry.base.as_ref()?, rest, query)),
        };
        let mut headers = Headers::new();
        headers.insert(http::header::ACCEPT, HeaderValue::from_static("application/json"));
        super::assembling::add_defaults(&mut headers, entry.provider.default_headers);
        let timeouts =
            Timeouts { connect: PATIENCE, first_byte: PATIENCE, idle: PATIENCE, ..Timeouts::default() };
        let call = Prepared {
            peer: Peer { timeouts, ..Peer::provider(entry) },
            method: Method::GET,
            base,
            path,
            below: upstream::below(entry.base.as_ref().map_or("", |b| &b.path), rest).into(),
            headers: Rc::new(headers),
            body: Body::Whole(Segments::default()),
            relayed: None,
            gateway,
        };
        let limits = Limits::raw(order, rotate, &self.table.place);
        match self.attempt(call, &limits, &mut Record::default()).await {
            Ended::Answer(answer, first, _busy) => {
                let (status, mut body) = (answer.status, answer.body);
                let mut all = BytesMut::from(first.as_deref().unwrap_or_default());
                while let Some(piece) = self.host.read(&mut body).await.ok()? {
                    all.extend_from_slice(&piece);
                    if all.len() > LONGEST {
                        return None;
                    }
                }
                Some((status, all))
            }
            Ended::Failed(_) | Ended::Next(_) | Ended::Reply(_) => None,
        }
    }

    /// `GET /status`: every key is tried once.
    pub(super) async fn status(self: &Rc<Self>, call: &Call<'_, H::Upload>) -> Result<Reply<H::Body>, Error> {
        let gateway = call.gateway;
        let probes = stream::iter(status::questions(&self.table))
            .map(|(entry, key)| self.probe(gateway, entry, key))
            .buffer_unordered(H::PARALLEL);
        // What has not answered in time stays `unknown`.
        let late = self.host.sleep(ALL);
        let mut found: Vec<Probe> = probes.take_until(Box::pin(late)).collect().await;
        self.look_at_all().await;
        self.note_cooling(&mut found);
        let page = status::render(&self.table, gateway.as_ref().map(Gateway::name), &found);
        Ok(Reply::json(StatusCode::OK, page))
    }

    /// Until when each key is left alone, also those that were not asked.
    fn note_cooling(&self, found: &mut Vec<Probe>) {
        let now = self.host.now();
        for (entry, of) in self.table.entries.iter().enumerate() {
            for (key, member) in of.pool.members.iter().enumerate() {
                let health = self.health.of(&of.pool.shard, member.id);
                let Some(until) = health.and_then(|health| health.cooling(now)) else { continue };
                let known = found.iter_mut().find(|probe| probe.entry == entry && probe.key == key);
                match known {
                    Some(probe) => probe.cooldown_until = Some(until),
                    None => {
                        let status = KeyStatus::Unknown;
                        found.push(Probe { entry, key, status, cooldown_until: Some(until) });
                    }
                }
            }
        }
    }

    async fn probe(&self, gateway: Option<Gateway<'_>>, entry: usize, key: usize) -> Probe {
        let order = KeyOrder::one(key);
        let status = match self.table.entries.get(entry) {
            None => None,
            Some(found) => {
                let (get, wait) =
                    (pin!(self.get(found, gateway, &order, false, "")), pin!(self.host.sleep(PATIENCE)));
                match select(get, wait).await {
                    Either::Left((got, _)) => got.map(|(status, _)| status.as_u16()),
                    Either::Right(_) => None,
                }
            }
        };
        Probe { entry, key, status: status.map_or(KeyStatus::Unknown, KeyStatus::of), cooldown_until: None }
    }
}

/// A key for something that names no model.
const fn any_model(selector: Option<Selector>) -> Wanted<'static> {
    Wanted { selector, model: None, purpose: Purpose::Once }
}

/// The dialect in which a caller reads a list. Google's SDKs ask for theirs under `/v1` too, and name themselves.
pub(super) fn dialect(headers: &Headers, gemini: bool) -> Format {
    match gemini {
        false if headers.contains_key("anthropic-version") => Format::AnthropicMessages,
        false if !headers.contains_key("x-goog-api-client") => Format::OpenAiChat,
        true | false => Format::GeminiGenerate,
    }
}
