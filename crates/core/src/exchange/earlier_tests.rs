//! Answers that gave way, by a host that plays answers from a list and whose time goes by as they are read.

use crate::config::{self, Input, Platform};
use crate::exchange::{Core, Incoming, OutBody};
use crate::headers::Headers;
use crate::host::{Answer, CollectError, Host, TransportError, UpstreamRequest};
use crate::provider::catalog::builtins;
use crate::record::Record;
use crate::store::{Op, Reply, Shard, StoreError};
use crate::time::Millis;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, pending};
use std::rc::Rc;
use std::sync::Arc;
use wharf_wire::scan::Arrived;

const ASKED: &str = r#"{"model":"smart","messages":[{"role":"user","content":"hi"}]}"#;
const OOPS: &str = r#"{"error":{"message":"oops","type":"server_error"}}"#;

/// The time for one exchange, in milliseconds.
const ALL: u64 = 600_000;

/// Status, media type, body.
type Played = (u16, &'static str, Vec<Step>);

/// What one piece of an answer's body does.
#[derive(Clone)]
enum Step {
    Piece(&'static str),
    /// It comes after so many milliseconds.
    Late(u64, &'static str),
    /// Nothing comes any more.
    Silence,
    Break,
}

/// A body that is under way as long as it is held.
struct Body(VecDeque<Step>, Rc<Cell<usize>>);

impl Drop for Body {
    fn drop(&mut self) {
        self.1.set(self.1.get() - 1);
    }
}

#[derive(Clone, Default)]
struct Fake {
    answers: Rc<RefCell<VecDeque<Played>>>,
    now: Rc<Cell<u64>>,
    /// Bodies that are under way.
    open: Rc<Cell<usize>>,
    /// How many were as each call was made.
    seen: Rc<RefCell<Vec<usize>>>,
}

impl Host for Fake {
    const HINTS: bool = false;
    const DECODES: &'static [&'static str] = &[];
    const PARALLEL: usize = 1;
    type Body = Body;
    type Upload = ();

    fn now(&self) -> Millis {
        Millis(self.now.get())
    }

    fn random(&self) -> u64 {
        0
    }

    async fn send(&self, _: UpstreamRequest<()>) -> Result<Answer<Body>, TransportError> {
        self.seen.borrow_mut().push(self.open.get());
        let (status, media, steps) = self.answers.borrow_mut().pop_front().unwrap();
        let mut headers = Headers::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        self.open.set(self.open.get() + 1);
        let body = Body(steps.into(), Rc::clone(&self.open));
        Ok(Answer { status: StatusCode::from_u16(status).unwrap(), headers, body })
    }

    async fn read(&self, body: &mut Body) -> Result<Option<Bytes>, TransportError> {
        match body.0.pop_front() {
            Some(Step::Piece(piece)) => Ok(Some(Bytes::from_static(piece.as_bytes()))),
            Some(Step::Late(wait, piece)) => {
                self.now.set(self.now.get() + wait);
                Ok(Some(Bytes::from_static(piece.as_bytes())))
            }
            Some(Step::Silence) => pending().await,
            Some(Step::Break) => Err(TransportError::Closed),
            None => Ok(None),
        }
    }

    async fn collect(&self, (): &mut (), _: usize) -> Result<Arrived, CollectError> {
        Ok(Arrived::from(Bytes::from_static(ASKED.as_bytes())))
    }

    async fn receive(&self, (): &mut ()) -> Result<Option<Bytes>, CollectError> {
        Ok(None)
    }

    fn whole(&self, (): &mut ()) -> Option<Bytes> {
        None
    }

    async fn sleep(&self, wait: Millis) {
        self.now.set(self.now.get() + wait.0);
    }

    async fn call(&self, _: &Shard, _: Op) -> Result<Reply, StoreError> {
        Err(StoreError::Failed)
    }

    fn defer(&self, _: impl Future<Output = ()> + 'static) {}
}

/// The first target's answer, then one that is good.
fn playing(status: u16, media: &'static str, steps: &[Step]) -> Fake {
    let good = vec![Step::Piece(r#"{"choices":[],"usage":{"prompt_tokens":3}}"#)];
    let answers = [(status, media, steps.to_vec()), (200, "application/json", good)];
    Fake { answers: Rc::new(RefCell::new(answers.into())), ..Fake::default() }
}

/// Asks a route whose first target speaks `format`, and whose second one the caller's. What the caller gets: the status
/// and the body, as far as it is here.
fn ask(host: &Fake, format: &str) -> (u16, String, Record) {
    let config = serde_json::json!({
        "providers": {
            "a": {"base_url": "http://a.example/v1", "keys": ["key-of-a"], "format": format, "retries": 0},
            "b": {"base_url": "http://b.example/v1", "keys": ["key-of-b"], "retries": 0},
        },
        "routes": {"smart": {"targets": ["a/m", "b/m"], "timeouts": {"total_ms": ALL}}},
    })
    .to_string();
    let input = Input {
        file: Some(("test", &config)),
        env: &[],
        unreadable: &[],
        open: true,
        platform: Platform::Native,
        builtins: builtins(),
    };
    let compiled = config::compile(&input).map_err(|problems| format!("{problems:?}")).unwrap();
    let core = Core::new(Arc::new(compiled.table), host.clone());
    let incoming = Incoming {
        method: Method::POST,
        target: "/v1/chat/completions".to_owned(),
        authority: Some("localhost".to_owned()),
        headers: Headers::new(),
        body: Some(()),
        length: None,
        place: None,
        ready: true,
    };
    let mut record = Record::default();
    let outgoing = core.serve(incoming, &mut record).now_or_never().unwrap();
    let body = match outgoing.body {
        OutBody::Full(bytes) => bytes,
        OutBody::Stream(stream) => stream.first.unwrap_or_default(),
        OutBody::Paced(..) => Bytes::new(),
    };
    (outgoing.status.as_u16(), String::from_utf8_lossy(&body).into_owned(), record)
}

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
/// As OpenAI's streams say it, and as Anthropic's do.
const FAILED_EVENT: Step = Step::Piece(
    "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"oops\",\"type\":\"api_error\"}}\n\n",
);
const FORMATS: [&str; 2] = ["openai_chat", "anthropic_messages"];

#[test]
fn what_went_wrong_with_the_first_is_no_error_of_an_answer_by_the_second() {
    for format in FORMATS {
        for status in [500, 200] {
            let host = playing(status, JSON, &[Step::Piece(OOPS)]);
            let (shown, body, record) = ask(&host, format);
            assert_eq!((shown, record.error, &*record.provider), (200, "", "b"), "{format} {status}: {body}");
            assert_eq!(record.gave_way.len(), 1, "{format} {status}: {:?}", record.gave_way);
        }
    }
}

#[test]
fn nothing_of_the_first_is_under_way_as_the_second_is_called() {
    let long: Vec<Step> = std::iter::repeat_n(Step::Piece(OOPS), 2000).chain([Step::Silence]).collect();
    for (status, media, steps) in [
        (500, JSON, vec![Step::Piece(OOPS)]),
        (500, JSON, vec![Step::Piece(OOPS), Step::Silence]),
        (500, JSON, vec![Step::Piece(OOPS), Step::Break]),
        (500, JSON, vec![Step::Silence]),
        (500, JSON, long),
        (200, JSON, vec![Step::Piece(OOPS), Step::Silence]),
        (200, EVENTS, vec![FAILED_EVENT]),
        (200, EVENTS, vec![FAILED_EVENT, Step::Silence]),
    ] {
        // A whole answer is translated once all of it is here.
        let formats = if status == 200 { &FORMATS[..1] } else { &FORMATS };
        for format in formats {
            let host = playing(status, media, &steps);
            assert_eq!(ask(&host, format).0, 200, "{format} {status} {media}");
            assert_eq!(*host.seen.borrow(), [0, 0], "{format} {status} {media}: {} pieces", steps.len());
        }
    }
}

#[test]
fn an_answer_is_shown_where_the_time_is_over_before_the_second_can_be_called() {
    for (format, logged) in FORMATS.into_iter().zip(["", "upstream_error"]) {
        let host = playing(500, JSON, &[Step::Late(ALL, OOPS)]);
        let (status, body, record) = ask(&host, format);
        assert_eq!((status, record.error, record.attempts), (500, logged, 1), "{format}: {body}");
        assert!(body.contains("oops") && record.provider == "a", "{format}: {body}");
    }
    // What is not whole is no answer to be shown.
    let host = playing(500, JSON, &[Step::Late(ALL, OOPS), Step::Silence]);
    let (status, _, record) = ask(&host, FORMATS[0]);
    assert_eq!((status, record.error, record.attempts), (504, "upstream_timeout", 1));
}

#[test]
fn what_an_answer_that_is_shown_after_all_says_of_usage_is_read() {
    const FAILED: &str = r#"{"error":{"message":"oops"},"usage":{"prompt_tokens":7}}"#;
    let host = playing(500, JSON, &[Step::Late(ALL, FAILED)]);
    let (status, body, record) = ask(&host, FORMATS[0]);
    assert_eq!((status, &*body, record.usage.input, record.cut), (500, FAILED, Some(7), false));
    assert_eq!(record.gave_way, ["a: server_error"]);
}

#[test]
fn a_stream_that_failed_at_once_is_shown_after_all() {
    let host = playing(200, EVENTS, &[FAILED_EVENT, Step::Late(ALL, "\n")]);
    let (status, body, record) = ask(&host, FORMATS[0]);
    assert_eq!((status, record.attempts, &*record.provider), (200, 1, "a"), "{body}");
    assert!(body.contains("oops") && record.gave_way.len() == 1, "{body}");
}
