//! Writes an answer as a stream of chunks: server-sent events, or one growing JSON array.
//! <https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent>
//!
//! Calls go out whole, because the dialect has no pieces of arguments that all its clients read. Another vendor's state
//! of thoughts, known only when they have gone out, goes with the text or call that follows them, where Gemini has its
//! own: clients drop a part without a text. Why the answer ended, and what it cost, stand in the last chunk.

use super::{error, parts_out, types};
use crate::Usage;
use crate::chat::{Citation, Event, Failure, Finish, Slot, State, StateKind, TokenLogprob};
use crate::json::Writer as Json;
use crate::translate::{Context, WriteStream};

/// Writes chunks.
pub(super) struct Writer {
    id: String,
    model: String,
    request_id: String,
    array: bool,
    begun: bool,
    calls: Vec<Call>,
    /// States of thoughts that wait for the part behind them, by choice.
    waiting: Vec<(u32, State<'static>)>,
    ends: Vec<(u32, Finish)>,
    citations: Vec<(u32, Citation<'static>)>,
    usage: Usage,
}

/// A call that is not whole yet.
struct Call {
    slot: Slot,
    id: String,
    name: String,
    arguments: String,
    state: Option<State<'static>>,
}

impl Writer {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            id: context.request_id.clone(),
            model: context.model.clone(),
            request_id: context.request_id.clone(),
            array: context.json_array,
            begun: false,
            calls: Vec::new(),
            waiting: Vec::new(),
            ends: Vec::new(),
            citations: Vec::new(),
            usage: Usage::default(),
        }
    }

    /// Puts the frame around what `body` writes.
    fn frame(&mut self, out: &mut Vec<u8>, body: impl FnOnce(&Self, &mut Json)) {
        let first = !std::mem::replace(&mut self.begun, true);
        out.extend_from_slice(match (self.array, first) {
            (false, _) => b"data: ",
            (true, true) => b"[",
            (true, false) => b",\r\n",
        });
        let mut json = Json::behind(std::mem::take(out));
        body(self, &mut json);
        *out = json.into_bytes();
        out.extend_from_slice(if self.array { b"\r\n" } else { b"\r\n\r\n" });
    }

    /// A chunk with one part of one candidate.
    fn part(&mut self, choice: u32, out: &mut Vec<u8>, part: impl FnOnce(&mut Json)) {
        self.frame(out, |writer, json| {
            json.begin().name("candidates").list().begin().name("content").begin().name("parts").list();
            part(json);
            json.end_list().member("role", "model").end();
            json.name("index").number(u64::from(choice)).end().end_list();
            writer.names(json);
            json.end();
        });
    }

    fn names(&self, json: &mut Json) {
        json.member("modelVersion", &self.model).member("responseId", &self.id);
    }

    fn call(&mut self, slot: Slot, out: &mut Vec<u8>) {
        let Some(at) = self.calls.iter().position(|call| call.slot == slot) else { return };
        let mut call = self.calls.remove(at);
        if call.state.is_some() {
            self.flush(slot.choice, out);
        } else {
            call.state = self.take(slot.choice);
        }
        self.part(slot.choice, out, |json| {
            parts_out::call(&call.id, &call.name, &call.arguments, call.state.as_ref(), json);
        });
    }

    fn take(&mut self, choice: u32) -> Option<State<'static>> {
        let at = self.waiting.iter().position(|(of, _)| *of == choice)?;
        Some(self.waiting.swap_remove(at).1)
    }

    /// A waiting state goes out in a part of its own.
    fn flush(&mut self, choice: u32, out: &mut Vec<u8>) {
        if let Some(state) = self.take(choice) {
            self.part(choice, out, |json| parts_out::text("", true, Some(&state), json));
        }
    }

    fn logprobs(&mut self, choice: u32, tokens: &[TokenLogprob<'_>], out: &mut Vec<u8>) {
        self.frame(out, |writer, json| {
            json.begin().name("candidates").list().begin().name("content").begin().name("parts").list();
            parts_out::text("", false, None, json);
            json.end_list().member("role", "model").end();
            json.name("index").number(u64::from(choice));
            parts_out::logprobs(tokens, json);
            json.end().end_list();
            writer.names(json);
            json.end();
        });
    }

    fn error(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        let body = String::from_utf8(error::write(failure, &self.request_id)).unwrap_or_default();
        self.frame(out, |_, json| {
            json.raw(&body);
        });
        // The array is closed, so that a client that reads it as a whole gets to the error.
        if self.array {
            out.push(b']');
        }
    }

    /// The last chunk.
    fn done(&mut self, out: &mut Vec<u8>) {
        while let Some((choice, _)) = self.waiting.first() {
            self.flush(*choice, out);
        }
        if self.ends.is_empty() {
            self.ends.push((0, Finish::Stop));
        }
        let ends = std::mem::take(&mut self.ends);
        let citations = std::mem::take(&mut self.citations);
        self.frame(out, |writer, json| {
            json.begin().name("candidates").list();
            for (choice, reason) in ends {
                json.begin().name("content").begin().name("parts").list();
                parts_out::text("", false, None, json);
                json.end_list().member("role", "model").end();
                parts_out::finish(reason, json);
                json.name("index").number(u64::from(choice));
                let own = citations.iter().filter(|(of, _)| *of == choice);
                let own: Vec<_> = own.map(|(_, citation)| citation.clone()).collect();
                parts_out::grounding(&own, None, json);
                json.end();
            }
            json.end_list();
            types::write_usage(&writer.usage, json);
            writer.names(json);
            json.end();
        });
        if self.array {
            out.push(b']');
        }
    }
}

impl WriteStream for Writer {
    fn push(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, model, .. } => {
                if let Some(id) = id {
                    self.id = id.into_owned();
                }
                if let Some(model) = model {
                    self.model = model.into_owned();
                }
            }
            Event::TextDelta(slot, text) => {
                let state = self.take(slot.choice);
                self.part(slot.choice, out, |json| parts_out::text(&text, false, state.as_ref(), json));
            }
            Event::TextEnd(slot, Some(state)) => {
                self.part(slot.choice, out, |json| parts_out::text("", false, Some(&state), json));
            }
            Event::ReasoningDelta(slot, text) => {
                self.flush(slot.choice, out);
                self.part(slot.choice, out, |json| parts_out::text(&text, true, None, json));
            }
            Event::ReasoningEnd(slot, Some(state)) if state.kind != StateKind::GeminiThought => {
                self.flush(slot.choice, out);
                self.waiting.push((slot.choice, state.into_owned()));
            }
            Event::ReasoningEnd(slot, Some(state)) => {
                self.part(slot.choice, out, |json| parts_out::text("", true, Some(&state), json));
            }
            Event::ToolStart { slot, id, name, state, .. } => self.calls.push(Call {
                slot,
                id: id.into_owned(),
                name: name.into_owned(),
                arguments: String::new(),
                state: state.map(State::into_owned),
            }),
            Event::ToolDelta(slot, more) => {
                if let Some(call) = self.calls.iter_mut().find(|call| call.slot == slot) {
                    call.arguments.push_str(&more);
                }
            }
            Event::ToolEnd(slot) => self.call(slot, out),
            // Gemini declines in words.
            Event::RefusalDelta(choice, text) => {
                self.part(choice, out, |json| parts_out::text(&text, false, None, json));
            }
            Event::Media(choice, media) => self.part(choice, out, |json| parts_out::media(&media, json)),
            Event::Logprobs(choice, tokens) => self.logprobs(choice, &tokens, out),
            Event::Citation(slot, citation) => self.citations.push((slot.choice, citation.into_owned())),
            Event::Usage(usage) => self.usage.merge(&usage),
            Event::Finish { choice, reason, .. } => self.ends.push((choice, reason)),
            Event::Done => self.done(out),
            Event::Error(failure) => self.error(&failure, out),
            Event::TextStart(_)
            | Event::TextEnd(_, None)
            | Event::ReasoningStart(..)
            | Event::ReasoningEnd(_, None)
            | Event::Tier(_) => {}
        }
    }
}
