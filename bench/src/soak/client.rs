//! One client: question after question over kept connections, each with an id of its own, until the time is up.

use super::Random;
use super::answer::{Dialect, Ended, Outcome};
use crate::CALLER_KEY;
use crate::http::Body;
use std::cell::{Cell, RefCell};
use std::io::{Error, ErrorKind, Result};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// Longer than every time limit of the gateway's configuration together: whoever waits longer waits in vain.
const PATIENCE: Duration = Duration::from_secs(30);

/// Models to ask for: routes, targets that stand alone, and targets that answer so slowly that one can leave inside.
const ROUTES: [&str; 4] = ["ordered", "spread", "weighted", "least"];
const TARGETS: [&str; 4] = ["a/m", "b/m", "c/m", "d/m"];
const SLOW_TARGETS: [&str; 4] = ["a/slow", "b/slow", "c/slow", "d/slow"];

/// What all clients share; they run on one thread.
pub(super) struct Load {
    pub(super) port: u16,
    pub(super) end: Instant,
    pub(super) pause_ms: u64,
    pub(super) issued: Cell<usize>,
    /// How each request ended, by its number.
    pub(super) ended: RefCell<Vec<Ended>>,
    /// What the first answers that may not be looked like.
    pub(super) unfair: RefCell<Vec<String>>,
}

/// What is asked, and for how much of the answer the client stays.
struct Question {
    number: usize,
    dialect: Dialect,
    stream: bool,
    model: &'static str,
    routed: bool,
    leaves: bool,
}

/// An answer as far as it came.
struct Answer {
    outcome: Outcome,
    status: u16,
    keep: bool,
    body: Vec<u8>,
}

struct Head {
    length: usize,
    status: u16,
    keep: bool,
    body: Body,
}

pub(super) async fn run(load: Rc<Load>, mut random: Random) {
    let mut open: Option<TcpStream> = None;
    while Instant::now() < load.end {
        let question = Question::draw(&load, &mut random);
        let asked = timeout(PATIENCE, ask(&load, &question, open.take())).await;
        let (outcome, status, body) = match asked {
            Ok(Ok((answer, stream))) => {
                open = stream.filter(|_| answer.keep);
                (answer.outcome, answer.status, answer.body)
            }
            Ok(Err(error)) => (Outcome::Lost, 0, error.to_string().into_bytes()),
            Err(_) => (Outcome::Lost, 0, b"no end in time".to_vec()),
        };
        question.note(&load, outcome, status, &body);
        let pause = random.below(2 * load.pause_ms + 1);
        sleep(Duration::from_millis(pause)).await;
    }
}

impl Question {
    fn draw(load: &Load, random: &mut Random) -> Self {
        let number = load.issued.get();
        load.issued.set(number + 1);
        load.ended.borrow_mut().push(Ended { outcome: Outcome::Lost, status: 0, routed: false });
        let pick = |random: &mut Random| random.below(4) as usize;
        let (leaves, routed) = (random.below(50) == 0, random.below(2) == 0);
        let models = match (leaves, routed) {
            (true, _) => SLOW_TARGETS,
            (false, true) => ROUTES,
            (false, false) => TARGETS,
        };
        Self {
            number,
            dialect: Dialect::ALL[pick(random)],
            stream: leaves || random.below(2) == 0,
            model: models[pick(random)],
            routed: routed && !leaves,
            leaves,
        }
    }

    fn bytes(&self, port: u16) -> Vec<u8> {
        let (path, body) = self.dialect.question(self.model, self.stream);
        let (number, length) = (self.number, body.len());
        format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {CALLER_KEY}\r\n\
             content-type: application/json\r\nx-request-id: soak-{number}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    fn note(&self, load: &Load, outcome: Outcome, status: u16, body: &[u8]) {
        load.ended.borrow_mut()[self.number] = Ended { outcome, status, routed: self.routed };
        let mut unfair = load.unfair.borrow_mut();
        if !outcome.is_fair() && unfair.len() < 10 {
            let Self { number, dialect, stream, model, .. } = self;
            let body = String::from_utf8_lossy(&body[..body.len().min(2_000)]);
            unfair.push(format!(
                "soak-{number} {dialect:?} stream={stream} {model}: {outcome:?} {status} {body:?}"
            ));
        }
    }
}

async fn ask(
    load: &Load,
    question: &Question,
    open: Option<TcpStream>,
) -> Result<(Answer, Option<TcpStream>)> {
    let mut stream = match open {
        Some(stream) => stream,
        None => TcpStream::connect(("127.0.0.1", load.port)).await?,
    };
    stream.set_nodelay(true)?;
    stream.write_all(&question.bytes(load.port)).await?;
    let answer = read(&mut stream, question).await?;
    Ok((answer, Some(stream)))
}

async fn read(stream: &mut TcpStream, question: &Question) -> Result<Answer> {
    let mut input = Vec::with_capacity(8 * 1024);
    let head = loop {
        if let Some(head) = parse(&input)? {
            break head;
        }
        if stream.read_buf(&mut input).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    };
    input.drain(..head.length);
    let Head { status, keep, body: mut framing, .. } = head;
    let mut body = Vec::new();
    loop {
        let taken = framing.take(&input, &mut |data| body.extend_from_slice(data))?;
        input.drain(..taken);
        let done = framing.is_done();
        if done || (question.leaves && !body.is_empty()) {
            let outcome =
                if done { question.dialect.judge(question.stream, status, &body) } else { Outcome::Left };
            return Ok(Answer { outcome, status, keep: keep && done, body });
        }
        if !matches!(stream.read_buf(&mut input).await, Ok(count) if count > 0) {
            // All of our answers say how long they are.
            return Ok(Answer { outcome: Outcome::Cut, status, keep: false, body });
        }
    }
}

fn parse(input: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(input).map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
    let httparse::Status::Complete(length) = parsed else { return Ok(None) };
    let closes = response.headers.iter().any(|header| {
        header.name.eq_ignore_ascii_case("connection") && header.value.eq_ignore_ascii_case(b"close")
    });
    let body = Body::framed(response.headers, Body::Close)?;
    Ok(Some(Head { length, status: response.code.unwrap_or(0), keep: !closes, body }))
}
