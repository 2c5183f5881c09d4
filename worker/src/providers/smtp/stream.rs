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
///
/// Nothing can be written while a reply waits to be read. Such a reply belongs to no command: a server may send its
/// verdict on a message late, or a farewell to an idle connection. lettre would take it for the reply to the command
/// that is about to be written, and so the verdict on one message for the verdict on the next.
#[derive(Debug)]
pub(super) struct ReplyStream<S> {
    stream: S,
    peer: SocketAddr,
    lines: ReplyLines,
    /// The part of a reply that has not been read yet.
    pending: Vec<u8>,
    /// Whether a message is being written: the last reply that was read is 354.
    in_message: bool,
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
            in_message: false,
        }
    }

    /// Makes the next complete reply the one to be read.
    fn start_reply(&mut self) -> bool {
        let Some(reply) = self.lines.next_reply() else {
            return false;
        };
        self.in_message = reply.starts_with("354");
        self.pending = reply.into_bytes();
        true
    }
}

impl<S: AsyncRead + Unpin> ReplyStream<S> {
    /// Reads until a reply is complete or the connection ends.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.lines.peek().is_none() {
            let mut chunk = [0; CHUNK];
            let mut chunk = ReadBuf::new(&mut chunk);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut chunk));
            if read.is_err() || chunk.filled().is_empty() {
                self.lines.end();
                return Poll::Ready(read);
            }
            self.lines.push(chunk.filled());
        }
        Poll::Ready(Ok(()))
    }

    /// Fails if the server has sent anything that no command asked for. While a message is being written, a refusal
    /// (4yz or 5yz) concerns this message and is read after it.
    fn check_in_step(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        // The next read or write reports the end of the connection.
        let _ = self.poll_fill(context);
        let is_refusal = |reply: &str| reply.starts_with(['4', '5']);
        let in_step = match self.lines.peek() {
            _ if !self.pending.is_empty() => false,
            Some(reply) => self.in_message && is_refusal(reply),
            None => self.lines.is_empty() || self.in_message,
        };
        if in_step {
            Ok(())
        } else {
            Err(io::Error::other("the server replied to no command"))
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
        if this.pending.is_empty() {
            let filled = ready!(this.poll_fill(context));
            // A reply that arrived before the connection ended is read first.
            if !this.start_reply() {
                return Poll::Ready(filled);
            }
        }
        let length = this.pending.len().min(buffer.remaining());
        let read: Vec<u8> = this.pending.drain(..length).collect();
        buffer.put_slice(&read);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ReplyStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_in_step(context)?;
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
