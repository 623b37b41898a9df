//! OpenAI's chat completions, which most providers speak and many clients: both sides of it. What sets providers apart
//! is data (`chat::Quirks`), or read leniently.
//! <https://platform.openai.com/docs/api-reference/chat>

mod calls;
mod details;
mod error;
mod extras;
mod messages_in;
mod messages_out;
mod parts_in;
mod parts_out;
mod reasoning_out;
mod request_in;
mod request_out;
mod response;
mod response_out;
mod stream_in;
mod stream_out;
mod tools_in;
mod tools_out;
mod types;

#[cfg(test)]
mod tests;

use crate::chat::{Failure, Field, Refused, Request, Response, Target, Written};
use crate::json::{Invalid, Json};
use crate::translate::{Client, Context, Framing, ReadStream, Said, Upstream, WriteStream};

/// The format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenAiChat;

impl Upstream for OpenAiChat {
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

impl Client for OpenAiChat {
    fn read_request<'a>(&self, body: Json<'a>, _said: &Said<'_>) -> Result<Request<'a>, Invalid> {
        request_in::read(body)
    }

    fn field_name(&self, field: Field) -> &'static str {
        types::field_name(field)
    }

    fn turn_path(&self, at: usize) -> String {
        format!("messages[{at}]")
    }

    fn write_response(&self, response: Response<'_>, context: &Context) -> Vec<u8> {
        response_out::write(&response, context)
    }

    fn stream_out(&self, context: &Context) -> Box<dyn WriteStream> {
        Box::new(stream_out::ChunkWriter::new(context))
    }

    fn write_error(&self, failure: &Failure, _request_id: &str) -> Vec<u8> {
        error::write(failure)
    }
}
