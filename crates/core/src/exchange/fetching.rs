//! Images and files by URL for providers that take bytes only: fetched here when the operator allows it, from public
//! addresses over https, within limits of size, time and number.

use super::Core;
use crate::error::{Error, Kind};
use crate::headers::Headers;
use crate::headers::text;
use crate::host::{Egress, Host, HttpVersion, Origin, Payload, Scheme, Timeouts, UpstreamRequest};
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
use wharf_wire::chat::{Media, Part, Request, Source};

/// The most bytes of one file.
const LIMIT: usize = 20 << 20;
/// The most files of one request.
const MOST: usize = 20;
/// How often an address may point to another.
const REDIRECTS: usize = 5;
/// How long one file may take in all.
const WAIT: Millis = Millis(10_000);

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
        if fetched.len() >= MOST || !fetched.lacks(&url) {
            return Err(refused(&url, "too many files, or one that can't be put in its place"));
        }
        let got = {
            let (get, wait) = (pin!(self.download(&url)), pin!(self.host.sleep(WAIT)));
            match select(get, wait).await {
                Either::Left((got, _)) => got?,
                Either::Right(_) => return Err(refused(&url, "it took longer than 10 s")),
            }
        };
        let (media_type, bytes) = got;
        fetched.note(url, media_type, STANDARD.encode(bytes));
        Ok(())
    }

    async fn download(&self, url: &str) -> Result<(Option<String>, Vec<u8>), Error> {
        let mut at = url.to_owned();
        for _ in 0..=REDIRECTS {
            let Some(request) = request::<H>(&at) else {
                return Err(refused(url, "only https addresses without a password are fetched"));
            };
            let mut answer = self.host.send(request).await.map_err(|e| refused(url, e.word()))?;
            if answer.status.is_redirection()
                && let Some(next) = text(&answer.headers, LOCATION)
            {
                at = beside(&at, next);
                continue;
            }
            if !answer.status.is_success() {
                return Err(refused(url, "its server didn't give it"));
            }
            let media = text(&answer.headers, CONTENT_TYPE).and_then(|media| media.split(';').next());
            let media = media.map(|media| media.trim().to_ascii_lowercase());
            let mut bytes = Vec::new();
            while let Some(piece) =
                self.host.read(&mut answer.body).await.map_err(|e| refused(url, e.word()))?
            {
                if bytes.len() + piece.len() > LIMIT {
                    return Err(refused(url, "it is over 20 MiB"));
                }
                bytes.extend_from_slice(&piece);
            }
            return Ok((media.filter(|media| media != "application/octet-stream"), bytes));
        }
        Err(refused(url, "it is redirected too often"))
    }
}

fn request<H: Host>(url: &str) -> Option<UpstreamRequest<H::Upload>> {
    let rest = url.strip_prefix("https://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = path.split('#').next().unwrap_or_default();
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let fit = path.bytes().all(|b| b.is_ascii_graphic());
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (authority, 443),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let named = host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:_".contains(&b));
    if host.is_empty() || !named || !fit {
        return None;
    }
    let origin = Origin { scheme: Scheme::Https, host: host.to_ascii_lowercase(), port, public: true };
    let authority = origin.authority();
    Some(UpstreamRequest {
        method: Method::GET,
        origin: origin.into(),
        authority: authority.into(),
        path,
        headers: Rc::new(Headers::new()),
        own: Vec::new(),
        body: Payload::Empty,
        timeouts: Timeouts { connect: WAIT, first_byte: WAIT, idle: WAIT },
        egress: Egress::Direct,
        version: HttpVersion::Auto,
        fresh: false,
    })
}

/// Where a `Location` leads from an address.
fn beside(url: &str, location: &str) -> String {
    if location.contains("://") {
        return location.to_owned();
    }
    let host_end = url.find("://").and_then(|at| url.get(at + 3..)?.find('/').map(|end| at + 3 + end));
    let origin = url.get(..host_end.unwrap_or(url.len())).unwrap_or(url);
    match location.strip_prefix("//") {
        Some(rest) => format!("https://{rest}"),
        None if location.starts_with('/') => format!("{origin}{location}"),
        None => {
            let folder =
                url.split('?').next().and_then(|path| path.rsplit_once('/')).map_or(origin, |(f, _)| f);
            format!("{}/{location}", if folder.len() < origin.len() { origin } else { folder })
        }
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
}

impl Fetched {
    /// Notes what an address holds.
    pub(super) fn note(&mut self, url: String, media_type: Option<String>, base64: String) {
        self.media.push((url, media_type, base64));
    }

    /// Nothing was fetched from this address yet.
    pub(super) fn lacks(&self, url: &str) -> bool {
        !self.media.iter().any(|(known, ..)| known == url)
    }

    /// How many were fetched.
    pub(super) fn len(&self) -> usize {
        self.media.len()
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
        if let Some((_, media_type, base64)) = found {
            media.media_type = media.media_type.take().or(media_type.as_deref().map(Cow::Borrowed));
            media.source = Source::Base64(Cow::Borrowed(base64));
        }
    }
}
