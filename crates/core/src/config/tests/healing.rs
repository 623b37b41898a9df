//! Terms of keys, routes and limits as they are written and as they are refused.

use super::*;
use crate::plan::{Balance, Class};

fn provider(keys: &str) -> String {
    format!(r#"{{ "providers": {{ "e": {{ "base_url": "https://x.example", "keys": {keys} }} }} }}"#)
}

#[test]
fn a_key_may_have_terms_of_its_own() {
    let list = r#"["k-0", {"key": "k-1", "label": "team-a", "weight": 3, "models": ["big*"], "deny_models": ["big-1"], "max_concurrent": 2}]"#;
    let compiled = good(&provider(list), &[]);
    assert_eq!(keys(&compiled, "e"), ["k-0", "k-1"]);
    let pool = &entry(&compiled, "e").pool;
    let terms = &pool.members[1].terms;
    assert_eq!((terms.weight, terms.max_concurrent, terms.label.as_deref()), (3, Some(2), Some("team-a")));
    for (model, serves) in
        [(Some("big-2"), true), (Some("big-1"), false), (Some("small"), false), (None, true)]
    {
        assert_eq!(terms.serves(model), serves, "{model:?}");
    }
    assert!(pool.members[0].terms.serves(Some("small")) && !pool.plain);
    assert_eq!(pool.find("team-a").map(|member| member.id), Some(pool.members[1].id));
    let print = pool.members[0].id.to_string();
    assert_eq!((pool.members[0].name(), pool.find(&print).is_some()), (print, true));
    assert!(entry(&good(&provider(r#"["k-0", "k-1"]"#), &[]), "e").pool.plain);
}

#[test]
fn terms_go_with_every_key_that_a_variable_holds() {
    let compiled = good(&provider(r#"[{"key": "env:KEYS", "weight": 2}, "k-2"]"#), &[("KEYS", "k-0,k-1")]);
    let weights: Vec<u16> =
        entry(&compiled, "e").pool.members.iter().map(|member| member.terms.weight).collect();
    assert_eq!((keys(&compiled, "e"), weights), (vec!["k-0", "k-1", "k-2"], vec![2, 2, 1]));
}

#[test]
fn what_cannot_be_meant_of_a_key_is_refused() {
    for (keys, message) in [
        (r#"[{"label": "a"}]"#, "is missing"),
        (r#"[{"key": "k", "label": "a b"}]"#, "may hold letters, digits"),
        (r#"[{"key": "k", "weight": 0}]"#, "must be a whole number from 1 to 100"),
        (r#"[{"key": 5}]"#, "must be a string, not a number"),
        (r#"[{"key": "k", "model": "m"}]"#, "did you mean `models`?"),
        (r#"[{"key": "k", "label": "a"}, {"key": "l", "label": "a"}]"#, "two keys have the label `a`"),
        (r#"[["k"]]"#, "must be a string or an object, not an array"),
        (r#"{"key": "k"}"#, "must be a string or an array"),
    ] {
        let lines = bad(&provider(keys), &[]);
        assert!(lines.len() == 1 && lines[0].contains(message), "{keys}: {lines:?}");
    }
    let lines = bad(r#"{ "OPENAI_API_KEY": [{"key": "k"}] }"#, &[]);
    assert!(lines[0].contains("must be a string, not an object"), "{lines:?}");
}

#[test]
fn a_route_says_how_it_chooses_and_what_gives_way() {
    let file = r#"{ "routes": { "r": {
        "targets": ["openai/a", {"target": "groq/b", "weight": 4}], "balance": "weighted",
        "fallback": ["timeout", "context_length"], "retries": 2, "timeouts": {"first_event_ms": 7, "total_ms": 9}
    } } }"#;
    let compiled = good(file, &[]);
    let route = &compiled.table.routes["r"];
    assert_eq!((&*route.targets, &*route.weights), (&["openai/a".into(), "groq/b".into()][..], &[1, 4][..]));
    assert_eq!((route.balance, route.retries), (Balance::Weighted, Some(2)));
    let classes =
        [Class::Timeout, Class::ContextLength, Class::ServerError].map(|class| route.gives_way.has(class));
    assert_eq!(classes, [true, true, false]);
    assert_eq!((route.timeouts.first_event, route.timeouts.total), (Some(Millis(7)), Some(Millis(9))));
    for (route, message) in [
        (r#"{"targets": ["openai/a", {"weight": 1}]}"#, "is missing"),
        (r#"{"targets": [{"target": "nobody/b"}]}"#, "unknown provider `nobody`"),
        (r#"{"targets": ["openai/a"], "balance": "fair"}"#, "must be one of"),
        (r#"{"targets": ["openai/a"], "fallback": ["all"]}"#, "must be one of"),
        (r#"{"targets": ["openai/a"], "retries": 11}"#, "from 0 to 10"),
    ] {
        let lines = bad(&format!(r#"{{ "routes": {{ "r": {route} }} }}"#), &[]);
        assert!(lines.len() == 1 && lines[0].contains(message), "{route}: {lines:?}");
    }
}

#[test]
fn what_is_not_said_has_its_default() {
    let table = good("", &[]).table;
    assert_eq!((table.hold, table.keepalive), (Millis(1500), Some(Millis(15_000))));
    let table = good(
        r#"{ "keepalive_ms": 0, "hold_ms": 10, "breaker": {"failed_percent": 0, "min_calls": 9} }"#,
        &[],
    )
    .table;
    assert_eq!((table.hold, table.keepalive), (Millis(10), None));
    assert_eq!((table.breaker.percent, table.breaker.samples), (101, 9));
}
