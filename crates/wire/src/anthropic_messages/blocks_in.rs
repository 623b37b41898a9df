//! A caller's images, documents and search results.

use super::messages_in::cache;
use crate::chat::{Losses, Media, MediaKind, Part, Source, Text};
use crate::json::{Fields, Invalid, Json, Path};
use std::borrow::Cow;

/// <https://platform.claude.com/docs/en/build-with-claude/vision>
pub(super) fn image<'a>(fields: &mut Fields<'_, 'a>, losses: &mut Losses) -> Result<Part<'a>, Invalid> {
    let cache = cache(fields, losses)?;
    let (source, media_type) = match source(fields, losses)? {
        Found::Source(source, media_type) => (source, media_type),
        Found::Blocks(..) => {
            return Err(fields.path.name("source").invalid("must be base64, a URL or a file"));
        }
    };
    Ok(Part::Media(Media { cache, media_type, ..Media::new(MediaKind::Image, source) }))
}

/// A document; one made of blocks becomes its text and its images.
/// <https://platform.claude.com/docs/en/build-with-claude/citations#document-types>
pub(super) fn document<'a>(
    fields: &mut Fields<'_, 'a>,
    losses: &mut Losses,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), Invalid> {
    let cache = cache(fields, losses)?;
    let name = fields.text("title")?;
    no_citations(fields)?;
    match source(fields, losses)? {
        Found::Source(source, media_type) => {
            let media = Media { cache, name, media_type, ..Media::new(MediaKind::File, source) };
            parts.push(Part::Media(media));
        }
        Found::Blocks(text, images) => {
            if !text.is_empty() || images.is_empty() {
                let media_type = Some(Cow::Borrowed("text/plain"));
                let media =
                    Media { cache, name, media_type, ..Media::new(MediaKind::File, Source::Text(text)) };
                parts.push(Part::Media(media));
            }
            parts.extend(images);
        }
    }
    Ok(())
}

/// A search result becomes text: what it is called, where it is from, what it says.
/// <https://platform.claude.com/docs/en/build-with-claude/search-results>
pub(super) fn search_result<'a>(
    fields: &mut Fields<'_, 'a>,
    losses: &mut Losses,
) -> Result<Part<'a>, Invalid> {
    let cache = cache(fields, losses)?;
    let title = fields.text("title")?.unwrap_or_default();
    let source = fields.text("source")?.unwrap_or_default();
    no_citations(fields)?;
    let mut all = [&title, "\n", &source, "\n"].concat();
    let whole = fields.path;
    let path = whole.name("content");
    if let Some(content) = fields.array("content")? {
        let mut images = Vec::new();
        let text = texts(content.items, path, losses, &mut images)?;
        all.push_str(&text);
    }
    Ok(Part::Text(Text { text: Cow::Owned(all), cache, ..Text::default() }))
}

/// Citations that are not wanted are no loss.
fn no_citations(fields: &mut Fields<'_, '_>) -> Result<(), Invalid> {
    let wanted = fields.peek("citations").and_then(|wish| wish.get("enabled")).and_then(Json::bool);
    if wanted != Some(true) {
        fields.object("citations")?;
    }
    Ok(())
}

enum Found<'a> {
    Source(Source<'a>, Option<Cow<'a, str>>),
    /// A document of blocks: its text, its images.
    Blocks(Cow<'a, str>, Vec<Part<'a>>),
}

fn source<'a>(fields: &mut Fields<'_, 'a>, losses: &mut Losses) -> Result<Found<'a>, Invalid> {
    let whole = fields.path;
    let path = whole.name("source");
    let Some(mut source) = fields.object("source")? else { return Err(path.invalid("is required")) };
    let kind = source.need_text("type")?;
    let found = match &*kind {
        "base64" => {
            let media_type = source.text("media_type")?;
            Found::Source(Source::Base64(source.need_text("data")?), media_type)
        }
        "url" => Found::Source(Source::Url(source.need_text("url")?), None),
        "file" => Found::Source(Source::Id(source.need_text("file_id")?), None),
        "text" => {
            let media_type = source.text("media_type")?;
            Found::Source(Source::Text(source.need_text("data")?), media_type)
        }
        "content" => match source.take("content") {
            Some(Json::String(text)) => Found::Blocks(text, Vec::new()),
            Some(Json::Array(blocks)) => {
                let mut images = Vec::new();
                let text = texts(blocks.items, path.name("content"), losses, &mut images)?;
                Found::Blocks(Cow::Owned(text), images)
            }
            _ => return Err(path.name("content").invalid("must be a string or an array")),
        },
        other => {
            let reason = format!("`{other:.40}` is no type of source");
            return Err(path.name("type").invalid(reason));
        }
    };
    losses.unread(source);
    Ok(found)
}

fn texts<'a>(
    blocks: Vec<Json<'a>>,
    path: Path<'_>,
    losses: &mut Losses,
    images: &mut Vec<Part<'a>>,
) -> Result<String, Invalid> {
    let mut all = String::new();
    for (at, block) in blocks.into_iter().enumerate() {
        let mut fields = Fields::new(path.index(at), block)?;
        let kind = fields.need_text("type")?;
        match &*kind {
            "text" => {
                if !all.is_empty() {
                    all.push('\n');
                }
                all.push_str(&fields.need_text("text")?);
            }
            "image" => images.push(image(&mut fields, losses)?),
            other => {
                let reason = format!("`{other:.40}` is no type of block that can stand here");
                return Err(fields.path.name("type").invalid(reason));
            }
        }
        losses.unread(fields);
    }
    Ok(all)
}
