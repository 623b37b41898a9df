//! How a provider, or a family of its models, differs from its format: data, filled in by the catalogue.

use super::{Effort, Field, IdRule, Losses, ReasoningWish};
use std::borrow::Cow;

/// The peculiarities of one target. The default is the format's own vendor.
#[derive(Debug, Clone, PartialEq)]
pub struct Quirks {
    /// Fields that the target refuses or ignores: left out and listed.
    pub refuses: Vec<Field>,
    /// The name of the token limit.
    pub max_tokens: MaxTokens,
    /// `max_tokens` that is sent where the caller gave none and the format demands one.
    pub default_max_tokens: u64,
    /// The name of the seed, where it is not `seed` (Mistral's `random_seed`).
    pub seed: &'static str,
    /// `stream_options` is known; without it usage comes unasked.
    pub stream_options: bool,
    /// The role `developer` is known.
    pub developer: bool,
    /// What ids of tool calls must look like.
    pub ids: IdRule,
    /// How reasoning is asked for.
    pub reasoning: ReasoningAsk,
    /// How earlier reasoning is sent back.
    pub replay: ReasoningReplay,
    /// Encrypted reasoning may be asked for (Responses' `include`); models that don't reason answer 400 to it.
    pub encrypted_reasoning: bool,
    /// What the target makes of a JSON schema for the answer.
    pub schema: SchemaSupport,
    /// Images by URL.
    pub image_urls: ImageUrls,
    /// How files stand in a message.
    pub files: FileParts,
    /// Recordings stand bare in `input_audio`, as base64 or an address (Mistral).
    pub plain_audio: bool,
    /// Films by `video_url` (OpenRouter).
    pub video_urls: bool,
    /// `top_k` is known beside the format's own members (OpenRouter, vLLM).
    pub plain_top_k: bool,
    /// Custom tools, `allowed_tools` and a message's `refusal` are known (OpenAI, Azure).
    pub openai_tools: bool,
    /// User and assistant must take turns, and the first after the system text is the user's.
    pub alternate: bool,
    /// The word for a forced call where it is not `required` (Mistral's `any`).
    pub tool_required: &'static str,
    /// The highest temperature; above it is cut and listed.
    pub temperature_most: Option<f64>,
    /// The most stop texts.
    pub stop_most: Option<usize>,
    /// The most characters of the user's id; a longer one is replaced by one made of it.
    pub user_most: usize,
    /// `cache_control` on parts of messages is known (OpenRouter).
    pub cache_control: bool,
    /// Efforts that it knows, growing; others become the next lower one. Empty: what the format knows.
    pub efforts: &'static [Effort],
    /// Temperature or nucleus sampling, not both (Claude from Opus 4.1 on).
    pub one_sampler: bool,
    /// It can't be told not to think, and so can't be made to call a tool (newest Claude).
    pub always_thinks: bool,
    /// The word that turns thinking off in Anthropic's format.
    pub thinking_off: &'static str,
    /// A call can be forced (not with the newest Claude).
    pub forced_tools: bool,
    /// What is refused only while the model thinks (OpenAI's sampling).
    pub refuses_thinking: &'static [Field],
    /// The least and the most tokens of a budget for thoughts; what lies outside is moved inside.
    pub budget: Option<(u64, u64)>,
    /// Calls and results have ids (Gemini; Vertex knew none for long).
    pub call_ids: bool,
    /// What stands for the state of a call that the model didn't make itself, where the target refuses calls without
    /// (Gemini 3).
    pub call_signature: Option<&'static str>,
    /// Media may stand inside a tool's result (Gemini 3); else they follow it.
    pub result_media: bool,
    /// A form of the answer may be asked for beside tools (not with Gemini 2).
    pub format_with_tools: bool,
    /// Schemas are a subset of OpenAPI's, not JSON schemas (Gemini's older members for them).
    pub schema_subset: bool,
    /// Where `top_k` stands among a model's own fields, where the format has such: Nova's `["inferenceConfig",
    /// "topK"]`, else `["top_k"]`.
    pub top_k: &'static [&'static str],
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            refuses: Vec::new(),
            max_tokens: MaxTokens::Old,
            default_max_tokens: 4096,
            seed: "seed",
            stream_options: true,
            developer: false,
            ids: IdRule::Any,
            reasoning: ReasoningAsk::Effort,
            replay: ReasoningReplay::None,
            encrypted_reasoning: false,
            schema: SchemaSupport::Full,
            image_urls: ImageUrls::Any,
            files: FileParts::Data,
            plain_audio: false,
            video_urls: false,
            plain_top_k: false,
            openai_tools: false,
            alternate: false,
            tool_required: "required",
            temperature_most: None,
            stop_most: None,
            user_most: usize::MAX,
            cache_control: false,
            top_k: &["top_k"],
            efforts: &[],
            one_sampler: false,
            always_thinks: false,
            thinking_off: "disabled",
            forced_tools: true,
            refuses_thinking: &[],
            budget: None,
            call_ids: true,
            call_signature: None,
            result_media: false,
            format_with_tools: true,
            schema_subset: false,
        }
    }
}

impl Quirks {
    /// The effort as the target knows it: itself, else the next lower one, else the least.
    #[must_use]
    pub fn effort(&self, wanted: Effort) -> Effort {
        let below = self.efforts.iter().rev().find(|known| **known <= wanted);
        below.or(self.efforts.first()).copied().unwrap_or(wanted)
    }

    /// The target refuses this field.
    #[must_use]
    pub fn refuses(&self, field: Field) -> bool {
        self.refuses.contains(&field)
    }

    /// With what it refuses while it thinks, where that is what the request asks for.
    #[must_use]
    pub fn for_wish(&self, wish: &ReasoningWish<'_>) -> Cow<'_, Self> {
        let effort = wish.effort().map(|effort| self.effort(effort));
        let thinks = self.reasoning != ReasoningAsk::None && effort.is_some_and(|it| it != Effort::None);
        if !thinks || self.refuses_thinking.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut quirks = self.clone();
        quirks.refuses.extend(self.refuses_thinking);
        Cow::Owned(quirks)
    }

    /// Adds what holds for a family of models.
    pub fn apply(&mut self, rule: &ModelRule) {
        self.refuses.extend(rule.refuses);
        self.max_tokens = rule.max_tokens.unwrap_or(self.max_tokens);
        self.reasoning = rule.reasoning.unwrap_or(self.reasoning);
        self.replay = rule.replay.unwrap_or(self.replay);
        self.encrypted_reasoning = rule.encrypted_reasoning.unwrap_or(self.encrypted_reasoning);
        self.schema = rule.schema.unwrap_or(self.schema);
        self.developer = rule.developer.unwrap_or(self.developer);
        self.default_max_tokens = rule.default_max_tokens.unwrap_or(self.default_max_tokens);
        self.efforts = rule.efforts.unwrap_or(self.efforts);
        self.one_sampler = rule.one_sampler.unwrap_or(self.one_sampler);
        self.always_thinks = rule.always_thinks.unwrap_or(self.always_thinks);
        self.thinking_off = rule.thinking_off.unwrap_or(self.thinking_off);
        self.forced_tools = rule.forced_tools.unwrap_or(self.forced_tools);
        self.refuses_thinking = rule.refuses_thinking.unwrap_or(self.refuses_thinking);
        self.budget = rule.budget.or(self.budget);
        self.call_signature = rule.call_signature.or(self.call_signature);
        self.result_media = rule.result_media.unwrap_or(self.result_media);
        self.format_with_tools = rule.format_with_tools.unwrap_or(self.format_with_tools);
        self.top_k = rule.top_k.unwrap_or(self.top_k);
    }

    /// The number, unless the target refuses its field: then it is lost, where it says more than leaving it out.
    pub fn keep_unless(
        &self,
        same: f64,
        field: Field,
        value: Option<f64>,
        losses: &mut Losses,
    ) -> Option<f64> {
        let idle = self.refuses(field) && value.is_some_and(|value| (value - same).abs() < f64::EPSILON);
        self.keep(field, value.filter(|_| !idle), losses)
    }

    /// The value, unless the target refuses its field: then it is lost.
    pub fn keep<T>(&self, field: Field, value: Option<T>, losses: &mut Losses) -> Option<T> {
        losses.field_if(value.is_some() && self.refuses(field), field);
        value.filter(|_| !self.refuses(field))
    }
}

/// What holds for a family of models, whoever serves it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelRule {
    /// The beginnings of their names, behind any vendor's prefix (`anthropic/`, `us.anthropic.`); `#` is a digit, `$`
    /// the name's end.
    pub models: &'static [&'static str],
    /// Fields that they refuse.
    pub refuses: &'static [Field],
    /// See [`Quirks::max_tokens`].
    pub max_tokens: Option<MaxTokens>,
    /// See [`Quirks::reasoning`].
    pub reasoning: Option<ReasoningAsk>,
    /// See [`Quirks::replay`].
    pub replay: Option<ReasoningReplay>,
    /// See [`Quirks::encrypted_reasoning`].
    pub encrypted_reasoning: Option<bool>,
    /// See [`Quirks::schema`].
    pub schema: Option<SchemaSupport>,
    /// See [`Quirks::developer`].
    pub developer: Option<bool>,
    /// See [`Quirks::default_max_tokens`].
    pub default_max_tokens: Option<u64>,
    /// See [`Quirks::efforts`].
    pub efforts: Option<&'static [Effort]>,
    /// See [`Quirks::one_sampler`].
    pub one_sampler: Option<bool>,
    /// See [`Quirks::always_thinks`].
    pub always_thinks: Option<bool>,
    /// See [`Quirks::thinking_off`].
    pub thinking_off: Option<&'static str>,
    /// See [`Quirks::forced_tools`].
    pub forced_tools: Option<bool>,
    /// See [`Quirks::refuses_thinking`].
    pub refuses_thinking: Option<&'static [Field]>,
    /// See [`Quirks::budget`].
    pub budget: Option<(u64, u64)>,
    /// See [`Quirks::call_signature`].
    pub call_signature: Option<&'static str>,
    /// See [`Quirks::result_media`].
    pub result_media: Option<bool>,
    /// See [`Quirks::format_with_tools`].
    pub format_with_tools: Option<bool>,
    /// See [`Quirks::top_k`].
    pub top_k: Option<&'static [&'static str]>,
}

impl ModelRule {
    /// A rule that says nothing.
    pub const NONE: Self = Self {
        models: &[],
        refuses: &[],
        max_tokens: None,
        reasoning: None,
        replay: None,
        encrypted_reasoning: None,
        schema: None,
        developer: None,
        default_max_tokens: None,
        efforts: None,
        one_sampler: None,
        always_thinks: None,
        thinking_off: None,
        forced_tools: None,
        refuses_thinking: None,
        budget: None,
        call_signature: None,
        result_media: None,
        format_with_tools: None,
        top_k: None,
    };

    /// The rule is for this model.
    #[must_use]
    pub fn fits(&self, model: &str) -> bool {
        let name = model.rsplit('/').next().unwrap_or(model);
        let starts = |name: &str| self.models.iter().any(|start| starts_so(name, start));
        // `us.anthropic.claude-…`, `openai.gpt-oss-…`: Bedrock's names have their vendor before a dot.
        starts(name) || name.match_indices('.').any(|(at, _)| name.get(at + 1..).is_some_and(starts))
    }
}

/// `o3-mini` starts as `o#` says; what follows a whole pattern may be anything.
fn starts_so(name: &str, pattern: &str) -> bool {
    let mut rest = name.bytes();
    pattern.bytes().all(|want| match (want, rest.next()) {
        (b'$', byte) => byte.is_none(),
        (b'#', Some(byte)) => byte.is_ascii_digit(),
        (want, Some(byte)) => want == byte.to_ascii_lowercase(),
        (_, None) => false,
    })
}

/// The name of the token limit in OpenAI's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxTokens {
    /// `max_tokens`, which nearly all know.
    Old,
    /// `max_completion_tokens`, which OpenAI's reasoning models demand.
    Completion,
}

/// How reasoning is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasoningAsk {
    /// Not at all.
    None,
    /// `reasoning_effort` (OpenAI and most that follow it).
    Effort,
    /// `reasoning: {effort | max_tokens, enabled}` (OpenRouter). Bedrock: Nova's `reasoningConfig`.
    Object,
    /// `thinking: {type: enabled | disabled}` (DeepSeek).
    Switch,
    /// Anthropic, Bedrock: `thinking: {type: enabled, budget_tokens}`. Gemini: `thinkingBudget`.
    Budget,
    /// Anthropic: `thinking: {type: adaptive}` and `output_config.effort`. Gemini: `thinkingLevel`.
    Level,
}

/// How earlier reasoning is sent back in OpenAI's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasoningReplay {
    /// Not at all.
    None,
    /// `reasoning_content` on the assistant's message (Moonshot, xAI).
    Content,
    /// The same on every one of them, empty where there is none (DeepSeek from V4 on).
    ContentAlways,
    /// `reasoning` (Ollama, Cerebras, Groq, vLLM).
    Plain,
    /// `reasoning_details` (OpenRouter).
    Details,
    /// Parts of the type `thinking` in the content (Mistral).
    Parts,
    /// `extra_content.google.thought_signature` on the calls (Gemini's endpoint in OpenAI's format).
    Google,
}

/// What a target makes of a JSON schema for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaSupport {
    /// It knows schemas.
    Full,
    /// Only `json_object`: the schema goes into the system text (DeepSeek).
    ObjectOnly,
    /// Neither: a forced tool stands for it (older Claude), or the system text.
    None,
}

/// Images by URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageUrls {
    /// Web addresses and data.
    Any,
    /// Only data: a web address has to be fetched first.
    DataOnly,
}

/// How files stand in a message of OpenAI's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileParts {
    /// `file` with `file_data`, a data URL: a web address has to be fetched first (OpenAI).
    Data,
    /// The same, or a web address in its place (OpenRouter).
    DataOrUrl,
    /// `document_url`, a data URL or a web address (Mistral).
    DocumentUrl,
    /// `file_url`, a web address or bare base64 (Perplexity).
    FileUrl,
}
