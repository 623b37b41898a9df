//! OpenAiChat: being written.

use crate::chat::{Event, Failure, Refused, Request, Response, Target, Written};
use crate::json::Json;
use crate::translate::{Context, Framing, ReadStream, Upstream};

/// The format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenAiChat;

impl Upstream for OpenAiChat {
    fn write_request(&self, _request: &Request<'_>, _target: &Target<'_>) -> Result<Written, Refused> {
        Ok(Written::default())
    }

    fn read_response<'a>(&self, _body: &Json<'a>, _context: &Context) -> Result<Response<'a>, Failure> {
        Ok(Response::default())
    }

    fn stream_in(&self, _context: &Context) -> Box<dyn ReadStream> {
        Box::new(Reader)
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }
}

struct Reader;

impl ReadStream for Reader {
    fn push(&mut self, _name: &str, _data: &[u8], _on: &mut dyn FnMut(Event<'_>)) -> Result<(), Failure> {
        Ok(())
    }

    fn finish(&mut self, _on: &mut dyn FnMut(Event<'_>)) {}
}

impl crate::translate::Client for OpenAiChat {
    fn read_request<'a>(
        &self,
        _body: Json<'a>,
        _said: &crate::translate::Said<'_>,
    ) -> Result<Request<'a>, crate::json::Invalid> {
        Ok(Request::default())
    }

    fn field_name(&self, _field: crate::chat::Field) -> &'static str {
        ""
    }

    fn turn_path(&self, at: usize) -> String {
        at.to_string()
    }

    fn write_response(&self, _response: Response<'_>, _context: &Context) -> Vec<u8> {
        Vec::new()
    }

    fn stream_out(&self, _context: &Context) -> Box<dyn crate::translate::WriteStream> {
        Box::new(Writer)
    }

    fn write_error(&self, _failure: &Failure, _request_id: &str) -> Vec<u8> {
        Vec::new()
    }
}

struct Writer;

impl crate::translate::WriteStream for Writer {
    fn push(&mut self, _event: Event<'_>, _out: &mut Vec<u8>) {}
}
