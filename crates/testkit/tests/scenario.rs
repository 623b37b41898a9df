//! The scenario files are sound, and the runner notices what it is there to notice.

#![expect(clippy::unwrap_used, reason = "a test that cannot prepare itself fails")]

use serde_json::json;
use std::collections::HashSet;
use wharf_testkit::client::fetch;
use wharf_testkit::process::Folder;
use wharf_testkit::scenario::Scenario;
use wharf_testkit::upstream::{Reply, Upstream};

/// A gateway that hands everything on and swaps the key.
fn simple_gateway(upstream: &Upstream) -> Upstream {
    let base = upstream.base();
    Upstream::start(move |request| {
        let answer =
            fetch(&base, &request.method, &request.target, &[("authorization", "Bearer own")], &request.body);
        Reply::new(answer.status, answer.body).header("x-seen", "yes")
    })
}

fn scenario(expect: &serde_json::Value) -> Scenario {
    let step = json!({
        "request": {"method": "POST", "path": "/x?y=1", "body": {"a": 1}},
        "upstream": [{"status": 201, "body": {"b": [1, {"c": 2, "d": 3}]}}],
        "expect": expect
    });
    let file = json!({"name": "n", "about": "a", "steps": [step]});
    serde_json::from_value(file).unwrap()
}

fn differences(expect: &serde_json::Value) -> String {
    let upstream = Upstream::echo();
    let gateway = simple_gateway(&upstream);
    scenario(expect)
        .run(&gateway.base(), &upstream)
        .map_or_else(|failure| failure.to_string(), |()| String::new())
}

#[test]
fn a_scenario_that_goes_as_written_passes() {
    let seen = json!({"method": "POST", "target": "/x?y=1", "headers": {"authorization": ["Bearer other", "Bearer own"],
        "host": "{{upstream_host}}"}, "headers_absent": ["cookie"], "body": {"a": 1}, "body_text": "{\"a\":1}",
        "headers_only": ["host", "authorization", "content-length"]});
    let expect = json!({"status": 201, "headers": {"x-seen": {"contains": "ye"}, "content-length": true},
        "body_json": {"b": [1, {"c": 2}]}, "body": {"b": [1, {"c": 2, "d": 3}]}, "body_contains": ["\"d\":3"],
        "upstream": [seen]});
    assert_eq!(differences(&expect), "");
}

#[test]
fn every_difference_is_told() {
    for (expect, told) in [
        (json!({"status": 200}), "status: expected 200, got 201"),
        (json!({"status": 201, "headers": {"x-seen": "no"}}), "header x-seen"),
        (json!({"status": 201, "headers_absent": ["X-Seen"]}), "header X-Seen: expected none"),
        (json!({"status": 201, "body": {"b": [1, {"c": 2}]}}), "body.b[1].d: expected nothing, got 3"),
        (json!({"status": 201, "body_json": {"b": [1, {"c": 5}]}}), "body.b[1].c: expected 5, got 2"),
        (json!({"status": 201, "body_absent": ["\"d\""]}), "is in"),
        (json!({"status": 201, "complete": false}), "whole body"),
        (json!({"status": 201, "upstream": []}), "number of upstream requests"),
        (json!({"status": 201, "upstream": [{"target": "/y"}]}), "target: expected \"/y\""),
        (
            json!({"status": 201, "upstream": [{"target": "/x?y=1", "headers_absent": ["authorization"]}]}),
            "header authorization",
        ),
        (
            json!({"status": 201, "upstream": [{"target": "/x?y=1", "body_json": {"a": 2}}]}),
            "body.a: expected 2, got 1",
        ),
    ] {
        let found = differences(&expect);
        assert!(found.contains(told), "{expect}: {found}");
    }
}

#[test]
fn all_scenario_files_can_be_read_and_name_known_hosts() {
    let native = Scenario::all_for("native");
    let worker = Scenario::all_for("worker");
    assert!(native.len() >= 20 && worker.len() >= 20, "{} native, {} worker", native.len(), worker.len());
    let upstream = Upstream::echo();
    let mut names = HashSet::new();
    for scenario in native.iter().chain(&worker) {
        names.insert(scenario.name.clone());
        assert!(!scenario.steps.is_empty(), "{}", scenario.name);
        assert!(!scenario.config_text(&upstream).contains("{{"), "{}: an unknown placeholder", scenario.name);
    }
}

#[test]
fn a_difference_between_hosts_needs_a_reason() {
    let step = |more: serde_json::Value| {
        let mut step = json!({"request": {"path": "/"}, "expect": {"status": 200}});
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        step
    };
    let load = |file: &serde_json::Value| {
        let folder = Folder::new();
        let path = folder.write("n.json", &file.to_string());
        std::panic::catch_unwind(|| Scenario::load(&path)).is_ok()
    };
    let file = |step: &serde_json::Value| json!({"name": "n", "about": "a", "steps": [step]});
    assert!(load(&file(&step(json!({})))));
    assert!(load(&file(&step(json!({"hosts": ["worker"], "why": "so"})))));
    assert!(!load(&file(&step(json!({"hosts": ["worker"]})))));
    assert!(!load(&file(&step(json!({"why": "so"})))));
    assert!(!load(&file(&step(json!({"hosts": ["moon", "worker"], "why": "so"})))));
    assert!(!load(&json!({"name": "n", "about": "a", "hosts": ["native"], "steps": []})));
}
