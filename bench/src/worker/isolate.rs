//! A workerd process with one Worker in it: its configuration, written here, and its start.

use crate::process::Group;
use crate::{CALLER_KEY, Result, UPSTREAM_KEY, probe};
use serde_json::json;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

const PLAIN: &str = include_str!("../../worker/plain.js");
const PIPE: &str = include_str!("../../worker/pipe.js");

/// The name of the Worker that is held against the limits.
pub(super) const SUBJECT: &str = "wharf";

/// A Worker to measure, and the port its process listens on.
pub(super) struct Worker {
    pub(super) name: &'static str,
    pub(super) port: u16,
    directory: PathBuf,
    workerd: PathBuf,
}

/// What all Workers run with.
pub(super) struct Settings<'a> {
    pub(super) workerd: &'a Path,
    /// `compatibility_date` of all of them.
    pub(super) date: &'a str,
    pub(super) upstream: u16,
    /// Holds a folder for each.
    pub(super) directory: &'a Path,
}

/// A running Worker; it ends when it is dropped.
pub(super) struct Isolate {
    pub(super) group: Group,
    pub(super) port: u16,
    log: PathBuf,
}

impl Worker {
    /// The Worker that reads, parses and fetches.
    pub(super) fn plain(port: u16, settings: &Settings<'_>) -> Result<Self> {
        Self::new("plain", port, settings, &[("index.js".to_owned(), PLAIN.into())])
    }

    /// The Worker that doesn't read.
    pub(super) fn pipe(port: u16, settings: &Settings<'_>) -> Result<Self> {
        Self::new("pipe", port, settings, &[("index.js".to_owned(), PIPE.into())])
    }

    /// The modules of a build folder, `index.js` first.
    pub(super) fn built(port: u16, settings: &Settings<'_>, build: &Path) -> Result<Self> {
        let mut modules = modules(build)?;
        modules.sort_by_key(|(name, _)| (name != "index.js", name.clone()));
        Self::new(SUBJECT, port, settings, &modules)
    }

    fn new(
        name: &'static str,
        port: u16,
        settings: &Settings<'_>,
        modules: &[(String, Vec<u8>)],
    ) -> Result<Self> {
        let directory = settings.directory.join(name);
        fs::create_dir_all(&directory)?;
        for (file, bytes) in modules {
            fs::write(directory.join(file), bytes)?;
        }
        let names: Vec<&str> = modules.iter().map(|(file, _)| file.as_str()).collect();
        fs::write(directory.join("config.capnp"), config(name, port, settings, &names))?;
        Ok(Self { name, port, directory, workerd: settings.workerd.to_owned() })
    }

    /// Starts a process; it may not listen yet.
    pub(super) fn start(&self) -> Result<Isolate> {
        let words = [self.workerd.to_string_lossy().as_ref(), "serve", "config.capnp"].map(str::to_owned);
        let log = self.directory.join("log");
        let group = Group::spawn(&words, &self.directory, &log)?;
        Ok(Isolate { group, port: self.port, log })
    }
}

impl Isolate {
    /// Asks until the first good answer; gives up after 20 s, or when the process has ended.
    pub(super) fn ready(&mut self, path: &str, body: &[u8]) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let problem = match probe::post(self.port, path, body) {
                Ok(answer) if answer.status == 200 => return Ok(()),
                // It listens, so a refusal is its answer and will not change.
                Ok(answer) => format!("{}, {}", answer.status, String::from_utf8_lossy(&answer.body)),
                Err(_) if !self.group.has_ended() && Instant::now() < deadline => {
                    sleep(Duration::from_millis(1));
                    continue;
                }
                Err(error) => error.to_string(),
            };
            let said = fs::read_to_string(&self.log).unwrap_or_default();
            let last: Vec<&str> = said.lines().rev().take(5).collect();
            return Err(format!("{problem}; the last lines of workerd, latest first: {last:?}").into());
        }
    }
}

/// Files of a build that workerd takes as modules: name and bytes.
pub(super) fn modules(build: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let entries = fs::read_dir(build).map_err(|error| {
        format!("{}: {error} (build it with scripts/worker-build, or name it with --build)", build.display())
    })?;
    let mut modules = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".js") || name.ends_with(".wasm") {
            modules.push((name.to_owned(), fs::read(&path)?));
        }
    }
    Ok(modules)
}

fn config(name: &str, port: u16, settings: &Settings<'_>, files: &[&str]) -> String {
    let modules: Vec<String> = files
        .iter()
        .map(|file| {
            let kind = if file.ends_with(".wasm") { "wasm" } else { "esModule" };
            format!("(name = \"{file}\", {kind} = embed \"{file}\")")
        })
        .collect();
    let upstream = format!("http://127.0.0.1:{}", settings.upstream);
    let wharf = json!({ "providers": { "openai": { "base_url": format!("{upstream}/v1") } } });
    let texts = if name == SUBJECT {
        vec![
            ("PROXY_API_KEY", CALLER_KEY.to_owned()),
            ("OPENAI_API_KEY", UPSTREAM_KEY.to_owned()),
            ("WHARF_CONFIG", wharf.to_string()),
        ]
    } else {
        vec![
            ("UPSTREAM", format!("{upstream}/v1/chat/completions")),
            ("UPSTREAM_AUTHORIZATION", format!("Bearer {UPSTREAM_KEY}")),
        ]
    };
    let mut bindings = String::new();
    for (name, text) in texts {
        // A JSON string's escapes are Cap'n Proto's too.
        let _ = write!(bindings, "(name = \"{name}\", text = {}), ", json!(text));
    }
    let mut objects = String::new();
    if name == SUBJECT {
        for (binding, class) in
            [("KEY_ROTATION_MANAGER", "KeyRotationManager"), ("LLM_PROXY_DO", "LlmProxyDO")]
        {
            let _ = write!(bindings, "(name = \"{binding}\", durableObjectNamespace = \"{class}\"), ");
            let _ = write!(objects, "(className = \"{class}\", uniqueKey = \"{class}\", enableSql = true), ");
        }
    }
    format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         const config :Workerd.Config = (\n\
         \x20 services = [(name = \"main\", worker = .worker), (name = \"internet\", network = (allow = [\"local\"]))],\n\
         \x20 sockets = [(name = \"http\", address = \"127.0.0.1:{port}\", http = (), service = \"main\")],\n\
         );\n\
         const worker :Workerd.Worker = (\n\
         \x20 modules = [{}],\n\
         \x20 compatibilityDate = \"{}\",\n\
         \x20 compatibilityFlags = [\"enable_request_signal\"],\n\
         \x20 bindings = [{bindings}],\n\
         \x20 durableObjectNamespaces = [{objects}],\n\
         \x20 durableObjectStorage = (inMemory = void),\n\
         );\n",
        modules.join(", "),
        settings.date,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings<'static> {
        let (workerd, directory) = (Path::new("workerd"), Path::new("run"));
        Settings { workerd, date: "2026-11-17", upstream: 19200, directory }
    }

    #[test]
    fn only_ours_has_objects_and_callers() {
        let text = |name| config(name, 19203, &settings(), &["index.js", "wharf.wasm"]);
        let (ours, plain) = (text(SUBJECT), text("plain"));
        assert!(
            ours.contains("wasm = embed \"wharf.wasm\"")
                && ours.contains("compatibilityDate = \"2026-11-17\"")
        );
        assert!(ours.contains(
            r#"text = "{\"providers\":{\"openai\":{\"base_url\":\"http://127.0.0.1:19200/v1\"}}}""#
        ));
        for only_ours in ["className = \"LlmProxyDO\"", CALLER_KEY] {
            assert!(ours.contains(only_ours) && !plain.contains(only_ours), "{only_ours}");
        }
    }
}
