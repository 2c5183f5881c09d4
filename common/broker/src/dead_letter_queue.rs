use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::SelectAll;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicQosOptions, QueueDeclareOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Connection, Consumer};
use tokio::sync::Mutex;

use super::dead_letters::DeadLetter;
use super::unreadable::{is_unreadable, unreadable_remedy};

/// Prefetch of each consumer. Messages that are not removed stay unacknowledged until the end, so another consumer
/// is added when all have reached their prefetch. This bounds the messages that are delivered and not yet read,
/// however long the queue is.
const PREFETCH: u16 = 2000;

/// How long to wait for a delivery before asking the broker for the queue's depth.
const DELIVERY_TIMEOUT: Duration = Duration::from_millis(200);

/// Why the dead-letter queue cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The next message cannot be parsed, which has ended the connection.
    #[error("a message cannot be parsed ({cause}); {remedy}", remedy = unreadable_remedy(.queue))]
    Unreadable {
        /// The dead-letter queue.
        queue: String,
        /// The error of lapin.
        cause: lapin::Error,
    },
    /// The broker cannot be reached or there is no such queue.
    #[error(transparent)]
    Broker(lapin::Error),
}

/// Reads the dead-letter queue message by message on a channel of its own.
///
/// Messages that are read and not removed return to the queue when this is closed or dropped or the process dies, so
/// reading loses nothing. They may return to another position.
///
/// Uses consumers, because `basic.get` costs a quorum queue as much as a publish.
pub struct DeadLetterQueue {
    channel: Channel,
    name: ShortString,
    reading: Mutex<Reading>,
}

struct Reading {
    consumers: SelectAll<Consumer>,
    /// Prefetch of all consumers together.
    prefetch: usize,
    /// Messages that are read and not removed.
    unacknowledged: usize,
    /// Whether a message was removed.
    removed: bool,
}

impl DeadLetterQueue {
    /// Opens the queue `name`.
    ///
    /// # Errors
    ///
    /// Fails if the channel cannot be opened.
    pub async fn open(connection: &Connection, name: &str) -> lapin::Result<Self> {
        let channel = connection.create_channel().await?;
        // Quorum queues support a prefetch for each consumer only, not for the channel.
        channel
            .basic_qos(PREFETCH, BasicQosOptions::default())
            .await?;
        Ok(Self {
            channel,
            name: name.into(),
            reading: Mutex::new(Reading {
                consumers: SelectAll::new(),
                prefetch: 0,
                unacknowledged: 0,
                removed: false,
            }),
        })
    }

    /// Returns the next message that was not returned before, or `None` at the end of the queue.
    ///
    /// # Errors
    ///
    /// Fails if the broker cannot be reached, if there is no such queue, or if a message cannot be parsed.
    pub async fn next(&self) -> Result<Option<DeadLetter>, ReadError> {
        self.read_next().await.map_err(|cause| {
            if is_unreadable(&cause) {
                let queue = self.name.to_string();
                ReadError::Unreadable { queue, cause }
            } else {
                ReadError::Broker(cause)
            }
        })
    }

    async fn read_next(&self) -> lapin::Result<Option<DeadLetter>> {
        let mut reading = self.reading.lock().await;
        let mut seen_empty = false;
        loop {
            if reading.unacknowledged >= reading.prefetch {
                reading.consumers.push(self.consume().await?);
                reading.prefetch += usize::from(PREFETCH);
            }
            match tokio::time::timeout(DELIVERY_TIMEOUT, reading.consumers.next()).await {
                Ok(Some(delivery)) => {
                    reading.unacknowledged += 1;
                    return Ok(Some(delivery?.into()));
                }
                // The queue was deleted or the channel has ended. The next command on the channel returns the reason.
                Ok(None) => {
                    self.ready().await?;
                    return Ok(None);
                }
                // Waits twice, because the depth may arrive before a delivery.
                Err(_) if seen_empty => return Ok(None),
                Err(_) => seen_empty = self.ready().await? == 0,
            }
        }
    }

    /// Removes a message (`basic.ack`).
    ///
    /// # Errors
    ///
    /// Fails if the broker cannot be reached. The message is then still in the queue.
    pub async fn remove(&self, letter: &DeadLetter) -> lapin::Result<()> {
        let mut reading = self.reading.lock().await;
        self.channel
            .basic_ack(letter.delivery_tag, BasicAckOptions::default())
            .await?;
        reading.unacknowledged = reading.unacknowledged.saturating_sub(1);
        reading.removed = true;
        Ok(())
    }

    /// Returns the messages that were not removed to the queue, and ensures that the removed ones are gone.
    ///
    /// # Errors
    ///
    /// Fails if the broker cannot be reached. The broker then returns all messages to the queue, which may include
    /// the last ones that were removed.
    pub async fn close(self) -> lapin::Result<()> {
        if self.reading.lock().await.removed {
            // If 32 acknowledgements wait for the queue, the broker's channel process buffers further ones, and drops
            // the buffer when the channel closes (rabbit_fifo_client: `slow`). A `basic.get` waits for everything that
            // was sent to the queue. Then the channel process sends its buffer, for which the second `basic.get` waits.
            self.until_processed().await?;
            self.until_processed().await?;
        }
        self.channel.close(200, "done".into()).await
    }

    async fn consume(&self) -> lapin::Result<Consumer> {
        self.channel
            .basic_consume(
                self.name.clone(),
                ShortString::default(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await
    }

    /// Returns the number of messages that are not delivered to a consumer.
    async fn ready(&self) -> lapin::Result<u32> {
        let options = QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let queue = self
            .channel
            .queue_declare(self.name.clone(), options, FieldTable::default())
            .await?;
        Ok(queue.message_count())
    }

    /// Waits until the queue has processed what the channel has sent to it. A message that this gets returns to the
    /// queue when the channel closes.
    async fn until_processed(&self) -> lapin::Result<()> {
        self.channel
            .basic_get(self.name.clone(), BasicGetOptions::default())
            .await?;
        Ok(())
    }
}
