//! Header lines as a plain list.
//!
//! A head has a dozen lines, of which a few are looked for: going through them is cheaper than hashing every name into
//! a table, and the list keeps the order in which the lines came. The number of lines is bounded where heads are read.

use http::header::{HeaderName, HeaderValue};

/// Header lines, in order; a name may occur more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(HeaderName, HeaderValue)>);

/// What a line can be looked for by.
pub trait Name {
    /// Whether this is `name`.
    fn is(&self, name: &HeaderName) -> bool;
}

impl Name for HeaderName {
    fn is(&self, name: &HeaderName) -> bool {
        self == name
    }
}

impl Name for &HeaderName {
    fn is(&self, name: &HeaderName) -> bool {
        *self == name
    }
}

impl Name for &str {
    fn is(&self, name: &HeaderName) -> bool {
        name.as_str().eq_ignore_ascii_case(self)
    }
}

impl Headers {
    /// No lines.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// No lines, and room for some.
    pub fn with_capacity(lines: usize) -> Self {
        Self(Vec::with_capacity(lines))
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without any line.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first value of a name.
    #[expect(clippy::needless_pass_by_value, reason = "constants and texts, as they stand")]
    pub fn get(&self, name: impl Name) -> Option<&HeaderValue> {
        self.iter().find(|(known, _)| name.is(known)).map(|(_, value)| value)
    }

    /// All values of a name.
    pub fn get_all(&self, name: impl Name) -> impl Iterator<Item = &HeaderValue> {
        self.iter().filter(move |(known, _)| name.is(known)).map(|(_, value)| value)
    }

    /// Whether there is a line of this name.
    pub fn contains_key(&self, name: impl Name) -> bool {
        self.get(name).is_some()
    }

    /// Makes `value` the name's only one, where its first line stands.
    pub fn insert(&mut self, name: HeaderName, value: HeaderValue) {
        match self.0.iter().position(|(known, _)| *known == name) {
            None => self.0.push((name, value)),
            Some(first) => {
                if let Some((_, old)) = self.0.get_mut(first) {
                    *old = value;
                }
                let mut at = 0;
                self.0.retain(|(known, _)| {
                    at += 1;
                    at <= first + 1 || *known != name
                });
            }
        }
    }

    /// Adds a line behind all others.
    pub fn append(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.push((name, value));
    }

    /// Takes out all lines of a name.
    #[expect(clippy::needless_pass_by_value, reason = "constants and texts, as they stand")]
    pub fn remove(&mut self, name: impl Name) {
        self.0.retain(|(known, _)| !name.is(known));
    }

    /// Takes out all lines but those that `stays` says.
    pub fn retain(&mut self, mut stays: impl FnMut(&HeaderName) -> bool) {
        self.0.retain(|(name, _)| stays(name));
    }

    /// The lines.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Each name once, in the order of its first line.
    pub fn keys(&self) -> impl Iterator<Item = &HeaderName> {
        let before = |at: usize| self.0.iter().take(at).map(|(name, _)| name);
        let first = move |(at, name): &(usize, &HeaderName)| !before(*at).any(|known| known == *name);
        self.0.iter().map(|(name, _)| name).enumerate().filter(first).map(|(_, name)| name)
    }
}

impl IntoIterator for Headers {
    type Item = (HeaderName, HeaderValue);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Extend<(HeaderName, HeaderValue)> for Headers {
    fn extend<T: IntoIterator<Item = (HeaderName, HeaderValue)>>(&mut self, lines: T) {
        self.0.extend(lines);
    }
}

impl FromIterator<(HeaderName, HeaderValue)> for Headers {
    fn from_iter<T: IntoIterator<Item = (HeaderName, HeaderValue)>>(lines: T) -> Self {
        Self(lines.into_iter().collect())
    }
}

impl From<http::HeaderMap> for Headers {
    fn from(map: http::HeaderMap) -> Self {
        let mut headers = Self::with_capacity(map.len() + 8);
        let mut last = None;
        for (name, value) in map {
            last = name.or(last);
            if let Some(name) = &last {
                headers.append(name.clone(), value);
            }
        }
        headers
    }
}

impl From<Headers> for http::HeaderMap {
    fn from(headers: Headers) -> Self {
        let mut map = Self::with_capacity(headers.len());
        // `extend` appends.
        map.extend(headers);
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{ACCEPT, VARY};

    fn line(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    }

    fn texts(headers: &Headers) -> Vec<(&str, &str)> {
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
    }

    #[test]
    fn an_inserted_line_is_its_names_only_one() {
        let mut headers: Headers =
            [line("vary", "a"), line("accept", "b"), line("vary", "c"), line("x-own", "d")]
                .into_iter()
                .collect();
        headers.insert(VARY, HeaderValue::from_static("e"));
        assert_eq!(texts(&headers), [("vary", "e"), ("accept", "b"), ("x-own", "d")]);
        headers.insert(HeaderName::from_static("x-new"), HeaderValue::from_static("f"));
        headers.remove("ACCEPT");
        assert_eq!(texts(&headers), [("vary", "e"), ("x-own", "d"), ("x-new", "f")]);
        assert!(!headers.contains_key(ACCEPT) && headers.contains_key("X-Own"));
    }

    #[test]
    fn lines_of_one_name_keep_their_order_on_the_way_to_a_map_and_back() {
        let headers: Headers =
            [line("vary", "a"), line("accept", "b"), line("vary", "c")].into_iter().collect();
        assert_eq!(headers.keys().collect::<Vec<_>>(), [&VARY, &ACCEPT]);
        let back = Headers::from(http::HeaderMap::from(headers.clone()));
        assert_eq!(back.get_all(VARY).collect::<Vec<_>>(), headers.get_all(VARY).collect::<Vec<_>>());
        assert_eq!(back.len(), 3);
    }
}
