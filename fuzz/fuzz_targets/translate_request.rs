//! Any body in any client dialect, to any format: read or refused, written or refused, and what is written is JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use wharf_wire::chat::{Quirks, Target};
use wharf_wire::{Format, scan, translate};

const CLIENTS: [Format; 4] =
    [Format::OpenAiChat, Format::OpenAiResponses, Format::AnthropicMessages, Format::GeminiGenerate];

/// However deep: what `scan` lets through is deeper than serde_json's own limit.
fn is_json(text: &[u8]) {
    let mut json = serde_json::Deserializer::from_slice(text);
    json.disable_recursion_limit();
    serde_json::Value::deserialize(&mut json).expect("JSON");
    json.end().expect("nothing behind it");
}

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (from, stream, body) = input;
    let from = CLIENTS[usize::from(from) % CLIENTS.len()];
    // As in the gateway: nothing is read that `scan` has not let through.
    if scan(body).is_err() {
        return;
    }
    let said = translate::Said { model: Some("m"), stream, ..translate::Said::default() };
    let Ok(request) = translate::read_request(from, body, &said) else { return };
    let quirks = Quirks::default();
    for to in Format::ALL {
        let target = Target { model: "m", stream, quirks: &quirks };
        if let Ok(written) = translate::write_request(to, &request, &target) {
            is_json(&written.body);
            let names = written.losses.names(|field| translate::field_name(from, field));
            assert!(names.iter().all(|name| !name.is_empty()), "{names:?}");
        }
    }
});
