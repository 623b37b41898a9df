//! The one path of a request, generic over `Host`: ingress, auth, route, plan, upstream, relay.
//! The only module that knows all the others; every decision inside it is a pure function of theirs.

mod address;
mod admin;
mod answering;
mod ask;
mod assembling;
mod attempt;
mod counting;
mod course;
mod earlier;
mod echoing;
mod fetching;
mod form;
mod learning;
mod listing;
mod local;
mod prepared;
mod relaying;
mod reply;
mod telling;
mod through;
mod translating;
mod universal;
mod vectors;

pub use reply::{Incoming, OutBody, Outgoing, Reply, Stream};

use crate::auth::{self, Who};
use crate::cors;
use crate::error::{Error, Kind};
use crate::gateway::{self, Gateway};
use crate::headers::Headers;
use crate::headers::text;
use crate::health::Health;
use crate::host::Host;
use crate::ingress::{self, Endpoint, Ingress};
use crate::keys::Keys;
use crate::models::Cache;
use crate::record::Record;
use crate::selector::Selector;
use crate::table::Table;
use bytes::Bytes;
use http::header::ORIGIN;
use http::{Method, StatusCode};
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use wharf_wire::format::Format;

/// What serves requests: a table, a host, and what is remembered between requests on this thread.
pub struct Core<H: Host> {
    /// The compiled configuration.
    pub table: Arc<Table>,
    /// What carries decisions out.
    pub host: H,
    /// What this process knows of keys and targets; shared by its workers, and kept over a change of the table.
    pub health: Arc<Health>,
    /// Model lists that were fetched.
    lists: RefCell<Cache>,
}

/// A request that may go on: who calls, and what the path said.
struct Call<'a, U> {
    incoming: Incoming<U>,
    who: Who,
    key: Option<Selector>,
    gateway: Option<Gateway<'a>>,
    query: Option<&'a str>,
}

impl<U> Call<'_, U> {
    /// The client's query without our credential.
    fn query_on(&self) -> Cow<'_, str> {
        self.query.map_or(Cow::Borrowed(""), crate::query::without_key)
    }
}

impl<H: Host> Core<H> {
    /// A core over a table.
    pub fn new(table: Arc<Table>, host: H) -> Rc<Self> {
        Self::sharing(table, host, Arc::default())
    }

    /// A core over a table that shares what is known of keys and targets with others.
    pub fn sharing(table: Arc<Table>, host: H, health: Arc<Health>) -> Rc<Self> {
        Rc::new(Self { table, host, health, lists: RefCell::default() })
    }

    /// Chooses keys.
    fn keys(&self) -> Keys<'_, H> {
        Keys { host: &self.host, health: &self.health, table: &self.table }
    }

    /// The core for the requests that begin once `table` is in force. Those that run keep the one they have. What
    /// is known of keys and targets stays, and model lists where their provider and the gateway are what they were.
    pub fn succeed(&self, table: Arc<Table>, host: H) -> Rc<Self> {
        let before = |id: &str| self.table.names.get(id).and_then(|at| self.table.entries.get(*at));
        let after = |id: &str| table.names.get(id).and_then(|at| table.entries.get(*at));
        let same = self.table.gateway == table.gateway;
        let kept = self.lists.borrow().kept(|id| same && before(id) == after(id));
        Rc::new(Self { table, host, health: self.health.clone(), lists: kept.into() })
    }

    /// Serves one request: always an answer, never an error.
    ///
    /// `record` is the host's, so that it can be logged as far as it got when the client leaves and this is dropped.
    pub async fn serve(
        self: &Rc<Self>,
        mut incoming: Incoming<H::Upload>,
        record: &mut Record,
    ) -> Outgoing<H::Body> {
        self.begin(&incoming, record);
        let origin = incoming.headers.get(ORIGIN).cloned();
        let target = std::mem::take(&mut incoming.target);
        record.target.clone_from(&target);
        let (path, query) = split(&target);
        let ingress = ingress::parse(&incoming.method, path, &self.table.names);
        let format = self.dialect(&ingress.endpoint, &incoming.headers);
        if let Err(error) = auth::check_local(&self.table, &incoming.headers, incoming.authority.as_deref()) {
            return reply::error(&error, format, record).outgoing(record);
        }
        if incoming.method == Method::OPTIONS {
            let headers = cors::options(&self.table, &incoming.headers);
            return Reply::new(StatusCode::NO_CONTENT, headers, Bytes::new()).outgoing(record);
        }
        let reply = self.dispatch(incoming, ingress, query, record).await;
        let mut reply = reply.unwrap_or_else(|error| reply::error(&error, format, record));
        cors::apply(&self.table, origin.as_ref(), &mut reply.headers);
        reply.outgoing(record)
    }

    async fn dispatch(
        self: &Rc<Self>,
        incoming: Incoming<H::Upload>,
        ingress: Ingress,
        query: Option<&str>,
        record: &mut Record,
    ) -> Result<Reply<H::Body>, Error> {
        let through = match &ingress.endpoint {
            Endpoint::Health => return Ok(local::health(&self.table, self.host.now(), &incoming)),
            Endpoint::Ready => return Ok(local::ready(incoming.ready)),
            Endpoint::AdminKeys
            | Endpoint::AdminReset { .. }
            | Endpoint::AdminReload
            | Endpoint::AdminUnknown => {
                return Box::pin(self.admin(&incoming, &ingress.endpoint, record)).await;
            }
            Endpoint::PassThrough { entry, .. } => self.table.entries.get(*entry),
            _ => None,
        };
        let who = auth::authenticate(&self.table, &incoming.headers, query, through)?;
        record.caller = who.label.clone();
        if ingress.gateway.is_some() && self.table.gateway.account.is_none() {
            return Err(Error::new(Kind::NotFound, "`/g/…` needs CLOUDFLARE_ACCOUNT_ID to be set"));
        }
        let gateway = gateway::in_force(&self.table, ingress.gateway.as_deref(), &incoming.headers);
        let call = Call { incoming, who, key: ingress.key, gateway, query };
        match ingress.endpoint {
            Endpoint::Ping => Ok(local::ping()),
            // Boxed: the rare ways must not make every request's future as large as theirs.
            Endpoint::Status => Box::pin(self.status(&call)).await,
            Endpoint::Models { gemini } => Box::pin(self.list_models(&call, record, gemini)).await,
            Endpoint::Model { id, gemini } => Box::pin(self.show_model(&call, record, &id, gemini)).await,
            Endpoint::Ask { ask, model } => self.ask(call, record, &ask, model).await,
            Endpoint::PassThrough { entry, rest } => {
                Box::pin(self.pass_through(call, record, entry, &rest)).await
            }
            Endpoint::Compat { rest } if call.gateway.is_some() => {
                Box::pin(self.compat(call, record, &rest)).await
            }
            Endpoint::Universal if call.gateway.is_some() => Box::pin(self.universal(call, record)).await,
            Endpoint::Unbuilt { path } => Err(local::unbuilt(&path)),
            Endpoint::Climbs { .. } => Err(Error::new(
                Kind::InvalidRequest,
                "the path climbs above the base URL that it is put behind",
            )),
            Endpoint::Health
            | Endpoint::Ready
            | Endpoint::AdminKeys
            | Endpoint::AdminReset { .. }
            | Endpoint::AdminReload
            | Endpoint::AdminUnknown
            | Endpoint::Unknown
            | Endpoint::Compat { .. }
            | Endpoint::Universal => Err(local::nothing()),
        }
    }

    /// The dialect in which a caller of this endpoint reads errors.
    fn dialect(&self, endpoint: &Endpoint, headers: &Headers) -> Format {
        match endpoint {
            Endpoint::Ask { ask, .. } => ask.format(),
            Endpoint::Models { gemini } | Endpoint::Model { gemini, .. } => {
                listing::dialect(headers, *gemini)
            }
            Endpoint::PassThrough { entry, .. } | Endpoint::Climbs { entry: Some(entry) } => {
                self.table.entries.get(*entry).map_or(Format::OpenAiChat, |entry| entry.provider.format)
            }
            Endpoint::Unbuilt { path } if local::is_geminis(path) => Format::GeminiGenerate,
            _ => Format::OpenAiChat,
        }
    }

    /// Begins a record: the client's id if it is sane, else one of ours.
    fn begin(&self, incoming: &Incoming<H::Upload>, record: &mut Record) {
        record.id = match sane_id(&incoming.headers) {
            Some(id) => id.to_owned(),
            None => hex(self.host.random(), self.host.random()),
        };
        record.method = incoming.method.clone();
    }
}

/// 32 hexadecimal digits.
fn hex(high: u64, low: u64) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 32];
    let (pairs, _) = text.as_chunks_mut::<2>();
    let bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    }
    // Digits are ASCII.
    std::str::from_utf8(&text).unwrap_or_default().to_owned()
}

fn split(target: &str) -> (&str, Option<&str>) {
    match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}

/// A client's request id if it is sane: 1 to 128 of `[A-Za-z0-9._-]`.
fn sane_id(headers: &Headers) -> Option<&str> {
    let id = text(headers, "x-request-id")?;
    let sane =
        (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    sane.then_some(id)
}
