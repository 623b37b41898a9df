//! An upstream's stream. <https://platform.claude.com/docs/en/build-with-claude/streaming>
//!
//! The counters of tokens come in two events, of which newer models repeat the first in the second.

use super::response::{citation, finished, placed, tier};
use super::types::{finish_of, redacted, signed};
use crate::chat::{ANSWER_TOOL, Blocks, Citation, Event, Failure, failure_from, mint_id};
use crate::json::{Json, parse_lossy};
use crate::translate::{Context, ReadStream};
use crate::usage::Counts;
use std::borrow::Cow;

/// Reads the events of one answer.
#[derive(Debug)]
pub(super) struct Reader {
    blocks: Blocks,
    /// The blocks that are open; there is one at a time, but their numbers are what counts.
    open: Vec<(u64, Block)>,
    counts: Counts,
    /// What ids are made of where a call comes without one: the answer's id, else the request's.
    id: String,
    calls: usize,
    /// Characters of text so far, for citations.
    said: u64,
    started: bool,
    /// A block has begun.
    begun: bool,
    answered: bool,
    done: bool,
}

#[derive(Debug)]
enum Block {
    Text {
        start: u64,
        citations: Vec<Citation<'static>>,
    },
    Thinking {
        signature: String,
    },
    /// A call; `whole` is the input that it began with, used when no pieces of it come.
    Call {
        whole: Option<String>,
    },
    /// The call that stands for the answer.
    Answer {
        whole: Option<String>,
    },
}

type On<'o> = &'o mut dyn FnMut(Event<'_>);

impl Reader {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            blocks: Blocks::default(),
            open: Vec::new(),
            counts: Counts::default(),
            id: context.request_id.clone(),
            calls: 0,
            said: 0,
            started: false,
            begun: false,
            answered: false,
            done: false,
        }
    }

    /// One that comes twice is nothing new. Another answer's, in the midst of this one, is what some proxies make of
    /// a connection that broke: the two can't be put together. <https://github.com/vercel/ai/issues/18331>
    fn message_start(&mut self, event: &Json<'_>, on: On<'_>) -> Result<(), Failure> {
        let message = event.get("message");
        let member = |name: &str| message.and_then(|message| message.get(name)?.cow());
        let id = member("id").filter(|id| !id.is_empty());
        if !std::mem::replace(&mut self.started, true) {
            if let Some(id) = &id {
                self.id = id.to_string();
            }
            on(Event::Start { id, model: member("model"), created: None });
        } else if self.begun && id.is_some_and(|id| id != self.id) {
            return Err(Failure::malformed("another answer begins before this one has ended"));
        }
        if let Some(usage) = message.and_then(|message| message.get("usage")) {
            if let Some(tier) = usage.get("service_tier").and_then(tier) {
                on(Event::Tier(tier));
            }
            self.usage(usage, on);
        }
        Ok(())
    }

    fn usage(&mut self, usage: &Json<'_>, on: On<'_>) {
        self.counts.add(usage.raw().as_bytes());
        let usage = self.counts.usage();
        if !usage.is_unknown() {
            on(Event::Usage(usage));
        }
    }

    /// Some servers leave the first event out.
    fn start(&mut self, on: On<'_>) {
        if !std::mem::replace(&mut self.started, true) {
            on(Event::Start { id: None, model: None, created: None });
        }
    }

    fn block_start(&mut self, index: u64, block: &Json<'_>, on: On<'_>) {
        self.start(on);
        self.begun = true;
        self.block_stop(index, on);
        let opened = match block.get("type").and_then(Json::text) {
            Some("text") => {
                let start = self.said;
                let found = block.get("citations").map_or(&[][..], Json::items);
                let citations = found.iter().map(|found| citation(found).into_owned()).collect();
                self.open.push((index, Block::Text { start, citations }));
                if let Some(text) = block.get("text").and_then(Json::cow) {
                    self.text(text, on);
                }
                return;
            }
            Some("thinking") => {
                if let Some(text) = block.get("thinking").and_then(Json::cow) {
                    self.blocks.reasoning(0, false, text, on);
                }
                let signature = block.get("signature").and_then(Json::text).unwrap_or_default();
                Block::Thinking { signature: signature.to_owned() }
            }
            Some("redacted_thinking") => {
                if let Some(data) = block.get("data").and_then(Json::cow) {
                    self.blocks.end_reasoning(0, None, on);
                    self.blocks.end_reasoning(0, Some(redacted(data)), on);
                }
                return;
            }
            Some("tool_use") => self.call(index, block, on),
            _ => return,
        };
        self.open.push((index, opened));
    }

    fn call(&mut self, index: u64, block: &Json<'_>, on: On<'_>) -> Block {
        let name = block.get("name").and_then(Json::cow).unwrap_or_default();
        let input = block.get("input").filter(|input| !input.members().is_empty());
        let whole = input.map(|input| input.raw().into_owned());
        if name == ANSWER_TOOL {
            self.answered = true;
            return Block::Answer { whole };
        }
        let id = block.get("id").and_then(Json::cow).filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| Cow::Owned(mint_id(&self.id, self.calls)));
        self.calls += 1;
        self.blocks.tool(0, index, id, name, false, None, on);
        Block::Call { whole }
    }

    fn text(&mut self, text: Cow<'_, str>, on: On<'_>) {
        self.said += text.chars().count() as u64;
        self.blocks.text(0, text, on);
    }

    fn delta(&mut self, index: u64, delta: &Json<'_>, on: On<'_>) {
        let Some(at) = self.open.iter().position(|(open, _)| *open == index) else {
            return self.orphan(delta, on);
        };
        let Some((_, block)) = self.open.get_mut(at) else { return };
        match (delta.get("type").and_then(Json::text), block) {
            (Some("text_delta"), Block::Text { .. }) => {
                if let Some(text) = delta.get("text").and_then(Json::cow) {
                    self.text(text, on);
                }
            }
            (Some("citations_delta"), Block::Text { citations, .. }) => {
                citations.extend(delta.get("citation").map(|found| citation(found).into_owned()));
            }
            (Some("thinking_delta"), Block::Thinking { .. }) => {
                if let Some(text) = delta.get("thinking").and_then(Json::cow) {
                    self.blocks.reasoning(0, false, text, on);
                }
            }
            (Some("signature_delta"), Block::Thinking { signature }) => {
                signature.push_str(delta.get("signature").and_then(Json::text).unwrap_or_default());
            }
            (Some("input_json_delta"), Block::Call { whole }) => {
                let piece = delta.get("partial_json").and_then(Json::cow).filter(|piece| !piece.is_empty());
                if let Some(piece) = piece {
                    *whole = None;
                    self.blocks.tool_delta(0, index, piece, on);
                }
            }
            (Some("input_json_delta"), Block::Answer { whole }) => {
                let piece = delta.get("partial_json").and_then(Json::cow).filter(|piece| !piece.is_empty());
                if let Some(piece) = piece {
                    *whole = None;
                    self.text(piece, on);
                }
            }
            _ => {}
        }
    }

    /// Text of a block that never began.
    fn orphan(&mut self, delta: &Json<'_>, on: On<'_>) {
        if delta.get("type").and_then(Json::text) == Some("text_delta")
            && let Some(text) = delta.get("text").and_then(Json::cow)
        {
            self.start(on);
            self.text(text, on);
        }
    }

    fn block_stop(&mut self, index: u64, on: On<'_>) {
        let Some(at) = self.open.iter().position(|(open, _)| *open == index) else { return };
        let (_, block) = self.open.remove(at);
        match block {
            Block::Text { start, citations } => {
                for citation in citations {
                    let slot = self.blocks.text_slot(0, on);
                    on(Event::Citation(slot, placed(citation, start, self.said)));
                }
                self.blocks.end_text(0, None, on);
            }
            Block::Thinking { signature } => {
                self.blocks.end_reasoning(0, signed(Cow::Owned(signature)), on);
            }
            Block::Call { whole } => {
                if let Some(whole) = whole {
                    self.blocks.tool_delta(0, index, Cow::Owned(whole), on);
                }
                self.blocks.end_tool(0, index, on);
            }
            Block::Answer { whole } => {
                if let Some(whole) = whole {
                    self.text(Cow::Owned(whole), on);
                }
                self.blocks.end_text(0, None, on);
            }
        }
    }

    fn message_delta(&mut self, event: &Json<'_>, on: On<'_>) {
        self.start(on);
        if let Some(usage) = event.get("usage") {
            self.usage(usage, on);
        }
        if let Some(word) = event.at(&["delta", "stop_reason"]).and_then(Json::text) {
            let reason = finish_of(word);
            let stop_sequence = event.at(&["delta", "stop_sequence"]).and_then(Json::cow);
            self.end(reason, stop_sequence, on);
        }
    }

    fn end(&mut self, reason: crate::chat::Finish, stop_sequence: Option<Cow<'_, str>>, on: On<'_>) {
        while let Some((index, _)) = self.open.first() {
            let index = *index;
            self.block_stop(index, on);
        }
        let reason = finished(reason, self.blocks.called(), self.answered);
        self.blocks.finish(0, reason, stop_sequence, on);
    }
}

impl ReadStream for Reader {
    fn push(&mut self, name: &str, data: &[u8], on: &mut dyn FnMut(Event<'_>)) -> Result<(), Failure> {
        if self.done {
            return Ok(());
        }
        let event = parse_lossy(data).map_err(Failure::malformed)?;
        let kind = event.get("type").and_then(Json::text).unwrap_or(name);
        let index = event.get("index").and_then(Json::number).unwrap_or(0);
        match kind {
            "message_start" => self.message_start(&event, on)?,
            "content_block_start" => {
                if let Some(block) = event.get("content_block") {
                    self.block_start(index, block, on);
                }
            }
            "content_block_delta" => {
                if let Some(delta) = event.get("delta") {
                    self.delta(index, delta, on);
                }
            }
            "content_block_stop" => self.block_stop(index, on),
            "message_delta" => self.message_delta(&event, on),
            "message_stop" => {
                self.start(on);
                self.end(crate::chat::Finish::Stop, None, on);
                self.done = true;
                on(Event::Done);
            }
            "error" => return Err(failure_from(0, data)),
            // Servers that only resemble Anthropic say so without a type.
            _ if event.get("error").is_some() => return Err(failure_from(0, data)),
            _ => {}
        }
        Ok(())
    }

    /// `message_stop` is what makes it whole; an end without one is a cut.
    fn finish(&mut self, _on: &mut dyn FnMut(Event<'_>)) {}
}
