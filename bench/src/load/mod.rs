//! The load generator: posts notifications over keep-alive connections and remembers every answer.

mod body;
mod connection;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use indicatif::ProgressBar;
use jiff::Timestamp;
use tidings_domain::notification::MessageId;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

pub use body::Bodies;
pub use connection::{Connection, Target, is_ready};

use crate::latency::Latencies;

/// How a load is posted.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Notifications in all.
    pub count: u64,
    /// Connections, each with one request under way at a time.
    pub connections: usize,
    /// Notifications a request: 1 to the endpoint for one, more to that for many.
    pub batch: u64,
    /// Notifications a second (open loop); without it each connection posts as soon as it was answered
    /// (closed loop).
    pub rate: Option<f64>,
}

/// A notification that was answered with 202.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// Its message id.
    pub id: MessageId,
    /// When its request was begun, or should have been, in microseconds since 1970.
    pub began: i64,
}

/// What became of a load.
#[derive(Debug, Default)]
pub struct Posted {
    /// Those that were accepted.
    pub accepted: Vec<Accepted>,
    /// Notifications that were answered with anything else.
    pub refused: u64,
    /// Notifications of requests without an answer: they may have been taken or not.
    pub unanswered: u64,
    /// From the time that a request was due to its answer.
    pub latencies: Latencies,
    /// When the first request was begun, in microseconds since 1970.
    pub began: i64,
    /// From the first request to the last answer.
    pub took: Duration,
}

/// What all connections share.
struct Shared {
    load: Load,
    bodies: Bodies,
    next: AtomicU64,
    start: Instant,
    /// `start` on the clock that rows are stamped by.
    start_micros: i64,
    progress: ProgressBar,
}

impl Load {
    /// Posts it.
    ///
    /// With a rate a request has a time at which it is due, and its latency counts from then even where
    /// no connection was free (no coordinated omission).
    ///
    /// # Errors
    ///
    /// Where the API does not answer at the start.
    pub async fn post(
        self,
        target: &Target,
        bodies: Bodies,
        progress: &ProgressBar,
    ) -> anyhow::Result<Posted> {
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            connections.push(Connection::open(target).await?);
        }
        let shared = Arc::new(Shared {
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
        let mut posted = Posted {
            began: shared.start_micros,
            ..Posted::default()
        };
        while let Some(done) = clients.join_next().await {
            posted.add(done?);
        }
        posted.took = shared.start.elapsed();
        Ok(posted)
    }
}

impl Shared {
    /// Posts over one connection until everything is posted; one that dies is replaced.
    async fn client(&self, mut connection: Connection, target: &Target) -> Posted {
        let mut posted = Posted::default();
        while let Some(numbers) = self.take() {
            let due = self.due(&numbers);
            tokio::time::sleep_until(due).await;
            // In a closed loop a request is due when it is sent.
            let began = if self.load.rate.is_some() {
                due
            } else {
                Instant::now()
            };
            let answer = connection.post(self.body(&numbers)).await;
            posted.latencies.note(began.elapsed());
            let micros = (began - self.start).as_micros();
            let began = self.start_micros + i64::try_from(micros).unwrap_or(0);
            let size = numbers.end - numbers.start;
            if let Ok((status, body)) = answer {
                posted.answered(size, began, status, &body);
            } else {
                posted.unanswered += size;
                let Ok(another) = Connection::open(target).await else {
                    // The API is gone: what this connection would have posted, others try.
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

impl Posted {
    fn add(&mut self, other: Self) {
        self.accepted.extend(other.accepted);
        self.refused += other.refused;
        self.unanswered += other.unanswered;
        self.latencies.add(other.latencies);
    }

    fn answered(&mut self, size: u64, began: i64, status: StatusCode, body: &[u8]) {
        let before = self.accepted.len();
        if status == StatusCode::ACCEPTED || status == StatusCode::MULTI_STATUS {
            let ids = message_ids(body).map(|id| Accepted { id, began });
            self.accepted.extend(ids);
        }
        let accepted = (self.accepted.len() - before) as u64;
        self.refused += size.saturating_sub(accepted);
    }
}

/// The message ids in an answer. Looked for, not parsed: the load must cost the machine as little as
/// can be.
fn message_ids(body: &[u8]) -> impl Iterator<Item = MessageId> {
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
    fn an_answer_gives_its_message_ids() {
        let id = "01a1fc0f-8107-7763-99ca-73f63a645574";
        let one = format!(r#"{{"messageId":"{id}","status":"queued"}}"#);
        let found: Vec<_> = message_ids(one.as_bytes()).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), id);
        assert_eq!(message_ids(br#"{"error":"x"}"#).count(), 0);
        assert_eq!(message_ids(br#"{"messageId":"short"#).count(), 0);
    }

    #[test]
    fn what_was_not_accepted_was_refused() {
        let mut posted = Posted::default();
        posted.answered(1, 0, StatusCode::SERVICE_UNAVAILABLE, b"{}");
        let id = "01a1fc0f-8107-7763-99ca-73f63a645574";
        let two = format!(r#"[{{"messageId":"{id}"}},{{"error":{{}}}}]"#);
        posted.answered(2, 5, StatusCode::MULTI_STATUS, two.as_bytes());
        assert_eq!((posted.refused, posted.accepted.len()), (2, 1));
        assert_eq!(posted.accepted[0].began, 5);
    }
}
