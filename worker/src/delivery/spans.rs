//! The spans of a delivery: of each message, and of each send.

use tidings_broker::Envelope;
use tidings_db::delivery_attempts::AttemptOutcome;
use tidings_domain::notification::DeliveredChannel;
use tidings_runtime::traces::{KeyValue, Kind, Span, semconv};

use super::ClaimedAttempt;
use crate::consumer::{MessageOutcome, ProcessError};

/// Processes a message in a span of its trace.
pub(super) async fn traced(
    message: &Envelope,
    work: impl Future<Output = Result<MessageOutcome, ProcessError>>,
) -> Result<MessageOutcome, ProcessError> {
    let trace = message.trace();
    let span = Span::child(Kind::Consumer, trace.as_ref(), || {
        (
            format!("process {}", message.queue),
            message.span_attributes(),
        )
    });
    let result = span.scope(work).await;
    match &result {
        Ok(MessageOutcome::Done) => span.set(semconv::OUTCOME, "done"),
        Ok(MessageOutcome::Defer { .. }) => span.set(semconv::OUTCOME, "deferred"),
        Ok(MessageOutcome::Retry(failure)) => {
            span.set(semconv::OUTCOME, "retry");
            span.fail(failure.reason);
        }
        Ok(MessageOutcome::DeadLetter(failure)) => {
            span.set(semconv::OUTCOME, "dead_letter");
            span.fail(failure.reason);
        }
        Err(_) => span.fail("unavailable"),
    }
    result
}

/// The span of a request to a provider, in that of the message.
pub(super) fn send(
    channel: DeliveredChannel,
    provider: &'static str,
    attempt: ClaimedAttempt,
) -> Span {
    Span::child_of_current(Kind::Client, || {
        let attributes = vec![
            KeyValue::new(semconv::CHANNEL, channel.as_str()),
            KeyValue::new(semconv::PROVIDER, provider),
            KeyValue::new(semconv::ATTEMPT, i64::from(attempt.number)),
            KeyValue::new(semconv::MESSAGING_MESSAGE_ID, attempt.id.to_string()),
        ];
        (format!("send {channel}"), attributes)
    })
}

/// Says in the span of a send how it ended. The text of the provider may contain an address.
pub(super) fn sent(span: &Span, outcome: AttemptOutcome) {
    span.set(semconv::OUTCOME, outcome.as_str());
    if outcome != AttemptOutcome::Delivered {
        span.fail(outcome.as_str());
    }
}
