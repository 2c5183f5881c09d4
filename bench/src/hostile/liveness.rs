use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, timeout};

/// How often `/live` is asked.
const INTERVAL: Duration = Duration::from_millis(250);

/// An answer that takes longer counts as this long.
const GIVE_UP: Duration = Duration::from_secs(30);

/// Asks `/live` on new connections, as an orchestrator does, until it is stopped.
pub struct LivenessProbe {
    slowest: watch::Receiver<Duration>,
    asking: JoinHandle<()>,
}

impl LivenessProbe {
    /// Starts to ask.
    pub fn start(api: SocketAddr) -> Self {
        let (sender, slowest) = watch::channel(Duration::ZERO);
        let asking = tokio::spawn(async move {
            let mut interval = interval(INTERVAL);
            loop {
                interval.tick().await;
                let began = Instant::now();
                let took = match timeout(GIVE_UP, is_live(api)).await {
                    Ok(Ok(true)) => began.elapsed(),
                    _ => GIVE_UP,
                };
                sender.send_modify(|slowest| *slowest = took.max(*slowest));
            }
        });
        Self { slowest, asking }
    }

    /// Stops. Returns the longest time from connecting to the answer, in seconds.
    pub fn stop(self) -> f64 {
        self.asking.abort();
        self.slowest.borrow().as_secs_f64()
    }
}

async fn is_live(api: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(api).await?;
    stream
        .write_all(b"GET /live HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200 "))
}
