//! All scenarios against the native binary, one process each; what it printed is searched for credentials.

use super::Scenario;
use crate::process::Wharf;
use crate::secrets::find_secret;
use crate::upstream::Upstream;
use serde_json::{Map, Value};
use std::path::Path;

/// Runs every scenario for the native host against `binary` (`env!("CARGO_BIN_EXE_wharf")` in the caller) and fails
/// with all that went wrong. `WHARF_SCENARIO=part-of-a-name` picks some.
pub fn run_native(binary: impl AsRef<Path>) {
    let picked = std::env::var_os("WHARF_SCENARIO").map(|name| name.to_string_lossy().into_owned());
    let mut scenarios = Scenario::all_for("native");
    scenarios.retain(|scenario| picked.as_ref().is_none_or(|part| scenario.name.contains(part)));
    assert!(!scenarios.is_empty(), "no scenario is named {picked:?}");
    let failures: Vec<String> = scenarios.iter().filter_map(|one| run_one(one, binary.as_ref())).collect();
    assert!(
        failures.is_empty(),
        "{} of {} scenarios failed:\n\n{}",
        failures.len(),
        scenarios.len(),
        failures.join("\n\n")
    );
}

fn run_one(scenario: &Scenario, binary: &Path) -> Option<String> {
    let upstream = Upstream::echo();
    let mut launch = Wharf::launch(binary).config(&scenario.config_text(&upstream));
    for (name, value) in scenario.environment(&upstream) {
        launch = launch.env(&name, &value);
    }
    let wharf = match launch.try_start() {
        Ok(wharf) => wharf,
        Err(why) => return Some(format!("scenario {}: {why}", scenario.name)),
    };
    if let Err(failure) = scenario.run(&wharf.base(), &upstream) {
        return Some(format!("{failure}\n  and the gateway said: {}", wharf.stderr()));
    }
    wharf.term();
    let ended = wharf.wait();
    let secrets = scenario.secrets();
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let printed = format!("{}\n{}", ended.stdout, ended.stderr);
    let leak = find_secret(&printed, &secrets)?;
    let of = secrets[leak.secret];
    Some(format!("scenario {}: the output holds {of} ({}):\n{printed}", scenario.name, leak.form))
}

impl Scenario {
    /// The credentials that its configuration and environment name.
    pub fn secrets(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(&self.config, &mut found);
        collect(&self.env, &mut found);
        found
    }
}

fn collect(members: &Map<String, Value>, found: &mut Vec<String>) {
    for (name, value) in members {
        let secret = ["_KEY", "_KEYS", "_TOKEN"].iter().any(|end| name.ends_with(end))
            || name == "keys"
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
