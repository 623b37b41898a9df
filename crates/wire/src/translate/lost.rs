//! What an answer loses on its way to a dialect that has no place for it: for the log, since the head has gone out when it
//! is known.

use super::{client, field_name};
use crate::Format;
use crate::chat::{Event, Field, MediaKind, Part, Response};

/// The losses of one answer.
#[derive(Debug)]
pub(super) struct Lost {
    to: Format,
    unsaid: &'static [Field],
    fields: Vec<Field>,
}

impl Lost {
    pub(super) fn new(to: Format) -> Self {
        Self { to, unsaid: client(to).map_or(&[], |client| client.unsaid()), fields: Vec::new() }
    }

    /// Notes what is lost of a streamed answer.
    pub(super) fn note(&mut self, event: &Event<'_>) {
        if self.unsaid.is_empty() {
            return;
        }
        let field = match event {
            Event::Media(_, media) => medium(media.kind),
            Event::Logprobs(..) => Field::Logprobs,
            Event::RefusalDelta(..) => Field::Refusal,
            Event::TextStart(slot) | Event::ReasoningStart(slot, _) | Event::ToolStart { slot, .. }
                if slot.choice > 0 =>
            {
                Field::N
            }
            _ => return,
        };
        self.add(field);
    }

    /// Notes what is lost of a whole one.
    pub(super) fn note_all(&mut self, response: &Response<'_>) {
        for choice in &response.choices {
            let parts = choice.parts.iter().filter_map(|part| match part {
                Part::Media(media) => Some(medium(media.kind)),
                Part::Refusal(_) => Some(Field::Refusal),
                _ => None,
            });
            let logprobs = (!choice.logprobs.is_empty()).then_some(Field::Logprobs);
            let other = (choice.index > 0).then_some(Field::N);
            parts.chain(logprobs).chain(other).for_each(|field| self.add(field));
        }
    }

    fn add(&mut self, field: Field) {
        if self.unsaid.contains(&field) && !self.fields.contains(&field) {
            self.fields.push(field);
        }
    }

    /// By the names that the fields have in the caller's requests.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.fields.iter().map(|field| field_name(self.to, *field)).collect()
    }
}

const fn medium(kind: MediaKind) -> Field {
    match kind {
        MediaKind::Image => Field::Image,
        MediaKind::File => Field::File,
        MediaKind::Audio => Field::Audio,
        MediaKind::Video => Field::Video,
    }
}
