use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// The default of `MAX_BATCH_BODY_BYTES`.
const LARGEST_BODY: usize = 8 << 20;

/// Long responses that a deaf client asks for.
const LONG_RESPONSES: usize = 16;

/// The pause between two bytes of a slow client, between two bodies of a large one, and before any connects again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long all clients may take to connect.
const CONNECTING: Duration = Duration::from_secs(30);

/// How many hostile clients there are of each kind, each with one connection.
#[derive(Clone, Copy, Debug)]
pub struct HostileClients {
    /// They send nothing.
    pub silent: usize,
    /// They ask for long responses and read nothing.
    pub deaf: usize,
    /// They send a byte a second: half of them a request head, half of them a body.
    pub slow: usize,
    /// They send a body of the largest size each second.
    pub large: usize,
}

/// The clients, until the value is dropped.
pub struct RunningClients {
    clients: JoinSet<()>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    opened: AtomicU64,
    open: AtomicU64,
}

/// An open connection, counted until the value is dropped.
struct Open(Arc<Counters>);

#[derive(Clone, Copy, Debug)]
enum Kind {
    Silent,
    Deaf,
    SlowHead,
    SlowBody,
    Large,
}

impl HostileClients {
    /// Starts the clients, and waits until all of them have connected once, at most 30 s.
    pub async fn start(self, api: SocketAddr, token: &str) -> RunningClients {
        let kinds = [
            (Kind::Silent, self.silent),
            (Kind::Deaf, self.deaf),
            (Kind::SlowHead, self.slow / 2),
            (Kind::SlowBody, self.slow - self.slow / 2),
            (Kind::Large, self.large),
        ];
        let counters = Arc::<Counters>::default();
        let token: Arc<str> = token.into();
        let large: Arc<[u8]> = large_request(&token).into();
        let mut clients = JoinSet::new();
        let mut total = 0;
        for (kind, count) in kinds {
            total += count as u64;
            for _ in 0..count {
                let client = Client {
                    api,
                    kind,
                    token: Arc::clone(&token),
                    large: Arc::clone(&large),
                    counters: Arc::clone(&counters),
                };
                clients.spawn(client.run());
            }
        }
        let began = Instant::now();
        while counters.opened.load(Ordering::Relaxed) < total && began.elapsed() < CONNECTING {
            sleep(Duration::from_millis(50)).await;
        }
        RunningClients { clients, counters }
    }
}

impl RunningClients {
    /// How many connections are open.
    pub fn open(&self) -> u64 {
        self.counters.open.load(Ordering::Relaxed)
    }

    /// Stops. Returns how many connections were opened.
    pub fn stop(self) -> u64 {
        drop(self.clients);
        self.counters.opened.load(Ordering::Relaxed)
    }
}

impl Open {
    fn count(counters: &Arc<Counters>) -> Self {
        counters.opened.fetch_add(1, Ordering::Relaxed);
        counters.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counters))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Client {
    api: SocketAddr,
    kind: Kind,
    token: Arc<str>,
    large: Arc<[u8]>,
    counters: Arc<Counters>,
}

impl Client {
    /// Opens one connection after the other. The API may end each of them at any time.
    async fn run(self) {
        loop {
            let _ = self.connection().await;
            sleep(PAUSE).await;
        }
    }

    async fn connection(&self) -> io::Result<()> {
        let socket = TcpSocket::new_v4()?;
        if matches!(self.kind, Kind::Deaf) {
            // So that the kernel takes little of what the client does not read.
            socket.set_recv_buffer_size(4096)?;
        }
        let mut stream = socket.connect(self.api).await?;
        let _open = Open::count(&self.counters);
        match self.kind {
            Kind::Silent => read_to_end(&mut stream).await,
            Kind::Deaf => {
                let request = format!(
                    "GET /api/notifications?limit=200 HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\n\r\n",
                    self.token
                );
                stream
                    .write_all(request.repeat(LONG_RESPONSES).as_bytes())
                    .await?;
                stream.ready(Interest::ERROR).await.map(drop)
            }
            Kind::SlowHead => drip(&mut stream, post_head(&self.token, 10_000).as_bytes()).await,
            Kind::SlowBody => {
                stream
                    .write_all(post_head(&self.token, 10_000).as_bytes())
                    .await?;
                drip(&mut stream, &[b' '; 10_000]).await
            }
            Kind::Large => loop {
                stream.write_all(&self.large).await?;
                let mut answer = vec![0; 65_536];
                if stream.read(&mut answer).await? == 0 {
                    return Ok(());
                }
                sleep(PAUSE).await;
            },
        }
    }
}

/// Sends a byte a second until the API ends the connection.
async fn drip(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        if let Ok(ended) = timeout(PAUSE, read_to_end(stream)).await {
            return ended;
        }
    }
    Ok(())
}

async fn read_to_end(stream: &mut TcpStream) -> io::Result<()> {
    let mut bytes = [0; 1024];
    while stream.read(&mut bytes).await? > 0 {}
    Ok(())
}

fn post_head(token: &str, length: usize) -> String {
    format!(
        "POST /api/notifications/batch HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// A batch of the largest size, in which one notification is too large.
fn large_request(token: &str) -> Vec<u8> {
    let (begin, end) = (r#"{"notifications":[{"payload":{"text":""#, r#""}}]}"#);
    let filler = "x".repeat(LARGEST_BODY - begin.len() - end.len());
    [&post_head(token, LARGEST_BODY), begin, &filler, end]
        .concat()
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_large_body_has_the_announced_size_and_is_json() {
        let request = String::from_utf8(large_request("t")).expect("UTF-8");
        let (_, body) = request.split_once("\r\n\r\n").expect("a body");
        assert_eq!(body.len(), LARGEST_BODY);
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
}
