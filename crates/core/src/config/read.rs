//! From the parsed file to typed values: every problem is collected, none stops the reading of what stands beside it.

use super::problem::{At, Findings, Located, did_you_mean, shown};
use super::shape::{Member, Shape};
use super::source::Source;
use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged;
use std::collections::HashSet;
use wharf_wire::format::Format;

/// The environment, as the host handed it in.
#[derive(Clone, Copy)]
pub(super) struct Env<'a> {
    pub(super) values: &'a [(String, String)],
    /// Names of variables whose values are no text.
    pub(super) unreadable: &'a [String],
}

impl<'a> Env<'a> {
    /// The value of a variable, also when it is empty.
    pub(super) fn value(self, name: &str) -> Option<&'a str> {
        self.values.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A problem if the variable holds something that is no text; true then.
    pub(super) fn refuse_unreadable(self, name: &str, at: &At, out: &mut Findings) -> bool {
        let unreadable = self.unreadable.iter().any(|unreadable| unreadable == name);
        if unreadable {
            let message = format!("the environment variable `{}` is not UTF-8 text", shown(name));
            out.problem(at, message, "set it anew, or unset it");
        }
        unreadable
    }
}

/// What reading needs beside the value.
pub(super) struct Cx<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) env: Env<'a>,
    pub(super) out: &'a mut Findings,
    /// Credentials in lower-case sections must be references to variables.
    pub(super) references_only: bool,
}

/// A type that can be read from the file, and can say what it looks like there.
pub(super) trait Read: Sized {
    /// The value, or `None` after a problem was reported.
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self>;
    /// What a value looks like.
    fn shape() -> Shape;
}

/// An object with a fixed set of members. Written by the macro `section!` from one definition.
pub(super) trait Section: Default {
    /// Its members' names.
    const KEYS: &'static [&'static str];
    /// Those that must be there.
    const NEEDS: &'static [&'static str];
    /// Reads one member; false if there is none of that name.
    fn take(&mut self, member: &ObjectProp<'_>, at: &At, cx: &mut Cx<'_>) -> bool;
    /// Its members, for the schema and the reference.
    fn members() -> Vec<Member>;
}

/// Reads a section from an object.
pub(super) fn read_section<S: Section>(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<S> {
    let object = expect_object(value, at, cx)?;
    let mut section = S::default();
    for (member, place) in members(object, at, cx) {
        if !section.take(member, &place, cx) {
            let place = named(member, at, cx);
            cx.out.problem(
                &place,
                unknown(member),
                did_you_mean(member.name.as_str(), S::KEYS.iter().copied()),
            );
        }
    }
    for need in S::NEEDS.iter().filter(|need| object.get(need).is_none()) {
        cx.out.problem(&at.member(need, cx.source.of(value.range())), "is missing", "it is required here");
    }
    Some(section)
}

/// The members of an object with their places; one that is given twice is a problem.
pub(super) fn members<'v, 'a>(
    object: &'v Object<'a>,
    at: &At,
    cx: &mut Cx<'_>,
) -> Vec<(&'v ObjectProp<'a>, At)> {
    let mut seen = HashSet::new();
    let mut list = Vec::with_capacity(object.properties.len());
    for member in &object.properties {
        if seen.insert(member.name.as_str()) {
            list.push((member, at.member(member.name.as_str(), cx.source.of_member(member))));
        } else {
            let place = named(member, at, cx);
            cx.out.problem(&place, "is given twice", "keep one of them");
        }
    }
    list
}

/// The place of a member's name.
pub(super) fn named(member: &ObjectProp<'_>, at: &At, cx: &Cx<'_>) -> At {
    at.member(member.name.as_str(), cx.source.of(member.range))
}

/// What is said of a member that nobody knows.
pub(super) fn unknown(member: &ObjectProp<'_>) -> String {
    format!("unknown member `{}`", shown(member.name.as_str()))
}

/// Reads a value and keeps its place.
pub(super) fn located<T: Read>(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Located<T>> {
    T::read(value, at, cx).map(|value| Located { value, at: at.clone() })
}

/// The object, or a problem.
pub(super) fn expect_object<'v, 'a>(
    value: &'v Value<'a>,
    at: &At,
    cx: &mut Cx<'_>,
) -> Option<&'v Object<'a>> {
    if let Value::Object(object) = value { Some(object) } else { wrong(value, "an object", at, cx) }
}

/// Reports a value of the wrong type, without its content.
pub(super) fn wrong<T>(value: &Value<'_>, wanted: &str, at: &At, cx: &mut Cx<'_>) -> Option<T> {
    cx.out.problem(at, format!("must be {wanted}, not {}", kind(value)), "");
    None
}

fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::StringLit(_) => "a string",
        Value::NumberLit(_) => "a number",
        Value::BooleanLit(_) => "a boolean",
        Value::Object(_) => "an object",
        Value::Array(_) => "an array",
        Value::NullKeyword(_) => "null",
    }
}

impl Read for bool {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        if let Value::BooleanLit(flag) = value {
            Some(flag.value)
        } else {
            wrong(value, "true or false", at, cx)
        }
    }
    fn shape() -> Shape {
        Shape::Flag
    }
}

/// A string that is not empty, without blanks around it.
impl Read for String {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        let Value::StringLit(text) = value else { return wrong(value, "a string", at, cx) };
        let text = text.value.trim();
        if text.is_empty() {
            cx.out.problem(at, "must not be empty", "leave the member out instead");
            return None;
        }
        Some(text.into())
    }
    fn shape() -> Shape {
        Shape::FILLED
    }
}

/// A whole number in a range.
pub(super) struct Count<const MIN: u64, const MAX: u64>(pub(super) u64);

impl<const MIN: u64, const MAX: u64> Read for Count<MIN, MAX> {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        let Value::NumberLit(number) = value else { return wrong(value, "a whole number", at, cx) };
        match number.value.parse() {
            Ok(number) if (MIN..=MAX).contains(&number) => Some(Self(number)),
            _ => {
                cx.out.problem(at, format!("must be a whole number from {MIN} to {MAX}"), "");
                None
            }
        }
    }
    fn shape() -> Shape {
        Shape::Number(MIN, MAX)
    }
}

/// An array; items with problems are left out.
impl<T: Read> Read for Vec<Located<T>> {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        let Value::Array(array) = value else { return wrong(value, "an array", at, cx) };
        let mut list = Self::with_capacity(array.elements.len());
        for (index, item) in array.elements.iter().enumerate() {
            let at = at.item(index, cx.source.of(item.range()));
            list.extend(located(item, &at, cx));
        }
        Some(list)
    }
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }
}

/// One string, or an array of strings.
pub(super) struct Words(pub(super) Vec<Located<String>>);

impl Read for Words {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        match value {
            Value::StringLit(_) => Some(Self(vec![located(value, at, cx)?])),
            Value::Array(_) => Vec::read(value, at, cx).map(Self),
            Value::NumberLit(_) | Value::BooleanLit(_) | Value::Object(_) | Value::NullKeyword(_) => {
                wrong(value, "a string or an array of strings", at, cx)
            }
        }
    }
    fn shape() -> Shape {
        Shape::Either(vec![String::shape(), Shape::List(Box::new(String::shape()))])
    }
}

/// An object whose names the user chooses, in the order of the file.
pub(super) struct Named<T>(pub(super) Vec<(String, Located<Option<T>>)>);

impl<T: Read> Read for Named<T> {
    /// A member that cannot be read keeps its name, so that what refers to it is not reported as well.
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        let object = expect_object(value, at, cx)?;
        let mut list = Vec::with_capacity(object.properties.len());
        for (member, at) in members(object, at, cx) {
            let value = T::read(&member.value, &at, cx);
            list.push((member.name.as_str().to_owned(), Located { value, at }));
        }
        Some(Self(list))
    }
    fn shape() -> Shape {
        Shape::Map("name", Box::new(T::shape()))
    }
}

/// `null` is the same as leaving the member out.
pub(super) struct Nullable<T>(pub(super) Option<T>);

impl<T: Read> Read for Nullable<T> {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        match value {
            Value::NullKeyword(_) => Some(Self(None)),
            _ => T::read(value, at, cx).map(|value| Self(Some(value))),
        }
    }
    fn shape() -> Shape {
        Shape::Either(vec![T::shape(), Shape::Null])
    }
}

/// A word out of a list, for the macro `choice!` and for [`Format`].
pub(super) fn read_word<T>(
    value: &Value<'_>,
    words: &[&'static str],
    parse: impl Fn(&str) -> Option<T>,
    at: &At,
    cx: &mut Cx<'_>,
) -> Option<T> {
    let Value::StringLit(text) = value else { return wrong(value, "a string", at, cx) };
    let parsed = parse(&text.value);
    if parsed.is_none() {
        cx.out.problem(
            at,
            format!("must be one of {}", words.join(", ")),
            did_you_mean(&text.value, words.iter().copied()),
        );
    }
    parsed
}

impl Read for Format {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        read_word(value, &Self::ALL.map(Self::name), Self::parse, at, cx)
    }
    fn shape() -> Shape {
        Shape::Choice(Self::ALL.into_iter().map(|format| format.name().into()).collect())
    }
}
