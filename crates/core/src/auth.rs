//! Who calls: a credential becomes a caller's label, or a 401. Runs before anything is routed.

use crate::error::{Error, Kind};
use crate::headers::Headers;
use crate::headers::text;
use crate::provider::Auth;
use crate::query;
use crate::secret::{Secret, digest};
use crate::table::{Access, Caller, Entry, Table};
use http::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN};
use std::borrow::Cow;
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq};

/// Who calls, once that is settled.
pub struct Who {
    /// What logs call the caller; empty where no key is needed.
    pub label: Arc<str>,
    /// The client's own credential, to be passed on (relay only).
    pub relayed: Option<Relayed>,
}

/// A client's own credential, in the header it came in.
pub struct Relayed {
    /// The header as the client sent it; `None`: it came in the query.
    pub header: Option<(HeaderName, http::HeaderValue)>,
    /// The bare credential.
    pub secret: Secret,
}

/// The credential that decides: the first one present, in the contract's order.
struct Presented<'a> {
    value: Cow<'a, str>,
    header: Option<HeaderName>,
}

/// Settles who calls.
///
/// # Errors
/// 401 without a good credential; 403 for a page or host that is not local while no key is required.
pub fn authenticate(
    table: &Table,
    headers: &Headers,
    query: Option<&str>,
    through: Option<&Entry>,
) -> Result<Who, Error> {
    let relays = through.is_some_and(|entry| entry.relay && entry.pool.keys.is_empty());
    let presented = presented(headers, query, through);
    let callers: &[Caller] = match &table.access {
        Access::Keys(callers) => callers,
        Access::Local | Access::Open => &[],
    };
    let known = presented.as_ref().and_then(|p| caller(callers, &p.value));
    if relays {
        return match (presented, known) {
            (Some(_), Some(_)) => {
                Err(refused("a key of this gateway cannot be relayed; send the provider's own credential"))
            }
            (Some(presented), None) => {
                Ok(Who { label: "relay".into(), relayed: Some(relayed(headers, presented)) })
            }
            (None, _) if callers.is_empty() => Ok(Who { label: Arc::default(), relayed: None }),
            (None, _) => Err(refused("no credential was sent")),
        };
    }
    if callers.is_empty() {
        return Ok(Who { label: Arc::default(), relayed: None });
    }
    match (presented, known) {
        (_, Some(caller)) => Ok(Who { label: caller.label.clone(), relayed: None }),
        (Some(_), None) => Err(refused("the API key is not known to this gateway")),
        (None, None) => Err(refused(
            "no API key was sent: use `Authorization: Bearer KEY`, `x-api-key` or `x-goog-api-key`",
        )),
    }
}

/// Lets the operator in: `ADMIN_API_KEY` and nothing else, where there is one.
///
/// # Errors
/// 404 without such a key in the configuration, 401 without it on the request: a caller key is not enough.
pub fn authenticate_admin(table: &Table, headers: &Headers) -> Result<(), Error> {
    let Some(admin) = &table.admin else {
        return Err(Error::new(Kind::NotFound, "`/admin/…` needs ADMIN_API_KEY to be set"));
    };
    let presented = presented(headers, None, None).map(|presented| digest(presented.value.as_bytes()));
    if presented.is_some_and(|presented| is_same(&admin.digest(), &presented)) {
        return Ok(());
    }
    Err(refused("`/admin/…` is for the holder of ADMIN_API_KEY: send it as `Authorization: Bearer KEY`"))
}

fn refused(message: &'static str) -> Error {
    Error::new(Kind::Unauthorized, message)
}

/// Compares with every caller, in constant time, so that nothing is learnt from how long a refusal takes.
fn caller<'a>(callers: &'a [Caller], value: &str) -> Option<&'a Caller> {
    let presented = digest(value.as_bytes());
    let mut found = None;
    for caller in callers {
        if is_same(&caller.digest, &presented) {
            found = Some(caller);
        }
    }
    found
}

/// In constant time; in words, as bytes one by one cost eight times as much.
fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let (one, _) = one.as_chunks::<8>();
    let (other, _) = other.as_chunks::<8>();
    let words = one.iter().zip(other);
    let same = words.map(|(a, b)| u64::from_ne_bytes(*a).ct_eq(&u64::from_ne_bytes(*b)));
    same.fold(Choice::from(1), |all, same| all & same).into()
}

/// True for a caller key, bare or as a bearer: it must not be sent on, wherever it stands.
pub fn is_callers(table: &Table, value: &str) -> bool {
    match &table.access {
        Access::Keys(callers) => caller(callers, bare(value)).is_some(),
        Access::Local | Access::Open => false,
    }
}

fn relayed(headers: &Headers, presented: Presented<'_>) -> Relayed {
    let header =
        presented.header.and_then(|name| headers.get(&name).map(|value| (name.clone(), value.clone())));
    Relayed { header, secret: Secret::new(presented.value.into_owned()) }
}

fn presented<'a>(
    headers: &'a Headers,
    query: Option<&'a str>,
    through: Option<&Entry>,
) -> Option<Presented<'a>> {
    if let Some(value) = text(headers, AUTHORIZATION).map(bare).filter(|v| !v.is_empty()) {
        return Some(Presented { value: Cow::Borrowed(value), header: Some(AUTHORIZATION) });
    }
    for name in ["x-api-key", "x-goog-api-key", "api-key"] {
        if let Some(value) = text(headers, name).map(str::trim).filter(|v| !v.is_empty()) {
            return Some(Presented {
                value: Cow::Borrowed(value),
                header: Some(HeaderName::from_static(name)),
            });
        }
    }
    if let Some(value) = query.and_then(query::key) {
        return Some(Presented { value, header: None });
    }
    let own = through.into_iter().flat_map(|entry| entry.provider.auth).find_map(|rule| match rule.how {
        Auth::Header(name) => text(headers, name).map(str::trim).filter(|v| !v.is_empty()).map(|v| (name, v)),
        Auth::Bearer | Auth::Query(_) => None,
    });
    if let Some((name, value)) = own {
        return Some(Presented {
            value: Cow::Borrowed(value),
            header: HeaderName::from_bytes(name.as_bytes()).ok(),
        });
    }
    let protocol = through.and_then(|_| text(headers, "sec-websocket-protocol"))?;
    let value = protocol.split(',').find_map(|p| p.trim().strip_prefix("openai-insecure-api-key."))?;
    (!value.is_empty()).then(|| Presented { value: Cow::Borrowed(value), header: None })
}

/// `Bearer KEY`, whatever the case of the scheme, or the bare key.
fn bare(value: &str) -> &str {
    let value = value.trim();
    match value.split_at_checked(6) {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case("bearer") && (rest.is_empty() || rest.starts_with(' ')) =>
        {
            rest.trim()
        }
        _ => value,
    }
}

/// While no caller key is required, only local pages and local hosts may call (DNS rebinding, pages that
/// post to localhost): anything else is 403.
///
/// # Errors
/// `forbidden_origin`.
pub fn check_local(table: &Table, headers: &Headers, authority: Option<&str>) -> Result<(), Error> {
    match table.access {
        Access::Keys(_) | Access::Open => return Ok(()),
        Access::Local => {}
    }
    let host = authority.or_else(|| headers.get(HOST)?.to_str().ok());
    let host_ok = host.is_none_or(|host| is_loopback(host_of(host)));
    let origin_ok = headers.get_all(ORIGIN).all(|origin| {
        let page = origin.to_str().ok().and_then(|o| o.split_once("://"));
        page.is_some_and(|(_, rest)| is_loopback(host_of(rest)))
    });
    if host_ok && origin_ok {
        return Ok(());
    }
    let message = "no caller key is configured, so only local pages and hosts may call: set PROXY_API_KEY to open it to others";
    Err(Error::new(Kind::ForbiddenOrigin, message))
}

/// Host of `host:port`, `[v6]:port` or either without a port.
fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    authority.split(':').next().unwrap_or(authority)
}

/// `localhost` (and names under it), 127.0.0.0/8, `::1`.
pub fn is_loopback(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    if let Ok(address) = host.parse::<std::net::IpAddr>() {
        return address.is_loopback();
    }
    let host = host.to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
