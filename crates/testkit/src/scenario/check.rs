//! Comparing what was seen with what a scenario expects. Every difference is a sentence.

use serde_json::{Map, Value};

/// The differences found so far, each with the place where it was found.
#[derive(Debug, Default)]
pub(super) struct Differences(pub(super) Vec<String>);

/// A message, request or answer, as the checks see it.
pub(super) struct Message<'a> {
    pub(super) headers: &'a [(String, String)],
    pub(super) body: &'a [u8],
}

impl Message<'_> {
    fn values(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.body).into_owned()
    }
}

impl Differences {
    pub(super) fn add(&mut self, difference: String) {
        self.0.push(difference);
    }

    pub(super) fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, seen: &T, expected: &T) {
        if seen != expected {
            self.add(format!("{what}: expected {expected:?}, got {seen:?}"));
        }
    }

    pub(super) fn headers(&mut self, seen: &Message<'_>, expected: &Map<String, Value>, absent: &[String]) {
        for (name, wanted) in expected {
            let values = seen.values(name);
            if !values.iter().any(|value| header_matches(value, wanted)) {
                self.add(format!("header {name}: expected {wanted}, got {values:?}"));
            } else if values.len() > 1 && wanted.is_string() {
                self.add(format!("header {name}: expected once, got {values:?}"));
            }
        }
        for name in absent {
            let values = seen.values(name);
            if !values.is_empty() {
                self.add(format!("header {name}: expected none, got {values:?}"));
            }
        }
    }

    pub(super) fn header_names(&mut self, seen: &Message<'_>, expected: Option<&Vec<String>>) {
        if let Some(expected) = expected {
            let mut names: Vec<String> =
                seen.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
            let mut expected = expected.clone();
            names.sort();
            expected.sort();
            self.equal("header names", &names, &expected);
        }
    }

    pub(super) fn body_text(&mut self, seen: &Message<'_>, expected: Option<&String>) {
        if let Some(expected) = expected {
            self.equal("body", &seen.text(), expected);
        }
    }

    /// `part`: objects may have more members than expected.
    pub(super) fn body_json(&mut self, seen: &Message<'_>, expected: Option<&Value>, part: bool) {
        let Some(expected) = expected else { return };
        match serde_json::from_slice::<Value>(seen.body) {
            Ok(value) => self.json("body", &value, expected, part),
            Err(error) => self.add(format!("body: not JSON ({error}): {:?}", seen.text())),
        }
    }

    pub(super) fn body_holds(&mut self, seen: &Message<'_>, wanted: &[String], unwanted: &[String]) {
        let text = seen.text();
        for part in wanted.iter().filter(|part| !text.contains(part.as_str())) {
            self.add(format!("body: {part:?} is not in {text:?}"));
        }
        for part in unwanted.iter().filter(|part| text.contains(part.as_str())) {
            self.add(format!("body: {part:?} is in {text:?}"));
        }
    }

    fn json(&mut self, place: &str, seen: &Value, expected: &Value, part: bool) {
        match (seen, expected) {
            (Value::Object(have), Value::Object(want)) => {
                for (name, wanted) in want {
                    match have.get(name) {
                        Some(value) => self.json(&format!("{place}.{name}"), value, wanted, part),
                        None => self.add(format!("{place}.{name}: expected {wanted}, got nothing")),
                    }
                }
                if !part {
                    for name in have.keys().filter(|name| !want.contains_key(*name)) {
                        self.add(format!("{place}.{name}: expected nothing, got {}", have[name]));
                    }
                }
            }
            (Value::Array(have), Value::Array(want)) if have.len() == want.len() => {
                for (index, (value, wanted)) in have.iter().zip(want).enumerate() {
                    self.json(&format!("{place}[{index}]"), value, wanted, part);
                }
            }
            _ if seen == expected => {}
            _ => self.add(format!("{place}: expected {expected}, got {seen}")),
        }
    }
}

fn header_matches(value: &str, wanted: &Value) -> bool {
    match wanted {
        Value::String(exact) => value == exact,
        Value::Array(several) => several.iter().any(|one| header_matches(value, one)),
        Value::Object(rule) => {
            rule.get("contains").and_then(Value::as_str).is_some_and(|part| value.contains(part))
        }
        Value::Bool(present) => *present,
        Value::Null | Value::Number(_) => false,
    }
}
