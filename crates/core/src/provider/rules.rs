//! How families of models differ, whoever serves them. Rules are laid over each other in their order: what is special
//! stands behind what is general.

use wharf_wire::chat::{Effort, Field, MaxTokens, ModelRule, ReasoningAsk, SchemaSupport};

/// What OpenAI's models refuse while they reason.
const NO_SAMPLING: &[Field] = &[
    Field::Temperature,
    Field::TopP,
    Field::FrequencyPenalty,
    Field::PresencePenalty,
    Field::Logprobs,
    Field::TopLogprobs,
    Field::LogitBias,
];

/// What the first reasoning models know.
const THREE: &[Effort] = &[Effort::Low, Effort::Medium, Effort::High];

/// OpenAI's families: <https://platform.openai.com/docs/guides/reasoning>. Those that can be told not to reason take
/// sampling then.
pub(crate) const OPENAI: &[ModelRule] = &[
    // They never reason, and refuse to be asked.
    ModelRule {
        models: &["gpt-3", "gpt-4", "chatgpt-4"],
        reasoning: Some(ReasoningAsk::None),
        ..ModelRule::NONE
    },
    ModelRule {
        models: &["o#", "gpt-5", "codex-"],
        max_tokens: Some(MaxTokens::Completion),
        encrypted_reasoning: Some(true),
        efforts: Some(THREE),
        ..ModelRule::NONE
    },
    ModelRule {
        models: &[
            "o#",
            "codex-",
            "gpt-5$",
            "gpt-5-mini",
            "gpt-5-nano",
            "gpt-5-pro",
            "gpt-5-codex",
            "gpt-5-20",
            "gpt-5.2-pro",
            "gpt-5.5",
            "gpt-5.6",
        ],
        refuses: NO_SAMPLING,
        ..ModelRule::NONE
    },
    // o3-mini takes it: <https://github.com/huggingface/smolagents/issues/1671>, …/issues/1893, …/pull/1868.
    ModelRule {
        models: &[
            "o3$",
            "o3-2",
            "o3-pro",
            "o4-",
            "gpt-5$",
            "gpt-5-mini",
            "gpt-5-nano",
            "gpt-5-pro",
            "gpt-5-codex",
            "gpt-5-20",
            "gpt-5.",
        ],
        refuses: &[Field::Stop],
        ..ModelRule::NONE
    },
    // The others don't reason unless they are asked to.
    ModelRule { models: &["gpt-5."], refuses_thinking: Some(NO_SAMPLING), ..ModelRule::NONE },
    // What each knows stands on its page, <https://platform.openai.com/docs/models>.
    efforts(
        &["gpt-5$", "gpt-5-mini", "gpt-5-nano", "gpt-5-20"],
        &[Effort::Minimal, Effort::Low, Effort::Medium, Effort::High],
    ),
    efforts(
        &["gpt-5."],
        &[Effort::None, Effort::Low, Effort::Medium, Effort::High, Effort::XHigh, Effort::Max],
    ),
    efforts(&["gpt-5.1"], &[Effort::None, Effort::Low, Effort::Medium, Effort::High]),
    efforts(
        &["gpt-5.2", "gpt-5.3", "gpt-5.4", "gpt-5.5"],
        &[Effort::None, Effort::Low, Effort::Medium, Effort::High, Effort::XHigh],
    ),
    efforts(&["gpt-5.1-codex"], THREE),
    efforts(
        &["gpt-5.1-codex-max", "gpt-5.2-codex", "gpt-5.3-codex"],
        &[Effort::Low, Effort::Medium, Effort::High, Effort::XHigh],
    ),
    efforts(&["gpt-5-pro"], &[Effort::High]),
    efforts(&["gpt-5.2-pro", "gpt-5.4-pro", "gpt-5.5-pro"], &[Effort::Medium, Effort::High, Effort::XHigh]),
    efforts(&["gpt-5.1-chat", "gpt-5.2-chat", "gpt-5.3-chat"], &[Effort::Medium]),
    // It never reasons.
    ModelRule {
        models: &["gpt-5-chat"],
        reasoning: Some(ReasoningAsk::None),
        encrypted_reasoning: Some(false),
        ..ModelRule::NONE
    },
];

/// A rule that only says which efforts are known.
const fn efforts(models: &'static [&'static str], efforts: &'static [Effort]) -> ModelRule {
    ModelRule { models, efforts: Some(efforts), ..ModelRule::NONE }
}

/// Claude's families: <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>,
/// <https://platform.claude.com/docs/en/build-with-claude/effort>.
pub(crate) const CLAUDE: &[ModelRule] = &[
    ModelRule {
        models: &["claude-2", "claude-instant", "claude-3-"],
        reasoning: Some(ReasoningAsk::None),
        schema: Some(SchemaSupport::None),
        ..ModelRule::NONE
    },
    ModelRule { models: &["claude-3-5-"], default_max_tokens: Some(8192), ..ModelRule::NONE },
    ModelRule {
        models: &["claude-3-7-", "claude-sonnet-4", "claude-haiku-4", "claude-opus-4"],
        reasoning: Some(ReasoningAsk::Budget),
        schema: Some(SchemaSupport::None),
        default_max_tokens: Some(64_000),
        ..ModelRule::NONE
    },
    ModelRule { models: &["claude-opus-4"], default_max_tokens: Some(32_000), ..ModelRule::NONE },
    ModelRule {
        models: &["claude-opus-4-1", "claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"],
        schema: Some(SchemaSupport::Full),
        one_sampler: Some(true),
        ..ModelRule::NONE
    },
    ModelRule {
        models: &["claude-opus-4-6", "claude-sonnet-4-6"],
        reasoning: Some(ReasoningAsk::Level),
        schema: Some(SchemaSupport::Full),
        one_sampler: Some(true),
        // Opus 4.6 names these four itself when it refuses another.
        efforts: Some(&[Effort::Low, Effort::Medium, Effort::High, Effort::Max]),
        default_max_tokens: Some(64_000),
        ..ModelRule::NONE
    },
    ModelRule {
        models: &[
            "claude-opus-4-7",
            "claude-opus-4-8",
            "claude-opus-5",
            "claude-sonnet-5",
            "claude-haiku-5",
            "claude-fable",
            "claude-mythos",
        ],
        refuses: &[Field::Temperature, Field::TopP, Field::TopK],
        reasoning: Some(ReasoningAsk::Level),
        schema: Some(SchemaSupport::Full),
        efforts: Some(&[Effort::Low, Effort::Medium, Effort::High, Effort::XHigh, Effort::Max]),
        default_max_tokens: Some(64_000),
        ..ModelRule::NONE
    },
    // <https://platform.claude.com/docs/en/about-claude/models/whats-new-opus-5-5>
    ModelRule {
        models: &["claude-opus-5-5", "claude-fable", "claude-mythos"],
        always_thinks: Some(true),
        forced_tools: Some(false),
        ..ModelRule::NONE
    },
    // <https://platform.claude.com/docs/en/about-claude/models/whats-new-sonnet-5-5>
    ModelRule {
        models: &["claude-sonnet-5-5"],
        thinking_off: Some("between_tools"),
        forced_tools: Some(false),
        ..ModelRule::NONE
    },
];

/// Gemini's families: <https://ai.google.dev/gemini-api/docs/thinking>,
/// <https://ai.google.dev/gemini-api/docs/thought-signatures>.
pub(crate) const GEMINI: &[ModelRule] = &[
    ModelRule {
        models: &["gemini-1", "gemini-2.0"],
        reasoning: Some(ReasoningAsk::None),
        format_with_tools: Some(false),
        ..ModelRule::NONE
    },
    ModelRule {
        models: &["gemini-2.5"],
        reasoning: Some(ReasoningAsk::Budget),
        budget: Some((1, 24_576)),
        format_with_tools: Some(false),
        ..ModelRule::NONE
    },
    ModelRule {
        models: &["gemini-2.5-pro"],
        budget: Some((128, 32_768)),
        always_thinks: Some(true),
        ..ModelRule::NONE
    },
    ModelRule { models: &["gemini-2.5-flash-lite"], budget: Some((512, 24_576)), ..ModelRule::NONE },
    ModelRule {
        models: &["gemini-3", "gemini-flash-latest", "gemini-pro-latest"],
        reasoning: Some(ReasoningAsk::Level),
        efforts: Some(&[Effort::Low, Effort::High]),
        call_signature: Some("skip_thought_signature_validator"),
        result_media: Some(true),
        ..ModelRule::NONE
    },
    ModelRule {
        models: &["gemini-3-flash", "gemini-3.1-flash-lite"],
        efforts: Some(&[Effort::Minimal, Effort::Low, Effort::Medium, Effort::High]),
        ..ModelRule::NONE
    },
    ModelRule {
        models: &["gemini-3.1-pro", "gemini-3.5-flash", "gemini-3.8-flash"],
        efforts: Some(&[Effort::Low, Effort::Medium, Effort::High]),
        ..ModelRule::NONE
    },
];

/// Families behind Bedrock's Converse beside Claude's:
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html>.
const BEDROCK_OWN: [ModelRule; 4] = [
    // <https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html>
    ModelRule {
        models: &["nova-"],
        reasoning: Some(ReasoningAsk::Object),
        top_k: Some(&["inferenceConfig", "topK"]),
        ..ModelRule::NONE
    },
    ModelRule {
        models: &["gpt-oss"],
        reasoning: Some(ReasoningAsk::Effort),
        efforts: Some(&[Effort::Low, Effort::Medium, Effort::High]),
        ..ModelRule::NONE
    },
    ModelRule { models: &["llama"], refuses: &[Field::ToolChoice], ..ModelRule::NONE },
    ModelRule { models: &["titan-"], refuses: &[Field::ToolChoice, Field::Tools], ..ModelRule::NONE },
];

/// All families behind Bedrock's Converse: Claude's are those of its own API.
pub(crate) const BEDROCK: &[ModelRule] = &{
    let mut all = [ModelRule::NONE; CLAUDE.len() + BEDROCK_OWN.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < CLAUDE.len() { CLAUDE[at] } else { BEDROCK_OWN[at - CLAUDE.len()] };
        at += 1;
    }
    all
};

/// Cohere's: only those that reason can be told how much, <https://docs.cohere.com/docs/reasoning>.
pub(crate) const COHERE: &[ModelRule] = &[ModelRule {
    models: &["command-a-reasoning", "command-a-plus"],
    reasoning: Some(ReasoningAsk::Budget),
    ..ModelRule::NONE
}];

/// xAI's reasoning models refuse what OpenAI's format has beside it: <https://docs.x.ai/docs/guides/reasoning>.
pub(crate) const GROK: &[ModelRule] = &[
    ModelRule { models: &["grok-4"], encrypted_reasoning: Some(true), ..ModelRule::NONE },
    ModelRule {
        models: &["grok-3-mini", "grok-4"],
        refuses: &[Field::Stop, Field::FrequencyPenalty, Field::PresencePenalty],
        ..ModelRule::NONE
    },
    efforts(&["grok-3-mini"], &[Effort::Low, Effort::High]),
    efforts(&["grok-4."], &[Effort::None, Effort::Low, Effort::Medium, Effort::High]),
    // <https://github.com/xai-org/xai-proto/pull/70>
    efforts(&["grok-4.6"], &[Effort::None, Effort::Low, Effort::Medium, Effort::High, Effort::XHigh]),
    // They take no effort at all: <https://docs.x.ai/docs/guides/reasoning>.
    ModelRule {
        models: &[
            "grok-2",
            "grok-3$",
            "grok-3-fast",
            "grok-code",
            "grok-4$",
            "grok-4-fast",
            "grok-4-1",
            "grok-4.1",
            "grok-4-0",
        ],
        reasoning: Some(ReasoningAsk::None),
        ..ModelRule::NONE
    },
];
