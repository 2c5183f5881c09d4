//! Messages that became dead letters because their queue was deleted.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation, Connection};

use crate::connection::{ConnectError, connect, disconnect};
use crate::dead_letter_queue::{DeadLetterQueue, ReadError};
use crate::dead_letters::DeadLetter;
use crate::declare::{DeclareError, queue_depth};
use crate::message::stripped;
use crate::settings::{BrokerSettings, TopologyNames};
use crate::stage::Stage;

/// Publishes that wait for their confirms at the same time.
const BATCH: usize = 100;

#[derive(Debug, thiserror::Error)]
enum RestoreError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Depth(#[from] DeclareError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Broker(#[from] lapin::Error),
}

/// Returns the messages to their queues for which RabbitMQ found no queue while it was deleted: those that were published
/// meanwhile, and those that came back from a delay queue. Call this after the queues are declared again.
pub(super) async fn restore_unrouted(settings: BrokerSettings) {
    match restore(&settings).await {
        Ok(0) => {}
        Ok(restored) => tracing::warn!(
            restored,
            "messages that had become dead letters because their queue was missing are back in their queue"
        ),
        Err(error) => tracing::error!(
            %error,
            "messages may have become dead letters because their queue was missing; `tidings dlq replay --from-queue --reason unrouted` returns them"
        ),
    }
}

/// Returns how many messages are back in their queue.
async fn restore(settings: &BrokerSettings) -> Result<usize, RestoreError> {
    // A connection of its own, because a dead letter that cannot be parsed ends it.
    let connection = connect(settings, "tidings: restoring unrouted messages").await?;
    let restored = restore_on(&connection, settings).await;
    disconnect(&connection).await;
    restored
}

async fn restore_on(
    connection: &Connection,
    settings: &BrokerSettings,
) -> Result<usize, RestoreError> {
    let channel = connection.create_channel().await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    let letters = DeadLetterQueue::open(connection, &settings.names.dlq).await?;
    // A message whose queue is missing again becomes a dead letter again. Without this limit, the loop would not end.
    let mut left = queue_depth(connection, &settings.names.dlq)
        .await?
        .unwrap_or(0);
    let (mut batch, mut restored) = (Vec::with_capacity(BATCH), 0);
    while left > 0
        && let Some(letter) = letters.next().await?
    {
        left -= 1;
        if letter.unrouted && letter.stage.is_some() {
            batch.push(letter);
        }
        if batch.len() == BATCH {
            restored += publish(&channel, &settings.names, &letters, &mut batch).await?;
        }
    }
    restored += publish(&channel, &settings.names, &letters, &mut batch).await?;
    letters.close().await?;
    Ok(restored)
}

/// Publishes dead letters with their attempt, and removes those that are confirmed.
async fn publish(
    channel: &Channel,
    names: &TopologyNames,
    letters: &DeadLetterQueue,
    batch: &mut Vec<DeadLetter>,
) -> Result<usize, RestoreError> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..Default::default()
    };
    let mut confirms = Vec::with_capacity(batch.len());
    for letter in batch.iter() {
        let (exchange, key) = match letter.stage {
            Some(Stage::Event(kind)) => (names.events_exchange(), kind.routing_key().into()),
            _ => (names.exchange.clone(), letter.routing_key.clone()),
        };
        let properties = stripped(&letter.properties);
        let sending =
            channel.basic_publish(exchange.into(), key, options, &letter.body, properties);
        confirms.push(sending.await?);
    }
    let mut published = 0;
    for (confirm, letter) in confirms.into_iter().zip(batch.drain(..)) {
        if matches!(confirm.await?, Confirmation::Ack(None)) {
            letters.remove(&letter).await?;
            published += 1;
        }
    }
    Ok(published)
}
