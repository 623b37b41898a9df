//! A stream for a caller. <https://platform.claude.com/docs/en/build-with-claude/streaming>
//!
//! One block is open at a time, numbered in order. Of a provider that counts at the end the first event can't know
//! the tokens: it has the dialect's placeholder, the last but one the truth.

use super::error;
use super::response::{head, write_citation, write_end};
use super::types::{Thinking, thinking, write_usage};
use crate::Usage;
use crate::chat::{Event, Failure, Finish, Sequencer, State, ToolCall};
use crate::json::Writer;
use crate::translate::{Context, WriteStream};
use std::borrow::Cow;

/// Writes the events of one answer.
#[derive(Debug)]
pub(super) struct Stream {
    sequencer: Sequencer,
    blocks: Blocks,
    context: Context,
    usage: Usage,
    finish: Finish,
    stop_sequence: Option<String>,
    over: bool,
}

/// The blocks as the caller sees them.
#[derive(Debug, Default)]
struct Blocks {
    /// The number of the open block, or of the next one.
    index: u64,
    open: Open,
    refused: bool,
    /// A refusal that came while another block was open: it becomes a block of its own.
    held: String,
    /// The open call's arguments while they don't look like an object: they are made one at the end.
    odd: Option<String>,
    /// It calls a custom tool, whose input is no JSON.
    custom: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Open {
    #[default]
    None,
    Text,
    Refusal,
    /// Reasoning of which nothing has come yet: it may turn out to be redacted.
    Pending,
    Thinking,
    Call,
}

impl Stream {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            sequencer: Sequencer::default(),
            blocks: Blocks::default(),
            context: context.clone(),
            usage: Usage::default(),
            finish: Finish::Stop,
            stop_sequence: None,
            over: false,
        }
    }

    fn start(&self, id: Option<&str>, model: Option<&str>, out: &mut Vec<u8>) {
        event("message_start", out, |json| {
            json.name("message").begin();
            head(id, model, &self.context, json);
            json.name("content").list().end_list();
            json.name("stop_reason").null().name("stop_sequence").null();
            json.name("usage").begin();
            for name in
                ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"]
            {
                json.name(name).number(0);
            }
            json.end().end();
        });
        event("ping", out, |_| {});
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        self.blocks.close(out);
        if self.finish == Finish::Error {
            let failure = Failure::new(502, "upstream_error", "The provider broke the answer off.");
            return self.fail(&failure, out);
        }
        self.over = true;
        event("message_delta", out, |json| {
            json.name("delta").begin();
            write_end(self.finish, self.blocks.refused, self.stop_sequence.as_deref(), json);
            json.end().name("usage").begin();
            write_usage(&self.usage, json);
            json.end();
        });
        event("message_stop", out, |_| {});
    }

    fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        self.over = true;
        out.extend_from_slice(b"event: error\ndata: ");
        out.extend_from_slice(&error::write(failure, &self.context.request_id));
        out.extend_from_slice(b"\n\n");
    }
}

impl WriteStream for Stream {
    fn push(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start { id, model, .. } => self.start(id.as_deref(), model.as_deref(), out),
            Event::Usage(usage) => self.usage.merge(&usage),
            Event::Finish { choice: 0, reason, stop_sequence } => {
                self.finish = reason;
                self.stop_sequence = stop_sequence.map(Cow::into_owned);
            }
            // The stream has no place for the tier; the dialect has one choice.
            Event::Finish { .. } | Event::Tier(_) => {}
            Event::Done => self.done(out),
            Event::Error(failure) => self.fail(&failure, out),
            other => {
                let Self { sequencer, blocks, .. } = self;
                sequencer.push(other, &mut |event| blocks.push(event, out));
            }
        }
    }
}

impl Blocks {
    fn push(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::TextStart(_) => {
                self.open(Open::Text, out, |json| {
                    json.member("type", "text").member("text", "");
                });
            }
            Event::TextDelta(_, text) => self.delta("text_delta", "text", &text, out),
            Event::Citation(_, citation) if citation.url.is_some() => {
                let index = self.index;
                event_of("content_block_delta", index, out, |json| {
                    json.name("delta").begin().member("type", "citations_delta").name("citation");
                    write_citation(&citation, json);
                    json.end();
                });
            }
            Event::TextEnd(_, state) => {
                self.close(out);
                if let Some(state) = state {
                    self.carry(&state, out);
                }
            }
            Event::ReasoningStart(..) => {
                self.close(out);
                self.open = Open::Pending;
            }
            Event::ReasoningDelta(_, text) => {
                self.begin_thinking(out);
                self.delta("thinking_delta", "thinking", &text, out);
            }
            Event::ReasoningEnd(_, state) => self.end_reasoning(state.as_ref(), out),
            Event::ToolStart { id, name, state, custom, .. } => {
                if let Some(state) = state {
                    self.carry(&state, out);
                }
                self.open(Open::Call, out, |json| {
                    json.member("type", "tool_use").member("id", &id).member("name", &name);
                    json.name("input").begin().end();
                });
                self.custom = custom;
                self.odd = Some(String::new());
            }
            Event::ToolDelta(_, text) => self.arguments(&text, out),
            Event::ToolEnd(_) => self.end_call(out),
            Event::RefusalDelta(_, text) => self.refusal(&text, out),
            // Not of a block, or without a place in the dialect.
            Event::Media(..)
            | Event::Citation(..)
            | Event::Logprobs(..)
            | Event::Start { .. }
            | Event::Usage(_)
            | Event::Tier(_)
            | Event::Finish { .. }
            | Event::Done
            | Event::Error(_) => {}
        }
    }

    fn open(&mut self, kind: Open, out: &mut Vec<u8>, block: impl FnOnce(&mut Writer)) {
        self.close(out);
        self.open = kind;
        event_of("content_block_start", self.index, out, |json| {
            json.name("content_block").begin();
            block(json);
            json.end();
        });
    }

    fn delta(&self, kind: &str, name: &str, text: &str, out: &mut Vec<u8>) {
        event_of("content_block_delta", self.index, out, |json| {
            json.name("delta").begin().member("type", kind).member(name, text).end();
        });
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        match std::mem::take(&mut self.open) {
            Open::None | Open::Pending => {}
            Open::Text | Open::Refusal | Open::Thinking | Open::Call => {
                event_of("content_block_stop", self.index, out, |_| {});
                self.index += 1;
            }
        }
        if !self.held.is_empty() {
            let text = std::mem::take(&mut self.held);
            self.refusal(&text, out);
            self.close(out);
        }
    }

    /// What begins as an object goes out at once.
    fn arguments(&mut self, text: &str, out: &mut Vec<u8>) {
        if let Some(odd) = &mut self.odd {
            odd.push_str(text);
            if self.custom || !odd.trim_start().starts_with('{') {
                return;
            }
        }
        match self.odd.take() {
            Some(begun) => self.delta("input_json_delta", "partial_json", &begun, out),
            None => self.delta("input_json_delta", "partial_json", text, out),
        }
    }

    fn end_call(&mut self, out: &mut Vec<u8>) {
        if let Some(arguments) = self.odd.take().filter(|odd| !odd.is_empty()) {
            let call = ToolCall { arguments: arguments.into(), custom: self.custom, ..ToolCall::default() };
            self.delta("input_json_delta", "partial_json", &call.object(), out);
        }
        self.close(out);
    }

    fn begin_thinking(&mut self, out: &mut Vec<u8>) {
        if self.open != Open::Thinking {
            self.open(Open::Thinking, out, |json| {
                json.member("type", "thinking").member("thinking", "").member("signature", "");
            });
        }
    }

    fn end_reasoning(&mut self, state: Option<&State<'_>>, out: &mut Vec<u8>) {
        let shown = if self.open == Open::Thinking { "shown" } else { "" };
        if let Some(state) = state {
            match thinking(shown, Some(state)) {
                Thinking::Redacted(data) => self.open(Open::Thinking, out, |json| {
                    json.member("type", "redacted_thinking").member("data", data);
                }),
                Thinking::Signed(signature) => {
                    self.begin_thinking(out);
                    self.delta("signature_delta", "signature", &signature, out);
                }
            }
        }
        self.close(out);
    }

    /// A state that is bound to a text or a call stands in a thinking block of its own.
    fn carry(&mut self, state: &State<'_>, out: &mut Vec<u8>) {
        self.close(out);
        self.end_reasoning(Some(state), out);
    }

    fn refusal(&mut self, text: &str, out: &mut Vec<u8>) {
        self.refused = true;
        match self.open {
            Open::None => self.open(Open::Refusal, out, |json| {
                json.member("type", "text").member("text", "");
            }),
            Open::Refusal => {}
            Open::Text | Open::Pending | Open::Thinking | Open::Call => {
                return self.held.push_str(text);
            }
        }
        self.delta("text_delta", "text", text, out);
    }
}

fn event(name: &str, out: &mut Vec<u8>, members: impl FnOnce(&mut Writer)) {
    for piece in ["event: ", name, "\ndata: "] {
        out.extend_from_slice(piece.as_bytes());
    }
    let mut json = Writer::behind(std::mem::take(out));
    json.begin().member("type", name);
    members(&mut json);
    json.end();
    *out = json.into_bytes();
    out.extend_from_slice(b"\n\n");
}

fn event_of(name: &str, index: u64, out: &mut Vec<u8>, members: impl FnOnce(&mut Writer)) {
    event(name, out, |json| {
        json.name("index").number(index);
        members(json);
    });
}
