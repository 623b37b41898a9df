//! An upstream's answer becomes ours: head filtered, body handed on. On a model route it is held until something of the
//! answer itself is there, so that one that is none can still become a real error, or another target's turn.

use super::Core;
use super::attempt::failure;
use super::reply::{OutBody, Reply, Stream};
use super::telling::{Told, Trouble};
use crate::coding::{self, Decoder};
use crate::error::{Error, Kind};
use crate::headers::{self, Headers, text};
use crate::host::{Answer, Host};
use crate::ingress::Ask;
use crate::lane::Lane;
use crate::plan::Outcome;
use crate::record::Record;
use crate::time::Millis;
use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use std::pin::pin;
use wharf_wire::chat::Failure;
use wharf_wire::format::Format;
use wharf_wire::opening::{Opened, Opening};
use wharf_wire::scan::{ScanError, scan, scan_answer};
use wharf_wire::translate::read_error;

/// How much of a plain answer is held: most are here whole by then.
const HELD: usize = 64 * 1024;

/// What was read before the head goes out.
struct Held {
    first: Option<Bytes>,
    trouble: Option<Trouble>,
    waiting: bool,
}

impl Held {
    const fn new(first: Option<Bytes>, trouble: Option<Trouble>) -> Self {
        Self { first, trouble, waiting: false }
    }
}

impl<H: Host> Core<H> {
    /// Hands an answer on as it comes; `ask` is the question of a model route.
    pub(super) async fn relay(
        &self,
        mut answer: Answer<H::Body>,
        first: Option<Bytes>,
        ask: Option<&Ask>,
        hold: Millis,
        record: &Record,
    ) -> Told<H::Body> {
        let (ok, mut media) = (answer.status.is_success(), Media::of(&answer.headers));
        if matches!((media, ask), (Media::Json { .. }, Some(Ask::Generate("streamGenerateContent")))) {
            media = Media::Growing;
        }
        let format = ask.map(Ask::format);
        // Events of images and audio end in no way that all providers share: what ended as HTTP says is whole.
        let unnamed = ask.is_some_and(|ask| matches!(ask, Ask::Images(_) | Ask::Audio(_)));
        let mut lane = match unnamed && media == Media::Events {
            true => Lane::new(&answer.headers, H::DECODES, None, false, ok),
            false => Lane::new(&answer.headers, H::DECODES, format, ask.is_some(), ok),
        };
        let held = match format.filter(|_| ok && first.is_none()) {
            None => Held::new(first, None),
            Some(format) if media == Media::Events => {
                let format = (!unnamed).then_some(format);
                self.hold_stream(&mut answer.body, &answer.headers, format, hold).await
            }
            Some(_) if matches!(media, Media::Json { .. } | Media::Growing) => {
                self.hold_plain(&mut answer.body, &answer.headers, media, hold, &mut lane).await
            }
            Some(_) => Held::new(None, None),
        };
        let Held { first, trouble, waiting } = held;
        // Nothing has gone out yet: what broke, or never came, is an error of its own.
        let broken = match trouble.as_ref().map(|trouble| trouble.outcome) {
            Some(Outcome::Failed(error)) => Some(failure(error, &record.provider)),
            Some(Outcome::Broken) => Some(broken(&record.provider)),
            // What the provider wrote is its error; only the 200 over it is not true.
            Some(Outcome::Status(status)) if media != Media::Events => {
                answer.status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                None
            }
            Some(Outcome::Status(_)) | None => None,
        };
        if let Some(error) = broken {
            return Told { reply: Err(error), trouble, waiting };
        }
        headers::to_client(&mut answer.headers);
        let body = OutBody::Stream(Box::new(Stream { first, body: Some(answer.body), lane }));
        Told { reply: Ok(Reply { status: answer.status, headers: answer.headers, body }), trouble, waiting }
    }

    /// Reads a stream until an event of the answer itself is there, for a while.
    async fn hold_stream(
        &self,
        body: &mut H::Body,
        headers: &Headers,
        format: Option<Format>,
        hold: Millis,
    ) -> Held {
        let coding = coding::left(headers, H::DECODES);
        let mut decoder = coding.and_then(Decoder::new);
        // What can't be read is taken for an answer as soon as it comes.
        let mut opening = format.filter(|_| coding.is_none() || decoder.is_some()).map(Opening::new);
        let mut first = Pieces::default();
        let mut wait = pin!(self.host.sleep(hold));
        loop {
            let read = match select(pin!(self.host.read(body)), wait.as_mut()).await {
                Either::Left((read, _)) => Some(read),
                Either::Right(_) => None,
            };
            let Some(read) = read else {
                return Held { waiting: true, ..Held::new(first.joined(), None) };
            };
            let piece = match read {
                Ok(Some(piece)) => piece,
                Ok(None) => return Held::new(first.joined(), Some(Outcome::Broken.into())),
                Err(error) => {
                    let trouble = Some(Outcome::Failed(error).into());
                    return Held::new(first.joined(), trouble);
                }
            };
            if let Some(opening) = &mut opening {
                match &mut decoder {
                    Some(decoder) => decoder.push(&piece, &mut |plain| opening.push(plain)),
                    None => opening.push(&piece),
                }
            }
            first.push(piece);
            let trouble = match opening.as_ref().map(Opening::state) {
                Some(Opened::Waiting) if first.length < HELD => continue,
                Some(Opened::Failed(failure)) => Some(Trouble::of(failure)),
                Some(Opened::Waiting | Opened::Begun) | None => None,
            };
            return Held::new(first.joined(), trouble);
        }
    }

    /// Reads a plain answer until it is whole, or much of it is there, or it takes its time.
    async fn hold_plain(
        &self,
        body: &mut H::Body,
        headers: &Headers,
        media: Media,
        hold: Millis,
        lane: &mut Lane,
    ) -> Held {
        let coded = coding::left(headers, H::DECODES).is_some();
        // A length is that of the coded body, which a host may have decoded.
        let length = text(headers, CONTENT_LENGTH).filter(|_| !headers.contains_key(CONTENT_ENCODING));
        let length = length.and_then(|length| length.parse::<usize>().ok());
        let mut first = Pieces::default();
        let mut wait = pin!(self.host.sleep(hold));
        let mut late = self.host.reads_whole(body);
        let mut whole = false;
        let ended = loop {
            whole |= length.is_some_and(|length| first.length >= length);
            // Events go on as they come, whatever they are called.
            let goes_on =
                first.first.as_deref().is_some_and(|text| media == Media::Growing || is_events(text));
            if whole || goes_on || first.length >= HELD {
                break None;
            }
            // As long as nothing has come at all there is nothing to show, and nothing is lost by waiting.
            let read = if late {
                self.host.read(body).await
            } else {
                match select(pin!(self.host.read(body)), wait.as_mut()).await {
                    Either::Left((read, _)) => read,
                    Either::Right(_) if first.length > 0 => break None,
                    Either::Right(_) => {
                        late = true;
                        continue;
                    }
                }
            };
            match read {
                Ok(Some(piece)) => first.push(piece),
                Ok(None) => {
                    whole = true;
                    break None;
                }
                Err(error) => break Some(error),
            }
            if late {
                whole = length.is_some_and(|length| first.length >= length);
                break None;
            }
        };
        let first = first.joined();
        let trouble = match (ended, &first) {
            // Whatever was to follow it, an answer that is whole is one.
            (Some(_), Some(held)) if !coded && scan(held).is_ok() => None,
            (Some(error), _) => Some(Outcome::Failed(error).into()),
            (None, Some(held)) if !coded && whole && media == (Media::Json { alone: true }) => {
                whole_trouble(held, lane)
            }
            (None, Some(held)) if !coded => plain_trouble(held),
            (None, Some(_)) => None,
            (None, None) => Some(Outcome::Broken.into()),
        };
        Held::new(first, trouble)
    }
}

/// Some servers send their streams as JSON, and clients that asked for one read it all the same.
fn is_events(text: &[u8]) -> bool {
    [&b"data:"[..], b"event:", b"id:", b"retry:", b":"].iter().any(|field| text.starts_with(field))
}

/// An error in place of an answer that is whole, or what is no answer. What was found on the way the lane need not look for.
fn whole_trouble(held: &[u8], lane: &mut Lane) -> Option<Trouble> {
    match scan_answer(held) {
        Ok(found) => {
            lane.foresee(&found);
            // Nearly all are as usual, and need no second look.
            if found.usage.is_some() && !found.error { None } else { plain_trouble(held) }
        }
        Err(error) => plain_trouble(held)
            .or_else(|| is_no_json(held, &error).then(|| Trouble::of(&Failure::malformed("it is no JSON")))),
    }
}

/// No reader takes it for JSON. What some servers write and some readers take (`NaN`, `-Infinity`, raw control characters,
/// bytes that are no UTF-8) is between them.
fn is_no_json(held: &[u8], error: &ScanError) -> bool {
    let is_odd = |byte: &u8| matches!(byte, b'N' | b'I' | 0..0x20 | 0x80..);
    !is_events(held) && !held.get(error.at).is_some_and(is_odd)
}

fn broken(provider: &str) -> Error {
    let message = format!("{provider} answered 200, and then with nothing, or with what is no answer");
    Error::new(Kind::Unreachable, message)
}

/// An error in place of an answer, as far as its beginning tells; it is shown as it came if nothing else can be tried.
fn plain_trouble(begun: &[u8]) -> Option<Trouble> {
    let text = begun.trim_ascii_start();
    // Gemini's stream without events begins so, and so do its errors there.
    let text = match text.strip_prefix(b"[").map(<[u8]>::trim_ascii_start) {
        Some(inside @ [b'{', ..]) => inside,
        Some(_) | None => text,
    };
    if text.is_empty() {
        return None;
    }
    if is_events(text) {
        return None;
    }
    let is_json = matches!(text.first(), Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n'));
    if !is_json {
        return Some(Trouble::of(&Failure::malformed("it is no JSON")));
    }
    // An error is short, and begins with what it is; `"error": null` stands in answers, too.
    let starts = |with: &[u8]| {
        let mut solid = text.iter().filter(|byte| !byte.is_ascii_whitespace());
        with.iter().all(|byte| solid.next() == Some(byte))
    };
    let errs = (starts(b"{\"error\":") && !starts(b"{\"error\":null")) || starts(b"{\"type\":\"error\"");
    errs.then(|| Trouble::of(&read_error(Format::OpenAiChat, 0, None, begun)))
}

/// Pieces that were read; mostly one.
#[derive(Default)]
pub(super) struct Pieces {
    first: Option<Bytes>,
    rest: BytesMut,
    /// Bytes of all of them.
    pub length: usize,
}

impl Pieces {
    pub(super) fn push(&mut self, piece: Bytes) {
        self.length += piece.len();
        match &self.first {
            None => self.first = Some(piece),
            Some(first) => {
                if self.rest.is_empty() {
                    self.rest.extend_from_slice(first);
                }
                self.rest.extend_from_slice(&piece);
            }
        }
    }

    pub(super) fn joined(self) -> Option<Bytes> {
        if self.rest.is_empty() { self.first } else { Some(self.rest.freeze()) }
    }
}

/// What an answer is, by its media type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Media {
    Events,
    /// `alone`: one value, and not one a line or one behind the other.
    Json {
        alone: bool,
    },
    /// An array to which element after element is added: Gemini's other way to stream,
    /// <https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent>.
    Growing,
    Other,
}

impl Media {
    fn of(headers: &Headers) -> Self {
        let media = text(headers, CONTENT_TYPE).unwrap_or_default();
        if media == "application/json" {
            // What nearly all say.
            return Self::Json { alone: true };
        }
        let named = media.split_once(';').map_or(media, |(named, _)| named).trim();
        if named.eq_ignore_ascii_case("application/json") {
            Self::Json { alone: true }
        } else if media.starts_with("text/event-stream") {
            Self::Events
        } else if media.contains("json") {
            Self::Json { alone: false }
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{plain_trouble, whole_trouble};
    use crate::headers::Headers;
    use crate::lane::Lane;

    #[test]
    fn only_what_nobody_reads_is_no_json() {
        let trouble = |held: &[u8]| {
            let mut lane = Lane::new(&Headers::new(), &[], None, true, true);
            whole_trouble(held, &mut lane).is_some()
        };
        for broken in ["{\"a\":1", "{\"a\" 1}", "{\"a\":nul", "{\"a\":1}}", "[1,]", "<html>"] {
            assert!(trouble(broken.as_bytes()), "{broken}");
        }
        for taken in ["{\"a\":1}", "{\"a\":NaN}", "{\"a\":-Infinity}", "{\"a\":\"\u{1}\"}", "[]"] {
            assert!(!trouble(taken.as_bytes()), "{taken}");
        }
        assert!(!trouble(b"{\"a\":\"\xff\"}"));
        assert!(!trouble(b"data: {\"a\":1}\n\n") && !trouble(b"data: {\"error\":null}\n\n"));
    }

    #[test]
    fn an_error_in_place_of_an_answer_is_known_by_its_beginning() {
        for error in [
            r#"{"error": {"message":"no"}}"#,
            r#"{ "type" : "error","error":{}}"#,
            "[{\n  \"error\": {\"code\": 503}}]",
        ] {
            assert!(plain_trouble(error.as_bytes()).is_some(), "{error}");
        }
        for answer in
            [r#"{"error":null,"choices":[]}"#, r#"{"id":1,"error":{}}"#, r#"[{"candidates":[]}]"#, "["]
        {
            assert!(plain_trouble(answer.as_bytes()).is_none(), "{answer}");
        }
    }
}
