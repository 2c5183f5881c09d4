//! Turns the outcomes of a batch into acknowledgements.

use tidings_broker::{Envelope, Failure, Outgoing, PublishError};
use tidings_runtime::statistics::events;
use tokio_util::sync::CancellationToken;

use super::batch_retry::{BatchHold, Requeue, process};
use super::settle_action::{SettleAction, settle_action};
use super::{BatchProcessor, Consumer, MessageOutcome, Place};

/// How to settle the messages of a batch, by delivery tag.
#[derive(Debug, Default)]
pub(super) struct BatchResult {
    /// To acknowledge.
    pub(super) acks: Vec<u64>,
    /// To acknowledge without delay, because a queue has a copy: if the program died before, both would be delivered.
    pub(super) copied: Vec<u64>,
    /// To acknowledge negatively, without requeue.
    pub(super) nacks: Vec<u64>,
    /// Whether the other messages must return to their queue.
    pub(super) requeue: bool,
}

enum Acknowledgement {
    Ack,
    /// A copy has been published.
    Copied,
    Nack,
}

impl BatchResult {
    /// Adds the messages of another batch.
    pub(super) fn append(&mut self, mut other: Self) {
        self.acks.append(&mut other.acks);
        self.copied.append(&mut other.copied);
        self.nacks.append(&mut other.nacks);
        self.requeue |= other.requeue;
    }

    fn add(&mut self, tag: u64, acknowledgement: &Result<Acknowledgement, Requeue>) {
        match acknowledgement {
            Ok(Acknowledgement::Ack) => self.acks.push(tag),
            Ok(Acknowledgement::Copied) => self.copied.push(tag),
            Ok(Acknowledgement::Nack) => self.nacks.push(tag),
            Err(Requeue) => self.requeue = true,
        }
    }
}

impl<P: BatchProcessor> Consumer<P> {
    /// Processes a batch. Publishes its dead letters and deferred messages and waits for their confirms,
    /// because the originals may not be acknowledged before.
    pub(super) async fn process_batch(
        &self,
        batch: Vec<Envelope>,
        place: &Place,
        stop: &CancellationToken,
    ) -> BatchResult {
        let mut result = BatchResult::default();
        // One for the whole batch, because the broker waits for the whole batch.
        let mut hold = BatchHold::new(stop, self.connectivity.all());
        let outcomes = process(&*self.processor, &batch, place, &mut hold).await;
        for (message, outcome) in batch.iter().zip(outcomes) {
            let tag = message.delivery_tag;
            let acknowledgement = if let Some(outcome) = outcome {
                self.acknowledgement(message, outcome, &mut hold).await
            } else {
                self.processor.given_back(message);
                Err(Requeue)
            };
            result.add(tag, &acknowledgement);
        }
        result
    }

    /// Publishes messages that are deferred without being processed, all at once.
    pub(super) async fn defer_batch(
        &self,
        batch: Vec<(Envelope, MessageOutcome)>,
        stop: &CancellationToken,
    ) -> BatchResult {
        let deferred = batch.iter().map(|(message, outcome)| match outcome {
            MessageOutcome::Defer {
                wait,
                not_before,
                waits_for,
            } => {
                let deferred = self.message_factory.deferred(message, *wait, *not_before);
                Some(deferred.waiting_for(waits_for))
            }
            _ => None,
        });
        let published = self.publisher.publish_all(deferred.flatten().collect());
        let mut published = published.await.into_iter();
        let mut result = BatchResult::default();
        let mut hold = BatchHold::new(stop, self.connectivity.all());
        for (message, outcome) in batch {
            let is_deferred = matches!(outcome, MessageOutcome::Defer { .. });
            let settled = if is_deferred && matches!(published.next(), Some(Ok(()))) {
                events::deferred(self.processor.channel_of(&message));
                Ok(Acknowledgement::Copied)
            } else {
                self.acknowledgement(&message, outcome, &mut hold).await
            };
            result.add(message.delivery_tag, &settled);
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
        let action = settle_action(outcome, message.attempt, self.max_retries);
        match without_large_headers(action, message) {
            SettleAction::Ack => Ok(Acknowledgement::Ack),
            SettleAction::Nack(reason) => {
                events::retried(self.processor.channel_of(message), reason);
                Ok(Acknowledgement::Nack)
            }
            SettleAction::DeadLetter(failure) => self.dead_letter(message, &failure, hold).await,
            SettleAction::Defer {
                wait,
                not_before,
                waits_for,
            } => {
                let deferred = self.message_factory.deferred(message, wait, not_before);
                let deferred = deferred.waiting_for(&waits_for);
                match self.publish(deferred, hold).await? {
                    Published::Confirmed => {
                        events::deferred(self.processor.channel_of(message));
                        Ok(Acknowledgement::Copied)
                    }
                    Published::TooLarge => {
                        let detail = "the broker takes no message of this size";
                        let failure = Failure::new("too_large", detail);
                        self.dead_letter(message, &failure, hold).await
                    }
                }
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
    ) -> Result<Acknowledgement, Requeue> {
        let letter = self.message_factory.dead_letter(message, failure);
        if matches!(self.publish(letter, hold).await?, Published::TooLarge) {
            // The broker itself moves it to the dead-letter queue, at the end of the ladder.
            return Ok(Acknowledgement::Nack);
        }
        while let Err(error) = self.processor.record_dead_letter(message, failure).await {
            tracing::warn!(%error, "cannot record that a message is a dead letter; trying again");
            hold.pause().await?;
        }
        events::dead_lettered(self.processor.channel_of(message), failure.reason);
        tracing::error!(
            message_id = message.message_id(),
            request_id = message.request_id(),
            queue = self.queue,
            reason = failure.reason,
            attempts = message.attempts(),
            "message is a dead letter"
        );
        Ok(Acknowledgement::Copied)
    }

    /// Publishes a message, again and again while the broker is unavailable.
    async fn publish(
        &self,
        outgoing: Outgoing,
        hold: &mut BatchHold<'_>,
    ) -> Result<Published, Requeue> {
        if hold.has_ended() {
            return Err(Requeue);
        }
        loop {
            match self.publisher.publish(outgoing.clone()).await {
                Ok(()) => return Ok(Published::Confirmed),
                // The error is the message's own: waiting for the broker would not help.
                Err(error @ PublishError::TooLarge) => {
                    tracing::error!(queue = self.queue, %error, "a message cannot be published");
                    return Ok(Published::TooLarge);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot publish; trying again");
                    hold.pause().await?;
                }
            }
        }
    }
}

/// Whether a message has been published.
enum Published {
    /// The broker has stored it.
    Confirmed,
    /// No broker, or not this one, takes a message of this size.
    TooLarge,
}

/// Replaces a retry of a message whose headers are too large to climb the ladder.
fn without_large_headers(action: SettleAction, message: &Envelope) -> SettleAction {
    match (&action, message.oversize_headers()) {
        (SettleAction::Nack(_), Some(detail)) => {
            SettleAction::DeadLetter(Failure::new("too_large", detail))
        }
        _ => action,
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
