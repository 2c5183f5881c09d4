use super::wire;

/// Why a message is not known to be safe with the broker. It may be there all the same: publish it
/// again under the same message id.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PublishError {
    /// There is no connection.
    #[error("not connected to RabbitMQ")]
    Disconnected,
    /// The broker has raised a memory or disk alarm.
    #[error("RabbitMQ takes no publishes: memory or disk alarm")]
    Blocked,
    /// No confirm within `PUBLISH_TIMEOUT_MS`.
    #[error("RabbitMQ did not confirm in time")]
    TimedOut,
    /// A negative confirm (`basic.nack`).
    #[error("RabbitMQ refused the message")]
    Refused,
    /// The connection or the channel died before the confirm.
    #[error("connection to RabbitMQ lost: {0}")]
    Lost(#[from] wire::Error),
    /// Our own task died.
    #[error("publishing panicked")]
    Panicked,
    /// Its properties do not fit into one frame. No broker can take it.
    #[error("the message's properties are too large")]
    TooLarge,
}
