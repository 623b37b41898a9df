//! Messages: text with its sources and log probabilities, and refusals, as parts of one item.

use super::*;

impl Writer {
    /// Opens a part of the message, and the message where none is open.
    fn open_part(&mut self, refusal: bool, slot: Option<Slot>, out: &mut Vec<u8>) {
        self.end_part(out);
        if self.message.is_none() {
            let (index, id) = self.open_item("msg");
            self.added(index, out, |json| message(json, &id, "in_progress", &[]));
            self.message = Some(Message { index, id, contents: Vec::new(), open: None, cited: 0 });
        }
        let Some(open) = &mut self.message else { return };
        let new = Content { refusal, ..Content::default() };
        let number = open.contents.len() as u64;
        event(&mut self.sequence, out, "response.content_part.added", |json| {
            place(json, open, number);
            json.name("part");
            content(json, &new);
        });
        let logprobs = if refusal { String::new() } else { std::mem::take(&mut self.tokens) };
        open.contents.push(Content { logprobs, ..new });
        open.open = Some(slot);
        open.cited = 0;
    }

    fn is_open(&self, slot: Slot) -> bool {
        self.message.as_ref().is_some_and(|message| message.open == Some(Some(slot)))
    }

    pub(super) fn text(&mut self, slot: Slot, text: &str, out: &mut Vec<u8>) {
        if !self.is_open(slot) {
            self.open_part(false, Some(slot), out);
        }
        let tokens = std::mem::take(&mut self.tokens);
        let Some(open) = &mut self.message else { return };
        let number = (open.contents.len() as u64).saturating_sub(1);
        let Some(part) = open.contents.last_mut() else { return };
        part.text.to_mut().push_str(text);
        // What came before the part's first delta stands in the part already.
        let tokens = if part.text.len() == text.len() { part.logprobs.clone() } else { tokens };
        event(&mut self.sequence, out, "response.output_text.delta", |json| {
            place(json, open, number);
            json.member("delta", text).name("logprobs");
            raw_list(json, &tokens);
        });
    }

    /// Tokens of the text that is open, or that is to come. They go out with the next delta, and with the whole.
    pub(super) fn note_tokens(&mut self, tokens: &str) {
        if tokens.is_empty() {
            return;
        }
        let comma = |list: &mut String| {
            if !list.is_empty() {
                list.push(',');
            }
            list.push_str(tokens);
        };
        comma(&mut self.tokens);
        if let Some(part) = self.message.as_mut().and_then(|open| open.contents.last_mut())
            && !part.refusal
        {
            comma(&mut part.logprobs);
        }
    }

    pub(super) fn cite(&mut self, slot: Slot, citation: &Citation<'_>, out: &mut Vec<u8>) {
        if !self.is_open(slot) {
            self.open_part(false, Some(slot), out);
        }
        let mut written = json::Writer::default();
        annotation(&mut written, citation);
        let written = written.into_string();
        let Some(open) = &mut self.message else { return };
        let number = (open.contents.len() as u64).saturating_sub(1);
        event(&mut self.sequence, out, "response.output_text.annotation.added", |json| {
            place(json, open, number);
            json.name("annotation_index").number(open.cited).name("annotation").raw(&written);
        });
        open.cited += 1;
        let Some(part) = open.contents.last_mut() else { return };
        if !part.annotations.is_empty() {
            part.annotations.push(',');
        }
        part.annotations.push_str(&written);
    }

    /// The text is over. Its events wait for what comes next: log probabilities may still follow.
    pub(super) fn end_text(&mut self, slot: Slot, state: Option<&State<'_>>, out: &mut Vec<u8>) {
        if let Some(state) = state {
            // State needs a text to be bound to, be it empty.
            if !self.is_open(slot) {
                self.open_part(false, Some(slot), out);
            }
            self.end_message("completed", out);
            self.carry(state, out);
        }
    }

    pub(super) fn refuse(&mut self, text: &str, out: &mut Vec<u8>) {
        self.refused = true;
        if !self.message.as_ref().is_some_and(|message| {
            message.open.is_some() && message.contents.last().is_some_and(|part| part.refusal)
        }) {
            self.open_part(true, None, out);
        }
        let Some(open) = &mut self.message else { return };
        let number = (open.contents.len() as u64).saturating_sub(1);
        if let Some(part) = open.contents.last_mut() {
            part.text.to_mut().push_str(text);
        }
        event(&mut self.sequence, out, "response.refusal.delta", |json| {
            place(json, open, number);
            json.member("delta", text);
        });
    }

    /// Ends the part that is open.
    pub(super) fn end_part(&mut self, out: &mut Vec<u8>) {
        let Some(open) = &mut self.message else { return };
        let (Some(_), Some(part)) = (open.open.take(), open.contents.last()) else { return };
        let number = (open.contents.len() as u64).saturating_sub(1);
        let name = if part.refusal { "response.refusal.done" } else { "response.output_text.done" };
        event(&mut self.sequence, out, name, |json| {
            place(json, open, number);
            if part.refusal {
                json.member("refusal", &part.text);
            } else {
                json.member("text", &part.text).name("logprobs");
                raw_list(json, &part.logprobs);
            }
        });
        event(&mut self.sequence, out, "response.content_part.done", |json| {
            place(json, open, number);
            json.name("part");
            content(json, part);
        });
        self.tokens.clear();
    }

    /// Ends the message that is open.
    pub(super) fn end_message(&mut self, status: &str, out: &mut Vec<u8>) {
        self.end_part(out);
        if let Some(over) = self.message.take() {
            self.item_done(over.index, out, |json| message(json, &over.id, status, &over.contents));
        }
    }
}

/// Where a part stands.
fn place(json: &mut json::Writer, message: &Message, number: u64) {
    json.member("item_id", &message.id).name("output_index").number(message.index as u64);
    json.name("content_index").number(number);
}
