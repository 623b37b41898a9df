//! CohereChat: being written.

use crate::chat::{Event, Failure, Refused, Request, Response, Target, Written};
use crate::json::Json;
use crate::translate::{Context, Framing, ReadStream, Upstream};

/// The format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CohereChat;

impl Upstream for CohereChat {
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
