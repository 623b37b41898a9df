//! The neutral chat model: what every format is read into and written from. A format knows itself and this, never
//! another format.
//!
//! Values that only one vendor understands ride along as `State` and are written back to that vendor only. What a
//! target can't say is a `Loss`; nothing is left out without one.

mod arguments;
mod blocks;
mod collect;
mod error;
mod estimate;
mod event;
mod finish;
mod ids;
mod loss;
mod media;
mod part;
mod quirks;
mod reasoning;
mod replay;
mod request;
mod response;
mod sequence;
mod state;
mod tool;
mod turns;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub(crate) use arguments::{Whole, unwrapped};
pub use arguments::{arguments_object, arguments_text};
pub use blocks::Blocks;
pub use collect::Collector;
pub use error::{Failure, failure_from};
pub use estimate::estimate;
pub use event::{Event, Slot};
pub use finish::Finish;
pub use ids::{IdRule, fit_id, fit_user, mint_id};
pub use loss::{Field, Losses, Rule};
pub use media::{Media, MediaKind, Source, data_url, decode_text, split_data_url};
pub use part::{Citation, Part, Text, ToolCall, ToolResult};
pub use quirks::{
    FileParts, ImageUrls, MaxTokens, ModelRule, Quirks, ReasoningAsk, ReasoningReplay, SchemaSupport,
};
pub use reasoning::{Effort, Reasoning, ReasoningWish};
pub use replay::replay;
pub use request::{Cache, Refused, Request, ResponseFormat, Role, Target, Turn, Written};
pub use response::{Choice, Response, TokenLogprob};
pub use sequence::Sequencer;
pub use state::{Bind, State, StateKind, detach, reattach};
pub use tool::{ANSWER_TOOL, Tool, ToolChoice, ToolKind};
pub use turns::{Group, groups, validate};
