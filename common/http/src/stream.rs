use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::connection::{Connection, End, Phase};
use crate::connection_table::Place;
use crate::framework_error::FrameworkError;

/// Creates the JSON body of an error that the framework answers by itself.
pub(crate) type ErrorBody = fn(FrameworkError) -> String;

/// A TCP connection that tells its [`Connection`] what it waits for, and ends when that says so.
#[derive(Debug)]
pub(crate) struct BoundedStream {
    tcp: TcpStream,
    connection: Rc<Connection>,
    error_body: ErrorBody,
    /// Replaces an error of the framework.
    refusal: Option<Refusal>,
    _place: Place,
}

/// A response of our own that ends the connection.
#[derive(Debug)]
struct Refusal {
    response: Vec<u8>,
    written: usize,
    is_shut_down: bool,
}

impl BoundedStream {
    pub(crate) const fn new(
        tcp: TcpStream,
        connection: Rc<Connection>,
        place: Place,
        error_body: ErrorBody,
    ) -> Self {
        Self {
            tcp,
            connection,
            error_body,
            refusal: None,
            _place: place,
        }
    }

    pub(crate) const fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    /// Ends reading on a connection that the table has ended.
    fn end_reading(&self, end: End) -> io::Result<()> {
        match end {
            End::Close => Ok(()),
            End::SlowHead => {
                let error = FrameworkError::SlowHead;
                let response = error.response(&(self.error_body)(error));
                // The client has read its earlier responses, so the socket takes everything at once.
                let _ = self.tcp.try_write(&response);
                Ok(())
            }
            End::Abort => Err(self.abort()),
        }
    }

    /// Lets the kernel discard what the client has not read.
    fn abort(&self) -> io::Error {
        let _ = self.tcp.set_zero_linger();
        io::ErrorKind::TimedOut.into()
    }

    /// Writes the refusal, then reads until the client closes the connection: if a socket closes with unread bytes,
    /// the reset may overtake the response (RFC 9112 §9.6).
    fn poll_refuse(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(refusal) = &mut self.refusal else {
            return Poll::Ready(Ok(()));
        };
        while refusal.written < refusal.response.len() {
            let rest = &refusal.response[refusal.written..];
            let written = ready!(Pin::new(&mut self.tcp).poll_write(cx, rest))?;
            refusal.written += written;
        }
        if !refusal.is_shut_down {
            ready!(Pin::new(&mut self.tcp).poll_shutdown(cx))?;
            refusal.is_shut_down = true;
        }
        let mut bytes = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncRead for BoundedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Nothing read is the end of the stream, which the framework does not log.
        if let Some(end) = self.connection.ended() {
            return Poll::Ready(self.end_reading(end));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut self.tcp).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) => {
                if buffer.filled().len() > before {
                    self.connection.received();
                } else if self.connection.phase() == Phase::Stream {
                    // The framework would write until a write fails.
                    return Poll::Ready(Err(self.abort()));
                }
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                self.connection.wake_by(cx.waker());
                Poll::Pending
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }
}

impl AsyncWrite for BoundedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.connection.ended().is_some() {
            return Poll::Ready(Err(self.abort()));
        }
        let this = &mut *self;
        let mut bytes = bytes;
        if let Some((start, error)) = FrameworkError::find(bytes) {
            if start == 0 {
                if this.refusal.is_none() {
                    this.connection.enter(Phase::Closing);
                    this.refusal = Some(Refusal {
                        response: error.response(&(this.error_body)(error)),
                        written: 0,
                        is_shut_down: false,
                    });
                }
                let refused = this.poll_refuse(cx);
                if refused.is_pending() {
                    this.connection.wake_by(cx.waker());
                }
                return refused.map_ok(|()| bytes.len());
            }
            bytes = &bytes[..start];
        }
        match Pin::new(&mut this.tcp).poll_write(cx, bytes) {
            Poll::Ready(Ok(written)) => {
                this.connection.sent(written, written == bytes.len());
                Poll::Ready(Ok(written))
            }
            Poll::Pending => {
                this.connection.blocked(cx.waker());
                Poll::Pending
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
