//! Rules for the way out.

use super::custom::unknown_provider;
use super::problem::{At, Findings, Located};
use super::providers::Providers;
use super::read::Words;
use super::sections::{EgressSection, Otherwise};
use super::settings::place_code;
use super::url;
use crate::host::Egress;
use crate::table::EgressRule;
use std::sync::Arc;

/// Region hints of Durable Objects: <https://developers.cloudflare.com/durable-objects/reference/data-location/>.
const HINTS: &[&str] = &["wnam", "enam", "weur", "eeur", "apac", "oc", "afr", "sam", "me"];

/// The rules as written; without any, the predecessor's: some providers refuse calls from HK and CN.
pub(super) fn rules(
    section: Option<Located<Vec<Located<EgressSection>>>>,
    providers: &Providers,
    out: &mut Findings,
) -> Vec<EgressRule> {
    let Some(section) = section else {
        return vec![EgressRule {
            loc: vec!["HK".into(), "CN".into()],
            colo: Vec::new(),
            provider: Vec::new(),
            via: Egress::Hint("wnam".into()),
            or_direct: true,
        }];
    };
    section.value.into_iter().filter_map(|found| rule(found.value, providers, out)).collect()
}

fn rule(section: EgressSection, providers: &Providers, out: &mut Findings) -> Option<EgressRule> {
    let when = section.when.map(|found| found.value).unwrap_or_default();
    let loc = words(when.loc, out, |word, at, out| place_code(word, 2, at, out));
    let colo = words(when.colo, out, |word, at, out| place_code(word, 3, at, out));
    let provider = words(when.provider, out, |word, at, out| provider_id(word, providers, at, out));
    let via = section.via.and_then(|found| via(&found, out));
    let via = via?;
    let or_direct = match section.otherwise {
        Some(found) => found.value == Otherwise::Direct,
        None => !matches!(via, Egress::Proxy(_)),
    };
    Some(EgressRule { loc: loc?, colo: colo?, provider: provider?, via, or_direct })
}

/// Each word checked. An empty list would match everything although it says nothing: a problem.
fn words(
    found: Option<Located<Words>>,
    out: &mut Findings,
    check: impl Fn(&str, &At, &mut Findings) -> Option<String>,
) -> Option<Vec<String>> {
    let Some(Located { value: Words(list), at }) = found else { return Some(Vec::new()) };
    if list.is_empty() {
        out.problem(&at, "must not be empty", "leave it out to match everything");
        return None;
    }
    // All are checked before one failure counts.
    let checked: Vec<Option<String>> = list.iter().map(|word| check(&word.value, &word.at, out)).collect();
    checked.into_iter().collect()
}

/// The id of a provider that may be named by an alias.
fn provider_id(name: &str, providers: &Providers, at: &At, out: &mut Findings) -> Option<String> {
    if let Some(entry) = providers.names.get(name).and_then(|index| providers.entries.get(*index)) {
        return Some(entry.provider.id.clone().into_owned());
    }
    if !providers.known.contains(name) {
        unknown_provider(name, providers.known.iter().map(String::as_str), at, out);
    }
    None
}

fn via(found: &Located<String>, out: &mut Findings) -> Option<Egress> {
    let text = found.value.as_str();
    if text == "direct" {
        return Some(Egress::Direct);
    }
    if HINTS.contains(&text) {
        return Some(Egress::Hint(text.into()));
    }
    if !text.contains("://") {
        let hints = HINTS.join(" ");
        out.problem(
            &found.at,
            "must be `direct`, a region hint, or a proxy's URL",
            format!("hints: {hints}"),
        );
        return None;
    }
    match url::parse_proxy(text) {
        Ok(proxy) => Some(Egress::Proxy(Arc::new(proxy))),
        Err(message) => {
            out.problem(&found.at, message, "for example http://user:password@proxy.example:3128");
            None
        }
    }
}
