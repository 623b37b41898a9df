//! An upstream's answer becomes ours: head filtered, body handed on; on a model route's stream the head waits for the
//! first piece, so that a stream that never starts is still a real error.

use super::Core;
use super::reply::{OutBody, Reply, Stream};
use crate::error::{Error, Kind};
use crate::headers;
use crate::host::{Answer, Host};
use crate::ingress::Ask;
use crate::lane::Lane;
use crate::record::Record;
use crate::time::Millis;
use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::CONTENT_TYPE;
use std::pin::pin;

/// How long a stream's head waits for the first piece at most.
pub(super) const HOLD: Millis = Millis(1500);

/// The question an answer belongs to; `None` in pass-through.
pub(super) type Asking<'a> = Option<(&'a Ask, bool)>;

impl<H: Host> Core<H> {
    pub(super) async fn relay(
        &self,
        mut answer: Answer<H::Body>,
        first: Option<Bytes>,
        asking: Asking<'_>,
        record: &mut Record,
    ) -> Result<Reply<H::Body>, Error> {
        let ok = answer.status.is_success();
        let format = asking.map(|(ask, _)| ask.format());
        // Events of images and audio end in no way that all providers share: what ended as HTTP says is whole.
        let unnamed = asking.is_some_and(|(ask, _)| matches!(ask, Ask::Images(_) | Ask::Audio(_)));
        let lane = match unnamed && is_sse(&answer.headers) {
            true => Lane::new(&answer.headers, H::DECODES, None, false, ok),
            false => Lane::new(&answer.headers, H::DECODES, format, asking.is_some(), ok),
        };
        let streams = asking.is_some() && ok && is_sse(&answer.headers);
        headers::to_client(&mut answer.headers);
        let (first, body) = match first {
            Some(first) => (Some(first), Some(answer.body)),
            None if streams => self.hold(answer.body, record).await?,
            None => (None, Some(answer.body)),
        };
        let body = OutBody::Stream(Box::new(Stream { first, body, lane }));
        Ok(Reply { status: answer.status, headers: answer.headers, body })
    }

    /// Waits for the first piece of a stream, for a while: an empty, broken or silent one has no head at the client yet.
    async fn hold(
        &self,
        mut body: H::Body,
        record: &Record,
    ) -> Result<(Option<Bytes>, Option<H::Body>), Error> {
        let read = {
            let (read, wait) = (pin!(self.host.read(&mut body)), pin!(self.host.sleep(HOLD)));
            match select(read, wait).await {
                Either::Left((read, _)) => Some(read),
                Either::Right(_) => None,
            }
        };
        match read {
            None => Ok((None, Some(body))),
            Some(Ok(Some(first))) => Ok((Some(first), Some(body))),
            Some(Ok(None)) => {
                let message = format!("{} answered 200 with an empty stream", record.provider);
                Err(Error::new(Kind::Unreachable, message))
            }
            Some(Err(error)) => Err(super::attempt::failure(error, &record.provider)),
        }
    }
}

fn is_sse(headers: &headers::Headers) -> bool {
    headers::text(headers, CONTENT_TYPE).is_some_and(|media| media.starts_with("text/event-stream"))
}
