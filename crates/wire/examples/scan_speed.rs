//! Prints what one `scan` costs for the bodies that gateways see: `cargo run --release --example scan_speed`.
#![expect(clippy::print_stdout, reason = "printing figures is all this program does")]

use std::hint::black_box;
use std::time::Instant;

use wharf_wire::scan::scan;

/// What a provider answers: many short names and numbers.
const ANSWER: &str = r#"{"id":"chatcmpl-0123456789abcdef","object":"chat.completion","created":1760000000,"model":"gpt-4o-mini","system_fingerprint":"fp_0123","choices":[{"index":0,"message":{"role":"assistant","content":"Hello to all of you who wait here: the gate opens in a minute.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":34,"total_tokens":46,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}}}"#;

fn main() {
    let messages: Vec<String> = (0..400)
        .map(|n| {
            format!(
                "{{\"role\":\"user\",\"content\":\"Message {n}: {}\"}}",
                "some words of a talk, ".repeat(17)
            )
        })
        .collect();
    let bodies = [
        (
            "189 B",
            chat("Say hello to the people who wait at the gate, in one sentence that a child understands."),
        ),
        ("a plain answer", ANSWER.to_owned()),
        ("16 KiB prose", chat(&"A plain sentence without any escape in it. ".repeat(380))),
        ("17 KiB, an escape every 22 bytes", chat(&"twenty plain bytes ok\\n".repeat(760))),
        ("170 KiB, 400 messages", format!("{{\"model\":\"gpt-4o\",\"messages\":[{}]}}", messages.join(","))),
        ("10 MiB base64", chat(&"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=".repeat((10 << 20) / 36))),
        ("16 KiB Chinese", chat(&"汉字文本没有转义".repeat(680))),
    ];
    println!("{:<34} {:>10} {:>12} {:>8}", "body", "bytes", "ns per scan", "GB/s");
    for (name, body) in &bodies {
        let ns = nanoseconds(body.as_bytes());
        println!("{name:<34} {:>10} {ns:>12.0} {:>8.1}", body.len(), body.len() as f64 / ns);
    }
}

fn chat(content: &str) -> String {
    format!(
        "{{\"model\":\"gpt-4o-mini\",\"messages\":[{{\"role\":\"user\",\"content\":\"{content}\"}}],\
         \"temperature\":0.7,\"stream\":true}}"
    )
}

/// The best of several rounds: other work on the machine can only make a round slower.
fn nanoseconds(body: &[u8]) -> f64 {
    let calls = (20_000_000 / body.len()).clamp(5, 50_000) as u32;
    let round = || {
        let start = now();
        for _ in 0..calls {
            black_box(scan(black_box(body)).is_ok());
        }
        start.elapsed().as_nanos() as f64 / f64::from(calls)
    };
    (0..10).map(|_| round()).fold(f64::INFINITY, f64::min)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> Instant {
    Instant::now()
}
