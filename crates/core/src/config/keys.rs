//! Credentials as they are written: one key, several separated by commas, a JSON array, or `env:NAME`.
//! Each becomes a `Secret` here; no problem quotes one.

use super::platform::check_reference;
use super::problem::{At, Findings, Located, shown};
use super::read::{Cx, Env, Read, wrong};
use super::sections::KeySection;
use super::shape::Shape;
use crate::secret::Secret;
use crate::table::Terms;
use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;
use serde_json::Value as Json;
use std::collections::HashSet;

/// What the file writes before the name of a variable.
pub(super) const REFERENCE: &str = "env:";

/// Keys of one pool, in order, without duplicates; may be empty.
pub(super) struct Keys(pub(super) Vec<Secret>);

impl Read for Keys {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        if cx.references_only {
            check_reference(value, at, cx.out);
        }
        from_file(value, Holder::Upstream, at, cx).map(Self)
    }
    fn shape() -> Shape {
        Shape::Either(vec![Shape::Text(None), Shape::List(Box::new(Shape::Text(None)))])
    }
}

/// Keys that may have terms of their own: in the array a key may be an object.
#[derive(Default)]
pub(super) struct TermedKeys {
    pub(super) keys: Vec<Secret>,
    /// In the order of the keys.
    pub(super) terms: Vec<Option<Terms>>,
}

impl Read for TermedKeys {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        if cx.references_only {
            check_reference(value, at, cx.out);
        }
        let (pieces, readable) = pieces(value, at, cx, true);
        let (pieces, resolved) = resolve(pieces, cx.env, cx.out);
        let settled = settle(pieces, Holder::Upstream, cx.out);
        readable.and(resolved)?;
        let (keys, terms) = settled?.into_iter().unzip();
        let read = Self { keys, terms };
        read.labels_differ(at, cx.out).then_some(read)
    }
    fn shape() -> Shape {
        let one = Shape::Either(vec![Shape::Text(None), KeySection::shape()]);
        Shape::Either(vec![Shape::Text(None), Shape::List(Box::new(one))])
    }
}

impl TermedKeys {
    fn labels_differ(&self, at: &At, out: &mut Findings) -> bool {
        let mut seen = HashSet::new();
        let labels = self.terms.iter().flatten().filter_map(|terms| terms.label.as_deref());
        let twice = { labels }.find(|label| !seen.insert(*label));
        if let Some(label) = twice {
            out.problem(at, format!("two keys have the label `{}`", shown(label)), "a label names one key");
        }
        twice.is_none()
    }
}

/// The terms of a key that is written as an object; `None` after a problem.
fn terms(section: &mut KeySection, out: &mut Findings) -> Option<Terms> {
    let texts = |list: Option<Located<Vec<Located<String>>>>| -> Vec<String> {
        list.into_iter().flat_map(|found| found.value).map(|item| item.value).collect()
    };
    let label = match section.label.take() {
        Some(Located { value, at }) if !is_label(&value) => {
            out.problem(&at, "may hold letters, digits and `. _ -` only, 64 at most", "for example `team-a`");
            return None;
        }
        found => found.map(|found| found.value),
    };
    let number = |found: Option<u64>| found.and_then(|number| u32::try_from(number).ok());
    Some(Terms {
        label,
        weight: section.weight.take().and_then(|found| u16::try_from(found.value.0).ok()).unwrap_or(1),
        models: texts(section.models.take()),
        deny_models: texts(section.deny_models.take()),
        max_concurrent: number(section.max_concurrent.take().map(|found| found.value.0)),
    })
}

fn is_label(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Who checks a credential, which decides what characters it may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// A provider: it goes out in a header.
    Upstream,
    /// We do.
    Caller,
}

/// A text before it is known to be a usable key.
struct Piece {
    text: String,
    at: At,
    terms: Option<Terms>,
}

impl Piece {
    fn new(text: &str, at: &At) -> Self {
        Self { text: text.into(), at: at.clone(), terms: None }
    }
}

/// The keys in the value of an environment variable.
pub(super) fn from_env(text: &str, holder: Holder, at: &At, out: &mut Findings) -> Option<Vec<Secret>> {
    let mut pieces = Vec::new();
    let readable = split(text, at, out, &mut pieces);
    // Both run, so that one start names every problem.
    let keys = settle(pieces, holder, out);
    readable.and(keys).map(bare)
}

/// The keys in a member of the file: a string or an array of strings.
pub(super) fn from_file(value: &Value<'_>, holder: Holder, at: &At, cx: &mut Cx<'_>) -> Option<Vec<Secret>> {
    let (pieces, readable) = pieces(value, at, cx, false);
    let (pieces, resolved) = resolve(pieces, cx.env, cx.out);
    let keys = settle(pieces, holder, cx.out);
    readable.and(resolved).and(keys).map(bare)
}

fn bare(keys: Vec<(Secret, Option<Terms>)>) -> Vec<Secret> {
    keys.into_iter().map(|(key, _)| key).collect()
}

/// What stands in a member of the file; `None` beside it after a problem. `termed`: a key may be an object.
fn pieces(value: &Value<'_>, at: &At, cx: &mut Cx<'_>, termed: bool) -> (Vec<Piece>, Option<()>) {
    let mut pieces = Vec::new();
    let readable = match value {
        Value::StringLit(text) => split(&text.value, at, cx.out, &mut pieces),
        Value::Array(array) => {
            let mut readable = Some(());
            for (index, item) in array.elements.iter().enumerate() {
                let at = at.item(index, cx.source.of(item.range()));
                let read = match item {
                    Value::StringLit(text) => Some(Piece::new(&text.value, &at)),
                    Value::Object(_) if termed => with_terms(item, &at, cx),
                    _ => wrong(item, if termed { "a string or an object" } else { "a string" }, &at, cx),
                };
                readable = readable.and(read.is_some().then_some(()));
                pieces.extend(read);
            }
            readable
        }
        Value::NumberLit(_) | Value::BooleanLit(_) | Value::Object(_) | Value::NullKeyword(_) => {
            wrong(value, "a string or an array of strings", at, cx)
        }
    };
    (pieces, readable)
}

fn with_terms(item: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Piece> {
    if let Value::Object(object) = item
        && let Some(key) = object.get("key").filter(|_| cx.references_only)
    {
        check_reference(&key.value, at, cx.out);
    }
    let mut section = KeySection::read(item, at, cx)?;
    let terms = terms(&mut section, cx.out)?;
    let Located { value, at } = section.key?;
    Some(Piece { terms: Some(terms), ..Piece::new(&value, &at) })
}

/// A single credential of the file, which is never split. `Some(None)`: empty, hence unset.
pub(super) fn one_from_file(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Option<Secret>> {
    let Value::StringLit(text) = value else { return wrong(value, "a string", at, cx) };
    let text = text.value.trim();
    let text = match text.strip_prefix(REFERENCE) {
        Some(name) => variable(name, at, cx.env, cx.out)?,
        None => text,
    };
    one(text, at, cx.out)
}

/// A single credential as it stands.
pub(super) fn one(text: &str, at: &At, out: &mut Findings) -> Option<Option<Secret>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    usable(text, Holder::Upstream, at, out).then(|| Some(Secret::new(text)))
}

/// Cuts a text into keys; `None` after a problem.
fn split(text: &str, at: &At, out: &mut Findings, pieces: &mut Vec<Piece>) -> Option<()> {
    let text = text.trim();
    let mut push = |text: &str| pieces.push(Piece::new(text, at));
    if text.starts_with('[') {
        match serde_json::from_str::<Vec<Json>>(text) {
            Ok(items) => {
                let strings: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
                if let Some(strings) = strings {
                    strings.into_iter().for_each(push);
                    return Some(());
                }
                out.problem(
                    at,
                    "a JSON array of keys may hold strings only",
                    "put each key in double quotes",
                );
                return None;
            }
            Err(_) => out.warn(at, "begins like a JSON array but is not one: read as plain text", ""),
        }
    } else if text.starts_with('"')
        && let Ok(string) = serde_json::from_str::<String>(text)
    {
        push(&string);
        return Some(());
    }
    text.split(',').for_each(push);
    Some(())
}

/// Puts the values of variables in the place of `env:NAME`; `None` beside them after a problem.
fn resolve(pieces: Vec<Piece>, env: Env<'_>, out: &mut Findings) -> (Vec<Piece>, Option<()>) {
    let mut list = Vec::with_capacity(pieces.len());
    let mut resolved = Some(());
    for piece in pieces {
        if let Some(name) = piece.text.trim().strip_prefix(REFERENCE) {
            let text = variable(name, &piece.at, env, out);
            let from = list.len();
            let done = text.and_then(|text| split(text, &piece.at, out, &mut list));
            // The terms are those of every key that the variable holds.
            list.iter_mut().skip(from).for_each(|one| one.terms.clone_from(&piece.terms));
            resolved = resolved.and(done);
        } else {
            list.push(piece);
        }
    }
    (list, resolved)
}

/// The value of the variable that `env:NAME` names; it must be there.
pub(super) fn variable<'e>(name: &str, at: &At, env: Env<'e>, out: &mut Findings) -> Option<&'e str> {
    let name = name.trim();
    let valid = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    if !valid {
        out.problem(at, "`env:` needs the name of an environment variable", "write `env:NAME`");
        return None;
    }
    if env.refuse_unreadable(name, at, out) {
        return None;
    }
    let value = env.value(name).map(str::trim).filter(|value| !value.is_empty());
    if value.is_none() {
        let name = shown(name);
        out.problem(
            at,
            format!("the environment variable `{name}` is not set, or empty"),
            format!("set `{name}`"),
        );
    }
    value
}

/// Drops empties and duplicates with a warning, refuses what cannot be a key.
fn settle(pieces: Vec<Piece>, holder: Holder, out: &mut Findings) -> Option<Vec<(Secret, Option<Terms>)>> {
    let mut seen = HashSet::new();
    let mut keys = Vec::with_capacity(pieces.len());
    let mut all_usable = true;
    for Piece { text, at, terms } in pieces {
        let text = text.trim();
        if text.is_empty() {
            out.warn(&at, "an empty key was left out", "");
        } else if !usable(text, holder, &at, out) {
            all_usable = false;
        } else if !seen.insert(text.to_owned()) {
            out.warn(&at, "a key that is given twice was left out", "");
        } else {
            keys.push((Secret::new(text), terms));
        }
    }
    all_usable.then_some(keys)
}

fn usable(text: &str, holder: Holder, at: &At, out: &mut Findings) -> bool {
    let bad = match holder {
        Holder::Caller => text.chars().any(char::is_control),
        // A header value with anything else is refused by the HTTP library, at every single request.
        Holder::Upstream => text.bytes().any(|b| !(b.is_ascii_graphic() || b == b' ')),
    };
    if bad {
        let hint = "was it copied with a line break or a typographic character?";
        out.problem(at, "holds a character that cannot be part of a key", hint);
    }
    !bad
}
