//! The upper-case members: names that the environment and the file share. The environment wins, name by name.

use super::keys::{self, Holder, Keys};
use super::problem::{At, Findings, Located};
use super::read::{Cx, Env, Read, located, wrong};
use super::sections::EndpointSection;
use super::shape::{Member, Shape};
use super::source::Source;
use crate::provider::Provider;
use crate::secret::Secret;
use jsonc_parser::ast::Value;
use serde_json::json;
use std::collections::HashMap;

/// What kind of value a name has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Keys of callers: never empty, never null.
    Callers,
    /// Keys of a provider.
    Keys,
    /// One credential.
    Token,
    /// Plain text.
    Text,
    /// On for exactly `true`.
    Flag,
    /// `CUSTOM_OPENAI_ENDPOINTS`.
    Endpoints,
}

/// A name that the environment and the file share.
pub(super) struct Name {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) doc: String,
}

/// A value of any kind.
enum Upper {
    Keys(Vec<Secret>),
    Token(Secret),
    Text(String),
    Flag(bool),
    Endpoints(Vec<Located<EndpointSection>>),
}

/// Names that belong to no provider.
const GENERAL: &[(&str, Kind, &str)] = &[
    ("PROXY_API_KEY", Kind::Callers, "Keys that callers present. Must not be empty."),
    ("ALLOWED_PROXY_KEYS", Kind::Callers, "More keys that callers present. Must not be empty."),
    (
        "ADMIN_API_KEY",
        Kind::Token,
        "Key of the administration endpoints, `/admin/…`. Without it there are none.",
    ),
    ("DEV", Kind::Flag, "No caller key is needed; local callers only."),
    ("OPEN", Kind::Flag, "Serve everybody without a caller key."),
    ("RELAY", Kind::Flag, "Every provider without a key takes the client's own credential on pass-through."),
    ("DEFAULT_MODEL", Kind::Text, "What the model `default` stands for."),
    (
        "ENABLE_GLOBAL_ROUND_ROBIN",
        Kind::Flag,
        "Strict rotation of keys over all requests, instead of random choice.",
    ),
    ("CLOUDFLARE_ACCOUNT_ID", Kind::Text, "Cloudflare account, for Workers AI and the AI Gateway."),
    ("AI_GATEWAY_NAME", Kind::Text, "Cloudflare AI Gateway that every request goes through."),
    ("AI_GATEWAY_ORIGIN", Kind::Text, "URL of the AI Gateway up to the account."),
    ("CF_AIG_TOKEN", Kind::Token, "Token of an authenticated AI Gateway."),
    (
        "CUSTOM_OPENAI_ENDPOINTS",
        Kind::Endpoints,
        "OpenAI-compatible endpoints: an array, or JSON text of one.",
    ),
    ("WHARF_LOC", Kind::Text, "Country this server runs in, two letters."),
    ("WHARF_COLO", Kind::Text, "Data centre this server runs in, three letters."),
];

/// Every name: the general ones, then the providers' in catalogue order.
pub(super) fn names(builtins: &[Provider]) -> Vec<Name> {
    let mut list: Vec<Name> = Vec::new();
    let mut push = |name: String, kind: Kind, doc: String| {
        if list.iter().all(|known: &Name| known.name != name) {
            list.push(Name { name, kind, doc });
        }
    };
    for (name, kind, doc) in GENERAL {
        push((*name).into(), *kind, (*doc).into());
    }
    for provider in builtins {
        let (id, title) = (&provider.id, provider.title);
        for (index, name) in provider.key_env.iter().enumerate() {
            let doc = match provider.key_env.first() {
                Some(first) if index > 0 => format!("Another name of `{first}`."),
                _ => format!("Keys of {title} (`{id}`)."),
            };
            push((*name).into(), Kind::Keys, doc);
        }
        for stem in provider.env_stems {
            push(format!("{stem}_BASE_URL"), Kind::Text, format!("Base URL of {title} (`{id}`)."));
            push(format!("{stem}_RELAY"), Kind::Flag, format!("Relay for {title} (`{id}`)."));
        }
    }
    list
}

impl Name {
    /// For the schema and the reference.
    pub(super) fn member(&self) -> Member {
        let flag = || vec![Shape::Flag, Shape::Choice(vec![json!("true"), json!("false")]), Shape::Null];
        let shape = match self.kind {
            Kind::Callers => Shape::Either(vec![Shape::FILLED, Shape::List(Box::new(Shape::FILLED))]),
            Kind::Keys => Shape::Either(vec![Keys::shape(), Shape::Null]),
            Kind::Token | Kind::Text => Shape::Either(vec![Shape::Text(None), Shape::Null]),
            Kind::Flag => Shape::Either(flag()),
            Kind::Endpoints => {
                let list = Vec::<Located<EndpointSection>>::shape();
                Shape::Either(vec![list, Shape::Text(None), Shape::Null])
            }
        };
        Member { key: self.name.clone(), doc: self.doc.clone(), required: false, shape }
    }
}

/// The values that were given, apart by where.
#[derive(Default)]
pub(super) struct Uppers {
    env: HashMap<String, Located<Upper>>,
    file: HashMap<String, Located<Upper>>,
}

/// A value, and whether it came from the environment.
pub(super) struct Found<'u, T: ?Sized> {
    pub(super) value: &'u T,
    pub(super) at: &'u At,
    pub(super) from_env: bool,
}

impl Uppers {
    /// Reads every known name from the environment.
    pub(super) fn read_env(&mut self, names: &[Name], env: Env<'_>, out: &mut Findings) {
        for name in names {
            let at = At::environment(&name.name);
            env.refuse_unreadable(&name.name, &at, out);
            let Some(text) = env.value(&name.name) else { continue };
            if let Some(value) = from_env(name, text, &at, env, out) {
                self.env.insert(name.name.clone(), Located { value, at });
            }
        }
    }

    /// Reads one member of the file.
    pub(super) fn read_member(&mut self, name: &Name, value: &Value<'_>, at: &At, cx: &mut Cx<'_>) {
        if let Some(value) = from_file(name, value, at, cx) {
            self.file.insert(name.name.clone(), Located { value, at: at.clone() });
        }
    }

    /// The first of `names` that was given, in the environment or else in the file. Further ones are warned of.
    fn find(&self, names: &[&str], out: &mut Findings) -> Option<(&Located<Upper>, bool)> {
        let mut given = names
            .iter()
            .filter_map(|name| self.env.get(*name).map(|value| (value, true)))
            .chain(names.iter().filter_map(|name| self.file.get(*name).map(|value| (value, false))));
        let first = given.next()?;
        for (other, from_env) in given {
            // The same name in both places is the usual way to override a file.
            if other.at.field != first.0.at.field && from_env == first.1 {
                let message = format!("is ignored, since `{}` is given as well", first.0.at.field);
                out.warn(&other.at, message, "they are names for the same thing");
            }
        }
        Some(first)
    }

    /// Keys under the first of `names` that was given.
    pub(super) fn keys(&self, names: &[&str], out: &mut Findings) -> Option<Found<'_, [Secret]>> {
        let (found, from_env) = self.find(names, out)?;
        let Upper::Keys(value) = &found.value else { return None };
        Some(Found { value, at: &found.at, from_env })
    }

    /// A text under the first of `names` that was given.
    pub(super) fn text(&self, names: &[&str], out: &mut Findings) -> Option<Found<'_, str>> {
        let (found, from_env) = self.find(names, out)?;
        let Upper::Text(value) = &found.value else { return None };
        Some(Found { value, at: &found.at, from_env })
    }

    /// A flag under the first of `names` that was given.
    pub(super) fn flag(&self, names: &[&str], out: &mut Findings) -> Option<Found<'_, bool>> {
        let (found, from_env) = self.find(names, out)?;
        let Upper::Flag(value) = &found.value else { return None };
        Some(Found { value, at: &found.at, from_env })
    }

    /// True when the flag `name` is on.
    pub(super) fn on(&self, name: &str) -> bool {
        self.flag(&[name], &mut Findings::default()).is_some_and(|flag| *flag.value)
    }

    /// A credential.
    pub(super) fn token(&self, name: &str) -> Option<&Secret> {
        match &self.find(&[name], &mut Findings::default())?.0.value {
            Upper::Token(value) => Some(value),
            Upper::Keys(_) | Upper::Text(_) | Upper::Flag(_) | Upper::Endpoints(_) => None,
        }
    }

    /// Takes the custom endpoints out.
    pub(super) fn take_endpoints(&mut self) -> Vec<Located<EndpointSection>> {
        const NAME: &str = "CUSTOM_OPENAI_ENDPOINTS";
        let (env, file) = (self.env.remove(NAME), self.file.remove(NAME));
        match env.or(file).map(|found| found.value) {
            Some(Upper::Endpoints(list)) => list,
            _ => Vec::new(),
        }
    }
}

/// A value of the environment: always text. `None`: unset, or a problem.
fn from_env(name: &Name, exact: &str, at: &At, env: Env<'_>, out: &mut Findings) -> Option<Upper> {
    let text = exact.trim();
    if text.is_empty() && name.kind != Kind::Callers {
        return None;
    }
    match name.kind {
        Kind::Callers => callers(keys::from_env(text, Holder::Caller, at, out)?, at, out),
        Kind::Keys => keys::from_env(text, Holder::Upstream, at, out).map(Upper::Keys),
        Kind::Token => keys::one(text, at, out)?.map(Upper::Token),
        Kind::Text => Some(Upper::Text(text.into())),
        Kind::Flag => {
            if !matches!(exact, "true" | "false") {
                out.warn(at, "is off: only the exact value `true` turns it on", "write `true` or `false`");
            }
            Some(Upper::Flag(exact == "true"))
        }
        Kind::Endpoints => endpoints(text, at, env, out),
    }
}

/// A value of the file. `None`: null, or a problem.
fn from_file(name: &Name, value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Upper> {
    if let (Value::NullKeyword(_), false) = (value, name.kind == Kind::Callers) {
        return None;
    }
    match name.kind {
        Kind::Callers => callers(keys::from_file(value, Holder::Caller, at, cx)?, at, cx.out),
        Kind::Keys => keys::from_file(value, Holder::Upstream, at, cx).map(Upper::Keys),
        Kind::Token => keys::one_from_file(value, at, cx)?.map(Upper::Token),
        Kind::Text => {
            let Value::StringLit(text) = value else { return wrong(value, "a string", at, cx) };
            let text = text.value.trim();
            (!text.is_empty()).then(|| Upper::Text(text.into()))
        }
        Kind::Flag => match value {
            Value::BooleanLit(flag) => Some(Upper::Flag(flag.value)),
            Value::StringLit(text) if text.value == "true" => Some(Upper::Flag(true)),
            Value::StringLit(text) if text.value == "false" => Some(Upper::Flag(false)),
            _ => {
                cx.out.problem(at, "must be true or false", "");
                None
            }
        },
        Kind::Endpoints => match value {
            Value::StringLit(text) if text.value.trim().is_empty() => None,
            Value::StringLit(text) => endpoints(&text.value, at, cx.env, cx.out),
            _ => Vec::read(value, at, cx).map(Upper::Endpoints),
        },
    }
}

/// Caller keys are never an empty list: that would read as "no key needed".
fn callers(list: Vec<Secret>, at: &At, out: &mut Findings) -> Option<Upper> {
    if list.is_empty() {
        let hint = "give a key, or leave the name out: an empty value never means that no key is needed";
        out.problem(at, "holds no key", hint);
        return None;
    }
    Some(Upper::Keys(list))
}

/// Custom endpoints as JSON text.
fn endpoints(text: &str, at: &At, env: Env<'_>, out: &mut Findings) -> Option<Upper> {
    let source = Source::inside(at, text);
    let value = source.parse(at).map_err(|problem| out.problems.push(problem)).ok()??;
    if matches!(value, Value::NullKeyword(_)) {
        return None;
    }
    let mut cx = Cx { source: &source, env, out, references_only: false };
    located::<Vec<Located<EndpointSection>>>(&value, at, &mut cx).map(|list| Upper::Endpoints(list.value))
}
