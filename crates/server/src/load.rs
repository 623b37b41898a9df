//! Reads the configuration: which file, the environment, and what the command line overrides. Compiling is the core's.

use crate::cli::{Serve, Source};
use std::fs;
use std::path::{Path, PathBuf};
use wharf_core::config::{Compiled, Input, Platform, Problem, compile};
use wharf_core::provider::catalog::builtins;

/// Where the configuration is when nobody says: our own file, and our predecessor's.
const USUAL: [&str; 2] = ["wharf.jsonc", "config.jsonc"];

/// Why there is no configuration.
pub enum LoadError {
    /// A file that was named cannot be read.
    File(PathBuf, std::io::Error),
    /// It has these problems.
    Problems(Vec<Problem>),
}

impl LoadError {
    /// One line each, for standard error.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::File(path, error) => vec![format!("{}: cannot be read: {error}", path.display())],
            Self::Problems(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What was loaded, and from where.
pub struct Loaded {
    /// The compiled configuration.
    pub compiled: Compiled,
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Loads the configuration.
///
/// # Errors
/// All problems at once.
pub fn load(source: &Source, open: bool) -> Result<Loaded, LoadError> {
    let mut notes = Vec::new();
    let file = choose(source, &mut notes);
    let text = match &file {
        Some(path) => Some(fs::read_to_string(path).map_err(|error| LoadError::File(path.clone(), error))?),
        None => None,
    };
    let name = file.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
    let (env, unreadable) = environment();
    let file_text = text.as_deref().map(|text| (&*name, text));
    let input = Input {
        file: file_text,
        env: &env,
        unreadable: &unreadable,
        open,
        platform: Platform::Native,
        builtins: builtins(),
    };
    let compiled = compile(&input).map_err(LoadError::Problems)?;
    notes.extend(compiled.warnings.iter().map(ToString::to_string));
    Ok(Loaded { compiled, file, notes })
}

/// The files that may be the configuration.
pub fn candidates(source: &Source) -> Vec<&Path> {
    match &source.config {
        Some(path) => vec![path],
        None => USUAL.map(Path::new).to_vec(),
    }
}

/// The file that was named, else the first of the two usual ones that is there.
fn choose(source: &Source, notes: &mut Vec<String>) -> Option<PathBuf> {
    if let Some(path) = &source.config {
        return Some(path.clone());
    }
    let [ours, p1s] = USUAL.map(Path::new);
    match (ours.is_file(), p1s.is_file()) {
        (true, true) => {
            notes.push("both ./wharf.jsonc and ./config.jsonc are here: ./wharf.jsonc is used".into());
            Some(ours.into())
        }
        (true, false) => Some(ours.into()),
        (false, true) => Some(p1s.into()),
        (false, false) => None,
    }
}

/// The environment as text, and the names of variables that hold something else: a caller key that cannot be read
/// must not look like one that is not set. No name of ours is other than UTF-8.
fn environment() -> (Vec<(String, String)>, Vec<String>) {
    let (mut values, mut unreadable) = (Vec::new(), Vec::new());
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        match value.into_string() {
            Ok(value) => values.push((name, value)),
            Err(_) => unreadable.push(name),
        }
    }
    (values, unreadable)
}

/// `$XDG_STATE_HOME/wharf/wharf.db`, else `~/.local/state/wharf/wharf.db`.
pub fn default_state() -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = from("XDG_STATE_HOME").or_else(|| Some(from("HOME")?.join(".local/state")))?;
    Some(folder.join("wharf/wharf.db"))
}

/// What the command line of `serve` says over the file.
pub fn override_with(loaded: &mut Loaded, options: &Serve) {
    let host = &mut loaded.compiled.host;
    if let Some(state) = &options.state {
        host.state = Some(wharf_core::config::State::parse(state));
    }
    if let (Some(cert), Some(key)) = (&options.tls_cert, &options.tls_key) {
        let text = |path: &Path| path.display().to_string();
        host.tls = Some(wharf_core::config::TlsFiles { cert: text(cert), key: text(key) });
    }
    if let Some(file) = &options.ca_file {
        host.ca_file = Some(file.display().to_string());
    }
    host.head_bytes = options.max_head.unwrap_or(host.head_bytes);
    host.connections = options.max_connections.or(host.connections);
    if let Some(bytes) = options.max_body {
        loaded.compiled.table.limits.json_body = bytes;
    }
}
