//! Schemas, both ways.

use super::super::schema::{Dialect, Reduced, lower, reduce};
use super::json;
use crate::json::{Path, parse};
use serde_json::{Value, json as value};

fn reduced(schema: &Value, dialect: Dialect) -> (Value, bool) {
    let Reduced { json: text, weaker } = reduce(&schema.to_string(), dialect).unwrap();
    (text.map_or(Value::Null, |text| json(text.as_bytes())), weaker)
}

#[test]
fn references_are_resolved_in_place() {
    let schema = value!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"Place": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
        "type": "object", "additionalProperties": false,
        "properties": {"from": {"$ref": "#/$defs/Place", "description": "Where it begins"}, "to": {"$ref": "#/$defs/Place"}},
        "required": ["from", "nowhere"],
    });
    let place = value!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
    let mut from = place.clone();
    from["description"] = value!("Where it begins");
    let want = value!({"type": "object", "additionalProperties": false, "properties": {"from": from, "to": place}, "required": ["from"]});
    assert_eq!(reduced(&schema, Dialect::Json), (want, false));
}

#[test]
fn each_kind_says_it_in_its_own_words() {
    let schema = value!({"type": "object", "properties": {
        "kind": {"const": "a"}, "maybe": {"type": ["string", "null"]}, "either": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
        "some": {"anyOf": [{"$ref": "#/definitions/n"}, {"type": "null"}]}, "when": {"type": "string", "format": "uuid", "description": "d"},
        "both": {"allOf": [{"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}, {"properties": {"y": {"type": "number"}}}]},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]}, "free": {"type": "array"},
        "level": {"enum": [1, 2]}, "not": {"not": {"type": "string"}},
    }, "definitions": {"n": {"type": "integer", "minimum": 1}}});
    let (json, weaker) = reduced(&schema, Dialect::Json);
    let of = &json["properties"];
    assert!(weaker, "`not` is left out");
    assert_eq!(of["kind"], value!({"type": "string", "enum": ["a"]}));
    assert_eq!(of["maybe"], value!({"type": ["string", "null"]}));
    assert_eq!(of["either"], value!({"anyOf": [{"type": "integer"}, {"type": "string"}]}));
    assert_eq!(of["some"], value!({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}));
    assert_eq!(of["when"], value!({"type": "string", "description": "d (format: uuid)"}));
    assert_eq!(of["both"]["properties"], value!({"x": {"type": "number"}, "y": {"type": "number"}}));
    assert_eq!(of["pair"]["prefixItems"], value!([{"type": "string"}, {"type": "number"}]));
    assert_eq!(of["level"], value!({"type": "integer", "enum": [1, 2]}));

    let (open, _) = reduced(&schema, Dialect::OpenApi);
    let of = &open["properties"];
    assert_eq!(open["type"], "OBJECT");
    assert_eq!(of["kind"], value!({"type": "STRING", "enum": ["a"]}));
    assert_eq!(of["maybe"], value!({"type": "STRING", "nullable": true}));
    assert_eq!(of["either"], value!({"anyOf": [{"type": "INTEGER"}, {"type": "STRING"}]}));
    assert_eq!(of["some"], value!({"type": "INTEGER", "nullable": true, "minimum": 1}));
    assert_eq!(of["pair"]["items"], value!({"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]}));
    assert_eq!(of["free"], value!({"type": "ARRAY", "items": {"type": "STRING"}}));
    assert_eq!(of["level"], value!({"type": "INTEGER"}));
}

#[test]
fn what_has_no_end_is_refused() {
    let why = |schema: &Value| reduce(&schema.to_string(), Dialect::Json).unwrap_err();
    let node = value!({"$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}, "$ref": "#/$defs/node"});
    assert!(why(&node).contains("refers to itself by `#/$defs/node`"));
    assert!(why(&value!({"$ref": "#"})).contains("refers to itself"));
    assert!(why(&value!({"$ref": "#/$defs/nothing"})).contains("is not in it"));
    assert!(why(&value!({"$ref": "https://a.example/schema"})).contains("is not in it"));
    let deep =
        (0..100).fold(value!({"type": "string"}), |inner, _| value!({"type": "array", "items": inner}));
    assert!(why(&deep).contains("too deep"));
    // Two references to the next, twenty times: a million.
    let mut defs = serde_json::Map::new();
    defs.insert("d20".to_owned(), value!({"type": "string"}));
    for n in 0..20 {
        let next = format!("#/$defs/d{}", n + 1);
        let two = value!({"type": "object", "properties": {"a": {"$ref": next}, "b": {"$ref": next}}});
        defs.insert(format!("d{n}"), two);
    }
    assert!(why(&value!({"$defs": defs, "$ref": "#/$defs/d0"})).contains("too big"));
}

#[test]
fn nothing_to_say_is_no_schema() {
    assert_eq!(reduced(&value!({}), Dialect::Json).0, Value::Null);
    let empty = value!({"type": "object", "properties": {}});
    assert_eq!(reduced(&empty, Dialect::Json).0, empty);
    assert_eq!(reduced(&empty, Dialect::OpenApi).0, value!({"type": "OBJECT"}));
}

#[test]
fn geminis_own_schemas_become_json_schemas() {
    let own = r#"{"type": "OBJECT", "nullable": true, "property_ordering": ["a"], "properties": {"a": {"type": "ARRAY",
      "min_items": "1", "items": {"any_of": [{"type": "STRING", "enum": ["x"], "nullable": true}, {"type": 3}]}}}}"#;
    let text = lower(&parse(own.as_bytes()).unwrap(), &Path::ROOT).unwrap();
    let want = value!({"type": ["object", "null"], "properties": {"a": {"type": "array", "minItems": 1, "items":
        {"anyOf": [{"type": ["string", "null"], "enum": ["x", null]}, {"type": "integer"}]}}}});
    assert_eq!(json(text.as_bytes()), want);
}

#[test]
fn a_long_chain_of_references_is_refused() {
    let defs: serde_json::Map<_, _> =
        (0..5000).map(|at| (format!("d{at}"), value!({"$ref": format!("#/$defs/d{}", at + 1)}))).collect();
    let schema = value!({"$ref": "#/$defs/d0", "$defs": defs});
    let why = reduce(&schema.to_string(), Dialect::Json).unwrap_err();
    assert!(why.contains("chain of references"), "{why}");
}
