//! The built Worker in workerd: one Node process (`crates/worker/test/host.mjs`) starts it anew as often as a test wants,
//! before an upstream on a socket. What is asked of it is the test's own.

use crate::PATIENCE;
use serde_json::{Map, Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// How many bytes of `WHARF_CONFIG` go into one variable: Cloudflare takes 5 kB,
/// <https://developers.cloudflare.com/workers/platform/limits/#environment-variables>.
const PIECE: usize = 5_000;

/// The header by which the test's socket is told what `request.cf` is, as JSON: where the platform says that a request
/// comes from.
pub const CF_HEADER: &str = "mf-cf-blob";

/// The Node process with Miniflare in it. Dropping it ends it, and the Worker with it.
#[derive(Debug)]
pub struct Workerd {
    child: Child,
    input: ChildStdin,
    answers: Receiver<String>,
}

impl Workerd {
    /// For the Worker as it was last built in the folder `worker` (`crates/worker`). Where it or its packages are not
    /// there, this is `None`, said in a line with `what` was left out, unless `WHARF_WORKER=1` demands them. With
    /// `WHARF_WORKER=0` it is `None` in any case.
    pub fn launch(worker: &Path, what: &str) -> Option<Self> {
        let wanted = std::env::var_os("WHARF_WORKER").unwrap_or_default();
        if wanted == "0" {
            left_out(what, "WHARF_WORKER=0");
            return None;
        }
        let node = worker.join("node_modules/.bin/node");
        let parts = [worker.join("build/wharf.wasm"), node.clone()];
        if let Some(missing) = parts.iter().find(|part| !part.exists()) {
            let how =
                format!("there is no {}: `npm ci && npm run build` in crates/worker", missing.display());
            assert!(wanted != "1", "WHARF_WORKER=1, but {how}");
            left_out(what, &how);
            return None;
        }
        Some(Self::spawn(&node, &worker.join("test/host.mjs")))
    }

    fn spawn(node: &Path, script: &Path) -> Self {
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
        std::thread::Builder::new().name("workerd".into()).spawn(read).expect("a thread");
        Self { child, input, answers }
    }

    /// Starts the Worker anew with these variables and secrets; all that it calls is at `upstream` (`HOST:PORT`).
    /// Gives its base URL, or why there is none.
    pub fn start(&mut self, vars: &Map<String, Value>, upstream: &str) -> Result<String, String> {
        let started = self.ask(&json!({"vars": vars, "upstream": upstream}));
        started["url"].as_str().map(str::to_owned).ok_or_else(|| started["error"].to_string())
    }

    /// Ends the Worker and gives what it printed.
    pub fn stop(&mut self) -> String {
        let stopped = self.ask(&json!({}));
        stopped["printed"].as_str().unwrap_or_default().to_owned()
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.input, "{question}").expect("the Node process takes a line");
        let line = self.answers.recv_timeout(PATIENCE).expect("an answer of the Node process");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Workerd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[expect(clippy::print_stdout, reason = "whoever runs the tests should know that these were left out")]
fn left_out(what: &str, why: &str) {
    println!("{what} not played on the Worker: {why}");
}

/// What a person puts into variables and secrets for this configuration: its upper-case members under their own names,
/// the rest in `WHARF_CONFIG`, and there no credential but by the name of a variable.
pub fn variables(config: &Value) -> Map<String, Value> {
    let mut vars = Map::new();
    let mut sections = Map::new();
    for (name, value) in config.as_object().into_iter().flatten() {
        if name.starts_with(|first: char| first.is_ascii_uppercase()) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            vars.insert(name.clone(), text.into());
        } else if name != "region" {
            sections.insert(name.clone(), value.clone());
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
