//! What translating costs: requests, whole answers and stream events of about 4 kB, for every pair of formats, beside what
//! the verbatim path does with the same bytes. `cargo run --release -p wharf-bench -- translate` makes a table of it.
#![expect(clippy::unwrap_used, reason = "a benchmark that can't go on stops")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::Value;
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

/// The bodies of one format: its request, its answer, and its stream as what comes before the deltas, one delta, and
/// what comes behind, each with its event's name.
fn bodies(format: Format) -> Value {
    let all: Value = serde_json::from_str(include_str!("bodies.json")).unwrap();
    all[format.name()].clone()
}

fn body(format: Format, which: &str, text: usize) -> Vec<u8> {
    let text = serde_json::to_string(&prose(text)).unwrap();
    bodies(format)[which].to_string().replace("\"$TEXT\"", &text).into_bytes()
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
    let bodies = bodies(format);
    let event = |event: &Value| framed(format, event[0].as_str().unwrap(), &event[1]);
    let mut chunks: Vec<Vec<u8>> = bodies["before"].as_array().unwrap().iter().map(event).collect();
    chunks.extend((0..DELTAS).map(|_| event(&bodies["delta"])));
    chunks.extend(bodies["behind"].as_array().unwrap().iter().map(event));
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
        let body = body(from, "request", 3000);
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
        let body = body(from, "answer", 3600);
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
