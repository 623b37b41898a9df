//! One connection of the fake upstream: reads requests, plays answers, notices when the peer leaves.

use super::reply::{Body, Cut, End, Fed, Reply};
use super::{Recorded, Shared};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;

/// Serves a connection until either side ends it, and keeps the log.
pub(super) async fn serve(stream: TcpStream, number: usize, shared: Arc<Shared>) {
    drop(stream.set_nodelay(true));
    let mut connection = Connection { wire: Wire { stream, buffer: Vec::new() }, number, shared };
    let ended = connection.exchanges().await;
    let Connection { wire, shared, .. } = connection;
    // The socket goes before the log says so: who reads the log may rely on it.
    if matches!(ended, Ended::Reset) {
        drop(wire.stream.set_zero_linger());
    }
    drop(wire);
    shared.update(|log| {
        log.open -= 1;
        match ended {
            Ended::ByPeer => log.closed_by_peer.push(number),
            Ended::Cancelled => {
                log.closed_by_peer.push(number);
                log.cancelled.push(number);
            }
            Ended::ByUs | Ended::Reset => {}
        }
    });
}

enum Ended {
    ByUs,
    Reset,
    ByPeer,
    Cancelled,
}

struct Connection {
    wire: Wire,
    number: usize,
    shared: Arc<Shared>,
}

impl Connection {
    async fn exchanges(&mut self) -> Ended {
        loop {
            let mut request = match self.wire.head(self.number).await {
                Ok(Some(request)) => request,
                Ok(None) => return Ended::ByPeer,
                Err(_) => return Ended::Cancelled,
            };
            self.shared.update(|log| {
                request.number = log.received;
                log.received += 1;
                log.requests.push(request.clone());
            });
            let step = if self.shared.answer_early {
                self.answer_then_read(request).await
            } else {
                self.read_then_answer(request).await
            };
            match step {
                Ok(End::KeepAlive) => {}
                Ok(End::Close) => return Ended::ByUs,
                Ok(End::Reset) => return Ended::Reset,
                Err(_) => return Ended::Cancelled,
            }
        }
    }

    async fn read_then_answer(&mut self, mut request: Recorded) -> io::Result<End> {
        self.read_body(&mut request).await?;
        let reply = self.shared.reply_to(&request);
        let end = self.wire.play(reply, &request.method).await?;
        Ok(if end == End::KeepAlive && request.wants_close() { End::Close } else { end })
    }

    async fn answer_then_read(&mut self, mut request: Recorded) -> io::Result<End> {
        let reply = self.shared.reply_to(&request);
        let end = self.wire.play(reply, &request.method).await?;
        if end == End::KeepAlive {
            self.read_body(&mut request).await?;
        }
        Ok(end)
    }

    /// Reads a body, keeping the log up to date so that a test can watch it arrive.
    async fn read_body(&mut self, request: &mut Recorded) -> io::Result<()> {
        if request.is_chunked() {
            loop {
                let size = self.wire.chunk_size().await?;
                if size == 0 {
                    while !self.wire.line().await?.is_empty() {}
                    break;
                }
                let chunk = self.wire.take(size).await?;
                self.wire.line().await?;
                self.record(request, |one| {
                    one.body.extend_from_slice(&chunk);
                    one.chunks.push(size);
                });
            }
        } else {
            let length = request.length();
            while request.body.len() < length {
                let piece = self.wire.some(length - request.body.len()).await?;
                self.record(request, |one| one.body.extend_from_slice(&piece));
            }
        }
        self.record(request, |one| one.complete = true);
        Ok(())
    }

    /// The same change here and in the log: a copy of the whole for each piece would cost too much.
    fn record(&self, request: &mut Recorded, change: impl Fn(&mut Recorded)) {
        change(request);
        self.shared.update(|log| {
            // A test may have forgotten the requests meanwhile.
            if let Some(slot) = log.requests.iter_mut().find(|slot| slot.number == request.number) {
                change(slot);
            }
        });
    }
}

struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    async fn fill(&mut self) -> io::Result<usize> {
        self.stream.read_buf(&mut self.buffer).await
    }

    async fn fill_or_fail(&mut self) -> io::Result<()> {
        if self.fill().await? == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    async fn head(&mut self, connection: usize) -> io::Result<Option<Recorded>> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                let raw: Vec<u8> = self.buffer.drain(..end + 4).collect();
                let head = Recorded::read_head(connection, &raw);
                return head.map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into());
            }
            if self.fill().await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    async fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n") {
                let mut line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                line.truncate(end);
                return Ok(line);
            }
            self.fill_or_fail().await?;
        }
    }

    async fn chunk_size(&mut self) -> io::Result<usize> {
        let line = self.line().await?;
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok())
            .ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    async fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < count {
            self.fill_or_fail().await?;
        }
        Ok(self.buffer.drain(..count).collect())
    }

    async fn some(&mut self, at_most: usize) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.fill_or_fail().await?;
        }
        let count = at_most.min(self.buffer.len());
        Ok(self.buffer.drain(..count).collect())
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Waits until the peer has closed its side; early bytes of a next request are kept.
    async fn peer_gone(&mut self) -> io::Error {
        loop {
            match self.fill_or_fail().await {
                Ok(()) => {}
                Err(error) => return error,
            }
        }
    }

    async fn play(&mut self, reply: Reply, method: &str) -> io::Result<End> {
        let (head, has_body) = reply.head_bytes(method);
        self.write(&reply.interim).await?;
        let mut allowance = Allowance::new(reply.cut, head.len());
        self.write(&head[..allowance.head]).await?;
        if !has_body {
            return Ok(reply.end);
        }
        match reply.body {
            Body::Sized(body) | Body::UntilClose(body) => self.write(allowance.clip(&body)).await?,
            Body::Chunked(pieces) => {
                for piece in pieces {
                    let framed = frame(&piece);
                    self.write(allowance.clip(&framed)).await?;
                }
                self.write(allowance.clip(b"0\r\n\r\n")).await?;
            }
            Body::Fed(fed) => return self.play_fed(fed, reply.end).await,
            Body::Stall => return Err(self.peer_gone().await),
            Body::Echo => self.echo().await?,
        }
        Ok(reply.end)
    }

    async fn play_fed(&mut self, mut fed: UnboundedReceiver<Fed>, end: End) -> io::Result<End> {
        loop {
            let next = tokio::select! {
                biased;
                next = fed.recv() => next,
                gone = self.peer_gone() => return Err(gone),
            };
            match next {
                Some(Fed::Chunk(bytes)) => self.write(&frame(&bytes)).await?,
                Some(Fed::Raw(bytes)) => self.write(&bytes).await?,
                Some(Fed::Finish) => {
                    self.write(b"0\r\n\r\n").await?;
                    return Ok(end);
                }
                Some(Fed::Reset) => return Ok(End::Reset),
                None => return Ok(End::Close),
            }
        }
    }

    async fn echo(&mut self) -> io::Result<()> {
        loop {
            let bytes = std::mem::take(&mut self.buffer);
            self.write(&bytes).await?;
            if self.fill().await? == 0 {
                return Ok(());
            }
        }
    }
}

fn frame(piece: &[u8]) -> Vec<u8> {
    let mut framed = format!("{:x}\r\n", piece.len()).into_bytes();
    framed.extend_from_slice(piece);
    framed.extend_from_slice(b"\r\n");
    framed
}

/// How much of an answer may still go out before it is cut.
struct Allowance {
    head: usize,
    body: usize,
}

impl Allowance {
    fn new(cut: Option<Cut>, head: usize) -> Self {
        match cut {
            None => Self { head, body: usize::MAX },
            Some(Cut::Body(bytes)) => Self { head, body: bytes },
            Some(Cut::Wire(bytes)) => Self { head: head.min(bytes), body: bytes.saturating_sub(head) },
        }
    }

    fn clip<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let count = bytes.len().min(self.body);
        if self.body != usize::MAX {
            self.body -= count;
        }
        &bytes[..count]
    }
}
