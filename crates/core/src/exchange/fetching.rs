//! Images and files by URL for providers that take bytes only: fetched here when the operator allows it, from public
//! addresses over https, within limits of size, time and number.

use super::Core;
use super::address::Address;
use crate::coding;
use crate::error::{Error, Kind};
use crate::headers::Headers;
use crate::headers::text;
use crate::host::{Answer, Egress, Host, HttpVersion, Payload, Timeouts, UpstreamRequest};
use crate::table::Entry;
use crate::time::Millis;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::{Either, select};
use http::Method;
use http::header::{CONTENT_TYPE, LOCATION};
use std::borrow::Cow;
use std::pin::pin;
use std::rc::Rc;
use wharf_wire::chat::{Media, MediaKind, Part, Request, Source};

/// The most bytes of one file.
const LIMIT: usize = 20 << 20;
/// The most bytes of all files of one request.
const ALL: usize = 64 << 20;
/// The most files of one request.
const MOST: usize = 20;
/// How often an address may point to another.
const REDIRECTS: usize = 5;
/// How long one file may take in all.
const WAIT: Millis = Millis(10_000);
/// How long all files of one request may take.
const WAIT_ALL: Millis = Millis(30_000);

impl<H: Host> Core<H> {
    /// Fetches what this address holds, if the operator allows it.
    pub(super) async fn fetch(&self, url: String, entry: &Entry, fetched: &mut Fetched) -> Result<(), Error> {
        if !self.table.fetch_images {
            let id = &entry.provider.id;
            let message = format!(
                "{id} takes images and files as data only: send a data: URL, or let the operator turn on `fetch_images`"
            );
            return Err(Error::new(Kind::UnsupportedField, message));
        }
        if let Some((_, media_type, _)) = fetched.media.iter().find(|(known, ..)| *known == url) {
            let media_type = media_type.as_deref().unwrap_or("data of no known type");
            return Err(refused(&url, &format!("it holds {media_type}, not what it is sent as")));
        }
        if fetched.media.len() >= MOST {
            return Err(refused(&url, "too many files"));
        }
        const LATE: &str = "it took longer than 10 s, or all files longer than 30 s";
        if fetched.took >= WAIT_ALL {
            return Err(refused(&url, LATE));
        }
        let begun = self.host.now();
        let wait = WAIT.0.min(WAIT_ALL.0.saturating_sub(fetched.took.0));
        let room = LIMIT.min(ALL.saturating_sub(fetched.bytes));
        let (media_type, bytes) = {
            let (get, wait) = (pin!(self.download(&url, room)), pin!(self.host.sleep(Millis(wait))));
            match select(get, wait).await {
                Either::Left((got, _)) => got?,
                Either::Right(_) => return Err(refused(&url, LATE)),
            }
        };
        fetched.took.0 += self.host.now().0.saturating_sub(begun.0);
        fetched.bytes += bytes.len();
        fetched.note(url, media_type, STANDARD.encode(bytes));
        Ok(())
    }

    async fn download(&self, url: &str, room: usize) -> Result<(Option<String>, Vec<u8>), Error> {
        const ONLY: &str = "only https addresses without a password are fetched";
        let mut at = Address::parse(url).ok_or_else(|| refused(url, ONLY))?;
        for _ in 0..=REDIRECTS {
            let answer = self.host.send(request::<H>(&at)).await.map_err(|e| refused(url, e.word()))?;
            if answer.status.is_redirection()
                && let Some(next) = text(&answer.headers, LOCATION)
            {
                at = at.beside(next).ok_or_else(|| refused(url, ONLY))?;
                continue;
            }
            return self.file(url, answer, room).await;
        }
        Err(refused(url, "it is redirected too often"))
    }

    async fn file(
        &self,
        url: &str,
        mut answer: Answer<H::Body>,
        room: usize,
    ) -> Result<(Option<String>, Vec<u8>), Error> {
        if !answer.status.is_success() {
            return Err(refused(url, "its server didn't give it"));
        }
        // None was asked for: what came would be sent on as the file's own bytes.
        if coding::left(&answer.headers, H::DECODES).is_some() {
            return Err(refused(url, "its server sends it in a content coding"));
        }
        let media = text(&answer.headers, CONTENT_TYPE).and_then(|media| media.split(';').next());
        let media = media.map(|media| media.trim().to_ascii_lowercase());
        let mut bytes = Vec::new();
        while let Some(piece) = self.host.read(&mut answer.body).await.map_err(|e| refused(url, e.word()))? {
            if bytes.len() + piece.len() > room {
                return Err(refused(url, "it is over 20 MiB, or all files of the request are over 64 MiB"));
            }
            bytes.extend_from_slice(&piece);
        }
        let unsaid = ["", "application/octet-stream", "binary/octet-stream"];
        let media = media.filter(|media| !unsaid.contains(&&**media));
        Ok((media.or_else(|| sniffed(&bytes).map(str::to_owned)), bytes))
    }
}

fn request<H: Host>(at: &Address) -> UpstreamRequest<H::Upload> {
    let origin = at.origin();
    let authority = origin.authority();
    UpstreamRequest {
        method: Method::GET,
        origin: origin.into(),
        authority: authority.into(),
        path: at.path.clone(),
        headers: Rc::new(Headers::new()),
        own: Vec::new(),
        body: Payload::Empty,
        timeouts: Timeouts { connect: WAIT, first_byte: WAIT, idle: WAIT, ..Timeouts::default() },
        // Through a proxy it would be the proxy that resolves the name, and nobody would look at the address.
        egress: Egress::Direct,
        version: HttpVersion::Auto,
        // A kept connection may be dead, and nobody tries again here.
        fresh: true,
    }
}

/// What bytes say that they are, where their server doesn't: storage often calls everything a stream of octets.
fn sniffed(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        [b'%', b'P', b'D', b'F', ..] => Some("application/pdf"),
        _ => None,
    }
}

/// A page of a login or an error is no picture, whatever status it came with.
fn fits(kind: MediaKind, media_type: Option<&str>) -> bool {
    let Some(media_type) = media_type else { return true };
    match kind {
        MediaKind::Image => media_type.starts_with("image/"),
        MediaKind::Audio => media_type.starts_with("audio/") || media_type == "application/ogg",
        MediaKind::Video => media_type.starts_with("video/"),
        MediaKind::File => true,
    }
}

fn refused(url: &str, why: &str) -> Error {
    let shown: String = url.chars().take(120).filter(|c| !c.is_control()).collect();
    let shown = shown.split('?').next().unwrap_or_default().to_owned();
    Error::new(Kind::InvalidRequest, format!("`{shown}` can't be fetched: {why}"))
}

/// What was fetched for one question.
#[derive(Default)]
pub(super) struct Fetched {
    /// Address, media type, base64.
    media: Vec<(String, Option<String>, String)>,
    bytes: usize,
    took: Millis,
}

impl Fetched {
    /// Notes what an address holds.
    pub(super) fn note(&mut self, url: String, media_type: Option<String>, base64: String) {
        self.media.push((url, media_type, base64));
    }

    /// Puts bytes in the place of their addresses.
    pub(super) fn put_into<'a>(&'a self, request: &mut Request<'a>) {
        if self.media.is_empty() {
            return;
        }
        for part in request.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
            match part {
                Part::Media(media) => self.put(media),
                Part::ToolResult(result) => result.parts.iter_mut().for_each(|part| {
                    if let Part::Media(media) = part {
                        self.put(media);
                    }
                }),
                Part::Text(_) | Part::Reasoning(_) | Part::ToolCall(_) | Part::Refusal(_) | Part::Json(_) => {
                }
            }
        }
    }

    fn put<'a>(&'a self, media: &mut Media<'a>) {
        let found = media.url().and_then(|url| self.media.iter().find(|(known, ..)| known == url));
        if let Some((_, media_type, base64)) = found
            && fits(media.kind, media_type.as_deref())
        {
            media.media_type = media.media_type.take().or(media_type.as_deref().map(Cow::Borrowed));
            media.source = Source::Base64(Cow::Borrowed(base64));
        }
    }
}

#[cfg(test)]
#[path = "fetching_tests.rs"]
mod tests;
