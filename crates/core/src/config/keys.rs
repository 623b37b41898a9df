//! Credentials as they are written: one key, several separated by commas, a JSON array, or `env:NAME`.
//! Each becomes a `Secret` here; no problem quotes one.

use super::platform::check_reference;
use super::problem::{At, Findings, shown};
use super::read::{Cx, Env, Read, wrong};
use super::shape::Shape;
use crate::secret::Secret;
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
}

/// The keys in the value of an environment variable.
pub(super) fn from_env(text: &str, holder: Holder, at: &At, out: &mut Findings) -> Option<Vec<Secret>> {
    let mut pieces = Vec::new();
    let readable = split(text, at, out, &mut pieces);
    // Both run, so that one start names every problem.
    let keys = settle(pieces, holder, out);
    readable.and(keys)
}

/// The keys in a member of the file: a string or an array of strings.
pub(super) fn from_file(value: &Value<'_>, holder: Holder, at: &At, cx: &mut Cx<'_>) -> Option<Vec<Secret>> {
    let mut pieces = Vec::new();
    let readable = match value {
        Value::StringLit(text) => split(&text.value, at, cx.out, &mut pieces),
        Value::Array(array) => {
            let mut readable = Some(());
            for (index, item) in array.elements.iter().enumerate() {
                let at = at.item(index, cx.source.of(item.range()));
                if let Value::StringLit(text) = item {
                    pieces.push(Piece { text: text.value.as_ref().into(), at });
                } else {
                    readable = wrong(item, "a string", &at, cx);
                }
            }
            readable
        }
        Value::NumberLit(_) | Value::BooleanLit(_) | Value::Object(_) | Value::NullKeyword(_) => {
            wrong(value, "a string or an array of strings", at, cx)
        }
    };
    let (pieces, resolved) = resolve(pieces, cx.env, cx.out);
    let keys = settle(pieces, holder, cx.out);
    readable.and(resolved).and(keys)
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
    let mut push = |text: &str| pieces.push(Piece { text: text.into(), at: at.clone() });
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
            let done = text.and_then(|text| split(text, &piece.at, out, &mut list));
            resolved = resolved.and(done);
        } else {
            list.push(piece);
        }
    }
    (list, resolved)
}

/// The value of the variable that `env:NAME` names; it must be there.
fn variable<'e>(name: &str, at: &At, env: Env<'e>, out: &mut Findings) -> Option<&'e str> {
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
fn settle(pieces: Vec<Piece>, holder: Holder, out: &mut Findings) -> Option<Vec<Secret>> {
    let mut seen = HashSet::new();
    let mut keys = Vec::with_capacity(pieces.len());
    let mut all_usable = true;
    for Piece { text, at } in pieces {
        let text = text.trim();
        if text.is_empty() {
            out.warn(&at, "an empty key was left out", "");
        } else if !usable(text, holder, &at, out) {
            all_usable = false;
        } else if !seen.insert(text.to_owned()) {
            out.warn(&at, "a key that is given twice was left out", "");
        } else {
            keys.push(Secret::new(text));
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
