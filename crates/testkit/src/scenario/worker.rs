//! All scenarios against the Worker in workerd, which is started anew for each; requests and the upstream are the same as
//! for the native host, over the same sockets.

use super::{Failure, Scenario, leaked, picked};
use crate::upstream::Upstream;
use crate::workerd::{self, CF_HEADER, Workerd};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Runs every scenario for the Worker in the folder `worker` (`crates/worker`) and fails with all that went wrong.
/// `WHARF_SCENARIO=part-of-a-name` picks some. Where the Worker or its packages are not built it only says so, unless
/// `WHARF_WORKER=1` demands them.
///
/// `country` is where the platform says that requests come from; from `HK` all of them leave through a Durable Object.
pub fn run_worker(worker: impl AsRef<Path>, country: &str) {
    let Some(mut workerd) = Workerd::launch(worker.as_ref(), "the scenarios were") else { return };
    let scenarios = picked("worker");
    let mut failures = Vec::new();
    for scenario in &scenarios {
        failures.extend(run_one(scenario, country, &mut workerd));
    }
    let (failed, all) = (failures.len(), scenarios.len());
    assert!(
        failed == 0,
        "{failed} of {all} scenarios failed on the Worker as it was last built, from {country}:\n\n{}",
        failures.join("\n\n")
    );
}

fn run_one(scenario: &Scenario, country: &str, workerd: &mut Workerd) -> Option<String> {
    let upstream = Upstream::echo();
    let base = match workerd.start(&variables(scenario, &upstream), &upstream.address().to_string()) {
        Ok(base) => base,
        Err(why) => return Some(format!("scenario {}: {why}", scenario.name)),
    };
    let outcome = placed(scenario, country).run(&base, &upstream);
    let printed = workerd.stop();
    match outcome {
        Err(failure) => Some(said(&failure, &printed)),
        Ok(()) => leaked(scenario, &printed),
    }
}

fn said(failure: &Failure, printed: &str) -> String {
    format!("{failure}\n  and the Worker said: {printed}")
}

/// Variables and secrets for the scenario. The environment wins.
fn variables(scenario: &Scenario, upstream: &Upstream) -> Map<String, Value> {
    let config = serde_json::from_str(&scenario.config_text(upstream)).expect("the configuration as JSON");
    let mut vars = workerd::variables(&config);
    vars.extend(scenario.environment(upstream).into_iter().map(|(name, value)| (name, value.into())));
    vars
}

/// The scenario as it goes to a Worker that its platform tells where it runs: what `region` says, else `country`.
/// The way out is then another one, and nothing else may be.
fn placed(scenario: &Scenario, country: &str) -> Scenario {
    let mut scenario = scenario.clone();
    let region = scenario.config.get("region");
    let cf = region.map_or(
        json!({"country": country}),
        |region| json!({"country": region["loc"], "colo": region["colo"]}),
    );
    for step in &mut scenario.steps {
        step.request.headers.insert(CF_HEADER.into(), cf.to_string().into());
        if let Some(egress) = step.expect.headers.get_mut("x-wharf-egress")
            && cf["country"] == "HK"
        {
            *egress = "wnam".into();
        }
    }
    scenario
}
