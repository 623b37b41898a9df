//! HTTP/2 clients: hyper speaks the protocol, this puts the same handler behind it.

use super::io::Rewound;
use super::message::{Body, Feed, Handler, Piece, Request, Response, gather};
use super::{Phase, Upload, Worker};
use crate::clock;
use crate::wheel::Deadline;
use bytes::{Bytes, BytesMut};
use http::header::{HOST, HeaderValue};
use http::{Method, StatusCode, Version};
use http_body::{Body as _, Frame, SizeHint};
use hyper::server::conn::http2::Builder;
use hyper_util::rt::TokioIo;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use wharf_core::headers::Headers;
use wharf_core::host::CollectError;

/// Content joined into one frame.
const JOINED: usize = 16 * 1024;

/// What hyper may buffer of one answer that the client does not take.
const BUFFERED: usize = 64 * 1024;

/// Lines that are about an HTTP/1.1 connection and have no place in HTTP/2.
const CONNECTION_LINES: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "trailer"];

/// Runs hyper's tasks on this worker.
#[derive(Clone, Copy)]
struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(async move {
            task.await;
        });
    }
}

/// What a connection's streams tell its watcher.
#[derive(Default)]
struct Activity {
    /// Requests that are being answered.
    open: Cell<usize>,
    /// Answers with content that hyper has not yet got rid of.
    unsent: Cell<usize>,
    /// Counts whatever happens.
    moves: Cell<u64>,
}

impl Activity {
    fn moved(&self) {
        self.moves.set(self.moves.get().wrapping_add(1));
    }
}

/// Counts one request as open.
struct Open(Rc<Activity>);

impl Open {
    fn new(activity: &Rc<Activity>) -> Self {
        activity.open.set(activity.open.get() + 1);
        activity.moved();
        Self(Rc::clone(activity))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get().saturating_sub(1));
        self.0.moved();
    }
}

/// Serves a connection to its end.
pub(super) async fn serve<H: Handler + 'static>(
    worker: Rc<Worker<H>>,
    io: Rewound,
    peer: SocketAddr,
    tls: bool,
) {
    let activity = Rc::new(Activity::default());
    let service = {
        let (worker, activity) = (Rc::clone(&worker), Rc::clone(&activity));
        hyper::service::service_fn(move |request| {
            let (worker, open) = (Rc::clone(&worker), Open::new(&activity));
            async move {
                let head = request.method() == Method::HEAD;
                let response = worker.handler.handle(incoming(request, peer, tls)).await;
                Ok::<_, Infallible>(outgoing(response, head, open))
            }
        })
    };
    let limit = u32::try_from(worker.settings.head).unwrap_or(u32::MAX);
    let mut builder = Builder::new(Local);
    builder.max_header_list_size(limit).max_send_buf_size(BUFFERED);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));
    let mut watch = Watch::new(activity);
    poll_fn(|cx| {
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        loop {
            match watch.poll(cx, &worker) {
                Poll::Ready(Closing::Now) => return Poll::Ready(()),
                Poll::Ready(Closing::Gently) => {
                    // GOAWAY; the connection goes on until its streams have ended.
                    connection.as_mut().graceful_shutdown();
                    if connection.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(());
                    }
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
}

/// How a connection is to be closed.
enum Closing {
    Gently,
    Now,
}

/// Looks after a connection's time-outs and the worker's phase.
struct Watch {
    activity: Rc<Activity>,
    deadline: Deadline,
    /// `moves` when the deadline was armed.
    seen: u64,
    /// For how long nothing has happened.
    quiet_ms: u64,
    armed: bool,
    gentle: bool,
}

impl Watch {
    fn new(activity: Rc<Activity>) -> Self {
        Self { activity, deadline: Deadline::new(), seen: 0, quiet_ms: 0, armed: false, gentle: false }
    }

    fn poll<H>(&mut self, cx: &Context<'_>, worker: &Worker<H>) -> Poll<Closing> {
        match worker.phase.get() {
            Phase::Cut => return Poll::Ready(Closing::Now),
            Phase::Draining if !self.gentle => {
                self.gentle = true;
                return Poll::Ready(Closing::Gently);
            }
            Phase::Draining | Phase::Running => {}
        }
        let every = worker.settings.idle_ms;
        if !self.armed {
            self.armed = true;
            self.deadline.set(every);
        }
        ready!(self.deadline.poll_expired(cx));
        let moves = self.activity.moves.get();
        self.quiet_ms = if moves == self.seen { self.quiet_ms.saturating_add(every) } else { 0 };
        self.seen = moves;
        self.deadline.set(every);
        // Registers again: nothing else may ever wake this task.
        let _armed_anew = self.deadline.poll_expired(cx);
        let idle = self.activity.open.get() == 0 && self.quiet_ms > 0;
        let stalled = self.activity.unsent.get() > 0 && self.quiet_ms >= worker.settings.stall_ms;
        match (stalled, idle && self.gentle, idle) {
            (true, ..) | (_, true, _) => Poll::Ready(Closing::Now),
            (.., true) => {
                self.gentle = true;
                Poll::Ready(Closing::Gently)
            }
            _ => Poll::Pending,
        }
    }
}

/// hyper's request as ours.
fn incoming(request: http::Request<hyper::body::Incoming>, peer: SocketAddr, tls: bool) -> Request {
    let (parts, body) = request.into_parts();
    let mut headers = Headers::from(parts.headers);
    if let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        headers.insert(HOST, host);
    }
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let body = if body.is_end_stream() { Upload::empty() } else { Upload::h2(Incoming(body)) };
    let received_us = clock::micros();
    Request { method: parts.method, target, headers, version: Version::HTTP_2, body, peer, tls, received_us }
}

/// Our answer as hyper's.
fn outgoing(response: Response, head: bool, open: Open) -> http::Response<Outgoing> {
    let Response { mut status, mut headers, mut body } = response;
    if status.is_informational() {
        (status, headers, body) = (StatusCode::BAD_GATEWAY, Headers::new(), Body::Empty);
    }
    for name in CONNECTION_LINES {
        headers.remove(name);
    }
    let silent = head || matches!(status.as_u16(), 204 | 304);
    if !head {
        // hyper writes it from the body's own length.
        headers.remove(http::header::CONTENT_LENGTH);
    }
    let (content, length) = match body {
        Body::Empty => (Content::Done, Some(0)),
        Body::Full(bytes) => {
            let length = bytes.len() as u64;
            (if silent { Content::Done } else { Content::Full(bytes) }, Some(length))
        }
        Body::Stream(source) => {
            let mut feed = Feed::new(source);
            let length = feed.length();
            if silent {
                feed.finish();
            }
            (if silent { Content::Done } else { Content::Feed(feed) }, length)
        }
    };
    let hint = if silent { None } else { length };
    let mut answer = http::Response::new(Outgoing { content, left: hint, unsent: false, open });
    *answer.status_mut() = status;
    *answer.headers_mut() = headers.into();
    answer
}

enum Content {
    Done,
    Full(Bytes),
    Feed(Feed),
}

/// An answer's body on its way into hyper.
struct Outgoing {
    content: Content,
    /// What is still to come, where that is known.
    left: Option<u64>,
    /// The last frame given out is not known to be gone.
    unsent: bool,
    open: Open,
}

/// The body cannot be completed: hyper resets the stream.
#[derive(Debug, thiserror::Error)]
#[error("answer cut short")]
struct Cut;

thread_local! {
    static PIECES: RefCell<Vec<Bytes>> = const { RefCell::new(Vec::new()) };
}

impl Outgoing {
    fn poll_feed(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        let Content::Feed(feed) = &mut self.content else { return Poll::Ready(None) };
        let mut pieces = PIECES.take();
        let gathered = gather(feed, cx, JOINED, &mut pieces);
        let data = join(&mut pieces, gathered.bytes);
        pieces.clear();
        PIECES.set(pieces);
        let fits = self.left.is_none_or(|left| gathered.bytes as u64 <= left);
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(gathered.bytes as u64);
        }
        let whole = gathered.last == Some(Piece::End) && fits && self.left.is_none_or(|left| left == 0);
        if fits {
            feed.sent(gathered.bytes);
        }
        match (gathered.last, data) {
            (Some(_), data) => {
                feed.finish();
                self.content = if whole { Content::Done } else { Content::Feed(Feed::ended()) };
                data.filter(|_| fits).map_or_else(
                    || Poll::Ready((!whole).then_some(Err(Cut))),
                    |data| Poll::Ready(Some(Ok(data))),
                )
            }
            (None, _) if !fits => {
                feed.finish();
                Poll::Ready(Some(Err(Cut)))
            }
            (None, Some(data)) => Poll::Ready(Some(Ok(data))),
            (None, None) => Poll::Pending,
        }
    }

    fn mark(&mut self, unsent: bool) {
        let activity = &self.open.0;
        if unsent != self.unsent {
            self.unsent = unsent;
            let count = activity.unsent.get();
            activity.unsent.set(if unsent { count + 1 } else { count.saturating_sub(1) });
        }
        activity.moved();
    }
}

/// The pieces as one.
fn join(pieces: &mut Vec<Bytes>, bytes: usize) -> Option<Bytes> {
    if pieces.len() <= 1 {
        return pieces.pop();
    }
    let mut joined = BytesMut::with_capacity(bytes);
    pieces.iter().for_each(|piece| joined.extend_from_slice(piece));
    Some(joined.freeze())
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.mark(false);
        let data = match std::mem::replace(&mut self.content, Content::Done) {
            Content::Done => None,
            Content::Full(bytes) => Some(bytes).filter(|bytes| !bytes.is_empty()).map(Ok),
            feed @ Content::Feed(_) => {
                self.content = feed;
                ready!(self.poll_feed(cx))
            }
        };
        self.mark(matches!(data, Some(Ok(_))));
        Poll::Ready(data.map(|data| data.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Done)
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.content, self.left) {
            (Content::Full(bytes), _) => SizeHint::with_exact(bytes.len() as u64),
            (_, Some(left)) => SizeHint::with_exact(left),
            (_, None) => SizeHint::default(),
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.mark(false);
    }
}

/// A request's body on its way out of hyper.
pub(super) struct Incoming(hyper::body::Incoming);

impl Incoming {
    pub(super) fn length(&self) -> Option<u64> {
        self.0.size_hint().exact()
    }

    pub(super) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, CollectError>> {
        loop {
            match ready!(Pin::new(&mut self.0).poll_frame(cx)) {
                None => return Poll::Ready(Ok(None)),
                Some(Err(_)) => return Poll::Ready(Err(CollectError::Broken)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Poll::Ready(Ok(Some(data))),
                    // Trailers end nothing that a handler could see.
                    Ok(_) | Err(_) => {}
                },
            }
        }
    }
}
