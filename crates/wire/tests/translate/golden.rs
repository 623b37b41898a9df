//! What each pair of formats writes, kept as files to be read by people: `golden/requests/FROM.TO.txt` and
//! `golden/answers/FROM.TO.txt`, made of the cases. A change of translation shows as a change there;
//! `WHARF_GOLDEN=write` writes them anew. Every stream is also cut at every byte, which must change nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "a test is told by its environment what to write")]

use crate::CLIENTS;
use crate::judge::cases::framed;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use wharf_wire::Format;
use wharf_wire::chat::{Quirks, Target};
use wharf_wire::relay::End;
use wharf_wire::translate::{self, Context, Pipe, Said};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// Every case of a format, by its feature, in the order of the file.
fn cases(side: &str, format: Format) -> Vec<(String, Value)> {
    let file = folder().join("cases").join(side).join(format!("{format}.json"));
    let all: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let features = all.as_object().unwrap().iter();
    let named = features.flat_map(|(feature, cases)| {
        let cases = cases.as_array().unwrap().iter().enumerate();
        cases.map(move |(at, case)| (format!("{feature} {}", at + 1), case.clone()))
    });
    named.collect()
}

fn check(side: &str, from: Format, to: Format, text: &str) {
    let file = folder().join("golden").join(side).join(format!("{from}.{to}.txt"));
    if std::env::var("WHARF_GOLDEN").is_ok_and(|word| word == "write") {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        return;
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let line = kept.lines().zip(text.lines()).position(|(kept, now)| kept != now);
    assert!(
        kept == text,
        "{} differs from line {:?} on; read the change and write it with WHARF_GOLDEN=write",
        file.display(),
        line.map(|line| line + 1)
    );
}

fn pretty(body: &[u8]) -> String {
    let json: Value = serde_json::from_slice(body).unwrap();
    serde_json::to_string_pretty(&json).unwrap()
}

fn context() -> Context {
    let (request_id, model) = ("req-golden".to_owned(), "a-model".to_owned());
    Context { request_id, model, now: 1_700_000_000, include_usage: true, ..Context::default() }
}

#[test]
fn requests_are_written_as_they_were_read() {
    let quirks = Quirks::default();
    for from in CLIENTS {
        for to in Format::ALL.into_iter().filter(|to| *to != from) {
            let mut text = String::new();
            for (name, case) in cases("requests", from) {
                let body = case["body"].to_string();
                let said = Said { model: Some("a-model"), ..Said::default() };
                let request = translate::read_request(from, body.as_bytes(), &said).unwrap();
                let target = Target { model: "a-model", stream: false, quirks: &quirks };
                let _ = match translate::write_request(to, &request, &target) {
                    Ok(written) => {
                        let lost =
                            written.losses.names(|field| translate::field_name(from, field)).join(", ");
                        writeln!(text, "== {name}\nlost: {lost}\n{}\n", pretty(&written.body))
                    }
                    Err(refused) => writeln!(text, "== {name}\nrefused: {refused:?}\n"),
                };
            }
            check("requests", from, to, &text);
        }
    }
}

#[test]
fn answers_are_written_as_they_were_read_however_they_come() {
    for from in Format::ALL {
        for to in CLIENTS.into_iter().filter(|to| *to != from) {
            let mut text = String::new();
            for (name, case) in cases("answers", from) {
                let _ = writeln!(text, "== {name}");
                if case["plain"].is_object() {
                    let plain = case["plain"].to_string();
                    let _ = match translate::whole(from, to, plain.as_bytes(), false, &context()) {
                        Ok(whole) => writeln!(text, "-- plain\n{}", pretty(&whole.body)),
                        Err(failure) => writeln!(text, "-- plain\n{failure:?}"),
                    };
                }
                if let Some(events) = case["stream"].as_array() {
                    let stream = framed(from, events);
                    let whole = piped(from, to, &[&stream]);
                    for cut in 1..stream.len() {
                        let (head, tail) = stream.split_at(cut);
                        assert!(piped(from, to, &[head, tail]) == whole, "{from} {to} {name}: cut at {cut}");
                    }
                    assert!(
                        piped(from, to, &stream.chunks(1).collect::<Vec<_>>()) == whole,
                        "{from} {to} {name}"
                    );
                    let _ = writeln!(text, "-- stream\n{}", String::from_utf8(whole).unwrap());
                }
            }
            check("answers", from, to, &text);
        }
    }
}

fn piped(from: Format, to: Format, chunks: &[&[u8]]) -> Vec<u8> {
    let (mut pipe, mut out) = (Pipe::new(from, to, &context()).unwrap(), Vec::new());
    chunks.iter().for_each(|chunk| pipe.push(chunk, &mut out));
    pipe.finish(End::Clean, &mut out);
    out
}
