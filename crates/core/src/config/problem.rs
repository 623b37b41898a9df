//! What is wrong with a configuration, and where: collected, so that a start names all of it at once.
//!
//! No problem ever quotes a value of the configuration: what stands in the wrong place may be a credential.

use std::fmt;
use std::sync::Arc;

/// What problems of environment variables name as their file.
pub const ENVIRONMENT: &str = "environment";

/// One thing that is wrong (or, as a warning, doubtful).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's name as it was given, or [`ENVIRONMENT`].
    pub file: String,
    /// Line, from 1; 0 where there are no lines.
    pub line: u32,
    /// Column in characters, from 1; 0 where there are no lines.
    pub column: u32,
    /// Path of the member (`providers.openai.timeouts.connect_ms`); empty for the whole file.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it; may be empty.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.file)?;
        if self.line > 0 {
            write!(out, ":{}:{}", self.line, self.column)?;
        }
        if !self.field.is_empty() {
            write!(out, ": {}", self.field)?;
        }
        write!(out, ": {}", self.message)?;
        if !self.hint.is_empty() {
            write!(out, " ({})", self.hint)?;
        }
        Ok(())
    }
}

/// Where a value stands.
#[derive(Clone, Debug)]
pub(super) struct At {
    file: Arc<str>,
    line: u32,
    column: u32,
    pub(super) field: String,
}

impl At {
    /// A place in a file.
    pub(super) fn new(file: Arc<str>, line: u32, column: u32) -> Self {
        Self { file, line, column, field: String::new() }
    }

    /// An environment variable.
    pub(super) fn environment(name: &str) -> Self {
        Self { file: ENVIRONMENT.into(), line: 0, column: 0, field: name.into() }
    }

    /// The member `name` of what stands here, itself standing at `line` and `column`.
    pub(super) fn member(&self, name: &str, (line, column): (u32, u32)) -> Self {
        let name = shown(name);
        let field = if self.field.is_empty() { name.into() } else { format!("{}.{name}", self.field) };
        Self { file: self.file.clone(), line, column, field }
    }

    /// The item `index` of what stands here.
    pub(super) fn item(&self, index: usize, (line, column): (u32, u32)) -> Self {
        Self { file: self.file.clone(), line, column, field: format!("{}[{index}]", self.field) }
    }

    /// A problem here.
    pub(super) fn problem(&self, message: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem {
            file: self.file.as_ref().into(),
            line: self.line,
            column: self.column,
            field: self.field.clone(),
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// A value and where it stands, for the checks that come after reading.
#[derive(Clone)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) at: At,
}

/// What reading and checking found.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl Findings {
    /// The configuration cannot be used.
    pub(super) fn problem(&mut self, at: &At, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(at.problem(message, hint));
    }

    /// The configuration can be used, but hardly means what was meant.
    pub(super) fn warn(&mut self, at: &At, message: impl Into<String>, hint: impl Into<String>) {
        self.warnings.push(at.problem(message, hint));
    }
}

/// A name as it may be shown. One that looks like a credential (pasted where a name belongs) is left out.
pub(super) fn shown(name: &str) -> &str {
    if name.chars().count() > 64 || name.chars().any(char::is_control) || looks_secret(name) {
        "…"
    } else {
        name
    }
}

/// A usual prefix of keys, or a long run of letters mixed with digits.
fn looks_secret(name: &str) -> bool {
    const PREFIXES: &[&str] = &["sk-", "sk_", "gsk_", "xai-", "hf_", "pplx-", "AIza", "r8_", "AKIA"];
    let mixed = |run: &str| {
        run.len() >= 16
            && run.bytes().any(|b| b.is_ascii_digit())
            && run.bytes().any(|b| b.is_ascii_alphabetic())
    };
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name.split(|c: char| !c.is_ascii_alphanumeric()).any(mixed)
}

/// `did you mean …?` for the known name nearest to `name`, or nothing.
pub(super) fn did_you_mean<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    // Far-off guesses confuse more than they help, and the distance of huge names costs time.
    let limit = (name.chars().count() / 4).clamp(1, 3);
    if name.len() > 64 {
        return String::new();
    }
    let nearest = known
        .into_iter()
        .map(|candidate| (distance(&name.to_ascii_lowercase(), &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance);
    nearest.map(|(_, candidate)| format!("did you mean `{candidate}`?")).unwrap_or_default()
}

/// Levenshtein distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let known = ["base_url", "keys", "models"];
        assert_eq!(did_you_mean("baseurl", known), "did you mean `base_url`?");
        assert_eq!(did_you_mean("Keys", known), "did you mean `keys`?");
        assert_eq!(did_you_mean("colour", known), "");
    }

    #[test]
    fn names_that_look_like_credentials_are_not_shown() {
        for name in ["sk-abc", "AIzaSyD", "0123456789abcdef0", "x-a1b2c3d4e5f6a7b8-y"] {
            assert_eq!(shown(name), "…", "{name}");
        }
        for name in ["openai", "my-company-vllm-cluster-01-eu", "CUSTOM_OPENAI_ENDPOINTS", "gpt-4o"] {
            assert_eq!(shown(name), name);
        }
    }

    #[test]
    fn a_problem_is_one_line() {
        let at = At::new("wharf.jsonc".into(), 1, 1).member("cors", (3, 5));
        let text = at.problem("must be an object", "see the reference").to_string();
        assert_eq!(text, "wharf.jsonc:3:5: cors: must be an object (see the reference)");
        assert_eq!(At::environment("OPEN").problem("is odd", "").to_string(), "environment: OPEN: is odd");
    }
}
