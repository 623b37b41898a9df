//! HTTP/2, against hyper's server.

use super::secure::{Identity, accept_tls, secured};
use super::*;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wharf_wire::scan::Segments;

#[derive(Clone, Copy)]
struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// What the server has seen.
#[derive(Default)]
struct Seen {
    requests: RefCell<Vec<String>>,
    /// Endless answers that were given up.
    dropped: Cell<usize>,
}

/// `/echo` comes back, `/endless` sends one piece and then nothing, `/refuse` answers 413 without reading,
/// `/silent` never answers.
async fn answer(request: Request<Incoming>, seen: Rc<Seen>) -> Result<Response<Out>, Infallible> {
    let length = request.headers().get("content-length").map(|value| value.to_str().unwrap().to_owned());
    seen.requests.borrow_mut().push(format!("{} {} {length:?}", request.method(), request.uri()));
    let out = match request.uri().path() {
        "/endless" => Out { pieces: VecDeque::from(["tick".into()]), endless: Some(seen) },
        "/silent" => std::future::pending().await,
        "/refuse" => {
            let out = Out { pieces: VecDeque::from(["stop".into()]), endless: None };
            return Ok(Response::builder().status(413).body(out).unwrap());
        }
        _ => {
            let Ok(body) = request.into_body().collect().await else { std::future::pending().await };
            Out { pieces: VecDeque::from([body.to_bytes()]), endless: None }
        }
    };
    Ok(Response::new(out))
}

struct Out {
    pieces: VecDeque<Bytes>,
    endless: Option<Rc<Seen>>,
}

impl Drop for Out {
    fn drop(&mut self) {
        if let Some(seen) = &self.endless {
            seen.dropped.set(seen.dropped.get() + 1);
        }
    }
}

impl http_body::Body for Out {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.pieces.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if self.endless.is_some() => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

/// Serves one connection until `stop` says so (then all of it is closed at once).
async fn serve(io: impl AsyncRead + AsyncWrite + Unpin + 'static, seen: Rc<Seen>, streams: u32) {
    let service = service_fn(move |request| answer(request, Rc::clone(&seen)));
    let connection =
        Builder::new(Local).max_concurrent_streams(streams).serve_connection(TokioIo::new(io), service);
    connection.await.ok();
}

fn prior(origin: &Arc<Origin>, path: &str, body: Payload<Pieces>) -> UpstreamRequest<Pieces> {
    UpstreamRequest { path: path.into(), version: HttpVersion::Http2, ..post(origin, body) }
}

async fn echoed(client: &Client, request: UpstreamRequest<Pieces>) -> Vec<u8> {
    let mut answer = client.send(request).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    collect(&mut answer.body).await.unwrap()
}

#[test]
fn bodies_go_both_ways_over_one_connection() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let seen = Rc::new(Seen::default());
        let serving = tokio::task::spawn_local({
            let seen = Rc::clone(&seen);
            async move { serve(accept(&listener).await, seen, 100).await }
        });
        let content = Bytes::from((0..1_500_000_u32).map(|i| (i % 251) as u8).collect::<Vec<u8>>());
        let held = Payload::Bytes(Segments::from(content.clone()));
        assert!(echoed(&client, prior(&origin, "/echo", held)).await == content);
        let rest = || Pieces::new(&["b", "", "c"]);
        let first = Bytes::from_static(b"a");
        let sized = Payload::Stream { first: first.clone(), rest: rest(), length: Some(3) };
        assert_eq!(echoed(&client, prior(&origin, "/echo", sized)).await, b"abc");
        let unsized_ = Payload::Stream { first, rest: rest(), length: None };
        assert_eq!(echoed(&client, prior(&origin, "/echo?q", unsized_)).await, b"abc");
        assert_eq!(echoed(&client, prior(&origin, "/echo", Payload::Empty)).await, b"");
        let url = format!("http://{}/echo", origin.authority());
        let expected = [
            format!("POST {url} Some(\"1500000\")"),
            format!("POST {url} Some(\"3\")"),
            format!("POST {url}?q None"),
            format!("POST {url} Some(\"0\")"),
        ];
        assert_eq!(*seen.requests.borrow(), expected);
        let counts = client.counts();
        assert_eq!((counts.opened, counts.reused), (1, 3));
        serving.abort();
    });
}

#[test]
fn alpn_decides_and_waiting_requests_share_the_connection() {
    run(async {
        let identity = Identity::new();
        let (listener, origin) = listen().await;
        let origin = secured(&origin);
        let client = identity.client();
        let seen = Rc::new(Seen::default());
        let serving = tokio::task::spawn_local(async move {
            loop {
                let tls = accept_tls(accept(&listener).await, &identity, &[b"h2"]).await;
                tokio::task::spawn_local(serve(tls, Rc::clone(&seen), 2));
            }
        });
        // Auto takes what the server wants; afterwards it is known.
        let auto = || UpstreamRequest { path: "/echo".into(), ..get(&origin) };
        assert_eq!(echoed(&client, auto()).await, b"");
        assert_eq!(echoed(&client, auto()).await, b"");
        assert_eq!(client.counts().opened, 1);
        // Two streams on each connection, as the server says: the third opens another one.
        let endless = || UpstreamRequest { path: "/endless".into(), ..get(&origin) };
        let mut held = Vec::new();
        for _ in 0..5 {
            settle().await;
            held.push(client.send(endless()).await.unwrap());
        }
        assert_eq!(client.counts().opened, 3);
        drop(held);
        serving.abort();
    });
}

#[test]
fn dropping_the_body_resets_the_stream_and_silence_is_limited() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let seen = Rc::new(Seen::default());
        let serving = tokio::task::spawn_local({
            let seen = Rc::clone(&seen);
            async move { serve(accept(&listener).await, seen, 100).await }
        });
        let mut answer = client.send(prior(&origin, "/endless", Payload::Empty)).await.unwrap();
        assert_eq!(answer.body.chunk().await.unwrap().unwrap(), "tick");
        drop(answer);
        settle().await;
        assert_eq!(seen.dropped.get(), 1);
        let timeouts = Timeouts { idle: Millis(60), ..Timeouts::default() };
        let request = UpstreamRequest { timeouts, ..prior(&origin, "/endless", Payload::Empty) };
        let mut answer = client.send(request).await.unwrap();
        assert_eq!(answer.body.chunk().await.unwrap().unwrap(), "tick");
        assert_eq!(answer.body.chunk().await, Err(TransportError::IdleTimeout));
        settle().await;
        assert_eq!(seen.dropped.get(), 2);
        let timeouts = Timeouts { first_byte: Millis(60), ..Timeouts::default() };
        let request = UpstreamRequest { timeouts, ..prior(&origin, "/silent", Payload::Empty) };
        assert_eq!(refused(client.send(request).await), TransportError::HeadTimeout);
        serving.abort();
    });
}

#[test]
fn uploads_are_refused_or_break() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let seen = Rc::new(Seen::default());
        let serving =
            tokio::task::spawn_local(async move { serve(accept(&listener).await, seen, 100).await });
        let first = Bytes::from_static(b"part");
        let silent = Payload::Stream { first: first.clone(), rest: Pieces::default(), length: Some(100) };
        let mut answer = client.send(prior(&origin, "/refuse", silent)).await.unwrap();
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(collect(&mut answer.body).await.unwrap(), b"stop");
        let mut rest = Pieces::new(&[]);
        rest.pieces.push_back(Err(CollectError::Broken));
        for (rest, length) in [(rest, None), (Pieces::new(&["x"]), Some(100))] {
            let body = Payload::Stream { first: first.clone(), rest, length };
            let answer = client.send(prior(&origin, "/echo", body)).await;
            assert_eq!(refused(answer), TransportError::Upload);
        }
        assert_eq!(client.counts().opened, 1, "the connection outlives its streams");
        serving.abort();
    });
}

#[test]
fn a_connection_that_dies_is_stale_only_for_later_requests() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let listener = Rc::new(listener);
        let serve_once = || {
            let listener = Rc::clone(&listener);
            tokio::task::spawn_local(async move { serve(accept(&listener).await, Rc::default(), 100).await })
        };
        let first = serve_once();
        echoed(&client, prior(&origin, "/echo", Payload::Empty)).await;
        // Closed while it is idle: noticed before it is used.
        first.abort();
        settle().await;
        let second = serve_once();
        echoed(&client, prior(&origin, "/echo", Payload::Empty)).await;
        assert_eq!(client.counts().opened, 2);
        // Closed under a request that it had not answered.
        let body = Payload::Stream { first: Bytes::new(), rest: Pieces::default(), length: None };
        let closing = async {
            settle().await;
            second.abort();
        };
        let (answer, ()) = tokio::join!(client.send(prior(&origin, "/echo", body)), closing);
        assert_eq!(refused(answer), TransportError::Stale);
        assert_eq!(client.counts().stale, 1);
    });
}

#[test]
fn a_server_that_speaks_no_http_2_is_told_apart() {
    run(async {
        let (listener, origin) = listen().await;
        let client = client();
        let upstream = async {
            let mut socket = accept(&listener).await;
            socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            socket
        };
        let (answer, _socket) = tokio::join!(client.send(prior(&origin, "/", Payload::Empty)), upstream);
        assert_eq!(refused(answer), TransportError::Closed);
    });
}
