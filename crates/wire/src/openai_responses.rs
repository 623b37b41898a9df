//! OpenAI Responses, both sides: <https://platform.openai.com/docs/api-reference/responses>. Also spoken by Azure,
//! DeepSeek, xAI, OpenRouter, Hugging Face, Ollama and Bedrock's "mantle", each with small liberties.
//!
//! Nothing is stored here: what another answer is needed for (`previous_response_id`) is refused, and reasoning
//! travels encrypted.

mod echo;
mod items_in;
mod items_out;
mod output;
mod request_in;
mod request_out;
mod response_in;
mod response_out;
mod stream_in;
mod stream_out;
mod tools_in;
mod types;

#[cfg(test)]
mod tests;

use crate::chat::{Failure, Field, Refused, Request, Response, State, Target, Written};
use crate::json::{Invalid, Json};
use crate::translate::strangers::{Fate, rewrite};
use crate::translate::{Client, Context, Framing, ReadStream, Said, Upstream, WriteStream};

/// The format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenAiResponses;

impl Upstream for OpenAiResponses {
    fn write_request(&self, request: &Request<'_>, target: &Target<'_>) -> Result<Written, Refused> {
        request_out::write(request, target)
    }

    fn read_response<'a>(&self, body: &Json<'a>, context: &Context) -> Result<Response<'a>, Failure> {
        response_in::read(body, context)
    }

    fn stream_in(&self, context: &Context) -> Box<dyn ReadStream> {
        Box::new(stream_in::Reader::new(context))
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }
}

impl Client for OpenAiResponses {
    fn read_request<'a>(&self, body: Json<'a>, said: &Said<'_>) -> Result<Request<'a>, Invalid> {
        request_in::read(body, said)
    }

    fn without_strangers(&self, body: &Json<'_>) -> Option<Vec<u8>> {
        rewrite(body, "input", None, &|item| {
            let slot = item.get("encrypted_content").and_then(Json::cow);
            let ours = slot.is_some_and(|slot| State::unwrap_from(&slot).is_some());
            if ours { Fate::Goes } else { Fate::Stays }
        })
    }

    fn field_name(&self, field: Field) -> &'static str {
        types::field_name(field)
    }

    fn turn_path(&self, at: usize) -> String {
        format!("input[{at}]")
    }

    fn write_response(&self, response: Response<'_>, context: &Context) -> Vec<u8> {
        response_out::write(response, context)
    }

    fn stream_out(&self, context: &Context) -> Box<dyn WriteStream> {
        Box::new(stream_out::Writer::new(context))
    }

    fn unsaid(&self) -> &'static [Field] {
        &[Field::Audio, Field::File, Field::Video, Field::N]
    }

    fn write_error(&self, failure: &Failure, _request_id: &str) -> Vec<u8> {
        types::write_error(failure)
    }
}
