//! The command itself: its options, scripts, the log, and what the documentation says of them.

use crate::{CHAT, TEXT, ask, chat, launch, log, said, start};
use serde_json::json;
use std::net::TcpStream;
use wharf::chaos::{fault, script::Script};
use wharf_testkit::client::{Client, fetch};

const DOCS: &str = include_str!("../../../../docs/chaos.md");

#[test]
fn a_script_decides_by_path_model_header_and_number() {
    let script = json!({"rules": [
        {"when": {"model": "tide-9*"}, "do": "status:404"},
        {"when": {"header": "storm"}, "do": ["rate-limit:retry-after=1", "status:529"], "then": "pass"},
        {"when": {"to": 1}, "do": "empty-body"},
    ]});
    let chaos = launch().file("script.json", &script.to_string()).args(&["--script", "script.json"]).start();
    let post = |headers: &[(&str, &str)], body: &[u8]| fetch(&chaos.base(), "POST", CHAT, headers, body);
    assert_eq!(post(&[], &chat(false)).body, b"");
    assert_eq!(post(&[], br#"{"model":"tide-99"}"#).status, 404);
    for status in [429, 529, 400] {
        // Behind its list the rule passes, and the header is read as a fault's name, which it is not.
        assert_eq!(post(&[("x-chaos", "storm")], &chat(false)).status, status);
    }
    assert_eq!(said(&post(&[], &chat(false))), TEXT);
    let reset = fetch(&chaos.base(), "POST", "/chaos/reset", &[], b"");
    assert_eq!(reset.json(), json!({"reset": true}));
    assert_eq!(post(&[], &chat(false)).body, b"", "counted from the reset");
    assert_eq!(log(&chaos, 1)["requests"], 1);
}

#[test]
fn one_fault_for_everybody_or_one_by_the_header() {
    let chaos = launch().args(&["--fault", "status:418"]).start();
    assert_eq!(ask(&chaos, "ok", false).unwrap().status, 418);
    let chaos = start();
    let header = fetch(&chaos.base(), "POST", CHAT, &[("x-chaos", "status:418")], &chat(false));
    assert_eq!(header.status, 418);
}

#[test]
fn refusing_everybody_does_not_wait_for_a_request() {
    let chaos = launch().args(&["--fault", "refuse"]).start();
    let mut client = Client::connect(chaos.address());
    assert!(client.is_closed());
}

#[test]
fn the_log_counts_and_shows_no_credential() {
    let chaos = start();
    let key = "sk-chaos-0123456789abcdef";
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("x-request-id", "one")];
    fetch(&chaos.base(), "POST", CHAT, &headers, &chat(false));
    let query = format!("/flap:1,1/v1beta/models/tide-2:streamGenerateContent?alt=sse&key={key}");
    fetch(&chaos.base(), "POST", &query, &[], b"{}");
    fetch(&chaos.base(), "POST", &query, &[], b"{}");
    let shown = fetch(&chaos.base(), "GET", "/chaos/log?over=3", &[], b"");
    assert!(!shown.text().contains(&key[..12]), "{}", shown.text());
    let log = shown.json();
    assert_eq!((&log["requests"], &log["over"], &log["ended"]), (&json!(3), &json!(3), &json!({"sent": 3})));
    assert_eq!(log["faults"], json!({"ok": 1, "flap:1,1": 2}));
    assert_eq!((&log["log"][0]["id"], &log["log"][1]["id"]), (&json!("one"), &json!(null)));
    for member in log["log"][0].as_object().unwrap().keys() {
        assert!(DOCS.contains(&format!("`{member}`")), "{member} is not documented");
    }
    let second = &log["log"][1];
    assert_eq!((&second["model"], &second["stream"]), (&json!("tide-2"), &json!(true)));
    assert_eq!(
        (&second["status"], &second["healthy"], &second["key"]),
        (&json!(503), &json!(false), &json!("***cdef"))
    );
    assert_eq!((&log["log"][2]["status"], &log["log"][2]["healthy"]), (&json!(200), &json!(true)));
    assert!(second["path"].as_str().unwrap().ends_with(":streamGenerateContent"), "no query: {second}");
}

#[test]
fn a_wrong_command_line_says_what_is_wrong() {
    for (args, part, code) in [
        (&["--fault", "slient-head"][..], "silent-head", 2),
        (&["--fault", "status:9"], "CODE", 2),
        (&["--fault", "ok", "--script", "x"], "--script", 2),
        (&["--script", "wrong.json"], "rule 1", 2),
        (&["--script", "missing.json"], "missing.json", 1),
        (&["--listen", "nowhere"], "--listen nowhere", 2),
    ] {
        let wrong = launch().file("wrong.json", r#"{"rules": [{"do": []}]}"#);
        let ended = wrong.args(args).run();
        assert_eq!(ended.status.code(), Some(code), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(part), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn it_ends_when_it_is_told_to_also_with_a_silent_client() {
    let chaos = start();
    let _silent = crate::send(&chaos, "silent-head", false);
    let _idle = TcpStream::connect(chaos.address()).unwrap();
    while log(&chaos, 0)["requests"] != 1 {}
    chaos.term();
    assert_eq!(chaos.wait().status.code(), Some(0));
}

#[test]
fn the_documentation_names_every_fault_as_the_code_does() {
    assert!(DOCS.contains(fault::table().trim()), "docs/chaos.md needs this table:\n{}", fault::table());
}

#[test]
fn the_scripts_of_the_documentation_can_be_read() {
    let scripts: Vec<&str> =
        DOCS.split("```json\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    assert!(scripts.len() >= 2, "{scripts:?}");
    for text in scripts {
        let script = Script::parse(text).unwrap_or_else(|error| unreachable!("{error}: {text}"));
        assert!(!script.rules.is_empty());
    }
    let members =
        ["seed", "rules", "when", "do", "then", "path", "model", "header", "stream", "from", "to", "chance"];
    for member in members {
        assert!(DOCS.contains(&format!("| `{member}`")), "{member} is not in the table");
    }
}
