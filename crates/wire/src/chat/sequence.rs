//! For writers whose dialect has one block open at a time: blocks that run beside each other come out one after the
//! other, in the order of their starts. Blocks that don't overlap are never held.

use super::{Event, Slot};
use std::borrow::Cow;
use std::collections::VecDeque;

/// Puts the blocks of one choice in a row. Events of other choices are left out: the dialects that need this have one.
#[derive(Debug, Default)]
pub struct Sequencer {
    open: Option<Slot>,
    waiting: VecDeque<(Slot, Vec<Event<'static>>)>,
}

impl Sequencer {
    /// Takes an event and hands on what may go out now.
    pub fn push(&mut self, event: Event<'_>, on: &mut dyn FnMut(Event<'_>)) {
        let Some(slot) = event.slot() else {
            if event.choice() == 0 {
                on(event);
            }
            return;
        };
        if slot.choice != 0 {
            return;
        }
        if let Some((_, held)) = self.waiting.iter_mut().find(|(waiting, _)| *waiting == slot) {
            hold(held, event);
        } else if self.open.is_some_and(|open| open != slot) {
            self.waiting.push_back((slot, vec![event.into_owned()]));
        } else {
            let ends = is_end(&event);
            self.open = (!ends).then_some(slot);
            on(event);
            if ends {
                self.release(on);
            }
        }
    }

    fn release(&mut self, on: &mut dyn FnMut(Event<'_>)) {
        while self.open.is_none()
            && let Some((slot, held)) = self.waiting.pop_front()
        {
            let ended = held.last().is_some_and(is_end);
            held.into_iter().for_each(&mut *on);
            self.open = (!ended).then_some(slot);
        }
    }
}

/// Pieces of arguments that wait become one.
fn hold(held: &mut Vec<Event<'static>>, event: Event<'_>) {
    if let (Some(Event::ToolDelta(_, all)), Event::ToolDelta(_, more)) = (held.last_mut(), &event) {
        all.to_mut().push_str(more);
        return;
    }
    held.push(event.into_owned());
}

const fn is_end(event: &Event<'_>) -> bool {
    matches!(event, Event::TextEnd(..) | Event::ReasoningEnd(..) | Event::ToolEnd(_))
}

impl Event<'_> {
    /// A copy that borrows from nothing.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        let own = |text: Cow<'_, str>| Cow::<'static, str>::Owned(text.into_owned());
        match self {
            Event::Start { id, model, created } => {
                Event::Start { id: id.map(own), model: model.map(own), created }
            }
            Event::TextStart(slot) => Event::TextStart(slot),
            Event::TextDelta(slot, text) => Event::TextDelta(slot, own(text)),
            Event::Citation(slot, citation) => Event::Citation(slot, citation.into_owned()),
            Event::TextEnd(slot, state) => Event::TextEnd(slot, state.map(super::State::into_owned)),
            Event::ReasoningStart(slot, summary) => Event::ReasoningStart(slot, summary),
            Event::ReasoningDelta(slot, text) => Event::ReasoningDelta(slot, own(text)),
            Event::ReasoningEnd(slot, state) => {
                Event::ReasoningEnd(slot, state.map(super::State::into_owned))
            }
            Event::ToolStart { slot, id, name, custom, state } => Event::ToolStart {
                slot,
                id: own(id),
                name: own(name),
                custom,
                state: state.map(super::State::into_owned),
            },
            Event::ToolDelta(slot, text) => Event::ToolDelta(slot, own(text)),
            Event::ToolEnd(slot) => Event::ToolEnd(slot),
            Event::RefusalDelta(choice, text) => Event::RefusalDelta(choice, own(text)),
            Event::Media(choice, media) => Event::Media(choice, media.into_owned()),
            Event::Logprobs(choice, tokens) => {
                Event::Logprobs(choice, tokens.into_iter().map(super::TokenLogprob::into_owned).collect())
            }
            Event::Usage(usage) => Event::Usage(usage),
            Event::Tier(tier) => Event::Tier(own(tier)),
            Event::Finish { choice, reason, stop_sequence } => {
                Event::Finish { choice, reason, stop_sequence: stop_sequence.map(own) }
            }
            Event::Done => Event::Done,
            Event::Error(failure) => Event::Error(failure),
        }
    }
}
