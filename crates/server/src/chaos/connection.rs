//! One connection: a request is read, a fault is chosen for it, and what comes of that is logged.

use super::Chaos;
use super::answers::Form;
use super::fault::{FAULTS, Fault};
use super::log::{self, Ended, Entry};
use super::plan::{End, Plan, Step as PlanStep, plan};
use super::play::play;
use super::script::{Asked, Choice};
use crate::clock;
use crate::wire1::{Decoder, HEAD_LIMIT, RequestHead, Step, parse_request};
use bytes::BytesMut;
use serde_json::{Value, json};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The headers that carry a credential.
const CREDENTIALS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// A request with its body.
struct Request {
    head: RequestHead,
    body: Value,
}

/// Serves one connection to its end.
pub(super) async fn serve(mut stream: TcpStream, chaos: &Chaos) {
    // Each step of a plan is a packet of its own; without it they only clump.
    let _ = stream.set_nodelay(true);
    let connection = chaos.log.borrow_mut().accepted();
    let mut input = BytesMut::new();
    let mut stale = false;
    while let Ok(Some(request)) = read(&mut stream, &mut input).await {
        let path = request.path();
        if path == "/chaos" || path.starts_with("/chaos/") {
            let body = chaos.admin(path, request.query()).await;
            if stream.write_all(&own(200, &body)).await.is_err() {
                break;
            }
            continue;
        }
        let (wished, rest) = wish(path);
        let form = Form::of(rest);
        let stream_asked = form.is_some_and(|form| form.streams(rest, &request.body));
        let model = request.model(rest);
        let asked = Asked {
            number: chaos.log.borrow().next_number(),
            path: rest,
            wished: wished.as_deref(),
            model: &model,
            header: request.header("x-chaos"),
            stream: stream_asked,
        };
        let (choice, plan) = if stale { dead() } else { chaos.decide(&asked, form) };
        let ticket = chaos.began(connection, &request, &asked, &choice);
        let played = play(&mut stream, &mut input, &plan).await;
        let ended = match (played.left, plan.end) {
            (true, _) => Ended::ClientLeft,
            (false, End::Reset) => Ended::Reset,
            (false, End::Close | End::HalfClose) => Ended::Closed,
            (false, End::Keep | End::KeepStale) => Ended::Sent,
        };
        if plan.end == End::Reset && !played.left {
            reset(stream);
            chaos.over(ticket, plan.status, played.sent, ended);
            chaos.log.borrow_mut().gone();
            return;
        }
        chaos.over(ticket, plan.status, played.sent, ended);
        let keeps = matches!(plan.end, End::Keep | End::KeepStale) && request.head.keep_alive;
        if played.left || !keeps {
            break;
        }
        stale = plan.end == End::KeepStale;
    }
    let _ = stream.shutdown().await;
    chaos.log.borrow_mut().gone();
}

/// Closes with a reset instead of a proper end.
pub(super) fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
    drop(stream);
}

/// The answer on a connection that was kept to be closed now.
fn dead() -> (Choice, Plan) {
    let choice = Choice { fault: Fault::Stale, name: "stale".into() };
    (choice, Plan { status: None, steps: Vec::new(), end: End::Close })
}

impl Chaos {
    fn decide(&self, asked: &Asked<'_>, form: Option<Form>) -> (Choice, Plan) {
        let refused = |status, message: &str, name: &str| {
            let body = own(status, &json!({"error": {"message": message}}));
            let plan = Plan { status: Some(status), steps: vec![PlanStep::Send(body)], end: End::Keep };
            (Choice { fault: Fault::Healthy, name: name.into() }, plan)
        };
        let choice = match self.chooser.borrow_mut().choose(asked) {
            Ok(choice) => choice,
            Err(error) => return refused(400, &error, "unreadable"),
        };
        let Some(form) = form else {
            let message = format!("wharf chaos imitates no API at {}", asked.path);
            return refused(404, &message, "unknown-path");
        };
        let plan = plan(&choice.fault, &form.answer(asked.stream, asked.model), clock::wall());
        (choice, plan)
    }

    fn began(&self, connection: u64, request: &Request, asked: &Asked<'_>, choice: &Choice) -> u64 {
        let entry = Entry {
            number: asked.number,
            connection,
            at: log::at(clock::wall()),
            id: request.header("x-request-id").map(str::to_owned),
            method: request.head.method.to_string(),
            path: request.path().to_owned(),
            model: asked.model.to_owned(),
            stream: asked.stream,
            key: request.credential().map(|key| log::end_of(&key)),
            fault: choice.name.clone(),
            healthy: choice.fault == Fault::Healthy,
            status: None,
            sent: 0,
            ended: None,
        };
        self.log.borrow_mut().began(entry)
    }

    fn over(&self, ticket: u64, status: Option<u16>, sent: usize, ended: Ended) {
        self.log.borrow_mut().ended(ticket, status, sent, ended);
        self.news.notify_waiters();
    }

    /// The paths of our own.
    async fn admin(&self, path: &str, query: &str) -> Value {
        match path {
            "/chaos/log" => {
                let wanted = query.strip_prefix("over=").and_then(|count| count.parse().ok()).unwrap_or(0);
                loop {
                    let news = self.news.notified();
                    if self.log.borrow().over() >= wanted {
                        return self.log.borrow().show();
                    }
                    news.await;
                }
            }
            "/chaos/reset" => {
                self.log.borrow_mut().reset();
                self.chooser.borrow_mut().reset();
                json!({"reset": true})
            }
            _ => {
                let names: Vec<&str> = FAULTS.iter().map(|spec| spec.name).collect();
                let paths = ["/chaos/log", "/chaos/log?over=N", "/chaos/reset"];
                let (refusing, stalling) = (self.dead.refusing.to_string(), self.dead.stalling.to_string());
                json!({"refusing": refusing, "stalling": stalling, "faults": names, "paths": paths})
            }
        }
    }
}

impl Request {
    fn path(&self) -> &str {
        self.head.target.split('?').next().unwrap_or_default()
    }

    fn query(&self) -> &str {
        self.head.target.split_once('?').map_or("", |(_, query)| query)
    }

    fn header(&self, name: &'static str) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body's model; Gemini and Bedrock have it in the path.
    fn model(&self, path: &str) -> String {
        if let Some(model) = self.body.get("model").and_then(Value::as_str) {
            return model.to_owned();
        }
        let behind = |mark: &str| path.split_once(mark).map(|(_, rest)| rest);
        let model = behind("/models/").or_else(|| behind("/model/")).unwrap_or_default();
        model.split([':', '/']).next().unwrap_or_default().to_owned()
    }

    fn credential(&self) -> Option<String> {
        let header = CREDENTIALS.iter().find_map(|name| self.header(name));
        let query = self.query().split('&').find_map(|pair| pair.strip_prefix("key="));
        let key = header.or(query)?;
        Some(key.rsplit(' ').next().unwrap_or(key).to_owned())
    }
}

/// The fault that a path names in front, and the rest of the path.
fn wish(path: &str) -> (Option<String>, &str) {
    let inside = path.strip_prefix('/').unwrap_or(path);
    let end = inside.find('/').unwrap_or(inside.len());
    let (first, rest) = inside.split_at(end);
    let mut first = first.to_owned();
    // Clients may write the marks of an argument encoded.
    for (coded, mark) in [("%3A", ":"), ("%3a", ":"), ("%2C", ","), ("%2c", ","), ("%3D", "="), ("%3d", "=")]
    {
        first = first.replace(coded, mark);
    }
    let name = first.split(':').next().unwrap_or_default();
    if FAULTS.iter().any(|spec| spec.name == name) { (Some(first), rest) } else { (None, path) }
}

/// An answer of our own.
fn own(status: u16, body: &Value) -> Vec<u8> {
    let (reason, body) = (if status == 200 { "OK" } else { "Refused" }, body.to_string());
    let length = body.len();
    format!("HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// The next request; `None` at the end of the connection.
async fn read(stream: &mut TcpStream, input: &mut BytesMut) -> io::Result<Option<Request>> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let head = loop {
        if let Some(head) = parse_request(input, HEAD_LIMIT).map_err(|_| malformed())? {
            break head;
        }
        if stream.read_buf(input).await? == 0 {
            return Ok(None);
        }
    };
    let _ = input.split_to(head.consumed);
    if head.expect_continue {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let mut decoder = Decoder::new(head.framing);
    let mut body = Vec::new();
    loop {
        match decoder.decode(input).map_err(|_| malformed())? {
            Step::Data(data) => body.extend_from_slice(&data),
            Step::End => break,
            Step::More => {
                if stream.read_buf(input).await? == 0 {
                    return Ok(None);
                }
            }
        }
    }
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(Some(Request { head, body }))
}

#[cfg(test)]
mod tests {
    use super::wish;

    #[test]
    fn a_fault_in_front_of_a_path_is_found_and_a_stranger_is_left_alone() {
        for (path, wished, rest) in [
            ("/silent-head/v1/messages", Some("silent-head"), "/v1/messages"),
            ("/reset:100/v1/messages", Some("reset:100"), "/v1/messages"),
            ("/reset%3A100/x", Some("reset:100"), "/x"),
            ("/rate-limit:retry-after=2,should-retry/x", Some("rate-limit:retry-after=2,should-retry"), "/x"),
            ("/ok", Some("ok"), ""),
            ("/v1/ok/x", None, "/v1/ok/x"),
            ("/", None, "/"),
        ] {
            assert_eq!(wish(path), (wished.map(str::to_owned), rest), "{path}");
        }
    }
}
