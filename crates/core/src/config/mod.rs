//! What the user wrote -> the immutable `Table`. The file comes in as text and the environment as pairs: nothing is
//! read from the outside here.
//!
//! `sections` holds the definitions of the file's members; type, reader, schema and reference all come from them.

mod custom;
mod egress;
mod keys;
mod listener;
mod platform;
mod problem;
mod providers;
mod read;
mod reference;
mod routing;
mod section;
mod sections;
mod settings;
mod shape;
mod source;
mod upper;
mod url;

#[cfg(test)]
mod tests;

pub use listener::own_listener_problems;
pub use platform::Platform;
pub use problem::{ENVIRONMENT, Problem};
pub use reference::{reference, schema};
pub use settings::{AccessLog, HostSettings, LogFormat, State, TlsFiles, parse_listen};

use crate::provider::Provider;
use crate::table::{Limits, Table};
use crate::time::Millis;
use problem::{At, Findings};
use read::{Cx, Env, Section};
use sections::Root;
use source::Source;
use upper::{Name, Uppers};

/// Everything that a configuration is made from.
pub struct Input<'a> {
    /// The file: its name for messages, and its text.
    pub file: Option<(&'a str, &'a str)>,
    /// The environment.
    pub env: &'a [(String, String)],
    /// Names of variables whose values are no text. Such a value is never taken for an unset one.
    pub unreadable: &'a [String],
    /// `--open`: serve everybody.
    pub open: bool,
    /// Where the gateway runs.
    pub platform: Platform,
    /// The built-in providers.
    pub builtins: &'a [Provider],
}

/// A configuration without problems.
pub struct Compiled {
    /// What the core works from.
    pub table: Table,
    /// What only the host needs.
    pub host: HostSettings,
    /// What hardly means what was meant.
    pub warnings: Vec<Problem>,
    /// The rules for the way out are the user's own, not the ones that hold without any.
    pub own_egress: bool,
    /// Places of the base URLs that the user wrote, by their entry, for `own_listener_problems`.
    bases: Vec<(usize, At)>,
    gateway_at: At,
}

/// Reads and checks everything, and reports every problem at once, in the order of the file and then by variable.
pub fn compile(input: &Input<'_>) -> Result<Compiled, Vec<Problem>> {
    let mut out = Findings::default();
    let names = upper::names(input.builtins);
    let env = Env { values: input.env, unreadable: input.unreadable };
    let mut uppers = Uppers::default();
    uppers.read_env(&names, env, &mut out);
    let root = match input.file {
        None => Some(Root::default()),
        Some(file) => read_file(file, input.platform, &names, env, &mut uppers, &mut out),
    };
    // A file that is no JSON object would make everything that refers to its content wrong as well.
    let compiled = root.and_then(|root| build(root, uppers, input, &mut out));
    let Findings { mut problems, mut warnings } = out;
    sort(&mut problems);
    sort(&mut warnings);
    match compiled {
        Some(compiled) if problems.is_empty() => Ok(Compiled { warnings, ..compiled }),
        _ => Err(problems),
    }
}

fn sort(list: &mut [Problem]) {
    list.sort_by_key(|problem| (problem.line == 0, problem.line, problem.column));
}

/// The file's lower-case members; the upper-case ones go into `uppers`. `None`: it is not an object.
fn read_file(
    (name, text): (&str, &str),
    platform: Platform,
    names: &[Name],
    env: Env<'_>,
    uppers: &mut Uppers,
    out: &mut Findings,
) -> Option<Root> {
    let source = Source::file(name, text);
    let at = source.whole();
    let value = source.parse(&at).map_err(|problem| out.problems.push(problem)).ok()?;
    // An empty file, or one with comments only, says nothing.
    let Some(value) = value else { return Some(Root::default()) };
    let mut cx = Cx { source: &source, env, out, references_only: platform == Platform::Worker };
    let object = read::expect_object(&value, &at, &mut cx)?;
    let mut root = Root::default();
    for (member, place) in read::members(object, &at, &mut cx) {
        let key = member.name.as_str();
        if root.take(member, &place, &mut cx) {
            continue;
        }
        if let Some(name) = names.iter().find(|name| name.name == key) {
            uppers.read_member(name, &member.value, &place, &mut cx);
            continue;
        }
        let known = Root::KEYS.iter().copied().chain(names.iter().map(|name| name.name.as_str()));
        let hint = problem::did_you_mean(key, known);
        let place = read::named(member, &at, &cx);
        cx.out.problem(&place, read::unknown(member), hint);
    }
    Some(root)
}

/// The table out of everything that was read. `None` only after a problem.
fn build(mut root: Root, mut uppers: Uppers, input: &Input<'_>, out: &mut Findings) -> Option<Compiled> {
    let account = settings::account(&uppers, out);
    let endpoints = uppers.take_endpoints();
    let sections = root.providers.take();
    let providers = providers::build(input.builtins, sections, endpoints, &uppers, account.as_deref(), out);
    let names = routing::names(root.aliases.take(), root.routes.take(), &providers, out);
    let default_model = routing::default_model(&uppers, &names, &providers, out);
    let own_egress = root.egress.is_some();
    let egress = egress::rules(root.egress.take(), &providers, out);
    let access = settings::access(&uppers, input.open, out);
    input.platform.check_access(&access, uppers.on("DEV"), out);
    input.platform.check_egress(&egress, out);
    let cors = settings::cors(root.cors.take(), out);
    let place = settings::place(&uppers, &mut root, out);
    let limits = root.limits.as_ref().and_then(|found| found.value.json_body_bytes.as_ref());
    let limits =
        Limits { json_body: input.platform.json_body(limits.map(|found| settings::size(found.value.0))) };
    let gateway = settings::gateway(&uppers, root.ai_gateway.take(), account, out);
    let host = settings::host(&mut root);
    let (gateway, gateway_at) = gateway?;
    let table = Table {
        entries: providers.entries,
        names: providers.names,
        access,
        admin: uppers.token("ADMIN_API_KEY").cloned(),
        aliases: names.aliases,
        routes: names.routes,
        default_model,
        round_robin: uppers.on("ENABLE_GLOBAL_ROUND_ROBIN"),
        gateway,
        cors,
        egress,
        place,
        limits,
        hold: Millis(root.hold_ms.as_ref().map_or(1_500, |found| found.value.0)),
        keepalive: settings::keepalive(&root),
        breaker: settings::breaker(root.breaker.take()),
        strict: root.strict.as_ref().is_some_and(|found| found.value),
        fetch_images: root.fetch_images.as_ref().is_some_and(|found| found.value),
        dev: uppers.on("DEV"),
    };
    Some(Compiled { table, host, warnings: Vec::new(), own_egress, bases: providers.bases, gateway_at })
}
