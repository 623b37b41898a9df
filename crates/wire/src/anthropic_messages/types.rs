//! The words of the dialect: why an answer ended, tiers, opaque state, what callers call a field.

use crate::Usage;
use crate::chat::{Bind, Field, Finish, Reasoning, State, StateKind};
use crate::json::Writer;
use std::borrow::Cow;

/// Why an answer ended. <https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons>
pub(super) fn finish_of(word: &str) -> Finish {
    match word {
        "stop_sequence" => Finish::StopSequence,
        "tool_use" => Finish::ToolCalls,
        "max_tokens" => Finish::Length,
        "model_context_window_exceeded" => Finish::ContextFull,
        "refusal" => Finish::Refusal,
        "pause_turn" => Finish::Pause,
        _ => Finish::Stop,
    }
}

/// The same the other way round. There is no word for an answer that broke off.
pub(super) const fn finish_word(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Error => "end_turn",
        Finish::StopSequence => "stop_sequence",
        Finish::ToolCalls => "tool_use",
        Finish::Length => "max_tokens",
        Finish::ContextFull => "model_context_window_exceeded",
        Finish::ContentFilter | Finish::Refusal => "refusal",
        Finish::Pause => "pause_turn",
    }
}

/// The tier that served an answer: <https://platform.claude.com/docs/en/api/service-tiers>.
pub(super) fn tier_of(word: &str) -> &str {
    match word {
        "standard" => "default",
        other => other,
    }
}

/// The same the other way round; `None`: the dialect has no word for it.
pub(super) fn tier_word(tier: &str) -> Option<&'static str> {
    match tier {
        "default" | "standard" => Some("standard"),
        "priority" => Some("priority"),
        "batch" => Some("batch"),
        _ => None,
    }
}

/// The state in a thinking block's signature: another vendor's, wrapped, or Claude's own. An empty one is none: so
/// reasoning without state is shown to callers, who send it back.
pub(super) fn signed<'a>(signature: Cow<'a, str>) -> Option<State<'a>> {
    if signature.is_empty() {
        return None;
    }
    let wrapped = State::unwrap_from(&signature);
    Some(wrapped.unwrap_or(State {
        kind: StateKind::ClaudeSignature,
        bind: Bind::Reasoning,
        data: signature,
    }))
}

/// The same for the data of a redacted block.
pub(super) fn redacted<'a>(data: Cow<'a, str>) -> State<'a> {
    let wrapped = State::unwrap_from(&data);
    wrapped.unwrap_or(State { kind: StateKind::ClaudeRedacted, bind: Bind::Reasoning, data })
}

/// What a stretch of reasoning becomes in this dialect.
pub(super) enum Thinking<'r> {
    /// A thinking block with this signature.
    Signed(Cow<'r, str>),
    /// A redacted block with this data.
    Redacted(&'r str),
}

/// Claude's own state stands as it is, another vendor's wrapped, none as an empty signature.
pub(super) fn thinking<'r>(text: &str, state: Option<&'r State<'_>>) -> Thinking<'r> {
    match state {
        None => Thinking::Signed(Cow::Borrowed("")),
        Some(state) => match (state.kind, state.bind) {
            (StateKind::ClaudeSignature, Bind::Reasoning) => Thinking::Signed(Cow::Borrowed(&state.data)),
            (StateKind::ClaudeRedacted, Bind::Reasoning) if text.is_empty() => {
                Thinking::Redacted(&state.data)
            }
            _ => Thinking::Signed(Cow::Owned(state.wrap())),
        },
    }
}

/// Nothing can be seen of it and nothing has to come back.
pub(super) fn is_nothing(reasoning: &Reasoning<'_>) -> bool {
    reasoning.text.is_empty() && reasoning.state.is_none()
}

/// The counters, by the dialect's arithmetic: cached tokens stand beside the input, never more of them than there was
/// input (xAI at Azure says so). What is unknown is null, but for the two that the vendor's own types want as numbers:
/// clients that check them (Vercel's AI SDK) throw the whole answer away otherwise.
/// <https://platform.claude.com/docs/en/build-with-claude/prompt-caching#tracking-cache-performance>
pub(super) fn write_usage(usage: &Usage, out: &mut Writer) {
    let all = usage.input.unwrap_or(u64::MAX);
    let cached = usage.cached.map(|cached| cached.min(all));
    let rest = all.saturating_sub(cached.unwrap_or(0));
    let cache_write = usage.cache_write.map(|written| written.min(rest));
    let input = usage.input.map(|_| rest.saturating_sub(cache_write.unwrap_or(0)));
    let counts = [
        ("input_tokens", input.or(Some(0))),
        ("cache_creation_input_tokens", cache_write),
        ("cache_read_input_tokens", cached),
        ("output_tokens", usage.output.or(Some(0))),
    ];
    for (name, count) in counts {
        match count {
            Some(count) => out.name(name).number(count),
            None => out.name(name).null(),
        };
    }
    if let Some(reasoning) = usage.reasoning {
        out.name("output_tokens_details").begin().name("thinking_tokens").number(reasoning).end();
    }
}

/// What callers of this dialect call a field.
pub(super) const fn field_name(field: Field) -> &'static str {
    match field {
        Field::MaxTokens => "max_tokens",
        Field::Temperature => "temperature",
        Field::TopP => "top_p",
        Field::TopK => "top_k",
        Field::FrequencyPenalty => "frequency_penalty",
        Field::PresencePenalty => "presence_penalty",
        Field::Stop => "stop_sequences",
        Field::Seed => "seed",
        Field::N => "n",
        Field::Logprobs => "logprobs",
        Field::TopLogprobs => "top_logprobs",
        Field::LogitBias => "logit_bias",
        Field::ResponseFormat => "output_config.format",
        Field::Reasoning => "thinking",
        Field::Verbosity => "verbosity",
        Field::ServiceTier => "service_tier",
        Field::Metadata => "metadata",
        Field::User => "metadata.user_id",
        Field::CacheKey | Field::CacheControl => "cache_control",
        Field::Store => "store",
        Field::ToolChoice => "tool_choice",
        Field::ParallelToolCalls => "tool_choice.disable_parallel_tool_use",
        Field::Tools => "tools",
        Field::Strict => "tools[].strict",
        Field::Grammar => "tools[].format",
        Field::Name => "messages[].name",
        Field::Image => "messages[].content[].image",
        Field::Detail => "messages[].content[].detail",
        Field::File => "messages[].content[].document",
        Field::Audio => "messages[].content[].audio",
        Field::Video => "messages[].content[].video",
        Field::ReasoningHistory => "messages[].content[].thinking",
        Field::Refusal => "messages[].content[].refusal",
        Field::Citations => "messages[].content[].citations",
        Field::ToolError => "messages[].content[].is_error",
    }
}
