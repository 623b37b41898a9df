//! How much an upstream's model is asked to think, and what follows from it for the limit of tokens.
//! <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>,
//! <https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking>

use super::messages_out::{is_claudes, is_written};
use super::request_out::Form;
use crate::chat::{Effort, Field, Losses, Part, Quirks, ReasoningAsk, Request, Role};
use crate::json::Writer;

/// What is asked.
pub(super) struct Plan {
    ask: Ask,
    effort: Option<Effort>,
    /// Show what is thought, or not, where that is not the default.
    display: Option<&'static str>,
    /// The model thinks: sampling is bound then.
    pub(super) on: bool,
    /// A call can be forced: not with a budget for thinking, but with thinking of the model's own measure.
    /// <https://platform.claude.com/docs/en/build-with-claude/extended-thinking#extended-thinking-with-tool-use>
    pub(super) can_force: bool,
    /// The limit that is sent.
    pub(super) max_tokens: u64,
}

#[derive(Debug, Clone, Copy)]
enum Ask {
    Nothing,
    Off(&'static str),
    Budget(u64),
    Adaptive,
}

/// The least budget.
const LEAST: u64 = 1024;

/// Decides.
pub(super) fn plan(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses) -> Plan {
    let wish = &request.reasoning;
    let always = quirks.always_thinks;
    let mut plan = Plan {
        ask: Ask::Nothing,
        effort: None,
        display: None,
        on: always,
        can_force: quirks.forced_tools && !always,
        max_tokens: request.max_tokens.unwrap_or(quirks.default_max_tokens),
    };
    let asked = wish.adaptive || wish.effort().is_some();
    match quirks.reasoning {
        _ if wish.off() && always => {
            losses.field(Field::Reasoning);
            plan.effort = Some(quirks.effort(Effort::Low));
        }
        ReasoningAsk::Level if wish.off() => plan.ask = Ask::Off(quirks.thinking_off),
        _ if wish.off() || (!asked && !always) => {}
        _ if quirks.refuses(Field::Reasoning) => losses.field_if(asked, Field::Reasoning),
        ReasoningAsk::None => losses.field_if(asked, Field::Reasoning),
        ReasoningAsk::Level => {
            if asked || wish.show.is_some() {
                plan.ask = Ask::Adaptive;
            }
            plan.on = true;
            plan.effort = wish.effort().map(|effort| quirks.effort(effort.max(Effort::Low)));
            plan.display = wish.show.map(|show| if show { "summarized" } else { "omitted" });
        }
        ReasoningAsk::Effort | ReasoningAsk::Object | ReasoningAsk::Switch | ReasoningAsk::Budget => {
            if is_in_a_loop_without_thoughts(request) {
                losses.field(Field::Reasoning);
            } else {
                plan.display = (wish.show == Some(false)).then_some("omitted");
                budget(request, quirks, &mut plan, losses);
            }
        }
    }
    plan
}

/// The budget must be below the limit. One that stands for an effort gives way to the caller's limit, one that was
/// given raises it.
fn budget(request: &Request<'_>, quirks: &Quirks, plan: &mut Plan, losses: &mut Losses) {
    let wish = &request.reasoning;
    let mut budget = wish.budget().unwrap_or(Effort::High.budget()).max(LEAST);
    match request.max_tokens {
        None => plan.max_tokens = budget.saturating_add(quirks.default_max_tokens),
        Some(most) if budget < most => {}
        Some(most) if wish.budget.is_none() && most / 2 >= LEAST => budget = most / 2,
        Some(most) => {
            plan.max_tokens = budget.saturating_add(most);
            losses.field(Field::MaxTokens);
        }
    }
    plan.ask = Ask::Budget(budget);
    plan.on = true;
    plan.can_force = false;
}

/// Results are on their way to a turn that doesn't begin with a signed thought: thinking can't be turned on then.
/// "Expected `thinking` or `redacted_thinking`, but found `tool_use`."
fn is_in_a_loop_without_thoughts(request: &Request<'_>) -> bool {
    let said = request.turns.iter().filter(|turn| !matches!(turn.role, Role::System | Role::Developer));
    let mut turns = said.rev();
    let mut results = false;
    let Some(mut first) = turns.by_ref().find(|turn| {
        results |= turn.role == Role::Tool;
        turn.role == Role::Assistant
    }) else {
        return false;
    };
    // Turns of the assistant that follow each other are written as one.
    for turn in turns.take_while(|turn| turn.role == Role::Assistant) {
        first = turn;
    }
    let begins = first.parts.iter().find(|part| is_written(part));
    results && !matches!(begins, Some(Part::Reasoning(reasoning)) if is_claudes(reasoning))
}

/// Writes `thinking` and `output_config`.
pub(super) fn write(plan: &Plan, form: &Form<'_>, out: &mut Writer) {
    match plan.ask {
        Ask::Nothing => {}
        Ask::Off(word) => {
            out.name("thinking").begin().member("type", word).end();
        }
        Ask::Budget(budget) => {
            out.name("thinking").begin().member("type", "enabled").name("budget_tokens").number(budget);
            out.member_if("display", plan.display).end();
        }
        Ask::Adaptive => {
            out.name("thinking").begin().member("type", "adaptive").member_if("display", plan.display).end();
        }
    }
    let schema = match form {
        Form::Schema(schema) => Some(schema),
        Form::Free | Form::Tool { .. } | Form::Said(_) => None,
    };
    if plan.effort.is_none() && schema.is_none() {
        return;
    }
    out.name("output_config").begin().member_if("effort", plan.effort.map(Effort::name));
    if let Some(schema) = schema {
        out.name("format").begin().member("type", "json_schema").name("schema").raw(schema).end();
    }
    out.end();
}
