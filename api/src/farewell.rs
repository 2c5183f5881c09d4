//! The last connections of a program that stops.
//!
//! When a listener closes, the kernel resets the connections that nobody has accepted yet, and with
//! them requests that clients may have written already. So they are accepted, and told to come
//! again.

use std::net::TcpListener;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

use crate::error::{ApiError, Rejection};

/// How long a client may take to send its request and to read its answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The longest request head that is read, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// Accepts what waits on `listener`, a non-blocking one and the last of its socket, until nothing
/// does, closes it, and answers each connection with 503 and `Connection: close`.
///
/// Closed before the first answer, because a client that is answered may be back at once: it then
/// finds nobody listening, instead of a connection that is about to be reset.
pub async fn say(listener: TcpListener) {
    let mut last = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        last.push(stream);
    }
    drop(listener);
    let answering: JoinSet<_> = last
        .into_iter()
        .map(|stream| timeout(PATIENCE, answer(stream)))
        .collect();
    answering.join_all().await;
}

async fn answer(stream: std::net::TcpStream) -> std::io::Result<()> {
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream)?;
    // An answer before its request would be no answer to it.
    let mut head = Vec::with_capacity(4096);
    while !has_end(&head) {
        if head.len() > MAX_HEAD || stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    stream.write_all(response().as_bytes()).await?;
    stream.shutdown().await?;
    // To close with a body unread would be a reset, which may overtake the answer (RFC 9112 §9.6);
    // so it is read, and dropped.
    let mut unread = [0; 4096];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

fn has_end(head: &[u8]) -> bool {
    head.windows(4).any(|bytes| bytes == b"\r\n\r\n")
}

/// The one shape of errors (RFC 9112 §6 for what is round it).
fn response() -> String {
    let rejection = Rejection {
        error: ApiError::unavailable("shutting_down", "The service is stopping; try again", ""),
        request_id: Uuid::now_v7().to_string(),
        close: true,
    };
    let body = rejection.body();
    let (length, id) = (body.len(), &rejection.request_id);
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
    async fn a_connection_that_nobody_accepted_is_answered_and_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("non-blocking");
        let address = listener.local_addr().expect("an address");
        // Accepted by the kernel already, with its request written, before anybody looks.
        let mut client = std::net::TcpStream::connect(address).expect("connected");
        client
            .write_all(b"POST /api/notifications HTTP/1.1\r\n\r\n")
            .expect("written");
        let reading = tokio::task::spawn_blocking(move || {
            let mut answer = String::new();
            client.read_to_string(&mut answer).map(|_| answer)
        });
        say(listener).await;
        let answer = reading.await.expect("no panic").expect("no reset");
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["code"], "shutting_down");
    }
}
