//! The server with real connections. Only the limits under test are short.

use std::net::TcpListener;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::web;
use actix_web::{App, HttpResponse};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::{ByteBudget, Limits, ServerOptions, serve, short_responses};

/// Far more than any event needs.
const LONG: Duration = Duration::from_mins(1);

fn limits() -> Limits {
    Limits {
        max_connections: 1000,
        idle_timeout: LONG,
        head_timeout: LONG,
        response_timeout: LONG,
        response_bytes: ByteBudget::new(1 << 20),
    }
}

/// A response without end. Reports its drop, that is the end of its connection.
struct Endless(Option<oneshot::Sender<()>>);

impl futures_util::Stream for Endless {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Ok(Bytes::from(vec![b' '; 65536]))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        if let Some(dropped) = self.0.take() {
            let _ = dropped.send(());
        }
    }
}

/// Less than what Linux takes for a connection by itself: up to 4 MB (`tcp_wmem`).
const LONG_RESPONSE: usize = 1 << 21;

/// Starts a server. Returns its port, and a receiver of the end of the connection that asked for `/endless`.
fn start(limits: Limits) -> (u16, oneshot::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (dropped, ended) = oneshot::channel();
    let dropped = Arc::new(Mutex::new(Some(dropped)));
    let options = ServerOptions {
        limits,
        threads: Some(1),
        shutdown_timeout: Duration::from_secs(1),
        error_body: |error| format!("{{\"error\":\"{}\"}}", error.status()),
    };
    let server = serve(listener, options, move || {
        let dropped = Arc::clone(&dropped);
        let endless = move || {
            let dropped = dropped.lock().expect("no panic").take();
            async move { HttpResponse::Ok().streaming(Endless(dropped)) }
        };
        App::new()
            .wrap(from_fn(short_responses))
            .route("/", web::get().to(|| async { "fine" }))
            .route("/endless", web::get().to(endless))
            .route(
                "/long",
                web::get().to(|| async { vec![b' '; LONG_RESPONSE] }),
            )
    });
    tokio::spawn(server.expect("a server"));
    (port, ended)
}

async fn connect(port: u16) -> TcpStream {
    let connecting = TcpStream::connect(("127.0.0.1", port));
    connecting.await.expect("a connection")
}

/// Sends bytes and reads until the server closes the connection.
async fn exchange(port: u16, bytes: &[u8]) -> String {
    let mut stream = connect(port).await;
    stream.write_all(bytes).await.expect("written");
    read_to_end(&mut stream).await
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    let reading = timeout(LONG, stream.read_to_string(&mut answer));
    reading.await.expect("in time").expect("no reset");
    answer
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// Sends a request and reads its response, on a connection that stays open.
async fn get(stream: &mut TcpStream) {
    stream.write_all(GET).await.expect("written");
    let mut answer = Vec::new();
    while !answer.ends_with(b"fine") {
        let read = timeout(LONG, stream.read_buf(&mut answer)).await;
        assert_ne!(read.expect("in time").expect("read"), 0, "closed");
    }
}

#[tokio::test]
async fn a_request_that_is_not_http_is_refused_with_a_body() {
    let (port, _) = start(limits());
    let answer = exchange(port, b"nonsense\r\n\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("\r\nx-content-type-options: nosniff\r\n"),
        "{answer}"
    );
    assert!(
        answer.ends_with("{\"error\":\"400 Bad Request\"}"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_refused_request_after_others_does_not_replace_their_responses() {
    let (port, _) = start(limits());
    let answer = exchange(port, &[GET, GET, b"nonsense\r\n\r\n"].concat()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert!(
        answer.ends_with("{\"error\":\"400 Bad Request\"}"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_with_a_body() {
    let (port, _) = start(limits());
    // More than the server reads, so that it closes a socket with unread bytes.
    let large = "x".repeat(400_000);
    let request = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Large: {large}\r\n\r\n");
    let answer = exchange(port, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert!(answer.ends_with("\"}"), "{answer}");
}

#[tokio::test]
async fn a_slow_head_is_refused_on_a_new_and_on_a_used_connection() {
    let (port, _) = start(Limits {
        head_timeout: Duration::from_millis(500),
        ..limits()
    });
    let mut new = connect(port).await;
    new.write_all(b"GET / HT").await.expect("written");
    let mut used = connect(port).await;
    get(&mut used).await;
    used.write_all(b"GET / HT").await.expect("written");
    for stream in [&mut new, &mut used] {
        let answer = read_to_end(stream).await;
        assert!(
            answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
            "{answer}"
        );
        assert!(
            answer.ends_with("{\"error\":\"408 Request Timeout\"}"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_silent_connection_is_closed_without_a_response() {
    let (port, _) = start(Limits {
        idle_timeout: Duration::from_millis(500),
        ..limits()
    });
    let mut silent = connect(port).await;
    assert_eq!(read_to_end(&mut silent).await, "");
}

#[tokio::test]
async fn silent_connections_give_way_to_new_ones() {
    let (port, _) = start(Limits {
        max_connections: 64,
        ..limits()
    });
    let mut good = connect(port).await;
    get(&mut good).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(connect(port).await);
        // Used last, so never the one that has waited longest.
        get(&mut good).await;
    }
    get(&mut connect(port).await).await;
    assert_eq!(read_to_end(&mut silent[0]).await, "");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected() {
    let (port, ended) = start(Limits {
        response_timeout: Duration::from_millis(500),
        ..limits()
    });
    let mut deaf = connect(port).await;
    let request = b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n";
    deaf.write_all(request).await.expect("written");
    let ended = timeout(LONG, ended).await;
    ended.expect("in time").expect("the response is dropped");
}

#[tokio::test]
async fn a_long_response_that_is_not_read_is_not_taken_by_the_kernel() {
    let (port, _) = start(Limits {
        response_timeout: Duration::from_millis(500),
        response_bytes: ByteBudget::new(2 * LONG_RESPONSE),
        ..limits()
    });
    let mut deaf = connect(port).await;
    let request = b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n";
    deaf.write_all(request).await.expect("written");
    let reset = timeout(LONG, deaf.ready(Interest::ERROR)).await;
    reset.expect("in time").expect("the connection is reset");
}
