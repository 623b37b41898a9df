//! Cloudflare's AI Gateway: when it is in force, its URLs, and the universal steps that let it fail over key by key.
//! Shapes: <https://developers.cloudflare.com/ai-gateway/usage/universal/>.

use crate::headers::Headers;
use crate::headers::text;
use crate::secret::Secret;
use crate::signing::Own;
use crate::table::{Base, Entry, GatewaySettings, Table};
use crate::upstream;
use http::header::{AUTHORIZATION, HeaderName};

/// The header that says which step an answer is of, counted from 0; what the gateway answers itself has none:
/// <https://developers.cloudflare.com/ai-gateway/configuration/fallbacks/>.
const STEP: &str = "cf-aig-step";

/// The header that names a caller to the gateway itself.
const GATEWAY_AUTHORIZATION: HeaderName = HeaderName::from_static("cf-aig-authorization");

/// The gateway that a request goes through.
#[derive(Clone, Copy)]
pub struct Gateway<'a> {
    settings: &'a GatewaySettings,
    account: &'a str,
    name: &'a str,
}

/// The gateway in force for a request: the one in its path, else the configured one, unless the request
/// asks to go direct and may.
pub fn in_force<'a>(table: &'a Table, from_path: Option<&'a str>, headers: &Headers) -> Option<Gateway<'a>> {
    let settings = &table.gateway;
    let account = settings.account.as_deref()?;
    let name = from_path.or(settings.name.as_deref())?;
    let direct = settings.allow_direct && text(headers, "x-wharf-direct") == Some("true");
    (!direct).then_some(Gateway { settings, account, name })
}

/// The gateway of this name; `None`: call providers themselves.
pub fn named<'a>(table: &'a Table, name: Option<&'a str>) -> Option<Gateway<'a>> {
    let settings = &table.gateway;
    Some(Gateway { settings, account: settings.account.as_deref()?, name: name? })
}

impl<'a> Gateway<'a> {
    /// Its name.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Where it is.
    pub fn base(&self) -> &'a Base {
        &self.settings.base
    }

    /// Path of something below the gateway's own address (`/compat/…`, or nothing for the universal endpoint).
    pub fn path(&self, rest: &str, query: &str) -> String {
        let base = self.base();
        let mut path = format!("{}/{}/{}{rest}", base.path, self.account, self.name);
        for part in [base.query.as_deref().unwrap_or(""), query] {
            if !part.is_empty() {
                path.push(if path.contains('?') { '&' } else { '?' });
                path.push_str(part);
            }
        }
        path
    }

    /// Path of a provider's `rest` (below its base URL): its slug stands for the whole base URL.
    pub fn provider_path(&self, entry: &Entry, rest: &str, query: &str) -> Option<String> {
        let slug = entry.provider.gateway.filter(|_| entry.via_gateway)?.slug;
        Some(self.path(&format!("/{slug}/{}", relative(entry, rest)), query))
    }

    /// The gateway's own token for a request.
    pub fn sign(&self, own: &mut Own) {
        let token = self.settings.token.as_ref().and_then(Secret::bearer);
        own.extend(token.map(|value| (GATEWAY_AUTHORIZATION, value)));
    }

    /// Drops a client's own token where the gateway has one of ours.
    pub fn strip(&self, headers: &mut Headers) {
        if self.settings.token.is_some() {
            headers.remove(GATEWAY_AUTHORIZATION);
        }
    }
}

/// True if the gateway knows the provider and the operator lets it go there.
pub fn knows(entry: &Entry) -> bool {
    entry.via_gateway && entry.provider.gateway.is_some()
}

/// True if a call whose path we write may go through the gateway, too.
pub fn takes_our_paths(entry: &Entry) -> bool {
    entry.via_gateway && entry.provider.gateway.is_some_and(|slug| !slug.own_paths)
}

/// A path below the provider's base URL as the gateway wants it: no leading slash, and nothing doubled.
pub fn relative<'p>(entry: &Entry, rest: &'p str) -> &'p str {
    let base = entry.base.as_ref().map_or("", |base| &*base.path);
    upstream::below(base, rest).trim_start_matches('/')
}

/// A step's endpoint: the relative path with the client's query.
pub fn endpoint(entry: &Entry, rest: &str, query: &str) -> String {
    let relative = relative(entry, rest);
    if query.is_empty() {
        return relative.to_owned();
    }
    format!("{relative}{}{query}", if relative.contains('?') { '&' } else { '?' })
}

/// The step that an answer is of, where the gateway says it.
pub fn step(headers: &Headers) -> Option<usize> {
    text(headers, STEP)?.trim().parse().ok()
}

/// One universal step: a JSON object with the body put in as it is.
pub fn write_step(out: &mut Vec<u8>, provider: &str, endpoint: &str, headers: &Headers, query: &[u8]) {
    out.extend_from_slice(b"{\"provider\":");
    write_text(out, provider);
    out.extend_from_slice(b",\"endpoint\":");
    write_text(out, endpoint);
    out.extend_from_slice(b",\"headers\":");
    write_headers(out, headers);
    out.extend_from_slice(b",\"query\":");
    out.extend_from_slice(query);
    out.push(b'}');
}

/// Headers as a JSON object; what is not text stays out.
pub fn write_headers(out: &mut Vec<u8>, headers: &Headers) {
    out.push(b'{');
    let mut first = true;
    for name in headers.keys() {
        let values: Vec<&str> = headers.get_all(name).filter_map(|v| v.to_str().ok()).collect();
        if !first {
            out.push(b',');
        }
        first = false;
        write_text(out, name.as_str());
        out.push(b':');
        write_text(out, &values.join(", "));
    }
    out.push(b'}');
}

/// A JSON string.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    // A string always serialises; an error here would leave `null`, which is still JSON.
    out.extend_from_slice(&serde_json::to_vec(text).unwrap_or_else(|_| b"null".to_vec()));
}

/// Splits a client's headers (already filtered) between the call to the gateway and the step's call to the provider:
/// `cf-aig-*` and what concerns the answer's transport stay outside.
pub fn split_headers(headers: Headers) -> (Headers, Headers) {
    let (mut outer, mut step) = (Headers::new(), Headers::new());
    for (name, value) in headers {
        let text = name.as_str();
        let outside =
            text.starts_with("cf-aig-") || matches!(text, "accept" | "accept-encoding" | "user-agent");
        let side = if outside { &mut outer } else { &mut step };
        if name != AUTHORIZATION {
            side.append(name, value);
        }
    }
    (outer, step)
}
