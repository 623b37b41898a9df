//! One small stream per dialect, each read whole, split at every byte, and byte by byte.

use wharf_wire::{Format, Seen, Tap, Usage};

fn check(stream: &[u8], format: Format, expected: Seen) {
    let read = |chunks: &[&[u8]]| {
        let mut tap = Tap::sse(Some(format));
        chunks.iter().for_each(|chunk| tap.push(chunk));
        tap.finish()
    };
    assert_eq!(read(&[stream]), expected);
    for cut in 0..=stream.len() {
        let (head, tail) = stream.split_at(cut);
        assert_eq!(read(&[head, tail]), expected, "cut at {cut}");
    }
    assert_eq!(read(&stream.chunks(1).collect::<Vec<_>>()), expected, "byte by byte");
}

fn seen(events: u64, usage: Usage) -> Seen {
    Seen { usage, complete: true, boundary: true, events, ..Seen::default() }
}

fn tokens(input: u64, output: u64) -> Usage {
    Usage { input: Some(input), output: Some(output), ..Usage::default() }
}

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("fixtures/", $name, ".sse"))
    };
}

#[test]
fn openai_chat_with_usage() {
    let usage = Usage {
        cached: Some(4),
        reasoning: Some(5),
        audio_input: Some(0),
        audio_output: Some(0),
        ..tokens(9, 12)
    };
    check(fixture!("openai_chat_usage"), Format::OpenAiChat, seen(5, usage));
}

#[test]
fn openai_chat_without_usage() {
    check(fixture!("openai_chat"), Format::OpenAiChat, seen(5, Usage::default()));
}

#[test]
fn groq_keeps_usage_in_its_own_member() {
    check(fixture!("groq"), Format::OpenAiChat, seen(4, tokens(40, 3)));
}

#[test]
fn anthropic_with_thinking_and_a_cache() {
    let usage = Usage { cached: Some(1000), cache_write: Some(100), reasoning: Some(30), ..tokens(1107, 42) };
    check(fixture!("anthropic_thinking"), Format::AnthropicMessages, seen(10, usage));
}

#[test]
fn openai_responses() {
    let usage = Usage { cached: Some(16), reasoning: Some(0), ..tokens(20, 8) };
    check(fixture!("openai_responses"), Format::OpenAiResponses, seen(3, usage));
}

#[test]
fn gemini_with_crlf_and_usage_in_every_event() {
    let usage = Usage { reasoning: Some(6), ..tokens(10, 11) };
    check(fixture!("gemini"), Format::GeminiGenerate, seen(3, usage));
}

#[test]
fn perplexity_with_growing_usage_and_no_done() {
    check(fixture!("perplexity"), Format::OpenAiChat, seen(3, tokens(5, 3)));
}

#[test]
fn azure_with_a_first_event_without_choices() {
    check(fixture!("azure"), Format::OpenAiChat, seen(6, tokens(8, 2)));
}

#[test]
fn openrouter_with_comments() {
    check(fixture!("openrouter"), Format::OpenAiChat, seen(4, tokens(14, 2)));
}
