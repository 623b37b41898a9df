//! The tree, its writer and its paths.

use super::*;
use proptest::prelude::*;

#[test]
fn a_tree_keeps_the_text_of_what_it_holds() {
    let text =
        br#" {"a": [1, 2.50, 12345678901234567890], "b": {"x" : null}, "c": "\u00e9\n", "c": "last"} "#;
    let json = parse(text).unwrap();
    assert_eq!(json.get("a").unwrap().raw(), "[1, 2.50, 12345678901234567890]");
    assert_eq!(json.at(&["a", "1"]).unwrap().float(), Some(2.5));
    assert_eq!(json.at(&["a", "2"]).unwrap().raw(), "12345678901234567890");
    assert_eq!(json.get("b").unwrap().raw(), r#"{"x" : null}"#);
    assert_eq!(json.get("b").unwrap().get("x"), None);
    assert_eq!(json.get("c").unwrap().text(), Some("last"));
    assert_eq!(json.members()[2].1.text(), Some("é\n"));
}

#[test]
fn what_is_no_json_is_refused_with_its_offset() {
    for (text, at) in [
        ("", 0),
        ("{", 1),
        ("[1,]", 3),
        ("{\"a\" 1}", 5),
        ("01", 1),
        ("1.", 2),
        ("-", 1),
        ("1e+", 3),
        ("nul", 0),
        ("\"a", 0),
        (r#""\x""#, 1),
        (r#""\u12g4""#, 1),
        ("1 2", 2),
        ("{a:1}", 1),
    ] {
        assert_eq!(parse(text.as_bytes()).unwrap_err().at, at, "{text}");
    }
    assert_eq!(parse(b"\"\xff\"").unwrap_err(), JsonError { at: 1, reason: "not UTF-8" });
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    assert_eq!(parse(deep.as_bytes()).unwrap_err().reason, "nested too deep");
    let fits = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
    assert!(parse(fits.as_bytes()).is_ok());
}

#[test]
fn half_a_surrogate_pair_is_refused_or_replaced() {
    assert_eq!(parse(br#""\ud83d\ude00""#).unwrap().text(), Some("😀"));
    assert_eq!(parse(br#""x\ud83d""#).unwrap_err().at, 2);
    assert_eq!(parse_lossy(br#""\ud83d\u0041\udc00""#).unwrap().text(), Some("\u{fffd}A\u{fffd}"));
}

#[test]
fn a_field_of_the_wrong_type_is_named_by_its_path() {
    let body = parse(br#"{"messages": [{"content": [{"image_url": 5, "extra": 1}]}], "n": 1e400}"#).unwrap();
    let mut fields = Fields::new(Path::ROOT, body).unwrap();
    assert_eq!(
        fields.float("n").unwrap_err().to_string(),
        "n: must be a number in the range of a double, not 1e400"
    );
    let messages = fields.array("messages").unwrap().unwrap();
    let path = fields.path.name("messages");
    let path = path.index(0);
    let mut message = Fields::new(path, messages.items.into_iter().next().unwrap()).unwrap();
    let content = message.array("content").unwrap().unwrap();
    let path = message.path.name("content");
    let mut part = Fields::new(path.index(0), content.items.into_iter().next().unwrap()).unwrap();
    let error = part.text("image_url").unwrap_err();
    assert_eq!(error.to_string(), "messages[0].content[0].image_url: must be a string, not 5");
    let mut left = Vec::new();
    part.unread(|path| left.push(path));
    assert_eq!(left, ["messages[].content[].extra"]);
}

#[test]
fn the_writer_puts_commas_and_escapes() {
    let mut out = Writer::default();
    out.begin()
        .member("a", "q\"\\\n\u{1}é")
        .name("b")
        .list()
        .number(1)
        .float(0.7)
        .float(2.0)
        .null()
        .end_list();
    out.name("c").begin().end().bool_if("d", Some(true)).member_if("e", None).strings(&[]).end();
    // `strings` without a name would be a mistake in an object; here it only shows the comma.
    assert_eq!(out.into_string(), r#"{"a":"q\"\\\n\u0001é","b":[1,0.7,2,null],"c":{},"d":true,""}"#);
}

fn same(ours: &Json<'_>, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Json::Null, serde_json::Value::Null) => true,
        (Json::Bool(a), serde_json::Value::Bool(b)) => a == b,
        (Json::Number(a), serde_json::Value::Number(b)) => {
            serde_json::from_str::<serde_json::Value>(a).unwrap().as_f64() == b.as_f64()
        }
        (Json::String(a), serde_json::Value::String(b)) => a == b,
        (Json::Array(a), serde_json::Value::Array(b)) => {
            a.items.len() == b.len() && a.items.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Json::Object(a), serde_json::Value::Object(b)) => {
            b.iter().all(|(name, b)| a.get(name).is_some_and(|a| same(a, b)))
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn it_reads_what_serde_json_reads(text in r#"[\[\]{}",:a0-9.eE+\\u \-]{0,24}|"[^"]{0,8}"|\{"a":[0-9]{1,3},"b\\n":\[null,true\]\}"#) {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match (parse(text.as_bytes()), theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert!(same(&ours, &theirs)),
            (Err(_), Err(_)) => {}
            // serde_json refuses raw control characters and numbers beyond a double; `scan` has seen to the former.
            (Ok(_), Err(error)) => {
                let said = error.to_string();
                prop_assert!(said.contains("control character") || said.contains("out of range"), "{said}");
            }
            (Err(error), Ok(_)) => prop_assert!(false, "{text}: {error}"),
        }
    }

    #[test]
    fn a_string_survives_the_way_out_and_in(text in ".{0,64}") {
        let mut out = Writer::default();
        out.string(&text);
        let bytes = out.into_bytes();
        prop_assert_eq!(serde_json::from_slice::<String>(&bytes).unwrap(), text.clone());
        prop_assert_eq!(parse(&bytes).unwrap().into_text().unwrap(), text);
    }
}

#[test]
fn an_offset_leads_to_the_field_it_stands_in() {
    let body = br#"{"a": 1, "messages": [{"role": "user"}, {"content": [ "x", {"b\n": nope} ]}], "z": {}}"#;
    let at = |needle: &str| {
        let at = body.windows(needle.len()).position(|window| window == needle.as_bytes()).unwrap();
        path_of(body, at)
    };
    assert_eq!(at("1,"), "a");
    assert_eq!(at("\"a\""), "a");
    assert_eq!(at("user"), "messages[0].role");
    assert_eq!(at("\"x\""), "messages[1].content[0]");
    assert_eq!(at("nope"), "messages[1].content[1].b\n");
    assert_eq!(at("}}"), "z");
    assert_eq!(path_of(body, 0), "the body");
    assert_eq!(path_of(b"", 0), "the body");
    assert_eq!(path_of(b"[1, 2]", 4), "[1]");
    assert_eq!(path_of(b"[[[[", 3), "[0][0][0]");
    assert_eq!(path_of(br#"{"a": {"": 1"#, 11), "a.\"\"");
    assert_eq!(path_of(br#"{"a": [{}, "#, 11), "a");
}

#[test]
fn a_deep_offset_is_found_in_one_pass() {
    let body = ["[".repeat(900), "{},".repeat(300_000), "1".to_owned()].concat();
    let path = path_of(body.as_bytes(), body.len() - 1);
    assert!(path.ends_with("[0][300000]"), "{}", path.len());
}

#[test]
fn a_member_without_a_name_has_a_path() {
    let name = Path::ROOT.name("a");
    assert_eq!(name.name("").to_string(), "a.\"\"");
    assert_eq!(Path::ROOT.name("").general(), "\"\"");
}
