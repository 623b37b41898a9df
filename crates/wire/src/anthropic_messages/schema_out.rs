//! A JSON schema as Anthropic holds answers and strict tools to it: a subset. What only narrows a value is said in its
//! description; what can't be said at all (recursion, free-form objects) makes the schema as a whole unfit.
//! <https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations>

use crate::json::{Json, Writer, parse};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The schema in the subset; `None` where it can't be.
pub(super) fn fit(schema: &str) -> Option<String> {
    let json = parse(schema.as_bytes()).ok()?;
    if !ends(&json) {
        return None;
    }
    let mut out = Writer::with_capacity(schema.len() + 64);
    write(&json, &mut out)?;
    Some(out.into_string())
}

const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

fn write(json: &Json<'_>, out: &mut Writer) -> Option<()> {
    let Json::Object(_) = json else { return None };
    let free = matches!(json.get("type"), Some(kind) if is(kind, "object"))
        && json.get("properties").is_none_or(|properties| properties.members().is_empty())
        && json.get("additionalProperties").and_then(Json::bool) != Some(false);
    if free {
        return None;
    }
    out.begin();
    let mut hints = Writer::default();
    hints.begin();
    for (name, value) in json.members().iter().filter(|(_, value)| *value != Json::Null) {
        member(name, value, out, &mut hints)?;
    }
    let hints = hints.end().clone().into_string();
    let description = json.get("description").and_then(Json::text).unwrap_or_default();
    match (description, hints.as_str()) {
        ("", "{}") => {}
        (text, "{}") => {
            out.member("description", text);
        }
        ("", hints) => {
            out.member("description", hints);
        }
        (text, hints) => {
            out.name("description").strings(&[text, "\n\n", hints]);
        }
    }
    if json.get("properties").is_some() || json.get("type").is_some_and(|kind| is(kind, "object")) {
        out.name("additionalProperties").bool(false);
    }
    out.end();
    Some(())
}

/// The type is this, or this and null.
fn is(kind: &Json<'_>, name: &str) -> bool {
    kind.text() == Some(name) || kind.items().iter().any(|kind| kind.text() == Some(name))
}

fn member(name: &str, value: &Json<'_>, out: &mut Writer, hints: &mut Writer) -> Option<()> {
    match name {
        "type" | "title" | "const" | "default" | "$ref" | "required" | "pattern" => {
            out.name(name).json(value);
        }
        "enum" => {
            if value.items().iter().any(|item| matches!(item, Json::Object(_) | Json::Array(_))) {
                return None;
            }
            out.name(name).json(value);
        }
        "properties" | "$defs" | "definitions" => {
            out.name(name).begin();
            for (name, schema) in value.members() {
                out.name(name);
                write(schema, out)?;
            }
            out.end();
        }
        "items" => {
            out.name(name);
            write(value, out)?;
        }
        "anyOf" | "allOf" | "oneOf" => {
            // One of several is said as any of them.
            out.name(if name == "allOf" { name } else { "anyOf" }).list();
            for schema in value.items() {
                write(schema, out)?;
            }
            out.end_list();
        }
        // A value for names that are not known beforehand is beyond the subset.
        "additionalProperties" => {
            value.bool()?;
        }
        "format" if value.text().is_some_and(|format| FORMATS.contains(&format)) => {
            out.name(name).json(value);
        }
        "minItems" if matches!(value.number(), Some(0 | 1)) => {
            out.name(name).json(value);
        }
        "not" | "if" | "then" | "else" | "patternProperties" | "prefixItems" | "$dynamicRef" => return None,
        // Written at the end, or about the schema and not the value.
        "description" | "$schema" | "$id" | "$comment" | "examples" | "deprecated" | "readOnly"
        | "writeOnly" => {}
        // `minimum`, `maxLength` and the like.
        _ => {
            hints.name(name).json(value);
        }
    }
    Some(())
}

/// Every `$ref` names a definition of the schema's own, and none leads back to itself.
fn ends(json: &Json<'_>) -> bool {
    let mut nodes: BTreeMap<Cow<'_, str>, Vec<&str>> = BTreeMap::new();
    let mut roots = Vec::new();
    refs(json, &mut roots);
    for place in ["$defs", "definitions"] {
        for (name, schema) in json.get(place).map_or(&[][..], Json::members) {
            let mut found = Vec::new();
            refs(schema, &mut found);
            nodes.insert(Cow::Owned(["#/", place, "/", name].concat()), found);
        }
    }
    if nodes.is_empty() {
        return roots.is_empty();
    }
    // Kahn's: what nothing refers to goes first; what is left refers in a circle.
    let mut wanted: BTreeMap<&str, usize> = nodes.keys().map(|name| (&**name, 0)).collect();
    for target in nodes.values().flatten() {
        match wanted.get_mut(target) {
            Some(count) => *count += 1,
            None => return false,
        }
    }
    if roots.iter().any(|target| !wanted.contains_key(target)) {
        return false;
    }
    let mut free: Vec<&str> =
        wanted.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    let mut gone = 0;
    while let Some(name) = free.pop() {
        gone += 1;
        for target in nodes.get(name).into_iter().flatten() {
            if let Some(count) = wanted.get_mut(target) {
                *count -= 1;
                if *count == 0 {
                    free.push(target);
                }
            }
        }
    }
    gone == nodes.len()
}

fn refs<'j>(json: &'j Json<'_>, found: &mut Vec<&'j str>) {
    match json {
        Json::Object(object) => {
            for (name, value) in &object.members {
                match value.text().filter(|_| name == "$ref") {
                    Some(target) => found.push(target),
                    None => refs(value, found),
                }
            }
        }
        Json::Array(array) => array.items.iter().for_each(|item| refs(item, found)),
        _ => {}
    }
}
