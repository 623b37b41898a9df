//! Makes the credential of a request: bearer, a header of its own, or a query member. Pure.

use crate::auth::Relayed;
use crate::provider::{Auth, AuthRule};
use crate::secret::Secret;
use http::HeaderValue;
use http::header::{AUTHORIZATION, HeaderName};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The headers that carry a credential.
pub type Own = Vec<(HeaderName, HeaderValue)>;

/// Signs a request for `path` (below the base URL) by a provider's rules.
///
/// Returns a query member to add, where the provider wants its key there. A key that cannot stand in a header
/// (a line break in it) is left out: the upstream then says 401, and nothing else of the request can be forged.
pub fn sign(rules: &[AuthRule], path: &str, headers: &mut Own, key: &Secret) -> Option<String> {
    let mut query = None;
    for rule in rules.iter().filter(|rule| path.starts_with(rule.under)) {
        match rule.how {
            Auth::Bearer => put(headers, AUTHORIZATION, key.bearer()),
            Auth::Header(name) => put(headers, HeaderName::from_static(name), key.header()),
            Auth::Query(name) => {
                query = Some(format!("{name}={}", utf8_percent_encode(key.expose(), NON_ALPHANUMERIC)));
            }
        }
    }
    query
}

/// Passes a client's own credential on: in the header it came in where that is `Authorization` or one of the
/// provider's own (an OAuth token and an API key are not the same thing to a provider), else by the provider's rules.
pub fn relay(rules: &[AuthRule], path: &str, headers: &mut Own, relayed: &Relayed) -> Option<String> {
    let own = |name: &HeaderName| {
        let here = rules.iter().filter(|rule| path.starts_with(rule.under));
        { here }.any(|rule| rule.how == Auth::Header(static_name(name)))
    };
    match &relayed.header {
        Some((name, value)) if *name == AUTHORIZATION || own(name) => {
            let mut value = value.clone();
            value.set_sensitive(true);
            headers.push((name.clone(), value));
            None
        }
        Some(_) | None => sign(rules, path, headers, &relayed.secret),
    }
}

/// The credential headers there are, as the catalogue spells them.
fn static_name(name: &HeaderName) -> &'static str {
    ["x-api-key", "x-goog-api-key", "api-key", "xi-api-key"]
        .into_iter()
        .find(|known| *known == name.as_str())
        .unwrap_or("")
}

fn put(headers: &mut Own, name: HeaderName, value: Option<HeaderValue>) {
    headers.extend(value.map(|value| (name, value)));
}
