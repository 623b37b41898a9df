//! Anthropic's Messages: what its callers speak, and what its servers (and those that resemble them) do.
//! <https://platform.claude.com/docs/en/api/messages>
//!
//! In: `request_in` with `messages_in`, `blocks_in`, `tools_in`. Out: `request_out` with `messages_out`, `blocks_out`,
//! `tools_out`, `thinking_out`, `schema_out`.

mod blocks_in;
mod blocks_out;
mod error;
mod messages_in;
mod messages_out;
mod request_in;
mod request_out;
mod response;
mod schema_out;
mod stream_in;
mod stream_out;
mod thinking_out;
mod tools_in;
mod tools_out;
mod types;

#[cfg(test)]
mod tests;

use crate::chat::{Failure, Field, Refused, Request, Response, State, Target, Written};
use crate::json::{Invalid, Json};
use crate::translate::strangers::{Fate, rewrite};
use crate::translate::{Client, Context, Framing, ReadStream, Said, Upstream, WriteStream};

/// The format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnthropicMessages;

impl Client for AnthropicMessages {
    fn read_request<'a>(&self, body: Json<'a>, said: &Said<'_>) -> Result<Request<'a>, Invalid> {
        request_in::read(body, said)
    }

    fn without_strangers(&self, body: &Json<'_>) -> Option<Vec<u8>> {
        rewrite(body, "messages", Some("content"), &|block| {
            let slot = match block.get("type").and_then(Json::text) {
                Some("thinking") => block.get("signature"),
                Some("redacted_thinking") => block.get("data"),
                // What carried such state may be empty, and no text may be.
                Some("text") if block.get("text").and_then(Json::text) == Some("") => return Fate::Goes,
                _ => return Fate::Stays,
            };
            // Thoughts of a model that signs nothing have an empty signature.
            match slot.and_then(Json::cow) {
                Some(slot) if slot.is_empty() || State::unwrap_from(&slot).is_some() => Fate::Goes,
                _ => Fate::Stays,
            }
        })
    }

    fn field_name(&self, field: Field) -> &'static str {
        types::field_name(field)
    }

    fn turn_path(&self, at: usize) -> String {
        format!("messages[{at}]")
    }

    fn write_response(&self, response: Response<'_>, context: &Context) -> Vec<u8> {
        response::write(response, context)
    }

    fn stream_out(&self, context: &Context) -> Box<dyn WriteStream> {
        Box::new(stream_out::Stream::new(context))
    }

    fn unsaid(&self) -> &'static [Field] {
        &[Field::Image, Field::File, Field::Audio, Field::Video, Field::Logprobs, Field::N]
    }

    fn write_error(&self, failure: &Failure, request_id: &str) -> Vec<u8> {
        error::write(failure, request_id)
    }
}

impl Upstream for AnthropicMessages {
    fn write_request(&self, request: &Request<'_>, target: &Target<'_>) -> Result<Written, Refused> {
        request_out::write(request, target)
    }

    fn read_response<'a>(&self, body: &Json<'a>, context: &Context) -> Result<Response<'a>, Failure> {
        response::read(body, context)
    }

    fn stream_in(&self, context: &Context) -> Box<dyn ReadStream> {
        Box::new(stream_in::Reader::new(context))
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }
}
