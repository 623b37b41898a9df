//! A streamed answer, event by event. Blocks come in threes: start, deltas, end; then usage, then finish.

use super::{Citation, Failure, Finish, Media, State, TokenLogprob};
use crate::Usage;
use std::borrow::Cow;

/// Which block of which choice. Block numbers count up in the order of the starts, all kinds together, from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// The choice.
    pub choice: u32,
    /// The block in it.
    pub block: u32,
}

/// One event of an answer. Order per choice: starts, deltas and ends of blocks (several tool blocks may be open at
/// once), then `Finish`; `Usage` may come at any time, counts so far, the last one is true. `Start` comes first,
/// `Done` last; after `Error` nothing comes.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// The answer begins.
    Start {
        /// The provider's id of it.
        id: Option<Cow<'a, str>>,
        /// The model that answers.
        model: Option<Cow<'a, str>>,
        /// When, in seconds since 1970.
        created: Option<u64>,
    },
    /// A stretch of text begins.
    TextStart(Slot),
    /// More text. Never empty.
    TextDelta(Slot, Cow<'a, str>),
    /// A source of this text.
    Citation(Slot, Citation<'a>),
    /// The text ends, with state bound to it.
    TextEnd(Slot, Option<State<'a>>),
    /// A stretch of reasoning begins; true: it is a summary.
    ReasoningStart(Slot, bool),
    /// More of it. Never empty.
    ReasoningDelta(Slot, Cow<'a, str>),
    /// It ends, with its state.
    ReasoningEnd(Slot, Option<State<'a>>),
    /// A call of a tool begins.
    ToolStart {
        /// Its block.
        slot: Slot,
        /// The call's id, never empty.
        id: Cow<'a, str>,
        /// The tool.
        name: Cow<'a, str>,
        /// It calls a custom tool: the deltas are its plain input.
        custom: bool,
        /// State bound to the call.
        state: Option<State<'a>>,
    },
    /// More of its arguments, as JSON text. Never empty.
    ToolDelta(Slot, Cow<'a, str>),
    /// The call is whole. No delta at all means `{}`.
    ToolEnd(Slot),
    /// A refusal, or more of it; not a block, there is one per choice.
    RefusalDelta(u32, Cow<'a, str>),
    /// A whole image or recording in the answer of this choice.
    Media(u32, Media<'a>),
    /// Log probabilities of the text of this choice.
    Logprobs(u32, Vec<TokenLogprob<'a>>),
    /// Tokens so far, as far as they are known.
    Usage(Usage),
    /// The tier that served it.
    Tier(Cow<'a, str>),
    /// This choice is over.
    Finish {
        /// The choice.
        choice: u32,
        /// Why.
        reason: Finish,
        /// The stop text that ended it.
        stop_sequence: Option<Cow<'a, str>>,
    },
    /// The answer is whole, by the rules of the upstream's format.
    Done,
    /// The provider broke it off.
    Error(Failure),
}

impl Event<'_> {
    /// The block that it belongs to.
    #[must_use]
    pub const fn slot(&self) -> Option<Slot> {
        match self {
            Event::TextStart(slot)
            | Event::TextDelta(slot, _)
            | Event::Citation(slot, _)
            | Event::TextEnd(slot, _)
            | Event::ReasoningStart(slot, _)
            | Event::ReasoningDelta(slot, _)
            | Event::ReasoningEnd(slot, _)
            | Event::ToolStart { slot, .. }
            | Event::ToolDelta(slot, _)
            | Event::ToolEnd(slot) => Some(*slot),
            Event::Start { .. }
            | Event::RefusalDelta(..)
            | Event::Media(..)
            | Event::Logprobs(..)
            | Event::Usage(_)
            | Event::Tier(_)
            | Event::Finish { .. }
            | Event::Done
            | Event::Error(_) => None,
        }
    }

    /// The choice that it belongs to; 0 for what belongs to the answer as a whole.
    #[must_use]
    pub const fn choice(&self) -> u32 {
        match self {
            Event::RefusalDelta(choice, _)
            | Event::Media(choice, _)
            | Event::Logprobs(choice, _)
            | Event::Finish { choice, .. } => *choice,
            other => match other.slot() {
                Some(slot) => slot.choice,
                None => 0,
            },
        }
    }

    /// Something of the answer itself: once this has come, an error can no longer become a status.
    #[must_use]
    pub const fn is_content(&self) -> bool {
        !matches!(self, Event::Start { .. } | Event::Usage(_) | Event::Tier(_) | Event::Error(_))
    }
}
