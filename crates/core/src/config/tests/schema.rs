//! The schema and the reference come from the definitions, and say what the reader does.

use super::*;
use serde_json::{Value as Json, json};

/// As much of JSON schema as ours uses.
fn fits(schema: &Json, value: &Json) -> Result<(), String> {
    if let Some(any) = schema.get("anyOf").and_then(Json::as_array) {
        return any
            .iter()
            .map(|one| fits(one, value))
            .find(Result::is_ok)
            .unwrap_or(Err(format!("none of {schema}")));
    }
    if let Some(values) = schema.get("enum").and_then(Json::as_array) {
        return values.contains(value).then_some(()).ok_or_else(|| format!("{value} is not in {schema}"));
    }
    let kind = schema["type"].as_str().unwrap_or_default();
    match (kind, value) {
        ("null", Json::Null) | ("boolean", Json::Bool(_)) | ("string", Json::String(_)) => Ok(()),
        ("integer", Json::Number(number)) => {
            let fits = number.as_u64() >= schema["minimum"].as_u64()
                && number.as_u64() <= schema["maximum"].as_u64();
            fits.then_some(()).ok_or_else(|| format!("{number} is not in {schema}"))
        }
        ("array", Json::Array(items)) => items.iter().try_for_each(|item| fits(&schema["items"], item)),
        ("object", Json::Object(members)) => {
            for need in schema["required"].as_array().into_iter().flatten() {
                members.get(need.as_str().unwrap_or_default()).ok_or_else(|| format!("no {need}"))?;
            }
            members.iter().try_for_each(|(name, member)| match schema["properties"].get(name) {
                Some(property) => fits(property, member),
                None if schema["additionalProperties"] != json!(false) => {
                    fits(&schema["additionalProperties"], member)
                }
                None => Err(format!("unknown {name}")),
            })
        }
        _ => Err(format!("{value} is not {kind}")),
    }
}

/// Every property with its schema.
fn properties(schema: &Json, out: &mut Vec<(String, Json)>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        out.push((name.clone(), property.clone()));
        properties(property, out);
    }
    for part in ["items", "additionalProperties"].into_iter().filter_map(|part| schema.get(part)) {
        properties(part, out);
    }
    for one in schema["anyOf"].as_array().into_iter().flatten() {
        properties(one, out);
    }
}

/// A file without its comments and trailing commas.
fn plain(file: &str) -> Json {
    jsonc_parser::parse_to_ast(file, &Default::default(), &Default::default())
        .expect("parses")
        .value
        .map_or(Json::Null, convert)
}

fn convert(value: jsonc_parser::ast::Value<'_>) -> Json {
    use jsonc_parser::ast::Value as Ast;
    match value {
        Ast::StringLit(text) => text.value.into_owned().into(),
        Ast::NumberLit(number) => serde_json::from_str(number.value).expect("a number"),
        Ast::BooleanLit(flag) => flag.value.into(),
        Ast::NullKeyword(_) => Json::Null,
        Ast::Array(array) => array.elements.into_iter().map(convert).collect(),
        Ast::Object(object) => {
            object.properties.into_iter().map(|p| (p.name.into_string(), convert(p.value))).collect()
        }
    }
}

#[test]
fn the_schema_accepts_the_example_and_refuses_what_the_reader_refuses() {
    let schema = schema(builtins());
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let example = plain(EXAMPLE);
    fits(&schema, &example).expect("the example fits");
    for wrong in [
        json!({ "colour": 1 }),
        json!({ "PROXY_API_KEY": null }),
        json!({ "OPENAI_API_KEY": 5 }),
        json!({ "providers": { "x": { "colour": 1 } } }),
        json!({ "providers": { "x": { "format": "openai" } } }),
        json!({ "providers": { "x": { "timeouts": { "idle_ms": 0 } } } }),
        json!({ "routes": { "r": {} } }),
        json!({ "CUSTOM_OPENAI_ENDPOINTS": [{ "name": "x" }] }),
    ] {
        assert!(fits(&schema, &wrong).is_err(), "{wrong}");
        assert!(attempt(&wrong.to_string(), &[]).is_err(), "{wrong}");
    }
    for right in [
        json!({ "OPENAI_API_KEY": null, "DEV": "true", "OPEN": false }),
        json!({ "providers": { "openai": { "http": 1, "keys": ["a"] }, "groq": { "http": "2" } } }),
        json!({ "CUSTOM_OPENAI_ENDPOINTS": [{ "name": "x", "baseUrl": "https://x", "models": null }] }),
        json!({ "cors": { "origins": "*" }, "egress": [{ "via": "wnam", "when": { "loc": "HK" }, "else": "fail" }] }),
    ] {
        fits(&schema, &right).expect("fits");
        good(&right.to_string(), &[]);
    }
}

#[test]
fn every_member_is_described_and_stands_in_the_reference() {
    let mut all = Vec::new();
    properties(&schema(builtins()), &mut all);
    let text = reference(builtins());
    for (name, property) in &all {
        assert!(property["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        assert!(text.contains(&format!("`{name}`")) || text.contains(&format!(".{name}`")), "{name}");
    }
    for name in [
        "PROXY_API_KEY",
        "ALLOWED_PROXY_KEYS",
        "DEV",
        "OPEN",
        "RELAY",
        "DEFAULT_MODEL",
        "ENABLE_GLOBAL_ROUND_ROBIN",
        "CLOUDFLARE_ACCOUNT_ID",
        "CLOUDFLARE_API_KEY",
        "AI_GATEWAY_NAME",
        "AI_GATEWAY_ORIGIN",
        "CF_AIG_TOKEN",
        "ADMIN_API_KEY",
        "CUSTOM_OPENAI_ENDPOINTS",
        "WHARF_LOC",
        "WHARF_COLO",
        "GEMINI_API_KEY",
        "PERPLEXITY_API_KEY",
        "MOONSHOT_API_KEY",
        "OPENAI_BASE_URL",
        "GEMINI_RELAY",
        "providers",
        "egress",
        "listen",
        "drain_ms",
    ] {
        assert!(all.iter().any(|(known, _)| known == name), "{name}");
    }
    assert!(text.contains("| `providers.<name>.timeouts.connect_ms` | integer 1–86400000 |"), "{text}");
    assert!(text.contains("| `egress[].via` | string (required) |"));
    assert!(text.contains("| `CUSTOM_OPENAI_ENDPOINTS[].baseUrl` |"));
}
