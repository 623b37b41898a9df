//! The raw counters of a usage object, and the sums each family of providers means by them.
//!
//! Kept apart from `Usage` because Anthropic spreads its counters over two events: they can be added up only
//! when both were seen.

use crate::scan::members;
use crate::usage::Usage;

type Count = Option<u64>;

/// Counters by meaning; a later object overwrites the members it has.
#[derive(Debug, Default)]
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
        for member in members(object) {
            let name = member.name(object);
            let value = member.value(object);
            if value.first() == Some(&b'{') || value.first() == Some(&b'[') {
                self.add_nested(&name, value);
            } else if let Some(count) = number(value) {
                self.add_count(&name, count);
            }
        }
    }

    fn add_count(&mut self, name: &str, count: u64) {
        if self.add_openai(name, count) || self.add_cache_apart(name, count) {
            return;
        }
        self.add_gemini(name, count);
    }

    /// OpenAI's two APIs and all that follow them: DeepSeek, xAI, Groq, Mistral, Perplexity, OpenRouter, Hugging
    /// Face. <https://platform.openai.com/docs/api-reference/chat/object>,
    /// <https://api-docs.deepseek.com/api/create-chat-completion>, <https://docs.mistral.ai/api>,
    /// <https://docs.perplexity.ai/api-reference/chat-completions-post>. Ollama's own names are here too:
    /// <https://github.com/ollama/ollama/blob/main/docs/api.md>.
    fn add_openai(&mut self, name: &str, count: u64) -> bool {
        let slot = match name {
            "prompt_tokens" | "input_tokens" | "prompt_eval_count" => &mut self.input,
            "completion_tokens" | "output_tokens" | "eval_count" => &mut self.output,
            "total_tokens" => &mut self.total,
            "prompt_cache_hit_tokens" | "num_cached_tokens" | "cached_tokens" => &mut self.cached,
            "reasoning_tokens" => &mut self.reasoning,
            _ => return false,
        };
        *slot = Some(count);
        true
    }

    /// Anthropic and Bedrock count cached tokens beside the input:
    /// <https://platform.claude.com/docs/en/build-with-claude/prompt-caching#tracking-cache-performance>,
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html>.
    fn add_cache_apart(&mut self, name: &str, count: u64) -> bool {
        let (slot, apart) = match name {
            "cache_read_input_tokens" | "cacheReadInputTokens" | "cacheReadInputTokenCount" => {
                (&mut self.cached, true)
            }
            "cache_creation_input_tokens" | "cacheWriteInputTokens" | "cacheWriteInputTokenCount" => {
                (&mut self.cache_write, true)
            }
            "inputTokens" => (&mut self.input, false),
            "outputTokens" => (&mut self.output, false),
            _ => return false,
        };
        *slot = Some(count);
        self.cache_apart |= apart;
        true
    }

    /// Gemini counts thoughts beside the candidates, and tool prompts beside the prompt:
    /// <https://ai.google.dev/api/generate-content#UsageMetadata>, <https://ai.google.dev/api/interactions-api>.
    fn add_gemini(&mut self, name: &str, count: u64) {
        let slot = match name {
            "promptTokenCount" | "total_input_tokens" => &mut self.input,
            "candidatesTokenCount" | "responseTokenCount" | "total_output_tokens" => &mut self.output,
            "cachedContentTokenCount" | "total_cached_tokens" => &mut self.cached,
            "toolUsePromptTokenCount" | "total_tool_use_tokens" => &mut self.tool_input,
            "thoughtsTokenCount" | "total_thought_tokens" => {
                self.reasoning_apart = true;
                &mut self.reasoning
            }
            _ => return,
        };
        *slot = Some(count);
    }

    fn add_nested(&mut self, name: &str, value: &[u8]) {
        match name {
            "prompt_tokens_details" | "input_tokens_details" | "input_token_details" => {
                each(value, |name, count| match name {
                    "cached_tokens" => self.cached = Some(count),
                    "cache_write_tokens" => self.cache_write = Some(count),
                    "audio_tokens" => self.audio_input = Some(count),
                    _ => {}
                })
            }
            "completion_tokens_details" | "output_tokens_details" => each(value, |name, count| match name {
                "reasoning_tokens" | "thinking_tokens" => self.reasoning = Some(count),
                "audio_tokens" => self.audio_output = Some(count),
                _ => {}
            }),
            // Cohere: <https://docs.cohere.com/v2/reference/chat>.
            "tokens" => each(value, |name, count| match name {
                "input_tokens" => self.input = Some(count),
                "output_tokens" => self.output = Some(count),
                "reasoning_tokens" => self.reasoning = Some(count),
                _ => {}
            }),
            "billed_units" => each(value, |name, count| match name {
                "input_tokens" => self.billed_input = Some(count),
                "output_tokens" => self.billed_output = Some(count),
                _ => {}
            }),
            "promptTokensDetails" => self.audio_input = audio_part(value).or(self.audio_input),
            "candidatesTokensDetails" | "responseTokensDetails" => {
                self.audio_output = audio_part(value).or(self.audio_output);
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
