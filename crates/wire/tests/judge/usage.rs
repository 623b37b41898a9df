//! Counts of tokens by a full parse, in every provider's arithmetic (`total` tells xAI's from the others').

use serde_json::Value;
use wharf_wire::Format;

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) input: Option<u64>,
    pub(crate) output: Option<u64>,
    pub(crate) cached: Option<u64>,
    pub(crate) reasoning: Option<u64>,
}

const CACHED: &[&str] = &[
    "/prompt_tokens_details/cached_tokens",
    "/input_tokens_details/cached_tokens",
    "/cache_read_input_tokens",
    "/cacheReadInputTokens",
    "/cacheReadInputTokenCount",
    "/cachedContentTokenCount",
    "/prompt_cache_hit_tokens",
    "/num_cached_tokens",
    "/cached_tokens",
];
const CACHE_WRITE: &[&str] =
    &["/cache_creation_input_tokens", "/cacheWriteInputTokens", "/cacheWriteInputTokenCount"];
const REASONING: &[&str] = &[
    "/completion_tokens_details/reasoning_tokens",
    "/output_tokens_details/reasoning_tokens",
    "/output_tokens_details/thinking_tokens",
    "/thoughtsTokenCount",
    "/tokens/reasoning_tokens",
    "/reasoning_tokens",
];
const INPUT: &[&str] = &[
    "/tokens/input_tokens",
    "/prompt_tokens",
    "/input_tokens",
    "/inputTokens",
    "/promptTokenCount",
    "/prompt_eval_count",
    "/billed_units/input_tokens",
];
const OUTPUT: &[&str] = &[
    "/tokens/output_tokens",
    "/completion_tokens",
    "/output_tokens",
    "/outputTokens",
    "/candidatesTokenCount",
    "/eval_count",
    "/billed_units/output_tokens",
];

fn at(usage: &Value, places: &[&str]) -> Option<u64> {
    places.iter().find_map(|place| {
        let count = usage.pointer(place)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are small")]
        count.as_u64().or_else(|| count.as_f64().map(|float| float as u64))
    })
}

impl Counts {
    /// Of one usage object, whoever wrote it.
    pub(crate) fn of(usage: &Value) -> Self {
        let (cached, reasoning) = (at(usage, CACHED), at(usage, REASONING));
        let (mut input, mut output) = (at(usage, INPUT), at(usage, OUTPUT));
        let apart = ["cache_read_input_tokens", "cacheReadInputTokens", "cacheReadInputTokenCount"]
            .into_iter()
            .chain(["cache_creation_input_tokens", "cacheWriteInputTokens", "cacheWriteInputTokenCount"])
            .any(|name| usage.get(name).is_some());
        if apart {
            let write = at(usage, CACHE_WRITE).unwrap_or(0);
            input = input.map(|count| count + cached.unwrap_or(0) + write);
        }
        input = input.map(|count| count + at(usage, &["/toolUsePromptTokenCount"]).unwrap_or(0));
        if usage.get("thoughtsTokenCount").is_some() {
            output = Some(output.unwrap_or(0) + reasoning.unwrap_or(0));
        } else if let (Some(prompt), Some(answer), Some(thought)) = (input, output, reasoning)
            && thought > 0
            && usage.get("total_tokens").and_then(Value::as_u64) == Some(prompt + answer + thought)
        {
            output = Some(answer + thought);
        }
        Self { input, output, cached, reasoning }
    }
}

/// What a client was told otherwise. A count that nobody knows may be absent or nought; a dialect may lack a place
/// for some.
pub(crate) fn differences(wanted: &Counts, found: &Counts, dialect: Format) -> Vec<String> {
    let mut out = Vec::new();
    // More was cached than there was (Grok at Azure): Anthropic's counts, which are apart, can't say that.
    if dialect == Format::AnthropicMessages && wanted.cached > wanted.input {
        return out;
    }
    let mut compare = |what: &str, wanted: Option<u64>, found: Option<u64>| {
        if wanted.unwrap_or(0) != found.unwrap_or(0) {
            out.push(format!("{what} tokens {found:?} instead of {wanted:?}"));
        }
    };
    compare("input", wanted.input, found.input);
    compare("output", wanted.output, found.output);
    // Without the sum there is no place for a part of it.
    if wanted.input.is_some() {
        compare("cached", wanted.cached, found.cached);
    }
    // Only newer answers of Anthropic count reasoning.
    if wanted.output.is_some() && (dialect != Format::AnthropicMessages || found.reasoning.is_some()) {
        compare("reasoning", wanted.reasoning, found.reasoning);
    }
    out
}
