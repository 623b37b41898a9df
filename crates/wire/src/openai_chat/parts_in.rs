//! Reads the content of a message: a text, or parts of OpenAI's kinds and of those that OpenRouter, Mistral and
//! Perplexity have beside them.
//! <https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages>

use super::types;
use crate::chat::{Cache, Losses, Media, MediaKind, Part, Reasoning, Source, Text};
use crate::json::{Fields, Invalid, Json, Path};
use std::borrow::Cow;

/// Reads the value of `content`.
pub(super) fn content<'a>(
    path: &Path<'_>,
    content: Json<'a>,
    losses: &mut Losses,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), Invalid> {
    match content {
        Json::String(text) => parts.push(Part::text(text)),
        Json::Array(array) => {
            parts.reserve(array.items.len());
            for (at, part) in array.items.into_iter().enumerate() {
                if let Json::String(text) = part {
                    parts.push(Part::text(text));
                } else {
                    parts.extend(one(Fields::new(path.index(at), part)?, losses)?);
                }
            }
        }
        other => {
            return Err(path.invalid(format!("must be a string or an array of parts, not {}", other.kind())));
        }
    }
    Ok(())
}

fn one<'a>(mut fields: Fields<'_, 'a>, losses: &mut Losses) -> Result<Option<Part<'a>>, Invalid> {
    let kind = fields.need_text("type")?;
    let mark = cache(&mut fields, losses)?;
    let media = match &*kind {
        "text" | "input_text" | "output_text" => {
            let text = fields.need_text("text")?;
            losses.unread(fields);
            return Ok(Some(Part::Text(Text { text, cache: mark, ..Text::default() })));
        }
        "refusal" => {
            let text = fields.need_text("refusal")?;
            losses.unread(fields);
            return Ok(Some(Part::Refusal(text)));
        }
        "thinking" => {
            let text = thinking(&mut fields)?;
            losses.unread(fields);
            let said = Reasoning { text, ..Reasoning::default() };
            return Ok((!said.text.is_empty()).then_some(Part::Reasoning(said)));
        }
        "image_url" => image(&mut fields, losses)?,
        "video_url" => Media::from_url(MediaKind::Video, address(&mut fields, "video_url", losses)?),
        "input_audio" => audio(&mut fields, losses)?,
        "file" => file(&mut fields, losses)?,
        // Perplexity, then Mistral.
        "file_url" | "pdf_url" => {
            let url = address(&mut fields, &kind, losses)?;
            let name = fields.text("file_name")?;
            Media { name, ..bytes_or_url(url) }
        }
        "document_url" => {
            let url = address(&mut fields, "document_url", losses)?;
            let name = fields.text("document_name")?;
            Media { name, ..Media::from_url(MediaKind::File, url) }
        }
        // Mistral's sources inside its own earlier answer.
        "reference" => {
            losses.at(&fields.path);
            return Ok(None);
        }
        other => {
            let known = "`text`, `image_url`, `input_audio`, `file`, `video_url`, `refusal` and `thinking`";
            let reason = format!("`{other:.40}` is no part that is known: they are {known}");
            return Err(fields.path.name("type").invalid(reason));
        }
    };
    losses.unread(fields);
    Ok(Some(Part::Media(Media { cache: mark, ..media })))
}

/// `cache_control`, as OpenRouter takes it on parts, messages and tools.
/// <https://openrouter.ai/docs/features/prompt-caching>
pub(super) fn cache<'a>(
    fields: &mut Fields<'_, 'a>,
    losses: &mut Losses,
) -> Result<Option<Cache<'a>>, Invalid> {
    // OpenAI's own mark: <https://platform.openai.com/docs/guides/prompt-caching>.
    if let Some(mut mark) = fields.object("prompt_cache_breakpoint")? {
        mark.take("mode");
        losses.unread(mark);
        return Ok(Some(Cache::default()));
    }
    let Some(mut mark) = fields.object("cache_control")? else { return Ok(None) };
    mark.take("type");
    let ttl = mark.text("ttl")?;
    losses.unread(mark);
    Ok(Some(Cache { ttl }))
}

/// A text, or a list of texts.
fn thinking<'a>(fields: &mut Fields<'_, 'a>) -> Result<Cow<'a, str>, Invalid> {
    fields.bool("closed")?;
    Ok(match fields.take("thinking") {
        Some(Json::String(text)) => text,
        Some(list @ Json::Array(_)) => {
            let texts: Vec<_> = list.items().iter().filter_map(|piece| piece.get("text")?.text()).collect();
            Cow::Owned(texts.join("\n\n"))
        }
        None => Cow::Borrowed(""),
        Some(_) => return Err(fields.path.name("thinking").invalid("must be a string or an array of texts")),
    })
}

/// The address in a member that is one, or an object that holds one.
fn address<'a>(
    fields: &mut Fields<'_, 'a>,
    name: &str,
    losses: &mut Losses,
) -> Result<Cow<'a, str>, Invalid> {
    let outer = fields.path;
    let path = outer.name(name);
    match fields.take(name) {
        Some(Json::String(url)) if !url.is_empty() => Ok(url),
        Some(object @ Json::Object(_)) => {
            let mut inner = Fields::new(path, object)?;
            let url = inner.need_text("url")?;
            losses.unread(inner);
            Ok(url)
        }
        None => Err(path.invalid("is required")),
        Some(_) => Err(path.invalid("must be an address, or an object with one in `url`")),
    }
}

fn image<'a>(fields: &mut Fields<'_, 'a>, losses: &mut Losses) -> Result<Media<'a>, Invalid> {
    let outer = fields.path;
    let path = outer.name("image_url");
    match fields.take("image_url") {
        Some(Json::String(url)) if !url.is_empty() => Ok(Media::from_url(MediaKind::Image, url)),
        Some(object @ Json::Object(_)) => {
            let mut inner = Fields::new(path, object)?;
            let url = inner.need_text("url")?;
            // `auto` is what happens anyway.
            let detail = inner.text("detail")?.filter(|detail| detail != "auto");
            losses.unread(inner);
            if url.is_empty() {
                return Err(path.name("url").invalid("must not be empty"));
            }
            Ok(Media { detail, ..Media::from_url(MediaKind::Image, url) })
        }
        None => Err(path.invalid("is required")),
        Some(_) => Err(path.invalid("must be an address, or an object with one in `url`")),
    }
}

/// `{data, format}`; Mistral also takes the address or the base64 itself.
fn audio<'a>(fields: &mut Fields<'_, 'a>, losses: &mut Losses) -> Result<Media<'a>, Invalid> {
    let outer = fields.path;
    let path = outer.name("input_audio");
    match fields.take("input_audio") {
        Some(Json::String(data)) => Ok(audio_of(data)),
        Some(object @ Json::Object(_)) => {
            let mut inner = Fields::new(path, object)?;
            let data = inner.need_text("data")?;
            let format = inner.text("format")?;
            losses.unread(inner);
            let media = audio_of(data);
            let said = format.map(|format| Cow::Owned(types::audio_type(&format)));
            Ok(Media { media_type: said.or(media.media_type.clone()), ..media })
        }
        None => Err(path.invalid("is required")),
        Some(_) => Err(path.invalid("must be an object")),
    }
}

fn audio_of(data: Cow<'_, str>) -> Media<'_> {
    if data.starts_with("http") || data.starts_with("data:") {
        Media::from_url(MediaKind::Audio, data)
    } else {
        Media::new(MediaKind::Audio, Source::Base64(data))
    }
}

fn file<'a>(fields: &mut Fields<'_, 'a>, losses: &mut Losses) -> Result<Media<'a>, Invalid> {
    let Some(mut file) = fields.object("file")? else {
        return Err(fields.path.name("file").invalid("is required"));
    };
    let name = file.text("filename")?;
    let data = file.text("file_data")?;
    let id = file.text("file_id")?;
    let media = match (data, id) {
        (Some(data), _) => bytes_or_url(data),
        (None, Some(id)) => Media::new(MediaKind::File, Source::Id(id)),
        (None, None) => return Err(file.path.name("file_data").invalid("is required")),
    };
    losses.unread(file);
    Ok(Media { name, ..media })
}

/// A file's bytes as a data URL or bare base64, or its address.
fn bytes_or_url(data: Cow<'_, str>) -> Media<'_> {
    let address = ["http://", "https://", "data:", "gs://"].iter().any(|start| data.starts_with(start));
    if address {
        Media::from_url(MediaKind::File, data)
    } else {
        Media::new(MediaKind::File, Source::Base64(data))
    }
}
