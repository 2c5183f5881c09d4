//! The connections that are still in the listener's backlog when the server stops.
//!
//! When a listener closes, the kernel resets the connections that have not been accepted, even if clients have
//! already sent requests on them. To avoid the resets, these connections are accepted and answered with 503.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::ResponseError;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use uuid::Uuid;

use crate::cors::{AllowedOrigins, CorsHeaders};
use crate::error::{ApiError, ErrorResponse};

/// How long a client may take to send its request and to read the response.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The maximum size of a request head, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// Accepts all connections in the backlog of `listener`, closes the listener, and then answers each connection
/// with 503 and `Connection: close`. Pages of `origins` may read the response. The listener must be non-blocking and hold the last handle of its socket.
///
/// The listener closes before the first response, because a client may retry immediately: its new connection is
/// then refused, instead of accepted by the kernel and reset.
pub async fn answer_backlog(listener: TcpListener, origins: &AllowedOrigins) {
    let mut streams = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        streams.push(stream);
    }
    drop(listener);
    let answering = streams
        .into_iter()
        .map(|stream| timeout(TIMEOUT, answer(stream, origins)));
    join_all(answering).await;
}

async fn answer(stream: std::net::TcpStream, origins: &AllowedOrigins) -> std::io::Result<()> {
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream)?;
    // HTTP clients ignore a response that arrives before they have sent the request.
    let mut head = Vec::with_capacity(4096);
    while !has_end(&head) {
        if head.len() > MAX_HEAD || stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let cors = origin(&head).map(|origin| CorsHeaders::for_origin(origins, origin));
    let response = response(cors.unwrap_or_default());
    stream.write_all(&response).await?;
    stream.shutdown().await?;
    // Closing with an unread body causes a reset, which may overtake the response (RFC 9112 §9.6).
    let mut unread = [0; 4096];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

fn has_end(head: &[u8]) -> bool {
    head.windows(4).any(|bytes| bytes == b"\r\n\r\n")
}

/// The value of the header `Origin`.
fn origin(head: &[u8]) -> Option<&str> {
    let lines = std::str::from_utf8(head).ok()?.lines();
    let mut fields = lines.filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(name, _)| name.eq_ignore_ascii_case("origin"))?;
    Some(value.trim())
}

/// The complete HTTP response (RFC 9112 §6), with the headers and the body of any other error.
fn response(cors: CorsHeaders) -> Vec<u8> {
    let error = ErrorResponse {
        error: ApiError::unavailable("shutting_down", "The service is stopping; try again", ""),
        request_id: Uuid::now_v7().to_string(),
        close: true,
        cors,
        rate_limit: None,
    };
    let body = error.json();
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    let mut response = head.into_bytes();
    for (name, value) in error.error_response().headers() {
        response.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    response.extend_from_slice(b"\r\n");
    response.extend_from_slice(body.as_bytes());
    response
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
            .write_all(b"POST /api/notifications HTTP/1.1\r\norigin: https://a.example\r\n\r\n")
            .expect("written");
        let reading = tokio::task::spawn_blocking(move || {
            let mut answer = String::new();
            client.read_to_string(&mut answer).map(|_| answer)
        });
        let origins = AllowedOrigins::Listed(vec!["https://a.example".to_owned()]);
        answer_backlog(listener, &origins).await;
        let answer = reading.await.expect("no panic").expect("no reset");
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
        for header in [
            "retry-after: 2",
            "x-content-type-options: nosniff",
            "access-control-allow-origin: https://a.example",
        ] {
            assert!(head.contains(header), "{header}: {head}");
        }
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["code"], "shutting_down");
    }
}
