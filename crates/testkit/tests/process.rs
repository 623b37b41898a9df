//! The process runner, with a shell script in the binary's place.

#![expect(clippy::unwrap_used, reason = "a test that cannot prepare itself fails")]

use std::path::PathBuf;
use wharf_testkit::process::{Folder, Wharf};
use wharf_testkit::secrets::scan_folder;

/// A stand-in that shows its arguments and environment and then waits to be ended.
fn script(folder: &Folder, body: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.write("binary", &format!("#!/bin/sh\n{body}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

const SERVER: &str = "echo \"args $*\"; echo \"one $ONE path ${CARGO_HOME:-none}\"; \
    echo 'wharf 0 listening on http://127.0.0.1:4711' >&2; trap 'kill $!; echo bye; exit 7' TERM; sleep 60 >/dev/null 2>&1 & wait";

#[test]
fn a_server_is_started_told_to_end_and_its_output_kept() {
    let folder = Folder::new();
    let binary = script(&folder, SERVER);
    let running = Wharf::launch(&binary).config("{\"a\":1}").env("ONE", "1").args(&["--open"]).start();
    assert_eq!(running.base(), "http://127.0.0.1:4711");
    assert_eq!(std::fs::read_to_string(running.folder().join("test.jsonc")).unwrap(), "{\"a\":1}");
    let config = running.folder().join("test.jsonc").display().to_string();
    running.term();
    let ended = running.wait();
    assert_eq!(ended.status.code(), Some(7));
    assert!(
        ended.stdout.starts_with(&format!("args --config {config} --open --listen 127.0.0.1:0\n")),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("one 1 path none\n"), "the environment is clean: {}", ended.stdout);
    assert!(ended.stdout.ends_with("bye\n"));
}

#[test]
fn a_killed_server_leaves_its_folder_to_the_next() {
    let folder = Folder::new();
    let binary = script(&folder, SERVER);
    let mut running = Wharf::launch(&binary).file("state", "caller-secret-1").start();
    assert!(running.is_running());
    let left = running.kill9();
    assert_eq!(scan_folder(left.path(), &["caller-secret-1"]).len(), 1);
    let path = left.path().to_path_buf();
    let again = Wharf::launch(&binary).in_folder(left).start();
    assert_eq!(again.folder(), path);
    drop(again);
    assert!(!path.exists());
}

#[test]
fn a_command_runs_to_its_end() {
    let folder = Folder::new();
    let binary = script(&folder, "echo \"args $*\"; echo bad config >&2; exit 2");
    let ended = Wharf::launch(&binary).args(&["check", "--config", "x"]).run();
    assert_eq!(ended.status.code(), Some(2));
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("args check --config x\n", "bad config\n"));
}

#[test]
#[should_panic(expected = "refusing")]
fn a_server_that_does_not_start_says_why() {
    let folder = Folder::new();
    Wharf::launch(script(&folder, "echo refusing >&2; exit 1")).start();
}
