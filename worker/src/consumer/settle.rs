//! Turns the outcomes of a batch into acknowledgements.

use metrics::counter;
use tidings_broker::{Envelope, Failure, Outgoing};
use tokio_util::sync::CancellationToken;

use super::batch_retry::{BatchHold, Requeue, process};
use super::settle_action::{SettleAction, settle_action};
use super::{BatchProcessor, Consumer, MessageOutcome};

/// How to settle the messages of a batch, by delivery tag.
#[derive(Debug, Default)]
pub(super) struct BatchResult {
    /// To acknowledge.
    pub(super) acks: Vec<u64>,
    /// To acknowledge negatively, without requeue.
    pub(super) nacks: Vec<u64>,
    /// Whether the other messages must return to their queue.
    pub(super) requeue: bool,
}

enum Acknowledgement {
    Ack,
    Nack,
}

impl<P: BatchProcessor> Consumer<P> {
    /// Processes a batch. Publishes its dead letters and deferred messages and waits for their confirms,
    /// because the originals may not be acknowledged before.
    pub(super) async fn process_batch(
        &self,
        batch: Vec<Envelope>,
        stop: &CancellationToken,
    ) -> BatchResult {
        let mut result = BatchResult::default();
        // One for the whole batch, because the broker waits for the whole batch.
        let mut hold = BatchHold::new(stop, self.connectivity.all());
        let outcomes = process(&*self.processor, &batch, &mut hold).await;
        for (message, outcome) in batch.iter().zip(outcomes) {
            let tag = message.delivery_tag;
            let acknowledgement = match outcome {
                Some(outcome) => self.acknowledgement(message, outcome, &mut hold).await,
                None => Err(Requeue),
            };
            match acknowledgement {
                Ok(Acknowledgement::Ack) => result.acks.push(tag),
                Ok(Acknowledgement::Nack) => result.nacks.push(tag),
                Err(Requeue) => result.requeue = true,
            }
        }
        result
    }

    /// Does everything that must happen before a message may be acknowledged.
    async fn acknowledgement(
        &self,
        message: &Envelope,
        outcome: MessageOutcome,
        hold: &mut BatchHold<'_>,
    ) -> Result<Acknowledgement, Requeue> {
        if let MessageOutcome::Retry(failure) | MessageOutcome::DeadLetter(failure) = &outcome {
            log_failure(message, failure);
        }
        match settle_action(outcome, message.attempt, self.max_retries) {
            SettleAction::Ack => Ok(Acknowledgement::Ack),
            SettleAction::Nack(reason) => {
                counter!("tidings_messages_retried_total", "reason" => reason).increment(1);
                Ok(Acknowledgement::Nack)
            }
            SettleAction::DeadLetter(failure) => self
                .dead_letter(message, &failure, hold)
                .await
                .map(|()| Acknowledgement::Ack),
            SettleAction::Defer { wait, not_before } => {
                let deferred = self.message_factory.deferred(message, wait, not_before);
                self.publish(deferred, hold).await?;
                counter!("tidings_messages_deferred_total").increment(1);
                Ok(Acknowledgement::Ack)
            }
        }
    }

    /// Dead-letters a message in an order that loses nothing if a program dies in between: the broker confirms
    /// the dead letter, then the processor records it, then the original may be acknowledged.
    async fn dead_letter(
        &self,
        message: &Envelope,
        failure: &Failure,
        hold: &mut BatchHold<'_>,
    ) -> Result<(), Requeue> {
        let letter = self.message_factory.dead_letter(message, failure);
        self.publish(letter, hold).await?;
        while let Err(error) = self.processor.record_dead_letter(message, failure).await {
            tracing::warn!(%error, "cannot record that a message is a dead letter; trying again");
            hold.pause().await?;
        }
        counter!("tidings_messages_dead_lettered_total", "reason" => failure.reason).increment(1);
        tracing::error!(
            message_id = message.message_id(),
            request_id = message.request_id(),
            queue = self.queue,
            reason = failure.reason,
            attempts = message.attempts(),
            "message is a dead letter"
        );
        Ok(())
    }

    async fn publish(&self, outgoing: Outgoing, hold: &mut BatchHold<'_>) -> Result<(), Requeue> {
        if hold.has_ended() {
            return Err(Requeue);
        }
        while let Err(error) = self.publisher.publish(outgoing.clone()).await {
            tracing::warn!(%error, "cannot publish; trying again");
            hold.pause().await?;
        }
        Ok(())
    }
}

fn log_failure(message: &Envelope, failure: &Failure) {
    tracing::warn!(
        message_id = message.message_id(),
        request_id = message.request_id(),
        attempt = message.attempt.map(|attempt| attempt.number),
        reason = failure.reason,
        detail = (!failure.quoted).then(|| failure.detail.chars().take(500).collect::<String>()),
        "message failed"
    );
}
