//! `additionalModelRequestFields`: what is the model's own business, passed on as it is. How reasoning is asked for
//! and where `top_k` stands differs from family to family.

use super::messages::is_claudes;
use super::types;
use crate::chat::{Effort, Field, Losses, Part, Quirks, ReasoningAsk, Request, Role};
use crate::json::Writer;

/// How the model is asked to think.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Thinking {
    /// As it does by itself.
    Unsaid,
    /// Claude: so many tokens.
    Budget(u64),
    /// Claude: as it finds right, at this effort. True: a summary is shown; false: it isn't.
    Adaptive(Option<Effort>, Option<bool>),
    /// GPT: `reasoning_effort`.
    Effort(Effort),
    /// Nova: `reasoningConfig`; `None` switches it off.
    Nova(Option<Effort>),
    /// Others: on or off.
    Switch(bool),
}

/// The least budget that Claude takes: <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>.
const LEAST: u64 = 1024;
/// A budget for those who only said that there be thought.
const USUAL: u64 = 10_000;

impl Thinking {
    /// What the request asks for, as the target knows it.
    pub(super) fn of(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses) -> Self {
        let wish = &request.reasoning;
        let asked = wish.effort.is_some() || wish.budget.is_some() || wish.adaptive;
        if !asked {
            return Self::Unsaid;
        }
        if quirks.refuses(Field::Reasoning) || quirks.reasoning == ReasoningAsk::None {
            losses.field_if(!wish.off(), Field::Reasoning);
            return Self::Unsaid;
        }
        let effort = wish.effort().map(|effort| quirks.effort(effort));
        match quirks.reasoning {
            ReasoningAsk::None => Self::Unsaid,
            ReasoningAsk::Switch => Self::Switch(!wish.off()),
            ReasoningAsk::Object if wish.off() => Self::Nova(None),
            ReasoningAsk::Object => Self::Nova(Some(effort.unwrap_or(Effort::Medium))),
            ReasoningAsk::Effort if wish.off() && !quirks.efforts.contains(&Effort::None) => {
                losses.field(Field::Reasoning);
                Self::Unsaid
            }
            ReasoningAsk::Effort => Self::Effort(effort.unwrap_or(Effort::Medium)),
            ReasoningAsk::Budget | ReasoningAsk::Level if wish.off() => {
                losses.field_if(quirks.always_thinks, Field::Reasoning);
                Self::Unsaid
            }
            ReasoningAsk::Level => Self::Adaptive(effort, wish.show),
            ReasoningAsk::Budget => match budget(request, quirks) {
                Some(budget) => Self::Budget(budget),
                None => {
                    losses.field(Field::Reasoning);
                    Self::Unsaid
                }
            },
        }
    }

    /// Claude thinks: it can't be made to call a tool then, and takes no sampling.
    pub(super) const fn claude(self) -> bool {
        matches!(self, Self::Budget(_) | Self::Adaptive(..))
    }
}

/// The budget, if there is room for one and the conversation may be gone on with thinking: the calls that are being
/// answered must have been thought about, with signature.
fn budget(request: &Request<'_>, quirks: &Quirks) -> Option<u64> {
    let (least, most) = quirks.budget.unwrap_or((LEAST, u64::MAX));
    let wanted = request.reasoning.budget().unwrap_or(USUAL).clamp(least, most.max(least));
    let budget = request.max_tokens.map_or(wanted, |limit| wanted.min(limit.saturating_sub(1)));
    (budget >= least && !has_unthought_calls(request)).then_some(budget)
}

/// The last answer calls tools and has no thoughts of Claude before its first call.
fn has_unthought_calls(request: &Request<'_>) -> bool {
    let last =
        request.turns.iter().rev().take_while(|turn| matches!(turn.role, Role::Assistant | Role::Tool));
    let mut parts = last.filter(|turn| turn.role == Role::Assistant).flat_map(|turn| &turn.parts);
    let (mut called, mut thought) = (false, false);
    parts.by_ref().for_each(|part| match part {
        Part::ToolCall(_) => called = true,
        Part::Reasoning(reasoning) => thought |= is_claudes(reasoning),
        _ => {}
    });
    called && !thought
}

/// Writes the member, where there is something to say.
pub(super) fn write(thinking: Thinking, top_k: Option<u64>, quirks: &Quirks, out: &mut Writer) {
    if thinking == Thinking::Unsaid && top_k.is_none() {
        return;
    }
    out.name("additionalModelRequestFields").begin();
    if let (Some(top_k), [path @ .., name]) = (top_k, quirks.top_k) {
        for step in path {
            out.name(step).begin();
        }
        out.name(name).number(top_k);
        for _ in path {
            out.end();
        }
    }
    match thinking {
        Thinking::Unsaid => {}
        Thinking::Budget(budget) => {
            out.name("thinking").begin().member("type", "enabled").name("budget_tokens").number(budget).end();
        }
        Thinking::Adaptive(effort, show) => {
            let display = show.map(|show| if show { "summarized" } else { "omitted" });
            out.name("thinking").begin().member("type", "adaptive").member_if("display", display).end();
            if let Some(effort) = effort {
                out.name("output_config").begin().member("effort", effort.name()).end();
            }
        }
        Thinking::Effort(effort) => {
            out.member("reasoning_effort", effort.name());
        }
        Thinking::Nova(effort) => {
            out.name("reasoningConfig").begin();
            out.member("type", if effort.is_some() { "enabled" } else { "disabled" });
            out.member_if("maxReasoningEffort", effort.map(types::nova_effort)).end();
        }
        Thinking::Switch(on) => {
            let word = if on { "enabled" } else { "disabled" };
            out.name("thinking").begin().member("type", word).end();
        }
    }
    out.end();
}
