//! Images, files, recordings: where their bytes are, and what they are.

use super::{Cache, State};
use std::borrow::Cow;

/// One image, file, recording or film.
#[derive(Debug, Clone, PartialEq)]
pub struct Media<'a> {
    /// What it is.
    pub kind: MediaKind,
    /// Where its bytes are.
    pub source: Source<'a>,
    /// `image/png` …; `None`: not said.
    pub media_type: Option<Cow<'a, str>>,
    /// A file's name or title.
    pub name: Option<Cow<'a, str>>,
    /// The resolution to look at it with, as OpenAI has it: `low`, `high`, `auto`.
    pub detail: Option<Cow<'a, str>>,
    /// It may be cached up to here.
    pub cache: Option<Cache<'a>>,
    /// Opaque state of the model, bound to it.
    pub state: Option<State<'a>>,
}

/// What a medium is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A PDF or another document.
    File,
    /// A recording.
    Audio,
    /// A film.
    Video,
}

/// Where the bytes are.
#[derive(Debug, Clone, PartialEq)]
pub enum Source<'a> {
    /// Here, in base64 (standard alphabet).
    Base64(Cow<'a, str>),
    /// At an address.
    Url(Cow<'a, str>),
    /// Here, as plain text (a document).
    Text(Cow<'a, str>),
    /// At one vendor, under an id that means nothing elsewhere.
    Id(Cow<'a, str>),
}

impl<'a> Media<'a> {
    /// A medium with nothing but its bytes.
    #[must_use]
    pub const fn new(kind: MediaKind, source: Source<'a>) -> Self {
        Self { kind, source, media_type: None, name: None, detail: None, cache: None, state: None }
    }

    /// From an address that may be a `data:` URL.
    #[must_use]
    pub fn from_url(kind: MediaKind, url: Cow<'a, str>) -> Self {
        match split_data_url(&url) {
            Some((media_type, data)) => {
                let (media_type, data) = (media_type.to_owned(), data.len());
                let from = url.len() - data;
                let data = match url {
                    Cow::Borrowed(url) => Cow::Borrowed(url.get(from..).unwrap_or_default()),
                    Cow::Owned(mut url) => Cow::Owned(url.split_off(from)),
                };
                let media_type = (!media_type.is_empty()).then_some(Cow::Owned(media_type));
                Self { media_type, ..Self::new(kind, Source::Base64(data)) }
            }
            None => Self::new(kind, Source::Url(url)),
        }
    }

    /// Its type: as said, else told from the first bytes, else by its kind.
    #[must_use]
    pub fn media_type(&self) -> &str {
        if let Some(media_type) = &self.media_type {
            return media_type;
        }
        if let Source::Base64(data) = &self.source
            && let Some(told) = told_by_bytes(data)
        {
            return told;
        }
        if let Some(told) = self.name.as_deref().or(self.url()).and_then(told_by_name) {
            return told;
        }
        match (self.kind, &self.source) {
            (_, Source::Text(_)) => "text/plain",
            (MediaKind::Image, _) => "image/png",
            (MediaKind::File, _) => "application/pdf",
            (MediaKind::Audio, _) => "audio/wav",
            (MediaKind::Video, _) => "video/mp4",
        }
    }

    /// Its address, if that is what is known.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match &self.source {
            Source::Url(url) => Some(url),
            Source::Base64(_) | Source::Text(_) | Source::Id(_) => None,
        }
    }
}

/// The media type and the base64 of a `data:` URL: RFC 2397. Data that is not base64 is no such thing here.
#[must_use]
pub fn split_data_url(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("data:").or_else(|| url.strip_prefix("DATA:"))?;
    let (head, data) = rest.split_once(',')?;
    let head = head.strip_suffix(";base64")?;
    Some((head.split(';').next().unwrap_or(head), data))
}

/// The parts of a `data:` URL, to be written one after the other.
#[must_use]
pub const fn data_url<'a>(media_type: &'a str, data: &'a str) -> [&'a str; 4] {
    ["data:", media_type, ";base64,", data]
}

/// By the beginnings that all files of a type share, in base64.
fn told_by_bytes(base64: &str) -> Option<&'static str> {
    const STARTS: &[(&str, &str)] = &[
        ("iVBORw0KGgo", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
        ("JVBERi0", "application/pdf"),
        ("SUQz", "audio/mpeg"),
        ("//uQ", "audio/mpeg"),
        ("T2dnUw", "audio/ogg"),
        ("ZkxhQw", "audio/flac"),
    ];
    let told = STARTS.iter().find(|(start, _)| base64.starts_with(start))?.1;
    // RIFF holds WAVE or WEBP: bytes 8 to 11, which are characters 10 to 16 of the base64.
    Some(if told == "image/webp" && base64.get(11..15) == Some("XQVZ") { "audio/wav" } else { told })
}

fn told_by_name(name: &str) -> Option<&'static str> {
    const ENDS: &[(&str, &str)] = &[
        ("png", "image/png"),
        ("jpg", "image/jpeg"),
        ("jpeg", "image/jpeg"),
        ("gif", "image/gif"),
        ("webp", "image/webp"),
        ("pdf", "application/pdf"),
        ("txt", "text/plain"),
        ("md", "text/markdown"),
        ("csv", "text/csv"),
        ("html", "text/html"),
        ("json", "application/json"),
        ("doc", "application/msword"),
        ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("xls", "application/vnd.ms-excel"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("mp3", "audio/mpeg"),
        ("wav", "audio/wav"),
        ("ogg", "audio/ogg"),
        ("flac", "audio/flac"),
        ("mp4", "video/mp4"),
        ("webm", "video/webm"),
        ("mov", "video/quicktime"),
    ];
    let path = name.split(['?', '#']).next()?;
    let end = path.rsplit('/').next()?.rsplit_once('.')?.1;
    ENDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(end)).map(|(_, told)| *told)
}

/// The text of a file that came in base64, for targets that take texts as such; `None` where it is not UTF-8.
#[must_use]
pub fn decode_text(base64: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(base64.len() / 4 * 3 + 3);
    let (mut bits, mut have) = (0_u32, 0_u32);
    for byte in base64.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            b'\r' | b'\n' => continue,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        have += 6;
        if have >= 8 {
            have -= 8;
            bytes.push((bits >> have) as u8);
            bits &= (1 << have) - 1;
        }
    }
    String::from_utf8(bytes).ok()
}
