//! A streamed answer of an upstream, chunk by chunk, read leniently.
//! <https://platform.openai.com/docs/api-reference/chat-streaming>

use super::calls::{Calls, finish_of};
use super::{details, extras, response};
use crate::Usage;
use crate::chat::{
    Bind, Blocks, Event, Failure, Finish, Media, MediaKind, Part, Source, State, StateKind, failure_from,
};
use crate::json::{Json, parse_lossy};
use crate::translate::{Context, ReadStream};
use std::borrow::Cow;
use std::collections::BTreeSet;

type On<'o> = &'o mut dyn FnMut(Event<'_>);

/// Reads one stream.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// What ids are made of: the answer's id, or ours.
    seed: String,
    started: bool,
    tier: bool,
    usage: Usage,
    blocks: Blocks,
    choices: Vec<Choice>,
    /// Addresses of sources that were handed on.
    sources: BTreeSet<String>,
}

/// What is known of one choice.
#[derive(Debug, Default)]
struct Choice {
    index: u32,
    calls: Calls,
    /// Handed on at the very end: some servers say it twice, or go on behind it.
    finish: Option<(Finish, Option<String>)>,
    text: Heard,
    /// The number of the entry of `reasoning_details` that is open.
    detail: Option<u64>,
    /// A recording comes in pieces.
    audio: String,
}

/// What text has come: its length, a hash of it, and how many pieces it came in.
#[derive(Debug, Default)]
struct Heard {
    bytes: usize,
    hash: u64,
    pieces: u32,
}

impl Heard {
    /// Notes a piece; false where it only repeats all that was said before, as the last chunk of some servers does
    /// (xAI; Perplexity in its older form).
    fn push(&mut self, text: &str) -> bool {
        // FNV-1a: goes on over pieces as over the whole.
        let add = |from: u64| {
            let bytes = text.bytes();
            bytes.fold(from, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
        };
        const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;
        if self.pieces > 1 && text.len() >= 24 && text.len() == self.bytes && add(EMPTY) == self.hash {
            return false;
        }
        self.hash = add(if self.pieces == 0 { EMPTY } else { self.hash });
        self.bytes += text.len();
        self.pieces = self.pieces.saturating_add(1);
        true
    }
}

impl Reader {
    pub(super) fn new(context: &Context) -> Self {
        Self { seed: context.request_id.clone(), ..Self::default() }
    }

    fn start(&mut self, chunk: &Json<'_>, on: On<'_>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let text = |name: &str| chunk.get(name).and_then(Json::cow).filter(|text| !text.is_empty());
        let id = text("id");
        if let Some(id) = &id {
            self.seed = id.to_string();
        }
        let created = chunk.get("created").and_then(Json::number).filter(|created| *created > 0);
        on(Event::Start { id, model: text("model"), created });
    }

    fn chunk(&mut self, chunk: &Json<'_>, on: On<'_>) {
        let choices = chunk.get("choices").map_or(&[][..], Json::items);
        let usage = response::read_usage(chunk);
        // Azure's first chunk tells what its filter made of the prompt, and nothing of the answer.
        if choices.is_empty() && usage.is_none() {
            return;
        }
        self.start(chunk, on);
        for (at, choice) in choices.iter().enumerate() {
            self.choice(choice, at, on);
        }
        self.cite_sources(chunk, on);
        if let Some(tier) = chunk.get("service_tier").and_then(Json::cow)
            && !std::mem::replace(&mut self.tier, true)
        {
            on(Event::Tier(tier));
        }
        if let Some(usage) = usage.filter(|usage| *usage != self.usage) {
            self.usage = usage;
            on(Event::Usage(usage));
        }
    }

    fn choice(&mut self, json: &Json<'_>, at: usize, on: On<'_>) {
        let Self { blocks, choices, seed, .. } = self;
        let index = json.get("index").and_then(Json::number).and_then(|index| u32::try_from(index).ok());
        let index = index.unwrap_or_else(|| u32::try_from(at).unwrap_or(u32::MAX));
        let at = choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            choices.push(Choice { index, ..Choice::default() });
            choices.len() - 1
        });
        let Some(choice) = choices.get_mut(at) else { return };
        match (json.get("delta"), json.get("message")) {
            (Some(delta), _) => choice.delta(delta, seed, blocks, on),
            // Perplexity repeats the whole message in every chunk; without a delta it is news only once.
            (None, Some(message)) if choice.text.pieces == 0 => choice.delta(message, seed, blocks, on),
            _ => {}
        }
        let logprobs = extras::read_logprobs(json);
        if !logprobs.is_empty() {
            on(Event::Logprobs(index, logprobs));
        }
        if let Some(finish) = finish_of(json)
            && choice.finish.is_none()
        {
            let stop = json.get("stop_reason").and_then(Json::text).filter(|_| finish == Finish::Stop);
            let finish = if stop.is_some() { Finish::StopSequence } else { finish };
            choice.finish = Some((finish, stop.map(str::to_owned)));
        }
    }

    /// The sources of the whole answer, each once, as soon as there is text that they can hang on.
    fn cite_sources(&mut self, chunk: &Json<'_>, on: On<'_>) {
        if chunk.get("citations").is_none() && chunk.get("search_results").is_none() {
            return;
        }
        if self.choices.first().is_none_or(|choice| choice.text.pieces == 0) {
            return;
        }
        for source in extras::read_sources(chunk) {
            let Some(url) = source.url.as_deref() else { continue };
            if self.sources.insert(url.to_owned()) {
                let slot = self.blocks.text_slot(0, on);
                on(Event::Citation(slot, source));
            }
        }
    }

    /// All choices end, then the answer.
    fn end(&mut self, on: On<'_>) {
        if !self.started {
            self.started = true;
            on(Event::Start { id: None, model: None, created: None });
        }
        if self.choices.is_empty() {
            self.choices.push(Choice::default());
        }
        for choice in &mut self.choices {
            choice.end(&mut self.blocks, on);
        }
        on(Event::Done);
    }
}

impl Choice {
    fn delta(&mut self, delta: &Json<'_>, seed: &str, blocks: &mut Blocks, on: On<'_>) {
        self.reasoning(delta, blocks, on);
        self.content(delta, blocks, on);
        if let Some(refusal) = delta.get("refusal").and_then(Json::cow).filter(|text| !text.is_empty()) {
            on(Event::RefusalDelta(self.index, refusal));
        }
        for annotation in delta.get("annotations").map_or(&[][..], Json::items) {
            if let Some(citation) = extras::read_annotation(annotation) {
                let slot = blocks.text_slot(self.index, on);
                on(Event::Citation(slot, citation));
            }
        }
        for image in delta.get("images").map_or(&[][..], Json::items) {
            if let Some(image) = response::read_image(image) {
                on(Event::Media(self.index, image));
            }
        }
        self.audio(delta, blocks, on);
        if let Some(signature) = details::read_extra(delta) {
            self.signature(None, signature, blocks, on);
        }
        for call in delta.get("tool_calls").map_or(&[][..], Json::items) {
            self.calls.push(call, false, (self.index, seed), blocks, on);
        }
        if let Some(call) = delta.get("function_call") {
            self.calls.push(call, true, (self.index, seed), blocks, on);
        }
    }

    /// `reasoning_details` and the plain text say the same; only one of them counts.
    fn reasoning(&mut self, delta: &Json<'_>, blocks: &mut Blocks, on: On<'_>) {
        let mut told = false;
        for entry in delta.get("reasoning_details").map_or(&[][..], Json::items) {
            let detail = details::read(entry);
            if !detail.text.is_empty() {
                told = true;
                if self.detail.is_some() && detail.index != self.detail {
                    blocks.end_reasoning(self.index, None, on);
                }
                self.detail = detail.index;
                blocks.reasoning(self.index, detail.summary, detail.text, on);
            }
            match detail.state {
                Some(state) if state.kind == StateKind::GeminiThought => {
                    self.signature(detail.call.as_deref(), state.data, blocks, on);
                }
                Some(state) => {
                    self.detail = None;
                    blocks.end_reasoning(self.index, Some(state), on);
                }
                None => {}
            }
        }
        if !told && let Some(text) = response::plain_reasoning(delta) {
            blocks.reasoning(self.index, false, text, on);
        }
    }

    /// Google's signature: of a call that comes next, or of the text that is there.
    fn signature(&mut self, call: Option<&str>, data: Cow<'_, str>, blocks: &mut Blocks, on: On<'_>) {
        if call.is_none() && self.text.pieces > 0 && !self.calls.any() {
            let state = State { kind: StateKind::GeminiThought, bind: Bind::Text, data };
            blocks.end_text(self.index, Some(state), on);
        } else {
            self.calls.wait(call, &data);
        }
    }

    fn content(&mut self, delta: &Json<'_>, blocks: &mut Blocks, on: On<'_>) {
        match delta.get("content") {
            Some(Json::String(text)) => self.text(Cow::Borrowed(text), blocks, on),
            Some(list @ Json::Array(_)) => {
                for part in list.items() {
                    match response::read_part(part) {
                        Some(Part::Text(text)) => self.text(text.text, blocks, on),
                        Some(Part::Reasoning(thought)) => {
                            blocks.reasoning(self.index, false, thought.text, on);
                        }
                        Some(Part::Media(media)) => on(Event::Media(self.index, media)),
                        Some(Part::Refusal(text)) => on(Event::RefusalDelta(self.index, text)),
                        Some(Part::ToolCall(_) | Part::ToolResult(_) | Part::Json(_)) | None => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: Cow<'_, str>, blocks: &mut Blocks, on: On<'_>) {
        if !text.is_empty() && self.text.push(&text) {
            blocks.text(self.index, text, on);
        }
    }

    /// <https://platform.openai.com/docs/guides/audio>: base64 in pieces, what is said as a transcript beside.
    fn audio(&mut self, delta: &Json<'_>, blocks: &mut Blocks, on: On<'_>) {
        let Some(audio) = delta.get("audio") else { return };
        if let Some(data) = audio.get("data").and_then(Json::text) {
            self.audio.push_str(data);
        }
        if let Some(said) = audio.get("transcript").and_then(Json::cow) {
            self.text(said, blocks, on);
        }
    }

    fn end(&mut self, blocks: &mut Blocks, on: On<'_>) {
        if !self.audio.is_empty() {
            let data = Cow::Owned(std::mem::take(&mut self.audio));
            on(Event::Media(self.index, Media::new(MediaKind::Audio, Source::Base64(data))));
        }
        for data in self.calls.left() {
            let state =
                |bind| Some(State { kind: StateKind::GeminiThought, bind, data: Cow::Borrowed(&data) });
            if self.text.pieces > 0 {
                blocks.end_text(self.index, state(Bind::Text), on);
            } else {
                blocks.end_reasoning(self.index, state(Bind::Reasoning), on);
            }
        }
        let (reason, stop) = self.finish.take().unwrap_or_default();
        blocks.finish(self.index, reason, stop.map(Cow::Owned), on);
    }
}

impl ReadStream for Reader {
    fn push(&mut self, name: &str, data: &[u8], on: On<'_>) -> Result<(), Failure> {
        let data = data.trim_ascii();
        if data.is_empty() {
            return Ok(());
        }
        if data == b"[DONE]" {
            self.end(on);
            return Ok(());
        }
        let chunk = parse_lossy(data).map_err(Failure::malformed)?;
        let broken = |choice: &&Json<'_>| matches!(choice.get("error"), Some(Json::Object(_)));
        let broken = chunk.get("choices").and_then(|choices| choices.items().iter().find(broken));
        // Groq names the event and, where it has more to say, puts it under `x_groq`.
        let groq = chunk.get("x_groq").filter(|groq| groq.get("error").is_some());
        if name == "error" || response::is_error(&chunk) {
            on(Event::Error(failure_from(0, data)));
        } else if let Some(error) = broken.or(groq) {
            on(Event::Error(failure_from(0, error.raw().as_bytes())));
        } else {
            self.chunk(&chunk, on);
        }
        Ok(())
    }

    fn finish(&mut self, on: On<'_>) {
        // Perplexity and some others send no `[DONE]`.
        if !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finish.is_some()) {
            self.end(on);
        }
    }
}
