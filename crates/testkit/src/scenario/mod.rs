//! Scenario files: a configuration, requests, what the upstream answers, and what everybody must have seen.
//! The same files run against the native binary and against the Worker; where a file or a step is for one of them
//! alone, it says why.
//!
//! `{{upstream}}` stands for the fake upstream's base URL, `{{upstream_host}}` for its `host:port`, `{{base}}` for the
//! gateway's base URL and `{{host}}` for its `host:port`.

mod check;
mod native;
mod run;
mod secrets;
mod worker;

pub use native::run_native;
pub use run::Failure;
pub use worker::run_worker;

use secrets::leaked;

use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

const HOSTS: [&str; 2] = ["native", "worker"];

/// One scenario file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The file's name without its extension.
    pub name: String,
    /// What it shows, in a sentence.
    pub about: String,
    /// The hosts that it is for.
    #[serde(default = "every_host")]
    pub hosts: Vec<String>,
    /// Why it is not for all of them.
    #[serde(default)]
    pub why: String,
    /// The configuration file's content.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// Environment variables.
    #[serde(default)]
    pub env: Map<String, Value>,
    /// What happens, in order. State lasts from one step to the next.
    pub steps: Vec<Step>,
}

/// One request and what comes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What this step shows, where the scenario has several.
    #[serde(default)]
    pub about: String,
    /// The hosts that it is for.
    #[serde(default = "every_host")]
    pub hosts: Vec<String>,
    /// Why it is not for all of them.
    #[serde(default)]
    pub why: String,
    /// What the client sends.
    pub request: Request,
    /// What the upstream answers, in order; a `200 {}` once these are used up.
    #[serde(default)]
    pub upstream: Vec<Answer>,
    /// What everybody must have seen.
    pub expect: Expect,
}

/// What the client sends. At most one kind of body.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The method, `GET` unless given.
    #[serde(default = "get")]
    pub method: String,
    /// The request target.
    pub path: String,
    /// Headers in order; an array sends one several times.
    #[serde(default)]
    pub headers: Map<String, Value>,
    /// A JSON body.
    pub body: Option<Value>,
    /// An exact body.
    pub body_text: Option<String>,
    /// An exact body in Base64.
    pub body_base64: Option<String>,
    /// A body of so many spaces inside a JSON object, for limits.
    pub body_padding: Option<usize>,
}

/// What the upstream answers. At most one kind of body.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Only for requests whose target starts so; such answers are tried before the others.
    pub on: Option<String>,
    /// The status, 200 unless given.
    pub status: Option<u16>,
    /// The headers.
    #[serde(default)]
    pub headers: Map<String, Value>,
    /// A JSON body.
    pub body: Option<Value>,
    /// An exact body.
    pub body_text: Option<String>,
    /// Server-sent events: text is one `data:` line, JSON is written into one, an array is `[event, data]`.
    pub sse: Option<Vec<Value>>,
    /// What goes wrong: `close`, `reset`, `garbage`, `half_head`, `stall`, or `cut` (after `cut_after` bytes of the body).
    pub fault: Option<String>,
    /// For the fault `cut`.
    pub cut_after: Option<usize>,
}

/// What everybody must have seen.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The status.
    pub status: u16,
    /// Headers: a text is the exact value, an array any of several, `{"contains": …}` a part of it, `true` any value.
    #[serde(default)]
    pub headers: Map<String, Value>,
    /// Headers that must not be there.
    #[serde(default)]
    pub headers_absent: Vec<String>,
    /// The exact body.
    pub body_text: Option<String>,
    /// The whole body as JSON.
    pub body: Option<Value>,
    /// A part of the body as JSON: objects may have more members, everything else is equal.
    pub body_json: Option<Value>,
    /// Texts that the body holds.
    #[serde(default)]
    pub body_contains: Vec<String>,
    /// Texts that the body does not hold.
    #[serde(default)]
    pub body_absent: Vec<String>,
    /// `false` when the transport must have been cut.
    #[serde(default = "yes")]
    pub complete: bool,
    /// Exactly these requests reached the upstream; not looked at when left out.
    pub upstream: Option<Vec<Seen>>,
    /// Whether the order in which they arrived is left open.
    #[serde(default)]
    pub upstream_any_order: bool,
}

/// A request that reached the upstream.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The method, if it matters.
    pub method: Option<String>,
    /// The target, exactly.
    pub target: String,
    /// Headers, as in [`Expect::headers`].
    #[serde(default)]
    pub headers: Map<String, Value>,
    /// Headers that must not be there.
    #[serde(default)]
    pub headers_absent: Vec<String>,
    /// All header names there are, in lower case and in any order.
    pub headers_only: Option<Vec<String>>,
    /// The exact body.
    pub body_text: Option<String>,
    /// The whole body as JSON.
    pub body: Option<Value>,
    /// A part of the body as JSON.
    pub body_json: Option<Value>,
    /// Texts that the body holds.
    #[serde(default)]
    pub body_contains: Vec<String>,
}

impl Scenario {
    /// Reads one file.
    pub fn load(path: &Path) -> Self {
        let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let parsed = serde_json::from_slice(&text);
        let scenario: Self = parsed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        assert_eq!(scenario.name, stem, "a scenario is named as its file");
        scenario.explain_differences();
        scenario
    }

    /// Hosts may differ only for a reason that the file gives.
    fn explain_differences(&self) {
        let steps = self.steps.iter().map(|step| (&step.hosts, &step.why));
        for (hosts, why) in steps.chain([(&self.hosts, &self.why)]) {
            let known = hosts.iter().all(|host| HOSTS.contains(&host.as_str()));
            assert!(known, "{}: hosts are among {HOSTS:?}, not {hosts:?}", self.name);
            assert_eq!(
                hosts.len() < HOSTS.len(),
                !why.is_empty(),
                "{}: `why` stands beside `hosts`",
                self.name
            );
        }
    }

    /// The scenarios of this crate that are for `host` (`native` or `worker`), with their steps that are for it,
    /// ordered by name.
    pub fn all_for(host: &str) -> Vec<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let listed =
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<PathBuf> = listed.map(|entry| entry.expect("a folder entry").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
        paths.sort();
        let mut all: Vec<Self> = paths.iter().map(|path| Self::load(path)).collect();
        let named = |hosts: &[String]| hosts.iter().any(|named| named == host);
        all.retain(|scenario| named(&scenario.hosts));
        for scenario in &mut all {
            scenario.steps.retain(|step| named(&step.hosts));
        }
        all
    }
}

/// The scenarios for `host`, or those of them that `WHARF_SCENARIO=part-of-a-name` picks.
fn picked(host: &str) -> Vec<Scenario> {
    let picked = std::env::var_os("WHARF_SCENARIO").map(|name| name.to_string_lossy().into_owned());
    let mut scenarios = Scenario::all_for(host);
    scenarios.retain(|scenario| picked.as_ref().is_none_or(|part| scenario.name.contains(part)));
    assert!(!scenarios.is_empty(), "no scenario is named {picked:?}");
    scenarios
}

fn every_host() -> Vec<String> {
    HOSTS.map(str::to_owned).to_vec()
}

fn get() -> String {
    "GET".to_owned()
}

fn yes() -> bool {
    true
}
