//! Amazon Bedrock's Converse and ConverseStream, the side providers speak:
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>.
//!
//! Which model answers is said in the path, not in the body.

mod error;
mod media;
mod messages;
mod model_fields;
mod request;
mod response;
mod stream_in;
mod tools;
mod types;

#[cfg(test)]
mod tests;

use crate::chat::{Failure, Refused, Request, Response, Target, Written};
use crate::json::Json;
use crate::translate::{Context, Framing, ReadStream, Upstream};

/// The format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BedrockConverse;

impl Upstream for BedrockConverse {
    fn write_request(&self, request: &Request<'_>, target: &Target<'_>) -> Result<Written, Refused> {
        request::write(request, target)
    }

    fn read_response<'a>(&self, body: &Json<'a>, _context: &Context) -> Result<Response<'a>, Failure> {
        response::read(body)
    }

    fn stream_in(&self, _context: &Context) -> Box<dyn ReadStream> {
        Box::new(stream_in::Reader::default())
    }

    fn framing(&self) -> Framing {
        Framing::AwsEventStream
    }

    fn read_error(&self, status: u16, error_type: Option<&str>, body: &[u8]) -> Failure {
        error::read(status, error_type, body)
    }
}
