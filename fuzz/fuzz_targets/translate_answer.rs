//! Any upstream bytes in any format, to any client dialect: never a panic, the same bytes however they were cut, nothing
//! behind an error, and an end that says whether the answer was whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_wire::relay::End;
use wharf_wire::translate::{self, Context, Pipe};
use wharf_wire::Format;

const CLIENTS: [Format; 4] =
    [Format::OpenAiChat, Format::OpenAiResponses, Format::AnthropicMessages, Format::GeminiGenerate];

fn piped(from: Format, to: Format, context: &Context, chunks: &[&[u8]]) -> (Vec<u8>, bool, bool) {
    let (mut pipe, mut out) = (Pipe::new(from, to, context).expect("a client's dialect"), Vec::new());
    for chunk in chunks {
        pipe.push(chunk, &mut out);
    }
    pipe.finish(End::Clean, &mut out);
    let progress = pipe.progress();
    (out, progress.done, progress.failure.is_some())
}

fuzz_target!(|input: (u8, u8, u8, &[u8])| {
    let (from, to, cut, body) = input;
    let from = Format::ALL[usize::from(from) % Format::ALL.len()];
    let to = CLIENTS[usize::from(to) % CLIENTS.len()];
    let context = Context { request_id: "r".into(), model: "m".into(), include_usage: true, ..Context::default() };
    let whole = piped(from, to, &context, &[body]);
    assert!(whole.1 != whole.2, "either whole or an error");
    let (head, tail) = body.split_at(usize::from(cut).min(body.len()));
    assert_eq!(piped(from, to, &context, &[head, tail]), whole);
    assert_eq!(piped(from, to, &context, &body.chunks(1).collect::<Vec<_>>()), whole);
    for stream in [false, true] {
        drop(translate::whole(from, to, body, stream, &context));
    }
    drop(translate::gather(from, to, body, &context));
    let failure = translate::read_error(from, 500, None, body);
    serde_json::from_slice::<serde_json::Value>(&translate::write_error(to, &failure, "r")).expect("JSON");
});
