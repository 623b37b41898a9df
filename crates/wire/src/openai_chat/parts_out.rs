//! Writes the content of a message: a text, or parts where one text can't say it.

use super::messages_out::cache;
use super::types;
use crate::chat::{
    Cache, Field, FileParts, ImageUrls, Losses, Media, MediaKind, Part, Quirks, Refused, Source, Text,
    data_url,
};
use crate::json::Writer;
use std::borrow::Cow;

/// Who says it.
#[derive(Clone, Copy)]
pub(super) enum Speaker<'r> {
    /// The operator or the user.
    Caller,
    /// The assistant.
    Model,
    /// A tool; the mark is that of its whole result.
    Tool(Option<&'r Cache<'r>>),
}

/// Nothing would be written for this part.
pub(super) fn is_nothing(part: &Part<'_>) -> bool {
    matches!(part, Part::Text(Text { text, .. }) if text.is_empty())
}

/// Writes the value of `content`; `more` is a text of ours behind the rest.
pub(super) fn content(
    parts: &[&Part<'_>],
    more: Option<&str>,
    speaker: Speaker<'_>,
    quirks: &Quirks,
    losses: &mut Losses,
    out: &mut Writer,
) -> Result<(), Refused> {
    let kept: Vec<&Part<'_>> = parts.iter().copied().filter(|part| !is_nothing(part)).collect();
    let marked = |text: &Text<'_>| text.cache.is_some() && quirks.cache_control;
    match (kept.as_slice(), more, speaker) {
        ([], None, _) => {
            out.string("");
        }
        ([Part::Text(text)], None, Speaker::Caller | Speaker::Model) if !marked(text) => {
            losses.field_if(text.cache.is_some(), Field::CacheControl);
            out.string(&text.text);
        }
        ([Part::Json(text) | Part::Refusal(text)], None, Speaker::Caller | Speaker::Model) => {
            out.string(text);
        }
        _ => {
            out.list();
            let last = kept.len().saturating_sub(1);
            for (at, part) in kept.iter().enumerate() {
                let whole = match speaker {
                    Speaker::Tool(mark) if at == last => mark,
                    _ => None,
                };
                one(part, whole, quirks, losses, out)?;
            }
            if let Some(text) = more {
                out.begin().member("type", "text").member("text", text).end();
            }
            out.end_list();
        }
    }
    Ok(())
}

fn one(
    part: &Part<'_>,
    whole: Option<&Cache<'_>>,
    quirks: &Quirks,
    losses: &mut Losses,
    out: &mut Writer,
) -> Result<(), Refused> {
    match part {
        Part::Text(text) => {
            out.begin().member("type", "text").member("text", &text.text);
            cache(text.cache.as_ref().or(whole), quirks, losses, out);
            out.end();
        }
        Part::Json(text) | Part::Refusal(text) => {
            out.begin().member("type", "text").member("text", text);
            cache(whole, quirks, losses, out);
            out.end();
        }
        // Mistral: <https://docs.mistral.ai/capabilities/reasoning>.
        Part::Reasoning(reasoning) if !reasoning.text.is_empty() => {
            out.begin().member("type", "thinking").name("thinking").list();
            out.begin().member("type", "text").member("text", &reasoning.text).end();
            out.end_list().end();
        }
        Part::Media(it) => media(it, quirks, losses, out)?,
        Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => {}
    }
    Ok(())
}

/// Writes an image, a file, a recording or a film as a part.
pub(super) fn media(
    media: &Media<'_>,
    quirks: &Quirks,
    losses: &mut Losses,
    out: &mut Writer,
) -> Result<(), Refused> {
    let field = match media.kind {
        MediaKind::Image => Field::Image,
        MediaKind::File => Field::File,
        MediaKind::Audio => Field::Audio,
        MediaKind::Video => Field::Video,
    };
    // A document that is text needs no part of its own.
    if let Source::Text(text) = &media.source {
        out.begin().member("type", "text").name("text");
        match media.name.as_deref() {
            Some(name) => out.strings(&[name, "\n\n", text]),
            None => out.string(text),
        };
        cache(media.cache.as_ref(), quirks, losses, out);
        out.end();
        return Ok(());
    }
    if quirks.refuses(field) {
        return losses.cannot(field, "this provider doesn't take it");
    }
    out.begin();
    match media.kind {
        MediaKind::Image => image(media, quirks, losses, out)?,
        MediaKind::File => file(media, quirks, out)?,
        MediaKind::Audio => audio(media, quirks, out)?,
        MediaKind::Video => video(media, quirks, out)?,
    }
    cache(media.cache.as_ref(), quirks, losses, out);
    out.end();
    Ok(())
}

fn refused(field: Field, reason: &'static str) -> Refused {
    Refused { field, reason: Cow::Borrowed(reason), fetch: None }
}

fn to_fetch(field: Field, reason: &'static str, url: &str) -> Refused {
    Refused { field, reason: Cow::Borrowed(reason), fetch: Some(url.to_owned()) }
}

const BY_ID: &str = "an id of a file means nothing to this provider: send its bytes or its address";

/// The address, or the bytes as one.
fn address(media: &Media<'_>, field: Field, out: &mut Writer) -> Result<(), Refused> {
    match &media.source {
        Source::Url(url) => out.string(url),
        Source::Base64(data) => out.strings(&data_url(media.media_type(), data)),
        Source::Text(_) | Source::Id(_) => return Err(refused(field, BY_ID)),
    };
    Ok(())
}

fn image(media: &Media<'_>, quirks: &Quirks, losses: &mut Losses, out: &mut Writer) -> Result<(), Refused> {
    if let (Some(url), ImageUrls::DataOnly) = (media.url(), quirks.image_urls) {
        let reason = "this provider takes no addresses of images: send its bytes as a data URL";
        return Err(to_fetch(Field::Image, reason, url));
    }
    out.member("type", "image_url").name("image_url").begin().name("url");
    address(media, Field::Image, out)?;
    out.member_if("detail", quirks.keep(Field::Detail, media.detail.as_deref(), losses)).end();
    Ok(())
}

/// <https://platform.openai.com/docs/guides/pdf-files?api-mode=chat>,
/// <https://docs.mistral.ai/capabilities/document_ai>, <https://docs.perplexity.ai/guides/file-attachments>
fn file(media: &Media<'_>, quirks: &Quirks, out: &mut Writer) -> Result<(), Refused> {
    match (quirks.files, &media.source) {
        (FileParts::DocumentUrl, _) => {
            out.member("type", "document_url").name("document_url");
            address(media, Field::File, out)?;
            out.member_if("document_name", media.name.as_deref());
        }
        (FileParts::FileUrl, Source::Url(url) | Source::Base64(url)) => {
            out.member("type", "file_url").name("file_url").begin().member("url", url).end();
            out.member_if("file_name", media.name.as_deref());
        }
        (FileParts::Data, Source::Url(url)) => {
            let reason = "this provider takes no addresses of files: send its bytes";
            return Err(to_fetch(Field::File, reason, url));
        }
        // OpenAI's own ids; those of other vendors look otherwise.
        (FileParts::Data, Source::Id(id)) if id.starts_with("file-") => {
            out.member("type", "file").name("file").begin().member("file_id", id).end();
        }
        _ => {
            let name = media.name.as_deref().unwrap_or_else(|| match media.media_type() {
                "application/pdf" => "document.pdf",
                "text/plain" => "document.txt",
                _ => "document",
            });
            out.member("type", "file").name("file").begin().member("filename", name).name("file_data");
            address(media, Field::File, out)?;
            out.end();
        }
    }
    Ok(())
}

/// <https://platform.openai.com/docs/guides/audio?example=audio-in>, <https://docs.mistral.ai/capabilities/audio>
fn audio(media: &Media<'_>, quirks: &Quirks, out: &mut Writer) -> Result<(), Refused> {
    match &media.source {
        Source::Base64(data) | Source::Url(data) if quirks.plain_audio => {
            out.member("type", "input_audio").member("input_audio", data);
            Ok(())
        }
        Source::Base64(data) => {
            out.member("type", "input_audio").name("input_audio").begin().member("data", data);
            out.member("format", types::audio_format(media.media_type())).end();
            Ok(())
        }
        Source::Url(url) => {
            Err(to_fetch(Field::Audio, "this provider takes no addresses of recordings: send its bytes", url))
        }
        Source::Text(_) | Source::Id(_) => Err(refused(Field::Audio, BY_ID)),
    }
}

/// <https://openrouter.ai/docs/features/multimodal/videos>
fn video(media: &Media<'_>, quirks: &Quirks, out: &mut Writer) -> Result<(), Refused> {
    if !quirks.video_urls {
        return Err(refused(Field::Video, "this provider takes no films"));
    }
    out.member("type", "video_url").name("video_url").begin().name("url");
    address(media, Field::Video, out)?;
    out.end();
    Ok(())
}
