//! Tokens of a request for a provider that doesn't count: an estimate, marked as one.

use super::Core;
use super::ask::Question;
use super::reply::Reply;
use super::translating;
use crate::error::Error;
use crate::host::Host;
use crate::ingress::Ask;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;
use wharf_wire::chat;

const ESTIMATED: HeaderName = HeaderName::from_static("x-wharf-estimated");

impl<H: Host> Core<H> {
    /// Answers a question for tokens.
    pub(super) fn estimate(&self, question: &Question<'_>) -> Result<Reply<H::Body>, Error> {
        let tokens = chat::estimate(&translating::read(question)?);
        // <https://platform.claude.com/docs/en/api/messages-count-tokens>, <https://ai.google.dev/api/tokens>
        let body = match question.ask {
            Ask::Generate(_) => json!({"totalTokens": tokens}),
            _ => json!({"input_tokens": tokens}),
        };
        let mut reply = Reply::json(StatusCode::OK, body.to_string());
        reply.headers.insert(ESTIMATED, HeaderValue::from_static("true"));
        Ok(reply)
    }
}
