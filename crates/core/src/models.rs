//! `GET /v1/models`, the pure part: a provider's page becomes entries of one shape, entries of all providers become
//! one list, and the list is written in the caller's dialect. Asking, and what to ask next, is the exchange's work.

mod cache;
mod render;

#[cfg(test)]
mod tests;

pub use cache::{Cache, Look, Slot};
pub use render::{one, render};

use crate::provider::{ModelList, ModelShape, Paging, Provider};
use crate::table::Table;
use crate::time::Millis;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use std::sync::Arc;

/// As many pages are asked of one provider, so that a cursor going round in circles ends.
pub const MAX_PAGES: usize = 20;

/// One page of a provider's list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// In the provider's order, with ids `provider/id`.
    pub entries: Vec<Value>,
    /// Query members that get the next page (`after_id=x`), to be appended to the list's own query; `None`: the last.
    pub next: Option<String>,
}

/// The entries of one provider, shared between the cache and the answers made of them.
pub type Entries = Arc<[Value]>;

/// Places in `table.entries` of the providers that a listing asks: the available ones in order, or, when there are
/// none, the ones that are answered here (`echo`).
pub fn listed(table: &Table) -> Vec<usize> {
    let places = |wanted: &dyn Fn(&crate::table::Entry) -> bool| -> Vec<usize> {
        table.entries.iter().enumerate().filter(|(_, entry)| wanted(entry)).map(|(place, _)| place).collect()
    };
    let remote = places(&|entry| !entry.provider.local && entry.available());
    if remote.is_empty() { places(&|entry| entry.provider.local) } else { remote }
}

/// Reads the body of a 2xx answer. `None` when it is not the list that the provider is known for: it is then missing.
pub fn read_page(provider: &Provider, body: &[u8]) -> Option<Page> {
    let Value::Object(mut answer) = serde_json::from_slice(body).ok()? else { return None };
    let member = match provider.models.shape {
        ModelShape::OpenAi | ModelShape::OpenAiKept | ModelShape::Anthropic | ModelShape::OpenRouter => {
            "data"
        }
        ModelShape::Named => "models",
        ModelShape::WorkersAi => "result",
        ModelShape::None => return None,
    };
    let Some(Value::Array(list)) = answer.remove(member) else { return None };
    let entries = list
        .into_iter()
        .filter_map(|entry| match entry {
            Value::Object(entry) => shape(&provider.id, provider.models, entry),
            _ => None,
        })
        .collect();
    Some(Page { entries, next: next_page(provider.models.paging, &answer) })
}

/// The list of a provider whose models are configured, or answered here.
pub fn fixed(name: &str, models: &[impl AsRef<str>], now: Millis) -> Vec<Value> {
    let entry = |model: &str| {
        let mut entry = Map::new();
        entry.insert("id".into(), format!("{name}/{model}").into());
        entry.insert("object".into(), "model".into());
        entry.insert("created".into(), (now.0 / 1000).into());
        entry.insert("owned_by".into(), name.into());
        Value::Object(entry)
    };
    models.iter().map(|model| entry(model.as_ref())).collect()
}

/// One list of all providers, and the names of those that failed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Every provider's entries, in the order given.
    pub entries: Vec<Value>,
    /// What `x-wharf-models-missing` says.
    pub missing: Vec<String>,
}

/// Puts the providers' entries together; `None` stands for a provider that failed.
pub fn merge<'a>(parts: impl IntoIterator<Item = (&'a str, Option<Entries>)>) -> Listing {
    let mut listing = Listing::default();
    for (name, entries) in parts {
        match entries {
            Some(entries) => listing.entries.extend(entries.iter().cloned()),
            None => listing.missing.push(name.into()),
        }
    }
    listing
}

/// One entry as ours: some members stay, in P1's order, the others go under `_`.
fn shape(name: &str, list: ModelList, mut entry: Map<String, Value>) -> Option<Value> {
    let key = match list.shape {
        ModelShape::Named | ModelShape::WorkersAi => "name",
        ModelShape::OpenAi | ModelShape::OpenAiKept | ModelShape::Anthropic | ModelShape::OpenRouter => "id",
        ModelShape::None => return None,
    };
    let id: Value = {
        let id = entry.get(key)?.as_str()?;
        // Google's names are resource names.
        format!("{name}/{}", id.strip_prefix("models/").unwrap_or(id)).into()
    };
    if list.shape == ModelShape::OpenAi {
        entry.insert("id".into(), id);
        return Some(entry.into());
    }
    entry.shift_remove(key);
    let mut ours = Map::new();
    ours.insert("id".into(), id);
    let owner = || Some(Value::from(list.owned_by));
    let (object, created, owned_by) = match list.shape {
        ModelShape::OpenAiKept => {
            (entry.shift_remove("object"), entry.shift_remove("created"), entry.shift_remove("owned_by"))
        }
        ModelShape::Anthropic => {
            let created = entry.shift_remove("created_at");
            let created = created.as_ref().and_then(Value::as_str).and_then(unix_seconds).unwrap_or(0);
            (entry.shift_remove("type"), Some(created.into()), owner())
        }
        ModelShape::OpenRouter => {
            entry.shift_remove("object");
            entry.shift_remove("owned_by");
            (Some("model".into()), entry.shift_remove("created").or(Some(0.into())), owner())
        }
        ModelShape::Named | ModelShape::WorkersAi | ModelShape::OpenAi | ModelShape::None => {
            (Some("model".into()), Some(0.into()), owner())
        }
    };
    for (member, value) in [("object", object), ("created", created), ("owned_by", owned_by)] {
        if let Some(value) = value {
            ours.insert(member.into(), value);
        }
    }
    ours.insert("_".into(), entry.into());
    Some(ours.into())
}

/// What a query value keeps as it is.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn next_page(paging: Paging, answer: &Map<String, Value>) -> Option<String> {
    let member = |query: &str, value: &str| format!("{query}={}", utf8_percent_encode(value, QUERY));
    match paging {
        Paging::None => None,
        Paging::AfterId => {
            let more = answer.get("has_more")?.as_bool()?;
            let last = answer.get("last_id")?.as_str()?;
            (more && !last.is_empty()).then(|| member("after_id", last))
        }
        Paging::Token { member: name, query } => {
            let token = answer.get(name)?.as_str()?;
            (!token.is_empty()).then(|| member(query, token))
        }
        Paging::Pages => {
            let info = answer.get("result_info")?;
            let number = |name: &str| info.get(name).and_then(Value::as_u64);
            let page = number("page").unwrap_or(1);
            // Some of Cloudflare's lists count pages, others only entries:
            // https://developers.cloudflare.com/fundamentals/api/how-to/make-api-calls/#pagination
            let pages = number("total_pages").or_else(|| {
                let per_page = number("per_page").filter(|count| *count > 0)?;
                Some(number("total_count")?.div_ceil(per_page))
            })?;
            (page < pages).then(|| format!("page={}", page + 1))
        }
    }
}

/// Seconds since 1970 of an RFC 3339 date-time, down to the second.
fn unix_seconds(text: &str) -> Option<i64> {
    let number =
        |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok().filter(|number| *number >= 0);
    let bytes = text.as_bytes();
    if bytes.get(4) != Some(&b'-')
        || bytes.get(7) != Some(&b'-')
        || !matches!(bytes.get(10), Some(b'T' | b't' | b' '))
    {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hours, minutes, seconds) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hours > 24 || minutes > 59 || seconds > 60 {
        return None;
    }
    let zone = text.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), ..] => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
            if *sign == b'+' { minutes * 60 } else { -minutes * 60 }
        }
        _ => return None,
    };
    // Days since 1970-01-01; the year starts in March, so that the leap day is its last.
    // https://howardhinnant.github.io/date_algorithms.html#days_from_civil
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, month_of) = (shifted.div_euclid(400), (month + 9) % 12);
    let (year_of, day_of) = (shifted.rem_euclid(400), (153 * month_of + 2) / 5 + day - 1);
    let days = era * 146_097 + year_of * 365 + year_of / 4 - year_of / 100 + day_of - 719_468;
    Some(days * 86_400 + hours * 3600 + minutes * 60 + seconds - offset)
}
