//! What a fault puts on the wire: a list of steps, made from the right answer. Pure; `play` carries it out.

use super::answers::Answer;
use super::fault::Fault;
use super::frames::chunk;
use super::hints;
use serde_json::Value;
use std::mem::take;
use wharf_core::time::Millis;

/// One step of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// These bytes, in one write.
    Send(Vec<u8>),
    /// So many milliseconds of nothing.
    Wait(u64),
    /// Nothing more until the client leaves.
    Silence,
}

/// What becomes of the connection behind the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It is kept for the next request.
    Keep,
    /// It is kept, and closed when the next request comes.
    KeepStale,
    /// It closes.
    Close,
    /// It is reset.
    Reset,
    /// Its sending side closes, and the rest when the client does.
    HalfClose,
}

/// An answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The status it shows; `None` where not even a head comes.
    pub(super) status: Option<u16>,
    /// What happens, in order.
    pub(super) steps: Vec<Step>,
    /// What becomes of the connection.
    pub(super) end: End,
}

/// How a body is framed.
#[derive(Clone, Copy)]
enum Framing {
    Length(usize),
    Chunked,
}

/// Behind what a client can't read.
const NO_EVENT: &[u8] = b"\xff\xfe<html><body>upstream connect error</body></html>\n\n";

const NO_HTTP: &[u8] = b"\x15\x03\x01\x00\x02\x02\x28SSH-2.0-OpenSSH_9.9\r\nthis is no HTTP\r\n\r\n";

/// What this fault makes of the right answer. `flap` and `chance` have been drawn before, and count as the right one here.
pub(super) fn plan(fault: &Fault, answer: &Answer, now: Millis) -> Plan {
    let right = Plan::right(answer);
    match fault {
        Fault::Healthy | Fault::Flap(..) | Fault::Chance(..) => right,
        Fault::Refuse => Plan { status: None, steps: Vec::new(), end: End::Reset },
        Fault::Reset(bytes) => right.reset_behind(*bytes),
        Fault::SilentHead => Plan { status: None, steps: vec![Step::Silence], end: End::Close },
        Fault::SilentBody => Plan::start(answer, 0).then(Step::Silence, End::Close),
        Fault::SilentAfter(events) => Plan::start(answer, *events).then(Step::Silence, End::Close),
        Fault::Drip(bytes, ms) => right.dripped(*bytes, *ms),
        Fault::SlowHead(ms) => right.behind(Step::Wait(*ms)),
        Fault::SlowLines(ms) => right.line_by_line(*ms),
        Fault::TooLong => wrong_length(answer, |length| length + 100, End::Close),
        Fault::TooShort => wrong_length(answer, |length| length / 2, End::Keep),
        Fault::CutChunk => cut_chunk(answer),
        Fault::CutEvents(events) => Plan { end: End::Close, ..Plan::start(answer, *events) },
        Fault::EndEvents(events) => ended(answer, *events, Vec::new()),
        Fault::BadSse(events) => ended(answer, *events, NO_EVENT.to_vec()),
        Fault::BadJson(events) => ended(answer, *events, broken(answer, *events)),
        Fault::Error(events) => ended(answer, *events, error_in_200(answer)),
        Fault::EmptyStream => whole(200, answer, Framing::Chunked, &[]),
        Fault::EmptyBody => whole(200, answer, Framing::Length(0), &[]),
        Fault::Status(code) => {
            refusal(*code, &answer.form.error(*code, "The upstream was told to fail."), &[])
        }
        Fault::RateLimit(given) => {
            let body = hints::detail(given, answer.form.error(429, "Too many requests."));
            refusal(429, &body, &hints::headers(given, now))
        }
        Fault::Quota => refusal(429, &no_money(answer), &[]),
        Fault::HugeHeader(bytes) => right.with_header(&format!("x-huge: {}", "x".repeat(*bytes))),
        Fault::HalfClose => Plan { end: End::HalfClose, ..Plan::start(answer, 1) },
        Fault::Garbage => Plan { status: None, steps: vec![Step::Send(NO_HTTP.to_vec())], end: End::Close },
        Fault::Interim(count) => (0..*count).rev().fold(right, |plan, at| plan.behind(interim(at))),
        Fault::Stale => Plan { end: End::KeepStale, ..right },
    }
}

impl Plan {
    /// The answer as it should be: events one by one, each a chunk.
    fn right(answer: &Answer) -> Self {
        let framing = framing(answer);
        let mut steps = vec![Step::Send(head(200, answer, framing))];
        for piece in &answer.pieces {
            steps.push(Step::Send(framed(framing, piece)));
        }
        steps.extend(last(framing));
        Self { status: Some(200), steps, end: End::Keep }
    }

    /// The head and the first events; of a plain answer, half of the body where an event is asked for.
    fn start(answer: &Answer, events: usize) -> Self {
        let framing = framing(answer);
        let mut steps = vec![Step::Send(head(200, answer, framing))];
        steps.extend(start(answer, events).into_iter().map(|piece| Step::Send(framed(framing, &piece))));
        Self { status: Some(200), steps, end: End::Close }
    }

    fn then(mut self, step: Step, end: End) -> Self {
        self.steps.push(step);
        Self { end, ..self }
    }

    fn behind(mut self, step: Step) -> Self {
        self.steps.insert(0, step);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let sent = self.steps.iter().map(|step| match step {
            Step::Send(bytes) => bytes.as_slice(),
            Step::Wait(_) | Step::Silence => &[],
        });
        sent.flatten().copied().collect()
    }

    fn reset_behind(self, bytes: usize) -> Self {
        let mut sent = self.bytes();
        sent.truncate(bytes);
        let head = memchr::memmem::find(&sent, b"\r\n\r\n").is_some();
        Self { status: self.status.filter(|_| head), steps: vec![Step::Send(sent)], end: End::Reset }
    }

    fn dripped(self, bytes: usize, ms: u64) -> Self {
        let drops = self.bytes();
        let mut steps = Vec::new();
        for drop in drops.chunks(bytes.max(1)) {
            steps.extend([Step::Send(drop.to_vec()), Step::Wait(ms)]);
        }
        steps.pop();
        Self { steps, ..self }
    }

    fn line_by_line(mut self, ms: u64) -> Self {
        let Some(Step::Send(head)) = self.steps.first_mut() else { return self };
        let head = take(head);
        let mut slow = Vec::new();
        for line in head.split_inclusive(|byte| *byte == b'\n') {
            slow.extend([Step::Send(line.to_vec()), Step::Wait(ms)]);
        }
        slow.pop();
        self.steps.splice(0..1, slow);
        self
    }

    fn with_header(mut self, line: &str) -> Self {
        if let Some(Step::Send(head)) = self.steps.first_mut() {
            head.truncate(head.len().saturating_sub(2));
            head.extend_from_slice(format!("{line}\r\n\r\n").as_bytes());
        }
        self
    }
}

fn framing(answer: &Answer) -> Framing {
    if answer.stream { Framing::Chunked } else { Framing::Length(answer.pieces.iter().map(Vec::len).sum()) }
}

fn framed(framing: Framing, piece: &[u8]) -> Vec<u8> {
    match framing {
        Framing::Length(_) => piece.to_vec(),
        Framing::Chunked => chunk(piece),
    }
}

fn last(framing: Framing) -> Option<Step> {
    matches!(framing, Framing::Chunked).then(|| Step::Send(b"0\r\n\r\n".to_vec()))
}

fn head(status: u16, answer: &Answer, framing: Framing) -> Vec<u8> {
    written(status, answer.form.media(answer.stream), framing, &[])
}

fn written(status: u16, media: &str, framing: Framing, more: &[(&'static str, String)]) -> Vec<u8> {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|it| it.canonical_reason()).unwrap_or("");
    let mut head = format!("HTTP/1.1 {status} {reason}\r\ncontent-type: {media}\r\n");
    head.push_str("x-request-id: req-chaos\r\n");
    for (name, value) in more {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match framing {
        Framing::Length(length) => head.push_str(&format!("content-length: {length}\r\n\r\n")),
        Framing::Chunked => head.push_str("transfer-encoding: chunked\r\n\r\n"),
    }
    head.into_bytes()
}

/// What comes before a fault that waits for so many events.
fn start(answer: &Answer, events: usize) -> Vec<Vec<u8>> {
    if answer.stream {
        return answer.pieces.iter().take(events).cloned().collect();
    }
    let half = |body: &Vec<u8>| body.get(..body.len() / 2).unwrap_or_default().to_vec();
    answer.pieces.first().filter(|_| events > 0).map(half).into_iter().collect()
}

/// A body that HTTP calls whole.
fn whole(status: u16, answer: &Answer, framing: Framing, pieces: &[Vec<u8>]) -> Plan {
    let mut steps = vec![Step::Send(head(status, answer, framing))];
    steps.extend(pieces.iter().map(|piece| Step::Send(framed(framing, piece))));
    steps.extend(last(framing));
    Plan { status: Some(status), steps, end: End::Keep }
}

/// Some events and something else, then the proper end of the body. A plain answer is half of it, or the something else.
fn ended(answer: &Answer, events: usize, more: Vec<u8>) -> Plan {
    let mut pieces = if answer.stream || more.is_empty() { start(answer, events) } else { Vec::new() };
    if !more.is_empty() {
        pieces.push(more);
    }
    let framing =
        if answer.stream { Framing::Chunked } else { Framing::Length(pieces.iter().map(Vec::len).sum()) };
    whole(200, answer, framing, &pieces)
}

/// The event that would have come, with a hole in its JSON; a plain body that stops in the middle of a text.
fn broken(answer: &Answer, events: usize) -> Vec<u8> {
    let piece = answer.pieces.get(events).or(answer.pieces.first()).cloned().unwrap_or_default();
    let text = String::from_utf8_lossy(&piece).into_owned();
    if !answer.stream {
        return text.replacen("\":", "\" ", 2).into_bytes();
    }
    // Only the data: the framing around it stays whole.
    let lines = text.split_inclusive('\n').map(|line| match line.find('{') {
        Some(at) => {
            format!("{}{{\"broken\": nul{}", &line[..at], if line.ends_with('\n') { "\n" } else { "" })
        }
        None => line.to_owned(),
    });
    lines.collect::<String>().into_bytes()
}

fn error_in_200(answer: &Answer) -> Vec<u8> {
    let message = "The upstream failed behind its 200.";
    if answer.stream {
        answer.form.error_event(message)
    } else {
        answer.form.error(500, message).to_string().into_bytes()
    }
}

fn refusal(status: u16, body: &Value, more: &[(&'static str, String)]) -> Plan {
    let body = body.to_string().into_bytes();
    let head = written(status, "application/json", Framing::Length(body.len()), more);
    Plan { status: Some(status), steps: vec![Step::Send(head), Step::Send(body)], end: End::Keep }
}

fn no_money(answer: &Answer) -> Value {
    let mut body = answer.form.error(429, "You exceeded your current quota, please check your plan.");
    if let Some(error) = body.get_mut("error").and_then(Value::as_object_mut)
        && error.contains_key("param")
    {
        error.insert("type".into(), "insufficient_quota".into());
        error.insert("code".into(), "insufficient_quota".into());
    }
    body
}

fn wrong_length(answer: &Answer, wrong: fn(usize) -> usize, end: End) -> Plan {
    let body: Vec<u8> = answer.pieces.concat();
    let head = head(200, answer, Framing::Length(wrong(body.len())));
    Plan { status: Some(200), steps: vec![Step::Send(head), Step::Send(body)], end }
}

fn cut_chunk(answer: &Answer) -> Plan {
    let mut steps = vec![Step::Send(head(200, answer, Framing::Chunked))];
    let cut = if answer.stream {
        steps.extend(answer.pieces.first().map(|first| Step::Send(chunk(first))));
        answer.pieces.get(1)
    } else {
        answer.pieces.first()
    };
    let mut cut = chunk(cut.map(Vec::as_slice).unwrap_or_default());
    cut.truncate(cut.len() / 2);
    steps.push(Step::Send(cut));
    Plan { status: Some(200), steps, end: End::Close }
}

fn interim(at: usize) -> Step {
    let early = b"HTTP/1.1 103 Early Hints\r\nlink: </tide>; rel=preload\r\n\r\n";
    Step::Send(if at.is_multiple_of(2) { early.to_vec() } else { b"HTTP/1.1 100 Continue\r\n\r\n".to_vec() })
}

#[cfg(test)]
mod tests {
    use super::super::answers::{Form, TEXT};
    use super::*;

    fn of(fault: &Fault, stream: bool) -> Plan {
        plan(fault, &Form::Chat.answer(stream, "tide-1"), Millis(0))
    }

    #[test]
    fn a_drip_is_the_right_answer_in_drops_with_the_same_pause_between_all() {
        for stream in [false, true] {
            let (right, drip) = (of(&Fault::Healthy, stream), of(&Fault::Drip(50, 20), stream));
            assert_eq!((drip.bytes(), drip.end), (right.bytes(), End::Keep));
            for pair in drip.steps.chunks(2) {
                let [Step::Send(drop), rest @ ..] = pair else { unreachable!("{pair:?}") };
                assert!(drop.len() == 50 && rest == [Step::Wait(20)] || rest.is_empty());
            }
        }
    }

    #[test]
    fn slow_lines_wait_before_each_line_of_the_head_but_the_first() {
        let slow = of(&Fault::SlowLines(7), false);
        let lines = String::from_utf8(slow.bytes()).unwrap().matches("\r\n").count();
        let waits: Vec<usize> = (0..slow.steps.len()).filter(|at| slow.steps[*at] == Step::Wait(7)).collect();
        assert_eq!(waits, (1..lines).map(|line| 2 * line - 1).collect::<Vec<_>>());
        assert_eq!(of(&Fault::SlowHead(9), true).steps[0], Step::Wait(9));
    }

    #[test]
    fn a_broken_event_keeps_its_framing() {
        let broken = broken(&Form::Messages.answer(true, "tide-1"), 1);
        let text = String::from_utf8(broken).unwrap();
        assert_eq!(text, "event: content_block_delta\ndata: {\"broken\": nul\n\n");
        let plain = super::broken(&Form::Chat.answer(false, "tide-1"), 0);
        assert!(serde_json::from_slice::<Value>(&plain).is_err());
        assert!(String::from_utf8(plain).unwrap().contains(TEXT));
    }
}
