//! `GET /status`, the pure part: which keys to probe, what a probe's answer says, and the page itself.
//! Keys are masked; neither the gateway's token nor the account id is shown.

use crate::models;
use crate::table::{Entry, Table};
use crate::time::{Millis, rfc3339};
use serde_json::{Map, Value, json};

#[cfg(test)]
mod tests;

/// What is known of one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyStatus {
    /// The provider took it.
    Valid,
    /// The provider refused it.
    Invalid,
    /// Nothing certain: not asked, no answer, or an answer that does not say.
    #[default]
    Unknown,
}

impl KeyStatus {
    /// What the status of a probe's answer says. Google answers a bad key with 400, which stays unknown: 400 says so
    /// many other things.
    pub const fn of(status: u16) -> Self {
        match status {
            200..=299 => Self::Valid,
            401 | 403 => Self::Invalid,
            _ => Self::Unknown,
        }
    }

    /// The word on the page.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Unknown => "unknown",
        }
    }
}

/// What was found out about one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Place of its provider in `table.entries`.
    pub entry: usize,
    /// Place in the provider's pool.
    pub key: usize,
    /// What the provider said.
    pub status: KeyStatus,
    /// Until when the key is left alone.
    pub cooldown_until: Option<Millis>,
}

/// Every key worth a call, as (place in `table.entries`, place in the pool): those of providers with a model list.
pub fn questions(table: &Table) -> Vec<(usize, usize)> {
    let asked = |entry: &Entry| entry.base.is_some() && entry.provider.paths.models.is_some();
    let mut questions = Vec::new();
    for (place, entry) in table.entries.iter().enumerate() {
        if asked(entry) {
            questions.extend((0..entry.pool.keys.len()).map(|key| (place, key)));
        }
    }
    questions
}

/// The page, indented by two as P1's is. `gateway` is the AI Gateway in force for this request, if one is.
pub fn render(table: &Table, gateway: Option<&str>, probes: &[Probe]) -> Vec<u8> {
    let answering_here = models::listed(table).iter().any(|place| table.entries[*place].provider.local);
    let mut providers = Map::new();
    for (place, entry) in table.entries.iter().enumerate() {
        if entry.provider.local && !answering_here {
            continue;
        }
        let keys: Vec<Value> =
            (0..entry.pool.keys.len()).map(|key| key_line(entry, key, find(probes, place, key))).collect();
        let available = entry.provider.local || entry.available();
        providers.insert(entry.provider.id.to_string(), json!({"available": available, "keys": keys}));
    }
    let mut shown_gateway = Map::new();
    if let Some(name) = gateway {
        shown_gateway.insert("name".into(), name.into());
    }
    let page = json!({
        "config": {
            "DEV": table.dev,
            "DEFAULT_MODEL": table.default_model,
            "AI_GATEWAY": shown_gateway,
            "GLOBAL_ROUND_ROBIN": table.round_robin,
        },
        "providers": providers,
    });
    format!("{page:#}").into_bytes()
}

fn find(probes: &[Probe], entry: usize, key: usize) -> Option<Probe> {
    probes.iter().find(|probe| probe.entry == entry && probe.key == key).copied()
}

fn key_line(entry: &Entry, key: usize, probe: Option<Probe>) -> Value {
    let masked = entry.pool.keys.get(key).map(crate::secret::Secret::masked).unwrap_or_default();
    let status = probe.map(|probe| probe.status).unwrap_or_default();
    let mut line = json!({"key": masked, "status": status.word()});
    if let (Some(until), Some(line)) = (probe.and_then(|probe| probe.cooldown_until), line.as_object_mut()) {
        line.insert("cooldown_until".into(), rfc3339(until).into());
    }
    line
}
