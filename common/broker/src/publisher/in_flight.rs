use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Histogram, histogram};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::message_limit::MessageLimit;
use super::request::Request;
use crate::frame_size::header_frame_size;
use crate::message::Outgoing;
use crate::publish_error::PublishError;

/// The messages of one connection that wait for their confirms.
pub(super) struct InFlight {
    /// By number, in the order in which they were published. A map, because one queue may confirm nothing while others
    /// confirm: its size is the number of unconfirmed messages, which `PUBLISH_MAX_IN_FLIGHT` limits.
    waiting: BTreeMap<u64, Waiting>,
    /// The number of the next message.
    next: u64,
    /// Every message below this number is confirmed or counted as late.
    not_late: u64,
    confirm_duration: Histogram,
}

impl Default for InFlight {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            next: 0,
            not_late: 0,
            confirm_duration: histogram!("tidings_publish_confirm_duration_seconds"),
        }
    }
}

struct Waiting {
    reply: oneshot::Sender<Result<(), PublishError>>,
    _permit: OwnedSemaphorePermit,
    since: Instant,
}

impl InFlight {
    /// Registers a message. Returns its number and the message to publish, or `None` if its headers are too large
    /// for a frame of this connection, or its body for the broker.
    pub(super) fn begin(
        &mut self,
        request: Request,
        frame_max: usize,
        limit: MessageLimit,
    ) -> Option<(u64, Outgoing)> {
        let Request {
            message,
            reply,
            permit,
            batch: _,
        } = request;
        if header_frame_size(&message.properties) > frame_max || limit.excludes(message.body.len())
        {
            let _ = reply.send(Err(PublishError::TooLarge));
            return None;
        }
        let number = self.next;
        self.next += 1;
        let waiting = Waiting {
            reply,
            _permit: permit,
            since: Instant::now(),
        };
        self.waiting.insert(number, waiting);
        Some((number, message))
    }

    /// Reports the result of a message to its publisher. Returns whether it came in time.
    pub(super) fn settle(&mut self, number: u64, result: Result<(), PublishError>) -> bool {
        if let Some(waiting) = self.waiting.remove(&number) {
            self.confirm_duration.record(waiting.since.elapsed());
            let _ = waiting.reply.send(result);
        }
        number >= self.not_late
    }

    /// How many messages have become late since the last call. Publishers that went away cannot count
    /// their own.
    pub(super) fn count_late(&mut self, now: Instant, limit: Duration) -> usize {
        let unseen = self.waiting.range(self.not_late..);
        let late = unseen.take_while(|(_, waiting)| now.duration_since(waiting.since) >= limit);
        let (count, last) = late.fold((0, None), |(count, _), (number, _)| {
            (count + 1, Some(*number))
        });
        if let Some(last) = last {
            self.not_late = last + 1;
        }
        count
    }

    /// Reports to all publishers that no confirm will come.
    pub(super) fn fail(&mut self, reason: &str) {
        for waiting in std::mem::take(&mut self.waiting).into_values() {
            let _ = waiting
                .reply
                .send(Err(PublishError::Lost(reason.to_owned())));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lapin::BasicProperties;
    use lapin::types::{AMQPValue, FieldTable};
    use tokio::sync::{Semaphore, oneshot::Receiver};
    use tokio::time::advance;

    use super::*;

    const FRAME_MAX: usize = 131_072;
    const LIMIT: Duration = Duration::from_secs(5);

    struct Publishes {
        permits: Arc<Semaphore>,
        in_flight: InFlight,
    }

    impl Publishes {
        fn new() -> Self {
            Self {
                permits: Arc::new(Semaphore::new(10)),
                in_flight: InFlight::default(),
            }
        }

        /// Registers a message with these properties. Returns its number, if it has one, and its result.
        fn begin(
            &mut self,
            properties: BasicProperties,
        ) -> (Option<u64>, Receiver<Result<(), PublishError>>) {
            let (reply, result) = oneshot::channel();
            let permit = Arc::clone(&self.permits).try_acquire_owned();
            let message = Outgoing {
                exchange: "e".into(),
                routing_key: "k".into(),
                properties,
                body: Vec::new().into(),
                trace: None,
            };
            let request = Request {
                message,
                reply,
                permit: permit.expect("a permit"),
                batch: None,
            };
            let begun = self
                .in_flight
                .begin(request, FRAME_MAX, MessageLimit::default());
            (begun.map(|(number, _)| number), result)
        }

        fn begin_small(&mut self) -> (u64, Receiver<Result<(), PublishError>>) {
            let (number, result) = self.begin(BasicProperties::default());
            (number.expect("a number"), result)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_confirm_reaches_its_own_publisher_and_releases_its_permit() {
        let mut publishes = Publishes::new();
        let (first, mut first_result) = publishes.begin_small();
        let (second, mut second_result) = publishes.begin_small();
        assert_eq!(publishes.permits.available_permits(), 8);
        assert!(
            publishes
                .in_flight
                .settle(second, Err(PublishError::Refused))
        );
        assert_eq!(second_result.try_recv(), Ok(Err(PublishError::Refused)));
        assert!(first_result.try_recv().is_err(), "not confirmed yet");
        assert!(publishes.in_flight.settle(first, Ok(())));
        assert_eq!(first_result.try_recv(), Ok(Ok(())));
        assert_eq!(publishes.permits.available_permits(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn each_late_message_is_counted_once_even_if_its_publisher_is_gone() {
        let mut publishes = Publishes::new();
        let (late, result) = publishes.begin_small();
        drop(result);
        let (confirmed, _result) = publishes.begin_small();
        publishes.in_flight.settle(confirmed, Ok(()));
        advance(LIMIT).await;
        let (in_time, _result) = publishes.begin_small();
        let mut count = || publishes.in_flight.count_late(Instant::now(), LIMIT);
        assert_eq!((count(), count()), (1, 0));
        assert!(!publishes.in_flight.settle(late, Ok(())), "too late");
        assert!(publishes.in_flight.settle(in_time, Ok(())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_without_a_confirm_does_not_retain_the_confirmed_ones_after_it() {
        let mut publishes = Publishes::new();
        let (_, _unconfirmed) = publishes.begin_small();
        for _ in 0..1000 {
            let (number, _result) = publishes.begin_small();
            publishes.in_flight.settle(number, Ok(()));
        }
        assert_eq!(publishes.in_flight.waiting.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_connection_fails_every_publish() {
        let mut publishes = Publishes::new();
        let (_, mut result) = publishes.begin_small();
        publishes.in_flight.fail("closed");
        let lost = PublishError::Lost("closed".to_owned());
        assert_eq!(result.try_recv(), Ok(Err(lost)));
        assert_eq!(publishes.permits.available_permits(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_whose_properties_exceed_a_frame_is_refused() {
        let mut publishes = Publishes::new();
        let mut headers = FieldTable::default();
        let value = AMQPValue::LongString("x".repeat(FRAME_MAX).into());
        headers.insert("x".into(), value);
        let large = BasicProperties::default().with_headers(headers);
        let (number, mut result) = publishes.begin(large);
        assert_eq!(number, None);
        assert_eq!(result.try_recv(), Ok(Err(PublishError::TooLarge)));
        assert_eq!(publishes.permits.available_permits(), 10);
    }
}
