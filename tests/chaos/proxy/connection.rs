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

use super::weather::{Direction, Weather};

/// What is read at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// Chunks on their way, each direction: what a delayed network holds.
const ON_THE_WAY: usize = 64;

/// One connection, from its opening to its end.
pub(super) async fn carry(
    mut client: TcpStream,
    upstream: u16,
    mut forecast: watch::Receiver<Weather>,
) {
    let now = *forecast.borrow_and_update();
    if now == Weather::Dropped {
        let over = forecast.wait_for(|weather| *weather != Weather::Dropped);
        tokio::select! {
            () = swallow(&mut client) => {}
            _ = over => {}
        }
        return reset(client);
    }
    if now == Weather::Reset {
        return reset(client);
    }
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)).await else {
        return reset(client);
    };
    for stream in [&client, &server] {
        // Only small packets would come later; nothing breaks without it.
        let _ = stream.set_nodelay(true);
    }
    let broken = {
        let lost = AtomicBool::new(false);
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let way = |direction| Way {
            direction,
            weather: forecast.clone(),
            lost: &lost,
        };
        let (there, back) = (way(Direction::There), way(Direction::Back));
        let both = async {
            tokio::try_join!(
                there.carry(from_client, to_server),
                back.carry(from_server, to_client)
            )
        };
        tokio::select! {
            ended = both => ended.is_err(),
            () = breaking(forecast.clone(), &lost) => true,
        }
    };
    if broken {
        reset(client);
        reset(server);
    }
}

/// Reads for ever; the end is swallowed too.
async fn swallow(stream: &mut TcpStream) {
    let mut buffer = vec![0; CHUNK];
    while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
    pending::<()>().await;
}

/// Closes a connection with a reset instead of an end.
#[expect(clippy::needless_pass_by_value, reason = "it is the drop that closes")]
fn reset(stream: TcpStream) {
    // Where it is dead already, so be it.
    let _ = stream.set_zero_linger();
}

/// Ends when the weather breaks the connection.
async fn breaking(mut forecast: watch::Receiver<Weather>, lost: &AtomicBool) {
    let breaks = |weather: &Weather| {
        *weather == Weather::Reset || (!weather.swallows_any() && lost.load(Ordering::Relaxed))
    };
    if forecast.wait_for(breaks).await.is_err() {
        // The proxy is gone.
        pending::<()>().await;
    }
}

/// One direction of a connection.
struct Way<'a> {
    direction: Direction,
    weather: watch::Receiver<Weather>,
    /// Whether anything has vanished, on either way.
    lost: &'a AtomicBool,
}

/// Bytes on their way.
struct Chunk {
    due: Instant,
    bytes: Vec<u8>,
}

impl Way<'_> {
    async fn carry(&self, from: ReadHalf<'_>, to: WriteHalf<'_>) -> io::Result<()> {
        let (queue, chunks) = mpsc::channel(ON_THE_WAY);
        tokio::try_join!(self.read(from, queue), self.write(chunks, to))?;
        Ok(())
    }

    async fn read(&self, mut from: ReadHalf<'_>, queue: mpsc::Sender<Chunk>) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = from.read(&mut buffer).await;
            let weather = self.now();
            if weather.swallows(self.direction) {
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
                due: Instant::now() + weather.delay(),
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
                if !self.vanishes() {
                    self.told(to.write_all(piece).await).await?;
                }
                rest = &rest[piece.len()..];
                sleep_until(Instant::now() + pause).await;
            }
        }
        if self.vanishes() {
            pending::<()>().await;
        }
        self.told(to.shutdown().await).await
    }

    /// What goes at once, and how long the next piece waits.
    fn piece<'b>(&self, bytes: &'b [u8]) -> (&'b [u8], Duration) {
        let Weather::Slow(rate) = self.now() else {
            return (bytes, Duration::ZERO);
        };
        let tenth = usize::try_from(rate / 10).unwrap_or(CHUNK).max(1);
        let piece = &bytes[..bytes.len().min(tenth)];
        let millis = piece.len() * 100 / tenth;
        let pause = Duration::from_millis(u64::try_from(millis).unwrap_or(100));
        (piece, pause)
    }

    fn now(&self) -> Weather {
        *self.weather.borrow()
    }

    /// Whether what is about to arrive vanishes instead, which is noted.
    fn vanishes(&self) -> bool {
        let vanishes = self.now().swallows(self.direction);
        if vanishes {
            self.lost.store(true, Ordering::Relaxed);
        }
        vanishes
    }

    /// That a write failed was said by the other side, on the opposite way: there it may vanish.
    async fn told(&self, written: io::Result<()>) -> io::Result<()> {
        if written.is_err() && self.now().swallows(self.direction.opposite()) {
            self.lost.store(true, Ordering::Relaxed);
            pending::<()>().await;
        }
        written
    }
}
