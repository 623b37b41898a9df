//! As much of JSON Schema as the vendors' descriptions use. Objects are closed: a member that no branch of the
//! description names is an error, because most vendors answer 400 to one.

use serde_json::Value;
use std::collections::BTreeSet;

/// A description and where its `$ref`s lead.
pub(crate) struct Schemas {
    root: Value,
    /// Unknown members are no error: in answers, which may have extensions.
    lenient: bool,
}

/// The names that a schema knows; `None`: any.
type Known = Option<BTreeSet<String>>;

/// Deeper than any description goes.
const MOST: usize = 64;

impl Schemas {
    pub(crate) const fn new(root: Value) -> Self {
        Self { root, lenient: false }
    }

    /// The same description, for answers.
    pub(crate) fn of_answers(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Checks a value against the schema at this JSON pointer.
    pub(crate) fn check(&self, pointer: &str, value: &Value) -> Result<(), String> {
        let schema = self.root.pointer(pointer).ok_or_else(|| format!("no schema at {pointer}"))?;
        self.closed(schema, value, "", 0)
    }

    fn closed(&self, schema: &Value, value: &Value, path: &str, depth: usize) -> Result<(), String> {
        let known = self.open(schema, value, path, depth)?;
        if let (false, Some(known), Some(members)) = (self.lenient, known, value.as_object())
            && let Some(name) = members.keys().find(|name| !known.contains(*name))
        {
            return Err(format!("{path}.{name} is not known"));
        }
        Ok(())
    }

    fn open(&self, schema: &Value, value: &Value, path: &str, depth: usize) -> Result<Known, String> {
        if depth > MOST {
            return Err(format!("{path}: the description is too deep"));
        }
        if let Some(to) = schema.get("$ref").and_then(Value::as_str) {
            let target = self.root.pointer(to.trim_start_matches('#'));
            return self.open(target.ok_or_else(|| format!("{to} leads nowhere"))?, value, path, depth + 1);
        }
        if value.is_null() && schema["nullable"] == true {
            return Ok(None);
        }
        own_words(schema, value, path)?;
        let mut known = self.members(schema, value, path, depth)?;
        if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
            for (at, item) in values.iter().enumerate() {
                self.closed(items, item, &format!("{path}[{at}]"), depth + 1)?;
            }
        }
        for branch in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            known = joined(known, self.open(branch, value, path, depth + 1)?);
        }
        for name in ["anyOf", "oneOf"] {
            if let Some(branches) = schema.get(name).and_then(Value::as_array) {
                known = joined(known, self.any(branches, value, path, depth)?);
            }
        }
        Ok(known)
    }

    fn members(&self, schema: &Value, value: &Value, path: &str, depth: usize) -> Result<Known, String> {
        let Some(members) = value.as_object() else { return Ok(None) };
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            if !members.contains_key(name) {
                return Err(format!("{path}.{name} is missing"));
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let more = schema.get("additionalProperties");
        for (name, inner) in members {
            let at = format!("{path}.{name}");
            match (properties.and_then(|known| known.get(name)), more) {
                (Some(schema), _) => self.closed(schema, inner, &at, depth + 1)?,
                (None, Some(schema @ Value::Object(_))) => self.closed(schema, inner, &at, depth + 1)?,
                _ => {}
            }
        }
        let names = properties.map(|known| known.keys().cloned().collect());
        Ok(match more {
            Some(Value::Bool(true) | Value::Object(_)) => None,
            Some(_) => Some(names.unwrap_or_default()),
            None => names,
        })
    }

    /// The branches that hold, whose names are joined; where none does, the words of the one that got furthest.
    fn any(&self, branches: &[Value], value: &Value, path: &str, depth: usize) -> Result<Known, String> {
        let mut known = None;
        let mut held = false;
        let mut free = false;
        let mut wrong = String::new();
        for branch in branches {
            let judged = self
                .open(branch, value, path, depth + 1)
                .and_then(|known| self.closed(branch, value, path, depth + 1).map(|()| known));
            match judged {
                Ok(None) => (held, free) = (true, true),
                Ok(names) => (known, held) = (joined(known, names), true),
                Err(words) => {
                    let reach = |words: &str| {
                        let path = words.split(' ').next().unwrap_or_default();
                        path.matches(['.', '[']).count()
                    };
                    if wrong.is_empty() || reach(&words) > reach(&wrong) {
                        wrong = words;
                    }
                }
            }
        }
        match (held, free) {
            (true, true) => Ok(None),
            (true, false) => Ok(known),
            _ => Err(wrong),
        }
    }
}

/// What both know. `None` says nothing about names, so the other's count.
fn joined(one: Known, other: Known) -> Known {
    match (one, other) {
        (Some(mut one), Some(other)) => {
            one.extend(other);
            Some(one)
        }
        (one, other) => one.or(other),
    }
}

/// The words that look at the value alone.
fn own_words(schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let here = if path.is_empty() { "." } else { path };
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is(value, kind)) {
        return Err(format!("{here} is no {}: {value:.60}", kinds.join(" or ")));
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array)
        && !words.contains(value)
    {
        return Err(format!("{here} is none of the words known: {value:.60}"));
    }
    if schema.get("const").is_some_and(|word| word != value) {
        return Err(format!("{here} is not {}", schema["const"]));
    }
    if schema == &Value::Bool(false) {
        return Err(format!("{here} must not be"));
    }
    let size = match value {
        Value::String(text) => Some((text.chars().count() as f64, "minLength", "maxLength")),
        Value::Array(items) => Some((items.len() as f64, "minItems", "maxItems")),
        Value::Object(members) => Some((members.len() as f64, "minProperties", "maxProperties")),
        Value::Number(number) => number.as_f64().map(|number| (number, "minimum", "maximum")),
        _ => None,
    };
    if let Some((size, least, most)) = size {
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        if bound(least).is_some_and(|least| size < least) || bound(most).is_some_and(|most| size > most) {
            return Err(format!("{here} is out of its bounds: {value:.60}"));
        }
    }
    Ok(())
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        _ => value.is_object(),
    }
}
