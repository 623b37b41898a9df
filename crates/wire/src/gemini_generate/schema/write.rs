//! Writes one schema in Gemini's terms, part by part.

use super::{Dialect, MOST_DEPTH, Reducer, names};
use crate::json::Json;
use std::borrow::Cow;
use std::collections::BTreeSet;

type Fault = Cow<'static, str>;

/// Taken over as they are, by both kinds of schema.
const PLAIN: &[&str] = &[
    "title",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "default",
    "propertyOrdering",
];

/// Taken over as they are by OpenAPI's kind only.
const OPEN_API: &[&str] = &["nullable", "minProperties", "maxProperties", "example"];

/// Handled one by one, or of no weight for what is allowed.
const KNOWN: &[&str] = &[
    "type",
    "description",
    "format",
    "enum",
    "const",
    "properties",
    "required",
    "items",
    "prefixItems",
    "anyOf",
    "oneOf",
    "allOf",
    "nullable",
    "$ref",
    "$defs",
    "definitions",
    "$schema",
    "$id",
    "id",
    "$anchor",
    "$comment",
    "strict",
    "examples",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
    "discriminator",
];

/// Formats that mean something to Gemini; others may be refused: <https://ai.google.dev/api/caching#Schema>.
const FORMATS: &[&str] = &["date-time", "date", "time", "float", "double", "int32", "int64", "enum"];

/// One schema with all its layers.
struct View<'s, 'a> {
    layers: Vec<&'s Json<'a>>,
}

impl<'s, 'a> View<'s, 'a> {
    fn get(&self, name: &str) -> Option<&'s Json<'a>> {
        self.layers.iter().find_map(|layer| layer.get(name))
    }

    fn text(&self, name: &str) -> Option<&'s str> {
        self.get(name).and_then(Json::text)
    }

    /// The branches of a choice.
    fn branches(&self) -> &'s [Json<'a>] {
        ["anyOf", "oneOf"].into_iter().find_map(|name| self.get(name)).map_or(&[], Json::items)
    }

    /// The types, without `null`, and whether that was among them.
    fn types(&self) -> (Vec<&'s str>, bool) {
        let (mut types, mut null) = (Vec::new(), self.get("nullable").and_then(Json::bool) == Some(true));
        let all = match self.get("type") {
            Some(Json::String(one)) => vec![&**one],
            Some(list) => names(list).collect(),
            None => Vec::new(),
        };
        for one in all {
            if one.eq_ignore_ascii_case("null") { null = true } else { types.push(one) }
        }
        (types, null)
    }
}

fn is_null(schema: &Json<'_>) -> bool {
    schema.get("type").and_then(Json::text).is_some_and(|word| word.eq_ignore_ascii_case("null"))
}

impl<'s, 'a> Reducer<'s, 'a> {
    /// Writes a schema that stands inside another, or the whole.
    pub(super) fn schema(&mut self, schema: &'s Json<'a>) -> Result<(), Fault> {
        if self.depth == MOST_DEPTH {
            return Err("is nested too deep".into());
        }
        self.depth += 1;
        let mark = self.layers.mark();
        let mut view = View { layers: Vec::new() };
        self.layers.add(schema, &mut view.layers)?;
        let written = self.view(&mut view);
        self.layers.close(mark);
        self.depth -= 1;
        written
    }

    fn view(&mut self, view: &mut View<'s, 'a>) -> Result<(), Fault> {
        let (_, mut null) = view.types();
        // OpenAPI has no type `null`: a choice of it and one other schema is that other one.
        let mut branches: Vec<&'s Json<'a>> = view.branches().iter().collect();
        if self.dialect == Dialect::OpenApi {
            let all = branches.len();
            branches.retain(|branch| !is_null(branch));
            null |= branches.len() < all;
        }
        if let [only] = branches.as_slice() {
            self.layers.add(only, &mut view.layers)?;
            branches.clear();
        }
        self.out.begin();
        self.kind(view, null, !branches.is_empty());
        self.description(view);
        self.plain(view);
        self.values(view);
        self.members(view)?;
        self.items(view)?;
        if !branches.is_empty() {
            self.list("anyOf", &branches)?;
        }
        self.out.end();
        self.note_unknown(view);
        Ok(())
    }

    /// `type`, and `nullable` where that is how it is said.
    fn kind(&mut self, view: &View<'s, 'a>, null: bool, choice: bool) {
        let (mut types, _) = view.types();
        if types.is_empty() && !choice {
            types.extend(told(view));
        }
        match self.dialect {
            Dialect::Json if types.len() + usize::from(null) > 1 => {
                self.out.name("type").list();
                types.iter().for_each(|word| {
                    self.out.string(word);
                });
                if null {
                    self.out.string("null");
                }
                self.out.end_list();
            }
            Dialect::Json => {
                if let Some(word) = types.first().or(null.then_some(&"null")) {
                    self.out.member("type", word);
                }
            }
            Dialect::OpenApi => {
                if types.len() > 1 && !choice {
                    self.out.name("anyOf").list();
                    for word in &types {
                        self.out.begin().member("type", &word.to_ascii_uppercase()).end();
                    }
                    self.out.end_list();
                } else if let Some(word) = types.first() {
                    self.out.member("type", &word.to_ascii_uppercase());
                }
                if null {
                    self.out.name("nullable").bool(true);
                }
            }
        }
    }

    /// The description; a format that Gemini doesn't know is told there.
    fn description(&mut self, view: &View<'s, 'a>) {
        let description = view.text("description").filter(|text| !text.is_empty());
        let format = view.text("format");
        if let Some(format) = format.filter(|format| FORMATS.contains(format)) {
            self.out.member("format", format);
        }
        match (description, format.filter(|format| !FORMATS.contains(format))) {
            (Some(description), None) => {
                self.out.member("description", description);
            }
            (Some(description), Some(format)) => {
                self.out.name("description").strings(&[description, " (format: ", format, ")"]);
            }
            (None, Some(format)) => {
                self.out.name("description").strings(&["format: ", format]);
            }
            (None, None) => {}
        }
    }

    fn plain(&mut self, view: &View<'s, 'a>) {
        let more = if self.dialect == Dialect::OpenApi { OPEN_API } else { &[] };
        for name in PLAIN.iter().chain(more).filter(|name| **name != "nullable") {
            if let Some(value) = view.get(name) {
                self.out.name(name).json(value);
            }
        }
    }

    /// `enum`, and `const` as one of a single value. OpenAPI's kind knows texts only.
    fn values(&mut self, view: &View<'s, 'a>) {
        let values = match (view.get("enum"), view.get("const")) {
            (Some(list), _) => list.items().iter().collect(),
            (None, Some(one)) => vec![one],
            (None, None) => return,
        };
        let texts = |value: &&Json<'_>| value.text().is_some();
        let kept: Vec<_> = match self.dialect {
            Dialect::Json => values,
            Dialect::OpenApi => {
                let all = values.len();
                let kept: Vec<_> = values.into_iter().filter(texts).collect();
                self.weaker |= kept.len() < all;
                kept
            }
        };
        if !kept.is_empty() {
            self.out.name("enum").list();
            kept.into_iter().for_each(|value| {
                self.out.json(value);
            });
            self.out.end_list();
        }
    }

    /// `properties`, and of `required` what is among them: other names are refused.
    fn members(&mut self, view: &View<'s, 'a>) -> Result<(), Fault> {
        let mut known = BTreeSet::new();
        let tables = view.layers.iter().filter_map(|layer| layer.get("properties"));
        let all: Vec<_> = tables
            .flat_map(Json::members)
            .filter(|(name, value)| *value != Json::Null && known.insert(&**name))
            .collect();
        // OpenAPI's kind refuses a table that is there and empty.
        if !all.is_empty() || (self.dialect == Dialect::Json && view.get("properties").is_some()) {
            self.out.name("properties").begin();
            for (name, schema) in all {
                self.out.name(name);
                self.schema(schema)?;
            }
            self.out.end();
        }
        let lists = view.layers.iter().filter_map(|layer| layer.get("required"));
        let mut seen = BTreeSet::new();
        let required: Vec<_> =
            lists.flat_map(names).filter(|name| known.contains(name) && seen.insert(*name)).collect();
        if !required.is_empty() {
            self.out.name("required").list();
            required.into_iter().for_each(|name| {
                self.out.string(name);
            });
            self.out.end_list();
        }
        match (view.get("additionalProperties"), self.dialect) {
            (Some(Json::Bool(free)), Dialect::Json) => {
                self.out.name("additionalProperties").bool(*free);
            }
            (Some(schema @ Json::Object(_)), Dialect::Json) => {
                self.out.name("additionalProperties");
                self.schema(schema)?;
            }
            (Some(Json::Object(_)), Dialect::OpenApi) => self.weaker = true,
            _ => {}
        }
        Ok(())
    }

    fn items(&mut self, view: &View<'s, 'a>) -> Result<(), Fault> {
        let items = view.get("items");
        // Before 2020 a list of items by place stood under `items`.
        let listed = items.map_or(&[][..], Json::items);
        let by_place = view.get("prefixItems").map_or(listed, Json::items);
        match (items.filter(|items| matches!(items, Json::Object(_))), self.dialect) {
            (Some(items), _) => {
                self.out.name("items");
                self.schema(items)?;
            }
            (None, Dialect::OpenApi) if !by_place.is_empty() => {
                self.weaker = true;
                self.out.name("items").begin();
                self.list("anyOf", &by_place.iter().collect::<Vec<_>>())?;
                self.out.end();
            }
            // OpenAPI's kind refuses arrays of which nothing is said.
            (None, Dialect::OpenApi)
                if view.types().0.iter().any(|word| word.eq_ignore_ascii_case("array")) =>
            {
                self.out.name("items").begin().member("type", "STRING").end();
            }
            (None, _) => {}
        }
        if self.dialect == Dialect::Json && !by_place.is_empty() {
            self.list("prefixItems", &by_place.iter().collect::<Vec<_>>())?;
        }
        Ok(())
    }

    fn list(&mut self, name: &str, schemas: &[&'s Json<'a>]) -> Result<(), Fault> {
        self.out.name(name).list();
        for schema in schemas {
            self.schema(schema)?;
        }
        self.out.end_list();
        Ok(())
    }

    /// Rules that neither kind knows are left out.
    fn note_unknown(&mut self, view: &View<'s, 'a>) {
        let mut members = view.layers.iter().flat_map(|layer| layer.members());
        self.weaker |= members.any(|(name, value)| {
            let name = &**name;
            let open_api = self.dialect == Dialect::OpenApi && OPEN_API.contains(&name);
            let known = open_api || KNOWN.contains(&name) || PLAIN.contains(&name);
            *value != Json::Null && !known && name != "additionalProperties" && !name.starts_with("x-")
        });
    }
}

/// The type where only the rest tells it.
fn told<'s>(view: &View<'s, '_>) -> Option<&'s str> {
    if view.get("properties").is_some() || view.get("additionalProperties").is_some() {
        return Some("object");
    }
    if view.get("items").is_some() || view.get("prefixItems").is_some() {
        return Some("array");
    }
    let value = view.get("const").or_else(|| view.get("enum")?.items().first())?;
    match value {
        Json::String(_) => Some("string"),
        Json::Bool(_) => Some("boolean"),
        Json::Number(text) if text.contains(['.', 'e', 'E']) => Some("number"),
        Json::Number(_) => Some("integer"),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}
