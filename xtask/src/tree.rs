//! The working tree: which files belong to it, reading and writing them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What stops a run, as text for a person.
pub(crate) struct Trouble(pub(crate) String);

/// The workspace's folder.
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// The tree that cargo runs this program in, else the one that it was built from.
    pub(crate) fn open() -> Result<Self, Trouble> {
        // Checkouts that share a target folder share this program too.
        let here =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let here = Path::new(&here);
        let root =
            here.parent().ok_or_else(|| Trouble(format!("{} has no folder above it", here.display())))?;
        Ok(Self { root: root.to_owned() })
    }

    /// A file's text.
    pub(crate) fn read(&self, path: &str) -> Result<String, Trouble> {
        fs::read_to_string(self.root.join(path)).map_err(|error| Trouble(format!("{path}: {error}")))
    }

    /// A file's text; empty if there is no such file.
    pub(crate) fn read_or_empty(&self, path: &str) -> Result<String, Trouble> {
        match fs::read_to_string(self.root.join(path)) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(Trouble(format!("{path}: {error}"))),
        }
    }

    /// Replaces a file.
    pub(crate) fn write(&self, path: &str, text: &str) -> Result<(), Trouble> {
        fs::write(self.root.join(path), text).map_err(|error| Trouble(format!("{path}: {error}")))
    }

    /// Whether there is a file or folder.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// Every file that git tracks, or would if it were added: what is ignored stays out.
    pub(crate) fn files(&self) -> Result<Vec<String>, Trouble> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"])
            .current_dir(&self.root)
            .output()
            .map_err(|error| Trouble(format!("git cannot be run: {error}")))?;
        if !output.status.success() {
            return Err(Trouble(format!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim())));
        }
        let listed = String::from_utf8_lossy(&output.stdout).into_owned();
        // A file may be deleted and not yet committed so.
        Ok(listed.split('\0').filter(|path| !path.is_empty() && self.has(path)).map(str::to_owned).collect())
    }
}
