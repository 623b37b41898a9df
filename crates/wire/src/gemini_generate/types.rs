//! The words of the dialect: reasons, fields, tiers, levels, kinds of media, and how usage is counted.

use crate::Usage;
use crate::chat::{Effort, Field, Finish, MediaKind};
use crate::json::{Json, Writer};

/// Why a candidate ended. Google's SDKs for REST ask for enums as numbers; those are the protocol's.
/// <https://ai.google.dev/api/generate-content#FinishReason>,
/// <https://github.com/googleapis/googleapis/blob/master/google/ai/generativelanguage/v1beta/generative_service.proto>
pub(super) fn read_finish(reason: &Json<'_>) -> Option<Finish> {
    let word = match reason {
        Json::String(word) => word,
        number => match number.number()? {
            1 => "STOP",
            2 => "MAX_TOKENS",
            3 => "SAFETY",
            4 => "RECITATION",
            6 => "LANGUAGE",
            7 => "BLOCKLIST",
            8 => "PROHIBITED_CONTENT",
            9 => "SPII",
            11 => "IMAGE_SAFETY",
            0 => return None,
            _ => "OTHER",
        },
    };
    Some(match word {
        "" | "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR" => Finish::ContentFilter,
        // `MALFORMED_FUNCTION_CALL`, `UNEXPECTED_TOOL_CALL`, `TOO_MANY_TOOL_CALLS`, `OTHER` and what is new.
        _ => Finish::Error,
    })
}

/// The reason as a client of this dialect knows it.
pub(super) const fn finish_word(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopSequence | Finish::ToolCalls | Finish::Pause => "STOP",
        Finish::Length | Finish::ContextFull => "MAX_TOKENS",
        Finish::ContentFilter | Finish::Refusal => "SAFETY",
        Finish::Error => "OTHER",
    }
}

/// What callers of this dialect call a field. Where it has none, the neutral name.
pub(super) const fn field_name(field: Field) -> &'static str {
    match field {
        Field::MaxTokens => "generationConfig.maxOutputTokens",
        Field::Temperature => "generationConfig.temperature",
        Field::TopP => "generationConfig.topP",
        Field::TopK => "generationConfig.topK",
        Field::FrequencyPenalty => "generationConfig.frequencyPenalty",
        Field::PresencePenalty => "generationConfig.presencePenalty",
        Field::Stop => "generationConfig.stopSequences",
        Field::Seed => "generationConfig.seed",
        Field::N => "generationConfig.candidateCount",
        Field::Logprobs => "generationConfig.responseLogprobs",
        Field::TopLogprobs => "generationConfig.logprobs",
        Field::LogitBias => "logitBias",
        Field::ResponseFormat => "generationConfig.responseMimeType",
        Field::Reasoning => "generationConfig.thinkingConfig",
        Field::Verbosity => "verbosity",
        Field::ServiceTier => "serviceTier",
        Field::Metadata => "labels",
        Field::User => "user",
        Field::CacheKey => "cacheKey",
        Field::CacheControl => "cachedContent",
        Field::Store => "store",
        Field::ToolChoice => "toolConfig.functionCallingConfig",
        Field::ParallelToolCalls => "parallelToolCalls",
        Field::Tools => "tools",
        Field::Strict => "toolConfig.functionCallingConfig.mode",
        Field::Grammar => "grammar",
        Field::Name => "contents[].name",
        Field::Image | Field::File | Field::Audio | Field::Video => "contents[].parts[].inlineData",
        Field::Detail => "contents[].parts[].mediaResolution",
        Field::ReasoningHistory => "contents[].parts[].thoughtSignature",
        Field::Refusal => "refusal",
        Field::Citations => "groundingMetadata",
        Field::ToolError => "contents[].parts[].functionResponse.response.error",
    }
}

/// `SERVICE_TIER_FLEX` and `flex` are one: <https://ai.google.dev/gemini-api/docs/flex-inference>.
pub(super) fn read_tier(word: &str) -> Option<String> {
    let word = word.to_ascii_lowercase();
    match word.strip_prefix("service_tier_").unwrap_or(&word) {
        "" | "unspecified" => None,
        "standard" => Some("default".to_owned()),
        other => Some(other.to_owned()),
    }
}

/// The tier as it is asked for: nothing where the caller leaves it to the vendor, `Err` where Google has none such.
pub(super) fn tier_word(tier: &str) -> Result<Option<&str>, ()> {
    match tier {
        "auto" => Ok(None),
        "default" | "standard" => Ok(Some("standard")),
        "flex" | "priority" => Ok(Some(tier)),
        _ => Err(()),
    }
}

/// <https://ai.google.dev/api/generate-content#ThinkingLevel>
pub(super) fn read_level(word: &str) -> Option<Effort> {
    Effort::parse(&word.to_ascii_lowercase()).filter(|effort| level_word(*effort).is_some())
}

/// The level of an effort, if there is one.
pub(super) const fn level_word(effort: Effort) -> Option<&'static str> {
    match effort {
        Effort::Minimal => Some("minimal"),
        Effort::Low => Some("low"),
        Effort::Medium => Some("medium"),
        Effort::High => Some("high"),
        Effort::None | Effort::XHigh | Effort::Max => None,
    }
}

/// What a medium of this type is.
pub(super) fn media_kind(media_type: &str) -> MediaKind {
    match media_type.split('/').next() {
        Some("image") => MediaKind::Image,
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => MediaKind::File,
    }
}

/// The field that a medium is.
pub(super) const fn media_field(kind: MediaKind) -> Field {
    match kind {
        MediaKind::Image => Field::Image,
        MediaKind::File => Field::File,
        MediaKind::Audio => Field::Audio,
        MediaKind::Video => Field::Video,
    }
}

/// Writes `usageMetadata`: thoughts stand beside the candidates' tokens, cached ones are part of the prompt's.
/// <https://ai.google.dev/api/generate-content#UsageMetadata>
pub(super) fn write_usage(usage: &Usage, out: &mut Writer) {
    if usage.is_unknown() {
        return;
    }
    let thoughts = usage.reasoning.filter(|thoughts| *thoughts > 0);
    let candidates = usage.output.map(|output| output.saturating_sub(thoughts.unwrap_or(0)));
    out.name("usageMetadata").begin();
    out.number_if("promptTokenCount", usage.input);
    out.number_if("cachedContentTokenCount", usage.cached);
    out.number_if("candidatesTokenCount", candidates);
    out.number_if("thoughtsTokenCount", thoughts);
    if let (Some(input), Some(output)) = (usage.input, usage.output) {
        out.name("totalTokenCount").number(input.saturating_add(output));
    }
    modalities("promptTokensDetails", usage.input, usage.audio_input, out);
    modalities("candidatesTokensDetails", candidates, usage.audio_output, out);
    out.end();
}

fn modalities(name: &str, all: Option<u64>, audio: Option<u64>, out: &mut Writer) {
    let (Some(all), Some(audio)) = (all, audio.filter(|audio| *audio > 0)) else { return };
    out.name(name).list();
    for (modality, count) in [("TEXT", all.saturating_sub(audio)), ("AUDIO", audio)] {
        out.begin().member("modality", modality).name("tokenCount").number(count).end();
    }
    out.end_list();
}
