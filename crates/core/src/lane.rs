//! An answer on its way to the client: pieces pass unchanged, and what they say of usage and completeness is read
//! from them, or from a decoded copy beside them.

use crate::coding::Decoder;
use crate::headers::text;
use crate::record::Record;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use wharf_wire::format::Format;
use wharf_wire::relay::{End, Relay, RelayKind};
use wharf_wire::tap::Tap;

/// What sees an answer's pieces pass.
pub struct Lane {
    relay: Relay,
    /// Only for an encoded answer: its tables are big.
    decoder: Option<Box<Decoder>>,
}

/// What is left to do at the end of an answer.
pub struct Finish {
    /// Bytes to send before the end; mostly none.
    pub append: Bytes,
    /// Cut the client's transport instead of ending the body.
    pub abort: bool,
}

impl Lane {
    /// For an answer with these headers: `asked` is the caller's format and whether this is a model route's stream;
    /// `None`: pass-through, where a cut stays a cut.
    pub fn new(headers: &HeaderMap, format: Option<Format>, model_route: bool, ok: bool) -> Self {
        let media = text(headers, CONTENT_TYPE).unwrap_or("");
        let sse = media.starts_with("text/event-stream");
        let tap = match (sse, media.contains("json")) {
            (true, _) => Some(Tap::sse(format)),
            (false, true) => Some(Tap::json(format)),
            (false, false) => None,
        };
        let kind = match (format, model_route) {
            (Some(format), true) if sse && ok => RelayKind::ModelStream(format),
            (_, true) => RelayKind::ModelJson,
            (_, false) => RelayKind::PassThrough,
        };
        match text(headers, CONTENT_ENCODING) {
            None | Some("identity") => Self { relay: Relay::verbatim(kind, tap), decoder: None },
            Some(coding) => {
                let decoder = tap.as_ref().and_then(|_| Decoder::new(coding)).map(Box::new);
                Self { relay: Relay::encoded(kind, tap), decoder }
            }
        }
    }

    /// A piece from the upstream; gives what goes to the client, unchanged and at once.
    pub fn push(&mut self, piece: Bytes) -> Bytes {
        if let Some(decoder) = &mut self.decoder {
            let relay = &mut self.relay;
            decoder.push(&piece, &mut |plain| relay.observe(plain));
        }
        self.relay.push(piece)
    }

    /// The answer is over: what was seen goes into the record.
    pub fn finish(&mut self, end: End, record: &mut Record) -> Finish {
        let finish = self.relay.finish(end, &record.id);
        record.usage = finish.seen.usage;
        record.cut = finish.abort || !finish.append.is_empty();
        Finish { append: finish.append, abort: finish.abort }
    }

    /// The client left: what was seen so far goes into the record.
    pub fn abandon(&mut self, record: &mut Record) {
        record.usage = self.relay.finish(End::Cut, &record.id).seen.usage;
    }
}
