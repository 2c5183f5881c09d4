//! Clients of streams.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, ensure};
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Incoming;
use jiff::Timestamp;
use tidings_domain::notification::{MessageId, UserId};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::load::{ApiEndpoint, HttpConnection, message_ids};

/// How many streams are being opened at the same time.
const OPENING: usize = 64;

/// Open streams, until the value is dropped.
pub struct Streams {
    received: Arc<Received>,
    /// They end with the streams.
    _readers: JoinSet<()>,
}

/// What all streams have received.
#[derive(Debug, Default)]
struct Received {
    notifications: Mutex<Vec<ReceivedNotification>>,
    resets: AtomicU64,
    ended: AtomicU64,
}

/// A notification that has reached a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceivedNotification {
    /// The message id.
    pub id: MessageId,
    /// When it arrived, in microseconds since 1970.
    pub at: i64,
    /// `processedAt`, the same.
    pub processed: Option<i64>,
}

impl Streams {
    /// Opens a stream of each user. Each of them has begun then.
    ///
    /// # Errors
    ///
    /// Returns an error if the API refuses one.
    pub async fn open(api: SocketAddr, token: &str, users: &[UserId]) -> anyhow::Result<Self> {
        let target = ApiEndpoint::new(api, "/api/inbox/stream", token)?;
        let (received, places) = (
            Arc::<Received>::default(),
            Arc::new(Semaphore::new(OPENING)),
        );
        let mut opening = JoinSet::new();
        for user in users {
            let (target, user, places) = (target.clone(), *user, Arc::clone(&places));
            opening.spawn(async move {
                let _place = places.acquire_owned().await?;
                open(&target, user).await
            });
        }
        let mut readers = JoinSet::new();
        while let Some(opened) = opening.join_next().await {
            let stream = opened?.context("a stream cannot be opened")?;
            readers.spawn(read(stream, Arc::clone(&received)));
        }
        Ok(Self {
            received,
            _readers: readers,
        })
    }

    /// How many notifications have arrived, with those that came twice.
    pub fn count(&self) -> u64 {
        self.received.lock().len() as u64
    }

    /// Takes the notifications that have arrived.
    pub fn take(&self) -> Vec<ReceivedNotification> {
        std::mem::take(&mut *self.received.lock())
    }

    /// How often a stream was told to read the list again.
    pub fn resets(&self) -> u64 {
        self.received.resets.load(Ordering::Relaxed)
    }

    /// How many streams have ended.
    pub fn ended(&self) -> u64 {
        self.received.ended.load(Ordering::Relaxed)
    }
}

impl Received {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<ReceivedNotification>> {
        let locked = self.notifications.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }

    fn block(&self, block: &str) {
        match block.lines().next() {
            Some("event: notification") => {
                let at = Timestamp::now().as_microsecond();
                if let Some(id) = message_ids(block.as_bytes()).next() {
                    let processed = processed_at(block);
                    self.lock().push(ReceivedNotification { id, at, processed });
                }
            }
            Some("event: reset") => {
                self.resets.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

/// An open stream.
struct OpenStream {
    body: Incoming,
    _connection: HttpConnection,
}

/// Waits until a stream has begun.
async fn open(target: &ApiEndpoint, user: UserId) -> anyhow::Result<OpenStream> {
    let mut connection = HttpConnection::open(target).await?;
    let path = format!("/api/inbox/stream?userId={user}");
    let response = connection.get(&path).await?;
    let status = response.status();
    ensure!(status == StatusCode::OK, "the API answered {status}");
    let mut body = response.into_body();
    let first = body.frame().await.context("the stream has ended")??;
    let first = first.into_data().ok().context("no data")?;
    ensure!(
        first.starts_with(b"retry: "),
        "the stream begins with {first:?}"
    );
    Ok(OpenStream {
        body,
        _connection: connection,
    })
}

/// Reads a stream to its end.
async fn read(mut stream: OpenStream, received: Arc<Received>) {
    let mut unread = Vec::new();
    while let Some(Ok(frame)) = stream.body.frame().await {
        let Ok(data) = frame.into_data() else {
            continue;
        };
        unread.extend_from_slice(&data);
        let mut rest = unread.as_slice();
        while let Some(end) = rest.windows(2).position(|two| two == b"\n\n") {
            if let Ok(block) = str::from_utf8(&rest[..end]) {
                received.block(block);
            }
            rest = &rest[end + 2..];
        }
        unread = rest.to_vec();
    }
    received.ended.fetch_add(1, Ordering::Relaxed);
}

/// Searches the text instead of parsing it, because the clients must cost the machine as little as possible.
fn processed_at(block: &str) -> Option<i64> {
    let (_, rest) = block.split_once(r#""processedAt":""#)?;
    let (time, _) = rest.split_once('"')?;
    let time: Timestamp = time.parse().ok()?;
    Some(time.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_apart() {
        let received = Received::default();
        let id = "01a1fc0f-8107-7763-99ca-73f63a645574";
        for block in [
            "retry: 4000",
            ": keep-alive",
            "event: counts\ndata: {\"unread\":1,\"capped\":false}",
            &format!(
                "event: notification\nid: AQ\ndata: {{\"messageId\":\"{id}\",\"processedAt\":\"1970-01-01T00:00:01.5Z\"}}"
            ),
            "event: reset\ndata: {}",
        ] {
            received.block(block);
        }
        let found = received.lock().clone();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id.to_string(), id);
        assert_eq!(found[0].processed, Some(1_500_000));
        assert_eq!(received.resets.load(Ordering::Relaxed), 1);
    }
}
