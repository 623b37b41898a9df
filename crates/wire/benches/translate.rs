//! What translating costs: requests, whole answers and stream events of about 4 kB, for every pair of formats, beside what
//! the verbatim path does with the same bytes. `cargo run --release -p wharf-bench -- translate` makes a table of it.
#![expect(clippy::unwrap_used, missing_docs, reason = "a benchmark that can't go on stops")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use std::hint::black_box;
use wharf_wire::chat::{Quirks, Target};
use wharf_wire::relay::End;
use wharf_wire::translate::{self, Context, Pipe, Said};
use wharf_wire::{Format, Tap, scan, splice};

const CLIENTS: [Format; 4] =
    [Format::OpenAiChat, Format::OpenAiResponses, Format::AnthropicMessages, Format::GeminiGenerate];

/// Deltas of one stream.
const DELTAS: usize = 200;

fn prose(bytes: usize) -> String {
    "The quick brown fox jumps over the lazy dog; \"so be it\", it said.\n".repeat(bytes / 66 + 1)
}

fn request(format: Format) -> Vec<u8> {
    let (text, name) = (prose(3000), "get_weather");
    let schema = json!({"type": "object", "properties": {"city": {"type": "string", "description": "The city"},
        "unit": {"type": "string", "enum": ["c", "f"]}}, "required": ["city"]});
    let body = match format {
        Format::OpenAiChat => json!({"model": "m", "temperature": 0.5, "max_tokens": 500,
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
            "tools": [{"type": "function", "function": {"name": name, "description": "Weather", "parameters": schema}}]}),
        Format::OpenAiResponses => json!({"model": "m", "temperature": 0.5, "max_output_tokens": 500,
            "instructions": "Be brief.", "input": [{"role": "user", "content": [{"type": "input_text", "text": text}]}],
            "tools": [{"type": "function", "name": name, "description": "Weather", "parameters": schema, "strict": false}]}),
        Format::AnthropicMessages => {
            json!({"model": "m", "temperature": 0.5, "max_tokens": 500, "system": "Be brief.",
            "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}],
            "tools": [{"name": name, "description": "Weather", "input_schema": schema}]})
        }
        _ => json!({"systemInstruction": {"parts": [{"text": "Be brief."}]},
            "generationConfig": {"temperature": 0.5, "maxOutputTokens": 500},
            "contents": [{"role": "user", "parts": [{"text": text}]}],
            "tools": [{"functionDeclarations": [{"name": name, "description": "Weather", "parametersJsonSchema": schema}]}]}),
    };
    body.to_string().into_bytes()
}

fn answer(format: Format) -> Vec<u8> {
    let text = prose(3600);
    let body = match format {
        Format::OpenAiChat => json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 900, "total_tokens": 907}}),
        Format::OpenAiResponses => {
            json!({"id": "r", "object": "response", "created_at": 1, "status": "completed", "model": "m",
            "output": [{"type": "message", "id": "m1", "status": "completed", "role": "assistant",
                "content": [{"type": "output_text", "text": text, "annotations": []}]}],
            "usage": {"input_tokens": 7, "output_tokens": 900, "total_tokens": 907}})
        }
        Format::AnthropicMessages => json!({"id": "a", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": 7, "output_tokens": 900}}),
        Format::GeminiGenerate => {
            json!({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]},
            "finishReason": "STOP", "index": 0}], "responseId": "g", "modelVersion": "m",
            "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 900, "totalTokenCount": 907}})
        }
        Format::CohereChat => json!({"id": "h", "finish_reason": "COMPLETE",
            "message": {"role": "assistant", "content": [{"type": "text", "text": text}]},
            "usage": {"tokens": {"input_tokens": 7, "output_tokens": 900}}}),
        Format::BedrockConverse => {
            json!({"output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": "end_turn", "usage": {"inputTokens": 7, "outputTokens": 900, "totalTokens": 907}})
        }
        Format::OllamaChat => {
            json!({"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": true, "done_reason": "stop",
            "message": {"role": "assistant", "content": text}, "prompt_eval_count": 7, "eval_count": 900})
        }
    };
    body.to_string().into_bytes()
}

/// The events of a stream: what comes before the deltas, one delta, and what comes behind them; each with its name.
fn events(format: Format) -> (Vec<(&'static str, Value)>, (&'static str, Value), Vec<(&'static str, Value)>) {
    let chunk = |delta: Value, finish: Value| {
        json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    };
    let gemini = |text: &str, finish: Value| {
        json!({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish, "index": 0}],
            "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 9, "totalTokenCount": 16}, "modelVersion": "m"})
    };
    let item =
        json!({"id": "m1", "type": "message", "status": "in_progress", "role": "assistant", "content": []});
    let response = |status: &str| {
        json!({"id": "r", "object": "response", "created_at": 1, "model": "m", "status": status,
        "output": [], "usage": {"input_tokens": 7, "output_tokens": 200, "total_tokens": 207}})
    };
    let ollama = |text: &str, done: bool| {
        let mut line = json!({"model": "m", "created_at": "2026-01-01T00:00:00Z",
            "message": {"role": "assistant", "content": text}, "done": done});
        if done {
            line["done_reason"] = json!("stop");
            line["eval_count"] = json!(200);
        }
        line
    };
    match format {
        Format::OpenAiChat => (
            vec![("", chunk(json!({"role": "assistant", "content": ""}), Value::Null))],
            ("", chunk(json!({"content": "token and "}), Value::Null)),
            vec![("", chunk(json!({}), json!("stop")))],
        ),
        Format::OpenAiResponses => (
            vec![
                (
                    "response.created",
                    json!({"type": "response.created", "response": response("in_progress")}),
                ),
                (
                    "response.output_item.added",
                    json!({"type": "response.output_item.added", "output_index": 0, "item": item}),
                ),
            ],
            (
                "response.output_text.delta",
                json!({"type": "response.output_text.delta", "item_id": "m1", "output_index": 0,
                "content_index": 0, "delta": "token and ", "sequence_number": 4}),
            ),
            vec![(
                "response.completed",
                json!({"type": "response.completed", "response": response("completed")}),
            )],
        ),
        Format::AnthropicMessages => (
            vec![
                (
                    "message_start",
                    json!({"type": "message_start", "message": {"id": "a", "type": "message", "role": "assistant",
                    "model": "m", "content": [], "stop_reason": null, "usage": {"input_tokens": 7, "output_tokens": 1}}}),
                ),
                (
                    "content_block_start",
                    json!({"type": "content_block_start", "index": 0,
                    "content_block": {"type": "text", "text": ""}}),
                ),
            ],
            (
                "content_block_delta",
                json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "text_delta", "text": "token and "}}),
            ),
            vec![
                ("content_block_stop", json!({"type": "content_block_stop", "index": 0})),
                (
                    "message_delta",
                    json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                    "usage": {"output_tokens": 200}}),
                ),
                ("message_stop", json!({"type": "message_stop"})),
            ],
        ),
        Format::GeminiGenerate => {
            (vec![], ("", gemini("token and ", Value::Null)), vec![("", gemini(".", json!("STOP")))])
        }
        Format::CohereChat => (
            vec![
                (
                    "message-start",
                    json!({"type": "message-start", "id": "h", "delta": {"message": {"role": "assistant"}}}),
                ),
                (
                    "content-start",
                    json!({"type": "content-start", "index": 0,
                    "delta": {"message": {"content": {"type": "text", "text": ""}}}}),
                ),
            ],
            (
                "content-delta",
                json!({"type": "content-delta", "index": 0,
                "delta": {"message": {"content": {"text": "token and "}}}}),
            ),
            vec![
                ("content-end", json!({"type": "content-end", "index": 0})),
                (
                    "message-end",
                    json!({"type": "message-end", "delta": {"finish_reason": "COMPLETE",
                    "usage": {"tokens": {"input_tokens": 7, "output_tokens": 200}}}}),
                ),
            ],
        ),
        Format::BedrockConverse => (
            vec![("messageStart", json!({"role": "assistant"}))],
            (
                "contentBlockDelta",
                json!({"contentBlockIndex": 0, "delta": {"text": "token and "}, "p": "abcdefgh"}),
            ),
            vec![
                ("contentBlockStop", json!({"contentBlockIndex": 0})),
                ("messageStop", json!({"stopReason": "end_turn"})),
                ("metadata", json!({"usage": {"inputTokens": 7, "outputTokens": 200, "totalTokens": 207}})),
            ],
        ),
        Format::OllamaChat => (vec![], ("", ollama("token and ", false)), vec![("", ollama("", true))]),
    }
}

/// One event as it stands on the wire.
fn framed(format: Format, name: &str, data: &Value) -> Vec<u8> {
    match format {
        Format::OllamaChat => format!("{data}\n").into_bytes(),
        Format::BedrockConverse => frame(name, data.to_string().as_bytes()),
        _ if name.is_empty() => format!("data: {data}\n\n").into_bytes(),
        _ => format!("event: {name}\ndata: {data}\n\n").into_bytes(),
    }
}

/// <https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html>
fn frame(name: &str, payload: &[u8]) -> Vec<u8> {
    let mut headers = Vec::new();
    for (key, value) in
        [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")]
    {
        headers.push(u8::try_from(key.len()).unwrap());
        headers.extend_from_slice(key.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let length = u32::try_from(16 + headers.len() + payload.len()).unwrap();
    let mut out = length.to_be_bytes().to_vec();
    out.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(&headers);
    out.extend_from_slice(payload);
    let crc = crc32fast::hash(&out);
    out.extend_from_slice(&crc.to_be_bytes());
    out
}

/// A stream of [`DELTAS`] deltas, each its own chunk as it comes from a socket.
fn stream(format: Format) -> Vec<Vec<u8>> {
    let (before, (name, delta), behind) = events(format);
    let mut chunks: Vec<Vec<u8>> = before.iter().map(|(name, data)| framed(format, name, data)).collect();
    chunks.extend((0..DELTAS).map(|_| framed(format, name, &delta)));
    chunks.extend(behind.iter().map(|(name, data)| framed(format, name, data)));
    if format == Format::OpenAiChat {
        chunks.push(b"data: [DONE]\n\n".to_vec());
    }
    chunks
}

fn context() -> Context {
    Context { request_id: "bench".into(), model: "m".into(), include_usage: true, ..Context::default() }
}

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("request");
    let quirks = Quirks::default();
    for from in CLIENTS {
        let body = request(from);
        let bytes = bytes::Bytes::from(body.clone());
        group.bench_function(format!("{from}/verbatim"), |bencher| {
            bencher.iter(|| {
                let found = scan(&bytes).unwrap();
                match found.model {
                    wharf_wire::Model::Text { value, .. } => splice(&bytes, value, "other-model").len(),
                    _ => bytes.len(),
                }
            });
        });
        for to in Format::ALL.into_iter().filter(|to| *to != from) {
            let target = Target { model: "m", stream: false, quirks: &quirks };
            group.bench_function(format!("{from}/{to}"), |bencher| {
                bencher.iter(|| {
                    let said = Said { model: Some("m"), ..Said::default() };
                    scan(&body).unwrap();
                    let request = translate::read_request(from, &body, &said).unwrap();
                    black_box(translate::write_request(to, &request, &target).unwrap().body.len())
                });
            });
        }
    }
}

fn answers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("answer");
    let context = context();
    for from in Format::ALL {
        let body = answer(from);
        let bytes = bytes::Bytes::from(body.clone());
        group.bench_function(format!("{from}/verbatim"), |bencher| {
            bencher.iter(|| {
                let mut tap = Tap::json(Some(from));
                tap.pass(&bytes);
                black_box(tap.finish())
            });
        });
        for to in CLIENTS.into_iter().filter(|to| *to != from) {
            group.bench_function(format!("{from}/{to}"), |bencher| {
                bencher.iter(|| {
                    black_box(translate::whole(from, to, &body, false, &context).unwrap().body.len())
                });
            });
        }
    }
}

fn streams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream");
    let context = context();
    for from in Format::ALL {
        let chunks = stream(from);
        group.throughput(Throughput::Elements(chunks.len() as u64));
        group.bench_function(format!("{from}/verbatim"), |bencher| {
            bencher.iter(|| {
                let mut tap = Tap::sse(Some(from));
                chunks.iter().for_each(|chunk| tap.push(chunk));
                black_box(tap.finish())
            });
        });
        for to in CLIENTS.into_iter().filter(|to| *to != from) {
            group.bench_function(format!("{from}/{to}"), |bencher| {
                bencher.iter(|| {
                    let mut pipe = Pipe::new(from, to, &context).unwrap();
                    let mut sent = 0;
                    for chunk in &chunks {
                        // A buffer for each piece, as it is handed to the client's socket.
                        let mut out = Vec::new();
                        pipe.push(chunk, &mut out);
                        sent += out.len();
                    }
                    let mut out = Vec::new();
                    pipe.finish(End::Clean, &mut out);
                    assert!(pipe.progress().done && pipe.progress().failure.is_none());
                    black_box(sent)
                });
            });
        }
    }
}

criterion_group!(benches, requests, answers, streams);
criterion_main!(benches);
