//! Recorded provider traffic through the gateway, byte for byte: what the upstream received, and what the client got back.
//!
//! The recordings are no part of this project: the variable `WHARF_FIXTURES` names their folder. Without it nothing runs.

mod early;
mod judge;
mod question;

use question::{Question, caller_headers};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use wharf_testkit::client::{Client, Response};
use wharf_testkit::process::Wharf;
use wharf_testkit::replay::{Recording, Replay};
use wharf_testkit::upstream::{Recorded, Upstream};

/// The recordings' folder, our provider, and the path of its base URL.
const PROVIDERS: [(&str, &str, &str); 17] = [
    ("anthropic", "anthropic", ""),
    ("azure", "azure-openai", ""),
    ("bedrock", "aws-bedrock", ""),
    ("cerebras", "cerebras", "/v1"),
    ("cohere", "cohere", ""),
    ("deepseek", "deepseek", ""),
    ("gemini", "google-ai-studio", ""),
    ("groq", "groq", "/openai/v1"),
    ("huggingface", "huggingface", "/v1"),
    ("mistral", "mistral", ""),
    ("ollama", "ollama", "/v1"),
    ("openai", "openai", "/v1"),
    ("openrouter", "openrouter", "/api"),
    ("perplexity", "perplexity-ai", ""),
    ("replicate", "replicate", "/v1"),
    ("vertex", "google-vertex-ai", ""),
    ("xai", "grok", ""),
];

/// Chunk sizes that streams are cut into: one recording gets one of them.
const CHUNKS: [usize; 3] = [4096, 61, 997];

#[test]
fn model_routes_relay_every_recording_of_their_format() {
    play("model routes", question::by_model);
}

#[test]
fn pass_through_relays_every_recording() {
    play("pass-through", |provider, base, recording| Some(question::by_provider(provider, base, recording)));
}

/// A gateway with every provider at one upstream.
struct Setup {
    upstream: Upstream,
    wharf: Wharf,
}

impl Setup {
    fn start() -> Self {
        let upstream = Upstream::echo();
        let provider = |(_, id, base): &(&str, &str, &str)| {
            let section = json!({"base_url": upstream.url(base), "keys": [format!("own-key-of-{id}")]});
            ((*id).to_owned(), section)
        };
        let providers: Map<String, Value> = PROVIDERS.iter().map(provider).collect();
        let config = json!({"PROXY_API_KEY": question::CALLER, "providers": providers});
        let wharf = Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string()).start();
        Self { upstream, wharf }
    }
}

/// Plays all recordings that `ask` has a question for, prints the counts, and fails with what went wrong.
#[expect(clippy::print_stdout, reason = "the counts are what a person wants to see of this test")]
fn play(what: &str, ask: impl Fn(&str, &str, &Recording) -> Option<Question>) {
    if Replay::folder().is_none() {
        println!("replay: {what} did not run, since WHARF_FIXTURES names no folder of recordings");
        return;
    }
    let setup = Setup::start();
    let mut client = Client::connect(setup.wharf.address());
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut failures = Vec::new();
    for (folder, provider, base) in PROVIDERS {
        for (index, recording) in Replay::of(folder).recordings.iter().enumerate() {
            let Some(question) = ask(provider, base, recording) else { continue };
            let chunk = CHUNKS[index % CHUNKS.len()];
            let wrong = exchange(&setup, &mut client, recording, &question, chunk);
            let (passed, total) = counts.entry(folder).or_default();
            *total += 1;
            *passed += usize::from(wrong.is_empty());
            failures.extend(wrong.into_iter().map(|why| format!("{}: {why}", recording.file.display())));
        }
    }
    let mut all = (0, 0);
    for (folder, (passed, total)) in &counts {
        println!("replay: {what}: {folder} {passed}/{total}");
        all = (all.0 + passed, all.1 + total);
    }
    println!("replay: {what}: {}/{}", all.0, all.1);
    let shown: Vec<&str> = failures.iter().take(20).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} differences, among them:\n{}", failures.len(), shown.join("\n"));
    assert!(all.1 > 0, "the folder holds no recording");
}

/// One exchange; what went another way than it should.
fn exchange(
    setup: &Setup,
    client: &mut Client,
    recording: &Recording,
    question: &Question,
    chunk: usize,
) -> Vec<String> {
    setup.upstream.forget();
    let playing = recording.clone();
    setup.upstream.respond(move |_| playing.reply(chunk));
    let headers: Vec<(&str, &str)> = question.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    client.send_request(&question.method, &question.target, &headers, &question.body);
    let answer = client.read_answer_to(&question.method);
    let mut wrong = Vec::new();
    match setup.upstream.requests().as_slice() {
        [request] => upstream_saw(request, question, &mut wrong),
        requests => wrong.push(format!("{} upstream requests", requests.len())),
    }
    match answer {
        Ok(answer) => {
            let close = answer.header("connection").is_some_and(|value| value == "close");
            client_saw(&answer, recording, question, &mut wrong);
            if close || !answer.complete {
                *client = Client::connect(setup.wharf.address());
            }
        }
        Err(error) => {
            wrong.push(format!("no answer: {error}"));
            *client = Client::connect(setup.wharf.address());
        }
    }
    wrong
}

fn upstream_saw(request: &Recorded, question: &Question, wrong: &mut Vec<String>) {
    if request.method != question.method {
        wrong.push(format!("method {}", request.method));
    }
    if !question.fits(&request.target) {
        wrong.push(format!("the upstream saw {} for {}", request.target, question.target));
    }
    if request.body != question.upstream_body {
        wrong.push(format!("the upstream's body: {}", difference(&request.body, &question.upstream_body)));
    }
    for (name, value) in &question.headers {
        let written_anew = question::is_ours(name) || (question.json && name == "content-type");
        if !written_anew && !request.header_all(name).contains(&value.as_str()) {
            wrong.push(format!("header {name} did not reach the upstream"));
        }
    }
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        let sent = question.headers.iter().any(|(known, _)| *known == name) && !question::is_ours(&name);
        let written = ["host", "content-length", "anthropic-version"].contains(&name.as_str());
        let key = value.contains("own-key-of-");
        if !(sent || written || key || (question.json && name == "content-type")) {
            wrong.push(format!("header {name} was added"));
        }
        if value.contains(question::CALLER) {
            wrong.push(format!("the caller's key went upstream in {name}"));
        }
    }
}

fn client_saw(answer: &Response, recording: &Recording, question: &Question, wrong: &mut Vec<String>) {
    let recorded = recording.response.body();
    let ending =
        question.format.map_or(judge::Ending::Whole, |format| judge::ending(format, recording, &recorded));
    if let judge::Ending::Refused = ending {
        if answer.status != 502 {
            wrong.push(format!("an empty answer got {}", answer.status));
        }
        return;
    }
    if answer.status != recording.response.status {
        wrong.push(format!("status {} for {}", answer.status, recording.response.status));
    }
    let body = if question.method == "HEAD" { &[][..] } else { &recorded };
    if let Err(why) = judge::fits(&ending, answer, body) {
        wrong.push(format!("{why}: {}", difference(&answer.body, body)));
    }
    answer_headers(answer, recording, wrong);
}

fn answer_headers(answer: &Response, recording: &Recording, wrong: &mut Vec<String>) {
    let recorded = recording.response.headers();
    for (name, value) in &recorded {
        if !answer.header_all(name).contains(&value.trim()) {
            wrong.push(format!("header {name}: {value} became {:?}", answer.header_all(name)));
        }
    }
    let ours = ["content-length", "transfer-encoding", "date", "content-type", "connection"];
    for (name, _) in &answer.headers {
        let known = recorded.iter().any(|(one, _)| one.eq_ignore_ascii_case(name));
        let added = ours.contains(&name.as_str())
            || name.starts_with("x-wharf-")
            || name.starts_with("access-control-");
        if !known && !added {
            wrong.push(format!("header {name} was added to the answer"));
        }
    }
    for (name, _) in &recorded {
        if answer.header_all(name).len() != recorded.iter().filter(|(one, _)| one == name).count() {
            wrong.push(format!("header {name} is there {:?}", answer.header_all(name)));
        }
    }
}

/// Where two bodies part.
fn difference(seen: &[u8], wanted: &[u8]) -> String {
    let at = seen.iter().zip(wanted).take_while(|(a, b)| a == b).count();
    let around = |bytes: &[u8]| {
        let end = bytes.len().min(at + 60);
        String::from_utf8_lossy(&bytes[at.saturating_sub(20).min(end)..end]).into_owned()
    };
    format!("{} bytes for {}, at {at}: {:?} for {:?}", seen.len(), wanted.len(), around(seen), around(wanted))
}

#[test]
fn a_caller_without_a_key_gets_nowhere() {
    let setup = Setup::start();
    let mut client = Client::connect(setup.wharf.address());
    let answer = client.request("POST", "/v1/chat/completions", &[], b"{}");
    assert_eq!((answer.status, setup.upstream.requests().len()), (401, 0));
    let headers = caller_headers(Vec::new());
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(client.request("GET", "/openai/models", &headers, b"").status, 200);
}
