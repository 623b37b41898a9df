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

/// Where a string that begins at the first byte ends, found the simplest way: what the scan has to say as well.
fn string_end(body: &[u8]) -> Result<usize, ScanError> {
    let mut at = 1;
    loop {
        let error = |reason| Err(ScanError { at, reason });
        let hex = |at: usize| body.get(at).is_some_and(u8::is_ascii_hexdigit);
        match (body.get(at), body.get(at + 1)) {
            (None, _) | (Some(b'\\'), None) => return error("a string without an end"),
            (Some(b'"'), _) => return Ok(at + 1),
            (Some(b'\\'), Some(b'u')) if (at + 2..at + 6).all(hex) => at += 6,
            (Some(b'\\'), Some(b'u')) => return error("a `\\u` without four hex digits"),
            (Some(b'\\'), Some(byte)) if br#""\/bfnrt"#.contains(byte) => at += 2,
            (Some(b'\\'), _) => return error("an unknown escape"),
            (Some(..0x20), _) => return error("a raw control character in a string"),
            _ => at += 1,
        }
    }
}

/// The inside of long strings: mostly right, of one kind for a while as texts are, and broken at one place or none.
fn long_text() -> impl Strategy<Value = String> {
    let plain = "[ -!#-\\[\\]-~]{0,70}";
    let usual = || prop_oneof![Just(r#"\""#), Just(r"\n"), Just(r"\t"), Just("a"), Just("two words")];
    let runs = || prop_oneof![Just(r"\\"), Just(r#"\\\""#), Just(r"\/"), Just(r"\f"), Just("n"), Just("é")];
    let any =
        || prop_oneof![Just(r"\u00e9"), Just(r"\uD83D\uDE00"), Just(r"\\u"), Just("u00"), Just(r"\\\\\\")];
    let wrong = prop_oneof![
        6 => Just(""),
        1 => Just(r"\"),
        1 => Just("\""),
        1 => Just("\n"),
        1 => Just("\u{1f}"),
        1 => Just(r"\u12"),
        1 => Just(r"\x"),
        1 => Just(r"\u123g"),
        1 => Just(r"\\\"),
    ];
    let part = prop_oneof![
        plain.prop_map(|text| text),
        prop::collection::vec(usual(), 0..60).prop_map(|pieces| pieces.concat()),
        prop::collection::vec(prop_oneof![usual(), runs()], 0..60).prop_map(|pieces| pieces.concat()),
        prop::collection::vec(prop_oneof![usual(), runs(), any()], 0..60).prop_map(|pieces| pieces.concat()),
    ];
    let parts = || prop::collection::vec(part.clone(), 0..4).prop_map(|parts| parts.concat());
    (parts(), wrong, parts()).prop_map(|(before, wrong, after)| format!("{before}{wrong}{after}"))
}

/// What scan has to say of a body that begins with a string.
fn judged(body: &str) -> Result<(), ScanError> {
    let end = string_end(body.as_bytes())?;
    match body[end..].find(|byte| !" \t\n\r".contains(byte)) {
        Some(behind) => Err(ScanError { at: end + behind, reason: "something behind the value" }),
        None => Ok(()),
    }
}

#[test]
fn an_escape_means_the_same_wherever_it_stands_in_a_block() {
    let before = ["a", r"\n", r"\\", r#"\\\""#, r"\u00e9", "é", r"\\\\\\x"];
    let here = [
        "",
        "\"",
        r#"\\""#,
        r#"\""#,
        r"\\n",
        r"\u12Ef",
        r"\\\u12eF",
        r"\u123",
        r"\\u123",
        r"\x",
        r"\\\x",
        "\n",
        r"\\\\",
        r#"\\\\""#,
        r"\\\\\",
    ];
    for before in before {
        for here in here {
            for (count, pad) in (0..150).flat_map(|count| [(count, 0), (count, 3)]) {
                let body = format!("\"{}{}{here}{}", "b".repeat(pad), before.repeat(count), "c".repeat(140));
                assert_eq!(scan(body.as_bytes()).map(drop), judged(&body), "{body}");
                let closed = body + "\"";
                assert_eq!(scan(closed.as_bytes()).map(drop), judged(&closed), "{closed}");
            }
        }
    }
}

proptest! {
    #[test]
    fn a_long_string_is_judged_as_byte_by_byte(text in long_text(), closed in any::<bool>()) {
        let body = format!("\"{text}{}", if closed { "\"" } else { "" });
        prop_assert_eq!(scan(body.as_bytes()).map(drop), judged(&body), "{}", body);
    }
}
