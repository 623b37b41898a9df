//! Writes a streamed answer for a client, chunk by chunk. Calls may run beside each other in this dialect.
//! <https://platform.openai.com/docs/api-reference/chat-streaming>

use super::{details, error, extras, response_out, types};
use crate::Usage;
use crate::chat::{Event, Failure, Finish, Media, MediaKind, Slot, State, TokenLogprob};
use crate::json::Writer;
use crate::translate::{Context, WriteStream};

/// Writes one stream.
#[derive(Debug)]
pub(super) struct ChunkWriter {
    context: Context,
    legacy: bool,
    /// All that is the same in every chunk, up to the value of `choices`.
    head: Vec<u8>,
    choices: Vec<Choice>,
    usage: Usage,
    tier: Option<String>,
    over: bool,
}

/// What has been written of one choice.
#[derive(Debug)]
struct Choice {
    index: u32,
    /// Blocks of calls, in the order of their numbers, and whether arguments came.
    calls: Vec<Call>,
    /// The next entry of `reasoning_details`.
    detail: u64,
    /// The open stretch of reasoning is a summary.
    summary: bool,
    /// Text came in this stretch of reasoning; another stretch came before it.
    thought: bool,
    apart: bool,
    /// Characters of text, and how many there were when the open text began.
    chars: u64,
    begun: u64,
}

#[derive(Debug)]
struct Call {
    block: u32,
    custom: bool,
    arguments: bool,
    ended: bool,
}

impl ChunkWriter {
    pub(super) fn new(context: &Context) -> Self {
        let legacy = context.echo == types::LEGACY;
        Self {
            context: context.clone(),
            legacy,
            head: Vec::new(),
            choices: Vec::new(),
            usage: Usage::default(),
            tier: None,
            over: false,
        }
    }

    fn start(&mut self, id: Option<&str>, model: Option<&str>, created: Option<u64>) {
        let mut head = Writer::behind(b"data: ".to_vec());
        head.begin().member("id", &response_out::answer_id(id, &self.context));
        head.member("object", "chat.completion.chunk");
        head.name("created").number(created.unwrap_or(self.context.now));
        head.member("model", model.unwrap_or(&self.context.model)).name("choices");
        self.head = head.into_bytes();
    }

    /// The choice of this index; its first chunk names the role.
    fn choice(&mut self, index: u32, out: &mut Vec<u8>) -> usize {
        if self.head.is_empty() {
            self.start(None, None, None);
        }
        if let Some(at) = self.choices.iter().position(|choice| choice.index == index) {
            return at;
        }
        self.choices.push(Choice {
            index,
            calls: Vec::new(),
            detail: 0,
            summary: false,
            thought: false,
            apart: false,
            chars: 0,
            begun: 0,
        });
        self.delta(index, out, |delta| {
            delta.member("role", "assistant").member("content", "").name("refusal").null();
        });
        self.choices.len() - 1
    }

    /// A chunk with this delta.
    fn delta(&self, index: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Writer)) {
        self.chunk(index, out, &[], None, write);
    }

    fn chunk(
        &self,
        index: u32,
        out: &mut Vec<u8>,
        logprobs: &[TokenLogprob<'_>],
        finish: Option<&str>,
        write: impl FnOnce(&mut Writer),
    ) {
        out.extend_from_slice(&self.head);
        let mut chunk = Writer::behind(std::mem::take(out));
        chunk.list().begin().name("index").number(u64::from(index)).name("delta").begin();
        write(&mut chunk);
        chunk.end().name("logprobs");
        extras::write_logprobs(logprobs, &mut chunk);
        chunk.name("finish_reason");
        match finish {
            Some(word) => chunk.string(word),
            None => chunk.null(),
        };
        chunk.end().end_list();
        if self.context.include_usage {
            chunk.name("usage").null();
        }
        self.end(chunk, out);
    }

    fn end(&self, mut chunk: Writer, out: &mut Vec<u8>) {
        chunk.member_if("service_tier", self.tier.as_deref()).end();
        *out = chunk.into_bytes();
        out.extend_from_slice(b"\n\n");
    }

    fn tool_start(
        &mut self,
        slot: Slot,
        (id, name, custom): (&str, &str, bool),
        state: Option<&State<'_>>,
        out: &mut Vec<u8>,
    ) {
        let at = self.choice(slot.choice, out);
        let Some(choice) = self.choices.get_mut(at) else { return };
        let number = choice.calls.len() as u64;
        choice.calls.push(Call { block: slot.block, custom, arguments: false, ended: false });
        let detail = choice.detail;
        let listed = state.filter(|state| !response_out::google(state));
        choice.detail += u64::from(listed.is_some());
        if self.legacy {
            // The older form has one call.
            if number == 0 {
                self.delta(slot.choice, out, |delta| {
                    delta.name("function_call").begin().member("name", name).member("arguments", "").end();
                });
            }
            return;
        }
        self.delta(slot.choice, out, |delta| {
            if let Some(state) = listed {
                delta.name("reasoning_details").list();
                details::encrypted(state, Some(id), detail, delta);
                delta.end_list();
            }
            delta.name("tool_calls").list().begin().name("index").number(number).member("id", id);
            let (kind, input) = if custom { ("custom", "input") } else { ("function", "arguments") };
            delta.member("type", kind).name(kind).begin().member("name", name).member(input, "").end();
            if let Some(state) = state.filter(|state| response_out::google(state)) {
                details::write_extra(&state.data, delta);
            }
            delta.end().end_list();
        });
    }

    fn tool_delta(&mut self, slot: Slot, text: &str, out: &mut Vec<u8>) {
        let at = self.choice(slot.choice, out);
        let Some(choice) = self.choices.get_mut(at) else { return };
        let Some(number) = choice.calls.iter().rposition(|call| call.block == slot.block) else { return };
        let Some(call) = choice.calls.get_mut(number) else { return };
        call.arguments = true;
        let custom = call.custom;
        if self.legacy {
            if number == 0 {
                self.delta(slot.choice, out, |delta| {
                    delta.name("function_call").begin().member("arguments", text).end();
                });
            }
            return;
        }
        self.delta(slot.choice, out, |delta| {
            delta.name("tool_calls").list().begin().name("index").number(number as u64);
            let (kind, input) = if custom { ("custom", "input") } else { ("function", "arguments") };
            delta.name(kind).begin().member(input, text).end().end().end_list();
        });
    }

    /// Nothing at all means no arguments, which clients want to read as JSON.
    fn tool_end(&mut self, slot: Slot, out: &mut Vec<u8>) {
        let at = self.choice(slot.choice, out);
        let Some(choice) = self.choices.get_mut(at) else { return };
        let call = choice.calls.iter_mut().rev().find(|call| call.block == slot.block);
        let Some(call) = call.filter(|call| !call.ended) else { return };
        call.ended = true;
        if !call.arguments && !call.custom {
            self.tool_delta(slot, "{}", out);
        }
    }

    /// The text goes out twice: for those who read `reasoning_content`, and in the entry that its signature will
    /// end, so that the entries are whole when they come back.
    fn reasoning(&mut self, slot: Slot, text: &str, out: &mut Vec<u8>) {
        let at = self.choice(slot.choice, out);
        let Some(choice) = self.choices.get_mut(at) else { return };
        let first = !std::mem::replace(&mut choice.thought, true);
        let apart = first && std::mem::replace(&mut choice.apart, true);
        let (summary, index) = (choice.summary, choice.detail);
        self.delta(slot.choice, out, |delta| {
            delta.name("reasoning_content").strings(&[if apart { "\n\n" } else { "" }, text]);
            delta.name("reasoning_details").list();
            details::text(text, summary, index, delta);
            delta.end().end_list();
        });
    }

    fn reasoning_end(&mut self, slot: Slot, state: Option<&State<'_>>, out: &mut Vec<u8>) {
        let at = self.choice(slot.choice, out);
        let Some(choice) = self.choices.get_mut(at) else { return };
        let mut index = choice.detail;
        // A state that is an entry of its own has a number of its own: clients put entries of one number together.
        if choice.thought && state.is_some_and(details::stands_alone) {
            index += 1;
        }
        choice.detail = index + u64::from(choice.thought || state.is_some());
        if let Some(state) = state {
            self.delta(slot.choice, out, |delta| {
                delta.name("reasoning_details").list();
                details::end(state, index, delta);
                delta.end_list();
            });
        }
    }

    fn text_end(&mut self, slot: Slot, state: &State<'_>, out: &mut Vec<u8>) {
        let at = self.choice(slot.choice, out);
        let Some(choice) = self.choices.get_mut(at) else { return };
        let index = choice.detail;
        let google = response_out::google(state);
        choice.detail += u64::from(!google);
        self.delta(slot.choice, out, |delta| {
            if google {
                details::write_extra(&state.data, delta);
            } else {
                delta.name("reasoning_details").list();
                details::encrypted(state, None, index, delta);
                delta.end_list();
            }
        });
    }

    fn media(&mut self, index: u32, media: &Media<'_>, out: &mut Vec<u8>) {
        self.choice(index, out);
        self.delta(index, out, |delta| match media.kind {
            MediaKind::Audio => response_out::write_audio(media, &self.context, delta),
            MediaKind::Image | MediaKind::File | MediaKind::Video => {
                delta.name("images").list();
                response_out::write_image(media, delta);
                delta.end_list();
            }
        });
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        if self.head.is_empty() {
            self.start(None, None, None);
        }
        if self.context.include_usage && !self.usage.is_unknown() {
            out.extend_from_slice(&self.head);
            let mut chunk = Writer::behind(std::mem::take(out));
            chunk.list().end_list().name("usage");
            types::write_usage(&self.usage, &mut chunk);
            self.end(chunk, out);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
        self.over = true;
    }

    /// Nothing comes behind an error, not even `[DONE]`.
    fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: ");
        error::append(failure, out);
        out.extend_from_slice(b"\n\n");
        self.over = true;
    }

    fn blocks(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::TextStart(slot) => {
                let at = self.choice(slot.choice, out);
                if let Some(choice) = self.choices.get_mut(at) {
                    choice.begun = choice.chars;
                }
            }
            Event::TextDelta(slot, text) => {
                let at = self.choice(slot.choice, out);
                if let Some(choice) = self.choices.get_mut(at) {
                    choice.chars += text.chars().count() as u64;
                }
                self.delta(slot.choice, out, |delta| {
                    delta.member("content", &text);
                });
            }
            Event::Citation(slot, citation) if citation.url.is_some() => {
                let at = self.choice(slot.choice, out);
                let place = self.choices.get(at).map_or((0, 0), |choice| (choice.begun, choice.chars));
                self.delta(slot.choice, out, |delta| {
                    delta.name("annotations").list();
                    extras::write_annotation(&citation, place.0, place.1, delta);
                    delta.end_list();
                });
            }
            Event::TextEnd(slot, Some(state)) => self.text_end(slot, &state, out),
            Event::ReasoningStart(slot, summary) => {
                let at = self.choice(slot.choice, out);
                if let Some(choice) = self.choices.get_mut(at) {
                    (choice.summary, choice.thought) = (summary, false);
                }
            }
            Event::ReasoningDelta(slot, text) => self.reasoning(slot, &text, out),
            Event::ReasoningEnd(slot, state) => self.reasoning_end(slot, state.as_ref(), out),
            Event::ToolStart { slot, id, name, custom, state } => {
                self.tool_start(slot, (&id, &name, custom), state.as_ref(), out);
            }
            Event::ToolDelta(slot, text) => self.tool_delta(slot, &text, out),
            Event::ToolEnd(slot) => self.tool_end(slot, out),
            _ => {}
        }
    }
}

impl WriteStream for ChunkWriter {
    fn push(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start { id, model, created } => {
                self.start(id.as_deref(), model.as_deref(), created);
                self.choice(0, out);
            }
            Event::RefusalDelta(index, text) => {
                self.choice(index, out);
                self.delta(index, out, |delta| {
                    delta.member("refusal", &text);
                });
            }
            Event::Media(index, media) => self.media(index, &media, out),
            Event::Logprobs(index, tokens) => {
                self.choice(index, out);
                self.chunk(index, out, &tokens, None, |_| {});
            }
            Event::Usage(usage) => self.usage.merge(&usage),
            Event::Tier(tier) => self.tier = types::tier_word(&tier).map(str::to_owned),
            // There is no reason of this name, and it is no clean end.
            Event::Finish { reason: Finish::Error, .. } => {
                let failure = Failure::new(502, "upstream_error", "The provider broke the answer off.");
                self.fail(&failure, out);
            }
            Event::Finish { choice, reason, .. } => {
                self.choice(choice, out);
                self.chunk(choice, out, &[], Some(types::finish_word(reason, self.legacy)), |_| {});
            }
            Event::Done => self.done(out),
            Event::Error(failure) => self.fail(&failure, out),
            other => self.blocks(other, out),
        }
    }
}
