use std::future::pending;
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::conditions::{Conditions, Direction};

/// The size of a read, in bytes.
const CHUNK_SIZE: usize = 16 * 1024;

/// Chunks in transit in each direction: the capacity of a delayed network.
const IN_TRANSIT: usize = 64;

/// Forwards one connection until it ends.
pub(super) async fn forward(
    mut client: TcpStream,
    upstream: u16,
    mut conditions: watch::Receiver<Conditions>,
) {
    let now = *conditions.borrow_and_update();
    if now == Conditions::Dropped {
        let over = conditions.wait_for(|conditions| *conditions != Conditions::Dropped);
        tokio::select! {
            () = discard(&mut client) => {}
            _ = over => {}
        }
        return reset(client);
    }
    if now == Conditions::Reset {
        return reset(client);
    }
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)).await else {
        return reset(client);
    };
    for stream in [&client, &server] {
        // Only avoids a delay of small packets.
        let _ = stream.set_nodelay(true);
    }
    let broken = {
        let lost = AtomicBool::new(false);
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let half = |direction| HalfConnection {
            direction,
            conditions: conditions.clone(),
            lost: &lost,
        };
        let (to_server_half, to_client_half) =
            (half(Direction::ToServer), half(Direction::ToClient));
        let both = async {
            tokio::try_join!(
                to_server_half.forward(from_client, to_server),
                to_client_half.forward(from_server, to_client)
            )
        };
        tokio::select! {
            ended = both => ended.is_err(),
            () = until_reset(conditions.clone(), &lost) => true,
        }
    };
    if broken {
        reset(client);
        reset(server);
    }
}

/// Reads and discards everything, the end of the stream too. Never returns.
async fn discard(stream: &mut TcpStream) {
    let mut buffer = vec![0; CHUNK_SIZE];
    while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
    pending::<()>().await;
}

/// Closes a connection by a reset.
#[expect(clippy::needless_pass_by_value, reason = "it is the drop that closes")]
fn reset(stream: TcpStream) {
    // Fails only if the connection is closed already.
    let _ = stream.set_zero_linger();
}

/// Returns when the conditions reset the connection.
async fn until_reset(mut conditions: watch::Receiver<Conditions>, lost: &AtomicBool) {
    let resets = |conditions: &Conditions| {
        *conditions == Conditions::Reset
            || (!conditions.drops_any() && lost.load(Ordering::Relaxed))
    };
    if conditions.wait_for(resets).await.is_err() {
        // The proxy has been dropped.
        pending::<()>().await;
    }
}

/// One direction of a connection.
struct HalfConnection<'a> {
    direction: Direction,
    conditions: watch::Receiver<Conditions>,
    /// Whether any bytes have been dropped, in either direction.
    lost: &'a AtomicBool,
}

/// Bytes in transit.
struct Chunk {
    due: Instant,
    bytes: Vec<u8>,
}

impl HalfConnection<'_> {
    async fn forward(&self, from: ReadHalf<'_>, to: WriteHalf<'_>) -> io::Result<()> {
        let (queue, chunks) = mpsc::channel(IN_TRANSIT);
        tokio::try_join!(self.read(from, queue), self.write(chunks, to))?;
        Ok(())
    }

    async fn read(&self, mut from: ReadHalf<'_>, queue: mpsc::Sender<Chunk>) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK_SIZE];
        loop {
            let read = from.read(&mut buffer).await;
            let conditions = self.now();
            if conditions.drops(self.direction) {
                self.lost.store(true, Ordering::Relaxed);
                match read {
                    Ok(n) if n > 0 => continue,
                    _ => pending().await,
                }
            }
            let n = read?;
            if n == 0 {
                return Ok(());
            }
            let chunk = Chunk {
                due: Instant::now() + conditions.delay(),
                bytes: buffer[..n].to_vec(),
            };
            if queue.send(chunk).await.is_err() {
                return Ok(());
            }
        }
    }

    async fn write(
        &self,
        mut chunks: mpsc::Receiver<Chunk>,
        mut to: WriteHalf<'_>,
    ) -> io::Result<()> {
        while let Some(chunk) = chunks.recv().await {
            sleep_until(chunk.due).await;
            let mut rest = chunk.bytes.as_slice();
            while !rest.is_empty() {
                let (piece, pause) = self.piece(rest);
                if !self.is_dropped() {
                    self.write_result(to.write_all(piece).await).await?;
                }
                rest = &rest[piece.len()..];
                sleep_until(Instant::now() + pause).await;
            }
        }
        if self.is_dropped() {
            pending::<()>().await;
        }
        self.write_result(to.shutdown().await).await
    }

    /// Returns the bytes to send now, and the time until the next ones may be sent.
    fn piece<'b>(&self, bytes: &'b [u8]) -> (&'b [u8], Duration) {
        let Conditions::Slow(rate) = self.now() else {
            return (bytes, Duration::ZERO);
        };
        let tenth = usize::try_from(rate / 10).unwrap_or(CHUNK_SIZE).max(1);
        let piece = &bytes[..bytes.len().min(tenth)];
        let millis = piece.len() * 100 / tenth;
        let pause = Duration::from_millis(u64::try_from(millis).unwrap_or(100));
        (piece, pause)
    }

    fn now(&self) -> Conditions {
        *self.conditions.borrow()
    }

    /// Returns whether bytes that arrive now are dropped. Records it if they are.
    fn is_dropped(&self) -> bool {
        let dropped = self.now().drops(self.direction);
        if dropped {
            self.lost.store(true, Ordering::Relaxed);
        }
        dropped
    }

    /// Handles a failed write: the receiver reports it in the opposite direction, which may drop the report.
    async fn write_result(&self, written: io::Result<()>) -> io::Result<()> {
        if written.is_err() && self.now().drops(self.direction.opposite()) {
            self.lost.store(true, Ordering::Relaxed);
            pending::<()>().await;
        }
        written
    }
}
