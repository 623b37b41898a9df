//! The derived files: what each holds now, and what it should hold.

use crate::tree::{Tree, Trouble};
use crate::{blocks, conformance, errors, providers};
use wharf_core::config;
use wharf_core::provider::catalog::builtins;

/// One file with a derived part, or derived as a whole.
pub(crate) struct Document {
    pub(crate) path: &'static str,
    pub(crate) found: String,
    pub(crate) wanted: String,
}

impl Document {
    pub(crate) fn is_stale(&self) -> bool {
        self.found != self.wanted
    }
}

/// Every derived file.
pub(crate) fn all(tree: &Tree) -> Result<Vec<Document>, Trouble> {
    Ok(vec![
        block(tree, "README.md", "providers", &providers::table(builtins()))?,
        block(tree, "docs/config.md", "reference", &config::reference(builtins()))?,
        block(tree, "docs/errors.md", "kinds", &errors::table())?,
        Document {
            path: "wharf.schema.json",
            found: tree.read_or_empty("wharf.schema.json")?,
            wanted: format!("{:#}\n", config::schema(builtins())),
        },
        conformance::document(tree)?,
        Document {
            path: "docs/faults.md",
            found: tree.read_or_empty("docs/faults.md")?,
            wanted: wharf_testkit::scorecard::page(),
        },
    ])
}

fn block(tree: &Tree, path: &'static str, name: &str, content: &str) -> Result<Document, Trouble> {
    let found = tree.read(path)?;
    let wanted =
        blocks::replace(&found, name, content).map_err(|problem| Trouble(format!("{path} {problem}")))?;
    Ok(Document { path, found, wanted })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The printed form of the schema must be the one that the binary prints (`wharf schema`), and valid JSON.
    #[test]
    fn the_schema_is_json_that_names_every_provider() {
        let text = format!("{:#}\n", config::schema(builtins()));
        let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
        for provider in builtins() {
            for name in provider.key_env {
                assert!(schema["properties"].get(*name).is_some(), "{name}");
            }
        }
    }
}
