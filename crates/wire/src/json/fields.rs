//! An object is read member by member: each is taken once, a wrong type is an error that names its path, and what
//! nobody took is known at the end.

use super::{Array, Json};
use std::borrow::Cow;
use std::fmt;

/// Where a value stands: `messages[3].content[0].image_url`.
#[derive(Debug, Clone, Copy)]
pub struct Path<'p> {
    parent: Option<&'p Self>,
    step: Step<'p>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    Root,
    Name(&'p str),
    Index(usize),
}

impl<'p> Path<'p> {
    /// The whole body.
    pub const ROOT: Self = Self { parent: None, step: Step::Root };

    /// A member of what stands here.
    #[must_use]
    pub const fn name<'q>(&'q self, name: &'q str) -> Path<'q>
    where
        'p: 'q,
    {
        Path { parent: Some(self), step: Step::Name(name) }
    }

    /// An item of what stands here.
    #[must_use]
    pub const fn index<'q>(&'q self, index: usize) -> Path<'q>
    where
        'p: 'q,
    {
        Path { parent: Some(self), step: Step::Index(index) }
    }

    /// An error at this place.
    #[must_use]
    pub fn invalid(&self, reason: impl Into<Cow<'static, str>>) -> Invalid {
        Invalid { path: self.to_string(), reason: reason.into() }
    }

    /// The path with `[]` for every index, so that a fault in a thousand messages is one name.
    #[must_use]
    pub fn general(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, true);
        text
    }

    fn write(&self, text: &mut String, general: bool) {
        if let Some(parent) = self.parent {
            parent.write(text, general);
        }
        match self.step {
            Step::Root => {}
            // A member may have no name; its path must not be empty.
            Step::Name("") => text.push_str(if text.is_empty() { "\"\"" } else { ".\"\"" }),
            Step::Name(name) if text.is_empty() => text.push_str(name),
            Step::Name(name) => text.extend([".", name]),
            Step::Index(_) if general => text.push_str("[]"),
            Step::Index(index) => text.extend(["[", &index.to_string(), "]"]),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text, false);
        out.write_str(if text.is_empty() { "the body" } else { &text })
    }
}

/// What is wrong with a request, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Invalid {
    /// The field's path in the caller's own body.
    pub path: String,
    /// What is wrong with it.
    pub reason: Cow<'static, str>,
}

/// An object on its way to be read. A member that is null counts as absent.
#[derive(Debug)]
pub struct Fields<'p, 'a> {
    /// Where the object stands.
    pub path: Path<'p>,
    members: Vec<(Cow<'a, str>, Json<'a>)>,
}

impl<'p, 'a> Fields<'p, 'a> {
    /// Begins to read an object.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(path: Path<'p>, json: Json<'a>) -> Result<Self, Invalid> {
        match json {
            Json::Object(object) => Ok(Self { path, members: object.members }),
            other => Err(wrong(&path, &other, "an object")),
        }
    }

    /// Takes a member, whatever it is; the last one of a name counts.
    pub fn take(&mut self, name: &str) -> Option<Json<'a>> {
        let at = self.members.iter().rposition(|(member, _)| member == name)?;
        let (_, value) = self.members.remove(at);
        (value != Json::Null).then_some(value)
    }

    /// Looks at a member without taking it.
    #[must_use]
    pub fn peek(&self, name: &str) -> Option<&Json<'a>> {
        let found = self.members.iter().rev().find(|(member, _)| member == name);
        found.map(|(_, value)| value).filter(|value| **value != Json::Null)
    }

    /// Takes a string.
    ///
    /// # Errors
    /// When it is something else.
    pub fn text(&mut self, name: &str) -> Result<Option<Cow<'a, str>>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(&self.path.name(name), &other, "a string")),
        }
    }

    /// Takes a string that must be there.
    ///
    /// # Errors
    /// When it is missing or something else.
    pub fn need_text(&mut self, name: &str) -> Result<Cow<'a, str>, Invalid> {
        self.text(name)?.ok_or_else(|| self.path.name(name).invalid("is required"))
    }

    /// Takes a boolean.
    ///
    /// # Errors
    /// When it is something else.
    pub fn bool(&mut self, name: &str) -> Result<Option<bool>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(wrong(&self.path.name(name), &other, "a boolean")),
        }
    }

    /// Takes a whole number, zero or above.
    ///
    /// # Errors
    /// When it is something else.
    pub fn number(&mut self, name: &str) -> Result<Option<u64>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match value.number() {
                Some(number) => Ok(Some(number)),
                None => Err(wrong(&self.path.name(name), &value, "a whole number")),
            },
        }
    }

    /// Takes a number. One that no float can hold is an error.
    ///
    /// # Errors
    /// When it is something else.
    pub fn float(&mut self, name: &str) -> Result<Option<f64>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match value.float() {
                Some(float) => Ok(Some(float)),
                None => Err(wrong(&self.path.name(name), &value, "a number in the range of a double")),
            },
        }
    }

    /// Takes an array.
    ///
    /// # Errors
    /// When it is something else.
    pub fn array(&mut self, name: &str) -> Result<Option<Array<'a>>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Array(array)) => Ok(Some(array)),
            Some(other) => Err(wrong(&self.path.name(name), &other, "an array")),
        }
    }

    /// Takes an object, to be read in turn.
    ///
    /// # Errors
    /// When it is something else.
    pub fn object<'q>(&'q mut self, name: &'q str) -> Result<Option<Fields<'q, 'a>>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => Fields::new(self.path.name(name), value).map(Some),
        }
    }

    /// The members that nobody took, as paths; nulls and empty ones don't count.
    pub fn unread(self, on: impl FnMut(String)) {
        unread(&self.path, &self.members, on);
    }
}

/// Hands on the path of every member that holds something.
pub fn unread(path: &Path<'_>, members: &[(Cow<'_, str>, Json<'_>)], mut on: impl FnMut(String)) {
    for (name, value) in members {
        if *value != Json::Null {
            on(path.name(name).general());
        }
    }
}

fn wrong(path: &Path<'_>, value: &Json<'_>, wanted: &str) -> Invalid {
    path.invalid(match value {
        Json::Number(text) => format!("must be {wanted}, not {text:.40}"),
        other => format!("must be {wanted}, not {}", other.kind()),
    })
}
