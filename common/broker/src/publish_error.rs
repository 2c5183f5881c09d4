/// Why a message is not known to be safe with the broker. The broker may have stored it all the same:
/// publish it again under the same message id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no connection.
    #[error("not connected to RabbitMQ")]
    Disconnected,
    /// The broker has raised a memory or disk alarm.
    #[error("RabbitMQ blocks publishers: memory or disk alarm")]
    Blocked,
    /// No confirm within `PUBLISH_TIMEOUT_MS`.
    #[error("RabbitMQ did not confirm in time")]
    TimedOut,
    /// A negative confirm (`basic.nack`).
    #[error("RabbitMQ refused the message")]
    Refused,
    /// No queue gets the message (`basic.return`), for example because the queue was deleted.
    #[error("RabbitMQ has no queue for the message")]
    Unroutable,
    /// The connection or the channel ended before the confirm.
    #[error("connection to RabbitMQ lost: {0}")]
    Lost(String),
    /// The task that publishes a batch panicked.
    #[error("publishing panicked")]
    Panicked,
    /// The message's properties do not fit into one frame, or its body is larger than the broker takes. The error is
    /// the message's own: nothing is wrong with the broker.
    #[error("the message is too large for RabbitMQ")]
    TooLarge,
}

impl PublishError {
    /// A stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Blocked => "blocked",
            Self::TimedOut => "timeout",
            Self::Refused => "refused",
            Self::Unroutable => "unroutable",
            Self::Lost(_) => "connection_lost",
            Self::Panicked => "panicked",
            Self::TooLarge => "too_large",
        }
    }
}
