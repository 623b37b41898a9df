//! The wanted form of the answer: as a schema, as a tool, in words; and the way back of the tool's call.

use super::super::schema_out::fit;
use super::*;
use crate::chat::{ANSWER_TOOL, Finish, Part, ResponseFormat, Role, SchemaSupport, Tool, Turn};
use crate::json::parse;
use serde_json::json;

fn wants(schema: &'static str) -> Request<'static> {
    let turn = Turn { role: Role::User, parts: vec![Part::text("x")], ..Turn::default() };
    let format = ResponseFormat::JsonSchema {
        name: Some("person".into()),
        description: Some("A person.".into()),
        schema: schema.into(),
        strict: None,
    };
    Request { turns: vec![turn], response_format: Some(format), ..Request::default() }
}

const PERSON: &str = r#"{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}"#;

#[test]
fn a_schema_is_said_as_the_model_knows_it() {
    let (body, _) = write(&wants(PERSON), &Quirks::default());
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": false});
    assert_eq!(body["output_config"]["format"], json!({"type": "json_schema", "schema": schema}));
    let older = Quirks { schema: SchemaSupport::None, ..Quirks::default() };
    let (body, _) = write(&wants(PERSON), &older);
    assert_eq!(body["tools"][0]["name"], ANSWER_TOOL);
    assert_eq!(
        body["tool_choice"],
        json!({"type": "tool", "name": ANSWER_TOOL, "disable_parallel_tool_use": true})
    );
    let with_tools = Request { tools: vec![Tool { name: "f".into(), ..Tool::default() }], ..wants(PERSON) };
    let (body, _) = write(&with_tools, &older);
    assert_eq!((body["tools"].as_array().unwrap().len(), &body["tool_choice"]), (2, &json!({"type": "any"})));
    // What is beyond the vendor's subset is a tool's, too; what can't be one is said.
    let map = r#"{"type":"object","additionalProperties":{"type":"string"}}"#;
    assert_eq!(write(&wants(map), &Quirks::default()).0["tools"][0]["name"], ANSWER_TOOL);
    let (body, losses) = write(&wants(r#"{"type":"array","items":{"type":"object"}}"#), &older);
    assert_eq!(losses, ["output_config.format"]);
    assert!(body["system"].as_str().unwrap().ends_with(r#"{"type":"array","items":{"type":"object"}}"#));
    let object = Request { response_format: Some(ResponseFormat::JsonObject), ..wants(PERSON) };
    assert!(write(&object, &older).0["system"].as_str().unwrap().contains("JSON object"));
}

#[test]
fn the_tools_call_is_the_answer() {
    let body = format!(
        r#"{{"id":"msg_1","content":[{{"type":"tool_use","id":"t","name":"{ANSWER_TOOL}","input":{{"name":"Ann"}}}}],"stop_reason":"tool_use"}}"#
    );
    let json = parse(body.as_bytes()).unwrap();
    let response = AnthropicMessages.read_response(&json, &context()).unwrap();
    assert_eq!(response.choices[0].parts, [Part::text(r#"{"name":"Ann"}"#)]);
    assert_eq!(response.choices[0].finish, Finish::Stop);
    let stream = format!(
        "data: {{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"{ANSWER_TOOL}\",\"input\":{{}}}}}}\n\n\
         data: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"input_json_delta\",\"partial_json\":\"{{}}\"}}}}\n\n\
         data: {{\"type\":\"content_block_stop\",\"index\":0}}\n\n\
         data: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"tool_use\"}}}}\n\n\
         data: {{\"type\":\"message_stop\"}}\n\n"
    );
    let events = events(&stream, 7);
    assert!(matches!(&events[2], Event::TextDelta(_, text) if text == "{}"), "{events:?}");
    assert!(matches!(events[4], Event::Finish { reason: Finish::Stop, .. }), "{events:?}");
}

#[test]
fn schemas_are_fitted_or_found_unfit() {
    let fitted = |schema: &str| fit(schema).map(|fitted| serde_json::from_str::<Value>(&fitted).unwrap());
    let rich = r##"{"$schema":"x","type":"object","description":"D",
      "properties":{"a":{"type":"string","maxLength":5,"format":"date"},
                    "b":{"oneOf":[{"type":"null"},{"$ref":"#/$defs/B"}]},
                    "c":{"type":"array","items":{"type":"number"},"minItems":2}},
      "required":["a"],"additionalProperties":true,"minProperties":1,
      "$defs":{"B":{"type":"object","properties":{"x":{"enum":[1,"y",null]}}}}}"##;
    assert_eq!(
        fitted(rich).unwrap(),
        json!({
            "type": "object", "description": "D\n\n{\"minProperties\":1}",
            "properties": {
                "a": {"type": "string", "format": "date", "description": "{\"maxLength\":5}"},
                "b": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/B"}]},
                "c": {"type": "array", "items": {"type": "number"}, "description": "{\"minItems\":2}"}},
            "required": ["a"], "additionalProperties": false,
            "$defs": {"B": {"type": "object", "properties": {"x": {"enum": [1, "y", null]}}, "additionalProperties": false}}
        })
    );
    for unfit in [
        "true",
        r#"{"type":"object"}"#,
        r#"{"type":"object","properties":{"a":true}}"#,
        r#"{"type":"object","properties":{"a":{"type":"object","additionalProperties":{"type":"string"}}}}"#,
        r##"{"type":"object","properties":{"a":{"$ref":"#"}}}"##,
        r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"anyOf":[{"$ref":"#/$defs/B"}]},"B":{"anyOf":[{"$ref":"#/$defs/A"}]}}}"##,
        r#"{"type":"object","properties":{"a":{"$ref":"https://example.com/a.json"}}}"#,
        r#"{"type":"object","properties":{"a":{"not":{}}}}"#,
        r#"{"type":"object","properties":{"a":{"enum":[{}]}}}"#,
    ] {
        assert_eq!(fitted(unfit), None, "{unfit}");
    }
}
