//! A small blocking HTTP/1.1 client that hides nothing: exact bytes out, framing and piece boundaries back.

use crate::PATIENCE;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// How the end of a body was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// By `Content-Length`.
    Sized(usize),
    /// By chunks.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// An answer, or as much of it as came.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The minor version: 1 for HTTP/1.1.
    pub version: u8,
    /// The headers in order, names in their original case.
    pub headers: Vec<(String, String)>,
    /// How the body was framed.
    pub framing: Framing,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// The chunks of a chunked body, one by one.
    pub chunks: Vec<Vec<u8>>,
    /// Whether the body came to its proper end; `false` means the transport was cut.
    pub complete: bool,
}

impl Response {
    /// The first value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All values of a header.
    pub fn header_all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The body as text, unreadable bytes replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        let parsed = serde_json::from_slice(&self.body);
        parsed.unwrap_or_else(|error| panic!("not JSON ({error}): {} {}", self.status, self.text()))
    }

    fn says_close(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// One connection to a server.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Self {
        let stream =
            TcpStream::connect(address).unwrap_or_else(|error| panic!("connect to {address}: {error}"));
        stream.set_read_timeout(Some(PATIENCE)).expect("a read time-out");
        stream.set_write_timeout(Some(PATIENCE)).expect("a write time-out");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, address, buffer: Vec::new() }
    }

    /// Connects to the authority of a `http://` URL.
    pub fn connect_to(base: &str) -> Self {
        let authority = base.trim_start_matches("http://").split('/').next().unwrap_or_default();
        Self::connect(authority.parse().unwrap_or_else(|error| panic!("{base}: {error}")))
    }

    /// Sends exactly these bytes; a peer that has closed already is no failure here, but its silence afterwards is.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        drop(self.stream.write_all(bytes.as_ref()));
    }

    /// Sends a request; `Host` and `Content-Length` are added unless given.
    pub fn send_request(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) {
        let given = |name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !given("host") {
            head.push_str(&format!("Host: {}\r\n", self.address));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let bodiless = body.is_empty() && matches!(method, "GET" | "HEAD" | "OPTIONS" | "DELETE");
        if !bodiless && !given("content-length") && !given("transfer-encoding") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        self.send(bytes);
    }

    /// Sends a request and reads its answer. The connection stays open if the server lets it.
    pub fn request(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        self.send_request(method, target, headers, body);
        self.read_answer_to(method).unwrap_or_else(|error| panic!("no answer to {method} {target}: {error}"))
    }

    /// Reads one answer, interim ones skipped. An error means that not even a head came.
    pub fn read(&mut self) -> io::Result<Response> {
        self.read_answer_to("GET")
    }

    /// Reads one answer to a request of this method (`HEAD` has no body).
    pub fn read_answer_to(&mut self, method: &str) -> io::Result<Response> {
        let mut response = self.read_head(method)?;
        while self.read_piece(&mut response).is_some() {}
        Ok(response)
    }

    /// Reads one head, interim ones skipped; the body is then read piece by piece with [`Client::read_piece`].
    pub fn read_head(&mut self, method: &str) -> io::Result<Response> {
        loop {
            let raw = self.until(b"\r\n\r\n")?;
            let mut response = parse_head(&raw)?;
            if response.status < 200 && response.status != 101 {
                continue;
            }
            response.framing = framing(method, &response);
            response.complete = matches!(response.framing, Framing::None | Framing::Sized(0));
            return Ok(response);
        }
    }

    /// Reads the next piece of a body (a chunk, or what has arrived) and adds it to `response`; `None` at its end.
    pub fn read_piece(&mut self, response: &mut Response) -> Option<Vec<u8>> {
        if response.complete {
            return None;
        }
        let piece = match response.framing {
            Framing::None => return None,
            Framing::Sized(length) => self.some(length - response.body.len()).ok(),
            Framing::Chunked => self.chunk().ok(),
            Framing::UntilClose => self.some(usize::MAX).ok(),
        };
        let Some(piece) = piece else {
            // Only a body without a length may end with its connection.
            response.complete = response.framing == Framing::UntilClose;
            return None;
        };
        if response.framing == Framing::Chunked {
            if piece.is_empty() {
                response.complete = true;
                return None;
            }
            response.chunks.push(piece.clone());
        }
        response.body.extend_from_slice(&piece);
        response.complete = response.framing == Framing::Sized(response.body.len());
        Some(piece)
    }

    /// Whether the server has closed or reset the connection, with nothing left to read. Waits for it.
    pub fn is_closed(&mut self) -> bool {
        if !self.buffer.is_empty() {
            return false;
        }
        match self.fill() {
            Ok(()) => false,
            Err(error) => !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
        }
    }

    /// Says that no more is coming, and goes on reading.
    pub fn close_writing(&mut self) {
        drop(self.stream.shutdown(std::net::Shutdown::Write));
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut space = [0; 16 * 1024];
        // A read with a time limit may be interrupted, and is then to be made again.
        let count = loop {
            match self.stream.read(&mut space) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer.extend_from_slice(&space[..count]);
        Ok(())
    }

    fn until(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.buffer, end) {
                return Ok(self.buffer.drain(..at + end.len()).collect());
            }
            self.fill()?;
        }
    }

    fn some(&mut self, at_most: usize) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.fill()?;
        }
        let count = at_most.min(self.buffer.len());
        Ok(self.buffer.drain(..count).collect())
    }

    /// The next chunk; an empty one is the last.
    fn chunk(&mut self) -> io::Result<Vec<u8>> {
        let line = self.until(b"\r\n")?;
        let digits = String::from_utf8_lossy(&line);
        let digits = digits.split(';').next().unwrap_or_default().trim();
        let size =
            usize::from_str_radix(digits, 16).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        if size == 0 {
            while self.until(b"\r\n")? != b"\r\n" {}
            return Ok(Vec::new());
        }
        while self.buffer.len() < size + 2 {
            self.fill()?;
        }
        let mut chunk: Vec<u8> = self.buffer.drain(..size + 2).collect();
        chunk.truncate(size);
        Ok(chunk)
    }
}

/// Sends one request on a connection of its own and reads the answer.
pub fn fetch(base: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let mut client = Client::connect_to(base);
    let response = client.request(method, target, headers, body);
    if response.says_close() {
        assert!(client.is_closed(), "the server said `Connection: close` and stayed");
    }
    response
}

fn framing(method: &str, response: &Response) -> Framing {
    if method == "HEAD" || response.status == 204 || response.status == 304 {
        return Framing::None;
    }
    if response.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        return Framing::Chunked;
    }
    match response.header("content-length").and_then(|value| value.parse().ok()) {
        Some(length) => Framing::Sized(length),
        None => Framing::UntilClose,
    }
}

fn parse_head(raw: &[u8]) -> io::Result<Response> {
    let mut headers = [httparse::EMPTY_HEADER; 256];
    let mut head = httparse::Response::new(&mut headers);
    head.parse(raw).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
    let (Some(status), Some(version)) = (head.code, head.version) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Response {
        status,
        version,
        headers: head.headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect(),
        framing: Framing::None,
        body: Vec::new(),
        chunks: Vec::new(),
        complete: true,
    })
}
