//! What the fake upstream answers: an honest response, or one of the ways in which a response goes wrong.

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// One answer, built by chaining. Without any change it keeps its connection open.
#[derive(Debug)]
pub struct Reply {
    pub(super) interim: Vec<u8>,
    pub(super) head: Head,
    pub(super) body: Body,
    pub(super) cut: Option<Cut>,
    pub(super) end: End,
}

#[derive(Debug)]
pub(super) enum Head {
    Written { status: u16, headers: Vec<(String, String)> },
    Raw(Vec<u8>),
}

#[derive(Debug)]
pub(super) enum Body {
    Sized(Vec<u8>),
    Chunked(Vec<Vec<u8>>),
    UntilClose(Vec<u8>),
    Fed(UnboundedReceiver<Fed>),
    Stall,
    Echo,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// So many bytes of the body, counted with its framing.
    Body(usize),
    /// So many bytes of everything, head included.
    Wire(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    KeepAlive,
    Close,
    Reset,
}

#[derive(Debug)]
pub(super) enum Fed {
    Chunk(Vec<u8>),
    Raw(Vec<u8>),
    Finish,
    Reset,
}

impl Reply {
    fn written(status: u16, body: Body) -> Self {
        Self {
            interim: Vec::new(),
            head: Head::Written { status, headers: Vec::new() },
            body,
            cut: None,
            end: End::KeepAlive,
        }
    }

    /// An answer with a body of known length.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::written(status, Body::Sized(body.into()))
    }

    /// A JSON answer.
    pub fn json(status: u16, value: &Value) -> Self {
        Self::new(status, value.to_string()).header("content-type", "application/json")
    }

    /// A chunked answer: each piece is one chunk and one write.
    pub fn chunked(status: u16, pieces: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        Self::written(status, Body::Chunked(pieces.into_iter().map(Into::into).collect()))
    }

    /// A stream of server-sent events: each piece (its blank line included) is one chunk.
    pub fn sse(pieces: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        Self::chunked(200, pieces).header("content-type", "text/event-stream")
    }

    /// An answer whose body ends when the connection does.
    pub fn until_close(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { end: End::Close, ..Self::written(status, Body::UntilClose(body.into())) }
    }

    /// A chunked answer whose head goes out at once and whose chunks the test hands over one by one.
    /// Dropping the [`Feed`] before [`Feed::finish`] cuts the answer off.
    pub fn fed(status: u16) -> (Self, Feed) {
        let (sender, receiver) = unbounded_channel();
        (Self::written(status, Body::Fed(receiver)), Feed { sender })
    }

    /// No answer at all until the peer goes away.
    pub fn stall() -> Self {
        Self { end: End::Close, ..Self::raw("") }.with_body(Body::Stall)
    }

    /// The head, then nothing until the peer goes away.
    pub fn stall_after_head(status: u16) -> Self {
        Self { end: End::Close, ..Self::written(status, Body::Stall) }
    }

    /// Exactly these bytes, then the connection is closed.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            interim: Vec::new(),
            head: Head::Raw(bytes.into()),
            body: Body::UntilClose(Vec::new()),
            cut: None,
            end: End::Close,
        }
    }

    /// The connection is closed before a byte is sent.
    pub fn close() -> Self {
        Self::raw("")
    }

    /// The connection is reset before a byte is sent.
    pub fn reset() -> Self {
        Self { end: End::Reset, ..Self::raw("") }
    }

    /// A status line that is none.
    pub fn garbage() -> Self {
        Self::raw("ICY 2OO fine\r\nnot-a-header\r\n\r\nhello")
    }

    /// A head that stops in the middle of a header.
    pub fn half_head() -> Self {
        Self::raw("HTTP/1.1 200 OK\r\ncontent-type: applicat")
    }

    /// A head with one header of `size` bytes.
    pub fn oversized_header(size: usize) -> Self {
        Self::new(200, "{}").header("x-oversized", &"x".repeat(size))
    }

    /// `101 Switching Protocols`, then every byte comes back.
    pub fn switch_and_echo(protocol: &str) -> Self {
        Self { end: End::Close, ..Self::written(101, Body::Echo) }
            .header("connection", "Upgrade")
            .header("upgrade", protocol)
    }

    /// The answer to a request that no script foresaw.
    pub fn unscripted() -> Self {
        Self::new(599, "the script of the fake upstream has no answer left").header("x-unscripted", "true")
    }

    /// Adds a header, as written.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Head::Written { headers, .. } = &mut self.head {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Sends an interim answer (100–199) first.
    #[must_use]
    pub fn after_interim(mut self, status: u16, header: (&str, &str)) -> Self {
        self.interim.extend_from_slice(
            format!("HTTP/1.1 {status} Interim\r\n{}: {}\r\n\r\n", header.0, header.1).as_bytes(),
        );
        self
    }

    /// Closes the connection after `bytes` of the body, counted with its framing: mid-chunk or mid-length.
    #[must_use]
    pub fn cut_body_after(self, bytes: usize) -> Self {
        Self { cut: Some(Cut::Body(bytes)), end: End::Close, ..self }
    }

    /// Closes the connection after `bytes` of the whole answer, its head included.
    #[must_use]
    pub fn cut_after(self, bytes: usize) -> Self {
        Self { cut: Some(Cut::Wire(bytes)), end: End::Close, ..self }
    }

    /// Closes the connection after a complete answer that did not announce it: a pooled connection goes stale.
    #[must_use]
    pub fn then_close(self) -> Self {
        Self { end: End::Close, ..self }
    }

    /// Resets the connection (no FIN) where it would have been closed or kept.
    #[must_use]
    pub fn then_reset(self) -> Self {
        Self { end: End::Reset, ..self }
    }

    fn with_body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    /// The head's bytes for an answer to `method`; `None` for the body when it has none on the wire.
    pub(super) fn head_bytes(&self, method: &str) -> (Vec<u8>, bool) {
        let (status, headers) = match &self.head {
            Head::Raw(bytes) => return (bytes.clone(), true),
            Head::Written { status, headers } => (*status, headers),
        };
        let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let framed = headers.iter().any(|(name, _)| {
            name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding")
        });
        let bodiless = status < 200 || status == 204 || status == 304;
        if !framed && !bodiless {
            match &self.body {
                Body::Sized(body) => head.push_str(&format!("content-length: {}\r\n", body.len())),
                Body::Chunked(_) | Body::Fed(_) | Body::Stall => {
                    head.push_str("transfer-encoding: chunked\r\n")
                }
                Body::UntilClose(_) | Body::Echo => {}
            }
        }
        head.push_str("\r\n");
        let has_body = method != "HEAD" && (!bodiless || matches!(self.body, Body::Echo));
        (head.into_bytes(), has_body)
    }
}

/// The test's end of a chunked answer.
#[derive(Debug)]
pub struct Feed {
    sender: UnboundedSender<Fed>,
}

impl Feed {
    /// Sends one chunk.
    pub fn chunk(&self, bytes: impl Into<Vec<u8>>) {
        self.send(Fed::Chunk(bytes.into()));
    }

    /// Sends bytes with no framing around them: half a chunk, or none.
    pub fn raw(&self, bytes: impl Into<Vec<u8>>) {
        self.send(Fed::Raw(bytes.into()));
    }

    /// Sends the last chunk: the proper end.
    pub fn finish(self) {
        self.send(Fed::Finish);
    }

    /// Resets the connection.
    pub fn reset(self) {
        self.send(Fed::Reset);
    }

    /// Closes the connection with no last chunk; the same as dropping it.
    pub fn cut(self) {}

    fn send(&self, fed: Fed) {
        // The connection may be gone already: that is for the test to find out by its log.
        drop(self.sender.send(fed));
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        204 => "No Content",
        302 => "Found",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Scripted",
    }
}
