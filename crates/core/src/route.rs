//! A model name becomes targets: aliases and routes, `default`, `provider/model`, bare names.

use crate::error::{Error, Kind};
use crate::provider::catalog::prefix_fits;
use crate::table::{Entry, Route, Table};

/// A provider and the model as it is asked for there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Place in the table.
    pub entry: usize,
    /// The provider's own model name.
    pub model: String,
}

/// How deep aliases may point at aliases; more is a loop.
const DEPTH: u8 = 8;

/// Where a model name leads.
#[derive(Debug)]
pub struct Routed<'t> {
    /// The targets, as written.
    pub targets: Vec<Target>,
    /// Their shares, in the same order; none: they are alike.
    pub weights: Vec<u16>,
    /// The route that it is the name of, and how it is called.
    pub route: Option<(&'t str, &'t Route)>,
}

/// The targets of a model name, as written.
///
/// # Errors
/// 400: nobody offers the name, or several do.
pub fn resolve(table: &Table, model: &str) -> Result<Vec<Target>, Error> {
    routed(table, model).map(|routed| routed.targets)
}

/// The targets of a model name, and the route that they come from.
///
/// # Errors
/// 400: nobody offers the name, or several do.
pub fn routed<'t>(table: &'t Table, model: &str) -> Result<Routed<'t>, Error> {
    step(table, model, DEPTH)
}

fn step<'t>(table: &'t Table, model: &str, depth: u8) -> Result<Routed<'t>, Error> {
    if depth == 0 {
        return Err(Error::new(Kind::ModelNotFound, "this model name is an alias that leads back to itself"));
    }
    if model.is_empty() {
        return Err(Error::new(Kind::ModelRequired, "`model` is empty: name one as provider/model"));
    }
    if let Some(meant) = table.aliases.get(model) {
        return step(table, meant, depth - 1);
    }
    if let Some((name, route)) = table.routes.get_key_value(model) {
        return through(table, name, route, depth);
    }
    if model == "default" {
        let Some(meant) = &table.default_model else {
            return Err(Error::new(
                Kind::ModelNotFound,
                "`default` was asked for, but DEFAULT_MODEL is not set",
            ));
        };
        if meant == "default" {
            return Err(Error::new(
                Kind::ModelNotFound,
                "DEFAULT_MODEL is `default`, which stands for itself",
            ));
        }
        return step(table, meant, depth - 1);
    }
    one(table, model).map(|target| Routed { targets: vec![target], weights: Vec::new(), route: None })
}

fn through<'t>(table: &'t Table, name: &'t str, route: &'t Route, depth: u8) -> Result<Routed<'t>, Error> {
    let (mut targets, mut weights) = (Vec::with_capacity(route.targets.len()), Vec::new());
    for (at, target) in route.targets.iter().enumerate() {
        let meant = step(table, target, depth - 1)?.targets;
        let weight = route.weights.get(at).copied().unwrap_or(1);
        weights.extend(meant.iter().map(|_| weight));
        targets.extend(meant);
    }
    Ok(Routed { targets, weights, route: Some((name, route)) })
}

fn one(table: &Table, model: &str) -> Result<Target, Error> {
    if let Some((provider, rest)) = model.split_once('/')
        && let Some(&entry) = table.names.get(provider)
    {
        if rest.is_empty() {
            let message = format!("`{}` names a provider but no model", printable(model));
            return Err(Error::new(Kind::ModelRequired, message));
        }
        return Ok(Target { entry, model: rest.to_owned() });
    }
    bare(table, model)
}

/// A name without a known provider before it: a configured list that holds it, else the catalogue's prefixes.
fn bare(table: &Table, model: &str) -> Result<Target, Error> {
    let target = |entry| Target { entry, model: model.to_owned() };
    let lists: Vec<usize> = places(table, |entry| entry.models.iter().any(|m| m == model)).collect();
    match lists[..] {
        [entry] => return Ok(target(entry)),
        [] => {}
        _ => return Err(choose(table, Kind::ModelAmbiguous, model, &lists)),
    }
    let by_prefix = places(table, |entry| {
        entry.available() && entry.provider.model_prefixes.iter().any(|prefix| prefix_fits(prefix, model))
    });
    if let Some(entry) = { by_prefix }.next() {
        return Ok(target(entry));
    }
    let available: Vec<usize> = places(table, |entry| entry.available() || entry.provider.local).collect();
    Err(choose(table, Kind::ModelNotFound, model, &available))
}

fn places<'a>(table: &'a Table, is: impl Fn(&Entry) -> bool + 'a) -> impl Iterator<Item = usize> + 'a {
    table.entries.iter().enumerate().filter(move |(_, entry)| is(entry)).map(|(place, _)| place)
}

fn choose(table: &Table, kind: Kind, model: &str, entries: &[usize]) -> Error {
    let names: Vec<&str> =
        entries.iter().filter_map(|&at| table.entries.get(at)).map(|e| &*e.provider.id).collect();
    let model = printable(model);
    Error::new(
        kind,
        format!(
            "which provider has `{model}`? Ask for it as provider/{model}, with one of: {}",
            names.join(", ")
        ),
    )
}

/// A caller's text in a message: bounded, without control characters.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).take(100).collect()
}
