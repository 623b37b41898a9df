//! The words of the dialect: finish reasons both ways, tiers, usage, errors, and what callers call a field.

use crate::Usage;
use crate::chat::{Failure, Field, Finish};
use crate::json::{Json, Writer};
use crate::stream_error::openai_type;

/// What callers call a field.
pub(super) const fn field_name(field: Field) -> &'static str {
    match field {
        Field::MaxTokens => "max_output_tokens",
        Field::Temperature => "temperature",
        Field::TopP => "top_p",
        Field::TopK => "top_k",
        Field::FrequencyPenalty => "frequency_penalty",
        Field::PresencePenalty => "presence_penalty",
        Field::Stop => "stop",
        Field::Seed => "seed",
        Field::N => "n",
        Field::Logprobs => "include",
        Field::TopLogprobs => "top_logprobs",
        Field::LogitBias => "logit_bias",
        Field::ResponseFormat => "text.format",
        Field::Reasoning => "reasoning",
        Field::Verbosity => "text.verbosity",
        Field::ServiceTier => "service_tier",
        Field::Metadata => "metadata",
        Field::User => "user",
        Field::CacheKey => "prompt_cache_key",
        Field::CacheControl => "input[].content[].prompt_cache_breakpoint",
        Field::Store => "store",
        Field::ToolChoice => "tool_choice",
        Field::ParallelToolCalls => "parallel_tool_calls",
        Field::Tools => "tools",
        Field::Strict => "tools[].strict",
        Field::Grammar => "tools[].format",
        Field::Name => "input[].name",
        Field::Image => "input[].content[].image_url",
        Field::Detail => "input[].content[].detail",
        Field::File => "input[].content[].file_data",
        Field::Audio => "input[].content[].input_audio",
        Field::Video => "input[].content[].input_video",
        Field::ReasoningHistory => "input[].encrypted_content",
        Field::Refusal => "input[].content[].refusal",
        Field::Citations => "input[].content[].annotations",
        Field::ToolError => "input[].status",
    }
}

/// How an answer ended: `status`, and what `incomplete_details` says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Completed,
    Incomplete(&'static str),
    Failed,
}

impl Ended {
    /// The words for a reason. A refusal without a word of its own is a filter's doing.
    pub(super) const fn of(finish: Finish, refused: bool) -> Self {
        match finish {
            Finish::Length | Finish::ContextFull => Self::Incomplete("max_output_tokens"),
            Finish::ContentFilter => Self::Incomplete("content_filter"),
            Finish::Refusal if !refused => Self::Incomplete("content_filter"),
            Finish::Error => Self::Failed,
            Finish::Stop | Finish::StopSequence | Finish::ToolCalls | Finish::Refusal | Finish::Pause => {
                Self::Completed
            }
        }
    }

    pub(super) const fn status(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed => "failed",
        }
    }
}

/// Why an upstream's response ended.
pub(super) fn finish(response: &Json<'_>, called: bool, refused: bool) -> Finish {
    let reason = response.at(&["incomplete_details", "reason"]).and_then(Json::text);
    match (response.get("status").and_then(Json::text), reason) {
        (_, Some("content_filter")) => Finish::ContentFilter,
        (_, Some(_)) | (Some("incomplete"), None) => Finish::Length,
        _ if called => Finish::ToolCalls,
        _ if refused => Finish::Refusal,
        _ => Finish::Stop,
    }
}

/// The tiers that a response may name: `ServiceTierResponses` of OpenAI's description.
const TIERS: [&str; 7] = ["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"];

/// The tier as this dialect has it; other vendors call the usual one `standard` or `on_demand`.
pub(super) fn tier(tier: &str) -> Option<&str> {
    match tier {
        "standard" | "on_demand" => Some("default"),
        other => TIERS.contains(&other).then_some(other),
    }
}

/// Writes a usage object, the member's name included. Its counters can't be null, so that nothing is written where
/// nothing at all is known.
pub(super) fn write_usage(usage: &Usage, out: &mut Writer) {
    if usage.is_unknown() {
        return;
    }
    let (input, output) = (usage.input.unwrap_or(0), usage.output.unwrap_or(0));
    out.name("usage").begin().name("input_tokens").number(input);
    out.name("input_tokens_details").begin();
    out.name("cached_tokens").number(usage.cached.unwrap_or(0));
    out.name("cache_write_tokens").number(usage.cache_write.unwrap_or(0)).end();
    out.name("output_tokens").number(output);
    out.name("output_tokens_details").begin();
    out.name("reasoning_tokens").number(usage.reasoning.unwrap_or(0)).end();
    out.name("total_tokens").number(input.saturating_add(output)).end();
}

/// The code of a failed response. The description lists a few; the last two arms are what OpenAI sends beside them,
/// and what Codex looks for.
pub(super) fn error_code(failure: &Failure) -> &'static str {
    match (failure.code.as_deref().or(failure.kind.as_deref()), failure.status) {
        (Some("context_length_exceeded"), _) => "context_length_exceeded",
        (Some("insufficient_quota"), _) => "insufficient_quota",
        (_, 429) => "rate_limit_exceeded",
        (_, 400..429) => "invalid_prompt",
        _ => "server_error",
    }
}

/// An error as a whole body: <https://platform.openai.com/docs/guides/error-codes>.
pub(super) fn write_error(failure: &Failure) -> Vec<u8> {
    let kind = openai_type(failure.status);
    let mut out = Writer::with_capacity(failure.message.len() + 128);
    out.begin().name("error").begin().member("message", &failure.message).member("type", kind);
    nullable(&mut out, "param", failure.param.as_deref());
    nullable(&mut out, "code", failure.code.as_deref().or(failure.kind.as_deref()));
    out.name("status").number(u64::from(failure.status)).end().end();
    out.into_bytes()
}

/// A member that is null where there is nothing.
pub(super) fn nullable(out: &mut Writer, name: &str, text: Option<&str>) {
    match text {
        Some(text) => out.member(name, text),
        None => out.name(name).null(),
    };
}
