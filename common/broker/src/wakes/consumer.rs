use std::time::Duration;

use lapin::options::{QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use tidings_domain::notification::UserId;
use tokio::time::timeout;

use super::body::decode;
use crate::connector::OpenError;
use crate::consumer::{
    ConsumeError, ConsumerChannel, ConsumerConnection, ConsumerConnections, Settlement,
};
use crate::settings::BrokerSettings;

/// The longest queue. The broker drops the oldest wakes first.
const MAX_LENGTH: i64 = 10_000;

/// How long a wake is kept, in milliseconds. Longer than the API takes to look by itself.
const TTL_MS: i64 = 30_000;

/// Wakes that the broker sends in advance.
const PREFETCH: u16 = 256;

/// Time limit for each step of the opening.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Why wakes cannot be consumed.
#[derive(Debug, thiserror::Error)]
pub enum WakeError {
    /// No connection.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The broker refuses the queue or its binding. A user needs the permission to configure queues whose names begin with
    /// `amq.gen`.
    #[error("the queue for wakes cannot be declared: {0}")]
    Queue(#[from] lapin::Error),
    /// The consumer has ended.
    #[error(transparent)]
    Consume(#[from] ConsumeError),
    /// The broker does not answer.
    #[error("RabbitMQ does not answer within {} s", OPEN_TIMEOUT.as_secs())]
    TimedOut,
}

/// Consumes wakes on a connection of its own, from a queue that is deleted with it.
pub struct WakeConsumer {
    connections: ConsumerConnections,
    channel: ConsumerChannel,
}

impl WakeConsumer {
    /// Connects, declares the queue and binds it. `name` is what the management UI shows.
    ///
    /// # Errors
    ///
    /// Returns why that is not possible.
    pub async fn open(settings: &BrokerSettings, name: &'static str) -> Result<Self, WakeError> {
        let connections = ConsumerConnections::new(settings.clone(), name);
        let connection = connections.get().await?;
        let opening = async {
            let queue = declare(&connection, &settings.names.wakes_exchange()).await?;
            let opened = ConsumerChannel::open(&connection, &queue, PREFETCH).await;
            Ok(opened.map_err(|error| error.cause)?)
        };
        let opened = timeout(OPEN_TIMEOUT, opening).await;
        match opened.unwrap_or(Err(WakeError::TimedOut)) {
            Ok(channel) => Ok(Self {
                connections,
                channel,
            }),
            Err(error) => {
                connections.close().await;
                Err(error)
            }
        }
    }

    /// Waits for wakes, and returns the users of all that have arrived. If the future is dropped, wakes may be lost.
    ///
    /// # Errors
    ///
    /// Returns why no wake will arrive any more.
    pub async fn next(&mut self) -> Result<Vec<UserId>, WakeError> {
        self.channel.ready().await?;
        let (mut users, mut last) = (Vec::new(), None);
        while let Some(wake) = self.channel.pop() {
            users.extend(decode(&wake.body));
            last = Some(wake.delivery_tag);
        }
        let settlement = Settlement {
            ack_up_to: last,
            ..Settlement::default()
        };
        self.channel.settle(settlement).await?;
        Ok(users)
    }

    /// Closes the connection, with which the queue is deleted.
    pub async fn close(self) {
        self.connections.close().await;
    }
}

/// Declares the queue of this connection and binds it. Returns its name, which the broker chooses.
async fn declare(connection: &ConsumerConnection, exchange: &str) -> Result<String, WakeError> {
    let channel = connection.connection.create_channel().await?;
    let options = QueueDeclareOptions {
        exclusive: true,
        auto_delete: true,
        ..QueueDeclareOptions::default()
    };
    let mut arguments = FieldTable::default();
    for (name, value) in [
        ("x-queue-type", AMQPValue::LongString("classic".into())),
        ("x-max-length", AMQPValue::LongLongInt(MAX_LENGTH)),
        ("x-overflow", AMQPValue::LongString("drop-head".into())),
        ("x-message-ttl", AMQPValue::LongLongInt(TTL_MS)),
    ] {
        arguments.insert(name.into(), value);
    }
    let queue = channel
        .queue_declare(ShortString::default(), options, arguments)
        .await?;
    let name = queue.name().to_string();
    channel
        .queue_bind(
            name.as_str().into(),
            exchange.into(),
            ShortString::default(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await?;
    let _ = channel.close(200, "done".into()).await;
    Ok(name)
}
