//! Images, documents, recordings and films: bytes only, web addresses have to be fetched first. Documents have names.

use super::messages::refuse;
use crate::chat::{Field, Losses, Media, MediaKind, Refused, Source};
use crate::json::Writer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::collections::HashSet;

/// The names that documents of this request have: each must be another.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

/// Writes the member that a medium is: `"image": {…}`.
pub(super) fn write(
    media: &Media<'_>,
    names: &mut Names,
    losses: &mut Losses,
    out: &mut Writer,
) -> Result<(), Refused> {
    let media_type = media.media_type();
    let media_type = media_type.split(';').next().unwrap_or(media_type).trim().to_ascii_lowercase();
    let kind = kind(media.kind, &media_type);
    let (name, field) = match kind {
        MediaKind::Image => ("image", Field::Image),
        MediaKind::File => ("document", Field::File),
        MediaKind::Audio => ("audio", Field::Audio),
        MediaKind::Video => ("video", Field::Video),
    };
    if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
        losses.field(Field::Detail);
    }
    if media.state.is_some() {
        losses.field(Field::ReasoningHistory);
    }
    let Some(format) = format(kind, &media_type) else {
        return Err(refuse(field, format!("Bedrock takes no {name} of the type {media_type:.64}")));
    };
    out.name(name).begin().member("format", format);
    if kind == MediaKind::File {
        out.member("name", &names.fit(media.name.as_deref()));
    }
    out.name("source").begin();
    match &media.source {
        Source::Base64(data) => out.member("bytes", data),
        Source::Text(text) if kind == MediaKind::File => out.member("bytes", &STANDARD.encode(&**text)),
        Source::Url(url) if url.starts_with("s3://") => {
            out.name("s3Location").begin().member("uri", url).end()
        }
        Source::Url(url) => {
            return Err(Refused {
                field,
                reason: Cow::Borrowed("Bedrock takes the bytes of media, not their address"),
                fetch: Some(url.to_string()),
            });
        }
        Source::Id(_) | Source::Text(_) => {
            return Err(refuse(field, format!("Bedrock can't read this {name}: send its bytes")));
        }
    };
    out.end().end();
    Ok(())
}

/// A file may be a picture all the same.
fn kind(said: MediaKind, media_type: &str) -> MediaKind {
    match (said, media_type.split('/').next()) {
        (MediaKind::File, Some("image")) => MediaKind::Image,
        (MediaKind::File, Some("video")) => MediaKind::Video,
        (MediaKind::File, Some("audio")) => MediaKind::Audio,
        (said, _) => said,
    }
}

/// Bedrock's names of types: `ImageFormat`, `DocumentFormat`, `AudioFormat`, `VideoFormat` of
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Types_Amazon_Bedrock_Runtime.html>.
fn format(kind: MediaKind, media_type: &str) -> Option<&'static str> {
    Some(match (kind, media_type) {
        (MediaKind::Image, "image/png") => "png",
        (MediaKind::Image, "image/jpeg" | "image/jpg") => "jpeg",
        (MediaKind::Image, "image/gif") => "gif",
        (MediaKind::Image, "image/webp") => "webp",
        (MediaKind::File, "application/pdf" | "application/x-pdf") => "pdf",
        (MediaKind::File, "text/csv") => "csv",
        (MediaKind::File, "text/html") => "html",
        (MediaKind::File, "text/markdown" | "text/x-markdown") => "md",
        (MediaKind::File, "application/msword") => "doc",
        (MediaKind::File, "application/vnd.openxmlformats-officedocument.wordprocessingml.document") => {
            "docx"
        }
        (MediaKind::File, "application/vnd.ms-excel") => "xls",
        (MediaKind::File, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet") => "xlsx",
        (MediaKind::File, "application/json" | "application/xml" | "application/yaml") => "txt",
        (MediaKind::File, text) if text.starts_with("text/") => "txt",
        (MediaKind::Audio, "audio/mpeg" | "audio/mp3") => "mp3",
        (MediaKind::Audio, "audio/wav" | "audio/x-wav" | "audio/wave") => "wav",
        (MediaKind::Audio, "audio/ogg") => "ogg",
        (MediaKind::Audio, "audio/opus") => "opus",
        (MediaKind::Audio, "audio/flac" | "audio/x-flac") => "flac",
        (MediaKind::Audio, "audio/aac") => "aac",
        (MediaKind::Audio, "audio/mp4" | "audio/m4a" | "audio/x-m4a") => "m4a",
        (MediaKind::Audio, "audio/webm") => "webm",
        (MediaKind::Audio, "audio/pcm" | "audio/l16") => "pcm",
        (MediaKind::Video, "video/mp4") => "mp4",
        (MediaKind::Video, "video/quicktime" | "video/mov") => "mov",
        (MediaKind::Video, "video/x-matroska" | "video/mkv") => "mkv",
        (MediaKind::Video, "video/webm") => "webm",
        (MediaKind::Video, "video/x-flv" | "video/flv") => "flv",
        (MediaKind::Video, "video/mpeg" | "video/mpg") => "mpeg",
        (MediaKind::Video, "video/x-ms-wmv" | "video/wmv") => "wmv",
        (MediaKind::Video, "video/3gpp") => "three_gp",
        _ => return None,
    })
}

impl Names {
    /// A name as Bedrock wants it: letters, digits, single blanks, hyphens, brackets; at most 200 characters; no other
    /// document's. <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html>
    fn fit(&mut self, wanted: Option<&str>) -> String {
        let wanted = wanted.unwrap_or_default();
        // The type is said beside it.
        let stem = match wanted.rsplit_once('.') {
            Some((stem, end)) if (1..=5).contains(&end.len()) && !stem.is_empty() => stem,
            _ => wanted,
        };
        let mut name = String::with_capacity(stem.len().min(200));
        for part in stem.split(|char: char| !(char.is_ascii_alphanumeric() || "-()[]".contains(char))) {
            if !part.is_empty() && name.len() + part.len() < 180 {
                if !name.is_empty() {
                    name.push(' ');
                }
                name.push_str(part);
            }
        }
        if name.is_empty() {
            name.push_str("document");
        }
        if self.0.contains(&name) {
            // No two numbers are the same, since the list grows.
            name = format!("{name} {}", self.0.len() + 1);
        }
        self.0.insert(name.clone());
        name
    }
}
