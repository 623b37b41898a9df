//! The client over real loopback sockets, against upstreams written by hand.

mod answers;
mod failures;
mod h2;
mod pooling;
mod proxies;
mod secure;
mod uploads;

use super::{Body, Client, Limits, Tls, Upload};
use crate::testing::local;
use bytes::Bytes;
use http::{Method, StatusCode};
use std::collections::VecDeque;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wharf_core::host::{
    Answer, CollectError, Egress, HttpVersion, Origin, Payload, Scheme, Timeouts, TransportError,
    UpstreamRequest,
};
use wharf_core::time::Millis;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A client's body: these pieces, and then nothing more is ever heard of it unless it `ends`.
#[derive(Default)]
struct Pieces {
    pieces: VecDeque<Result<Bytes, CollectError>>,
    ends: bool,
}

impl Pieces {
    fn new(pieces: &[&'static str]) -> Self {
        let pieces = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        Self { pieces, ends: true }
    }
}

impl Upload for Pieces {
    async fn chunk(&mut self) -> Result<Option<Bytes>, CollectError> {
        tokio::task::yield_now().await;
        match self.pieces.pop_front() {
            Some(piece) => piece.map(Some),
            None if self.ends => Ok(None),
            None => std::future::pending().await,
        }
    }
}

fn client() -> Client {
    Client::new(Arc::new(Tls::new(Vec::new())), Limits::default())
}

async fn listen() -> (TcpListener, Arc<Origin>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, Arc::new(Origin { scheme: Scheme::Http, host: "127.0.0.1".into(), port, public: false }))
}

fn get(origin: &Arc<Origin>) -> UpstreamRequest<Pieces> {
    UpstreamRequest {
        method: Method::GET,
        origin: Arc::clone(origin),
        authority: origin.authority().into(),
        path: "/x?y=1".into(),
        headers: Rc::default(),
        own: Vec::new(),
        body: Payload::Empty,
        timeouts: Timeouts::default(),
        egress: Egress::Direct,
        version: HttpVersion::Auto,
        fresh: false,
    }
}

fn post(origin: &Arc<Origin>, body: Payload<Pieces>) -> UpstreamRequest<Pieces> {
    UpstreamRequest { method: Method::POST, body, ..get(origin) }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    let (socket, _) = listener.accept().await.unwrap();
    socket.set_nodelay(true).unwrap();
    socket
}

/// Reads until what came ends with `end`, and gives it.
async fn read_until(socket: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        let byte = socket.read_u8().await.expect("more was expected");
        read.push(byte);
    }
    String::from_utf8(read).unwrap()
}

async fn read_head(socket: &mut (impl AsyncRead + Unpin)) -> String {
    read_until(socket, "\r\n\r\n").await
}

/// Answers each request without a body on one connection by the next of `answers`, then closes.
async fn script(listener: &TcpListener, answers: &[&[u8]]) {
    let mut socket = accept(listener).await;
    for answer in answers {
        read_head(&mut socket).await;
        socket.write_all(answer).await.unwrap();
    }
}

async fn collect(body: &mut Body) -> Result<Vec<u8>, TransportError> {
    let mut whole = Vec::new();
    while let Some(piece) = body.chunk().await? {
        assert!(!piece.is_empty());
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

/// Sends a `GET`, and reads the answer to its end.
async fn fetch(client: &Client, origin: &Arc<Origin>) -> Result<(StatusCode, Vec<u8>), TransportError> {
    let Answer { status, mut body, .. } = client.send(get(origin)).await?;
    Ok((status, collect(&mut body).await?))
}

/// The error of a request that must not be answered.
fn refused(answer: Result<Answer<Body>, TransportError>) -> TransportError {
    answer.err().expect("an answer came")
}

/// Lets everything happen that can: the runtime looks at its sockets every 61 polls.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Runs `work` with a time limit on all of it.
fn run(work: impl Future<Output = ()>) {
    let limit = std::time::Duration::from_secs(20);
    local(async { tokio::time::timeout(limit, work).await.expect("it hangs") });
}

fn ms(count: u64) -> Timeouts {
    Timeouts { connect: Millis(count), first_byte: Millis(count), idle: Millis(count), ..Timeouts::default() }
}
