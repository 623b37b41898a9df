//! The gateways that are measured, and how each is started.

use crate::machine::{first_line, version_in};
use crate::{CALLER_KEY, Result, UPSTREAM_KEY};
use std::path::{Path, PathBuf};

/// The one the others are compared with.
pub(super) const BASE: &str = "nginx";

const NGINX: &str = include_str!("../../conf/nginx.conf");
const HAPROXY: &str = include_str!("../../conf/haproxy.cfg");
const WHARF: &str = include_str!("../../conf/wharf.jsonc");

/// One program to measure.
#[derive(Debug, Clone)]
pub(super) struct Gateway {
    pub(super) name: String,
    pub(super) command: Vec<String>,
    pub(super) port: u16,
    /// The configuration's file name and text.
    config: Option<(&'static str, String)>,
}

/// What the templates leave open.
pub(super) struct Settings<'a> {
    pub(super) upstream: u16,
    pub(super) directory: &'a Path,
    pub(super) wharf: &'a Path,
    /// Streams that have to fit.
    pub(super) connections: u64,
}

impl Gateway {
    /// `nginx`, `haproxy`, `wharf`, or any other as `NAME=COMMAND` with `@PORT@` and `@UPSTREAM@` in the command.
    pub(super) fn new(spec: &str, port: u16, settings: &Settings<'_>) -> Result<Self> {
        let fill = |text: &str| fill(text, port, settings);
        let at = |file: &str| settings.directory.join(file).to_string_lossy().into_owned();
        let (config, command) = match spec {
            "nginx" => {
                (Some(("nginx.conf", fill(NGINX))), words(["nginx", "-p", &at(""), "-c", &at("nginx.conf")]))
            }
            "haproxy" => {
                (Some(("haproxy.cfg", fill(HAPROXY))), words(["haproxy", "-db", "-f", &at("haproxy.cfg")]))
            }
            "wharf" => {
                let program = absolute(settings.wharf)?;
                let listen = format!("127.0.0.1:{port}");
                let config = at("wharf.jsonc");
                let options =
                    ["--config", &config, "--listen", &listen, "--state", "memory", "--workers", "2"];
                let command = [program, "serve".to_owned()].into_iter().chain(words(options)).collect();
                (Some(("wharf.jsonc", fill(WHARF))), command)
            }
            other => {
                let (_, command) =
                    other.split_once('=').ok_or_else(|| format!("unknown gateway {other:?}"))?;
                (None, fill(command).split_ascii_whitespace().map(str::to_owned).collect())
            }
        };
        let name = spec.split('=').next().unwrap_or(spec).to_owned();
        Ok(Self { name, command, port, config })
    }

    pub(super) fn write_config(&self, directory: &Path) -> Result<()> {
        if let Some((file, text)) = &self.config {
            std::fs::write(directory.join(file), text)?;
        }
        Ok(())
    }

    /// `nginx 1.22.1`; only the name when the program has no such option.
    pub(super) fn version(&self) -> String {
        let Some(program) = self.command.first() else { return self.name.clone() };
        let option = match self.name.as_str() {
            "nginx" | "haproxy" => "-v",
            "wharf" => "--version",
            // A stand-in might take any argument as an invitation to serve.
            _ => return self.name.clone(),
        };
        let line = first_line(program, &[option]);
        version_in(&line).map_or_else(|| self.name.clone(), |version| format!("{} {version}", self.name))
    }

    /// The program's size in MB, symbols stripped if that can be done here.
    pub(super) fn binary_mb(&self, directory: &Path) -> Option<f64> {
        let program = find(self.command.first()?)?;
        let stripped = directory.join(format!("{}.stripped", self.name));
        let output = stripped.to_string_lossy().into_owned();
        first_line("strip", &["-o", &output, &program.to_string_lossy()]);
        let size = std::fs::metadata(&stripped).or_else(|_| std::fs::metadata(&program)).ok()?.len();
        // It was written to be measured only; a leftover is removed with the directory.
        let _ = std::fs::remove_file(stripped);
        Some(size as f64 / 1e6)
    }
}

fn fill(text: &str, port: u16, settings: &Settings<'_>) -> String {
    text.replace("@PORT@", &port.to_string())
        .replace("@UPSTREAM@", &settings.upstream.to_string())
        .replace("@CONNECTIONS@", &(settings.connections + 1000).to_string())
        .replace("@FILES@", &(2 * settings.connections + 3000).to_string())
        .replace("@UPSTREAM_KEY@", UPSTREAM_KEY)
        .replace("@CALLER_KEY@", CALLER_KEY)
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// The gateways are started in another directory, so a relative path has to be resolved first.
pub(crate) fn absolute(program: &Path) -> Result<String> {
    let found = program.canonicalize().map_err(|error| {
        format!(
            "{}: {error} (build it with `cargo build --release -p wharf`, or name it with --wharf)",
            program.display()
        )
    })?;
    Ok(found.to_string_lossy().into_owned())
}

fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program));
    }
    crate::machine::PATH.split(':').map(|folder| Path::new(folder).join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings<'static> {
        Settings {
            upstream: 19100,
            directory: Path::new("run"),
            wharf: Path::new("/bin/sh"),
            connections: 5000,
        }
    }

    #[test]
    fn templates_are_filled_completely() {
        for name in ["nginx", "haproxy", "wharf"] {
            let gateway = Gateway::new(name, 19101, &settings()).unwrap();
            let (_, text) = gateway.config.unwrap();
            assert!(!text.contains('@'), "{name}: {text}");
            assert!(text.contains("19100") && text.contains(UPSTREAM_KEY), "{name}");
        }
    }

    #[test]
    fn any_other_gateway_is_a_name_and_a_command() {
        let gateway = Gateway::new("mine=/opt/mine --port @PORT@ @UPSTREAM@", 19104, &settings()).unwrap();
        assert_eq!((gateway.name.as_str(), gateway.port), ("mine", 19104));
        assert_eq!(gateway.command, ["/opt/mine", "--port", "19104", "19100"]);
        assert!(Gateway::new("unheard-of", 1, &settings()).is_err());
    }
}
