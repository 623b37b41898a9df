//! What is no message: reasoning, calls, images.

use super::*;

impl Writer {
    pub(super) fn think(&mut self, slot: Slot, text: &str, out: &mut Vec<u8>) {
        let Some(at) = self.thoughts.iter().position(|thought| thought.slot == slot) else { return };
        if self.thoughts[at].item.is_none() {
            let (index, id) = self.open_item("rs");
            self.added(index, out, |json| reasoning(json, &id, "", None));
            event(&mut self.sequence, out, "response.reasoning_summary_part.added", |json| {
                summary(json, index, &id);
                json.name("part").begin().member("type", "summary_text").member("text", "").end();
            });
            self.thoughts[at].item = Some((index, id));
        }
        let thought = &mut self.thoughts[at];
        thought.text.push_str(text);
        let Some((index, id)) = &thought.item else { return };
        event(&mut self.sequence, out, "response.reasoning_summary_text.delta", |json| {
            summary(json, *index, id);
            json.member("delta", text);
        });
    }

    pub(super) fn end_thought(&mut self, slot: Slot, state: Option<&State<'_>>, out: &mut Vec<u8>) {
        let Some(at) = self.thoughts.iter().position(|thought| thought.slot == slot) else { return };
        let Thought { item, text, .. } = self.thoughts.remove(at);
        match (item, state) {
            (Some((index, id)), _) => {
                event(&mut self.sequence, out, "response.reasoning_summary_text.done", |json| {
                    summary(json, index, &id);
                    json.member("text", &text);
                });
                event(&mut self.sequence, out, "response.reasoning_summary_part.done", |json| {
                    summary(json, index, &id);
                    json.name("part").begin().member("type", "summary_text").member("text", &text).end();
                });
                self.item_done(index, out, |json| reasoning(json, &id, &text, state));
            }
            (None, Some(state)) => self.carry(state, out),
            (None, None) => {}
        }
    }

    /// A reasoning item with nothing but state.
    pub(super) fn carry(&mut self, state: &State<'_>, out: &mut Vec<u8>) {
        let (index, id) = self.open_item("rs");
        self.added(index, out, |json| reasoning(json, &id, "", None));
        self.item_done(index, out, |json| reasoning(json, &id, "", Some(state)));
    }

    pub(super) fn call(&mut self, slot: Slot, id: &str, name: &str, custom: bool, out: &mut Vec<u8>) {
        let (index, item_id) = self.open_item(Call::prefix(custom));
        let own = |text: &str| Cow::Owned(text.to_owned());
        let arguments = Cow::Borrowed("");
        let call = Call { item_id: Cow::Owned(item_id), id: own(id), name: own(name), custom, arguments };
        let item = self.call_item(&call, "in_progress");
        self.added(index, out, |json| {
            json.raw(&item);
        });
        self.calls.push(OpenCall { slot, index, call });
    }

    fn call_item(&self, call: &Call<'_>, status: &str) -> String {
        let mut item = json::Writer::default();
        if let Some(head) = &self.head {
            call.write(head, &mut item, status);
        }
        item.into_string()
    }

    pub(super) fn call_delta(&mut self, slot: Slot, text: &str, out: &mut Vec<u8>) {
        let Some(open) = self.calls.iter_mut().find(|open| open.slot == slot) else { return };
        open.call.arguments.to_mut().push_str(text);
        let name = if open.call.custom {
            "response.custom_tool_call_input.delta"
        } else {
            "response.function_call_arguments.delta"
        };
        event(&mut self.sequence, out, name, |json| {
            json.member("item_id", &open.call.item_id).name("output_index").number(open.index as u64);
            json.member("delta", text);
        });
    }

    pub(super) fn end_call(&mut self, slot: Slot, out: &mut Vec<u8>) {
        // Who adds up deltas must come to an object, too.
        let nothing =
            |open: &OpenCall| open.slot == slot && !open.call.custom && open.call.arguments.is_empty();
        if self.calls.iter().any(nothing) {
            self.call_delta(slot, "{}", out);
        }
        let Some(at) = self.calls.iter().position(|open| open.slot == slot) else { return };
        let OpenCall { index, call, .. } = self.calls.remove(at);
        let name = if call.custom {
            "response.custom_tool_call_input.done"
        } else {
            "response.function_call_arguments.done"
        };
        event(&mut self.sequence, out, name, |json| {
            json.member("item_id", &call.item_id).name("output_index").number(index as u64);
            if call.custom {
                json.member("input", call.told());
            } else {
                let name = self.head.as_ref().map(|head| split(&head.namespaces, &head.tools, &call.name).1);
                json.member("name", name.unwrap_or(&call.name)).member("arguments", call.told());
            }
        });
        let item = self.call_item(&call, "completed");
        self.item_done(index, out, |json| {
            json.raw(&item);
        });
    }

    /// An image; of other media there is nothing in this dialect.
    pub(super) fn media(&mut self, media: &Media<'_>, out: &mut Vec<u8>) {
        if media.kind != MediaKind::Image {
            return;
        }
        match &media.source {
            Source::Base64(data) => {
                self.end_message("completed", out);
                let (index, id) = self.open_item("ig");
                self.added(index, out, |json| image(json, &id, "in_progress", None));
                event(&mut self.sequence, out, "response.image_generation_call.completed", |json| {
                    json.member("item_id", &id).name("output_index").number(index as u64);
                });
                self.item_done(index, out, |json| image(json, &id, "completed", Some(data)));
            }
            // A block of its own, whose number no other has.
            Source::Url(url) => {
                self.end_part(out);
                self.text(Slot { choice: 0, block: u32::MAX }, &linked(url), out);
            }
            Source::Text(_) | Source::Id(_) => {}
        }
    }
}

/// Where the summary of reasoning stands; there is one part of it.
fn summary(json: &mut json::Writer, index: usize, id: &str) {
    json.member("item_id", id).name("output_index").number(index as u64).name("summary_index").number(0);
}
