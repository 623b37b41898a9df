//! An upstream's stream is read: <https://platform.openai.com/docs/api-reference/responses-streaming>.
//!
//! Servers differ in what they leave out: deltas where `done` says it all, the calls' `done`, every event but the last.
//! Items are told apart by `output_index`; their ids may change on the way (GitHub's Copilot).

use super::response_in::{
    arguments, call_id, citation, failure, image, is_custom, logprobs, reasoning_text, state, usage,
};
use super::types::finish;
use crate::chat::{Blocks, Event, Failure, mint_id};
use crate::json::{Json, parse_lossy};
use crate::translate::{Context, ReadStream};
use std::borrow::Cow;

/// Reads one stream.
#[derive(Debug)]
pub(super) struct Reader {
    request_id: String,
    blocks: Blocks,
    items: Vec<Item>,
    started: bool,
    refused: bool,
    /// The kinds of items that something came of: what the last event has beside them is new.
    kinds: Vec<Kind>,
}

/// What an output item is to the neutral model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Message,
    Reasoning,
    Call,
    Image,
}

impl Kind {
    /// `None`: a tool's that the vendor runs itself.
    fn of(item: &Json<'_>) -> Option<Self> {
        match item.get("type").and_then(Json::text)? {
            "message" => Some(Self::Message),
            "reasoning" => Some(Self::Reasoning),
            "function_call" | "custom_tool_call" => Some(Self::Call),
            "image_generation_call" => Some(Self::Image),
            _ => None,
        }
    }
}

/// What came of one output item.
#[derive(Debug, Default)]
struct Item {
    key: u64,
    /// The parts of its content or summary that something came of; a call has one.
    seen: Vec<Seen>,
    /// Sources came of its text.
    cited: bool,
    /// The reasoning is the text itself (true) or its summary, whichever came first.
    raw: Option<bool>,
    /// Its call has begun.
    opened: bool,
    done: bool,
}

/// What came of a part so far, kept as its length and a sum over it.
#[derive(Debug)]
struct Seen {
    part: u64,
    length: usize,
    sum: u64,
}

impl Seen {
    const fn new(part: u64) -> Self {
        Self { part, length: 0, sum: 0xcbf2_9ce4_8422_2325 }
    }

    /// FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>: the same however the text is cut.
    fn add(&mut self, text: &str) {
        self.length += text.len();
        for byte in text.bytes() {
            self.sum = (self.sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl Item {
    /// What is new of this text: a delta always is; a whole text where nothing came before, or behind what came if it
    /// begins so. The second value: nothing came of this part before.
    fn fresh<'t>(&mut self, part: u64, text: Cow<'t, str>, delta: bool) -> Option<(Cow<'t, str>, bool)> {
        if text.is_empty() {
            return None;
        }
        let at = self.seen.iter().rposition(|seen| seen.part == part);
        let first = at.is_none();
        let at = at.unwrap_or_else(|| {
            self.seen.push(Seen::new(part));
            self.seen.len() - 1
        });
        let seen = self.seen.get_mut(at)?;
        if delta || seen.length == 0 {
            seen.add(&text);
            return Some((text, first));
        }
        let (begin, rest) = text.split_at_checked(seen.length).filter(|(_, rest)| !rest.is_empty())?;
        let mut begun = Seen::new(part);
        begun.add(begin);
        if begun.sum != seen.sum {
            return None;
        }
        seen.add(rest);
        Some((Cow::Owned(rest.to_owned()), first))
    }
}

type On<'o> = &'o mut dyn FnMut(Event<'_>);

impl ReadStream for Reader {
    fn push(&mut self, name: &str, data: &[u8], on: On<'_>) -> Result<(), Failure> {
        // A copy of the event before it, with all of the caller's tools.
        if (name == "response.in_progress" && self.started) || data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        let event = parse_lossy(data).map_err(Failure::malformed)?;
        let kind = event.get("type").and_then(Json::text).unwrap_or(name);
        match kind {
            "error" | "response.failed" | "response.cancelled" => return Err(failure(&event)),
            // Some proxies put a bare error into the stream.
            "" if event.get("error").is_some() => return Err(failure(&event)),
            _ => {}
        }
        if !self.started {
            self.started = true;
            on(start(event.get("response")));
        }
        match kind {
            "response.completed" | "response.incomplete" | "response.done" => self.end(&event, on),
            _ => self.inside(kind, &event, on),
        }
        Ok(())
    }

    fn finish(&mut self, _on: On<'_>) {
        // A whole answer ends with `response.completed` or `response.incomplete`, nothing else.
    }
}

fn start<'a>(response: Option<&Json<'a>>) -> Event<'a> {
    let text = |name| response.and_then(|response| response.get(name)).and_then(Json::cow);
    let created = response.and_then(|response| response.get("created_at")).and_then(Json::number);
    Event::Start { id: text("id"), model: text("model"), created }
}

impl Reader {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            request_id: context.request_id.clone(),
            blocks: Blocks::default(),
            items: Vec::new(),
            started: false,
            refused: false,
            kinds: Vec::new(),
        }
    }

    /// The item that an event is about, by its number in `items`.
    fn item(&mut self, event: &Json<'_>) -> usize {
        match event.get("output_index").and_then(Json::number) {
            Some(key) => self.keyed(key),
            // Without an index: the one that came last.
            None => match self.items.len() {
                0 => self.keyed(0),
                count => count - 1,
            },
        }
    }

    fn keyed(&mut self, key: u64) -> usize {
        self.items.iter().rposition(|item| item.key == key).unwrap_or_else(|| {
            self.items.push(Item { key, ..Item::default() });
            self.items.len() - 1
        })
    }

    fn note(&mut self, kind: Kind) {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
    }

    fn inside(&mut self, kind: &str, event: &Json<'_>, on: On<'_>) {
        match kind {
            "response.output_text.delta" => self.text(event, "delta", true, on),
            "response.output_text.done" => self.text(event, "text", false, on),
            "response.refusal.delta" => self.refusal(event, "delta", true, on),
            "response.refusal.done" => self.refusal(event, "refusal", false, on),
            "response.reasoning_summary_text.delta" => self.reasoning(event, "delta", false, on),
            "response.reasoning_summary_text.done" => self.reasoning(event, "text", false, on),
            "response.reasoning_text.delta" => self.reasoning(event, "delta", true, on),
            "response.reasoning_text.done" => self.reasoning(event, "text", true, on),
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                let number = self.item(event);
                self.call(number, event.get("delta").and_then(Json::cow), true, on);
            }
            "response.function_call_arguments.done" | "response.custom_tool_call_input.done" => {
                let number = self.item(event);
                self.call(number, arguments(event), false, on);
            }
            "response.output_text.annotation.added" => {
                let item = self.item(event);
                if let Some(citation) = event.get("annotation").and_then(citation) {
                    self.items[item].cited = true;
                    let slot = self.blocks.text_slot(0, on);
                    on(Event::Citation(slot, citation));
                }
            }
            "response.content_part.done" => self.part_done(event, on),
            "response.output_item.added" => self.added(event, on),
            "response.output_item.done" => {
                let number = self.item(event);
                if let Some(item) = event.get("item") {
                    self.item_done(number, item, on);
                }
            }
            _ => {}
        }
    }

    /// Text of a content part: a delta, or all of it.
    fn text(&mut self, event: &Json<'_>, member: &str, delta: bool, on: On<'_>) {
        if let Some((text, _)) = self.fresh(event, member, "content_index", delta) {
            self.note(Kind::Message);
            self.blocks.text(0, text, on);
            let tokens = logprobs(event);
            // Those of the whole came with its pieces.
            if !tokens.is_empty() && delta {
                on(Event::Logprobs(0, tokens));
            }
        }
    }

    fn refusal(&mut self, event: &Json<'_>, member: &str, delta: bool, on: On<'_>) {
        if let Some((text, _)) = self.fresh(event, member, "content_index", delta) {
            self.refused = true;
            self.note(Kind::Message);
            on(Event::RefusalDelta(0, text));
        }
    }

    /// What is new of the text in this member of an event about a part.
    fn fresh<'t>(
        &mut self,
        event: &Json<'t>,
        member: &str,
        index: &str,
        delta: bool,
    ) -> Option<(Cow<'t, str>, bool)> {
        let text = event.get(member).and_then(Json::cow)?;
        let number = self.item(event);
        let part = event.get(index).and_then(Json::number).unwrap_or(0);
        self.items.get_mut(number)?.fresh(part, text, delta)
    }

    fn reasoning(&mut self, event: &Json<'_>, member: &str, raw: bool, on: On<'_>) {
        self.note(Kind::Reasoning);
        let number = self.item(event);
        // Both of the same thoughts: the first kind goes on.
        if *self.items[number].raw.get_or_insert(raw) != raw {
            return;
        }
        let index = if raw { "content_index" } else { "summary_index" };
        if let Some((text, first)) = self.fresh(event, member, index, member == "delta") {
            if first && self.items[number].seen.len() > 1 {
                self.blocks.reasoning(0, !raw, Cow::Borrowed("\n\n"), on);
            }
            self.blocks.reasoning(0, !raw, text, on);
        }
    }

    /// More of a call. What belongs to a tool of the vendor has no open call.
    fn call(&mut self, number: usize, text: Option<Cow<'_, str>>, delta: bool, on: On<'_>) {
        let item = &mut self.items[number];
        if self.blocks.has_tool(0, item.key)
            && let Some((text, _)) = text.and_then(|text| item.fresh(0, text, delta))
        {
            self.blocks.tool_delta(0, item.key, text, on);
        }
    }

    fn added(&mut self, event: &Json<'_>, on: On<'_>) {
        let number = self.item(event);
        let Some(item) = event.get("item") else { return };
        // Without its name a call can't begin: the whole item has it.
        match Kind::of(item) {
            Some(Kind::Call) if item.get("name").is_some() => self.open_call(number, item, on),
            Some(Kind::Message) => self.blocks.end_text(0, None, on),
            _ => {}
        }
    }

    fn open_call(&mut self, number: usize, item: &Json<'_>, on: On<'_>) {
        self.note(Kind::Call);
        self.items[number].opened = true;
        let key = self.items[number].key;
        let id = call_id(item).unwrap_or_else(|| Cow::Owned(mint_id(&self.request_id, number)));
        let name = item.get("name").and_then(Json::cow).unwrap_or_default();
        self.blocks.tool(0, key, id, name, is_custom(item), None, on);
    }

    /// A text is over: what names its sources only now is read before.
    fn part_done(&mut self, event: &Json<'_>, on: On<'_>) {
        let number = self.item(event);
        if let Some(part) = event.get("part").filter(|part| part.get("annotations").is_some()) {
            self.cite(number, part, on);
            self.blocks.end_text(0, None, on);
        }
    }

    fn cite(&mut self, number: usize, content: &Json<'_>, on: On<'_>) {
        let item = &mut self.items[number];
        if item.cited {
            return;
        }
        for citation in content.get("annotations").map_or(&[][..], Json::items).iter().filter_map(citation) {
            item.cited = true;
            let slot = self.blocks.text_slot(0, on);
            on(Event::Citation(slot, citation));
        }
    }

    /// A whole item: what has not come of it yet is handed on.
    fn item_done(&mut self, number: usize, item: &Json<'_>, on: On<'_>) {
        if std::mem::replace(&mut self.items[number].done, true) {
            return;
        }
        let Some(kind) = Kind::of(item) else { return };
        self.note(kind);
        match kind {
            Kind::Message => self.message_done(number, item, on),
            Kind::Reasoning => {
                if self.items[number].seen.is_empty() {
                    let (text, summary) = reasoning_text(item);
                    self.blocks.reasoning(0, summary, text, on);
                }
                self.blocks.end_reasoning(0, state(item), on);
            }
            Kind::Call => {
                let key = self.items[number].key;
                if !self.items[number].opened {
                    self.open_call(number, item, on);
                }
                self.call(number, arguments(item), false, on);
                self.blocks.end_tool(0, key, on);
            }
            Kind::Image => {
                if let Some(media) = image(item) {
                    on(Event::Media(0, media));
                }
            }
        }
    }

    fn message_done(&mut self, number: usize, item: &Json<'_>, on: On<'_>) {
        if self.items[number].seen.is_empty() {
            for content in item.get("content").map_or(&[][..], Json::items) {
                if let Some(refusal) = content.get("refusal").and_then(Json::cow).filter(|it| !it.is_empty())
                {
                    self.refused = true;
                    on(Event::RefusalDelta(0, refusal));
                } else if let Some(text) = content.get("text").and_then(Json::cow) {
                    self.blocks.text(0, text, on);
                    let tokens = logprobs(content);
                    if !tokens.is_empty() {
                        on(Event::Logprobs(0, tokens));
                    }
                    self.items[number].cited = false;
                    self.cite(number, content, on);
                    self.blocks.end_text(0, None, on);
                }
            }
        }
        self.blocks.end_text(0, None, on);
    }

    /// The response as a whole: what no event told of is read from it.
    fn end(&mut self, event: &Json<'_>, on: On<'_>) {
        let response = event.get("response").unwrap_or(event);
        let known = self.kinds.clone();
        let new = |item: &&Json<'_>| Kind::of(item).is_some_and(|kind| !known.contains(&kind));
        for item in response.get("output").map_or(&[][..], Json::items).iter().filter(new) {
            // A number that no other item has: those of the events may differ from the places here.
            let number = self.keyed(u64::MAX - self.items.len() as u64);
            self.item_done(number, item, on);
        }
        if let Some(tier) = response.get("service_tier").and_then(Json::cow) {
            on(Event::Tier(tier));
        }
        let usage = usage(response);
        if !usage.is_unknown() {
            on(Event::Usage(usage));
        }
        let reason = finish(response, self.blocks.called(), self.refused);
        self.blocks.finish(0, reason, None, on);
        on(Event::Done);
    }
}
