//! Images and documents of a request for an upstream.

use super::messages_out::{Marks, is_blank};
use crate::chat::ImageUrls;
use crate::chat::{Field, Losses, Media, MediaKind, Quirks, Refused, Source, decode_text};
use crate::json::Writer;
use std::borrow::Cow;

/// What a medium is called where it can't be sent.
pub(super) const fn field_of(kind: MediaKind) -> Field {
    match kind {
        MediaKind::Image => Field::Image,
        MediaKind::File => Field::File,
        MediaKind::Audio => Field::Audio,
        MediaKind::Video => Field::Video,
    }
}

fn refused(kind: MediaKind, reason: &'static str) -> Refused {
    Refused { field: field_of(kind), reason: Cow::Borrowed(reason), fetch: None }
}

/// Writes an image or a document.
pub(super) fn write_media(
    media: &Media<'_>,
    quirks: &Quirks,
    marks: &mut Marks,
    losses: &mut Losses,
    out: &mut Writer,
) -> Result<(), Refused> {
    let detail = media.detail.as_deref().is_some_and(|detail| detail != "auto");
    losses.field_if(detail, Field::Detail);
    let field = field_of(media.kind);
    if quirks.refuses(field) {
        return Err(refused(media.kind, "this model doesn't take it"));
    }
    match media.kind {
        MediaKind::Image => {
            out.begin().member("type", "image").name("source").begin();
            image(media, quirks, out)?;
            out.end();
        }
        MediaKind::File => {
            out.begin().member("type", "document").name("source").begin();
            document(media, quirks, out)?;
            out.end();
            out.member_if("title", media.name.as_deref().filter(|name| !is_blank(name)));
        }
        MediaKind::Audio => return losses.cannot(field, "Claude takes no recordings"),
        MediaKind::Video => return losses.cannot(field, "Claude takes no films"),
    }
    marks.write(media.cache.as_ref(), out);
    out.end();
    Ok(())
}

/// <https://platform.claude.com/docs/en/build-with-claude/vision>: JPEG, PNG, GIF, WebP.
fn image(media: &Media<'_>, quirks: &Quirks, out: &mut Writer) -> Result<(), Refused> {
    match &media.source {
        Source::Base64(data) => {
            let kind = match media.media_type() {
                "image/jpg" => "image/jpeg",
                kind @ ("image/jpeg" | "image/png" | "image/gif" | "image/webp") => kind,
                _ => return Err(refused(media.kind, "only JPEG, PNG, GIF and WebP are taken")),
            };
            out.member("type", "base64").member("media_type", kind).member("data", data);
            Ok(())
        }
        Source::Url(url) => address(url, media.kind, quirks, out),
        Source::Text(_) => Err(refused(media.kind, "an image is no text")),
        Source::Id(_) => Err(refused(media.kind, "a file's id means nothing to another provider")),
    }
}

/// <https://platform.claude.com/docs/en/build-with-claude/pdf-support>: PDF, and plain text.
fn document(media: &Media<'_>, quirks: &Quirks, out: &mut Writer) -> Result<(), Refused> {
    let kind = media.media_type();
    match &media.source {
        Source::Base64(data) if kind == "application/pdf" => {
            out.member("type", "base64").member("media_type", kind).member("data", data);
            Ok(())
        }
        Source::Base64(data) if is_text(kind) => {
            let text = decode_text(data).filter(|text| !is_blank(text));
            let text = text.ok_or_else(|| refused(media.kind, "its text can't be read"))?;
            plain(&text, out);
            Ok(())
        }
        Source::Base64(_) => Err(refused(media.kind, "only PDF and text are taken")),
        Source::Text(text) if is_blank(text) => Err(refused(media.kind, "it has no text")),
        Source::Text(text) => {
            plain(text, out);
            Ok(())
        }
        Source::Url(url) if kind == "application/pdf" => address(url, media.kind, quirks, out),
        Source::Url(url) => {
            let reason = Cow::Borrowed("only PDF is taken by its address");
            Err(Refused { field: Field::File, reason, fetch: Some(url.to_string()) })
        }
        Source::Id(_) => Err(refused(media.kind, "a file's id means nothing to another provider")),
    }
}

fn plain(text: &str, out: &mut Writer) {
    out.member("type", "text").member("media_type", "text/plain").member("data", text);
}

fn is_text(kind: &str) -> bool {
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || matches!(kind, "application/json" | "application/xml" | "application/yaml" | "application/x-yaml")
}

fn address(url: &str, kind: MediaKind, quirks: &Quirks, out: &mut Writer) -> Result<(), Refused> {
    let https = url.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
    if quirks.image_urls == ImageUrls::DataOnly || !https {
        let reason = Cow::Borrowed("its address can't be passed on: only its bytes are taken");
        return Err(Refused { field: field_of(kind), reason, fetch: Some(url.to_owned()) });
    }
    out.member("type", "url").member("url", url);
    Ok(())
}
