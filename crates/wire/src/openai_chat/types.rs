//! The words of the dialect: finish reasons, field names, usage, tiers, formats of recordings.
//! <https://platform.openai.com/docs/api-reference/chat/object>

use crate::Usage;
use crate::chat::{Field, Finish};
use crate::json::Writer;

/// What `Request::echo` holds where the caller offered `functions` instead of tools: then calls are answered so too.
/// <https://platform.openai.com/docs/api-reference/chat/create#chat-create-functions>
pub(super) const LEGACY: &str = r#""functions":true"#;

/// Reads a finish reason; nothing, or an empty word, is no reason yet.
///
/// Mistral: `model_length`, `error`; DeepSeek: `insufficient_system_resource`; servers of open models: `eos`,
/// `eos_token`; OpenRouter passes on some of Anthropic's and Gemini's words.
pub(super) fn read_finish(word: &str) -> Option<Finish> {
    Some(match word {
        "" => return None,
        "stop_sequence" => Finish::StopSequence,
        "tool_calls" | "function_call" | "tool_use" => Finish::ToolCalls,
        "length" | "max_tokens" | "MAX_TOKENS" => Finish::Length,
        "model_length" => Finish::ContextFull,
        "content_filter" | "SAFETY" => Finish::ContentFilter,
        "refusal" => Finish::Refusal,
        "error" | "insufficient_system_resource" => Finish::Error,
        _ => Finish::Stop,
    })
}

/// The finish reason for a client. There is no word for an error.
pub(super) const fn finish_word(finish: Finish, legacy: bool) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopSequence | Finish::Pause | Finish::Error => "stop",
        Finish::ToolCalls if legacy => "function_call",
        Finish::ToolCalls => "tool_calls",
        Finish::Length | Finish::ContextFull => "length",
        Finish::ContentFilter | Finish::Refusal => "content_filter",
    }
}

/// The tier that served an answer, as one of the words that the dialect has.
pub(super) fn tier_word(tier: &str) -> Option<&str> {
    match tier {
        "auto" | "default" | "flex" | "scale" | "priority" | "fast" => Some(tier),
        "standard" | "on_demand" => Some("default"),
        _ => None,
    }
}

/// What callers of this dialect call a field.
pub(super) const fn field_name(field: Field) -> &'static str {
    match field {
        Field::MaxTokens => "max_completion_tokens",
        Field::Temperature => "temperature",
        Field::TopP => "top_p",
        Field::TopK => "top_k",
        Field::FrequencyPenalty => "frequency_penalty",
        Field::PresencePenalty => "presence_penalty",
        Field::Stop => "stop",
        Field::Seed => "seed",
        Field::N => "n",
        Field::Logprobs => "logprobs",
        Field::TopLogprobs => "top_logprobs",
        Field::LogitBias => "logit_bias",
        Field::ResponseFormat => "response_format",
        Field::Reasoning => "reasoning_effort",
        Field::Verbosity => "verbosity",
        Field::ServiceTier => "service_tier",
        Field::Metadata => "metadata",
        Field::User => "user",
        Field::CacheKey => "prompt_cache_key",
        Field::CacheControl => "cache_control",
        Field::Store => "store",
        Field::ToolChoice => "tool_choice",
        Field::ParallelToolCalls => "parallel_tool_calls",
        Field::Tools => "tools",
        Field::Strict => "tools[].function.strict",
        Field::Grammar => "tools[].custom.format",
        Field::Name => "messages[].name",
        Field::Image => "messages[].content[].image_url",
        Field::Detail => "messages[].content[].image_url.detail",
        Field::File => "messages[].content[].file",
        Field::Audio => "messages[].content[].input_audio",
        Field::Video => "messages[].content[].video_url",
        Field::ReasoningHistory => "messages[].reasoning_content",
        Field::Refusal => "messages[].refusal",
        Field::Citations => "messages[].annotations",
        Field::ToolError => "messages[].is_error",
    }
}

/// Writes a usage object: input with what was cached, output with reasoning, as in [`Usage`] itself. What is not
/// known is null.
pub(super) fn write_usage(usage: &Usage, out: &mut Writer) {
    let count = |out: &mut Writer, name: &str, count: Option<u64>| {
        out.name(name);
        match count {
            Some(count) => out.number(count),
            None => out.null(),
        };
    };
    let total = usage.input.zip(usage.output).map(|(input, output)| input.saturating_add(output));
    out.begin();
    count(out, "prompt_tokens", usage.input);
    count(out, "completion_tokens", usage.output);
    count(out, "total_tokens", total);
    if usage.cached.or(usage.cache_write).or(usage.audio_input).is_some() {
        out.name("prompt_tokens_details").begin();
        out.number_if("cached_tokens", usage.cached)
            .number_if("cache_write_tokens", usage.cache_write)
            .number_if("audio_tokens", usage.audio_input)
            .end();
    }
    if usage.reasoning.or(usage.audio_output).is_some() {
        out.name("completion_tokens_details").begin();
        out.number_if("reasoning_tokens", usage.reasoning)
            .number_if("audio_tokens", usage.audio_output)
            .end();
    }
    out.end();
}

/// The media type of a recording's `format`.
pub(super) fn audio_type(format: &str) -> String {
    match format {
        "mp3" => "audio/mpeg".to_owned(),
        "m4a" => "audio/mp4".to_owned(),
        "pcm16" => "audio/pcm".to_owned(),
        other => format!("audio/{other}"),
    }
}

/// The way back.
pub(super) fn audio_format(media_type: &str) -> &str {
    let name = media_type.split(';').next().unwrap_or(media_type).trim();
    match name.strip_prefix("audio/").unwrap_or(name) {
        "mpeg" | "mp3" | "mpga" => "mp3",
        "wav" | "x-wav" | "wave" | "vnd.wave" => "wav",
        "mp4" | "x-m4a" | "m4a" => "m4a",
        "pcm" | "l16" => "pcm16",
        other => other,
    }
}
