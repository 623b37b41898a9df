//! `wharf chaos`: every fault does what its name says, as a raw client sees it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod command;
mod ends;
mod heads;
mod right;

use serde_json::{Value, json};
use wharf_testkit::client::{Client, Response, fetch};
use wharf_testkit::process::{Launch, Wharf};

/// The text that every right answer has.
const TEXT: &str = wharf::chaos::answers::TEXT;

const CHAT: &str = "/v1/chat/completions";

fn launch() -> Launch {
    Wharf::launch(env!("CARGO_BIN_EXE_wharf")).args(&["chaos"])
}

fn start() -> Wharf {
    launch().start()
}

fn chat(stream: bool) -> Vec<u8> {
    json!({"model": "tide-1", "stream": stream, "messages": []}).to_string().into_bytes()
}

/// Sends a chat request below a fault on a connection of its own.
fn send(chaos: &Wharf, fault: &str, stream: bool) -> Client {
    let mut client = Client::connect(chaos.address());
    client.send_request("POST", &format!("/{fault}{CHAT}"), &[], &chat(stream));
    client
}

/// The answer, as far as it comes; an error where not even a head does.
fn ask(chaos: &Wharf, fault: &str, stream: bool) -> std::io::Result<Response> {
    send(chaos, fault, stream).read()
}

/// `/chaos/log`, as soon as so many requests are over.
fn log(chaos: &Wharf, over: usize) -> Value {
    fetch(&chaos.base(), "GET", &format!("/chaos/log?over={over}"), &[], b"").json()
}

fn said(response: &Response) -> Value {
    response.json()["choices"][0]["message"]["content"].clone()
}

/// How many events a stream holds.
fn events(response: &Response) -> usize {
    response.text().matches("data: ").count()
}
