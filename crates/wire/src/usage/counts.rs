//! The raw counters of a usage object, and the sums each family of providers means by them.
//!
//! Kept apart from `Usage` because Anthropic spreads its counters over two events: they can be added up only
//! when both were seen.

use super::walk::{Found, walk};
use crate::scan::members;
use crate::usage::Usage;

type Count = Option<u64>;

/// Counters by meaning; a later object overwrites the members it has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    input: Count,
    output: Count,
    total: Count,
    cached: Count,
    cache_write: Count,
    /// The cached counters are not part of `input` (Anthropic, Bedrock).
    cache_apart: bool,
    reasoning: Count,
    /// The reasoning counter is not part of `output` (Gemini). xAI is recognised by its total instead.
    reasoning_apart: bool,
    /// Prompt tokens for tools, beside `input` (Gemini).
    tool_input: Count,
    audio_input: Count,
    audio_output: Count,
    /// Cohere: what is billed, used where real counts are missing.
    billed_input: Count,
    billed_output: Count,
}

impl Counts {
    /// Reads a usage object on top of what is known.
    pub(crate) fn add(&mut self, object: &[u8]) {
        if self.add_prefix(object).is_none() {
            self.add_slowly(object);
        }
    }

    /// Reads the usage object that `text` begins with, and says how long it is; `None`, and nothing is read, if it is
    /// not of the usual form.
    pub(crate) fn add_prefix(&mut self, text: &[u8]) -> Option<usize> {
        let mut read = self.clone();
        let length = walk(text, |found| match found {
            Found::Count(name, count) => read.add_count(name, count),
            Found::Nested(object, name, count) => read.add_nested(object, name, count),
        })?;
        *self = read;
        Some(length)
    }

    fn add_slowly(&mut self, object: &[u8]) {
        for member in members(object) {
            let name = member.name(object);
            let value = member.value(object);
            match value.first() {
                Some(b'{') => {
                    each(value, |inner, count| self.add_nested(name.as_bytes(), inner.as_bytes(), count))
                }
                Some(b'[') => self.add_list(&name, value),
                _ => {
                    if let Some(count) = number(value) {
                        self.add_count(name.as_bytes(), count);
                    }
                }
            }
        }
    }

    /// Counts at the top of the object.
    ///
    /// OpenAI's two APIs and all that follow them: DeepSeek, xAI, Groq, Mistral, Perplexity, OpenRouter, Hugging
    /// Face. <https://platform.openai.com/docs/api-reference/chat/object>,
    /// <https://api-docs.deepseek.com/api/create-chat-completion>, <https://docs.mistral.ai/api>,
    /// <https://docs.perplexity.ai/api-reference/chat-completions-post>. Ollama's own names are here too:
    /// <https://github.com/ollama/ollama/blob/main/docs/api.md>.
    ///
    /// Anthropic and Bedrock count cached tokens beside the input:
    /// <https://platform.claude.com/docs/en/build-with-claude/prompt-caching#tracking-cache-performance>,
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html>.
    ///
    /// Gemini counts thoughts beside the candidates, and tool prompts beside the prompt:
    /// <https://ai.google.dev/api/generate-content#UsageMetadata>, <https://ai.google.dev/api/interactions-api>.
    fn add_count(&mut self, name: &[u8], count: u64) {
        let slot = match name {
            b"prompt_tokens" | b"input_tokens" | b"prompt_eval_count" | b"inputTokens" => &mut self.input,
            b"promptTokenCount" | b"total_input_tokens" => &mut self.input,
            b"completion_tokens" | b"output_tokens" | b"eval_count" | b"outputTokens" => &mut self.output,
            b"candidatesTokenCount" | b"responseTokenCount" | b"total_output_tokens" => &mut self.output,
            b"total_tokens" => &mut self.total,
            b"prompt_cache_hit_tokens" | b"num_cached_tokens" | b"cached_tokens" => &mut self.cached,
            b"cachedContentTokenCount" | b"total_cached_tokens" => &mut self.cached,
            b"reasoning_tokens" => &mut self.reasoning,
            b"cache_read_input_tokens" | b"cacheReadInputTokens" | b"cacheReadInputTokenCount" => {
                self.cache_apart = true;
                &mut self.cached
            }
            b"cache_creation_input_tokens" | b"cacheWriteInputTokens" | b"cacheWriteInputTokenCount" => {
                self.cache_apart = true;
                &mut self.cache_write
            }
            b"toolUsePromptTokenCount" | b"total_tool_use_tokens" => &mut self.tool_input,
            b"thoughtsTokenCount" | b"total_thought_tokens" => {
                self.reasoning_apart = true;
                &mut self.reasoning
            }
            _ => return,
        };
        *slot = Some(count);
    }

    /// Counts one level down. Cohere's are all there: <https://docs.cohere.com/v2/reference/chat>.
    fn add_nested(&mut self, object: &[u8], name: &[u8], count: u64) {
        let slot = match (object, name) {
            (b"prompt_tokens_details" | b"input_tokens_details" | b"input_token_details", name) => match name
            {
                b"cached_tokens" => &mut self.cached,
                b"cache_write_tokens" => &mut self.cache_write,
                b"audio_tokens" => &mut self.audio_input,
                _ => return,
            },
            (b"completion_tokens_details" | b"output_tokens_details", name) => match name {
                b"reasoning_tokens" | b"thinking_tokens" => &mut self.reasoning,
                b"audio_tokens" => &mut self.audio_output,
                _ => return,
            },
            (b"tokens", b"input_tokens") => &mut self.input,
            (b"tokens", b"output_tokens") => &mut self.output,
            (b"tokens", b"reasoning_tokens") => &mut self.reasoning,
            (b"billed_units", b"input_tokens") => &mut self.billed_input,
            (b"billed_units", b"output_tokens") => &mut self.billed_output,
            _ => return,
        };
        *slot = Some(count);
    }

    /// Gemini's lists of counts by modality.
    fn add_list(&mut self, name: &str, list: &[u8]) {
        match name {
            "promptTokensDetails" => self.audio_input = audio_part(list).or(self.audio_input),
            "candidatesTokensDetails" | "responseTokensDetails" => {
                self.audio_output = audio_part(list).or(self.audio_output);
            }
            _ => {}
        }
    }

    /// The sums.
    pub(crate) fn usage(&self) -> Usage {
        let mut input = self.input.or(self.billed_input);
        let mut output = self.output.or(self.billed_output);
        if self.cache_apart {
            input = plus(plus(input, self.cached), self.cache_write);
        }
        input = plus(input, self.tool_input);
        if self.reasoning_apart {
            output = match output {
                None => self.reasoning,
                known => plus(known, self.reasoning),
            };
        } else if self.reasoning_beside_output() {
            output = plus(output, self.reasoning);
        }
        Usage {
            input,
            cached: self.cached,
            cache_write: self.cache_write,
            output,
            reasoning: self.reasoning,
            audio_input: self.audio_input,
            audio_output: self.audio_output,
        }
    }

    /// xAI's completion tokens leave reasoning out; its total tells:
    /// <https://docs.x.ai/docs/guides/reasoning#usage>.
    fn reasoning_beside_output(&self) -> bool {
        let (Some(input), Some(output), Some(reasoning)) = (self.input, self.output, self.reasoning) else {
            return false;
        };
        reasoning > 0 && self.total == input.checked_add(output).and_then(|sum| sum.checked_add(reasoning))
    }
}

fn plus(count: Count, more: Count) -> Count {
    count.map(|count| count.saturating_add(more.unwrap_or(0)))
}

fn each(object: &[u8], mut with: impl FnMut(&str, u64)) {
    for member in members(object) {
        if let Some(count) = number(member.value(object)) {
            with(&member.name(object), count);
        }
    }
}

/// The audio entry of Gemini's list of counts by modality.
fn audio_part(list: &[u8]) -> Count {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Part<'a> {
        #[serde(borrow)]
        modality: std::borrow::Cow<'a, str>,
        token_count: Count,
    }
    let parts: Vec<Part<'_>> = serde_json::from_slice(list).ok()?;
    parts.into_iter().find(|part| part.modality == "AUDIO")?.token_count
}

/// A count, also when it is written as a float (`12.0`), as some servers do.
fn number(value: &[u8]) -> Count {
    let text = std::str::from_utf8(value).ok()?;
    text.parse().ok().or_else(|| {
        let float: f64 = text.parse().ok()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the guard leaves whole numbers that fit"
        )]
        (float.fract() == 0.0 && (0.0..1e15).contains(&float)).then_some(float as u64)
    })
}
