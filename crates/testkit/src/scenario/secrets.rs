//! The credentials of a scenario, and whether what a host printed holds one of them.

use super::Scenario;
use crate::secrets::find_secret;
use serde_json::{Map, Value};

impl Scenario {
    /// The credentials that its configuration and environment name.
    pub fn secrets(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(&self.config, &mut found);
        collect(&self.env, &mut found);
        found
    }
}

/// What to say when `printed` holds one of the scenario's credentials.
pub(super) fn leaked(scenario: &Scenario, printed: &str) -> Option<String> {
    let secrets = scenario.secrets();
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let leak = find_secret(printed, &secrets)?;
    let of = secrets[leak.secret];
    Some(format!("scenario {}: the output holds {of} ({}):\n{printed}", scenario.name, leak.form))
}

fn collect(members: &Map<String, Value>, found: &mut Vec<String>) {
    for (name, value) in members {
        let secret = ["_KEY", "_KEYS", "_TOKEN"].iter().any(|end| name.ends_with(end))
            || name == "keys"
            || name == "key"
            || name == "apiKeys";
        match value {
            Value::String(text) if secret => found.extend(text.split(',').map(|one| one.trim().to_owned())),
            Value::Array(items) if secret => {
                found.extend(items.iter().filter_map(Value::as_str).map(str::to_owned))
            }
            Value::Array(items) => {
                items.iter().filter_map(Value::as_object).for_each(|item| collect(item, found))
            }
            Value::Object(inner) => collect(inner, found),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found.retain(|secret| secret.len() >= 8);
}
