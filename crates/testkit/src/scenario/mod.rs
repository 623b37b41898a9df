//! Scenario files: a configuration, requests, what the upstream answers, and what everybody must have seen.
//! They name no host, so the same files run against the native binary and against a Worker.
//!
//! `{{upstream}}` stands for the fake upstream's base URL, `{{upstream_host}}` for its `host:port`, `{{base}}` for the
//! gateway's base URL and `{{host}}` for its `host:port`.

mod check;
mod native;
mod run;

pub use native::run_native;
pub use run::Failure;

use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

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
        scenario
    }

    /// The scenarios of this crate that are for `host` (`native` or `worker`), ordered by name.
    pub fn all_for(host: &str) -> Vec<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let listed =
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<PathBuf> = listed.map(|entry| entry.expect("a folder entry").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
        paths.sort();
        let all = paths.iter().map(|path| Self::load(path));
        all.filter(|scenario| scenario.hosts.iter().any(|named| named == host)).collect()
    }
}

fn every_host() -> Vec<String> {
    vec!["native".to_owned(), "worker".to_owned()]
}

fn get() -> String {
    "GET".to_owned()
}

fn yes() -> bool {
    true
}
