//! House rule: a source file has 500 lines at most. How long a function may be is clippy's (`too_many_lines`).

use crate::tree::{Tree, Trouble};

/// The most lines of a source file.
const MOST: usize = 500;

/// What people write by hand and read from the top; JSON fixtures and text are not among it.
const ENDINGS: &[&str] =
    &["rs", "py", "sh", "toml", "yml", "yaml", "js", "mjs", "ts", "lua", "sql", "cfg", "conf"];

/// Files that may be longer, and why.
const LONGER: &[(&str, &str)] = &[("crates/core/src/provider/catalog.rs", "data: one entry a provider")];

/// A line for each source file that is too long.
pub(crate) fn check(tree: &Tree, files: &[String]) -> Result<Vec<String>, Trouble> {
    let mut wrong = Vec::new();
    for path in files.iter().filter(|path| is_source(path)) {
        let lines = tree.read(path)?.lines().count();
        if lines > MOST {
            wrong.push(format!("{path} has {lines} lines, {MOST} are the most: split it by idea"));
        }
    }
    Ok(wrong)
}

/// Whether the rule is for this file: by its ending, or a script without one.
fn is_source(path: &str) -> bool {
    if LONGER.iter().any(|(longer, _)| *longer == path) {
        return false;
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.') {
        Some((_, ending)) => ENDINGS.contains(&ending),
        None => {
            path.starts_with(".ci/")
                || path.starts_with("scripts/")
                || name == "justfile"
                || name == "Dockerfile"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_for_what_people_write() {
        for path in [
            "xtask/src/main.rs",
            ".ci/run",
            "scripts/fuzz",
            "justfile",
            "Cargo.toml",
            "tests/sdk/test_curl.py",
        ] {
            assert!(is_source(path), "{path}");
        }
        for path in [
            "Cargo.lock",
            "wharf.schema.json",
            "README.md",
            "LICENSE-MIT",
            "a/b.sse",
            "crates/core/src/provider/catalog.rs",
        ] {
            assert!(!is_source(path), "{path}");
        }
    }

    #[test]
    fn exceptions_are_still_there() {
        let tree = Tree::open().map_err(|trouble| trouble.0).unwrap();
        assert!(LONGER.iter().all(|(path, _)| tree.has(path)));
    }
}
