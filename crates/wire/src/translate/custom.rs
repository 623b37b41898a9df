//! Custom tools at upstreams that know functions only: the request offers them as functions with one text, the answer's
//! calls become plain input again. A call that has to be unwrapped is held until it is whole.

use crate::chat::{Event, Part, Response, Slot, unwrapped};
use std::borrow::Cow;

/// Turns function calls of custom tools back into custom calls.
#[derive(Debug)]
pub(super) struct Unwrap {
    names: Vec<String>,
    held: Vec<(Slot, String)>,
}

impl Unwrap {
    pub(super) const fn new(names: Vec<String>) -> Self {
        Self { names, held: Vec::new() }
    }

    pub(super) fn push(&mut self, event: Event<'_>, on: &mut dyn FnMut(Event<'_>)) {
        match event {
            Event::ToolStart { slot, id, name, custom: false, state }
                if self.names.iter().any(|known| *known == name) =>
            {
                self.held.push((slot, String::new()));
                on(Event::ToolStart { slot, id, name, custom: true, state });
            }
            Event::ToolDelta(slot, more) => match self.held.iter_mut().find(|(held, _)| *held == slot) {
                Some((_, arguments)) => arguments.push_str(&more),
                None => on(Event::ToolDelta(slot, more)),
            },
            Event::ToolEnd(slot) => {
                if let Some(at) = self.held.iter().position(|(held, _)| *held == slot) {
                    let (_, arguments) = self.held.swap_remove(at);
                    let input = unwrapped(&arguments);
                    if !input.is_empty() {
                        on(Event::ToolDelta(slot, Cow::Owned(input)));
                    }
                }
                on(Event::ToolEnd(slot));
            }
            other => on(other),
        }
    }
}

/// The same for a whole answer.
pub(super) fn unwrap_all(response: &mut Response<'_>, names: &[String]) {
    for part in response.choices.iter_mut().flat_map(|choice| &mut choice.parts) {
        if let Part::ToolCall(call) = part
            && !call.custom
            && names.iter().any(|known| *known == call.name)
        {
            call.custom = true;
            call.arguments = Cow::Owned(unwrapped(&call.arguments));
        }
    }
}
