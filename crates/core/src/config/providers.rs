//! The providers in force: every built-in with what was configured for it, then the custom ones.

use super::custom;
use super::keys::{Keys, TermedKeys};
use super::problem::{At, Findings, Located, did_you_mean};
use super::read::{Named, Nullable};
use super::routing::changes;
use super::sections::{EndpointSection, ProviderSection};
use super::upper::{Found, Uppers};
use super::url::{BaseUrl, HINT, SubPath};
use crate::host::Timeouts;
use crate::provider::Provider;
use crate::store::Shard;
use crate::table::{Base, Entry, KeyPool};
use std::collections::{BTreeSet, HashMap, HashSet};
use wharf_wire::format::Format;

/// The providers, and what the later checks need to know of them.
#[derive(Default)]
pub(super) struct Providers {
    pub(super) entries: Vec<Entry>,
    pub(super) names: HashMap<String, usize>,
    /// Every name that was meant as a provider's, also where its entry has a problem.
    pub(super) known: BTreeSet<String>,
    /// Where base URLs come from, for those that the user wrote.
    pub(super) bases: Vec<(usize, At)>,
}

/// What building an entry needs beside its section.
struct Build<'a> {
    uppers: &'a Uppers,
    account: Option<&'a str>,
    relay_all: bool,
    out: &'a mut Findings,
}

/// A custom provider as it was written, in whichever of the two places.
struct Custom {
    name: String,
    at: At,
    section: ProviderSection,
}

/// Builds every entry: catalogue order, then `providers`, then `CUSTOM_OPENAI_ENDPOINTS`.
pub(super) fn build(
    builtins: &[Provider],
    sections: Option<Located<Named<ProviderSection>>>,
    endpoints: Vec<Located<EndpointSection>>,
    uppers: &Uppers,
    account: Option<&str>,
    out: &mut Findings,
) -> Providers {
    let mut providers = Providers::default();
    let (mut configured, mut customs) = sort(builtins, sections, &mut providers.known, out);
    customs.extend(
        endpoints.into_iter().filter_map(|found| endpoint(builtins, found, &mut providers.known, out)),
    );
    let mut build = Build { uppers, account, relay_all: uppers.on("RELAY"), out };
    for (index, provider) in builtins.iter().enumerate() {
        let found = configured.remove(&index);
        let base_at = build.builtin(provider, found, &mut providers.entries);
        providers.bases.extend(base_at.map(|at| (index, at)));
        for name in std::iter::once(provider.id.as_ref()).chain(provider.aliases.iter().copied()) {
            providers.names.insert(name.into(), index);
            providers.known.insert(name.into());
        }
    }
    for custom in customs {
        let index = providers.entries.len();
        let name = custom.name.clone();
        if let Some((entry, at)) = build.custom(custom) {
            providers.entries.push(entry);
            providers.names.insert(name, index);
            providers.bases.push((index, at));
        }
    }
    providers
}

/// Parts the `providers` section into what configures a built-in, by its place, and custom ones.
fn sort(
    builtins: &[Provider],
    sections: Option<Located<Named<ProviderSection>>>,
    known: &mut BTreeSet<String>,
    out: &mut Findings,
) -> (HashMap<usize, Located<ProviderSection>>, Vec<Custom>) {
    let (mut configured, mut customs) = (HashMap::new(), Vec::new());
    for (name, Located { value, at }) in sections.map(|found| found.value.0).unwrap_or_default() {
        if let Some(place) = custom::place(builtins, &name) {
            let section = Located { value: value.unwrap_or_default(), at: at.clone() };
            if configured.insert(place, section).is_some() {
                let message =
                    format!("configures `{}` a second time, under another name", builtins[place].id);
                out.problem(&at, message, "keep one of them");
            }
            continue;
        }
        if custom::check_name(&name, &at, out) {
            known.insert(name.clone());
            // Without a section its problem is reported already.
            customs.extend(value.map(|section| Custom { name, at, section }));
        }
    }
    // An unknown name without a base URL is a misspelt built-in more often than a custom provider.
    customs.retain(|custom: &Custom| {
        let complete = custom.section.base_url.is_some();
        if !complete {
            let names = builtins.iter().map(|provider| provider.id.as_ref());
            let hint = Some(did_you_mean(&custom.name, names)).filter(|hint| !hint.is_empty());
            let message = "is no built-in provider, and a custom one needs `base_url`";
            out.problem(&custom.at, message, hint.unwrap_or_else(|| HINT.into()));
        }
        complete
    });
    (configured, customs)
}

/// An entry of `CUSTOM_OPENAI_ENDPOINTS` as if it stood in `providers`; `None` after a problem.
fn endpoint(
    builtins: &[Provider],
    found: Located<EndpointSection>,
    known: &mut BTreeSet<String>,
    out: &mut Findings,
) -> Option<Custom> {
    let EndpointSection { name, base_url, keys, models, chat_path, models_path } = found.value;
    let Located { value: name, at } = name?;
    if !custom::check_name(&name, &at, out) {
        return None;
    }
    if custom::place(builtins, &name).is_some() {
        out.problem(&at, format!("`{name}` is the name of a built-in provider"), "choose another name");
        return None;
    }
    if !known.insert(name.clone()) {
        out.problem(&at, format!("there is another provider of the name `{name}`"), "choose another name");
        return None;
    }
    let section = ProviderSection {
        base_url: Some(base_url?),
        keys: given(keys).map(|Located { value: Keys(keys), at }| Located {
            value: TermedKeys { keys, terms: Vec::new() },
            at,
        }),
        models: given(models),
        chat_path: given(chat_path),
        models_path: given(models_path),
        ..ProviderSection::default()
    };
    Some(Custom { name, at: found.at, section })
}

/// `null` is the same as nothing.
fn given<T>(found: Option<Located<Nullable<T>>>) -> Option<Located<T>> {
    let Located { value, at } = found?;
    value.0.map(|value| Located { value, at })
}

impl Build<'_> {
    /// Adds a built-in; its place is where the user wrote its base URL.
    fn builtin(
        &mut self,
        provider: &Provider,
        found: Option<Located<ProviderSection>>,
        entries: &mut Vec<Entry>,
    ) -> Option<At> {
        let mut section = found.map(|found| found.value).unwrap_or_default();
        if let Some(found) = section.format.take() {
            self.out.problem(
                &found.at,
                "is for custom providers only",
                "leave it out: the format of a built-in is known",
            );
        }
        let (base, base_at) = self.builtin_base(provider, section.base_url.take());
        let keys = self.builtin_keys(provider, section.keys.take());
        let relay = self.relay(provider, section.relay.take());
        if base.is_none() && !keys.keys.is_empty() && !provider.local {
            self.warn_of_keys_without_base(provider);
        }
        let mut provider = provider.clone();
        if let Some(found) = section.chat_path.take() {
            custom::set_chat_path(&mut provider.paths, provider.format, found.value.0);
        }
        if let Some(found) = section.models_path.take() {
            provider.paths.models = Some(found.value.0.into());
        }
        let name = provider.key_env.first().copied().unwrap_or(&provider.id);
        let pool = KeyPool::new(Shard(name.into()), keys.keys, keys.terms);
        let via_gateway = section.ai_gateway.take().is_none_or(|found| found.value);
        entries.push(Entry { relay, via_gateway, ..entry(provider, base, pool, section) });
        base_at
    }

    /// Environment, then section, then the file's upper-case member, then the catalogue.
    fn builtin_base(
        &mut self,
        provider: &Provider,
        section: Option<Located<BaseUrl>>,
    ) -> (Option<Base>, Option<At>) {
        let names: Vec<String> = provider.env_stems.iter().map(|stem| format!("{stem}_BASE_URL")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let upper = self.uppers.text(&names, self.out);
        let section = self.prefer(upper.as_ref(), section);
        let (url, at) = match (section, upper) {
            (Some(Located { value, at }), _) => (value, Some(at)),
            (None, Some(found)) => match BaseUrl::parse(found.value) {
                Ok(url) => (url, Some(found.at.clone())),
                Err(message) => {
                    self.out.problem(found.at, message, HINT);
                    return (None, None);
                }
            },
            (None, None) => match provider.base_url.and_then(|text| BaseUrl::parse(text).ok()) {
                Some(url) => (url, None),
                None => return (None, None),
            },
        };
        (self.base(&url, at.as_ref()), at)
    }

    /// The base with the account filled in. What the user wrote must have one; a catalogue entry may wait for it.
    fn base(&mut self, url: &BaseUrl, at: Option<&At>) -> Option<Base> {
        let base = url.base(self.account);
        if let (None, true, Some(at)) = (&base, url.needs_account(), at) {
            self.out.problem(at, "holds `{account}`, and no account is known", "set `CLOUDFLARE_ACCOUNT_ID`");
        }
        base
    }

    /// Environment, then section, then the file's upper-case member.
    fn builtin_keys(&mut self, provider: &Provider, section: Option<Located<TermedKeys>>) -> TermedKeys {
        let upper = self.uppers.keys(provider.key_env, self.out);
        match (self.prefer(upper.as_ref(), section), upper) {
            (Some(found), _) => found.value,
            (None, Some(found)) => TermedKeys { keys: found.value.to_vec(), terms: Vec::new() },
            (None, None) => TermedKeys::default(),
        }
    }

    fn relay(&mut self, provider: &Provider, section: Option<Located<bool>>) -> bool {
        let names: Vec<String> = provider.env_stems.iter().map(|stem| format!("{stem}_RELAY")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let upper = self.uppers.flag(&names, self.out);
        match (self.prefer(upper.as_ref(), section), upper) {
            (Some(found), _) => found.value,
            (None, Some(found)) => *found.value,
            (None, None) => self.relay_all,
        }
    }

    /// The section's value, unless the environment has one: it wins. Two in one file are warned of.
    fn prefer<T, U: ?Sized>(
        &mut self,
        upper: Option<&Found<'_, U>>,
        section: Option<Located<T>>,
    ) -> Option<Located<T>> {
        let Some(upper) = upper else { return section };
        if upper.from_env {
            return None;
        }
        if let Some(section) = &section {
            let message = format!("is ignored, since `{}` is given as well", section.at.field);
            self.out.warn(upper.at, message, "keep one of them");
        }
        section
    }

    fn warn_of_keys_without_base(&mut self, provider: &Provider) {
        let Some(found) = self.uppers.keys(provider.key_env, &mut Findings::default()) else { return };
        let hint = match (provider.base_url, provider.env_stems.first()) {
            (Some(_), _) => "set `CLOUDFLARE_ACCOUNT_ID`".into(),
            (None, Some(stem)) => format!("set `{stem}_BASE_URL`"),
            (None, None) => String::new(),
        };
        self.out.warn(found.at, format!("has no effect: `{}` has no base URL", provider.id), hint);
    }

    /// A custom provider; `None` after a problem.
    fn custom(&mut self, custom: Custom) -> Option<(Entry, At)> {
        let Custom { name, at: _, mut section } = custom;
        if let Some(found) = section.ai_gateway.take().filter(|found| found.value) {
            self.out.warn(&found.at, "has no effect: custom providers always go direct", "");
        }
        let Located { value: url, at } = section.base_url.take()?;
        let mut base = self.base(&url, Some(&at))?;
        let format = section.format.take().map_or(Format::OpenAiChat, |found| found.value);
        let path = |found: Option<Located<SubPath>>| found.map(|found| found.value.0);
        let (chat, models) = (path(section.chat_path.take()), path(section.models_path.take()));
        let (provider, base_path) = custom::provider(&name, format, &base.path, chat, models);
        base.path = base_path;
        if ["/chat/completions", "/responses", "/messages"].iter().any(|end| base.path.ends_with(end)) {
            let hint = "a base URL ends before the endpoint's path, which is appended to it";
            self.out.warn(&at, "ends in the path of an endpoint", hint);
        }
        let keys = section.keys.take().map(|found| found.value).unwrap_or_default();
        let relay = section.relay.take().map_or(self.relay_all, |found| found.value);
        let pool = KeyPool::new(Shard(name), keys.keys, keys.terms);
        let entry = Entry { custom: true, relay, ..entry(provider, Some(base), pool, section) };
        Some((entry, at))
    }
}

/// What built-in and custom providers have in common.
fn entry(provider: Provider, base: Option<Base>, pool: KeyPool, section: ProviderSection) -> Entry {
    let texts = |list: Vec<Located<String>>| {
        let mut seen = HashSet::new();
        list.into_iter().map(|item| item.value).filter(|text| seen.insert(text.clone())).collect()
    };
    let drop_params = match section.drop_params {
        Some(found) => texts(found.value),
        None => provider.drop_params.iter().map(|name| (*name).into()).collect(),
    };
    Entry {
        base,
        pool,
        custom: false,
        relay: false,
        timeouts: Timeouts::default()
            .with(&changes(section.timeouts.map(|found| found.value).unwrap_or_default())),
        retries: section.retries.and_then(|found| u32::try_from(found.value.0).ok()).unwrap_or_default(),
        version: section.http.map(|found| found.value).unwrap_or_default(),
        drop_params,
        ask_usage: section.ask_usage.is_some_and(|found| found.value),
        via_gateway: false,
        models: section.models.map(|found| texts(found.value)).unwrap_or_default(),
        provider,
    }
}
