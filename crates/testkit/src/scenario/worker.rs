//! All scenarios against the Worker in workerd. One Node process (`crates/worker/test/host.mjs`) starts it anew for each
//! scenario; requests and the upstream are the same as for the native host, over the same sockets.

use super::{Failure, Scenario, leaked, picked};
use crate::PATIENCE;
use crate::upstream::Upstream;
use serde_json::{Map, Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// How many bytes of `WHARF_CONFIG` go into one variable: Cloudflare takes 5 kB,
/// <https://developers.cloudflare.com/workers/platform/limits/#environment-variables>.
const PIECE: usize = 5_000;

/// The header by which the test's socket is told what `request.cf` is.
const CF_HEADER: &str = "mf-cf-blob";

/// Runs every scenario for the Worker in the folder `worker` (`crates/worker`) and fails with all that went wrong.
/// `WHARF_SCENARIO=part-of-a-name` picks some. Where the Worker or its packages are not built it only says so, unless
/// `WHARF_WORKER=1` demands them.
///
/// `country` is where the platform says that requests come from; from `HK` all of them leave through a Durable Object.
pub fn run_worker(worker: impl AsRef<Path>, country: &str) {
    let worker = worker.as_ref();
    let node = worker.join("node_modules/.bin/node");
    let parts = [worker.join("build/wharf.wasm"), node.clone()];
    if let Some(missing) = parts.iter().find(|part| !part.exists()) {
        let demanded = std::env::var_os("WHARF_WORKER").is_some_and(|value| value == "1");
        let how = format!("there is no {}: `npm ci && npm run build` in crates/worker", missing.display());
        assert!(!demanded, "WHARF_WORKER=1, but {how}");
        not_run(&how);
        return;
    }
    let mut host = Host::launch(&node, &worker.join("test/host.mjs"));
    let scenarios = picked("worker");
    let mut failures = Vec::new();
    for scenario in &scenarios {
        failures.extend(run_one(scenario, country, &mut host));
    }
    let (failed, all) = (failures.len(), scenarios.len());
    assert!(
        failed == 0,
        "{failed} of {all} scenarios failed on the Worker as it was last built, from {country}:\n\n{}",
        failures.join("\n\n")
    );
}

fn run_one(scenario: &Scenario, country: &str, host: &mut Host) -> Option<String> {
    let upstream = Upstream::echo();
    let vars = variables(scenario, &upstream);
    let started = host.ask(&json!({"vars": vars, "upstream": upstream.address().to_string()}));
    let Some(base) = started["url"].as_str() else {
        return Some(format!("scenario {}: {}", scenario.name, started["error"]));
    };
    let outcome = placed(scenario, country).run(base, &upstream);
    let printed = host.ask(&json!({}));
    let printed = printed["printed"].as_str().unwrap_or_default();
    match outcome {
        Err(failure) => Some(said(&failure, printed)),
        Ok(()) => leaked(scenario, printed),
    }
}

#[expect(clippy::print_stdout, reason = "whoever runs the tests should know that these were left out")]
fn not_run(why: &str) {
    println!("the scenarios were not played on the Worker: {why}");
}

fn said(failure: &Failure, printed: &str) -> String {
    format!("{failure}\n  and the Worker said: {printed}")
}

/// What a person puts into variables and secrets for this configuration: its upper-case members under their own names,
/// the rest in `WHARF_CONFIG`, and there no credential but by the name of a variable. The environment wins.
fn variables(scenario: &Scenario, upstream: &Upstream) -> Map<String, Value> {
    let config: Map<String, Value> =
        serde_json::from_str(&scenario.config_text(upstream)).expect("the configuration as JSON");
    let mut vars = Map::new();
    let mut sections = Map::new();
    for (name, value) in config {
        if name.starts_with(|first: char| first.is_ascii_uppercase()) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            vars.insert(name, text.into());
        } else if name != "region" {
            sections.insert(name, value);
        }
    }
    for provider in sections.get_mut("providers").and_then(Value::as_object_mut).into_iter().flatten() {
        match provider.1.get_mut("keys") {
            Some(Value::Array(keys)) if keys.iter().any(Value::is_object) => {
                for key in keys {
                    let place = if key.is_object() { &mut key["key"] } else { key };
                    hide(place, &mut vars);
                }
            }
            Some(keys) => hide(keys, &mut vars),
            None => {}
        }
    }
    if !sections.is_empty() {
        let text = Value::Object(sections).to_string();
        for (index, piece) in pieces(&text).enumerate() {
            let name = if index == 0 { "WHARF_CONFIG".into() } else { format!("WHARF_CONFIG_{}", index + 1) };
            vars.insert(name, piece.into());
        }
    }
    vars.extend(scenario.environment(upstream).into_iter().map(|(name, value)| (name, value.into())));
    vars
}

/// Puts a credential into a variable, and that one's name in its place.
fn hide(keys: &mut Value, vars: &mut Map<String, Value>) {
    let text = keys.as_str().map_or_else(|| keys.to_string(), str::to_owned);
    let name = format!("KEYS_OF_{}", vars.len());
    *keys = format!("env:{name}").into();
    vars.insert(name, text.into());
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = (0..=PIECE.min(rest.len())).rev().find(|at| rest.is_char_boundary(*at))?;
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
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

/// The Node process with Miniflare in it. Dropping it ends it.
struct Host {
    child: Child,
    input: ChildStdin,
    answers: Receiver<String>,
}

impl Host {
    fn launch(node: &Path, script: &Path) -> Self {
        let mut command = Command::new(node);
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", node.display()));
        let input = child.stdin.take().expect("a pipe");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let (sender, answers) = channel();
        let read = move || {
            for line in lines.map_while(Result::ok) {
                // Nobody listens any more once the test has failed.
                drop(sender.send(line));
            }
        };
        // It ends with the process, whose output it reads.
        std::thread::Builder::new().name("worker-host".into()).spawn(read).expect("a thread");
        Self { child, input, answers }
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.input, "{question}").expect("the Node process takes a line");
        let line = self.answers.recv_timeout(PATIENCE).expect("an answer of the Node process");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
