//! The byte stream of a connection: TCP, or TLS over TCP.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A byte stream over TCP.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    /// Ends the stream. Returns the bytes that the socket still has to send for that.
    fn end(&mut self) -> Vec<u8>;

    /// Returns the socket.
    fn socket(&mut self) -> &mut TcpStream;
}

impl Stream for TcpStream {
    fn end(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn socket(&mut self) -> &mut TcpStream {
        self
    }
}

#[cfg(feature = "net")]
impl Stream for tokio_rustls::server::TlsStream<TcpStream> {
    /// Returns the alert `close_notify` (RFC 8446, section 6.1).
    fn end(&mut self) -> Vec<u8> {
        let (_, session) = self.get_mut();
        session.send_close_notify();
        let mut alert = Vec::new();
        // This does not fail, because a `Vec` takes all bytes.
        while session.wants_write() && session.write_tls(&mut alert).is_ok_and(|count| count > 0) {}
        alert
    }

    fn socket(&mut self) -> &mut TcpStream {
        self.get_mut().0
    }
}

/// A stream that its user cannot close. hyper closes a stream after the answer, but the host closes it by itself: see
/// `delivery`.
pub(super) struct Unclosed<'a, S>(pub(super) &'a mut S);

impl<S: Stream> AsyncRead for Unclosed<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(cx, buffer)
    }
}

impl<S: Stream> AsyncWrite for Unclosed<'_, S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}
