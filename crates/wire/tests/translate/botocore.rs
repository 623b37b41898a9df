//! AWS's service model: a request body against its shapes.

use serde_json::Value;

/// Checks a value against a shape of the model.
pub(crate) fn check(model: &Value, shape: &str, value: &Value, path: &str) -> Result<(), String> {
    let described = &model["shapes"][shape];
    let wrong = |what: &str| Err(format!("{path} ({shape}) {what}: {value:.60}"));
    if described["document"] == true {
        return Ok(());
    }
    match described["type"].as_str().unwrap_or_default() {
        "structure" => structure(model, shape, value, path),
        "list" => {
            let Some(items) = value.as_array() else { return wrong("is no list") };
            bounds(described, items.len() as f64, path)?;
            let member = described["member"]["shape"].as_str().unwrap_or_default();
            items
                .iter()
                .enumerate()
                .try_for_each(|(at, item)| check(model, member, item, &format!("{path}[{at}]")))
        }
        "map" => {
            let Some(members) = value.as_object() else { return wrong("is no map") };
            let member = described["value"]["shape"].as_str().unwrap_or_default();
            members.iter().try_for_each(|(name, item)| check(model, member, item, &format!("{path}.{name}")))
        }
        "string" | "blob" => {
            let Some(text) = value.as_str() else { return wrong("is no string") };
            bounds(described, text.chars().count() as f64, path)?;
            match described["enum"].as_array() {
                Some(words) if !words.contains(value) => wrong("is none of the words known"),
                _ => Ok(()),
            }
        }
        "boolean" if !value.is_boolean() => wrong("is no boolean"),
        "integer" | "long" if !value.is_i64() => wrong("is no integer"),
        "float" | "double" if !value.is_number() => wrong("is no number"),
        "integer" | "long" | "float" | "double" => {
            bounds(described, value.as_f64().unwrap_or_default(), path)
        }
        _ => Ok(()),
    }
}

fn structure(model: &Value, shape: &str, value: &Value, path: &str) -> Result<(), String> {
    let described = &model["shapes"][shape];
    let Some(members) = value.as_object() else { return Err(format!("{path} ({shape}) is no object")) };
    for name in described["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        // What stands in the path is not in the body.
        if !members.contains_key(name) && described["members"][name]["location"].is_null() {
            return Err(format!("{path}.{name} is missing"));
        }
    }
    if described["union"] == true && members.len() != 1 {
        return Err(format!("{path} ({shape}) is a union of {} members", members.len()));
    }
    for (name, inner) in members {
        let Some(member) = described["members"][name]["shape"].as_str() else {
            return Err(format!("{path}.{name} is not known"));
        };
        check(model, member, inner, &format!("{path}.{name}"))?;
    }
    Ok(())
}

fn bounds(described: &Value, size: f64, path: &str) -> Result<(), String> {
    let out = described["min"].as_f64().is_some_and(|least| size < least)
        || described["max"].as_f64().is_some_and(|most| size > most);
    if out { Err(format!("{path} is out of its bounds: {size}")) } else { Ok(()) }
}
