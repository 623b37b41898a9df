//! An answer on its way to the client: its pieces pass unchanged, and what they say of usage and completeness is read
//! from them, or from a decoded copy beside them; or they are translated.

use crate::coding::{self, Decoder};
use crate::headers::Headers;
use crate::headers::text;
use crate::health::{Busy, Watch};
use crate::plan::{self, Outcome};
use crate::record::Record;
use crate::time::Millis;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use wharf_wire::chat::Failure;
use wharf_wire::format::Format;
use wharf_wire::relay::{End, Relay, RelayKind};
use wharf_wire::scan::Answer;
use wharf_wire::tap::Tap;
use wharf_wire::translate::Pipe;

/// What sees an answer's pieces pass.
pub struct Lane {
    kind: Kind,
    /// Only for an encoded answer: its tables are big.
    decoder: Option<Box<Decoder>>,
    /// What most answers do without.
    terms: Option<Box<Terms>>,
}

/// What holds for an answer until it is over.
#[derive(Default)]
struct Terms {
    /// Calls under way that end with it.
    busy: Vec<Busy>,
    /// What is left of its length, where the upstream said it.
    left: Option<u64>,
    /// Who is to hear of it if it breaks off.
    watch: Option<Watch>,
    /// It must be over by then.
    until: Option<Millis>,
    /// Its first piece must have come by then.
    first_by: Option<Millis>,
}

#[expect(clippy::large_enum_variant, reason = "nearly every answer is verbatim: it is not worth a box")]
enum Kind {
    Verbatim(Relay),
    Translate(Box<Translate>),
}

/// A translated stream.
struct Translate {
    pipe: Pipe,
    /// What the client has not been given yet.
    out: Vec<u8>,
}

impl Translate {
    /// A body that ends inside its coding was cut, whatever was read from it and however the connection was closed.
    fn ends(&mut self, end: End, decoded: bool) {
        if end != End::IdleTimeout && !decoded {
            self.pipe.fail(Failure::incomplete(), &mut self.out);
        }
        self.pipe.finish(end, &mut self.out);
    }
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
    /// The codings that `undone` names are decoded before its pieces come here.
    pub fn new(
        headers: &Headers,
        undone: &[&str],
        format: Option<Format>,
        model_route: bool,
        ok: bool,
    ) -> Self {
        let media = text(headers, CONTENT_TYPE).unwrap_or("");
        let sse = media.starts_with("text/event-stream");
        let tap = match (sse, media.as_bytes().windows(4).any(|part| part == b"json")) {
            (true, _) => Some(Tap::sse(format)),
            (false, true) => Some(Tap::json(format)),
            (false, false) => None,
        };
        let kind = match (format, model_route) {
            (Some(format), true) if sse && ok => RelayKind::ModelStream(format),
            (_, true) => RelayKind::ModelJson,
            (_, false) => RelayKind::PassThrough,
        };
        match coding::left(headers, undone) {
            None => Self { kind: Kind::Verbatim(Relay::verbatim(kind, tap)), decoder: None, terms: None },
            Some(coding) => {
                let decoder = tap.as_ref().and_then(|_| Decoder::new(coding)).map(Box::new);
                Self { kind: Kind::Verbatim(Relay::encoded(kind, tap)), decoder, terms: None }
            }
        }
    }

    /// For a stream that is translated; it is decoded first where it is encoded.
    pub fn translate(pipe: Pipe, decoder: Option<Decoder>) -> Self {
        let translate = Translate { pipe, out: Vec::new() };
        Self { kind: Kind::Translate(Box::new(translate)), decoder: decoder.map(Box::new), terms: None }
    }

    /// Counts this call as under way until the answer has come to its end. `headers` are the answer's.
    pub(crate) fn occupies(&mut self, busy: Busy, headers: &Headers) {
        // A length is that of the coded body, which a host may have decoded.
        let counts = match &self.kind {
            Kind::Verbatim(relay) => relay.is_encoded() || !headers.contains_key(CONTENT_ENCODING),
            Kind::Translate(_) => false,
        };
        let length = text(headers, CONTENT_LENGTH).filter(|_| counts);
        let terms = self.terms.get_or_insert_default();
        terms.left = length.and_then(|length| length.parse().ok());
        terms.busy.push(busy);
    }

    /// A client that has the last byte may ask again at once: it must find free what its call held.
    fn frees(&mut self, passed: usize) {
        let Some(terms) = self.terms.as_mut().filter(|terms| !terms.busy.is_empty()) else { return };
        terms.left = terms.left.map(|left| left.saturating_sub(passed as u64));
        let told = match &self.kind {
            Kind::Verbatim(relay) => relay.is_told(),
            Kind::Translate(translate) => translate.pipe.progress().done,
        };
        if told || terms.left == Some(0) {
            terms.busy.clear();
        }
    }

    /// Its target is held to account if it breaks off.
    pub(crate) fn watches(&mut self, watch: Watch) {
        self.terms.get_or_insert_default().watch = Some(watch);
    }

    /// The answer must be over by `until`, and must have begun by `first_by`.
    pub(crate) fn must_end(&mut self, until: Option<Millis>, first_by: Option<Millis>) {
        if until.is_some() || first_by.is_some() {
            let terms = self.terms.get_or_insert_default();
            (terms.until, terms.first_by) = (until, first_by);
        }
    }

    /// When the answer is to be given up, whatever still comes.
    pub fn deadline(&self) -> Option<Millis> {
        let terms = self.terms.as_ref()?;
        terms.until.into_iter().chain(terms.first_by).min()
    }

    /// What may be sent to the client while nothing comes, so that its connection is kept open: only between two events,
    /// and only what every SDK of its dialect passes over.
    pub fn keepalive(&self) -> Option<Bytes> {
        let format = match &self.kind {
            Kind::Verbatim(relay) => relay.between_events()?,
            Kind::Translate(translate) if translate.out.is_empty() => translate.pipe.between_events()?,
            Kind::Translate(_) => return None,
        };
        // Google's SDKs take any line with text on it for JSON; a blank one is nothing to anybody.
        let blank = format == Format::GeminiGenerate;
        Some(Bytes::from_static(if blank { b"\n" } else { b": keep-alive\n\n" }))
    }

    /// All of an answer is here, and was scanned: see [`Relay::foresee`].
    pub(crate) fn foresee(&mut self, found: &Answer) {
        if let Kind::Verbatim(relay) = &mut self.kind {
            relay.foresee(found);
        }
    }

    /// A piece from the upstream; gives what goes to the client at once.
    pub fn push(&mut self, piece: Bytes) -> Bytes {
        if let Some(terms) = &mut self.terms {
            terms.first_by = None;
        }
        let passed = piece.len();
        let out = match &mut self.kind {
            Kind::Verbatim(relay) => {
                if let Some(decoder) = &mut self.decoder {
                    decoder.push(&piece, &mut |plain| relay.observe(plain));
                }
                relay.push(piece)
            }
            Kind::Translate(_) => {
                self.take_in(&piece);
                self.take_out()
            }
        };
        self.frees(passed);
        out
    }

    /// A piece of a stream that is translated; what it becomes waits for the next `push`.
    pub(crate) fn take_in(&mut self, piece: &[u8]) {
        let Kind::Translate(translate) = &mut self.kind else { return };
        let Translate { pipe, out } = &mut **translate;
        match &mut self.decoder {
            Some(decoder) => {
                decoder.push(piece, &mut |plain| pipe.push(plain, out));
                // What came so far must not pass for the whole.
                if decoder.failed() {
                    pipe.fail(Failure::malformed("its content coding is broken, or too long"), out);
                }
            }
            None => pipe.push(piece, out),
        }
    }

    /// The upstream's body has ended before the head went out.
    pub(crate) fn ends(&mut self, end: End) {
        let whole = self.is_decoded();
        if let Kind::Translate(translate) = &mut self.kind {
            translate.ends(end, whole);
        }
    }

    /// Nothing of its coding is missing.
    fn is_decoded(&self) -> bool {
        self.decoder.as_ref().is_none_or(|decoder| decoder.complete())
    }

    fn take_out(&mut self) -> Bytes {
        match &mut self.kind {
            Kind::Translate(translate) => std::mem::take(&mut translate.out).into(),
            Kind::Verbatim(_) => Bytes::new(),
        }
    }

    /// Something of the answer itself is there, or nothing more will come.
    pub(crate) fn is_settled(&self) -> bool {
        match &self.kind {
            Kind::Translate(translate) => {
                let progress = translate.pipe.progress();
                progress.content || progress.done || progress.failure.is_some()
            }
            Kind::Verbatim(_) => true,
        }
    }

    /// The failure, if it came before anything of the answer itself.
    pub(crate) fn failed_early(&self) -> Option<Failure> {
        match &self.kind {
            Kind::Translate(translate) if !translate.pipe.progress().content => {
                translate.pipe.progress().failure.clone()
            }
            Kind::Translate(_) | Kind::Verbatim(_) => None,
        }
    }

    /// Nothing is put into the answer, nothing follows from its end, and no model route's usage is in it: a host may hand
    /// its body over without looking at it.
    pub const fn may_be_handed_over(&self) -> bool {
        match &self.kind {
            Kind::Verbatim(relay) => relay.is_passed_through(),
            Kind::Translate(_) => false,
        }
    }

    /// Pieces go out as they come in: a host may pass them on itself, and show them here later.
    pub const fn is_verbatim(&self) -> bool {
        match &self.kind {
            Kind::Verbatim(_) => true,
            Kind::Translate(_) => false,
        }
    }

    /// What goes out is as long as what comes in: the upstream's word on its length holds. Of a stream that must not end
    /// early it does not: a length that is too short would make a clean end of half an answer.
    pub fn keeps_length(&self) -> bool {
        match &self.kind {
            Kind::Verbatim(relay) => !relay.is_stream(),
            Kind::Translate(_) => false,
        }
    }

    /// Nothing that still comes would go to the client: the body can be ended.
    pub fn is_over(&self) -> bool {
        match &self.kind {
            Kind::Translate(translate) => translate.pipe.progress().failure.is_some(),
            Kind::Verbatim(_) => false,
        }
    }

    /// The answer is over: what was seen goes into the record, and a target that broke it off is held to account.
    pub fn finish(&mut self, end: End, record: &mut Record, now: Millis) -> Finish {
        let finish = self.finished(end, record);
        if let Some(terms) = &mut self.terms {
            terms.busy.clear();
        }
        if record.cut
            && self.targets_fault()
            && let Some(watch) = self.terms.as_mut().and_then(|terms| terms.watch.take())
        {
            watch.broke_off(now);
        }
        finish
    }

    /// An error that a provider tells may be the request's, or the key's.
    fn targets_fault(&self) -> bool {
        match &self.kind {
            Kind::Verbatim(_) => true,
            Kind::Translate(translate) => translate.pipe.progress().failure.as_ref().is_some_and(|failure| {
                plan::class(Outcome::Status(failure.status), Some(failure)).is_targets()
            }),
        }
    }

    fn finished(&mut self, end: End, record: &mut Record) -> Finish {
        let whole = self.is_decoded();
        match &mut self.kind {
            Kind::Verbatim(relay) => {
                let finish = relay.finish(end, &record.id);
                record.usage = finish.seen.usage;
                record.cut = finish.abort || !finish.append.is_empty();
                Finish { append: finish.append, abort: finish.abort }
            }
            Kind::Translate(translate) => {
                translate.ends(end, whole);
                let progress = translate.pipe.progress();
                record.usage = progress.usage;
                record.cut = progress.failure.is_some();
                record.lost = translate.pipe.lost();
                Finish { append: std::mem::take(&mut translate.out).into(), abort: false }
            }
        }
    }

    /// The client left: what was seen so far goes into the record.
    pub fn abandon(&mut self, record: &mut Record) {
        record.usage = match &mut self.kind {
            Kind::Verbatim(relay) => relay.finish(End::Cut, &record.id).seen.usage,
            Kind::Translate(translate) => translate.pipe.progress().usage,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;
    use wharf_wire::translate::Context;

    const EVENTS: &[u8] =
        b"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n\
        data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

    fn zipped(plain: &[u8]) -> Vec<u8> {
        let mut zip = GzEncoder::new(Vec::new(), Compression::default());
        zip.write_all(plain).unwrap();
        zip.finish().unwrap()
    }

    fn through(coded: &[u8]) -> (String, Record) {
        let pipe = Pipe::new(Format::OpenAiChat, Format::AnthropicMessages, &Context::default()).unwrap();
        let mut lane = Lane::translate(pipe, Decoder::new("gzip"));
        assert!(!lane.keeps_length());
        let mut record = Record::default();
        let mut out = lane.push(Bytes::copy_from_slice(coded)).to_vec();
        out.extend_from_slice(&lane.finish(End::Clean, &mut record, Millis(0)).append);
        (String::from_utf8(out).unwrap(), record)
    }

    #[test]
    fn a_coded_stream_is_translated() {
        let (out, record) = through(&zipped(EVENTS));
        assert!(out.contains("\"hi\"") && out.contains("message_stop") && !record.cut, "{out}");
    }

    #[test]
    fn one_whose_coding_breaks_or_stops_is_never_taken_for_whole() {
        let whole = zipped(EVENTS);
        let mut broken = whole.clone();
        let at = broken.len() - 5;
        broken[at] ^= 0xff;
        for coded in [&whole[..whole.len() - 1], &whole[..whole.len() / 2], &broken, &b"data: {}"[..]] {
            let (out, record) = through(coded);
            assert!(out.contains("event: error") && !out.contains("message_stop") && record.cut, "{out}");
        }
    }

    #[test]
    fn a_call_is_over_before_its_last_byte_goes_out() {
        use crate::health::Health;
        let headers = |lines: &[(&'static str, &'static str)]| -> Headers {
            let line = |(name, value): &(&'static str, &'static str)| {
                (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
            };
            lines.iter().map(line).collect()
        };
        let (shard, key) = (crate::store::Shard("A".into()), "00000000000a".parse().unwrap());
        let sse = headers(&[("content-type", "text/event-stream")]);
        let sized = headers(&[("content-type", "audio/mpeg"), ("content-length", "8")]);
        let coded = headers(&[("content-length", "3"), ("content-encoding", "gzip")]);
        let chat = Some(Format::OpenAiChat);
        let pipe = Pipe::new(Format::OpenAiChat, Format::AnthropicMessages, &Context::default()).unwrap();
        let done = &b"data: [DONE]\n\n"[..];
        for (mut lane, headers, pieces, early) in [
            (Lane::new(&sse, &[], chat, true, true), &sse, [EVENTS, done], true),
            (Lane::new(&sse, &[], None, false, true), &sse, [EVENTS, done], true),
            (Lane::translate(pipe, None), &sse, [EVENTS, done], true),
            (Lane::new(&sized, &[], chat, true, true), &sized, [b"half", b"half"], true),
            (Lane::new(&coded, &["gzip"], chat, true, true), &coded, [b"half", b"half"], false),
        ] {
            let health = std::sync::Arc::new(Health::default());
            lane.occupies(health.occupy(&shard, key), headers);
            let counts = pieces.map(|piece| {
                drop(lane.push(Bytes::from_static(piece)));
                health.busy(&shard, key)
            });
            assert_eq!(counts, [1, u32::from(!early)], "{headers:?}");
            lane.finish(End::Clean, &mut Record::default(), Millis(1));
            assert_eq!(health.busy(&shard, key), 0);
        }
    }

    #[test]
    fn an_answer_that_breaks_off_is_held_against_its_target_and_one_that_ends_is_not() {
        use crate::health::Health;
        use crate::store::breaker::{Gate, Settings};
        let whole = [EVENTS, b"data: [DONE]\n\n"].concat();
        for (come, end, gate) in [
            (&EVENTS[..70], End::Cut, Gate::Open),
            (&EVENTS[..70], End::IdleTimeout, Gate::Open),
            (&EVENTS[..70], End::Clean, Gate::Open),
            (&*whole, End::Cut, Gate::Closed),
        ] {
            let health = std::sync::Arc::new(Health::default());
            let target = ("a".to_owned(), "m".to_owned());
            let settings = Settings { samples: 1, ..Settings::default() };
            let mut headers = Headers::new();
            headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("text/event-stream"));
            let verbatim = Lane::new(&headers, &[], Some(Format::OpenAiChat), true, true);
            let pipe = Pipe::new(Format::OpenAiChat, Format::AnthropicMessages, &Context::default()).unwrap();
            for mut lane in [verbatim, Lane::translate(pipe, None)] {
                lane.watches(Watch { health: health.clone(), target: target.clone(), settings });
                drop(lane.push(Bytes::copy_from_slice(come)));
                lane.finish(end, &mut Record::default(), Millis(1));
                assert_eq!(health.targets.gate(&target, &settings, Millis(1)), gate, "{end:?}");
            }
        }
    }
}
