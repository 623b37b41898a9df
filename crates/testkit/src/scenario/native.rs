//! All scenarios against the native binary, one process each; what it printed is searched for credentials.

use super::{Scenario, leaked, picked};
use crate::process::Wharf;
use crate::upstream::Upstream;
use std::path::Path;

/// Runs every scenario for the native host against `binary` (`env!("CARGO_BIN_EXE_wharf")` in the caller) and fails
/// with all that went wrong. `WHARF_SCENARIO=part-of-a-name` picks some.
pub fn run_native(binary: impl AsRef<Path>) {
    let scenarios = picked("native");
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
    leaked(scenario, &format!("{}\n{}", ended.stdout, ended.stderr))
}
