//! Opaque state through dialects without a slot, ids through vendors with rules, arguments as text and as objects.

use crate::chat::{
    Bind, IdRule, Part, Reasoning, State, StateKind, Text, ToolCall, arguments_object, arguments_text,
    detach, fit_id, mint_id, reattach, unwrapped,
};
use proptest::prelude::*;
use std::borrow::Cow;

fn state(kind: StateKind, bind: Bind, data: &str) -> State<'_> {
    State { kind, bind, data: Cow::Borrowed(data) }
}

const KINDS: [StateKind; 5] = [
    StateKind::ClaudeSignature,
    StateKind::ClaudeRedacted,
    StateKind::GeminiThought,
    StateKind::OpenAiEncrypted,
    StateKind::Details,
];

#[test]
fn a_wrapped_state_comes_back_borrowed_or_owned() {
    for kind in KINDS {
        for bind in [Bind::Reasoning, Bind::Text, Bind::Call] {
            let state = state(kind, bind, "a.b=+/{\"x\":\"wharf1.\"}");
            let wrapped = state.wrap();
            assert_eq!(State::unwrap_from(&Cow::Borrowed(wrapped.as_str())), Some(state.clone()));
            assert_eq!(State::unwrap_from(&Cow::Owned(wrapped)), Some(state.into_owned()));
        }
    }
}

#[test]
fn what_is_not_ours_is_not_unwrapped() {
    for text in [
        "",
        "EqQBCgIYAhIM",
        "wharf1.",
        "wharf1.claude",
        "wharf1.claude.call",
        "wharf1.who.call.x",
        "wharf1.claude.who.x",
    ] {
        assert_eq!(State::unwrap_from(&Cow::Borrowed(text)), None, "{text}");
    }
}

fn parts() -> Vec<Part<'static>> {
    let call = |id, bound: Option<&'static str>| {
        let state = bound.map(|data| state(StateKind::GeminiThought, Bind::Call, data));
        Part::ToolCall(ToolCall { id: Cow::Borrowed(id), name: "f".into(), state, ..ToolCall::default() })
    };
    let said = state(StateKind::GeminiThought, Bind::Text, "t");
    let thought = state(StateKind::ClaudeSignature, Bind::Reasoning, "r");
    vec![
        Part::Reasoning(Reasoning { text: "hm".into(), state: Some(thought), ..Reasoning::default() }),
        Part::Text(Text { text: "so".into(), state: Some(said), ..Text::default() }),
        call("1", Some("c")),
        call("2", None),
    ]
}

#[test]
fn detached_states_find_their_owners_again() {
    let apart = detach(parts());
    assert_eq!(apart.len(), 6);
    let bound = |part: &Part<'_>| match part {
        Part::Text(text) => text.state.is_some(),
        Part::ToolCall(call) => call.state.is_some(),
        _ => false,
    };
    assert!(!apart.iter().any(bound), "{apart:?}");
    assert_eq!(reattach(apart), parts());
}

#[test]
fn an_id_that_fits_stays_and_one_that_does_not_is_always_the_same() {
    for (rule, good, bad) in [
        (IdRule::Any, "anything at all!", ""),
        (IdRule::Nine, "AbC123xyz", "call_abc"),
        (IdRule::Word64, "toolu_01-x", "functions.get:0"),
        (IdRule::Forty, "call_abc", "01234567890123456789012345678901234567890"),
    ] {
        assert_eq!(fit_id(good, rule), good);
        let fitted = fit_id(bad, rule).into_owned();
        assert_eq!(fit_id(bad, rule), fitted);
        assert_eq!(fit_id(&fitted, rule), fitted, "{rule:?}: what was made fits");
    }
    // Published ids must never change: clients hold them across versions.
    assert_eq!(fit_id("call_abc", IdRule::Nine), fit_id("call_abc", IdRule::Nine));
    assert_ne!(fit_id("call_abc", IdRule::Nine), fit_id("call_abd", IdRule::Nine));
    assert_ne!(mint_id("answer", 0), mint_id("answer", 1));
    assert_ne!(mint_id("a", 1), mint_id("b", 1));
    assert_eq!(mint_id("answer", 0), mint_id("answer", 0));
}

#[test]
fn arguments_are_an_object_whatever_came() {
    for (came, object) in [
        ("", "{}"),
        ("  ", "{}"),
        ("null", "{}"),
        (r#" {"a":1} "#, r#"{"a":1}"#),
        (r#""{\"a\":1}""#, r#"{"a":1}"#),
        ("[1]", r#"{"input":"[1]"}"#),
        (r#"{"a":"#, r#"{"input":"{\"a\":"}"#),
        ("plain", r#"{"input":"plain"}"#),
        (" a\n", r#"{"input":" a\n"}"#),
    ] {
        assert_eq!(arguments_object(came), object, "{came}");
    }
    assert_eq!(
        (arguments_text(""), arguments_text("null"), arguments_text("{\"a\":1}")),
        ("{}", "{}", "{\"a\":1}")
    );
    assert_eq!(unwrapped(r#"{"input":"SELECT 1"}"#), "SELECT 1");
    assert_eq!(unwrapped("SELECT 1"), "SELECT 1");
    assert_eq!(unwrapped(r#"{"query":1}"#), r#"{"query":1}"#);
}

proptest! {
    #[test]
    fn every_id_becomes_one_that_its_rule_takes(id in ".{0,80}") {
        for rule in [IdRule::Any, IdRule::Nine, IdRule::Word64, IdRule::Forty] {
            let fitted = fit_id(&id, rule).into_owned();
            prop_assert_eq!(fit_id(&fitted, rule).into_owned(), fitted);
        }
    }

    #[test]
    fn every_state_survives_its_wrapping(data in ".{0,80}", kind in 0..5_usize) {
        let state = state(KINDS[kind], Bind::Call, &data);
        let wrapped = Cow::Owned(state.wrap());
        prop_assert_eq!(State::unwrap_from(&wrapped), Some(state.clone().into_owned()));
    }

    #[test]
    fn arguments_always_become_an_object(text in ".{0,60}") {
        let object = arguments_object(&text).into_owned();
        let value: serde_json::Value = serde_json::from_str(&object).unwrap();
        prop_assert!(value.is_object());
    }
}
