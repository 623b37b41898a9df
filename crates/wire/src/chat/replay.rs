//! A whole answer becomes events: for a client that wants a stream from an upstream that doesn't.

use super::{Choice, Event, Part, Response, Slot};

/// Hands on the events that make up this answer, `Done` included.
pub fn replay<'a>(response: Response<'a>, on: &mut dyn FnMut(Event<'a>)) {
    on(Event::Start { id: response.id, model: response.model, created: response.created });
    for choice in response.choices {
        replay_choice(choice, on);
    }
    if let Some(tier) = response.service_tier {
        on(Event::Tier(tier));
    }
    if !response.usage.is_unknown() {
        on(Event::Usage(response.usage));
    }
    on(Event::Done);
}

fn replay_choice<'a>(choice: Choice<'a>, on: &mut dyn FnMut(Event<'a>)) {
    let index = choice.index;
    let mut next = 0;
    let mut slot = || {
        next += 1;
        Slot { choice: index, block: next - 1 }
    };
    for part in choice.parts {
        match part {
            Part::Text(text) => {
                let slot = slot();
                on(Event::TextStart(slot));
                if !text.text.is_empty() {
                    on(Event::TextDelta(slot, text.text));
                }
                text.citations.into_iter().for_each(|citation| on(Event::Citation(slot, citation)));
                on(Event::TextEnd(slot, text.state));
            }
            Part::Reasoning(reasoning) => {
                let slot = slot();
                on(Event::ReasoningStart(slot, reasoning.summary));
                if !reasoning.text.is_empty() {
                    on(Event::ReasoningDelta(slot, reasoning.text));
                }
                on(Event::ReasoningEnd(slot, reasoning.state));
            }
            Part::ToolCall(call) => {
                let slot = slot();
                on(Event::ToolStart {
                    slot,
                    id: call.id,
                    name: call.name,
                    custom: call.custom,
                    state: call.state,
                });
                // Groq and Cohere write `null` where a call has no arguments.
                let none = call.arguments.is_empty() || (!call.custom && call.arguments.trim() == "null");
                if !none {
                    on(Event::ToolDelta(slot, call.arguments));
                }
                on(Event::ToolEnd(slot));
            }
            Part::Refusal(text) => on(Event::RefusalDelta(index, text)),
            Part::Media(media) => on(Event::Media(index, media)),
            // Neither is ever part of an answer.
            Part::ToolResult(_) | Part::Json(_) => {}
        }
    }
    if !choice.logprobs.is_empty() {
        on(Event::Logprobs(index, choice.logprobs));
    }
    on(Event::Finish { choice: index, reason: choice.finish, stop_sequence: choice.stop_sequence });
}
