use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Why a connection, a channel or a consumer came to its end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// We ended it ourselves.
    #[error("closed")]
    Closed,
    /// The network, or the broker's machine.
    #[error(transparent)]
    Io(Arc<io::Error>),
    /// The broker's end is gone without a word.
    #[error("the broker hung up")]
    HungUp,
    /// `connection.close`, with the broker's words.
    #[error("the broker closed the connection: {code} {text}")]
    ConnectionClosed {
        /// AMQP 0-9-1 §1.1.
        code: u16,
        /// For people.
        text: String,
    },
    /// `channel.close`, with the broker's words.
    #[error("the broker closed the channel: {code} {text}")]
    ChannelClosed {
        /// AMQP 0-9-1 §1.1.
        code: u16,
        /// For people.
        text: String,
    },
    /// `basic.cancel`: the queue is gone, or moves.
    #[error("the broker cancelled the consumer")]
    Cancelled,
    /// Not even a heartbeat came.
    #[error("nothing was heard of the broker for {} s", .0.as_secs())]
    Silent(Duration),
    /// What came is not what AMQP 0-9-1 lets a broker send.
    #[error("the broker broke the protocol: {0}")]
    Protocol(&'static str),
    /// The URL asks for what we cannot do.
    #[error("{0}")]
    Unusable(String),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}
