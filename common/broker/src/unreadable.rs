//! Messages that lapin cannot parse, for example with a header name that is not UTF-8. Such a message
//! ends the connection of each consumer that receives it, at every redelivery.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::ErrorKind;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use tokio::time::timeout;

use crate::connection::{ConnectError, connect, disconnect};
use crate::settings::BrokerSettings;

/// Time limit for the delivery of the first message. An empty queue delivers none.
const DELIVERY_TIMEOUT: Duration = Duration::from_millis(300);

/// Returns whether a connection ended because a message cannot be parsed.
#[must_use]
pub fn is_unreadable(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ParsingError(_))
}

/// Returns the instructions for an operator who removes a message that cannot be parsed.
#[must_use]
pub fn unreadable_remedy(queue: &str) -> String {
    // Not "Reject requeue false": a work queue would send the message up the ladder and get it back.
    format!(
        "open the queue {queue} in RabbitMQ's management UI, choose the Ack mode \"Automatic ack\" under \
         \"Get messages\", and get one message at a time until the one with the broken headers is out \
         (RabbitMQ 4 removes it and shows an error instead of it); publish the others again with their properties and headers"
    )
}

/// Returns whether the first message of a queue cannot be parsed. Ignores the others: a consumer returns its messages to
/// the front of the queue, so the message that ends its connection is the first.
///
/// # Errors
///
/// Fails if no node can be used.
pub async fn first_is_unreadable(
    settings: &BrokerSettings,
    queue: &str,
) -> Result<bool, ConnectError> {
    // A message that cannot be parsed ends this connection, which returns the message to its queue.
    let connection = connect(settings, "tidings: first message").await?;
    // lapin never answers a `basic.get` of such a message. A consumer gets the error that ends its connection.
    let consuming = async {
        let channel = connection.create_channel().await?;
        let options = BasicQosOptions::default();
        channel.basic_qos(1, options).await?;
        let options = BasicConsumeOptions::default();
        let (tag, arguments) = (ShortString::default(), FieldTable::default());
        let mut consumer = channel
            .basic_consume(queue.into(), tag, options, arguments)
            .await?;
        match timeout(DELIVERY_TIMEOUT, consumer.next()).await {
            Ok(Some(Err(error))) => Err(error),
            _ => Ok(()),
        }
    };
    let unreadable = consuming.await.is_err_and(|error| is_unreadable(&error));
    disconnect(&connection).await;
    Ok(unreadable)
}
