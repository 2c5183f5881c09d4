//! What the consumer asks of the delivery stage.

use std::pin::pin;

use tidings_broker::{Envelope, Failure, WaitTime};
use tidings_db::dead_letters::WhereRow;
use tidings_db::notifications;
use tidings_domain::notification::{Channel, DeliveryRequest};
use tidings_runtime::statistics::events;
use tracing::Instrument;

use super::deferral::Deferral;
use super::disposition::Disposition;
use super::unrecorded::{AttemptRecord, UnrecordedAttempt};
use super::{Delivery, DeliveryChannel, spans};
use crate::consumer::{BatchProcessor, MessageOutcome, Place, ProcessError};
use crate::dead_letters;

/// Why a message is deferred whose attempt was not begun.
const NOT_BEGUN: &str = "PostgreSQL did not confirm the attempt";

impl<C: DeliveryChannel> BatchProcessor for Delivery<C> {
    fn defer_at_once(&self, message: &Envelope) -> Option<MessageOutcome> {
        let destinations = self.channel.destinations()?;
        let (waits_for, not_before) = (message.waits_for(), message.not_before());
        let says_nothing = waits_for.is_none() && not_before.is_none();
        if says_nothing || message.oversize_body().is_some() {
            return None;
        }
        let id = DeliveryRequest::decode(&message.body).ok()?.message_id;
        if self.unrecorded.get(id).is_some() {
            return None;
        }
        let waiting = destinations.waiting(id, waits_for, not_before)?;
        Some(MessageOutcome::Defer {
            wait: waiting.wait,
            not_before: waiting.not_before,
            waits_for: waiting.waits_for,
        })
    }

    fn channel_of(&self, _message: &Envelope) -> Option<Channel> {
        Some(Self::CHANNEL.into())
    }

    async fn process(
        &self,
        batch: &[Envelope],
        place: &Place,
    ) -> Result<Vec<MessageOutcome>, ProcessError> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for message in batch {
            let span = tracing::info_span!("delivery", request_id = message.request_id());
            // Pinned here, so that what is around it holds no copy of the future, which is large.
            let delivering = pin!(self.deliver(message, place).instrument(span));
            outcomes.push(spans::traced(message, delivering).await?);
        }
        Ok(outcomes)
    }

    /// Takes the rows of the attempt back. PostgreSQL may have committed them without confirming it, and they would count
    /// as sends that may have arrived.
    fn given_back(&self, message: &Envelope) {
        let Ok(request) = DeliveryRequest::decode(&message.body) else {
            return;
        };
        // Nothing was sent under this token: otherwise the result would wait to be recorded.
        if self.unrecorded.get(request.message_id).is_none() {
            let attempt = UnrecordedAttempt {
                token: self.tokens.of(message),
                attempt: message.attempt.map_or(u32::MAX, |attempt| attempt.number),
                due_at: None,
                record: AttemptRecord::NotBegun,
                disposition: Disposition::Defer(Deferral::wait(WaitTime::Second, NOT_BEGUN)),
            };
            self.unrecorded.insert(request.message_id, attempt);
        }
    }

    async fn record_dead_letter(
        &self,
        message: &Envelope,
        failure: &Failure,
    ) -> Result<(), ProcessError> {
        // A body that cannot be decoded refers to no row.
        let Ok(request) = DeliveryRequest::decode(&message.body) else {
            dead_letters::record_without_row(&self.database, message, None, failure).await?;
            return Ok(());
        };
        let (id, reason, error) = (request.message_id, failure.reason, failure.text());
        let is_marked = self
            .database
            .run(async |client| notifications::mark_failed(client, id, reason, &error).await)
            .await?;
        if is_marked {
            events::failed(Some(Self::CHANNEL.into()), reason);
        } else {
            let row = WhereRow {
                id,
                fingerprint: None,
            };
            dead_letters::record_unless_row(&self.database, message, failure, row).await?;
        }
        Ok(())
    }

    async fn servers_respond(&self) -> bool {
        let responds = self.database.ping().await.is_ok();
        if responds {
            // The consumer calls this when PostgreSQL may be back.
            self.record_all_unrecorded().await;
        }
        responds
    }
}
