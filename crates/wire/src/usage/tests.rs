//! One usage object per family, as their documentation and recordings show them.

use super::*;

fn read(json: &str) -> Usage {
    Usage::read(json.as_bytes())
}

fn sums(json: &str) -> (Option<u64>, Option<u64>, Option<u64>, Option<u64>) {
    let usage = read(json);
    (usage.input, usage.cached, usage.output, usage.reasoning)
}

#[test]
fn openai_chat_counts_cached_and_reasoning_tokens_inside() {
    let usage = read(
        r#"{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,
            "prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":5,"cache_write_tokens":7},
            "completion_tokens_details":{"reasoning_tokens":200,"audio_tokens":6}}"#,
    );
    let expected = Usage {
        input: Some(2006),
        cached: Some(1920),
        cache_write: Some(7),
        output: Some(300),
        reasoning: Some(200),
        audio_input: Some(5),
        audio_output: Some(6),
    };
    assert_eq!(usage, expected);
}

#[test]
fn xai_reasoning_is_added_because_its_total_says_so() {
    let json = r#"{"prompt_tokens":12,"completion_tokens":9,"total_tokens":321,
        "completion_tokens_details":{"reasoning_tokens":300}}"#;
    assert_eq!(sums(json), (Some(12), None, Some(309), Some(300)));
}

#[test]
fn responses_are_read_as_they_are() {
    let json = r#"{"input_tokens":157,"input_tokens_details":{"cached_tokens":128},"output_tokens":273,
        "output_tokens_details":{"reasoning_tokens":215},"total_tokens":430}"#;
    assert_eq!(sums(json), (Some(157), Some(128), Some(273), Some(215)));
}

#[test]
fn anthropic_input_takes_in_both_cache_counters() {
    let usage = read(
        r#"{"input_tokens":4,"cache_creation_input_tokens":100,"cache_read_input_tokens":1000,
            "cache_creation":{"ephemeral_5m_input_tokens":100},"output_tokens":503}"#,
    );
    assert_eq!(
        (usage.input, usage.cached, usage.cache_write, usage.output),
        (Some(1104), Some(1000), Some(100), Some(503))
    );
}

#[test]
fn bedrock_is_counted_like_anthropic() {
    let json = r#"{"inputTokens":4,"outputTokens":5,"totalTokens":1009,"cacheReadInputTokens":1000,
        "cacheReadInputTokenCount":1000}"#;
    assert_eq!(sums(json), (Some(1004), Some(1000), Some(5), None));
}

#[test]
fn gemini_thoughts_and_tool_prompts_are_added() {
    let json = r#"{"promptTokenCount":9,"candidatesTokenCount":34,"thoughtsTokenCount":248,
        "toolUsePromptTokenCount":11,"cachedContentTokenCount":3,
        "promptTokensDetails":[{"modality":"TEXT","tokenCount":7},{"modality":"AUDIO","tokenCount":2}]}"#;
    assert_eq!(sums(json), (Some(20), Some(3), Some(282), Some(248)));
    assert_eq!(read(json).audio_input, Some(2));
    assert_eq!(sums(r#"{"promptTokenCount":9,"thoughtsTokenCount":5}"#), (Some(9), None, Some(5), Some(5)));
    assert_eq!(sums(r#"{"promptTokenCount":9}"#), (Some(9), None, None, None));
    assert!(read(r#"{"trafficType":"ON_DEMAND"}"#).is_unknown());
}

#[test]
fn cohere_prefers_real_counts_to_billed_ones() {
    let json = r#"{"billed_units":{"input_tokens":84,"output_tokens":314},"cached_tokens":1008,
        "tokens":{"input_tokens":1501,"output_tokens":346,"reasoning_tokens":304}}"#;
    assert_eq!(sums(json), (Some(1501), Some(1008), Some(346), Some(304)));
    assert_eq!(sums(r#"{"billed_units":{"input_tokens":7,"image_tokens":0}}"#), (Some(7), None, None, None));
}

#[test]
fn smaller_families_are_known_too() {
    assert_eq!(sums(r#"{"prompt_eval_count":18,"eval_count":203}"#), (Some(18), None, Some(203), None));
    let deepseek = r#"{"prompt_tokens":9,"completion_tokens":1,"prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":1}"#;
    assert_eq!(sums(deepseek), (Some(9), Some(8), Some(1), None));
    assert_eq!(sums(r#"{"prompt_tokens":5,"total_tokens":5}"#), (Some(5), None, None, None));
    assert_eq!(sums(r#"{"prompt_tokens":5.0,"completion_tokens":null}"#), (Some(5), None, None, None));
    for json in ["", "null", "[]", "{}", r#"{"prompt_tokens":-1}"#, r#"{"prompt_tokens":"5"}"#] {
        assert!(read(json).is_unknown(), "{json}");
    }
}

#[test]
fn what_is_known_later_wins_and_the_rest_stays() {
    let mut usage = read(r#"{"input_tokens":4,"output_tokens":1}"#);
    usage.merge(&read(r#"{"output_tokens":9}"#));
    assert_eq!((usage.input, usage.output), (Some(4), Some(9)));
}
