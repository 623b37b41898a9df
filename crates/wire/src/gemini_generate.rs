//! Gemini's generateContent and streamGenerateContent, at AI Studio and on Vertex.
//! <https://ai.google.dev/api/generate-content>
//!
//! In: `request_in`, `contents_in` (with `joined`), `tools_in` read a client's request, `stream_in` (with `partial` and
//! `citations_in`) an answer. Out: `request_out`, `contents_out`, `tools_out` write a request, `response`,
//! `stream_out` (with `parts_out`) and `error` an answer. `schema` knows the two kinds of schemas.

mod citations_in;
mod contents_in;
mod contents_out;
mod error;
mod joined;
mod partial;
mod parts_out;
mod request_in;
mod request_out;
mod response;
mod schema;
mod signature;
mod stream_in;
mod stream_out;
mod tools_in;
mod tools_out;
mod types;

#[cfg(test)]
mod tests;

use crate::chat::{Bind, Failure, Field, Refused, Request, Response, StateKind, Target, Written};
use crate::json::{Invalid, Json};
use crate::translate::strangers::{Fate, rewrite};
use crate::translate::{Client, Context, Framing, ReadStream, Said, Upstream, WriteStream};

/// The format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GeminiGenerate;

impl Upstream for GeminiGenerate {
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

impl Client for GeminiGenerate {
    fn read_request<'a>(&self, body: Json<'a>, said: &Said<'_>) -> Result<Request<'a>, Invalid> {
        request_in::read(body, said)
    }

    fn without_strangers(&self, body: &Json<'_>) -> Option<Vec<u8>> {
        rewrite(body, "contents", Some("parts"), &|part| {
            for name in ["thoughtSignature", "thought_signature"] {
                let slot = part.get(name).and_then(Json::cow).unwrap_or_default();
                let state = signature::read(slot, Bind::Reasoning);
                if state.is_some_and(|state| state.kind != StateKind::GeminiThought) {
                    let thought = part.get("thought").and_then(Json::bool) == Some(true);
                    return if thought { Fate::Goes } else { Fate::Without(name) };
                }
            }
            Fate::Stays
        })
    }

    fn field_name(&self, field: Field) -> &'static str {
        types::field_name(field)
    }

    fn turn_path(&self, at: usize) -> String {
        format!("contents[{at}]")
    }

    fn write_response(&self, response: Response<'_>, context: &Context) -> Vec<u8> {
        response::write(&response, context)
    }

    fn stream_out(&self, context: &Context) -> Box<dyn WriteStream> {
        Box::new(stream_out::Writer::new(context))
    }

    fn write_error(&self, failure: &Failure, request_id: &str) -> Vec<u8> {
        error::write(failure, request_id)
    }
}
