//! How each provider differs from the format it speaks: data for the writers of requests. What is known to be refused or
//! ignored is left out and listed; all else is sent. Families of models are in `rules.rs`.

use super::rules::{BEDROCK, CLAUDE, COHERE, GEMINI, OPENAI};
use wharf_wire::chat::{
    Effort, Field, FileParts, IdRule, ImageUrls, ModelRule, Quirks, ReasoningAsk, ReasoningReplay,
    SchemaSupport,
};
use wharf_wire::format::Format;

/// The peculiarities of one model of a provider.
#[must_use]
pub fn of(quirks: &Quirks, rules: &[ModelRule], model: &str) -> Quirks {
    let mut quirks = quirks.clone();
    rules.iter().filter(|rule| rule.fits(model)).for_each(|rule| quirks.apply(rule));
    quirks
}

/// What a custom endpoint of this format is taken for: its vendor, and for OpenAI's format a server that has its models
/// and knows what most know.
pub(crate) fn of_custom(format: Format) -> Quirks {
    match format {
        Format::AnthropicMessages => anthropic(),
        Format::GeminiGenerate => gemini(),
        Format::OpenAiResponses => openai(),
        Format::BedrockConverse => bedrock(),
        Format::CohereChat => cohere(),
        Format::OpenAiChat | Format::OllamaChat => Quirks::default(),
    }
}

/// Which families a custom endpoint of this format may serve: their vendor's.
pub(crate) const fn of_format(format: Format) -> &'static [ModelRule] {
    match format {
        Format::OpenAiChat | Format::OpenAiResponses => OPENAI,
        Format::AnthropicMessages => CLAUDE,
        Format::BedrockConverse => BEDROCK,
        Format::GeminiGenerate => GEMINI,
        Format::CohereChat => COHERE,
        Format::OllamaChat => &[],
    }
}

/// <https://platform.openai.com/docs/api-reference/chat/create>
pub(crate) fn openai() -> Quirks {
    // `safety_identifier` says its limit; `user` has the same, <https://github.com/maximhq/bifrost/pull/1000>.
    Quirks { developer: true, ids: IdRule::Forty, openai_tools: true, user_most: 64, ..Quirks::default() }
}

/// <https://platform.claude.com/docs/en/api/messages>
pub(crate) fn anthropic() -> Quirks {
    Quirks { ids: IdRule::Word64, reasoning: ReasoningAsk::Level, user_most: 256, ..Quirks::default() }
}

/// <https://ai.google.dev/api/generate-content>
pub(crate) fn gemini() -> Quirks {
    Quirks { reasoning: ReasoningAsk::Level, ..Quirks::default() }
}

/// What all of its models know: <https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html>.
pub(crate) fn bedrock() -> Quirks {
    Quirks {
        ids: IdRule::Word64,
        reasoning: ReasoningAsk::None,
        schema: SchemaSupport::None,
        ..Quirks::default()
    }
}

/// Files are not taken in chat completions there: <https://learn.microsoft.com/azure/ai-foundry/openai/reference>.
pub(crate) fn azure_openai() -> Quirks {
    Quirks { refuses: vec![Field::File], ..openai() }
}

/// <https://docs.cohere.com/v2/reference/chat>
pub(crate) fn cohere() -> Quirks {
    Quirks { reasoning: ReasoningAsk::None, stop_most: Some(5), ..Quirks::default() }
}

/// <https://inference-docs.cerebras.ai/resources/openai>
pub(crate) fn cerebras() -> Quirks {
    Quirks {
        refuses: vec![
            Field::FrequencyPenalty,
            Field::PresencePenalty,
            Field::LogitBias,
            Field::ServiceTier,
            Field::Store,
            Field::Metadata,
            Field::Verbosity,
            Field::CacheKey,
        ],
        replay: ReasoningReplay::Plain,
        temperature_most: Some(1.5),
        ..Quirks::default()
    }
}

/// <https://api-docs.deepseek.com/api/create-chat-completion>
pub(crate) fn deepseek() -> Quirks {
    Quirks {
        refuses: vec![
            Field::Seed,
            Field::LogitBias,
            Field::User,
            Field::Metadata,
            Field::Store,
            Field::ServiceTier,
            Field::Verbosity,
            Field::CacheKey,
            Field::Image,
            Field::File,
            Field::Audio,
            Field::Video,
        ],
        reasoning: ReasoningAsk::Switch,
        replay: ReasoningReplay::ContentAlways,
        schema: SchemaSupport::ObjectOnly,
        ..Quirks::default()
    }
}

/// <https://docs.x.ai/docs/api-reference#chat-completions>
pub(crate) fn grok() -> Quirks {
    Quirks {
        refuses: vec![Field::LogitBias, Field::Verbosity, Field::CacheKey, Field::Store],
        replay: ReasoningReplay::Content,
        ..Quirks::default()
    }
}

/// <https://console.groq.com/docs/openai>
pub(crate) fn groq() -> Quirks {
    Quirks {
        refuses: vec![
            Field::N,
            Field::Logprobs,
            Field::TopLogprobs,
            Field::LogitBias,
            Field::Name,
            Field::Store,
            Field::Metadata,
            Field::Verbosity,
            Field::CacheKey,
        ],
        replay: ReasoningReplay::Plain,
        ..Quirks::default()
    }
}

/// <https://huggingface.co/docs/inference-providers/tasks/chat-completion>
pub(crate) fn huggingface() -> Quirks {
    Quirks { stop_most: Some(4), ..Quirks::default() }
}

/// Mistral answers 422 to members that it doesn't know: <https://docs.mistral.ai/api>.
pub(crate) fn mistral() -> Quirks {
    Quirks {
        refuses: vec![
            Field::Logprobs,
            Field::TopLogprobs,
            Field::LogitBias,
            Field::User,
            Field::Store,
            Field::ServiceTier,
            Field::Verbosity,
            Field::CacheKey,
            Field::Name,
        ],
        seed: "random_seed",
        stream_options: false,
        ids: IdRule::Nine,
        replay: ReasoningReplay::Parts,
        tool_required: "any",
        temperature_most: Some(1.5),
        files: FileParts::DocumentUrl,
        plain_audio: true,
        efforts: &[Effort::None, Effort::Minimal, Effort::Low, Effort::Medium, Effort::High, Effort::XHigh],
        ..Quirks::default()
    }
}

/// <https://openrouter.ai/docs/api-reference/parameters>
pub(crate) fn openrouter() -> Quirks {
    Quirks {
        developer: true,
        reasoning: ReasoningAsk::Object,
        replay: ReasoningReplay::Details,
        files: FileParts::DataOrUrl,
        result_media: true,
        video_urls: true,
        plain_top_k: true,
        // <https://github.com/ujisati/claude-code-provider-proxy/pull/11>
        user_most: 128,
        cache_control: true,
        ..Quirks::default()
    }
}

/// <https://docs.perplexity.ai/api-reference/chat-completions-post>
pub(crate) fn perplexity_ai() -> Quirks {
    Quirks {
        refuses: vec![
            Field::Stop,
            Field::Seed,
            Field::N,
            Field::Logprobs,
            Field::TopLogprobs,
            Field::LogitBias,
            Field::User,
            Field::Metadata,
            Field::Store,
            Field::ServiceTier,
            Field::Tools,
            Field::ToolChoice,
            Field::ParallelToolCalls,
        ],
        stream_options: false,
        files: FileParts::FileUrl,
        alternate: true,
        ..Quirks::default()
    }
}

/// Its OpenAI layer takes images as data only: <https://docs.ollama.com/api/openai-compatibility>.
pub(crate) fn ollama() -> Quirks {
    Quirks {
        refuses: vec![Field::ToolChoice, Field::LogitBias, Field::User, Field::N],
        replay: ReasoningReplay::Plain,
        image_urls: ImageUrls::DataOnly,
        ..Quirks::default()
    }
}

/// <https://platform.moonshot.ai/docs/guide/use-kimi-k2-thinking-model>
pub(crate) fn moonshot() -> Quirks {
    Quirks { reasoning: ReasoningAsk::None, replay: ReasoningReplay::Content, ..Quirks::default() }
}

/// <https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/>
pub(crate) fn workers_ai() -> Quirks {
    Quirks { image_urls: ImageUrls::DataOnly, replay: ReasoningReplay::Content, ..Quirks::default() }
}

/// <https://docs.vllm.ai/en/stable/features/reasoning_outputs.html>
pub(crate) fn vllm() -> Quirks {
    Quirks { replay: ReasoningReplay::Plain, plain_top_k: true, ..Quirks::default() }
}

/// <https://lmstudio.ai/docs/developer/openai-compat>
pub(crate) fn lm_studio() -> Quirks {
    Quirks { image_urls: ImageUrls::DataOnly, ..Quirks::default() }
}

/// <https://github.com/Mozilla-Ocho/llamafile>
pub(crate) fn llamafile() -> Quirks {
    Quirks { image_urls: ImageUrls::DataOnly, ..Quirks::default() }
}
