//! An answer is written event by event: <https://platform.openai.com/docs/api-reference/responses-streaming>.
//!
//! The last event repeats the whole answer, so that finished items are kept as they were written. Items that run
//! beside each other need no waiting: every event has its `output_index`.

mod message;
mod other;

use super::output::{
    Call, Content, Head, Standing, annotation, content, image, logprobs, message, raw_list, reasoning,
    response,
};
use super::response_out::linked;
use super::tools_in::split;
use super::types::{Ended, nullable};
use crate::Usage;
use crate::chat::{Citation, Event, Failure, Finish, Media, MediaKind, Slot, Source, State};
use crate::json;
use crate::translate::{Context, WriteStream};
use std::borrow::Cow;

/// Writes one stream.
#[derive(Debug)]
pub(super) struct Writer {
    context: Context,
    head: Option<Head>,
    sequence: u64,
    /// Finished items by their `output_index`; empty while an item is open.
    items: Vec<String>,
    message: Option<Message>,
    thoughts: Vec<Thought>,
    calls: Vec<OpenCall>,
    /// Log probabilities of text that is still to come.
    tokens: String,
    refused: bool,
    finish: Finish,
    usage: Usage,
    tier: Option<String>,
    over: bool,
}

/// The message that is open.
#[derive(Debug)]
struct Message {
    index: usize,
    id: String,
    contents: Vec<Content<'static>>,
    /// Its last part has not ended; `Some(None)`: a refusal, or what is no block.
    open: Option<Option<Slot>>,
    cited: u64,
}

/// Reasoning that is open.
#[derive(Debug)]
struct Thought {
    slot: Slot,
    /// The item, once there was something to say.
    item: Option<(usize, String)>,
    text: String,
}

#[derive(Debug)]
struct OpenCall {
    slot: Slot,
    index: usize,
    call: Call<'static>,
}

impl WriteStream for Writer {
    fn push(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        if self.over || event.choice() != 0 {
            return;
        }
        match event {
            Event::Start { id, model, created } => self.start(id.as_deref(), model.as_deref(), created, out),
            Event::Error(failure) => self.fail(&failure, out),
            other => {
                if self.head.is_none() {
                    self.start(None, None, None, out);
                }
                self.inside(other, out);
            }
        }
    }
}

impl Writer {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            head: None,
            sequence: 0,
            items: Vec::new(),
            message: None,
            thoughts: Vec::new(),
            calls: Vec::new(),
            tokens: String::new(),
            refused: false,
            finish: Finish::Stop,
            usage: Usage::default(),
            tier: None,
            over: false,
        }
    }

    fn start(&mut self, id: Option<&str>, model: Option<&str>, created: Option<u64>, out: &mut Vec<u8>) {
        if self.head.is_some() {
            return;
        }
        let head = Head::new(id, model, created, &self.context);
        // The head has it now.
        self.context.echo = String::new();
        for name in ["response.created", "response.in_progress"] {
            event(&mut self.sequence, out, name, |json| {
                json.name("response");
                response(json, &head, &Standing::default(), |_| {});
            });
        }
        self.head = Some(head);
    }

    fn inside(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::TextStart(_) => self.end_part(out),
            Event::TextDelta(slot, text) => self.text(slot, &text, out),
            Event::Citation(slot, citation) => self.cite(slot, &citation, out),
            Event::TextEnd(slot, state) => self.end_text(slot, state.as_ref(), out),
            Event::ReasoningStart(slot, _) => {
                self.end_message("completed", out);
                self.thoughts.push(Thought { slot, item: None, text: String::new() });
            }
            Event::ReasoningDelta(slot, text) => self.think(slot, &text, out),
            Event::ReasoningEnd(slot, state) => self.end_thought(slot, state.as_ref(), out),
            Event::ToolStart { slot, id, name, custom, state } => {
                self.end_message("completed", out);
                if let Some(state) = state {
                    self.carry(&state, out);
                }
                self.call(slot, &id, &name, custom, out);
            }
            Event::ToolDelta(slot, text) => self.call_delta(slot, &text, out),
            Event::ToolEnd(slot) => self.end_call(slot, out),
            Event::RefusalDelta(_, text) => self.refuse(&text, out),
            Event::Media(_, media) => self.media(&media, out),
            Event::Logprobs(_, tokens) => self.note_tokens(&logprobs(&tokens)),
            Event::Usage(usage) => self.usage.merge(&usage),
            Event::Tier(tier) => self.tier = Some(tier.into_owned()),
            Event::Finish { reason, .. } => self.finish = reason,
            Event::Done => self.done(out),
            Event::Start { .. } | Event::Error(_) => {}
        }
    }

    /// The number and the id of a new item; the id begins with its kind.
    fn open_item(&mut self, kind: &str) -> (usize, String) {
        self.items.push(String::new());
        let index = self.items.len() - 1;
        let id = self.head.as_ref().map(|head| head.item_id(kind, index)).unwrap_or_default();
        (index, id)
    }

    fn added(&mut self, index: usize, out: &mut Vec<u8>, item: impl FnOnce(&mut json::Writer)) {
        event(&mut self.sequence, out, "response.output_item.added", |json| {
            json.name("output_index").number(index as u64).name("item");
            item(json);
        });
    }

    fn item_done(&mut self, index: usize, out: &mut Vec<u8>, item: impl FnOnce(&mut json::Writer)) {
        let mut written = json::Writer::default();
        item(&mut written);
        let written = written.into_string();
        event(&mut self.sequence, out, "response.output_item.done", |json| {
            json.name("output_index").number(index as u64).name("item").raw(&written);
        });
        if let Some(slot) = self.items.get_mut(index) {
            *slot = written;
        }
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        let ended = Ended::of(self.finish, self.refused);
        let status = if matches!(ended, Ended::Incomplete(_)) { "incomplete" } else { "completed" };
        self.end_all(status, out);
        let name = match ended {
            Ended::Completed => "response.completed",
            Ended::Incomplete(_) => "response.incomplete",
            Ended::Failed => "response.failed",
        };
        self.end(name, ended, None, out);
    }

    /// OpenAI sends an `error` event and then what came so far as a failed response. Before anything came the event
    /// stands alone.
    fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        event(&mut self.sequence, out, "error", |json| {
            nullable(json, "code", failure.code.as_deref().or(failure.kind.as_deref()));
            json.member("message", &failure.message);
            nullable(json, "param", failure.param.as_deref());
        });
        if self.head.is_some() {
            self.end("response.failed", Ended::Failed, Some(failure), out);
        }
        self.over = true;
    }

    fn end(&mut self, name: &str, ended: Ended, failure: Option<&Failure>, out: &mut Vec<u8>) {
        let Some(head) = &self.head else { return };
        let tier = self.tier.as_deref();
        let standing = Standing { ended: Some(ended), usage: self.usage, tier, failure };
        let items = &self.items;
        event(&mut self.sequence, out, name, |json| {
            json.name("response");
            response(json, head, &standing, |json| {
                items.iter().filter(|item| !item.is_empty()).for_each(|item| {
                    json.raw(item);
                });
            });
        });
        self.over = true;
    }

    fn end_all(&mut self, status: &str, out: &mut Vec<u8>) {
        self.end_message(status, out);
        while let Some(slot) = self.thoughts.first().map(|thought| thought.slot) {
            self.end_thought(slot, None, out);
        }
        while let Some(slot) = self.calls.first().map(|open| open.slot) {
            self.end_call(slot, out);
        }
    }
}

/// Writes one event, numbered.
fn event(sequence: &mut u64, out: &mut Vec<u8>, name: &str, with: impl FnOnce(&mut json::Writer)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    let mut json = json::Writer::behind(std::mem::take(out));
    json.begin().member("type", name).name("sequence_number").number(*sequence);
    with(&mut json);
    json.end();
    *out = json.into_bytes();
    out.extend_from_slice(b"\n\n");
    *sequence += 1;
}
