//! The spans of the intake: one of each batch, and in the trace of each notification one of its recording.

use std::collections::HashMap;
use std::time::Instant;

use tidings_broker::Envelope;
use tidings_domain::notification::{MessageId, Notification};
use tidings_runtime::traces::{KeyValue, Kind, Span, semconv};

use super::record::RecordResult;
use crate::consumer::MessageOutcome;

/// Begins the span of a batch. It begins a trace of its own, because its messages belong to different ones, to which it is linked.
pub(super) fn begin(batch: &[Envelope], notifications: &[&Notification]) -> Span {
    let traces = notifications.iter().filter_map(|one| one.trace.as_ref());
    Span::root(Kind::Consumer, traces, || {
        let queue = batch.first().map(|message| message.queue.to_string());
        let queue = queue.unwrap_or_default();
        let count = i64::try_from(batch.len()).unwrap_or(i64::MAX);
        let attributes = vec![
            KeyValue::new(semconv::MESSAGING_SYSTEM, "rabbitmq"),
            KeyValue::new(semconv::MESSAGING_OPERATION_NAME, "process"),
            KeyValue::new(semconv::MESSAGING_OPERATION_TYPE, "process"),
            KeyValue::new(semconv::MESSAGING_DESTINATION_NAME, queue.clone()),
            KeyValue::new(semconv::MESSAGING_BATCH_MESSAGE_COUNT, count),
        ];
        (format!("process {queue}"), attributes)
    })
}

/// Adds to the trace of each notification that it was recorded, by the statement that began at `start`.
pub(super) fn record(
    batch: &Span,
    start: Instant,
    notifications: &[&Notification],
    results: &HashMap<MessageId, RecordResult>,
) {
    // A batch that is not recorded has no notification whose trace is.
    let Some(batch) = batch.context() else {
        return;
    };
    let size = i64::try_from(notifications.len()).unwrap_or(i64::MAX);
    for notification in notifications {
        let trace = notification.trace.as_ref();
        let span = Span::past_child(Kind::Client, trace, start, Some(&batch), || {
            let mut attributes = vec![
                KeyValue::new(semconv::DB_SYSTEM_NAME, "postgresql"),
                KeyValue::new(semconv::DB_OPERATION_NAME, "INSERT"),
                KeyValue::new(semconv::DB_COLLECTION_NAME, "notifications"),
                KeyValue::new(semconv::CHANNEL, notification.channel.as_str()),
            ];
            if size > 1 {
                attributes.push(KeyValue::new(semconv::DB_OPERATION_BATCH_SIZE, size));
            }
            ("INSERT notifications", attributes)
        });
        if let Some(RecordResult::Failed(outcome)) = results.get(&notification.message_id) {
            span.fail(match outcome {
                MessageOutcome::Retry(failure) | MessageOutcome::DeadLetter(failure) => {
                    failure.reason
                }
                MessageOutcome::Done | MessageOutcome::Defer { .. } => "deferred",
            });
        }
    }
}
