//! The connections that are still in the listener's backlog when the server stops.
//!
//! When a listener closes, the kernel resets the connections that have not been accepted, even if clients have
//! already sent requests on them. To avoid the resets, these connections are accepted and answered with 503.

use std::net::TcpListener;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

use crate::error::{ApiError, ErrorResponse};

/// How long a client may take to send its request and to read the response.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The maximum size of a request head, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// Accepts all connections in the backlog of `listener`, closes the listener, and then answers each connection
/// with 503 and `Connection: close`. The listener must be non-blocking and hold the last handle of its socket.
///
/// The listener closes before the first response, because a client may retry immediately: its new connection is
/// then refused, instead of accepted by the kernel and reset.
pub async fn answer_backlog(listener: TcpListener) {
    let mut streams = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        streams.push(stream);
    }
    drop(listener);
    let answering: JoinSet<_> = streams
        .into_iter()
        .map(|stream| timeout(TIMEOUT, answer(stream)))
        .collect();
    answering.join_all().await;
}

async fn answer(stream: std::net::TcpStream) -> std::io::Result<()> {
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream)?;
    // HTTP clients ignore a response that arrives before they have sent the request.
    let mut head = Vec::with_capacity(4096);
    while !has_end(&head) {
        if head.len() > MAX_HEAD || stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    stream.write_all(response().as_bytes()).await?;
    stream.shutdown().await?;
    // Closing with an unread body causes a reset, which may overtake the response (RFC 9112 §9.6).
    let mut unread = [0; 4096];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

fn has_end(head: &[u8]) -> bool {
    head.windows(4).any(|bytes| bytes == b"\r\n\r\n")
}

/// The complete HTTP response (RFC 9112 §6), with a body like that of any other error.
fn response() -> String {
    let error = ErrorResponse {
        error: ApiError::unavailable("shutting_down", "The service is stopping; try again", ""),
        request_id: Uuid::now_v7().to_string(),
        close: true,
    };
    let body = error.json();
    let (length, id) = (body.len(), &error.request_id);
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 2\r\n\
         x-request-id: {id}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[tokio::test]
    async fn a_connection_in_the_backlog_is_answered_and_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("non-blocking");
        let address = listener.local_addr().expect("an address");
        // The kernel accepts the connection and the request before the server does.
        let mut client = std::net::TcpStream::connect(address).expect("connected");
        client
            .write_all(b"POST /api/notifications HTTP/1.1\r\n\r\n")
            .expect("written");
        let reading = tokio::task::spawn_blocking(move || {
            let mut answer = String::new();
            client.read_to_string(&mut answer).map(|_| answer)
        });
        answer_backlog(listener).await;
        let answer = reading.await.expect("no panic").expect("no reset");
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["code"], "shutting_down");
    }
}
