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

/// How many messages a consumer of ours may hold. Those that stay in the queue are held until the
/// end, so another consumer is added whenever all are full: the messages that the broker has sent
/// and nobody has read yet stay few, however long the queue is.
const WINDOW: u16 = 2000;

/// How long the broker may be silent before it is asked whether more is there.
const SILENCE: Duration = Duration::from_millis(200);

/// Why the dead-letter queue cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The next message cannot be parsed, which has ended the connection.
    #[error("a message cannot be parsed ({cause}); {remedy}", remedy = unreadable_remedy(.queue))]
    Unreadable {
        /// The dead-letter queue.
        queue: String,
        /// What lapin says.
        cause: lapin::Error,
    },
    /// The broker cannot be reached or there is no such queue.
    #[error(transparent)]
    Broker(lapin::Error),
}

/// The dead-letter queue, read message by message over a channel of its own.
///
/// What is read and not removed goes back when this is closed or dropped or the process dies, so
/// that nothing can be lost by looking. It need not go back to the place where it was.
///
/// It consumes, because `basic.get` costs a quorum queue as much as a publish.
pub struct DeadLetterQueue {
    channel: Channel,
    name: ShortString,
    reading: Mutex<Reading>,
}

struct Reading {
    consumers: SelectAll<Consumer>,
    /// How many messages all consumers together may hold.
    window: usize,
    /// How many they hold.
    held: usize,
    /// Whether any was removed.
    removed: bool,
}

impl DeadLetterQueue {
    /// Opens the queue `name`.
    ///
    /// # Errors
    ///
    /// Where no channel can be opened.
    pub async fn open(connection: &Connection, name: &str) -> lapin::Result<Self> {
        let channel = connection.create_channel().await?;
        // For each consumer, not for the channel, which quorum queues do not know.
        channel
            .basic_qos(WINDOW, BasicQosOptions::default())
            .await?;
        Ok(Self {
            channel,
            name: name.into(),
            reading: Mutex::new(Reading {
                consumers: SelectAll::new(),
                window: 0,
                held: 0,
                removed: false,
            }),
        })
    }

    /// The next message that this queue object has not seen yet; `None` at the end.
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
            if reading.held >= reading.window {
                reading.consumers.push(self.consume().await?);
                reading.window += usize::from(WINDOW);
            }
            match tokio::time::timeout(SILENCE, reading.consumers.next()).await {
                Ok(Some(delivery)) => {
                    reading.held += 1;
                    return Ok(Some(delivery?.into()));
                }
                // The broker has cancelled us, since the queue is gone, or the channel is dead,
                // which the next use of it says.
                Ok(None) => {
                    self.ready().await?;
                    return Ok(None);
                }
                // Once more, because an answer may overtake a delivery.
                Err(_) if seen_empty => return Ok(None),
                Err(_) => seen_empty = self.ready().await? == 0,
            }
        }
    }

    /// Removes a message for good.
    ///
    /// # Errors
    ///
    /// Where the broker cannot be reached; the message is then still in the queue.
    pub async fn remove(&self, letter: &DeadLetter) -> lapin::Result<()> {
        let mut reading = self.reading.lock().await;
        self.channel
            .basic_ack(letter.delivery_tag, BasicAckOptions::default())
            .await?;
        reading.held = reading.held.saturating_sub(1);
        reading.removed = true;
        Ok(())
    }

    /// Gives back what was read and not removed. When this returns without an error, what was
    /// removed is gone for good.
    ///
    /// # Errors
    ///
    /// Where the broker cannot be reached; it then gives them back by itself, and perhaps the last
    /// that were to be removed with them.
    pub async fn close(self) -> lapin::Result<()> {
        if self.reading.lock().await.removed {
            // After 32 acknowledgements that it waits for, the broker's channel holds further ones
            // back, and drops them when it is closed (rabbit_fifo_client: `slow`). A `basic.get`
            // waits for all that were sent to the queue; the next thing that the channel does is
            // to send those that it held back, for which the second one waits.
            self.drain().await?;
            self.drain().await?;
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

    /// How many messages wait that no consumer has yet.
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

    /// Waits until the queue has worked off what the channel has sent to it. What this may get
    /// goes back with the rest.
    async fn drain(&self) -> lapin::Result<()> {
        self.channel
            .basic_get(self.name.clone(), BasicGetOptions::default())
            .await?;
        Ok(())
    }
}
