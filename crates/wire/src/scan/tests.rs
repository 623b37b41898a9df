//! What `scan` accepts and finds, checked against `serde_json`.

use std::fmt::Write as _;

use bytes::Bytes;
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;

fn found(body: &str) -> Scan {
    scan(body.as_bytes()).unwrap()
}

fn model(body: &str) -> Option<String> {
    found(body).model(body.as_bytes()).map(Cow::into_owned)
}

fn reason(body: impl AsRef<[u8]>) -> String {
    scan(body.as_ref()).unwrap_err().to_string()
}

#[test]
fn only_the_top_level_counts() {
    let body = r#"{"x":{"model":"inner","stream":true},"y":[{"model":"inner"}],"model":"outer"}"#;
    assert_eq!(model(body).as_deref(), Some("outer"));
    assert!(!found(body).stream);
    assert_eq!(found(r#"[{"model":"a"}]"#).model, Model::Missing);
}

#[test]
fn keys_and_values_may_be_escaped() {
    let body = r#"{"mod\u0065l":"gpt\u002d4\/x","\u0073tream":true}"#;
    assert_eq!(model(body).as_deref(), Some("gpt-4/x"));
    assert!(found(body).stream);
    assert!(matches!(found(body).model, Model::Text { escaped: true, .. }));
    assert_eq!(model(r#"{"model":"\ud800"}"#).as_deref(), Some("\u{fffd}"));
}

#[test]
fn the_last_of_two_models_counts_and_both_are_noticed() {
    let body = r#"{"model":"a","m\u006fdel":"b"}"#;
    assert_eq!(model(body).as_deref(), Some("b"));
    assert!(found(body).model_twice);
    assert!(found(r#"{"model":null,"model":"b"}"#).model_twice);
    assert_eq!(found(r#"{"model":"a","model":null}"#).model, Model::Other);
    assert!(!found(r#"{"stream":true,"stream":false}"#).stream);
}

#[test]
fn a_value_of_another_type_is_told_apart_from_a_missing_one() {
    for value in ["null", "1", "{}", "[\"a\"]", "true"] {
        assert_eq!(found(&format!("{{\"model\":{value}}}")).model, Model::Other);
    }
    assert_eq!(found("{}").model, Model::Missing);
    assert!(!found(r#"{"stream":"true"}"#).stream);
}

#[test]
fn stream_options_are_read() {
    let read = |options: &str| {
        let scan = found(&format!("{{\"stream_options\":{options}}}"));
        (scan.stream_options, scan.include_usage)
    };
    assert_eq!(read(r#"{"include_usage": true}"#), (true, true));
    assert_eq!(read(r#"{"include_usage":true,"include_usage":false}"#), (true, false));
    assert_eq!(read(r#"{"x":{"include_usage":true}}"#), (true, false));
    assert_eq!(read("null"), (false, false));
}

#[test]
fn what_is_no_object_is_valid_but_flagged() {
    for body in ["[]", "\"a\"", "1", " null ", "-0.5E+3"] {
        assert_eq!(found(body).root, Root::Other, "{body}");
    }
    assert_eq!(found(" {} ").root, Root::Object);
}

#[test]
fn an_error_says_where_and_why() {
    assert_eq!(reason(""), "invalid JSON at byte 0: the body ends too early");
    assert_eq!(reason("\u{feff}{}"), "invalid JSON at byte 0: a byte order mark");
    assert_eq!(reason("{\"a\":1,}"), "invalid JSON at byte 7: a key was expected");
    assert_eq!(reason("{\"a\":\"\n\"}"), "invalid JSON at byte 6: a raw control character in a string");
    assert_eq!(reason(b"{\"a\":\"\xff\"}"), "invalid JSON at byte 6: not UTF-8");
    assert_eq!(reason("{} x"), "invalid JSON at byte 3: something behind the value");
}

#[test]
fn deep_nesting_is_refused_without_reading_on() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(scan(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(scan(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err().at, MAX_DEPTH);
    assert_eq!(scan(&vec![b'['; 10 << 20]).unwrap_err().at, MAX_DEPTH);
}

/// Bodies of the kinds that clients send, and of kinds that they should not.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|flag| flag.to_string()),
        any::<f64>().prop_map(|number| Value::from(number).to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<String>().prop_map(|text| Value::from(text).to_string()),
        "[a-z \\\\/\"é😀]{0,100}".prop_map(|text| Value::from(text).to_string()),
        Just(r#""\ud83d\ude00\u0041\/\b""#.to_owned()),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        let key = prop_oneof![
            Just("\"model\"".to_owned()),
            Just("\"stream\"".to_owned()),
            Just(r#""mod\u0065l""#.to_owned()),
            "[a-z\u{1}\"]{0,12}".prop_map(|text| Value::from(text).to_string())
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(" ,\t"))),
            prop::collection::vec((key, inner), 0..6).prop_map(|pairs| {
                let mut text = "{".to_owned();
                for (index, (key, value)) in pairs.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(text, "{comma}{key}:{value} ").unwrap();
                }
                text + "}"
            }),
        ]
    })
}

/// Valid for `serde_json`, without its own limit of depth: these bodies are shallower.
fn valid(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

proptest! {
    #[test]
    fn scan_agrees_with_serde_json_on_what_is_json(
        body in json(), cut in any::<prop::sample::Index>(), byte in any::<u8>(), change in 0..4,
    ) {
        let mut body = body.into_bytes();
        let at = cut.index(body.len());
        match change {
            0 => {}
            1 => body.truncate(at),
            2 => body[at] = byte,
            _ => body.insert(at, b"\"\\{}[],:0 -.eut\n"[usize::from(byte) % 16]),
        }
        prop_assert_eq!(scan(&body).is_ok(), valid(&body), "{}", String::from_utf8_lossy(&body));
    }

    #[test]
    fn scan_finds_the_model_that_serde_json_finds(body in json()) {
        // serde_json's parser keeps the last of equal keys too, and refuses lone surrogates, which json() never makes.
        let value: Value = serde_json::from_str(&body).unwrap();
        let scan = found(&body);
        prop_assert_eq!(scan.root == Root::Object, value.is_object());
        let expected = value.get("model");
        prop_assert_eq!(scan.model == Model::Missing, expected.is_none());
        let name = scan.model(body.as_bytes());
        prop_assert_eq!(name.as_deref(), expected.and_then(Value::as_str));
        prop_assert_eq!(scan.stream, value.get("stream") == Some(&Value::Bool(true)));
    }

    #[test]
    fn splice_changes_the_model_and_no_other_byte(
        before in json(), old in any::<String>(), after in json(), new in any::<String>(),
    ) {
        let head = format!("{{\"before\":{before}, \"model\" : ");
        let tail = format!(" ,\"after\":{after}}}");
        let body = Bytes::from(format!("{head}{}{tail}", Value::from(old.as_str())));
        let Model::Text { value, .. } = scan(&body).unwrap().model else { panic!("a model is there") };
        let pieces = splice(&body, value, &new);
        let spliced = pieces.to_bytes();
        prop_assert_eq!(pieces.len(), spliced.len());
        prop_assert!(spliced.starts_with(head.as_bytes()) && spliced.ends_with(tail.as_bytes()));
        let mut expected: Value = serde_json::from_slice(&body).unwrap();
        expected["model"] = Value::from(new);
        prop_assert_eq!(serde_json::from_slice::<Value>(&spliced).unwrap(), expected);
    }

    #[test]
    fn edit_drops_the_named_members_and_keeps_the_rest(body in json()) {
        let before: Value = serde_json::from_str(&body).unwrap();
        let edited = edit(&Bytes::from(body), &Edits { drop: &["stream", "a"], ..Edits::default() });
        let mut expected = before;
        if let Some(object) = expected.as_object_mut() {
            object.retain(|name, _| name != "stream" && name != "a");
        }
        let after: Value = serde_json::from_slice(&edited.body).unwrap();
        prop_assert_eq!(after, expected);
    }
}
