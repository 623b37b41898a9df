//! JSON schemas as Gemini takes them, and its own schemas as JSON schemas.
//!
//! `parametersJsonSchema` and `responseJsonSchema` know a part of JSON schema, `parameters` and `responseSchema` a part
//! of OpenAPI's: <https://ai.google.dev/api/generate-content#GenerationConfig>, <https://ai.google.dev/api/caching#Schema>.
//! References are resolved in place, because beside `$ref` Gemini takes no description and no default.

mod layers;
mod read;
mod write;

pub(super) use read::lower;

use crate::json::{Json, Writer, parse_lossy};
use layers::Layers;
use std::borrow::Cow;

/// Deeper schemas are refused.
const MOST_DEPTH: usize = 64;
/// Schemas that grow beyond this many parts when their references are resolved are refused.
const MOST_PARTS: usize = 10_000;
/// Schemas with more references within each other are refused.
const MOST_OPEN: usize = 512;

/// Which of the two kinds of schema is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The part of JSON schema.
    Json,
    /// The part of OpenAPI's.
    OpenApi,
}

/// A schema as Gemini takes it.
#[derive(Debug)]
pub(super) struct Reduced {
    /// The schema; `None`: it says nothing.
    pub(super) json: Option<String>,
    /// Some of its rules had to be left out.
    pub(super) weaker: bool,
}

/// Reduces a schema.
///
/// # Errors
/// Why it can't be: a reference to itself or to nothing, too deep, too big.
pub(super) fn reduce(schema: &str, dialect: Dialect) -> Result<Reduced, Cow<'static, str>> {
    let root = parse_lossy(schema.as_bytes()).map_err(|error| Cow::Owned(error.to_string()))?;
    if root.members().is_empty() {
        return Ok(Reduced { json: None, weaker: false });
    }
    let mut reducer = Reducer {
        layers: Layers::new(&root),
        dialect,
        depth: 0,
        weaker: false,
        out: Writer::with_capacity(schema.len()),
    };
    reducer.schema(&root)?;
    let json = reducer.out.into_string();
    Ok(Reduced { json: (json != "{}").then_some(json), weaker: reducer.weaker })
}

struct Reducer<'s, 'a> {
    layers: Layers<'s, 'a>,
    dialect: Dialect,
    depth: usize,
    weaker: bool,
    out: Writer,
}

/// A list of names that a schema holds under this one.
fn names<'s>(list: &'s Json<'_>) -> impl Iterator<Item = &'s str> {
    list.items().iter().filter_map(Json::text)
}
