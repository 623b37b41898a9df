//! Ollama's own chat, the side providers speak: <https://docs.ollama.com/api/chat>.

mod messages;
mod request;
mod response;
mod stream_in;
mod types;

#[cfg(test)]
mod tests;

use crate::chat::{Failure, Refused, Request, Response, Target, Written};
use crate::json::Json;
use crate::translate::{Context, Framing, ReadStream, Upstream};

/// The format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OllamaChat;

impl Upstream for OllamaChat {
    fn write_request(&self, request: &Request<'_>, target: &Target<'_>) -> Result<Written, Refused> {
        request::write(request, target)
    }

    fn read_response<'a>(&self, body: &Json<'a>, context: &Context) -> Result<Response<'a>, Failure> {
        response::read(body, context)
    }

    fn stream_in(&self, context: &Context) -> Box<dyn ReadStream> {
        Box::new(stream_in::Reader::new(context))
    }

    fn framing(&self) -> Framing {
        Framing::JsonLines
    }
}
