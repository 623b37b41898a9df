//! The compiled configuration: an immutable snapshot that every request reads. Made by `config`, changed by nobody.

use crate::host::{Egress, HttpVersion, Origin, TimeoutChanges, Timeouts};
use crate::plan::{Balance, Classes};
use crate::provider::Provider;
use crate::secret::Secret;
use crate::store::breaker::Settings;
use crate::store::{KeyId, Shard};
use crate::time::Millis;
use std::collections::HashMap;
use std::sync::Arc;

/// Everything a request needs to know.
pub struct Table {
    /// Catalogue order, then configured order.
    pub entries: Vec<Entry>,
    /// Ids and aliases to places in `entries`.
    pub names: HashMap<String, usize>,
    /// Who may call.
    pub access: Access,
    /// `ADMIN_API_KEY`.
    pub admin: Option<Secret>,
    /// Alias to model name.
    pub aliases: HashMap<String, String>,
    /// Route to its targets, in order.
    pub routes: HashMap<String, Route>,
    /// What `default` stands for.
    pub default_model: Option<String>,
    /// `ENABLE_GLOBAL_ROUND_ROBIN`: strict rotation through the store.
    pub round_robin: bool,
    /// Cloudflare's AI Gateway.
    pub gateway: GatewaySettings,
    /// Which origins a browser may call from.
    pub cors: Cors,
    /// Rules for the way out, first match wins.
    pub egress: Vec<EgressRule>,
    /// Where we run, as configured (`WHARF_LOC`, `WHARF_COLO`, `region`).
    pub place: Place,
    /// Limits on what a client may send.
    pub limits: Limits,
    /// How long the head of an answer waits for its first event at most.
    pub hold: Millis,
    /// How long a stream may be silent before the client is sent a comment; `None`: for ever.
    pub keepalive: Option<Millis>,
    /// When a target of a route is left alone.
    pub breaker: Settings,
    /// A request that loses anything on its way to a provider is refused.
    pub strict: bool,
    /// Images and files by URL are fetched for providers that take bytes only.
    pub fetch_images: bool,
    /// `DEV`, shown by `/status`.
    pub dev: bool,
}

/// One provider in force.
#[derive(PartialEq)]
pub struct Entry {
    /// Its data.
    pub provider: Provider,
    /// Where it is; `None` while a provider without a base URL of its own is not configured.
    pub base: Option<Base>,
    /// Its keys.
    pub pool: KeyPool,
    /// Came from the configuration rather than the catalogue.
    pub custom: bool,
    /// Takes the client's own credential where we have none.
    pub relay: bool,
    /// Time limits.
    pub timeouts: Timeouts,
    /// How often the same call is tried again after a failure that is neither the key's nor the request's.
    pub retries: u32,
    /// HTTP version.
    pub version: HttpVersion,
    /// Top-level members removed from JSON bodies.
    pub drop_params: Vec<String>,
    /// Ask for usage in streams (`stream_options.include_usage`).
    pub ask_usage: bool,
    /// Goes through the AI Gateway when one is in force.
    pub via_gateway: bool,
    /// A fixed model list; empty: ask the provider.
    pub models: Vec<String>,
}

impl Entry {
    /// A built-in with a key, a keyless built-in whose base URL is configured, or any custom endpoint.
    pub fn available(&self) -> bool {
        self.base.is_some() && (self.custom || self.provider.keyless || !self.pool.keys.is_empty())
    }

    /// A built-in at its own address without a key: a call of ours could only be refused there. At a configured
    /// address something else may answer that wants none.
    pub fn lacks_key(&self) -> bool {
        if self.available() {
            return false;
        }
        let own = self.provider.base_url.and_then(|url| url.split("://").nth(1)?.split('/').next());
        own.is_some() && own == self.base.as_ref().map(|base| &*base.authority)
    }
}

/// A base URL in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Where to connect.
    pub origin: Arc<Origin>,
    /// `Host` header.
    pub authority: Arc<str>,
    /// Path without a trailing slash; may be empty.
    pub path: String,
    /// Query that every request carries.
    pub query: Option<String>,
}

/// The keys of one provider.
#[derive(PartialEq, Eq)]
pub struct KeyPool {
    /// Where rotation is kept: the name of the keys' variable as P1 spells it, or the custom endpoint's name.
    pub shard: Shard,
    /// In configured order, without duplicates.
    pub keys: Vec<Secret>,
    /// What is known of each of them, in the same order.
    pub members: Vec<Member>,
    /// Any key serves any model, as often as it likes, and all weigh the same.
    pub plain: bool,
}

impl KeyPool {
    /// A pool; `terms` stand beside the keys that have any.
    pub fn new(shard: Shard, keys: Vec<Secret>, mut terms: Vec<Option<Terms>>) -> Self {
        terms.resize_with(keys.len(), || None);
        let plain = terms.iter().all(|terms| terms.as_ref().is_none_or(Terms::is_plain));
        let members = keys.iter().zip(terms);
        let members =
            members.map(|(key, terms)| Member { id: KeyId::of(key), terms: terms.unwrap_or_default() });
        Self { shard, members: members.collect(), keys, plain }
    }

    /// The key that goes by this label or fingerprint.
    pub fn find(&self, name: &str) -> Option<&Member> {
        let labelled = self.members.iter().find(|member| member.terms.label.as_deref() == Some(name));
        labelled.or_else(|| self.members.iter().find(|member| member.id.to_string() == name))
    }
}

/// One key of a pool, without the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its fingerprint.
    pub id: KeyId,
    /// On what terms it is used.
    pub terms: Terms,
}

impl Member {
    /// What people call it: its label, else its fingerprint.
    pub fn name(&self) -> String {
        self.terms.label.as_deref().map_or_else(|| self.id.to_string(), str::to_owned)
    }
}

/// On what terms a key is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// A name for logs and pages.
    pub label: Option<String>,
    /// Its share of the calls.
    pub weight: u16,
    /// Models that it serves, `*` at the end for any rest; none: all.
    pub models: Vec<String>,
    /// Models that it does not serve.
    pub deny_models: Vec<String>,
    /// Calls at once, in this process.
    pub max_concurrent: Option<u32>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { label: None, weight: 1, models: Vec::new(), deny_models: Vec::new(), max_concurrent: None }
    }
}

impl Terms {
    fn is_plain(&self) -> bool {
        self.weight == 1
            && self.models.is_empty()
            && self.deny_models.is_empty()
            && self.max_concurrent.is_none()
    }

    /// Whether the key may be used for this model; `None`: for something that names none.
    pub fn serves(&self, model: Option<&str>) -> bool {
        let Some(model) = model else { return true };
        let named = |list: &[String]| {
            list.iter().any(|name| match name.strip_suffix('*') {
                Some(start) => model.starts_with(start),
                None => name == model,
            })
        };
        (self.models.is_empty() || named(&self.models)) && !named(&self.deny_models)
    }
}

/// Who may call.
#[derive(PartialEq, Eq)]
pub enum Access {
    /// Holders of one of these keys.
    Keys(Vec<Caller>),
    /// No caller key is configured, on loopback or in `DEV`: local callers only (`Host` and `Origin` must be loopback).
    Local,
    /// `--open` / `OPEN=true`: everybody.
    Open,
}

/// A holder of one of our keys.
#[derive(PartialEq, Eq)]
pub struct Caller {
    /// SHA-256 of the key.
    pub digest: [u8; 32],
    /// What logs call it: `key-1`, … in configured order, or a name of its own. Never the key.
    pub label: Arc<str>,
}

/// A named list of targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// `provider/model`, as written.
    pub targets: Vec<String>,
    /// Their shares, in the same order.
    pub weights: Vec<u16>,
    /// Which of them is tried first.
    pub balance: Balance,
    /// What gives way to the next one.
    pub gives_way: Classes,
    /// How often the same call is tried again; `None`: as the provider says.
    pub retries: Option<u32>,
    /// Time limits, over the providers' own.
    pub timeouts: TimeoutChanges,
}

/// Cloudflare's AI Gateway, as configured.
#[derive(PartialEq, Eq)]
pub struct GatewaySettings {
    /// Its origin with base path (`https://gateway.ai.cloudflare.com/v1`).
    pub base: Base,
    /// `CLOUDFLARE_ACCOUNT_ID`; without it no gateway is ever in force.
    pub account: Option<String>,
    /// `AI_GATEWAY_NAME`: in force for every request.
    pub name: Option<String>,
    /// `CF_AIG_TOKEN`.
    pub token: Option<Secret>,
    /// `x-wharf-direct: true` is honoured.
    pub allow_direct: bool,
}

/// Which origins a browser may call from.
#[derive(PartialEq, Eq)]
pub enum Cors {
    /// `*`.
    Any,
    /// These; the match is echoed.
    Origins(Vec<String>),
}

/// One rule for the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressRule {
    /// Countries; empty: any.
    pub loc: Vec<String>,
    /// Data centres; empty: any.
    pub colo: Vec<String>,
    /// Provider ids; empty: any.
    pub provider: Vec<String>,
    /// The way out.
    pub via: Egress,
    /// When that way fails: go direct, or fail.
    pub or_direct: bool,
}

/// Where we run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Country, ISO 3166-1 alpha-2.
    pub loc: Option<String>,
    /// Data centre, IATA code.
    pub colo: Option<String>,
}

/// Limits on what a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a JSON body, decoded size included.
    pub json_body: usize,
}
