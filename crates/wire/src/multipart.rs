//! Finds the `model` field in a `multipart/form-data` body, so that it can be replaced in place. Reads nothing else:
//! files and boundaries go on as they came. The form is RFC 7578: <https://www.rfc-editor.org/rfc/rfc7578>.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use memchr::memmem;

use crate::scan::{Segments, replace};

/// The most bytes that one part's headers may take.
const MAX_HEADERS: usize = 16 << 10;

/// What a body, or its beginning, says about the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// A part named `model` is there.
    Found {
        /// Where its value stands.
        value: Range<usize>,
        /// The whole body was read, so it is the only one. If not, a second one may follow.
        whole: bool,
    },
    /// The whole body was read and has none.
    Missing,
    /// None in what is here, and the body goes on.
    NeedMore,
}

/// Why a body can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// Which of the two would count is anybody's guess.
    #[error("the form has more than one `model` field")]
    ModelTwice,
    /// The body isn't made as the boundary says.
    #[error("not a multipart body: {0}")]
    Malformed(&'static str),
}

/// The boundary that a `multipart/form-data` Content-Type names.
#[must_use]
pub fn boundary(content_type: &str) -> Option<Cow<'_, str>> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary")?;
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

/// Looks for the part named `model` in `body`, which may be only the beginning of the body.
///
/// # Errors
/// When there are two such parts, or the body isn't a multipart body with this boundary.
pub fn find_model(body: &[u8], boundary: &str) -> Result<Search, MultipartError> {
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(&delimiter);
    let mut found = None;
    let Some(mut at) = first_delimiter(body, &delimiter, &finder)? else { return Ok(Search::NeedMore) };
    let whole = loop {
        match after_delimiter(body, at)? {
            Next::Part(start) => at = start,
            Next::Last => break true,
            Next::NeedMore => break false,
        }
        let Some(length) = headers_length(body.get(at..).unwrap_or_default())? else { break false };
        let headers = body.get(at..at + length).unwrap_or_default();
        let value = at + length;
        let Some(end) = finder.find(body.get(value..).unwrap_or_default()).map(|end| value + end) else {
            break false;
        };
        if is_model(headers) && found.replace(value..end).is_some() {
            return Err(MultipartError::ModelTwice);
        }
        at = end + delimiter.len();
    };
    Ok(match found {
        Some(value) => Search::Found { value, whole },
        None if whole => Search::Missing,
        None => Search::NeedMore,
    })
}

/// Puts `model` where `value` stands; the rest isn't copied.
#[must_use]
pub fn splice(body: &Bytes, value: Range<usize>, model: &str) -> Segments {
    replace(body, value, Bytes::copy_from_slice(model.as_bytes()))
}

/// The index behind the first delimiter, which may start the body or follow a preamble.
fn first_delimiter(
    body: &[u8],
    delimiter: &str,
    finder: &memmem::Finder<'_>,
) -> Result<Option<usize>, MultipartError> {
    let bare = delimiter.as_bytes().get(2..).unwrap_or_default();
    if body.starts_with(bare) {
        return Ok(Some(bare.len()));
    }
    if bare.starts_with(body) {
        return Ok(None);
    }
    match finder.find(body) {
        Some(at) => Ok(Some(at + delimiter.len())),
        None if body.len() > MAX_HEADERS => Err(MultipartError::Malformed("its boundary does not occur")),
        None => Ok(None),
    }
}

enum Next {
    /// The index at which a part's headers start.
    Part(usize),
    Last,
    NeedMore,
}

fn after_delimiter(body: &[u8], at: usize) -> Result<Next, MultipartError> {
    let rest = body.get(at..).unwrap_or_default();
    if rest.starts_with(b"--") {
        return Ok(Next::Last);
    }
    let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match rest.get(blanks..).unwrap_or_default() {
        [b'\r', b'\n', ..] => Ok(Next::Part(at + blanks + 2)),
        [] | [b'\r' | b'-'] => Ok(Next::NeedMore),
        _ => Err(MultipartError::Malformed("something stands behind a boundary")),
    }
}

/// The length of a part's headers with the blank line behind them, if they are all here.
fn headers_length(part: &[u8]) -> Result<Option<usize>, MultipartError> {
    if part.starts_with(b"\r\n") {
        return Ok(Some(2));
    }
    let window = part.get(..MAX_HEADERS).unwrap_or(part);
    match memmem::find(window, b"\r\n\r\n") {
        Some(end) => Ok(Some(end + 4)),
        None if window.len() == MAX_HEADERS => {
            Err(MultipartError::Malformed("the headers of a part do not end"))
        }
        None => Ok(None),
    }
}

/// These headers name the field `model`.
fn is_model(headers: &[u8]) -> bool {
    let Ok(headers) = std::str::from_utf8(headers) else { return false };
    headers.split("\r\n").any(|line| {
        let Some((name, value)) = line.split_once(':') else { return false };
        let Some((kind, parameters)) = value.split_once(';') else { return false };
        name.trim().eq_ignore_ascii_case("content-disposition")
            && kind.trim().eq_ignore_ascii_case("form-data")
            && parameter(parameters, "name").is_some_and(|field| field == "model")
    })
}

/// The value of a `;`-separated parameter, quoted or not.
fn parameter<'a>(parameters: &'a str, wanted: &str) -> Option<Cow<'a, str>> {
    let mut rest = parameters;
    loop {
        let (name, behind) = rest.split_once('=')?;
        let behind = behind.trim_start();
        let (value, next) = match behind.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = behind.find(';').unwrap_or(behind.len());
                let (value, next) = behind.split_at_checked(end)?;
                (Cow::Borrowed(value.trim()), next)
            }
        };
        // A parameter without a value may stand before it: `a; name=x`.
        let name = name.rsplit(';').next().unwrap_or_default();
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next;
    }
}

/// A quoted text from behind its opening quote, and what follows it.
fn unquote(quoted: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut escaped = false;
    for (at, byte) in quoted.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => {
                let (text, rest) = quoted.split_at_checked(at)?;
                return Some((unescape(text), rest.get(1..)?));
            }
            _ => {}
        }
    }
    None
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut escaped = false;
    for letter in text.chars() {
        if letter == '\\' && !escaped {
            escaped = true;
        } else {
            plain.push(letter);
            escaped = false;
        }
    }
    Cow::Owned(plain)
}
