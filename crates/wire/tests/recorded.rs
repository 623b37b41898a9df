//! Replays recorded answers of real providers through the tap, when `WHARF_FIXTURES` names a folder of them: one
//! JSON file per exchange in a folder per provider, `<endpoint>[-stream].….json`, with `response.body_text`.
//!
//! What the tap found is compared with what a full parse finds, written here without the crate's own code.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::Value;
use wharf_wire::{Format, Seen, Tap, Usage};

#[test]
fn every_recorded_answer_is_complete_and_its_usage_is_right() {
    let Some(folder) = folder() else {
        println!("skipped: WHARF_FIXTURES does not name a folder of recordings");
        return;
    };
    let (mut passed, mut total, mut wrong) = (0, 0, Vec::new());
    for path in recordings(&folder) {
        let Some((fresh, body, expected)) = prepared(&path) else { continue };
        total += 1;
        match judge(&fresh, &body, expected) {
            None => passed += 1,
            Some(problem) => wrong.push(format!("{}: {problem}", path.display())),
        }
    }
    println!("{passed}/{total}");
    assert!(wrong.is_empty(), "{passed}/{total}\n{}", wrong.join("\n"));
    assert!(total > 0, "no recordings in {}", folder.display());
}

#[expect(clippy::disallowed_methods, reason = "a test reads where its data is")]
fn folder() -> Option<PathBuf> {
    std::env::var("WHARF_FIXTURES").ok().map(PathBuf::from).filter(|folder| folder.is_dir())
}

fn recordings(folder: &Path) -> Vec<PathBuf> {
    let list =
        |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = list(folder)
        .flat_map(|provider| list(&provider).collect::<Vec<_>>())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    files
}

type Fresh = Box<dyn Fn() -> Tap>;

/// A maker of taps, the body, and the usage that a full parse finds; `None` for what isn't checked.
fn prepared(path: &Path) -> Option<(Fresh, Vec<u8>, Usage)> {
    let name = path.file_name()?.to_str()?;
    let record: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let response = record.get("response")?;
    if response["status"] != 200 || record.get("partial").is_some() || record.get("modified").is_some() {
        return None;
    }
    let format = match name.split('.').next()?.trim_end_matches("-stream") {
        // Anthropic's retired text completions are no dialect of ours.
        "completions" if path.parent()?.ends_with("anthropic") => return None,
        "chat" | "completions" => Format::OpenAiChat,
        "responses" => Format::OpenAiResponses,
        "messages" | "raw-predict" => Format::AnthropicMessages,
        "generate-content" => Format::GeminiGenerate,
        "cohere-v2-chat" => Format::CohereChat,
        "ollama-chat" => Format::OllamaChat,
        "converse" => Format::BedrockConverse,
        _ => return None,
    };
    if let Some(whole) = response.get("body_json") {
        let make: Fresh = Box::new(move || Tap::json(Some(format)));
        return Some((make, whole.to_string().into_bytes(), reference(&roots(whole))));
    }
    // An empty body is one that the recorder lost.
    let text = response.get("body_text")?.as_str().filter(|text| !text.is_empty())?;
    if format == Format::OllamaChat {
        let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        return Some((Box::new(move || Tap::json(Some(format))), text.into(), reference(&lines)));
    }
    let make: Fresh = Box::new(move || Tap::sse(Some(format)));
    Some((make, text.into(), reference(&events(text))))
}

/// Gemini's stream without `alt=sse` is one array of answers.
fn roots(body: &Value) -> Vec<Value> {
    body.as_array().cloned().unwrap_or_else(|| vec![body.clone()])
}

fn judge(fresh: &Fresh, body: &[u8], expected: Usage) -> Option<String> {
    let read = |size: usize| -> Seen {
        let mut tap = fresh();
        body.chunks(size).for_each(|chunk| tap.push(chunk));
        tap.finish()
    };
    let whole = read(body.len().max(1));
    if !(whole.complete || whole.error) {
        return Some("not complete".to_owned());
    }
    if whole.usage != expected {
        return Some(format!("usage {:?}, a full parse finds {expected:?}", whole.usage));
    }
    let mut held = fresh();
    held.pass(&Bytes::copy_from_slice(body));
    if held.finish() != whole {
        return Some("differs when it is held whole".to_owned());
    }
    [1, 7, 1000]
        .into_iter()
        .find(|&size| read(size) != whole)
        .map(|size| format!("differs in chunks of {size}"))
}

fn events(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

/// Usage by a full parse: the last object that has one, and for Anthropic what `message_start` said below it.
fn reference(values: &[Value]) -> Usage {
    const PLACES: [&str; 8] = [
        "/usage",
        "/usageMetadata",
        "/x_groq/usage",
        "/response/usage",
        "/delta/usage",
        "/result/usage",
        "/interaction/usage",
        "/meta",
    ];
    let start = values.iter().find_map(|value| value.pointer("/message/usage"));
    let last = values.iter().rev().find_map(|value| {
        PLACES.into_iter().find_map(|place| value.pointer(place).filter(|usage| usage.is_object()))
    });
    let ollama = values.iter().rev().find(|value| value.get("eval_count").is_some());
    let mut all = serde_json::Map::new();
    for object in [start, last, ollama].into_iter().flatten().filter_map(Value::as_object) {
        all.extend(
            object
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    }
    sums(&Value::Object(all))
}

const CACHED: &[&str] = &[
    "/prompt_tokens_details/cached_tokens",
    "/input_tokens_details/cached_tokens",
    "/cache_read_input_tokens",
    "/cacheReadInputTokens",
    "/cachedContentTokenCount",
    "/prompt_cache_hit_tokens",
    "/num_cached_tokens",
    "/cached_tokens",
];
const CACHE_WRITE: &[&str] = &[
    "/prompt_tokens_details/cache_write_tokens",
    "/input_tokens_details/cache_write_tokens",
    "/cache_creation_input_tokens",
    "/cacheWriteInputTokens",
];
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
const AUDIO_INPUT: &[&str] = &["/prompt_tokens_details/audio_tokens", "/input_tokens_details/audio_tokens"];
const AUDIO_OUTPUT: &[&str] =
    &["/completion_tokens_details/audio_tokens", "/output_tokens_details/audio_tokens"];

fn at(usage: &Value, places: &[&str]) -> Option<u64> {
    places.iter().find_map(|place| usage.pointer(place)?.as_u64())
}

fn audio(usage: &Value, list: &str) -> Option<u64> {
    let part = usage.get(list)?.as_array()?.iter().find(|part| part["modality"] == "AUDIO")?;
    part["tokenCount"].as_u64()
}

fn sums(usage: &Value) -> Usage {
    let (cached, cache_write) = (at(usage, CACHED), at(usage, CACHE_WRITE));
    let reasoning = at(usage, REASONING);
    let (mut input, mut output) = (at(usage, INPUT), at(usage, OUTPUT));
    if usage.get("cache_read_input_tokens").or(usage.get("cacheReadInputTokens")).is_some() {
        input = input.map(|count| count + cached.unwrap_or(0) + cache_write.unwrap_or(0));
    }
    input = input.map(|count| count + at(usage, &["/toolUsePromptTokenCount"]).unwrap_or(0));
    if usage.get("thoughtsTokenCount").is_some() {
        output = Some(output.unwrap_or(0) + reasoning.unwrap_or(0));
    } else if let (Some(prompt), Some(answer), Some(thought)) = (input, output, reasoning)
        && thought > 0
        && usage["total_tokens"] == prompt + answer + thought
    {
        output = Some(answer + thought);
    }
    Usage {
        input,
        cached,
        cache_write,
        output,
        reasoning,
        audio_input: at(usage, AUDIO_INPUT).or_else(|| audio(usage, "promptTokensDetails")),
        audio_output: at(usage, AUDIO_OUTPUT).or_else(|| audio(usage, "candidatesTokensDetails")),
    }
}
