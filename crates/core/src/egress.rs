//! The way out: which rule applies, and whether an answer says that the provider refuses our country.

use crate::host::Egress;
use crate::table::{EgressRule, Place, Table};
use std::borrow::Cow;

/// The first rule that matches where the request starts and whom it goes to.
pub fn choose<'a>(table: &'a Table, place: &Place, provider: &str) -> Option<&'a EgressRule> {
    let in_list = |list: &[String], value: Option<&str>| {
        list.is_empty() || value.is_some_and(|v| list.iter().any(|item| item.eq_ignore_ascii_case(v)))
    };
    table.egress.iter().find(|rule| {
        in_list(&rule.loc, place.loc.as_deref())
            && in_list(&rule.colo, place.colo.as_deref())
            && in_list(&rule.provider, Some(provider))
    })
}

/// The way to try once when a provider refused our country: the first rule with a way of its own for that provider,
/// wherever the request started. `apart` says whether a way is another than direct on this host.
pub fn elsewhere<'a>(
    table: &'a Table,
    provider: &str,
    apart: impl Fn(&Egress) -> bool,
) -> Option<&'a EgressRule> {
    table.egress.iter().find(|rule| {
        apart(&rule.via) && (rule.provider.is_empty() || rule.provider.iter().any(|p| p == provider))
    })
}

/// What `x-wharf-egress` and the log say: `direct`, the hint, or `proxy`; never a URL.
pub fn word(egress: &Egress) -> Cow<'static, str> {
    match egress {
        Egress::Direct => Cow::Borrowed("direct"),
        Egress::Hint(hint) => Cow::Owned(hint.to_string()),
        Egress::Proxy(_) => Cow::Borrowed("proxy"),
    }
}

/// True for statuses under which providers say that a country is not served.
pub const fn may_refuse_country(status: u16) -> bool {
    matches!(status, 400 | 403 | 451)
}

/// True if an error body says that the provider does not serve the country we call from.
/// OpenAI: <https://platform.openai.com/docs/guides/error-codes> (`unsupported_country_region_territory`);
/// Gemini: <https://ai.google.dev/gemini-api/docs/available-regions> ("User location is not supported for the API use").
pub fn refuses_country(body: &[u8]) -> bool {
    const MARKS: [&[u8]; 4] = [
        b"unsupported_country_region_territory",
        b"User location is not supported",
        b"Country, region, or territory not supported",
        b"Request not allowed from this country",
    ];
    MARKS.iter().any(|mark| memchr::memmem::find(body, mark).is_some())
}
