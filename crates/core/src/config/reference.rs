//! The JSON schema of the file and the reference in Markdown, both out of the definitions that read it.

use super::read::Section;
use super::sections::Root;
use super::shape::{Member, Row, Shape};
use super::upper;
use crate::provider::Provider;
use serde_json::{Value as Json, json};
use std::fmt::Write;

/// The JSON schema (draft 2020-12) of the configuration file.
pub fn schema(builtins: &[Provider]) -> Json {
    let mut members = Root::members();
    members.extend(uppers(builtins));
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Wharf configuration",
        "description": "One file for the native server and the Worker. JSON with comments and trailing commas.",
    });
    if let (Json::Object(schema), Json::Object(body)) = (&mut schema, Shape::Section(members).schema()) {
        schema.extend(body);
    }
    schema
}

/// The reference of every member and variable, in Markdown.
pub fn reference(builtins: &[Provider]) -> String {
    let mut text = String::from(
        "## Environment variables\n\n\
         The same names are members of the file. The environment wins, name by name.\n\n",
    );
    let mut rows = Vec::new();
    let (mut general, mut lists) = (Vec::new(), Vec::new());
    for member in uppers(builtins) {
        general.push(Row { path: member.key.clone(), kind: member.shape.kind(), doc: member.doc.clone() });
        member.shape.rows(&member.key, &mut lists);
    }
    table(&mut text, &general);
    text.push_str("\nMembers of an entry of `CUSTOM_OPENAI_ENDPOINTS`:\n\n");
    table(&mut text, &lists);
    text.push_str("\n## Sections of the file\n\n");
    Shape::Section(Root::members()).rows("", &mut rows);
    table(&mut text, &rows);
    text
}

fn uppers(builtins: &[Provider]) -> impl Iterator<Item = Member> {
    upper::names(builtins).into_iter().map(|name| name.member())
}

fn table(text: &mut String, rows: &[Row]) {
    text.push_str("| member | value | meaning |\n| --- | --- | --- |\n");
    for Row { path, kind, doc } in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| `{path}` | {} | {} |", cell(kind), cell(doc));
    }
}

/// A pipe would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
