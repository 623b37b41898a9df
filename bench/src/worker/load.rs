//! Loads on a Worker: so many requests of one kind, and what workerd spent on them.

use super::isolate::{Isolate, SUBJECT};
use super::line::{Line, Way};
use crate::load::Report;
use crate::process;
use crate::{Result, probe};
use std::path::Path;
use std::process::Command;

/// The end of a stream in Anthropic's dialect.
const MESSAGE_STOP: &str = "data: {\"type\":\"message_stop\"}\n\n";

/// Where the client's side of a measurement lives.
pub(super) struct Client<'a> {
    /// Holds the bodies.
    pub(super) directory: &'a Path,
    /// The mock's port.
    pub(super) upstream: u16,
}

impl Client<'_> {
    /// Sends `requests` of a kind and returns the CPU seconds that the Worker's process took.
    pub(super) fn spent(&self, isolate: &Isolate, name: &str, line: &Line, requests: u64) -> Result<f64> {
        let before = isolate.group.cpu();
        let report = self.send(isolate.port, name, line, requests)?;
        let after = isolate.group.cpu();
        match report.failures() {
            0 if report.ok == requests => Ok(after.user + after.system - before.user - before.system),
            _ => {
                let Report { ok, refused, incomplete, broken, .. } = report;
                Err(format!("of {requests} requests {ok} were good, {refused} refused, {incomplete} short of events, {broken} broken").into())
            }
        }
    }

    /// Runs the `load` command, a process of its own as with the native gateways.
    fn send(&self, port: u16, name: &str, line: &Line, requests: u64) -> Result<Report> {
        let stream = line.answer.is_stream();
        let body = self.directory.join(format!("{}.json", line.body));
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["load", "--seconds", "60", "--path", line.way.path()]).arg("--body").arg(body);
        command.args(["--port", &port.to_string(), "--requests", &requests.to_string()]);
        command.args(["--mode", if stream { "sse" } else { "closed" }]);
        command.args(["--connections", if stream { "32" } else { "16" }]);
        for header in line.headers {
            command.args(["--header", header]);
        }
        // The plain Worker leaves the upstream's events as they are.
        if stream && line.way == Way::Translated && name == SUBJECT {
            command.args(["--last", MESSAGE_STOP]);
        } else if stream {
            command.args(["--events", &(line.answer.knobs().chunks + 2).to_string()]);
        }
        let output = process::output(&mut command)?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Sets what the upstream answers.
    pub(super) fn configure(&self, query: &str) -> Result<()> {
        let answer = probe::post(self.upstream, &format!("/__cfg?{query}"), b"")?;
        if answer.status == 200 { Ok(()) } else { Err("the mock refused its settings".into()) }
    }

    /// A body by its name without `.json`.
    pub(super) fn body(&self, name: &str) -> Result<Vec<u8>> {
        Ok(std::fs::read(self.directory.join(format!("{name}.json")))?)
    }
}
