//! The intake stage: records notifications, and publishes those that need delivery to the queue of their
//! channel.

mod record;
mod spans;

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use futures_util::future::try_join_all;
use metrics::counter;
use tidings_broker::{
    Envelope, Failure, MessageFactory, Publisher, WaitKey, WaitsFor, WakePublisher,
};
use tidings_db::dead_letters::WhereRow;
use tidings_db::{Database, DbError, notifications};
use tidings_domain::notification::{
    Channel, DeliveredChannel, DeliveryKind, DeliveryRequest, MessageId, Notification, Status,
};
use tidings_domain::time::Timezone;
use tidings_domain::trace::TraceContext;

use tidings_runtime::statistics::events;

use crate::consumer::{BatchProcessor, MessageOutcome, Place, ProcessError};
use crate::dead_letters;
use crate::delivery::wait_key;
use record::{RecordResult, record};

/// The intake stage.
pub struct Intake {
    database: Database,
    publisher: Publisher,
    message_factory: MessageFactory,
    wakes: WakePublisher,
    default_timezone: Timezone,
}

impl Intake {
    /// Records in `database`, publishes with `publisher`, and announces new in-app notifications by `wakes`.
    /// `default_timezone` is that of users who have set none.
    #[must_use]
    pub fn new(
        database: Database,
        publisher: Publisher,
        message_factory: MessageFactory,
        wakes: WakePublisher,
        default_timezone: Timezone,
    ) -> Self {
        // Registers the counters, so that they are exported as 0 before the first message.
        counter!("tidings_intake_recorded_total").absolute(0);
        counter!("tidings_intake_duplicates_total").absolute(0);
        Self {
            database,
            publisher,
            message_factory,
            wakes,
            default_timezone,
        }
    }

    /// Tells the streams of the users for whom the batch has recorded in-app notifications, which are committed now.
    fn wake(&self, notifications: &[&Notification], results: &HashMap<MessageId, RecordResult>) {
        let is_visible = |notification: &&&Notification| {
            let result = results.get(&notification.message_id);
            matches!(result, Some(RecordResult::Recorded(row)) if row.is_visible_in_app())
        };
        let visible = notifications.iter().filter(is_visible);
        self.wakes.wake(visible.filter_map(|one| one.user_id));
    }

    /// Returns the outcome of a message, and the channel to whose queue the notification must be published, if
    /// any.
    async fn outcome(
        &self,
        notification: &Notification,
        result: RecordResult,
    ) -> Result<(MessageOutcome, Option<DeliveredChannel>), DbError> {
        // The row decides, not the message: of two requests with the same idempotency key, the first one counts.
        let (status, channel) = match result {
            RecordResult::Failed(outcome) => return Ok((outcome, None)),
            RecordResult::Recorded(row) | RecordResult::Existed(row) => (row.status, row.channel),
        };
        match status {
            Status::Failed => {
                let detail =
                    "the notification has failed before; replay its dead letter".to_owned();
                Ok((
                    MessageOutcome::DeadLetter(Failure::new("already_failed", detail)),
                    None,
                ))
            }
            Status::Pending | Status::Retrying if let Some(channel) = channel.delivered() => {
                Ok((MessageOutcome::Done, Some(channel)))
            }
            Status::Pending => {
                if !matches!(result, RecordResult::Recorded(_)) {
                    self.process_replayed(notification.message_id).await?;
                    self.wakes.wake(notification.user_id);
                }
                Ok((MessageOutcome::Done, None))
            }
            // A scheduled notification belongs to the scheduler, also as an item of a digest.
            _ => Ok((MessageOutcome::Done, None)),
        }
    }

    /// Completes an in-app notification that was replayed, whose row is pending.
    async fn process_replayed(&self, id: MessageId) -> Result<(), DbError> {
        let is_processed = self
            .database
            .run(async |client| notifications::mark_processed(client, id).await)
            .await?;
        if is_processed {
            events::delivered(Channel::InApp, None);
        }
        Ok(())
    }

    /// Publishes each id to the queue of its channel, all concurrently, with the id of its request.
    async fn publish_deliveries(
        &self,
        deliveries: HashMap<MessageId, PendingDelivery<'_>>,
    ) -> Result<(), ProcessError> {
        let publishing = deliveries.into_iter().map(|(message_id, delivery)| {
            let request = DeliveryRequest {
                message_id,
                kind: delivery.kind,
            };
            let message = self
                .message_factory
                .delivery(delivery.channel, request, delivery.request_id)
                .in_trace(delivery.trace.cloned());
            self.publisher.publish(match delivery.wait_key {
                Some(key) => message.waiting_for(&WaitsFor::key(key)),
                None => message,
            })
        });
        let published = try_join_all(publishing).await;
        published
            .map(drop)
            .map_err(|error| ProcessError::Environment(error.to_string()))
    }
}

/// A recorded notification that must be published to the queue of its channel.
struct PendingDelivery<'a> {
    channel: DeliveredChannel,
    kind: DeliveryKind,
    request_id: Option<&'a str>,
    trace: Option<&'a TraceContext>,
    wait_key: Option<WaitKey>,
}

impl BatchProcessor for Intake {
    async fn process(
        &self,
        batch: &[Envelope],
        _: &Place,
    ) -> Result<Vec<MessageOutcome>, ProcessError> {
        let decoded: Vec<_> = batch.iter().map(decode).collect();
        // A notification that is in the batch more than once is recorded once.
        let mut seen = HashSet::new();
        let unique: Vec<&Notification> = decoded
            .iter()
            .flatten()
            .filter(|notification| seen.insert(notification.message_id))
            .collect();
        let batch_span = spans::begin(batch, &unique);
        let start = Instant::now();
        let results = record(&self.database, unique.clone(), &self.default_timezone).await;
        let results = results.inspect_err(|_| batch_span.fail("unavailable"))?;
        spans::record(&batch_span, start, &unique, &results);
        self.wake(&unique, &results);

        let mut outcomes = Vec::with_capacity(batch.len());
        let mut to_deliver = HashMap::new();
        for (message, decoded) in batch.iter().zip(&decoded) {
            let notification = match decoded {
                Ok(notification) => notification,
                Err(failure) => {
                    outcomes.push(MessageOutcome::DeadLetter(failure.clone()));
                    continue;
                }
            };
            let id = notification.message_id;
            let first_time = seen.remove(&id);
            // Never missing. If it were, a retry would be harmless.
            let result = results.get(&id).cloned().unwrap_or_else(|| {
                let detail = "the notification has no result in its batch".to_owned();
                RecordResult::Failed(MessageOutcome::Retry(Failure::new("left_out", detail)))
            });
            let result = result.of_message(notification);
            count(message, notification, &result, first_time);
            // The row of an earlier message can have another payload.
            let is_new = matches!(result, RecordResult::Recorded(_));
            let (outcome, channel) = self.outcome(notification, result).await?;
            to_deliver.extend(channel.map(|channel| {
                let delivery = PendingDelivery {
                    channel,
                    kind: DeliveryKind::of(
                        notification.user_id.is_some(),
                        notification.category.is_some(),
                    ),
                    request_id: message.request_id(),
                    trace: notification.trace.as_ref(),
                    wait_key: wait_key(notification).filter(|_| is_new),
                };
                (id, delivery)
            }));
            outcomes.push(outcome);
        }
        self.publish_deliveries(to_deliver).await?;
        Ok(outcomes)
    }

    fn channel_of(&self, message: &Envelope) -> Option<Channel> {
        decode(message)
            .ok()
            .map(|notification| notification.channel)
    }

    async fn record_dead_letter(
        &self,
        message: &Envelope,
        failure: &Failure,
    ) -> Result<(), ProcessError> {
        // A body that cannot be decoded refers to no row, and a reused key to the row of another request.
        let decoded = decode(message).ok();
        let own_row = decoded.filter(|_| failure.reason != Failure::IDEMPOTENCY_KEY_REUSED);
        let Some(notification) = own_row else {
            dead_letters::record_without_row(&self.database, message, None, failure).await?;
            return Ok(());
        };
        let (id, fingerprint) = (notification.message_id, notification.fingerprint);
        let (reason, error) = (failure.reason, failure.text());
        let is_marked = self
            .database
            .run(async |client| {
                notifications::mark_request_failed(client, id, fingerprint, reason, &error).await
            })
            .await?;
        if is_marked {
            events::failed(Some(notification.channel), reason);
        } else {
            let row = WhereRow { id, fingerprint };
            dead_letters::record_unless_row(&self.database, message, failure, row).await?;
        }
        Ok(())
    }

    async fn servers_respond(&self) -> bool {
        self.database.ping().await.is_ok() && self.publisher.is_connected()
    }
}

/// Decodes a message. A body that is larger than any that Tidings accepts is not parsed.
fn decode(message: &Envelope) -> Result<Notification, Failure> {
    if let Some(detail) = message.oversize_body() {
        return Err(Failure::new("too_large", detail));
    }
    let decoded = Notification::decode(&message.body)
        .map_err(|error| Failure::new(error.reason(), error.to_string()))?;
    Ok(Notification {
        trace: message.trace(),
        ..decoded
    })
}

/// Updates the metrics and logs the result of a message. The second copy of a notification in a batch is a
/// duplicate, although its row is new.
fn count(message: &Envelope, notification: &Notification, result: &RecordResult, first_time: bool) {
    match result {
        RecordResult::Recorded(_) if first_time => {
            counter!("tidings_intake_recorded_total").increment(1);
            tracing::debug!(
                request_id = message.request_id(),
                message_id = %notification.message_id,
                user_id = notification.user_id.map(tracing::field::display),
                r#type = notification.channel.as_str(),
                attempt = message.attempt.map(|attempt| attempt.number),
                "notification recorded"
            );
        }
        RecordResult::Recorded(_) | RecordResult::Existed(_) => {
            counter!("tidings_intake_duplicates_total").increment(1);
            tracing::info!(
                request_id = message.request_id(),
                message_id = %notification.message_id,
                "notification was recorded before"
            );
        }
        RecordResult::Failed(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_larger_than_any_of_tidings_is_not_parsed() {
        let body = |size| Envelope::of_body(vec![b' '; size]);
        let failure = decode(&body((16 << 20) + 1)).expect_err("too large");
        assert_eq!(failure.reason, "too_large");
        let failure = decode(&body(16 << 20)).expect_err("no notification");
        assert_eq!(failure.reason, "undecodable");
    }
}
