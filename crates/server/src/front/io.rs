//! A client's transport: TCP, plain or under TLS.

use bytes::BufMut;
use socket2::SockRef;
use std::io::{IoSlice, Result};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A client's transport.
pub(super) enum Io {
    /// Plain.
    Tcp(TcpStream),
    /// Under TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Io {
    pub(super) const fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Ready when a read is worth a buffer. Under TLS only the read itself can tell.
    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        match self {
            Self::Tcp(tcp) => tcp.poll_read_ready(cx),
            Self::Tls(_) => Poll::Ready(Ok(())),
        }
    }

    /// Reads into the room `into` has, growing it only when it has none.
    pub(super) fn poll_read_into(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut impl BufMut,
    ) -> Poll<Result<usize>> {
        // The future holds no state between polls, so a new one each time loses nothing.
        match self {
            Self::Tcp(tcp) => pin!(tcp.read_buf(into)).poll(cx),
            Self::Tls(tls) => pin!(tls.read_buf(into)).poll(cx),
        }
    }

    /// Makes the close that follows a reset: what was not sent is thrown away, and no end is told.
    pub(super) fn reset_on_close(&self) {
        let tcp = match self {
            Self::Tcp(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        };
        // A socket that is already dead needs no reset.
        let _dead = SockRef::from(tcp).set_linger(Some(Duration::ZERO));
    }

    fn write_half(&mut self) -> Pin<&mut dyn Duplex> {
        match self {
            Self::Tcp(tcp) => Pin::new(tcp),
            Self::Tls(tls) => Pin::new(&mut **tls),
        }
    }

    /// Writes slices in one call; also sees to it that nothing stays in TLS's own buffer.
    pub(super) fn poll_write_slices(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        match (&mut *self, slices) {
            (Self::Tcp(tcp), [one]) => Pin::new(tcp).poll_write(cx, one),
            (Self::Tcp(tcp), _) => Pin::new(tcp).poll_write_vectored(cx, slices),
            (Self::Tls(tls), _) => Pin::new(&mut **tls).poll_write_vectored(cx, slices),
        }
    }
}

/// Both directions, for hyper and for what is written once per connection.
trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

impl AsyncRead for Io {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        self.write_half().poll_read(cx, buf)
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        self.write_half().poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        match &mut *self {
            Self::Tcp(_) => Poll::Ready(Ok(())),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.write_half().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.poll_write_slices(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

/// A transport whose first bytes have been read already.
pub(super) struct Rewound {
    read: bytes::BytesMut,
    io: Io,
}

impl Rewound {
    pub(super) const fn new(read: bytes::BytesMut, io: Io) -> Self {
        Self { read, io }
    }
}

impl AsyncRead for Rewound {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let count = self.read.len().min(buf.remaining());
        buf.put_slice(&self.read.split_to(count));
        if self.read.is_empty() {
            self.read = bytes::BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.io.poll_write_slices(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
