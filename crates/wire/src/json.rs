//! JSON as a tree that borrows from its text, the reader that knows the path of every field, and the writer.
//!
//! A tree keeps the text of its objects, arrays and numbers, so that a tool's arguments or a long integer pass on
//! as they were written. A client's body has been checked by `scan` before; what comes from an upstream is read
//! leniently where nothing is lost by it (raw control characters, half surrogate pairs).

mod fields;
mod locate;
mod parse;
mod write;

#[cfg(test)]
mod tests;

pub use fields::{Fields, Invalid, Path, unread};
pub use locate::path_of;
pub use parse::{JsonError, MAX_DEPTH, parse, parse_lossy};
pub use write::Writer;

use std::borrow::Cow;

/// One JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as written.
    Number(&'a str),
    /// A string, its escapes resolved.
    String(Cow<'a, str>),
    /// An array.
    Array(Array<'a>),
    /// An object.
    Object(Object<'a>),
}

/// An array and its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Array<'a> {
    /// As written, brackets included.
    pub raw: &'a str,
    /// The values.
    pub items: Vec<Json<'a>>,
}

/// An object and its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<'a> {
    /// As written, braces included.
    pub raw: &'a str,
    /// The members in their order; a name may stand there twice.
    pub members: Vec<(Cow<'a, str>, Json<'a>)>,
}

impl<'a> Object<'a> {
    /// The last member of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.members.iter().rev().find(|(member, _)| member == name).map(|(_, value)| value)
    }
}

impl<'a> Json<'a> {
    /// The member of an object; `None` for anything else, and where it is null.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Json::Object(object) => object.get(name).filter(|value| **value != Json::Null),
            _ => None,
        }
    }

    /// The value at this path of members; a number picks an item of an array.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |json, step| match json {
            Json::Array(array) => array.items.get(step.parse::<usize>().ok()?),
            other => other.get(step),
        })
    }

    /// A string.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// A string as it is held: borrowed from the text where it had no escapes.
    #[must_use]
    pub fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// A string of its own lifetime: copied only where it had escapes.
    #[must_use]
    pub fn cow(&self) -> Option<Cow<'a, str>> {
        match self {
            Json::String(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// A whole number that fits; `12.0` is one.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        let Json::Number(text) = self else { return None };
        text.parse().ok().or_else(|| {
            let float: f64 = text.parse().ok()?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the guard leaves whole numbers that fit"
            )]
            (float.fract() == 0.0 && (0.0..1e15).contains(&float)).then_some(float as u64)
        })
    }

    /// A number that a float can hold.
    #[must_use]
    pub fn float(&self) -> Option<f64> {
        match self {
            Json::Number(text) => text.parse().ok().filter(|float: &f64| float.is_finite()),
            _ => None,
        }
    }

    /// `true` or `false`.
    #[must_use]
    pub const fn bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The items of an array; none for anything else.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match self {
            Json::Array(array) => &array.items,
            _ => &[],
        }
    }

    /// The members of an object; none for anything else.
    #[must_use]
    pub fn members(&self) -> &[(Cow<'a, str>, Self)] {
        match self {
            Json::Object(object) => &object.members,
            _ => &[],
        }
    }

    /// The text of an object, an array, a number or a word as it was written; a string is written anew.
    #[must_use]
    pub fn raw(&self) -> Cow<'a, str> {
        match self {
            Json::Null => Cow::Borrowed("null"),
            Json::Bool(true) => Cow::Borrowed("true"),
            Json::Bool(false) => Cow::Borrowed("false"),
            Json::Number(text) => Cow::Borrowed(text),
            Json::Array(array) => Cow::Borrowed(array.raw),
            Json::Object(object) => Cow::Borrowed(object.raw),
            Json::String(text) => {
                let mut out = Writer::default();
                out.string(text);
                Cow::Owned(out.into_string())
            }
        }
    }

    /// What it is, for people.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }
}
