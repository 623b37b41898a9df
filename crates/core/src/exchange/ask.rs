//! Model routes: the body is read, its model becomes targets, and each target is asked in the caller's own format, or
//! in the one that it speaks.

use super::attempt::{Ended, failure};
use super::earlier::{Earlier, Turn};
use super::form::Form;
use super::prepared::Prepared;
use super::reply::Reply;
use super::telling::Telling;
use super::translating::{self, Asking, Way};
use super::{Call, Core};
use crate::coding;
use crate::error::{Error, Kind};
use crate::gateway;
use crate::headers::Headers;
use crate::headers::{self, text};
use crate::health::Watch;
use crate::host::{CollectError, Host, TransportError};
use crate::ingress::Ask;
use crate::keys::KeyOrder;
use crate::provider::{Offer, Provider};
use crate::record::Record;
use crate::route::Target;
use crate::table::{Entry, Place};
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use wharf_wire::chat::Field;
use wharf_wire::scan::{self, Arrived, Edits, Model, Root, Scan, Segments};
use wharf_wire::translate;

/// A model name in a path: what RFC 3986 lets stand in one, `/` included, stays.
pub(super) const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/')
    .remove(b'@')
    .remove(b':');

/// What is asked, once the body is read.
pub(super) struct Question<'q> {
    pub ask: &'q Ask,
    /// The model as the caller wrote it.
    pub model: String,
    pub body: Asked,
    /// The caller wants a stream.
    pub stream: bool,
    /// Gemini without `alt=sse`: the stream is to be one growing JSON array.
    pub json_array: bool,
}

/// The body of a question.
pub(super) enum Asked {
    Json(Bytes, Scan),
    Form(Form),
}

impl<H: Host> Core<H> {
    /// Answers a model route.
    pub(super) async fn ask(
        self: &Rc<Self>,
        mut call: Call<'_, H::Upload>,
        record: &mut Record,
        ask: &Ask,
        path_model: Option<String>,
    ) -> Result<Reply<H::Body>, Error> {
        if is_form(&call.incoming.headers) {
            return Box::pin(self.ask_form(call, record, ask)).await;
        }
        let body = self.body(&mut call).await?;
        let scan = body.scan().map_err(|e| {
            Error::new(Kind::InvalidJson, format!("the body is not JSON: {} at byte {}", e.reason, e.at))
        })?;
        let body = body.into_bytes();
        let model = match path_model {
            Some(model) if climbs(&model) => return Err(climbing()),
            Some(model) => model,
            None => model_of(&scan, &body)?,
        };
        let stream = scan.stream || matches!(ask, Ask::Generate("streamGenerateContent"));
        let sse = |query: &str| query.split('&').any(|member| member == "alt=sse");
        let json_array =
            matches!(ask, Ask::Generate("streamGenerateContent")) && !call.query.is_some_and(sse);
        let question = Question { ask, model, body: Asked::Json(body, scan), stream, json_array };
        self.answer(call, record, question).await
    }

    /// Reads a body up to the limit, decoded.
    pub(super) async fn body(&self, call: &mut Call<'_, H::Upload>) -> Result<Arrived, Error> {
        let limit = self.table.limits.json_body;
        let raw = match &mut call.incoming.body {
            Some(upload) => self.host.collect(upload, limit).await.map_err(|e| collect_error(e, limit))?,
            None => Arrived::default(),
        };
        let headers = &mut call.incoming.headers;
        if !headers.contains_key(CONTENT_ENCODING) {
            return Ok(raw);
        }
        // Two lines are one list: whoever encoded twice is told so, not that its JSON is broken.
        let lines = headers.get_all(CONTENT_ENCODING);
        let codings = lines.map(|line| line.to_str().unwrap_or("?")).collect::<Vec<_>>().join(", ");
        headers.remove(CONTENT_ENCODING);
        // What was seen on the way in was the coded body.
        coding::decode_request(&raw.into_bytes(), &codings, limit).map(Arrived::from)
    }

    /// Tries the question's targets in turn.
    pub(super) async fn answer<'a>(
        self: &'a Rc<Self>,
        mut call: Call<'a, H::Upload>,
        record: &mut Record,
        question: Question<'_>,
    ) -> Result<Reply<H::Body>, Error> {
        let mut earlier = None;
        let answered = self.in_turn(&mut call, record, &question, &mut earlier).await;
        match (answered, earlier) {
            (Err(error), Some(earlier)) => {
                let now = self.host.now();
                let tells = earlier.tells_more_than(&error, now, record.attempts);
                if tells { Ok(earlier.shown(record, now)) } else { Err(error) }
            }
            (answered, _) => answered,
        }
    }

    /// Asks one target after the other; the last answer that gave way is left in `earlier`.
    async fn in_turn<'a>(
        self: &'a Rc<Self>,
        call: &mut Call<'a, H::Upload>,
        record: &mut Record,
        question: &Question<'_>,
        earlier: &mut Option<Box<Earlier<H::Body>>>,
    ) -> Result<Reply<H::Body>, Error> {
        let mut course = self.course(&question.model, &call.incoming.headers)?;
        let place = place(call, &self.table.place);
        let strict = self.table.strict || text(&call.incoming.headers, "x-wharf-strict") == Some("true");
        let aig = call.gateway.is_some();
        let mut headers = headers::to_upstream(std::mem::take(&mut call.incoming.headers), aig);
        while let Some((target, watch)) = self.next_stop(&mut course, record) {
            let Some(entry) = self.table.entries.get(target.entry) else { continue };
            record.provider = entry.provider.id.clone();
            record.model.clone_from(&target.model);
            // What was left out for a target that gave way is no loss of this one's.
            record.dropped.clear();
            earlier.iter_mut().for_each(|earlier| earlier.calls = record.attempts);
            if entry.provider.local {
                return self.echo(question, &target, entry, strict, record);
            }
            let way = match open_way(call, question, &target, entry) {
                Ok(Way::Estimated) => return self.estimate(question),
                Ok(way) => way,
                Err(_) if course.left > 0 => continue,
                Err(error) => return Err(error),
            };
            let at_gateway = aig && gateway::takes_our_paths(entry);
            let order = self.keys_for(entry, &target.model, call.key, at_gateway, record).await;
            if let Some(lack) = order.lack {
                course.lacks(lack, entry, self.host.now(), record)?;
                continue;
            }
            let busy = self.occupy_target(&course, watch.as_ref());
            let headers = if course.left == 0 { std::mem::take(&mut headers) } else { headers.clone() };
            let terms = &course.terms(entry, watch.as_ref());
            let (target, order, place) = (&target, &order, &place);
            let asking = Asking { question, target, entry, order, terms, place, strict };
            let asked = match way {
                Way::Verbatim(rest) => self.ask_verbatim(call, asking, headers, rest, record).await?,
                // Boxed: verbatim requests must not carry the size of this way.
                Way::Translated(rest) => {
                    Box::pin(self.ask_translated(call, asking, headers, rest, record)).await?
                }
                Way::Estimated => Turn::Next(None),
            };
            let mut reply = match asked {
                Turn::Answered(reply) => reply,
                Turn::Next(told) => {
                    *earlier = told.or(earlier.take());
                    continue;
                }
            };
            if let Some(busy) = busy {
                reply.occupies(busy);
            }
            if let Some(watched) = watch.filter(|_| reply.status.is_success()) {
                let settings = self.table.breaker;
                reply.watches(Watch { health: Arc::clone(&self.health), target: watched, settings });
            }
            return Ok(reply);
        }
        Err(failure(TransportError::Connect, &record.provider))
    }

    /// Asks one target in the caller's own dialect.
    async fn ask_verbatim<'a>(
        &'a self,
        call: &mut Call<'a, H::Upload>,
        asking: Asking<'_, 'a>,
        headers: Headers,
        rest: Cow<'a, str>,
        record: &mut Record,
    ) -> Result<Turn<H::Body>, Error> {
        let Asking { question, target, entry, order, terms, strict, .. } = asking;
        let cleaned = match cleaned(question, strict, entry, record) {
            Ok(cleaned) => cleaned,
            Err(_) if terms.targets > 0 => return Ok(Turn::Next(None)),
            Err(error) => return Err(error),
        };
        let question = cleaned.as_ref().unwrap_or(question);
        let mut prepared = self.prepare(call, headers, question, target, entry, order, rest, record)?;
        prepared.peer.timeouts = terms.timeouts;
        if let Asked::Form(form) = &question.body
            && let Some(length) = form.streams(&target.model)
            && let Some(rest) = call.incoming.body.take()
        {
            prepared.body = prepared.body.followed_by(rest, length);
        }
        let limits = asking.limits(Telling::Verbatim(question.ask));
        match self.attempt(prepared, &limits, record).await {
            Ended::Next(earlier) => Ok(Turn::Next(earlier)),
            Ended::Failed(error) => Err(failure(error, &entry.provider.id)),
            Ended::Reply(reply) => reply.map(Turn::Answered),
            // Only a raw answer comes back as one.
            Ended::Answer(..) => Err(failure(TransportError::Garbage, &entry.provider.id)),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "everything that one call is made of, once")]
    fn prepare<'a>(
        &'a self,
        call: &Call<'a, H::Upload>,
        mut headers: Headers,
        question: &Question<'_>,
        target: &Target,
        entry: &'a Entry,
        order: &KeyOrder,
        rest: Cow<'a, str>,
        record: &mut Record,
    ) -> Result<Prepared<'a, H::Upload>, Error> {
        let (body, media) = write_body(entry, question, &target.model, record);
        headers.insert(CONTENT_TYPE, media);
        let form = matches!(question.body, Asked::Form(_));
        self.assemble(call, headers, body, rest, &call.query_on(), entry, order, form)
    }
}

/// The question without other vendors' state; `None`: it can be asked as it is.
///
/// # Errors
/// There is such state, and nothing may be lost.
fn cleaned<'q>(
    question: &Question<'q>,
    strict: bool,
    entry: &Entry,
    record: &mut Record,
) -> Result<Option<Question<'q>>, Error> {
    let Question { ask, stream, json_array, .. } = *question;
    let Asked::Json(body, _) = &question.body else { return Ok(None) };
    if !matches!(ask, Ask::Messages | Ask::Responses | Ask::Generate(_)) {
        return Ok(None);
    }
    let Some(body) = translate::without_strangers(ask.format(), body).map(Bytes::from) else {
        return Ok(None);
    };
    let Ok(scan) = scan::scan(&body) else { return Ok(None) };
    if strict {
        let id = &entry.provider.id;
        let message = format!("strict: {id} can't be given what another vendor's model thought");
        return Err(Error::new(Kind::UnsupportedField, message));
    }
    record.dropped.push(translate::field_name(ask.format(), Field::ReasoningHistory).to_owned());
    let model = question.model.clone();
    Ok(Some(Question { ask, model, body: Asked::Json(body, scan), stream, json_array }))
}

/// How a target can be asked.
fn open_way<'e, U>(
    call: &Call<'_, U>,
    question: &Question<'_>,
    target: &Target,
    entry: &'e Entry,
) -> Result<Way<'e>, Error> {
    if entry.lacks_key() && !call.gateway.is_some_and(|_| gateway::takes_our_paths(entry)) {
        return Err(keyless(entry));
    }
    let way = translating::way(&entry.provider, question.ask, &target.model, question.stream)
        .ok_or_else(|| unsupported(entry, question.ask))?;
    match &way {
        // The model stood in the body, where it may be anything, and stands in the path now.
        Way::Translated(rest) if climbs(rest) => Err(climbing()),
        Way::Translated(_) | Way::Verbatim(_) | Way::Estimated => Ok(way),
    }
}

/// The body for one target: the bytes as they came but for the model, and what the operator wants changed.
fn write_body(
    entry: &Entry,
    question: &Question<'_>,
    model: &str,
    record: &mut Record,
) -> (Segments, HeaderValue) {
    let (body, scan) = match &question.body {
        Asked::Form(form) => return form.with_model(model),
        Asked::Json(body, scan) => (body, scan),
    };
    let json = HeaderValue::from_static("application/json");
    let drop: Vec<&str> = entry.drop_params.iter().map(String::as_str).collect();
    let in_path = matches!(question.ask, Ask::Generate(_));
    let ask_usage =
        entry.ask_usage && question.stream && matches!(question.ask, Ask::Chat | Ask::Completions);
    if !drop.is_empty() || ask_usage {
        let edits = Edits { model: (!in_path).then_some(model), drop: &drop, ask_usage };
        let edited = scan::edit(body, &edits);
        record.dropped.extend(edited.dropped.iter().map(|name| translating::printable(name)));
        return (Segments::from(edited.body), json);
    }
    match &scan.model {
        Model::Text { value, .. } if !in_path && model != question.model => {
            (scan::splice(body, value.clone(), model), json)
        }
        Model::Text { .. } | Model::Missing | Model::Other => (Segments::from(body.clone()), json),
    }
}

fn is_form(headers: &Headers) -> bool {
    const FORM: &str = "multipart/form-data";
    let media = text(headers, CONTENT_TYPE).unwrap_or("").trim_start();
    media.get(..FORM.len()).is_some_and(|start| start.eq_ignore_ascii_case(FORM))
}

fn model_of(scan: &Scan, body: &[u8]) -> Result<String, Error> {
    if scan.root != Root::Object {
        return Err(Error::new(Kind::InvalidJson, "the body must be a JSON object"));
    }
    if scan.model_twice {
        return Err(Error::new(Kind::InvalidJson, "`model` is given twice; which one is meant?"));
    }
    match scan.model(body) {
        Some(model) if !model.is_empty() => Ok(model.into_owned()),
        Some(_) => Err(Error::new(Kind::ModelRequired, "`model` is empty: name one as provider/model")),
        None if scan.model == Model::Missing => {
            Err(Error::new(Kind::ModelRequired, "`model` is missing: name one as provider/model"))
        }
        None => Err(Error::new(Kind::ModelRequired, "`model` must be a string: provider/model")),
    }
}

/// A model name that would lead elsewhere once it stands in a URL.
fn climbs(model: &str) -> bool {
    model.split(['/', '\\']).any(|part| matches!(part, "." | ".."))
}

fn climbing() -> Error {
    let message = "a model name in a path must not hold `.` or `..` as a part of it";
    Error::new(Kind::InvalidRequest, message)
}

/// Where a provider answers a question, below its base URL; `None`: it does not, in this format.
pub(super) fn endpoint<'p>(provider: &'p Provider, ask: &Ask, model: &str) -> Option<Cow<'p, str>> {
    let paths = &provider.paths;
    let offered = |offer: Offer, rest: &str| {
        let prefix = paths.openai.as_deref().filter(|_| paths.offers.contains(&offer))?;
        Some(Cow::Owned(format!("{prefix}{rest}")))
    };
    let whole = |path: &'p Option<Cow<'static, str>>| path.as_deref().map(Cow::Borrowed);
    match ask {
        Ask::Chat => whole(&paths.chat),
        Ask::Responses => whole(&paths.responses),
        Ask::Messages => whole(&paths.messages),
        Ask::CountTokens => whole(&paths.count_tokens),
        Ask::Generate(verb) => {
            let folder = paths.generate.as_deref()?;
            Some(Cow::Owned(format!("{folder}/{}:{verb}", utf8_percent_encode(model, IN_PATH))))
        }
        Ask::Embeddings => offered(Offer::Embeddings, "/embeddings"),
        Ask::Completions => offered(Offer::Completions, "/completions"),
        Ask::Moderations => offered(Offer::Moderations, "/moderations"),
        Ask::Images(what) => offered(Offer::Images, &format!("/images/{what}")),
        Ask::Audio(what) => offered(Offer::Audio, &format!("/audio/{what}")),
        Ask::Rerank => whole(&paths.rerank).or_else(|| offered(Offer::Rerank, "/rerank")),
    }
}

pub(super) fn collect_error(error: CollectError, limit: usize) -> Error {
    match error {
        CollectError::TooLarge => {
            Error::new(Kind::TooLarge, format!("the body is over the limit of {limit} bytes"))
        }
        CollectError::Broken => Error::new(Kind::ClientGone, "the request body ended early"),
    }
}

fn unsupported(entry: &Entry, ask: &Ask) -> Error {
    let id = &entry.provider.id;
    let what = ask.name();
    let message = format!("{id} has no endpoint for {what} in this dialect; its own API is at /{id}/…");
    Error::new(Kind::UnsupportedEndpoint, message)
}

fn keyless(entry: &Entry) -> Error {
    let (id, name) = (&entry.provider.id, entry.provider.key_env.first().copied().unwrap_or("a key"));
    Error::new(Kind::NoHealthyKey, format!("{id} has no key here: set {name}"))
}

/// Where the request starts, if the host says nothing better than the configuration.
pub(super) fn place<U>(call: &mut Call<'_, U>, configured: &Place) -> Place {
    call.incoming.place.take().unwrap_or_else(|| configured.clone())
}
