//! Rules, lists and chances.

use super::*;

const ASKED: Asked<'_> = Asked {
    number: 1,
    path: "/v1/chat/completions",
    wished: None,
    model: "tide-1",
    header: None,
    stream: false,
};

fn chooser(script: &str) -> Chooser {
    Chooser::new(Script::parse(script).unwrap(), None)
}

/// The names that `count` requests like this one get, numbered from 1.
fn names(chooser: &mut Chooser, asked: Asked<'_>, count: u64) -> Vec<String> {
    let name = |number| chooser.choose(&Asked { number, ..asked }).unwrap().name;
    (1..=count).map(name).collect()
}

#[test]
fn a_rules_list_is_gone_through_and_then_begins_anew_stays_or_passes() {
    for (then, expected) in [
        ("again", ["reset:1", "status:500", "reset:1", "status:500"]),
        ("stay", ["reset:1", "status:500", "status:500", "status:500"]),
        ("pass", ["reset:1", "status:500", "ok", "ok"]),
    ] {
        let mut chooser =
            chooser(&format!(r#"{{"rules": [{{"do": ["reset:1", "status:500"], "then": "{then}"}}]}}"#));
        assert_eq!(names(&mut chooser, ASKED, 4), expected, "{then}");
        chooser.reset();
        assert_eq!(names(&mut chooser, ASKED, 4), expected, "{then}, after a reset");
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let mut chooser = chooser(
        r#"{"rules": [
            {"when": {"path": "/v1/messages"}, "do": "status:529"},
            {"when": {"model": "tide-2*"}, "do": "status:501"},
            {"when": {"header": "slow"}, "do": "slow-head:5"},
            {"when": {"stream": true}, "do": "cut-events"},
            {"when": {"from": 3, "to": 4}, "do": "garbage"}
        ]}"#,
    );
    for (asked, name) in [
        (Asked { path: "/v1/messages", model: "tide-2", ..ASKED }, "status:529"),
        (Asked { model: "tide-2-mini", ..ASKED }, "status:501"),
        (Asked { header: Some("slow"), stream: true, ..ASKED }, "slow-head:5"),
        (Asked { stream: true, number: 3, ..ASKED }, "cut-events"),
        (Asked { number: 2, ..ASKED }, "ok"),
        (Asked { number: 4, ..ASKED }, "garbage"),
        (Asked { number: 5, ..ASKED }, "ok"),
    ] {
        assert_eq!(chooser.choose(&asked).unwrap().name, name, "{asked:?}");
    }
}

#[test]
fn without_a_rule_the_path_decides_and_then_the_header() {
    let mut chooser = Chooser::new(Script::default(), None);
    let header = Asked { header: Some("garbage"), ..ASKED };
    assert_eq!(chooser.choose(&header).unwrap().fault, Fault::Garbage);
    let both = Asked { wished: Some("ok"), ..header };
    assert_eq!(chooser.choose(&both).unwrap().fault, Fault::Healthy);
    assert!(chooser.choose(&Asked { header: Some("nonsense"), ..ASKED }).unwrap_err().contains("nonsense"));
}

#[test]
fn flapping_goes_in_turn_and_chance_by_the_seed() {
    let mut chooser = Chooser::new(Script::default(), Some(7));
    let flap = Asked { wished: Some("flap:2,1"), ..ASKED };
    let down: Vec<bool> =
        (0..6).map(|_| chooser.choose(&flap).unwrap().fault == Fault::Status(503)).collect();
    assert_eq!(down, [true, true, false, true, true, false]);
    let chance = Asked { wished: Some("chance:30,refuse"), ..ASKED };
    let mut draw = || -> Vec<bool> {
        (0..200).map(|_| chooser.choose(&chance).unwrap().fault == Fault::Refuse).collect()
    };
    let first = draw();
    let count = first.iter().filter(|down| **down).count();
    assert!((40..80).contains(&count), "{count} of 200");
    assert_ne!(first, draw());
    chooser.reset();
    let again: Vec<bool> =
        (0..200).map(|_| chooser.choose(&chance).unwrap().fault == Fault::Refuse).collect();
    assert_eq!(first, again);
}

#[test]
fn a_rule_with_a_chance_leaves_the_rest_to_the_next() {
    let mut chooser =
        chooser(r#"{"seed": 3, "rules": [{"when": {"chance": 50}, "do": "reset"}, {"do": "status"}]}"#);
    let names = names(&mut chooser, ASKED, 100);
    let reset = names.iter().filter(|name| *name == "reset").count();
    assert!((30..70).contains(&reset) && names.iter().all(|name| name == "reset" || name == "status"));
}

#[test]
fn a_wrong_script_is_refused_with_the_reason() {
    for (script, part) in [
        (r#"{"rules": [{"do": "nonsense"}]}"#, "did not match"),
        (r#"{"rules": [{"do": []}]}"#, "rule 1"),
        (r#"{"rules": [{"do": "ok", "than": "stay"}]}"#, "than"),
        (r#"{"rules": [{"when": {"model": 1}, "do": "ok"}]}"#, "line 1"),
        ("[", "line 1"),
    ] {
        let error = Script::parse(script).unwrap_err();
        assert!(error.contains(part), "{script}: {error}");
    }
}

#[test]
fn only_a_bare_refuse_keeps_everybody_out() {
    assert!(Script::always("refuse").unwrap().refuses_all());
    assert!(!Script::always("reset").unwrap().refuses_all());
    let some = r#"{"rules": [{"when": {"path": "/v1"}, "do": "refuse"}]}"#;
    assert!(!Script::parse(some).unwrap().refuses_all());
    assert!(!Script::default().refuses_all());
}
