//! A provider's answer in another format becomes the caller's: errors, whole answers and streams, whichever of the two
//! last the provider gives and the caller wants.

use super::Core;
use super::reply::{OutBody, Reply, Stream};
use super::telling::{Told, Trouble};
use super::translating::{Matter, Translation};
use super::vectors;
use crate::coding::{self, Decoder};
use crate::error::{Error, Kind};
use crate::headers::Headers;
use crate::headers::{self, text};
use crate::host::{Answer, Host, TransportError};
use crate::lane::Lane;
use crate::plan::Outcome;
use crate::record::Record;
use crate::time::Millis;
use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use std::pin::pin;
use wharf_wire::chat::Failure;
use wharf_wire::format::Format;
use wharf_wire::json;
use wharf_wire::relay::End;
use wharf_wire::translate::{self, Pipe};

/// The longest answer that is held to be translated whole.
const WHOLE_LIMIT: usize = 64 << 20;
/// The longest error that is read.
const ERROR_LIMIT: usize = 1 << 20;

impl<H: Host> Core<H> {
    /// Leads an answer back to the caller.
    pub(super) async fn lead_back(
        &self,
        answer: Answer<H::Body>,
        first: Option<Bytes>,
        way: &Translation,
        hold: Millis,
        record: &mut Record,
    ) -> Told<H::Body> {
        match self.lead(answer, first, way, hold, record).await {
            Ok(reply) => {
                let waiting = matches!(&reply.body, OutBody::Stream(stream) if !stream.lane.is_settled());
                Told { reply: Ok(reply), trouble: None, waiting }
            }
            Err(Unled::Failed(failure, headers)) => {
                let reply = Ok(failed(&failure, headers, way, record));
                Told { reply, trouble: Some(Trouble::of(&failure)), waiting: false }
            }
            Err(Unled::Error(error)) => {
                let trouble = match error.kind {
                    Kind::Timeout => Some(Outcome::Failed(TransportError::IdleTimeout).into()),
                    Kind::Unreachable => Some(Outcome::Broken.into()),
                    _ => None,
                };
                Told { reply: Err(error), trouble, waiting: false }
            }
        }
    }

    async fn lead(
        &self,
        answer: Answer<H::Body>,
        first: Option<Bytes>,
        way: &Translation,
        hold: Millis,
        record: &mut Record,
    ) -> Result<Reply<H::Body>, Unled> {
        let Answer { status, mut headers, body } = answer;
        let media = text(&headers, CONTENT_TYPE).unwrap_or("").to_ascii_lowercase();
        let coding = coding::left(&headers, H::DECODES);
        let decoder = coding.and_then(Decoder::new);
        let unreadable = coding.is_some() && decoder.is_none();
        let error_type = text(&headers, "x-amzn-errortype").map(error_class);
        let tokens = text(&headers, "x-amzn-bedrock-input-token-count").and_then(|count| count.parse().ok());
        headers::to_client(&mut headers);
        for name in [CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_TYPE, ETAG] {
            headers.remove(name);
        }
        let mut source = Source { body, first, decoder, unreadable };
        if !status.is_success() {
            let body = self.all(&mut source, ERROR_LIMIT, record).await.unwrap_or_default();
            let failure = translate::read_error(way.from, status.as_u16(), error_type.as_deref(), &body);
            return Err(Unled::Failed(Box::new(failure), headers));
        }
        if !matches!(way.matter, Matter::Chat) {
            let body = self.all(&mut source, WHOLE_LIMIT, record).await?;
            return Ok(match vectors::read(&way.matter, &body, &way.context.model, tokens) {
                Ok(whole) => told(whole, headers, way, record),
                Err(failure) => return Err(Unled::Failed(Box::new(failure), headers)),
            });
        }
        let streamed = is_stream(&media) || self.begins_stream(&mut source, way.from).await;
        if streamed && way.stream {
            return self.lead_stream(source, headers, way, hold, record).await;
        }
        let mut body = self.all(&mut source, WHOLE_LIMIT, record).await?;
        let array = if streamed { None } else { array_events(way.from, &body) };
        let streamed = streamed || array.is_some();
        body = array.unwrap_or(body);
        if streamed && way.stream {
            source = Source { first: Some(body.into()), decoder: None, ..source };
            return self.lead_stream(source, headers, way, hold, record).await;
        }
        if streamed {
            return Ok(match translate::gather(way.from, way.to, &body, &way.context) {
                Ok(whole) => told(whole, headers, way, record),
                Err(failure) => return Err(Unled::Failed(Box::new(failure), headers)),
            });
        }
        Ok(match translate::whole(way.from, way.to, &body, way.stream, &way.context) {
            Ok(whole) => told(whole, headers, way, record),
            Err(failure) => return Err(Unled::Failed(Box::new(failure), headers)),
        })
    }

    /// Some servers give their streams no media type, or that of a whole answer: then the first piece tells.
    async fn begins_stream(&self, source: &mut Source<H::Body>, from: Format) -> bool {
        if source.decoder.is_some() || source.unreadable {
            return false;
        }
        if source.first.is_none() {
            // An error comes again to whoever reads on.
            source.first = self.host.read(&mut source.body).await.ok().flatten();
        }
        source.first.as_ref().is_some_and(|first| begins(from, first))
    }

    /// The head waits until something of the answer itself is there, for a while: an error before that is a real one.
    async fn lead_stream(
        &self,
        mut source: Source<H::Body>,
        mut headers: Headers,
        way: &Translation,
        hold: Millis,
        record: &Record,
    ) -> Result<Reply<H::Body>, Unled> {
        if source.unreadable {
            return Err(coded(record).into());
        }
        let Some(pipe) = Pipe::new(way.from, way.to, &way.context) else {
            return Err(Error::new(Kind::Internal, "no client speaks this format").into());
        };
        let mut lane = Lane::translate(pipe, source.decoder.take());
        let mut wait = pin!(self.host.sleep(hold));
        while !lane.is_settled() {
            let piece = match source.first.take() {
                Some(first) => Ok(Some(first)),
                None => match select(pin!(self.host.read(&mut source.body)), wait.as_mut()).await {
                    Either::Left((read, _)) => read,
                    Either::Right(_) => break,
                },
            };
            match piece {
                Ok(Some(piece)) => lane.take_in(&piece),
                Ok(None) => lane.ends(End::Clean),
                Err(TransportError::IdleTimeout) => lane.ends(End::IdleTimeout),
                Err(_) => lane.ends(End::Cut),
            }
        }
        if let Some(failure) = lane.failed_early() {
            return Err(Unled::Failed(Box::new(failure), headers));
        }
        let media = if way.context.json_array { "application/json" } else { "text/event-stream" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        let stream = Stream { first: Some(Bytes::new()), body: Some(source.body), lane };
        Ok(Reply { status: StatusCode::OK, headers, body: OutBody::Stream(Box::new(stream)) })
    }

    /// A whole body, decoded.
    async fn all(
        &self,
        source: &mut Source<H::Body>,
        limit: usize,
        record: &Record,
    ) -> Result<Vec<u8>, Error> {
        if source.unreadable {
            return Err(coded(record));
        }
        let mut all = Vec::new();
        loop {
            let piece = match source.first.take() {
                Some(first) => first,
                None => match self.host.read(&mut source.body).await {
                    Ok(Some(piece)) => piece,
                    // What is cut inside its coding must not pass for whole, even where it can be read.
                    Ok(None) if source.decoder.as_ref().is_some_and(|d| !d.complete()) => {
                        return Err(coded(record));
                    }
                    Ok(None) => return Ok(all),
                    Err(error) => return Err(super::attempt::failure(error, &record.provider)),
                },
            };
            match &mut source.decoder {
                Some(decoder) => decoder.push(&piece, &mut |plain| {
                    // A few bytes can become very many.
                    if all.len() <= limit {
                        all.extend_from_slice(plain);
                    }
                }),
                None => all.extend_from_slice(&piece),
            }
            if all.len() > limit {
                let message = format!("{} answered with more than {limit} bytes", record.provider);
                return Err(Error::new(Kind::Unreachable, message));
            }
        }
    }
}

/// An answer that is none.
enum Unled {
    /// The provider's error, and the headers it came with.
    Failed(Box<Failure>, Headers),
    /// Ours.
    Error(Error),
}

impl From<Error> for Unled {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// An answer's body as it is read.
struct Source<B> {
    body: B,
    first: Option<Bytes>,
    decoder: Option<Decoder>,
    /// It is in a coding that is not decoded here.
    unreadable: bool,
}

fn coded(record: &Record) -> Error {
    let message =
        format!("{} answered in a content coding that can't be read, or is broken", record.provider);
    Error::new(Kind::Unreachable, message)
}

/// A translated answer.
fn told<B>(
    whole: translate::Whole,
    mut headers: Headers,
    way: &Translation,
    record: &mut Record,
) -> Reply<B> {
    record.usage = whole.usage;
    record.lost = whole.lost;
    let media = match (way.stream, way.context.json_array) {
        (true, false) => "text/event-stream",
        (true, true) | (false, _) => "application/json",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    Reply::new(StatusCode::OK, headers, whole.body)
}

/// A provider's error in the caller's words.
fn failed<B>(failure: &Failure, mut headers: Headers, way: &Translation, record: &mut Record) -> Reply<B> {
    record.error = "upstream_error";
    if let Some(wait) = failure.retry_after_ms
        && !headers.contains_key(RETRY_AFTER)
    {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.div_ceil(1000)));
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut failure = failure.clone();
    // Ours: the message names whose fault it is.
    if let Some(rest) = failure.message.strip_prefix("The upstream ") {
        failure.message = format!("{} {rest}", record.provider);
    }
    Reply::new(status, headers, translate::write_error(way.to, &failure, &record.id))
}

/// Events of any framing.
fn is_stream(media: &str) -> bool {
    ["text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream"]
        .iter()
        .any(|stream| media.starts_with(stream))
}

/// These bytes begin a stream of this format, and no whole answer.
fn begins(from: Format, first: &[u8]) -> bool {
    let text = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first).trim_ascii_start();
    match from {
        Format::OpenAiChat
        | Format::OpenAiResponses
        | Format::AnthropicMessages
        | Format::GeminiGenerate
        | Format::CohereChat => {
            [&b"data:"[..], b"event:", b"id:", b"retry:", b":"].iter().any(|field| text.starts_with(field))
        }
        // A line that is a value of its own; a whole answer is one value, on one line or indented.
        Format::OllamaChat => memchr::memchr(b'\n', text)
            .and_then(|end| text.get(..end))
            .is_some_and(|line| json::parse(line).is_ok()),
        // The length of the first frame, which has no use for its highest byte.
        Format::BedrockConverse => first.first() == Some(&0),
    }
}

/// Gemini's other form of a stream, one JSON array, as the events that it would have been: for servers that don't know
/// `alt=sse`.
fn array_events(from: Format, body: &[u8]) -> Option<Vec<u8>> {
    if from != Format::GeminiGenerate || body.trim_ascii_start().first() != Some(&b'[') {
        return None;
    }
    let array = json::parse_lossy(body).ok()?;
    let mut events = Vec::with_capacity(body.len() + 16 * array.items().len());
    for item in array.items() {
        events.extend_from_slice(b"data: ");
        // Between tokens a line end is as good as a space, and inside strings there is none.
        events.extend(item.raw().bytes().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { b }));
        events.extend_from_slice(b"\n\n");
    }
    Some(events)
}

/// `ValidationException:http://…` -> `ValidationException`
fn error_class(header: &str) -> String {
    header.split([':', '#']).next().unwrap_or_default().to_owned()
}
