use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::{FutureExt, StreamExt};
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer};
use tokio::time::timeout;

use super::connections::ConsumerConnection;
use crate::envelope::Envelope;
use crate::unreadable::is_unreadable;

/// Time limit for the broker to accept or to answer a frame. A broker with an alarm stops reading.
const FRAME_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a consumer has ended.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConsumeError {
    /// The channel or the connection has ended.
    #[error(transparent)]
    Lost(lapin::Error),
    /// A message cannot be parsed, which has ended the connection.
    #[error("a message cannot be parsed: {0}")]
    Unreadable(lapin::Error),
    /// `basic.cancel`: the queue was deleted or moves to another node.
    #[error("the broker cancelled the consumer")]
    Cancelled,
    /// The broker neither accepts nor answers frames.
    #[error("RabbitMQ accepts no frames within {} s", FRAME_TIMEOUT.as_secs())]
    TimedOut,
}

impl From<lapin::Error> for ConsumeError {
    fn from(error: lapin::Error) -> Self {
        if is_unreadable(&error) {
            Self::Unreadable(error)
        } else {
            Self::Lost(error)
        }
    }
}

/// A consumer could not be opened.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{cause}")]
pub struct OpenConsumerError {
    /// Why.
    #[source]
    pub cause: ConsumeError,
    /// Whether the broker may have begun to deliver to a consumer that nobody reads, or will, because it has not answered in time.
    /// It holds what it delivers until the connection ends.
    pub leaves_consumer: bool,
}

/// What to tell the broker of delivered messages, by delivery tag.
#[derive(Debug, Default)]
pub struct Settlement {
    /// Acknowledged one by one.
    pub acks: Vec<u64>,
    /// Negatively acknowledged one by one, without requeue.
    pub nacks: Vec<u64>,
    /// Acknowledged together with every unsettled message before it.
    pub ack_up_to: Option<u64>,
}

impl Settlement {
    /// Whether there is nothing to tell.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.acks.is_empty() && self.nacks.is_empty() && self.ack_up_to.is_none()
    }
}

/// An AMQP channel with one consumer.
pub struct ConsumerChannel {
    queue: Arc<str>,
    channel: Channel,
    consumer: Consumer,
    /// The message that [`ConsumerChannel::ready`] has found.
    arrived: Option<Envelope>,
    end: Option<ConsumeError>,
}

impl ConsumerChannel {
    /// Opens a channel and consumes `queue`. The broker delivers at most `prefetch` messages that are
    /// not settled.
    ///
    /// # Errors
    ///
    /// Fails if the broker refuses the consumer or does not answer in time. If the error leaves a consumer, close the connection.
    pub async fn open(
        connection: &ConsumerConnection,
        queue: &str,
        prefetch: u16,
    ) -> Result<Self, OpenConsumerError> {
        // lapin closes a channel that opens too late: nobody holds it.
        let channel = in_time(connection.connection.create_channel())
            .await
            .map_err(|cause| OpenConsumerError {
                cause,
                leaves_consumer: false,
            })?;
        match in_time(consume(&channel, queue, prefetch)).await {
            Ok(consumer) => Ok(Self {
                queue: queue.into(),
                channel,
                consumer,
                arrived: None,
                end: None,
            }),
            // Dropping the channel does not close it: a consumer whose confirmation comes too late would hold what it gets.
            Err(cause) => Err(OpenConsumerError {
                cause,
                leaves_consumer: !close(&channel).await,
            }),
        }
    }

    /// Waits until [`Self::pop`] returns a message. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// Returns why no message will arrive any more.
    pub async fn ready(&mut self) -> Result<(), ConsumeError> {
        if self.arrived.is_none() {
            if let Some(end) = &self.end {
                return Err(end.clone());
            }
            let delivery = self.consumer.next().await;
            self.arrived = Some(self.read(delivery)?);
        }
        Ok(())
    }

    /// Returns the next message if it has arrived. [`Self::ready`] tells whether the consumer has ended.
    pub fn pop(&mut self) -> Option<Envelope> {
        if self.arrived.is_some() {
            return self.arrived.take();
        }
        if self.end.is_some() {
            return None;
        }
        let delivery = self.consumer.next().now_or_never()?;
        self.read(delivery).ok()
    }

    fn read(
        &mut self,
        delivery: Option<lapin::Result<lapin::message::Delivery>>,
    ) -> Result<Envelope, ConsumeError> {
        let end = match delivery {
            Some(Ok(delivery)) => {
                return Ok(Envelope::of_delivery(delivery, Arc::clone(&self.queue)));
            }
            Some(Err(error)) => error.into(),
            None => ConsumeError::Cancelled,
        };
        self.end = Some(end.clone());
        Err(end)
    }

    /// Settles messages.
    ///
    /// # Errors
    ///
    /// Fails if the channel has ended or the broker accepts no frames in time. The broker then delivers
    /// the messages again.
    pub async fn settle(&mut self, settlement: Settlement) -> Result<(), ConsumeError> {
        let Settlement {
            acks,
            nacks,
            ack_up_to,
        } = settlement;
        let settled = in_time(async {
            let ack = |tag, multiple| self.channel.basic_ack(tag, BasicAckOptions { multiple });
            let nack = |tag| self.channel.basic_nack(tag, BasicNackOptions::default());
            try_join_all(acks.into_iter().map(|tag| ack(tag, false))).await?;
            // Without `requeue`: the broker moves the message up its ladder.
            let nacks = nacks.into_iter().map(nack);
            try_join_all(nacks).await?;
            if let Some(tag) = ack_up_to {
                ack(tag, true).await?;
            }
            Ok(())
        });
        let settled = settled.await;
        settled.map_err(|error| self.cause_of(error))
    }

    /// The consumer knows better than the channel why both have ended.
    fn cause_of(&mut self, error: ConsumeError) -> ConsumeError {
        while self.pop().is_some() {}
        match &self.end {
            Some(end @ ConsumeError::Unreadable(_)) => end.clone(),
            _ => error,
        }
    }

    /// Cancels the consumer (`basic.cancel`). Messages that were delivered before can still be settled.
    ///
    /// # Errors
    ///
    /// Fails if the channel has ended or the broker does not answer in time.
    pub async fn cancel(&self) -> Result<(), ConsumeError> {
        let options = BasicCancelOptions::default();
        in_time(self.channel.basic_cancel(self.consumer.tag(), options)).await
    }

    /// Closes the channel, after the broker has processed every frame that was sent on it. The broker
    /// returns unsettled messages to their queue. Returns whether the channel is closed.
    pub async fn close(&self) -> bool {
        close(&self.channel).await
    }

    /// Whether the channel is open, as far as is known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.channel.status().connected()
    }
}

async fn consume(channel: &Channel, queue: &str, prefetch: u16) -> lapin::Result<Consumer> {
    channel
        .basic_qos(prefetch, BasicQosOptions::default())
        .await?;
    let (tag, options) = (ShortString::default(), BasicConsumeOptions::default());
    channel
        .basic_consume(queue.into(), tag, options, FieldTable::default())
        .await
}

async fn close(channel: &Channel) -> bool {
    let closed = in_time(channel.close(200, "done".into())).await;
    closed.is_ok() || !channel.status().connected()
}

/// lapin waits without a limit if the broker reads no frames.
async fn in_time<T>(work: impl Future<Output = lapin::Result<T>>) -> Result<T, ConsumeError> {
    match timeout(FRAME_TIMEOUT, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(ConsumeError::TimedOut),
    }
}
