//! Tests of the client side: a real listener on loopback, raw bytes from the client.

mod bodies;
mod connections;
mod http2;
mod refusals;
mod streams;

use super::{Body, Drain, Handler, Over, Piece, Request, Response, Settings, Source, Upload, bind, serve};
use crate::testing::local;
use bytes::Bytes;
use http::StatusCode;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use wharf_core::headers::Headers;

/// What happened at the server, in order.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    /// A request was handed over: method, target, `Host`.
    Asked(String),
    /// A handler that waited for ever was dropped.
    Dropped,
    /// A source was told that it is over, after so many bytes had gone out.
    Over(Over, usize),
}

/// Answers by the target.
struct Site {
    events: UnboundedSender<Event>,
    pieces: RefCell<Option<UnboundedReceiver<Piece>>>,
    length: Option<u64>,
}

struct Told(UnboundedSender<Event>);

impl Drop for Told {
    fn drop(&mut self) {
        let _closed = self.0.send(Event::Dropped);
    }
}

fn full(status: u16, body: impl Into<Bytes>) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    Response { status, headers: Headers::new(), body: Body::Full(body.into()) }
}

impl Handler for Site {
    async fn handle(&self, mut request: Request) -> Response {
        let host = request.headers.get("host").map_or("-", |host| host.to_str().unwrap());
        let asked = format!("{} {} {host}", request.method, request.target);
        self.events.send(Event::Asked(asked)).unwrap();
        match request.target.as_str() {
            "/echo" => match request.body.collect(20 << 20).await {
                Ok(body) => full(200, body.into_bytes()),
                Err(error) => full(400, format!("{error:?}")),
            },
            "/small" => match request.body.collect(4).await {
                Ok(body) => full(200, body.into_bytes()),
                Err(error) => full(413, format!("{error:?}")),
            },
            "/pieces" => {
                let mut whole = Vec::new();
                while let Ok(Some(piece)) = request.body.chunk().await {
                    whole.extend_from_slice(&piece);
                }
                full(200, whole)
            }
            "/wait" => {
                let _told = Told(self.events.clone());
                std::future::pending().await
            }
            "/stream" => {
                let pieces = self.pieces.borrow_mut().take().unwrap();
                let source = Fed { pieces, length: self.length, sent: 0, events: self.events.clone() };
                Response {
                    status: StatusCode::OK,
                    headers: Headers::new(),
                    body: Body::Stream(Box::new(source)),
                }
            }
            "/reflect" => Response {
                status: StatusCode::OK,
                headers: Headers::new(),
                body: Body::Stream(Box::new(Reflected(request.body))),
            },
            "/interim" => full(101, "x"),
            "/none" => full(204, "x"),
            _ => full(200, "hello"),
        }
    }
}

/// A source that a test feeds.
struct Fed {
    pieces: UnboundedReceiver<Piece>,
    length: Option<u64>,
    sent: usize,
    events: UnboundedSender<Event>,
}

impl Source for Fed {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        self.pieces.poll_recv(cx).map(|piece| piece.unwrap_or(Piece::End))
    }

    fn length(&self) -> Option<u64> {
        self.length
    }

    fn sent(&mut self, bytes: usize) {
        self.sent += bytes;
    }

    fn over(&mut self, how: Over) {
        let _closed = self.events.send(Event::Over(how, self.sent));
    }
}

/// A source that gives the request's own body.
struct Reflected(Upload);

impl Source for Reflected {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        self.0.poll_chunk(cx).map(|chunk| match chunk {
            Ok(Some(data)) => Piece::Data(data),
            Ok(None) => Piece::End,
            Err(_) => Piece::Abort,
        })
    }

    fn length(&self) -> Option<u64> {
        None
    }

    fn sent(&mut self, _bytes: usize) {}

    fn over(&mut self, _how: Over) {}
}

/// A running server.
struct Server {
    address: SocketAddr,
    events: UnboundedReceiver<Event>,
    feed: UnboundedSender<Piece>,
    drain: Drain,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Server {
    fn start() -> Self {
        Self::with(Settings::default(), None)
    }

    fn with(settings: Settings, length: Option<u64>) -> Self {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let ((events, seen), (feed, pieces)) = (unbounded_channel(), unbounded_channel());
        let site = Rc::new(Site { events, pieces: RefCell::new(Some(pieces)), length });
        let drain = Drain::new(100);
        let task = tokio::task::spawn_local(serve(listener, site, settings, drain.clone()));
        Self { address, events: seen, feed, drain, task }
    }

    async fn client(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    fn data(&self, text: impl Into<Bytes>) {
        self.feed.send(Piece::Data(text.into())).unwrap();
    }

    async fn asked(&mut self) -> String {
        match self.events.recv().await {
            Some(Event::Asked(text)) => text,
            other => panic!("{other:?}"),
        }
    }
}

/// A raw client.
struct Client(TcpStream);

impl Client {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads until what has come ends with `end`.
    async fn until(&mut self, end: &str) -> String {
        let mut seen = Vec::new();
        while !seen.ends_with(end.as_bytes()) {
            let byte = self.0.read_u8().await.unwrap_or_else(|error| {
                panic!("{error} after {:?}", String::from_utf8_lossy(&seen));
            });
            seen.push(byte);
        }
        String::from_utf8(seen).unwrap()
    }

    /// Reads one answer: its head without the date, and its body by `content-length`.
    async fn answer(&mut self) -> (String, Vec<u8>) {
        let head = self.until("\r\n\r\n").await;
        let lines: Vec<&str> = head.lines().filter(|line| !line.starts_with("date: ")).collect();
        let length = lines.iter().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body).await.unwrap();
        (lines.join("|").trim_end_matches('|').to_owned(), body)
    }

    /// Everything until the server closes; `Err` after a reset.
    async fn rest(&mut self) -> std::io::Result<String> {
        let mut seen = Vec::new();
        self.0.read_to_end(&mut seen).await?;
        Ok(String::from_utf8(seen).unwrap())
    }
}

const OK: &str = "HTTP/1.1 200 OK|content-length: 5";
const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
