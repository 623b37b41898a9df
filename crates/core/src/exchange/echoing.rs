//! The built-in `echo` provider: answered here, so that a first try needs no key and no network.

use super::ask::{Asked, Question};
use super::reply::{OutBody, Reply};
use super::{Call, Core};
use crate::echo::{self, Answer, MODELS, Stamp};
use crate::error::{Error, Kind};
use crate::host::Host;
use crate::ingress::Ask;
use crate::models;
use crate::record::Record;
use crate::time::Millis;
use bytes::Bytes;
use http::StatusCode;
use wharf_wire::format::Format;

/// The pause before each piece of a stream, so that one can see it stream.
const PACE: Millis = Millis(30);

impl<H: Host> Core<H> {
    /// Answers a model route.
    pub(super) fn echo(&self, question: &Question<'_>, record: &mut Record) -> Result<Reply<H::Body>, Error> {
        let Asked::Json(body, _) = &question.body else { return Err(not_here()) };
        match question.ask {
            Ask::Chat => self.echo_chat(body, record),
            Ask::Embeddings => Ok(Reply::json(StatusCode::OK, echo::embeddings(body)?)),
            Ask::Responses
            | Ask::Messages
            | Ask::CountTokens
            | Ask::Generate(_)
            | Ask::Completions
            | Ask::Moderations
            | Ask::Images(_)
            | Ask::Audio(_)
            | Ask::Rerank => Err(not_here()),
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
            let body = self.body(&mut call).await?;
            return self.echo_chat(&body, record);
        }
        if rest.ends_with("/embeddings") {
            let body = self.body(&mut call).await?;
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
        "the built-in `echo` provider answers chat, embeddings and models only",
    )
}
