//! The load generator: posts notifications over keep-alive connections and records every response.

mod bodies;
mod connection;
mod destinations;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use hyper::StatusCode;
use indicatif::ProgressBar;
use jiff::Timestamp;
use tidings_domain::notification::MessageId;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

pub use bodies::{PayloadKind, RequestBodies};
pub use connection::{ApiEndpoint, HttpConnection, get, is_ready};
pub use destinations::{WebhookUrls, destination_of};

use crate::latency::Latencies;

/// What to post, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct LoadPlan {
    /// Number of notifications.
    pub count: u64,
    /// Number of connections, each with one request at a time.
    pub connections: usize,
    /// Notifications per request. More than 1 use the batch endpoint.
    pub batch: u64,
    /// Notifications per second (open loop). `None`: each connection posts as soon as it has a response
    /// (closed loop).
    pub rate: Option<f64>,
}

/// A notification that the API accepted.
#[derive(Clone, Copy, Debug)]
pub struct AcceptedNotification {
    /// The message id.
    pub id: MessageId,
    /// When its request was due, in microseconds since 1970.
    pub began: i64,
}

/// The responses to a load.
#[derive(Debug, Default)]
pub struct PostedLoad {
    /// The accepted notifications.
    pub accepted: Vec<AcceptedNotification>,
    /// Number of notifications with any other response.
    pub refused: u64,
    /// Number of notifications in requests without a response. The API may have accepted them.
    pub unanswered: u64,
    /// From when a request was due to its response.
    pub latencies: Latencies,
    /// When the first request began, in microseconds since 1970.
    pub began: i64,
    /// From the first request to the last response.
    pub took: Duration,
}

/// State that all connections share.
struct LoadState {
    load: LoadPlan,
    bodies: RequestBodies,
    next: AtomicU64,
    start: Instant,
    /// `start` on the wall clock, in microseconds since 1970, like the timestamps of rows.
    start_micros: i64,
    progress: ProgressBar,
}

impl LoadPlan {
    /// Posts the load.
    ///
    /// With a rate, each request is due at a fixed time, and its latency counts from then even if no
    /// connection was free (no coordinated omission).
    ///
    /// # Errors
    ///
    /// Returns an error if the API refuses a connection at the start.
    pub async fn post(
        self,
        target: &ApiEndpoint,
        bodies: RequestBodies,
        progress: &ProgressBar,
    ) -> anyhow::Result<PostedLoad> {
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            connections.push(HttpConnection::open(target).await?);
        }
        let shared = Arc::new(LoadState {
            load: self,
            bodies,
            next: AtomicU64::new(0),
            start: Instant::now(),
            start_micros: Timestamp::now().as_microsecond(),
            progress: progress.clone(),
        });
        let mut clients = JoinSet::new();
        for connection in connections {
            let (target, shared) = (target.clone(), Arc::clone(&shared));
            clients.spawn(async move { shared.client(connection, &target).await });
        }
        let mut posted = PostedLoad {
            began: shared.start_micros,
            ..PostedLoad::default()
        };
        while let Some(done) = clients.join_next().await {
            posted.add(done?);
        }
        posted.took = shared.start.elapsed();
        Ok(posted)
    }
}

impl LoadState {
    /// Posts over one connection until everything is posted. Replaces a connection that fails.
    async fn client(&self, mut connection: HttpConnection, target: &ApiEndpoint) -> PostedLoad {
        let mut posted = PostedLoad::default();
        while let Some(numbers) = self.take() {
            let due = self.due(&numbers);
            tokio::time::sleep_until(due).await;
            // In a closed loop a request is due when it is sent.
            let began = if self.load.rate.is_some() {
                due
            } else {
                Instant::now()
            };
            let response = connection.post(self.body(&numbers)).await;
            posted.latencies.record(began.elapsed());
            let micros = (began - self.start).as_micros();
            let began = self.start_micros + i64::try_from(micros).unwrap_or(0);
            let size = numbers.end - numbers.start;
            if let Ok((status, body)) = response {
                posted.answered(size, began, status, &body);
            } else {
                posted.unanswered += size;
                let Ok(another) = HttpConnection::open(target).await else {
                    // The API has stopped. The other connections find out by themselves.
                    break;
                };
                connection = another;
            }
            self.progress.inc(size);
        }
        posted
    }

    fn take(&self) -> Option<Range<u64>> {
        let first = self.next.fetch_add(self.load.batch, Ordering::Relaxed);
        let end = (first + self.load.batch).min(self.load.count);
        (first < end).then_some(first..end)
    }

    #[expect(clippy::cast_precision_loss, reason = "a time to the microsecond")]
    fn due(&self, numbers: &Range<u64>) -> Instant {
        let after = self
            .load
            .rate
            .map_or(0.0, |rate| numbers.start as f64 / rate);
        self.start + Duration::from_secs_f64(after)
    }

    fn body(&self, numbers: &Range<u64>) -> Bytes {
        if self.load.batch == 1 {
            self.bodies.single(numbers.start)
        } else {
            self.bodies.batch(numbers.clone())
        }
    }
}

impl PostedLoad {
    fn add(&mut self, other: Self) {
        self.accepted.extend(other.accepted);
        self.refused += other.refused;
        self.unanswered += other.unanswered;
        self.latencies.add(other.latencies);
    }

    fn answered(&mut self, size: u64, began: i64, status: StatusCode, body: &[u8]) {
        let before = self.accepted.len();
        if status == StatusCode::ACCEPTED || status == StatusCode::MULTI_STATUS {
            let ids = message_ids(body).map(|id| AcceptedNotification { id, began });
            self.accepted.extend(ids);
        }
        let accepted = (self.accepted.len() - before) as u64;
        self.refused += size.saturating_sub(accepted);
    }
}

/// Posts one notification over `connection`.
///
/// # Errors
///
/// Returns an error if the API does not accept it.
pub async fn post_one(
    connection: &mut HttpConnection,
    body: Bytes,
) -> anyhow::Result<AcceptedNotification> {
    let began = Timestamp::now().as_microsecond();
    let (status, response) = connection.post(body).await?;
    let id = message_ids(&response).next();
    let id = id.with_context(|| format!("the API answered {status}"))?;
    Ok(AcceptedNotification { id, began })
}

/// The message ids in a response. Searches the text instead of parsing it, because the load generator must
/// cost the machine as little as possible.
pub fn message_ids(body: &[u8]) -> impl Iterator<Item = MessageId> {
    const NAME: &[u8] = br#""messageId":""#;
    let text = std::str::from_utf8(body).unwrap_or_default();
    let name = std::str::from_utf8(NAME).unwrap_or_default();
    text.split(name).skip(1).filter_map(|rest| {
        let id = Uuid::try_parse(rest.get(..36)?).ok()?;
        Some(id.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_are_found_in_a_response() {
        let id = "01a1fc0f-8107-7763-99ca-73f63a645574";
        let one = format!(r#"{{"messageId":"{id}","status":"queued"}}"#);
        let found: Vec<_> = message_ids(one.as_bytes()).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), id);
        assert_eq!(message_ids(br#"{"error":"x"}"#).count(), 0);
        assert_eq!(message_ids(br#"{"messageId":"short"#).count(), 0);
    }

    #[test]
    fn notifications_without_a_message_id_count_as_refused() {
        let mut posted = PostedLoad::default();
        posted.answered(1, 0, StatusCode::SERVICE_UNAVAILABLE, b"{}");
        let id = "01a1fc0f-8107-7763-99ca-73f63a645574";
        let two = format!(r#"[{{"messageId":"{id}"}},{{"error":{{}}}}]"#);
        posted.answered(2, 5, StatusCode::MULTI_STATUS, two.as_bytes());
        assert_eq!((posted.refused, posted.accepted.len()), (2, 1));
        assert_eq!(posted.accepted[0].began, 5);
    }
}
