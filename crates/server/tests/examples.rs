//! What the documentation shows is what the binary takes: every file of `examples/`, and the README's own.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use wharf_testkit::process::Folder;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names behind `env:` in a file: whoever uses it sets them.
fn variables(text: &str) -> BTreeSet<&str> {
    text.split("\"env:").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// `wharf check` over a file, in a clean environment with the file's variables.
fn check(path: &Path, text: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wharf"))
        .arg("check")
        .arg("--config")
        .arg(path)
        .env_clear()
        .envs(variables(text).into_iter().map(|name| (name, format!("value-of-{name}"))))
        .output()
        .expect("the binary runs")
}

/// The certificates that an example names: they need not be on this machine.
fn certificates() -> Folder {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let folder = Folder::new();
    folder.write("cert.pem", &made.cert.pem());
    folder.write("key.pem", &made.signing_key.serialize_pem());
    folder.write("upstream-ca.pem", &made.cert.pem());
    folder
}

#[test]
fn every_example_is_a_good_configuration() {
    let mut seen = 0;
    let folder = certificates();
    for entry in fs::read_dir(root().join("examples")).expect("the folder of examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|ending| ending != "jsonc") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a readable example");
        let text = text.replace("/etc/wharf/", &format!("{}/", folder.path().display()));
        let output = check(&folder.write("example.jsonc", &text), &text);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", path.display());
        // What a Worker understands is shown too, and has no effect here.
        let problems: String = said.lines().filter(|line| !line.contains("egress: region hints")).collect();
        assert_eq!(problems, "", "{}: not even a warning", path.display());
        seen += 1;
    }
    assert!(seen >= 6, "only {seen} examples were found");
}

#[test]
fn an_example_without_its_variables_is_refused() {
    let path = root().join("examples/full.jsonc");
    let output = check(&path, "");
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("MY_LLM_KEY"));
}

#[test]
fn the_readmes_configuration_is_the_example_of_that_name() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let (_, rest) = readme.split_once("```jsonc\n").expect("the README shows a configuration");
    let (shown, _) = rest.split_once("```").expect("the block ends");
    let example = fs::read_to_string(root().join("examples/readme.jsonc")).expect("the example");
    assert!(example.ends_with(shown), "examples/readme.jsonc must end with what the README shows");
}
