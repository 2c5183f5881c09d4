//! Messages that lapin cannot parse, for example with a header name that is not UTF-8. Such a message
//! ends the connection of whoever receives it, again at each redelivery.

use lapin::ErrorKind;
use lapin::options::BasicGetOptions;

use crate::connection::{ConnectError, close, connect};
use crate::settings::BrokerSettings;

/// Whether a connection ended because of a message that cannot be parsed.
#[must_use]
pub fn is_unreadable(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ParsingError(_))
}

/// What an operator does about a message that cannot be parsed.
#[must_use]
pub fn unreadable_remedy(queue: &str) -> String {
    format!(
        "open the queue {queue} in RabbitMQ's management UI, and under \"Get messages\" choose the Ack \
         mode \"Reject requeue false\" or \"Automatic ack\" and get messages until the one with the \
         broken headers is out; copy the others and publish them again"
    )
}

/// Whether the first message of a queue cannot be parsed. Other messages are not looked at: a consumer
/// returns what it holds to the front of the queue, so the message that stops it is the first.
///
/// # Errors
///
/// Fails if no node can be used.
pub async fn first_is_unreadable(
    settings: &BrokerSettings,
    queue: &str,
) -> Result<bool, ConnectError> {
    // The message ends its connection, and the end of the connection returns it to its queue.
    let connection = connect(settings, "tidings: first message").await?;
    let got = async {
        let channel = connection.create_channel().await?;
        let options = BasicGetOptions::default();
        channel.basic_get(queue.into(), options).await
    };
    let unreadable = got.await.is_err_and(|error| is_unreadable(&error));
    close(&connection).await;
    Ok(unreadable)
}
