//! Gemini's own schemas become JSON schemas: types in small letters, `nullable` as a type, names in camel case.

use super::MOST_DEPTH;
use crate::json::{Invalid, Json, Path, Writer};

/// The schema at this place as a JSON schema.
///
/// # Errors
/// When it is nested too deep.
pub(crate) fn lower(schema: &Json<'_>, path: &Path<'_>) -> Result<String, Invalid> {
    let mut out = Writer::with_capacity(schema.raw().len());
    write(schema, path, MOST_DEPTH, &mut out)?;
    Ok(out.into_string())
}

fn write(schema: &Json<'_>, path: &Path<'_>, depth: usize, out: &mut Writer) -> Result<(), Invalid> {
    let Some(depth) = depth.checked_sub(1) else { return Err(path.invalid("is nested too deep")) };
    if !matches!(schema, Json::Object(_)) {
        out.json(schema);
        return Ok(());
    }
    let nullable = schema.get("nullable").and_then(Json::bool) == Some(true);
    out.begin();
    for (name, value) in schema.members() {
        let name = camel(name);
        let path = &path.name(name);
        match (name, value) {
            (_, Json::Null) | ("nullable" | "propertyOrdering", _) => {}
            ("type", value) => kind(value, nullable, out),
            ("properties", Json::Object(properties)) => {
                out.name(name).begin();
                for (name, schema) in &properties.members {
                    out.name(name);
                    write(schema, &path.name(name), depth, out)?;
                }
                out.end();
            }
            ("items" | "additionalProperties", Json::Object(_)) => {
                out.name(name);
                write(value, path, depth, out)?;
            }
            ("anyOf" | "prefixItems", Json::Array(list)) => {
                out.name(name).list();
                for (number, schema) in list.items.iter().enumerate() {
                    write(schema, &path.index(number), depth, out)?;
                }
                if nullable && name == "anyOf" && schema.get("type").is_none() {
                    out.begin().member("type", "null").end();
                }
                out.end_list();
            }
            // 64-bit numbers are texts in Google's JSON.
            (
                "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties" | "maxProperties",
                Json::String(text),
            ) if text.parse::<u64>().is_ok() => {
                out.name(name).raw(text);
            }
            ("enum", Json::Array(list))
                if nullable && list.items.iter().all(|value| *value != Json::Null) =>
            {
                out.name(name).list();
                list.items.iter().for_each(|value| {
                    out.json(value);
                });
                out.null().end_list();
            }
            (name, value) => {
                out.name(name).json(value);
            }
        }
    }
    out.end();
    Ok(())
}

fn kind(value: &Json<'_>, nullable: bool, out: &mut Writer) {
    // As numbers by the protocol's order: <https://ai.google.dev/api/caching#Type>.
    const NUMBERED: [&str; 8] = ["", "string", "number", "integer", "boolean", "array", "object", "null"];
    let word = match value {
        Json::String(word) => word.to_ascii_lowercase(),
        Json::Number(_) => {
            let word = value.number().and_then(|number| NUMBERED.get(usize::try_from(number).ok()?));
            word.copied().unwrap_or_default().to_owned()
        }
        other => {
            out.name("type").json(other);
            return;
        }
    };
    match (word.as_str(), nullable) {
        ("" | "type_unspecified", _) => {}
        (word, true) => {
            out.name("type").list().string(word).string("null").end_list();
        }
        (word, false) => {
            out.member("type", word);
        }
    }
}

/// The names that Python's SDKs write with underscores.
fn camel(name: &str) -> &str {
    match name {
        "any_of" => "anyOf",
        "min_items" => "minItems",
        "max_items" => "maxItems",
        "min_length" => "minLength",
        "max_length" => "maxLength",
        "min_properties" => "minProperties",
        "max_properties" => "maxProperties",
        "property_ordering" => "propertyOrdering",
        "additional_properties" => "additionalProperties",
        "prefix_items" => "prefixItems",
        other => other,
    }
}
