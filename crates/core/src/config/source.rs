//! The file as text: JSON with comments and trailing commas, and where in it each value stands.

use super::problem::{At, Problem};
use jsonc_parser::ast::{ObjectProp, Value};
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use std::sync::Arc;

/// A text with the knowledge of where it came from.
pub(super) struct Source<'a> {
    text: &'a str,
    file: Arc<str>,
    positions: Positions,
}

/// How an offset becomes line and column.
enum Positions {
    /// The offset of each line's first byte.
    Lines(Vec<usize>),
    /// The text is a value inside something else: everything in it stands where that stands.
    Inside(u32, u32),
}

impl<'a> Source<'a> {
    /// A whole file.
    pub(super) fn file(name: &str, text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self {
            text,
            file: name.into(),
            positions: Positions::Lines(std::iter::once(0).chain(breaks).collect()),
        }
    }

    /// JSON text inside another value (an environment variable, a string of the file).
    pub(super) fn inside(at: &At, text: &'a str) -> Self {
        let place = at.problem("", "");
        let positions = Positions::Inside(place.line, place.column);
        Self { text, file: place.file.into(), positions }
    }

    /// Line and column, from 1, of a byte offset; the column counts characters.
    pub(super) fn position(&self, offset: usize) -> (u32, u32) {
        match &self.positions {
            Positions::Inside(line, column) => (*line, *column),
            Positions::Lines(starts) => {
                let line = starts.partition_point(|start| *start <= offset).saturating_sub(1);
                let start = starts.get(line).copied().unwrap_or_default();
                let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
                (number(line + 1), number(column + 1))
            }
        }
    }

    /// Where a value stands.
    pub(super) fn of(&self, range: Range) -> (u32, u32) {
        self.position(range.start)
    }

    /// Where a member's value stands: an operator looks for the value, not for its name.
    pub(super) fn of_member(&self, member: &ObjectProp<'_>) -> (u32, u32) {
        self.of(member.value.range())
    }

    /// The place of the whole text.
    pub(super) fn whole(&self) -> At {
        let (line, column) = self.position(0);
        At::new(self.file.clone(), line, column)
    }

    /// Parses the text. `None`: there is no value in it (empty, or comments only).
    pub(super) fn parse(&self, at: &At) -> Result<Option<Value<'a>>, Problem> {
        // Comments and trailing commas are promised; anything looser would hide typing errors.
        let options = ParseOptions {
            allow_comments: true,
            allow_trailing_commas: true,
            allow_loose_object_property_names: false,
            allow_missing_commas: false,
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
            allow_bare_decimal_point_numbers: false,
            allow_non_finite_numbers: false,
            allow_extended_string_escapes: false,
        };
        parse_to_ast(self.text, &CollectOptions::default(), &options).map(|parsed| parsed.value).map_err(
            |error| {
                let (line, column) = self.of(error.range());
                let mut place = At::new(self.file.clone(), line, column);
                place.field.clone_from(&at.field);
                let (message, hint) = explain(error.kind());
                place.problem(message, hint)
            },
        )
    }
}

/// The parser's complaint in our words: some of its own texts quote the input.
fn explain(kind: &ParseErrorKind) -> (String, &'static str) {
    let hint = match kind {
        ParseErrorKind::String(_) => {
            return (
                "this string is not closed, or holds an invalid escape".into(),
                "JSON escapes a backslash as `\\\\`",
            );
        }
        ParseErrorKind::ExpectedComma => "two members or items need a comma between them",
        ParseErrorKind::SingleQuotedStringsNotAllowed | ParseErrorKind::ExpectedStringObjectProperty => {
            "names and strings stand in double quotes"
        }
        ParseErrorKind::UnexpectedWord => {
            "strings stand in double quotes; other values are true, false and null"
        }
        _ => "expected JSON with comments and trailing commas",
    };
    (format!("not valid JSON: {}", lower_first(&kind.to_string())), hint)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Positions of files over 4 GiB do not matter.
fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let source = Source::file("f", text);
        source.parse(&source.whole()).expect_err("not JSON").to_string()
    }

    #[test]
    fn comments_and_trailing_commas_are_json_here() {
        let source = Source::file("f", "\u{feff}// one\n{ \"a\": [1, 2,], /* two */ }\n");
        assert!(source.parse(&source.whole()).expect("parses").is_some());
        let empty = Source::file("f", " // nothing\n");
        assert!(empty.parse(&empty.whole()).expect("parses").is_none());
    }

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let source = Source::file("f", "{\n  \"ä\": 1,\r\n  \"b\": 2 }");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position("{\n  \"ä\": ".len()), (2, 8));
        assert_eq!(source.position("{\n  \"ä\": 1,\r\n  ".len()), (3, 3));
        assert_eq!(source.position(10_000).0, 3);
    }

    #[test]
    fn a_syntax_error_has_its_place() {
        assert!(error("{\n  \"a\": 1\n  \"b\": 2\n}").starts_with("f:2:9: not valid JSON: expected comma"));
        assert!(error("{\n  a: 1 }").starts_with("f:2:3: not valid JSON"));
        assert!(error("{ \"a\": 'x' }").contains("double quotes"));
        assert!(error("{ \"a\": \"\\u12\" }").contains("not closed, or holds an invalid escape"));
        assert!(error("{} {}").contains("not valid JSON"));
    }
}
