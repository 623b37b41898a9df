//! Names for models: aliases, routes, and what `default` stands for. Each must lead to a provider that there is.

use super::custom::unknown_provider;
use super::problem::{At, Findings, Located};
use super::providers::Providers;
use super::read::Named;
use super::sections::{FallbackWord, Milliseconds, RouteSection, TimeoutsSection};
use super::upper::Uppers;
use crate::host::TimeoutChanges;
use crate::plan::Classes;
use crate::provider::catalog::prefix_fits;
use crate::table::Route;
use crate::time::Millis;
use std::collections::HashMap;

/// Aliases and routes by name.
pub(super) struct Names {
    pub(super) aliases: HashMap<String, String>,
    pub(super) routes: HashMap<String, Route>,
}

/// Reads aliases and routes.
pub(super) fn names(
    aliases: Option<Located<Named<String>>>,
    routes: Option<Located<Named<RouteSection>>>,
    providers: &Providers,
    out: &mut Findings,
) -> Names {
    let mut names = Names { aliases: HashMap::new(), routes: HashMap::new() };
    for (name, Located { value, at }) in aliases.map(|found| found.value.0).unwrap_or_default() {
        check_name(&name, &at, out);
        if let Some(target) = value {
            check_target(&target, providers, &at, out);
            names.aliases.insert(name, target);
        }
    }
    for (name, Located { value, at }) in routes.map(|found| found.value.0).unwrap_or_default() {
        check_name(&name, &at, out);
        if names.aliases.contains_key(&name) {
            out.problem(&at, "is an alias as well", "keep one of them");
        }
        let Some(section) = value else { continue };
        if let Some(route) = route(section, providers, out) {
            names.routes.insert(name, route);
        }
    }
    names
}

fn route(section: RouteSection, providers: &Providers, out: &mut Findings) -> Option<Route> {
    let targets = section.targets?;
    if targets.value.is_empty() {
        out.problem(&targets.at, "holds no target", "for example [\"openai/gpt-5\"]");
    }
    for target in &targets.value {
        check_target(&target.value.target, providers, &target.at, out);
    }
    let (targets, weights) =
        targets.value.into_iter().map(|found| (found.value.target, found.value.weight)).unzip();
    let classes = |found: Located<Vec<Located<FallbackWord>>>| {
        let all = found.value.iter().flat_map(|word| word.value.0);
        all.fold(Classes::NONE, |set, class| set.with(*class))
    };
    Some(Route {
        targets,
        weights,
        balance: section.balance.map(|found| found.value).unwrap_or_default(),
        gives_way: section.fallback.map(classes).unwrap_or_default(),
        retries: section.retries.and_then(|found| u32::try_from(found.value.0).ok()),
        timeouts: section.timeouts.map(|found| changes(found.value)).unwrap_or_default(),
    })
}

/// What a section says of time limits.
pub(super) fn changes(section: TimeoutsSection) -> TimeoutChanges {
    let length = |found: Option<Located<Milliseconds>>| found.map(|found| Millis(found.value.0));
    TimeoutChanges {
        connect: length(section.connect_ms),
        head: length(section.first_byte_ms),
        first_event: length(section.first_event_ms),
        idle: length(section.idle_ms),
        total: length(section.total_ms),
    }
}

/// `DEFAULT_MODEL`: an alias, a route, `provider/model`, or a bare model name that leads somewhere.
pub(super) fn default_model(
    uppers: &Uppers,
    names: &Names,
    providers: &Providers,
    out: &mut Findings,
) -> Option<String> {
    let found = uppers.text(&["DEFAULT_MODEL"], out)?;
    let model = found.value;
    if !names.aliases.contains_key(model)
        && !names.routes.contains_key(model)
        && !leads_somewhere(model, providers)
    {
        check_target(model, providers, found.at, out);
    }
    Some(model.into())
}

/// True for a bare model name that a provider lists, or whose beginning tells the provider.
fn leads_somewhere(model: &str, providers: &Providers) -> bool {
    providers.entries.iter().any(|entry| {
        entry.models.iter().any(|listed| listed == model)
            || entry.provider.model_prefixes.iter().any(|prefix| prefix_fits(prefix, model))
    }) && !model.contains('/')
}

fn check_name(name: &str, at: &At, out: &mut Findings) {
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        out.problem(at, "a model's name must not be empty or hold control characters", "");
    }
}

/// A target is `provider/model`, with a provider that there is.
fn check_target(target: &str, providers: &Providers, at: &At, out: &mut Findings) {
    match target.split_once('/') {
        Some((provider, model)) if !provider.is_empty() && !model.is_empty() => {
            if !providers.known.contains(provider) {
                unknown_provider(provider, providers.known.iter().map(String::as_str), at, out);
            }
        }
        _ => out.problem(at, "must be `provider/model`", "for example openai/gpt-5"),
    }
}
