//! What a member of the configuration may look like, as data: from it come the JSON schema and the reference.

use serde_json::{Map, Value as Json, json};

/// What a value may look like.
pub(super) enum Shape {
    /// `true` or `false`.
    Flag,
    /// `null`.
    Null,
    /// A string, of this pattern if there is one.
    Text(Option<&'static str>),
    /// A whole number in a range.
    Number(u64, u64),
    /// One of these values.
    Choice(Vec<Json>),
    /// An array.
    List(Box<Self>),
    /// An object with names that the user chooses; the first is what the reference calls such a name.
    Map(&'static str, Box<Self>),
    /// Any of these.
    Either(Vec<Self>),
    /// An object with these members and no others.
    Section(Vec<Member>),
}

/// A member of a section.
pub(super) struct Member {
    pub(super) key: String,
    pub(super) doc: String,
    pub(super) required: bool,
    pub(super) shape: Shape,
}

/// One line of the reference.
pub(super) struct Row {
    pub(super) path: String,
    pub(super) kind: String,
    pub(super) doc: String,
}

impl Shape {
    /// A string that is not empty or blank.
    pub(super) const FILLED: Self = Self::Text(Some("\\S"));

    /// As JSON schema (draft 2020-12).
    pub(super) fn schema(&self) -> Json {
        match self {
            Self::Flag => json!({ "type": "boolean" }),
            Self::Null => json!({ "type": "null" }),
            Self::Text(None) => json!({ "type": "string" }),
            Self::Text(Some(pattern)) => json!({ "type": "string", "pattern": pattern }),
            Self::Number(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Self::Choice(values) => json!({ "enum": values }),
            Self::List(item) => json!({ "type": "array", "items": item.schema() }),
            Self::Map(_, value) => json!({ "type": "object", "additionalProperties": value.schema() }),
            Self::Either(shapes) => json!({ "anyOf": shapes.iter().map(Self::schema).collect::<Vec<_>>() }),
            Self::Section(members) => section_schema(members),
        }
    }

    /// In words, for the reference.
    pub(super) fn kind(&self) -> String {
        match self {
            Self::Flag => "boolean".into(),
            Self::Null => "null".into(),
            Self::Text(_) => "string".into(),
            Self::Number(min, max) => format!("integer {min}–{max}"),
            Self::Choice(values) => {
                values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" or ")
            }
            Self::List(item) => format!("array of {}", item.kind()),
            Self::Map(_, value) => format!("object of {}", value.kind()),
            Self::Either(shapes) => shapes.iter().map(Self::kind).collect::<Vec<_>>().join(" or "),
            Self::Section(_) => "object".into(),
        }
    }

    /// The lines of everything inside, depth first.
    pub(super) fn rows(&self, path: &str, out: &mut Vec<Row>) {
        match self {
            Self::Flag | Self::Null | Self::Text(_) | Self::Number(..) | Self::Choice(_) => {}
            Self::List(item) => item.rows(&format!("{path}[]"), out),
            Self::Map(name, value) => value.rows(&join(path, &format!("<{name}>")), out),
            Self::Either(shapes) => shapes.iter().for_each(|shape| shape.rows(path, out)),
            Self::Section(members) => {
                for member in members {
                    let path = join(path, &member.key);
                    let required = if member.required { " (required)" } else { "" };
                    let kind = format!("{}{required}", member.shape.kind());
                    out.push(Row { path: path.clone(), kind, doc: member.doc.clone() });
                    member.shape.rows(&path, out);
                }
            }
        }
    }
}

fn section_schema(members: &[Member]) -> Json {
    let mut properties = Map::new();
    for member in members {
        let mut schema = member.shape.schema();
        if let Json::Object(schema) = &mut schema {
            schema.insert("description".into(), member.doc.clone().into());
        }
        properties.insert(member.key.clone(), schema);
    }
    let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    let required: Vec<&str> = members.iter().filter(|m| m.required).map(|m| m.key.as_str()).collect();
    if let (Json::Object(schema), false) = (&mut schema, required.is_empty()) {
        schema.insert("required".into(), json!(required));
    }
    schema
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}.{name}") }
}
