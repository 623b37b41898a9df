//! Multipart bodies on model routes: `model` is found and rewritten. A form that is over the limit goes on as a stream
//! once `model` was seen; any other is held, so that it can be sent again.

use super::ask::{Asked, Question, collect_error};
use super::reply::Reply;
use super::{Call, Core};
use crate::error::{Error, Kind};
use crate::headers::text;
use crate::host::Host;
use crate::ingress::Ask;
use crate::record::Record;
use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use http::header::CONTENT_ENCODING;
use std::ops::Range;
use std::rc::Rc;
use wharf_wire::multipart::{self, Search};
use wharf_wire::scan::Segments;

/// A form whose `model` is known.
pub(super) struct Form {
    media: HeaderValue,
    /// The whole form, or its beginning.
    body: Bytes,
    value: Range<usize>,
    /// The rest is still to come; its length as the client said it, of the whole form.
    streams: Option<Option<u64>>,
}

impl Form {
    /// The form, or its beginning, with another model.
    pub(super) fn with_model(&self, model: &str) -> (Segments, HeaderValue) {
        (multipart::splice(&self.body, self.value.clone(), model), self.media.clone())
    }

    /// `Some`: the rest streams, and the whole form has this length once the model is `model`, where it is known.
    pub(super) fn streams(&self, model: &str) -> Option<Option<u64>> {
        let length = self.streams?;
        Some(length.map(|all| (all + model.len() as u64).saturating_sub(self.value.len() as u64)))
    }
}

impl<H: Host> Core<H> {
    /// Answers a model route whose body is a form.
    pub(super) async fn ask_form(
        self: &Rc<Self>,
        mut call: Call<'_, H::Upload>,
        record: &mut Record,
        ask: &Ask,
    ) -> Result<Reply<H::Body>, Error> {
        let wrong = |message: String| Error::new(Kind::InvalidRequest, message);
        let media = text(&call.incoming.headers, "content-type").unwrap_or("").to_owned();
        let Some(boundary) = multipart::boundary(&media) else {
            return Err(wrong("the Content-Type says multipart/form-data but names no boundary".into()));
        };
        if call.incoming.headers.contains_key(CONTENT_ENCODING) {
            return Err(Error::new(
                Kind::UnsupportedEncoding,
                "a multipart body cannot have a Content-Encoding here",
            ));
        }
        let limit = self.table.limits.json_body;
        let large = call.incoming.length.is_none_or(|length| length > limit as u64);
        let (body, ended) = if large {
            self.beginning(&mut call, &boundary, limit).await?
        } else {
            (self.body(&mut call).await?.into_bytes(), true)
        };
        let found = multipart::find_model(&body, &boundary).map_err(|error| wrong(error.to_string()))?;
        let Search::Found { value, .. } = found else {
            return Err(Error::new(
                Kind::ModelRequired,
                "the form has no `model` field: name one as provider/model",
            ));
        };
        let model = String::from_utf8_lossy(body.get(value.clone()).unwrap_or_default()).into_owned();
        let streams = (!ended).then_some(call.incoming.length);
        let media =
            HeaderValue::from_str(&media).map_err(|_| wrong("the Content-Type cannot be read".into()))?;
        let form = Form { media, body, value, streams };
        let question = Question { ask, model, body: Asked::Form(form), stream: false, json_array: false };
        self.answer(call, record, question).await
    }

    /// Reads until `model` was seen or the form ended; true with it: it ended.
    async fn beginning(
        &self,
        call: &mut Call<'_, H::Upload>,
        boundary: &str,
        limit: usize,
    ) -> Result<(Bytes, bool), Error> {
        let mut seen = BytesMut::new();
        let Some(upload) = &mut call.incoming.body else { return Ok((Bytes::new(), true)) };
        let mut looked = 0;
        while let Some(piece) = self.host.receive(upload).await.map_err(|e| collect_error(e, limit))? {
            seen.extend_from_slice(&piece);
            // Looking again costs a pass over what is there: only where that has doubled.
            if seen.len() >= looked * 2 {
                looked = seen.len();
                match multipart::find_model(&seen, boundary) {
                    Ok(Search::Found { .. }) => return Ok((seen.freeze(), false)),
                    Ok(Search::Missing) => break,
                    Ok(Search::NeedMore) => {}
                    Err(error) => return Err(Error::new(Kind::InvalidRequest, error.to_string())),
                }
            }
            if seen.len() > limit {
                let message =
                    format!("no `model` field in the first {limit} bytes of the form: put it first");
                return Err(Error::new(Kind::TooLarge, message));
            }
        }
        Ok((seen.freeze(), true))
    }
}
