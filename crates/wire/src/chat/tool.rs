//! Tools on offer.

use super::Cache;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// One tool on offer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tool<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// What it is for.
    pub description: Option<Cow<'a, str>>,
    /// What kind of tool.
    pub kind: ToolKind<'a>,
    /// It may be cached up to here.
    pub cache: Option<Cache<'a>>,
}

/// What a tool takes.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolKind<'a> {
    /// Arguments of a JSON schema.
    Function {
        /// The schema, as JSON; `None`: no arguments.
        parameters: Option<Cow<'a, str>>,
        /// The schema must be kept to the letter.
        strict: Option<bool>,
    },
    /// Free text, perhaps of a grammar: <https://platform.openai.com/docs/guides/function-calling#custom-tools>.
    Custom {
        /// The grammar, as JSON.
        format: Option<Cow<'a, str>>,
    },
}

impl Default for ToolKind<'_> {
    fn default() -> Self {
        ToolKind::Function { parameters: None, strict: None }
    }
}

/// The name of the tool that stands for a wanted form of the answer, where the target knows no schemas of answers:
/// its call is the answer. Readers of answers know it by this name, so nothing has to be remembered.
pub const ANSWER_TOOL: &str = "wharf_answer";

/// The schema of the function that stands for a custom tool.
const ONE_TEXT: &str = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}"#;

impl Tool<'_> {
    /// The schema of its arguments, for targets that know functions only: an object without members where it takes
    /// none, one with the text `input` for a custom tool.
    #[must_use]
    pub fn schema(&self) -> &str {
        match &self.kind {
            ToolKind::Function { parameters: Some(schema), .. } => schema,
            ToolKind::Function { parameters: None, .. } => r#"{"type":"object","properties":{}}"#,
            ToolKind::Custom { .. } => ONE_TEXT,
        }
    }

    /// It must be kept to the letter.
    #[must_use]
    pub const fn strict(&self) -> Option<bool> {
        match &self.kind {
            ToolKind::Function { strict, .. } => *strict,
            ToolKind::Custom { .. } => None,
        }
    }
}

/// Whether and what the model must call.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolChoice<'a> {
    /// As it likes.
    Auto,
    /// Nothing.
    None,
    /// Something.
    Required,
    /// This tool.
    Tool(Cow<'a, str>),
    /// One of these; with `required` it must.
    Allowed {
        /// Their names.
        names: Vec<Cow<'a, str>>,
        /// It must call one of them.
        required: bool,
    },
}

impl ToolChoice<'_> {
    /// The names of [`ToolChoice::Allowed`], to look each tool up in; none of any other choice.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        match self {
            Self::Allowed { names, .. } => names.iter().map(|name| &**name).collect(),
            Self::Auto | Self::None | Self::Required | Self::Tool(_) => BTreeSet::new(),
        }
    }
}
