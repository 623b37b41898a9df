//! The built-in `echo` provider: answered here, so that a first try needs no key and no network.

use super::ask::{Asked, Question};
use super::fetching::Fetched;
use super::reply::{OutBody, Reply};
use super::translating::{self, Attempted, Wanted};
use super::{Call, Core};
use crate::echo::{self, Answer, MODELS, Stamp};
use crate::error::{Error, Kind};
use crate::host::Host;
use crate::ingress::Ask;
use crate::models;
use crate::record::Record;
use crate::route::Target;
use crate::table::Entry;
use crate::time::Millis;
use bytes::Bytes;
use http::StatusCode;
use std::collections::VecDeque;
use wharf_wire::chat::Failure;
use wharf_wire::format::Format;
use wharf_wire::translate::{self, Pipe};

/// The pause before each piece of a stream, so that one can see it stream.
const PACE: Millis = Millis(30);

impl<H: Host> Core<H> {
    /// Answers a model route.
    pub(super) fn echo(
        &self,
        question: &Question<'_>,
        target: &Target,
        entry: &Entry,
        strict: bool,
        record: &mut Record,
    ) -> Result<Reply<H::Body>, Error> {
        let Asked::Json(body, _) = &question.body else { return Err(not_here()) };
        match question.ask {
            Ask::Chat => self.echo_chat(body, record),
            Ask::Embeddings => Ok(Reply::json(StatusCode::OK, echo::embeddings(body)?)),
            Ask::CountTokens | Ask::Generate("countTokens") => self.estimate(question),
            Ask::Responses | Ask::Messages | Ask::Generate(_) => {
                self.echo_translated(question, target, entry, strict, record)
            }
            Ask::Completions | Ask::Moderations | Ask::Images(_) | Ask::Audio(_) | Ask::Rerank => {
                Err(not_here())
            }
        }
    }

    /// Answers in a dialect that echo itself doesn't speak: by the same way as any provider's answer.
    fn echo_translated(
        &self,
        question: &Question<'_>,
        target: &Target,
        entry: &Entry,
        strict: bool,
        record: &mut Record,
    ) -> Result<Reply<H::Body>, Error> {
        record.attempts = 1;
        let now = self.host.now();
        let fetched = Fetched::default();
        let wanted = Wanted { target, entry, strict, fetched: &fetched, now: now.0 / 1000 };
        let Attempted::Written(body, _, mut way) = translating::write(question, &wanted, record)? else {
            return Err(not_here());
        };
        way.context.json_array = question.json_array;
        let stamp = Stamp { now, random: self.host.random() };
        let broken = |failure: Failure| Error::new(Kind::Internal, failure.message);
        match echo::chat(&body.to_bytes(), stamp)? {
            Answer::Whole(body) => {
                let whole = translate::whole(way.from, way.to, &body, false, &way.context).map_err(broken)?;
                record.usage = whole.usage;
                Ok(Reply::json(StatusCode::OK, whole.body))
            }
            Answer::Stream(pieces) => {
                let Some(mut pipe) = Pipe::new(way.from, way.to, &way.context) else {
                    return Err(not_here());
                };
                let mut translated = VecDeque::with_capacity(pieces.len());
                for piece in pieces {
                    let mut out = Vec::new();
                    pipe.push(&piece, &mut out);
                    if !out.is_empty() {
                        translated.push_back(Bytes::from(out));
                    }
                }
                let media = if question.json_array { "application/json" } else { "text/event-stream" };
                let mut reply = Reply::typed(StatusCode::OK, media, Bytes::new());
                reply.body = OutBody::Paced(translated, PACE);
                Ok(reply)
            }
        }
    }

    /// Answers `/echo/…`.
    pub(super) async fn echo_through(
        &self,
        mut call: Call<'_, H::Upload>,
        record: &mut Record,
        rest: &str,
    ) -> Result<Reply<H::Body>, Error> {
        let rest = rest.trim_end_matches('/');
        if rest.ends_with("/chat/completions") {
            let body = self.body(&mut call).await?.into_bytes();
            return self.echo_chat(&body, record);
        }
        if rest.ends_with("/embeddings") {
            let body = self.body(&mut call).await?.into_bytes();
            return Ok(Reply::json(StatusCode::OK, echo::embeddings(&body)?));
        }
        if rest.ends_with("/models") {
            let list = models::fixed("echo", MODELS, self.host.now());
            return Ok(Reply::json(StatusCode::OK, models::render(Format::OpenAiChat, &list)));
        }
        Err(not_here())
    }

    fn echo_chat(&self, body: &Bytes, record: &mut Record) -> Result<Reply<H::Body>, Error> {
        record.attempts = 1;
        let stamp = Stamp { now: self.host.now(), random: self.host.random() };
        Ok(match echo::chat(body, stamp)? {
            Answer::Whole(body) => Reply::json(StatusCode::OK, body),
            Answer::Stream(pieces) => {
                let mut reply = Reply::typed(StatusCode::OK, "text/event-stream", Bytes::new());
                reply.body = OutBody::Paced(pieces.into(), PACE);
                reply
            }
        })
    }
}

fn not_here() -> Error {
    Error::new(
        Kind::UnsupportedEndpoint,
        "the built-in `echo` provider answers chat in every dialect, embeddings and models only",
    )
}
