//! Tools and the choice among them. Google's own tools (search, code, maps …) exist nowhere else: they are lost.
//! <https://ai.google.dev/api/caching#Tool>

use super::request_in::{either, lose};
use super::schema;
use crate::chat::{Losses, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Fields, Invalid, Json};
use std::borrow::Cow;

/// Reads `tools` and `toolConfig`.
pub(super) fn read<'a>(fields: &mut Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    let all = match fields.take("tools") {
        None => Vec::new(),
        Some(Json::Array(array)) => array.items,
        Some(one @ Json::Object(_)) => vec![one],
        Some(other) => {
            return Err(fields.path.name("tools").invalid(format!("must be a list, not {}", other.kind())));
        }
    };
    let path = fields.path.name("tools");
    for (number, tool) in all.into_iter().enumerate().filter(|(_, tool)| *tool != Json::Null) {
        let mut tool = Fields::new(path.index(number), tool)?;
        let name = either(&tool, ["functionDeclarations", "function_declarations"]);
        let declared = tool.array(name)?.map(|array| array.items).unwrap_or_default();
        let list = tool.path.name(name);
        for (number, declaration) in declared.into_iter().enumerate() {
            let declaration = Fields::new(list.index(number), declaration)?;
            request.tools.push(function(declaration, &mut request.losses)?);
        }
        request.losses.unread(tool);
    }
    let name = either(fields, ["toolConfig", "tool_config"]);
    if let Some(mut config) = fields.object(name)? {
        let name = either(&config, ["functionCallingConfig", "function_calling_config"]);
        if let Some(calling) = config.object(name)? {
            choice(calling, request)?;
        }
        let names = ["includeServerSideToolInvocations", "include_server_side_tool_invocations"];
        lose(&mut config, names, &mut request.losses);
        request.losses.unread(config);
    }
    Ok(())
}

/// <https://ai.google.dev/api/caching#FunctionDeclaration>
fn function<'a>(mut fields: Fields<'_, 'a>, losses: &mut Losses) -> Result<Tool<'a>, Invalid> {
    let name = fields.need_text("name")?;
    let description = fields.text("description")?;
    let json_schema = either(&fields, ["parametersJsonSchema", "parameters_json_schema"]);
    let parameters = match (fields.take("parameters"), fields.take(json_schema)) {
        (_, Some(schema @ Json::Object(_))) => Some(schema.raw()),
        (Some(schema @ Json::Object(_)), None) => {
            Some(Cow::Owned(schema::lower(&schema, &fields.path.name("parameters"))?))
        }
        (None, None) => None,
        (Some(other), None) => return Err(no_object(&fields, "parameters", &other)),
        (_, Some(other)) => return Err(no_object(&fields, json_schema, &other)),
    };
    lose(&mut fields, ["behavior", "behavior"], losses);
    losses.unread(fields);
    Ok(Tool { name, description, kind: ToolKind::Function { parameters, strict: None }, cache: None })
}

fn no_object(fields: &Fields<'_, '_>, name: &str, value: &Json<'_>) -> Invalid {
    fields.path.name(name).invalid(format!("must be an object, not {}", value.kind()))
}

/// <https://ai.google.dev/api/caching#FunctionCallingConfig>
fn choice<'a>(mut fields: Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    let mode = fields.text("mode")?.unwrap_or_default().to_ascii_uppercase();
    let name = either(&fields, ["allowedFunctionNames", "allowed_function_names"]);
    let list = fields.array(name)?.map(|array| array.items).unwrap_or_default();
    let mut names = Vec::with_capacity(list.len());
    for (number, one) in list.into_iter().enumerate() {
        let path = fields.path.name(name);
        names.push(one.into_text().ok_or_else(|| path.index(number).invalid("must be a string"))?);
    }
    request.tool_choice = match (mode.as_str(), names.len()) {
        ("" | "MODE_UNSPECIFIED", 0) => None,
        ("NONE", _) => Some(ToolChoice::None),
        ("ANY", 0) => Some(ToolChoice::Required),
        ("ANY", 1) => names.pop().map(ToolChoice::Tool),
        ("ANY", _) => Some(ToolChoice::Allowed { names, required: true }),
        ("" | "MODE_UNSPECIFIED" | "AUTO" | "VALIDATED", count) => {
            // That arguments keep to the schema is promised by no one else in this way.
            if mode == "VALIDATED" {
                request.losses.at(&fields.path.name("mode"));
            }
            let all = count == 0;
            Some(if all { ToolChoice::Auto } else { ToolChoice::Allowed { names, required: false } })
        }
        _ => return Err(fields.path.name("mode").invalid("must be `AUTO`, `ANY`, `NONE` or `VALIDATED`")),
    };
    let names = ["streamFunctionCallArguments", "stream_function_call_arguments"];
    lose(&mut fields, names, &mut request.losses);
    request.losses.unread(fields);
    Ok(())
}
