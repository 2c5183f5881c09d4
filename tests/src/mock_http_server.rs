use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::poll::{eventually_ok, secs};
use crate::response::{Manner, Response};

/// A request that reached a [`MockHttpServer`].
#[derive(Clone, Debug)]
pub struct Received {
    /// When the request was complete.
    pub at: Instant,
    /// Such as `POST`.
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// Returns a header field's value, or an empty text if it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|v| v.to_str().ok());
        value.unwrap_or_default()
    }

    /// Returns the body as JSON, or `null` if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// An HTTP server on a free port of 127.0.0.1 that stores its requests and sends configured responses: a webhook
/// receiver or a provider's API.
pub struct MockHttpServer {
    shared: Arc<ServerState>,
    address: SocketAddr,
    serving: Option<JoinHandle<()>>,
    /// Has the port while nobody listens.
    held: Option<TcpSocket>,
}

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

struct ServerState {
    answer: Box<dyn Fn(&Received) -> Response + Send + Sync>,
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
    open_connections: AtomicUsize,
    cut_short: AtomicUsize,
}

impl MockHttpServer {
    /// Starts a server that responds with the result of `answer`.
    pub async fn start(answer: impl Fn(&Received) -> Response + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", answer).await
    }

    /// Starts a server like [`Self::start`] on a free port of all addresses of this machine, so that it can be many
    /// hosts: 127.0.0.1, 127.0.0.2 and so on.
    pub async fn start_everywhere(
        answer: impl Fn(&Received) -> Response + Send + Sync + 'static,
    ) -> Self {
        Self::start_at("0.0.0.0:0", answer).await
    }

    async fn start_at(
        address: &str,
        answer: impl Fn(&Received) -> Response + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let mut receiver = Self {
            shared: Arc::new(ServerState {
                answer: Box::new(answer),
                received: Mutex::default(),
                connections: AtomicUsize::new(0),
                open_connections: AtomicUsize::new(0),
                cut_short: AtomicUsize::new(0),
            }),
            address: listener.local_addr().expect("an address"),
            serving: None,
            held: None,
        };
        receiver.serve(listener);
        receiver
    }

    fn serve(&mut self, listener: TcpListener) {
        let shared = Arc::clone(&self.shared);
        self.serving = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::Relaxed);
                shared.open_connections.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    shared.converse(stream).await;
                    shared.open_connections.fetch_sub(1, Ordering::Relaxed);
                });
                while connections.try_join_next().is_some() {}
            }
        }));
    }

    /// Refuses and closes all connections. Keeps the received requests, and the port: otherwise another test would get it, and
    /// answer in the place of this server.
    pub async fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            // The error is the cancellation.
            let _ = serving.await;
            let address = self.address;
            let bind = async || {
                let socket = TcpSocket::new_v4()?;
                // Connections that have ended are no obstacle.
                socket.set_reuseaddr(true)?;
                socket.bind(address)?;
                std::io::Result::Ok(socket)
            };
            self.held = Some(eventually_ok(secs(20), "the port is free again", bind).await);
        }
    }

    /// Listens on the same port again.
    pub async fn start_again(&mut self) {
        self.stop().await;
        if let Some(socket) = self.held.take() {
            self.serve(socket.listen(BACKLOG).expect("the port is held"));
        }
    }

    /// Returns `127.0.0.1:<port>`.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Returns the port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns `http://127.0.0.1:<port>` followed by `path`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns all requests so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.shared.received.lock().expect("not poisoned").clone()
    }

    /// Returns the number of requests so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.received.lock().expect("not poisoned").len()
    }

    /// Waits for `n` requests.
    pub async fn until_received(&self, limit: Duration, n: usize) {
        eventually_ok(limit, "requests arrive", async || match self.count() {
            count if count >= n => Ok(()),
            count => Err(format!("{count} of {n}")),
        })
        .await;
    }

    /// Returns the number of connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Returns the number of connections that are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.open_connections.load(Ordering::Relaxed)
    }

    /// Returns the number of responses that the client did not read completely.
    #[must_use]
    pub fn cut_short(&self) -> usize {
        self.shared.cut_short.load(Ordering::Relaxed)
    }
}

impl Drop for MockHttpServer {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

impl ServerState {
    /// Responds to requests until the client or a response closes the connection.
    async fn converse(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Some(request) = read(&mut stream).await {
            let answer = (self.answer)(&request);
            self.received.lock().expect("not poisoned").push(request);
            let continues = match answer.manner {
                Manner::Whole => stream.write_all(&answer.bytes()).await.is_ok(),
                Manner::After(delay) => {
                    // Simulates a slow receiver. The test does not wait here.
                    let never = std::future::pending::<()>();
                    let _ = tokio::time::timeout(delay, never).await;
                    stream.write_all(&answer.bytes()).await.is_ok()
                }
                Manner::Close => return,
                Manner::Silence => return until_closed(&mut stream).await,
                Manner::HeadAlone => {
                    let _ = stream.write_all(&answer.head()).await;
                    return until_closed(&mut stream).await;
                }
                Manner::Slow => send_slowly(&mut stream, &answer).await,
                Manner::Raw => {
                    let _ = stream.write_all(&answer.body).await;
                    let _ = stream.shutdown().await;
                    return;
                }
            };
            if !continues {
                self.cut_short.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }
}

/// Writes the body byte by byte. Returns whether the client read all of it.
async fn send_slowly(stream: &mut BufReader<TcpStream>, answer: &Response) -> bool {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    if stream.write_all(&answer.head()).await.is_err() {
        return false;
    }
    for byte in &answer.body {
        tick.tick().await;
        if stream.write_all(&[*byte]).await.is_err() {
            return false;
        }
    }
    true
}

async fn until_closed(stream: &mut BufReader<TcpStream>) {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
}

/// Reads one request. Returns `None` if the connection ends or the request is not HTTP/1.1.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let first = line(stream).await?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    words.next().filter(|version| *version == "HTTP/1.1")?;
    let mut headers = HeaderMap::new();
    loop {
        let line = line(stream).await?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_str(value.trim()).ok()?);
    }
    let length = match headers.get("content-length") {
        Some(length) => length.to_str().ok()?.parse().ok()?,
        // The programs send no chunked bodies.
        None if headers.contains_key("transfer-encoding") => return None,
        None => 0,
    };
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let at = Instant::now();
    Some(Received {
        at,
        method,
        path,
        headers,
        body,
    })
}

async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}
