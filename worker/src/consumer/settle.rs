//! From outcomes to what the broker is told.

use metrics::counter;
use tidings_broker::{Envelope, Failure, Outgoing};
use tokio_util::sync::CancellationToken;

use super::batch_retry::{GiveBack, Hold, process};
use super::outcome::{Outcome, Verdict, verdict};
use super::{Consumer, Work};

/// What to tell the broker of a batch, by delivery tag.
#[derive(Debug, Default)]
pub(super) struct BatchResult {
    /// To be acknowledged.
    pub(super) acks: Vec<u64>,
    /// To be negatively acknowledged without requeue.
    pub(super) nacks: Vec<u64>,
    /// Whether messages of the batch must go back to their queue.
    pub(super) give_back: bool,
}

impl<W: Work> Consumer<W> {
    /// Gets a batch through and does what must be done before the broker is told: dead letters and
    /// deferrals are published, and confirmed, before their originals may be acknowledged.
    pub(super) async fn settle(
        &self,
        batch: Vec<Envelope>,
        stop: &CancellationToken,
    ) -> BatchResult {
        let mut result = BatchResult::default();
        // One for the whole batch: it is the batch that the broker is waiting for.
        let mut hold = Hold::new(stop, self.connectivity.all());
        let outcomes = process(&*self.work, &batch, &mut hold).await;
        for (message, outcome) in batch.iter().zip(outcomes) {
            let tag = message.delivery_tag;
            let told = match outcome {
                Some(outcome) => self.carry_out(message, outcome, &mut hold).await,
                None => Err(GiveBack),
            };
            match told {
                Ok(Told::Ack) => result.acks.push(tag),
                Ok(Told::Nack) => result.nacks.push(tag),
                Err(GiveBack) => result.give_back = true,
            }
        }
        result
    }

    async fn carry_out(
        &self,
        message: &Envelope,
        outcome: Outcome,
        hold: &mut Hold<'_>,
    ) -> Result<Told, GiveBack> {
        if let Outcome::Retry(failure) | Outcome::DeadLetter(failure) = &outcome {
            log_failure(message, failure);
        }
        match verdict(outcome, message.attempt, self.max_retries) {
            Verdict::Ack => Ok(Told::Ack),
            Verdict::Nack(reason) => {
                counter!("tidings_messages_retried_total", "reason" => reason).increment(1);
                Ok(Told::Nack)
            }
            Verdict::GiveUp(failure) => self
                .give_up(message, &failure, hold)
                .await
                .map(|()| Told::Ack),
            Verdict::Defer { wait, not_before } => {
                let deferred = self.message_factory.deferred(message, wait, not_before);
                self.publish(deferred, hold).await?;
                counter!("tidings_messages_deferred_total").increment(1);
                Ok(Told::Ack)
            }
        }
    }

    /// Dead-lettering, in the order that loses nothing whatever dies in between: the dead letter is
    /// safe, then the work notes it, then the original may go.
    async fn give_up(
        &self,
        message: &Envelope,
        failure: &Failure,
        hold: &mut Hold<'_>,
    ) -> Result<(), GiveBack> {
        let letter = self.message_factory.dead_letter(message, failure);
        self.publish(letter, hold).await?;
        while let Err(error) = self.work.given_up(message, failure).await {
            tracing::warn!(%error, "cannot note that a message is given up; trying again");
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

    async fn publish(&self, outgoing: Outgoing, hold: &mut Hold<'_>) -> Result<(), GiveBack> {
        if hold.is_over() {
            return Err(GiveBack);
        }
        while let Err(error) = self.publisher.publish(outgoing.clone()).await {
            tracing::warn!(%error, "cannot publish; trying again");
            hold.pause().await?;
        }
        Ok(())
    }
}

enum Told {
    Ack,
    Nack,
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
