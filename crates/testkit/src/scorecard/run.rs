//! Sends every cell's request to a gateway and compares what comes with the table.

use super::judge::{Outcome, judge};
use super::{CALLER, Cell, Dialect, Expect, TIMEOUT_MS};
use crate::client::{Client, Response};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What a busy machine may take beside the time-outs.
const SLACK: Duration = Duration::from_millis(4_000);

/// A cell whose answer is not what the table says.
#[derive(Clone, Debug)]
pub struct Miss {
    /// Which one.
    pub cell: Cell,
    /// What had to come.
    pub expected: Expect,
    /// What came.
    pub outcome: Outcome,
}

impl std::fmt::Display for Miss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: wanted {:?}, got {:?}", self.cell, self.expected, self.outcome)
    }
}

/// A gateway under test. It has [`super::Setup::config`].
#[derive(Clone, Copy, Debug)]
pub struct Gateway<'a> {
    /// Its base URL.
    pub base: &'a str,
    /// What it runs on: `native`, or another that [`super::EXCEPTIONS`] may name.
    pub host: &'a str,
    /// What every request has beside its own headers.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Asks for these cells, so many at once. Gives those that are not as they must be.
pub fn run(gateway: Gateway<'_>, cells: &[Cell], at_once: usize) -> Vec<Miss> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut misses = Vec::new();
        while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (expected, outcome) = (cell.expected(gateway.host), ask(gateway, cell));
            if !expected.allows(&outcome) {
                misses.push(Miss { cell: *cell, expected, outcome });
            }
        }
        misses
    };
    let mut misses: Vec<Miss> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker that did not panic")).collect()
    });
    misses.sort_by_key(|miss| (miss.cell.row, miss.cell.stream, miss.cell.second, miss.cell.to_string()));
    misses
}

fn ask(gateway: Gateway<'_>, cell: &Cell) -> Outcome {
    if !cell.kept() {
        return ask_once(gateway, cell);
    }
    // A connection must have been used before, and well.
    match ask_once(gateway, cell) {
        Outcome::Right => ask_once(gateway, cell),
        other => Outcome::Wrong(format!("{other:?} already the first time")),
    }
}

#[expect(clippy::disallowed_methods, reason = "whether an answer came in time is what is measured here")]
fn ask_once(gateway: Gateway<'_>, cell: &Cell) -> Outcome {
    let begin = Instant::now();
    let outcome = match send(gateway, cell) {
        Ok(response) => judge(cell, &response),
        Err(error) => Outcome::Wrong(format!("no answer: {error}")),
    };
    let took = begin.elapsed();
    // One time-out for each target: only one of a fault's waits can run out.
    let targets = if cell.second { 2 } else { 1 };
    if took > Duration::from_millis(TIMEOUT_MS) * targets + SLACK {
        return Outcome::Wrong(format!("{outcome:?}, but after {} ms", took.as_millis()));
    }
    outcome
}

fn send(gateway: Gateway<'_>, cell: &Cell) -> std::io::Result<Response> {
    let (model, stream) = (cell.model(), cell.stream);
    let (path, body) = match cell.pair.caller {
        Dialect::Chat => (
            "/v1/chat/completions".to_owned(),
            json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "When?"}]}),
        ),
        Dialect::Responses => {
            ("/v1/responses".to_owned(), json!({"model": model, "stream": stream, "input": "When?"}))
        }
        Dialect::Messages => (
            "/v1/messages".to_owned(),
            json!({
                "model": model, "stream": stream, "max_tokens": 64,
                "messages": [{"role": "user", "content": "When?"}],
            }),
        ),
        Dialect::Gemini => {
            let call = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
            let body = json!({"contents": [{"role": "user", "parts": [{"text": "When?"}]}]});
            (format!("/v1beta/models/{model}:{call}"), body)
        }
    };
    let mut client = Client::connect_to(gateway.base);
    let authorization = format!("Bearer {CALLER}");
    let own = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let headers = [&own, gateway.headers].concat();
    client.send_request("POST", &path, &headers, body.to_string().as_bytes());
    client.read_answer_to("POST")
}
