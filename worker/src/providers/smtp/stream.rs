use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::reply_lines::ReplyLines;

/// Number of bytes read at once.
const CHUNK: usize = 4096;

/// A connection whose replies lettre can parse: see [`ReplyLines`].
#[derive(Debug)]
pub(super) struct ReplyStream<S> {
    stream: S,
    peer: SocketAddr,
    lines: ReplyLines,
    /// The part of a reply that has not been read yet.
    pending: Vec<u8>,
}

impl<S> ReplyStream<S> {
    /// Wraps `stream`, which is connected to `peer`. `first` is a reply that was read before and is read again.
    pub(super) fn new(stream: S, peer: SocketAddr, first: Option<String>) -> Self {
        let mut lines = ReplyLines::default();
        if let Some(reply) = first {
            lines.push_reply(reply);
        }
        Self {
            stream,
            peer,
            lines,
            pending: Vec::new(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReplyStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.pending.is_empty() {
            if let Some(reply) = this.lines.next_reply() {
                this.pending = reply.into_bytes();
                break;
            }
            let mut chunk = [0; CHUNK];
            let mut chunk = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut chunk))?;
            if chunk.filled().is_empty() {
                // The end of the connection: a reply that is not complete is lost.
                return Poll::Ready(Ok(()));
            }
            this.lines.push(chunk.filled());
        }
        let length = this.pending.len().min(buffer.remaining());
        let read: Vec<u8> = this.pending.drain(..length).collect();
        buffer.put_slice(&read);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReplyStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug> AsyncTokioStream
    for ReplyStream<S>
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
