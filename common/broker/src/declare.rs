use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ErrorKind};

use super::topology::{Binding, Exchange, Queue, Topology};

/// Why the topology could not be declared.
#[derive(Debug, thiserror::Error)]
pub enum DeclareError {
    /// The broker refused an object.
    #[error("cannot declare {name}: {source}")]
    Object {
        /// The exchange or queue.
        name: String,
        /// The error of the broker.
        source: lapin::Error,
    },
    /// No channel could be opened.
    #[error("cannot open a channel: {0}")]
    Channel(#[from] lapin::Error),
}

/// The objects that are used as they are, although they may differ from the topology.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Names of the objects that exist with other arguments.
    pub drifted: Vec<String>,
    /// Names of the objects that exist and that the user may not declare or bind.
    pub not_permitted: Vec<String>,
}

/// Declares the exchanges, queues and bindings that do not exist.
///
/// If the broker refuses access to an object that exists, an administrator has declared it for a user without the
/// permission `configure`: it is used as it is.
///
/// # Errors
///
/// Returns [`DeclareError::Object`] if the broker refuses an object that does not exist, and [`DeclareError::Channel`]
/// if no channel can be opened.
pub async fn declare(
    connection: &Connection,
    topology: &Topology,
) -> Result<Declared, DeclareError> {
    let mut declaring = Declaring {
        connection,
        channel: connection.create_channel().await?,
        declared: Declared::default(),
    };
    for exchange in &topology.exchanges {
        declaring.exchange(exchange).await?;
    }
    for queue in &topology.queues {
        declaring.queue(queue).await?;
        for binding in &queue.bindings {
            declaring.binding(&queue.name, binding).await?;
        }
    }
    close(&declaring.channel).await;
    let mut declared = declaring.declared;
    declared.not_permitted.dedup();
    Ok(declared)
}

struct Declaring<'c> {
    connection: &'c Connection,
    channel: Channel,
    declared: Declared,
}

impl Declaring<'_> {
    async fn exchange(&mut self, exchange: &Exchange) -> Result<(), DeclareError> {
        let result = declare_exchange(&self.channel, exchange, false).await;
        if let Some(refusal) = self.refusal(&exchange.name, result).await? {
            let exists = declare_exchange(&self.channel, exchange, true).await;
            exists.map_err(|_| refusal)?;
        }
        Ok(())
    }

    async fn queue(&mut self, queue: &Queue) -> Result<(), DeclareError> {
        let result = declare_queue(&self.channel, queue).await;
        if let Some(refusal) = self.refusal(&queue.name, result).await? {
            let exists = message_count(&self.channel, &queue.name).await;
            exists.map_err(|_| refusal)?;
        }
        Ok(())
    }

    /// AMQP has no command that tells whether a binding exists.
    async fn binding(&mut self, queue: &str, binding: &Binding) -> Result<(), DeclareError> {
        let result = bind(&self.channel, queue, binding, QueueBindOptions::default()).await;
        self.refusal(queue, result).await.map(drop)
    }

    /// Records an object that exists with other arguments. Returns the error if the user has no permission. Replaces
    /// the channel if the error has closed it.
    async fn refusal(
        &mut self,
        name: &str,
        result: lapin::Result<()>,
    ) -> Result<Option<DeclareError>, DeclareError> {
        let Err(source) = result else {
            return Ok(None);
        };
        let refusal = match reply_code(&source) {
            Some(PRECONDITION_FAILED) => {
                self.declared.drifted.push(name.to_owned());
                None
            }
            Some(ACCESS_REFUSED) => {
                self.declared.not_permitted.push(name.to_owned());
                Some(object(name, source))
            }
            _ => return Err(object(name, source)),
        };
        self.channel = self.connection.create_channel().await?;
        Ok(refusal)
    }
}

/// Returns the names of the exchanges and queues that do not exist. Creates nothing.
///
/// # Errors
///
/// Fails if the broker cannot be reached.
pub async fn missing(
    connection: &Connection,
    topology: &Topology,
) -> Result<Vec<String>, DeclareError> {
    let mut missing = Vec::new();
    let mut channel = connection.create_channel().await?;
    for exchange in &topology.exchanges {
        let found = declare_exchange(&channel, exchange, true).await;
        if is_missing(found, &exchange.name)? {
            missing.push(exchange.name.clone());
            channel = connection.create_channel().await?;
        }
    }
    for queue in &topology.queues {
        let found = message_count(&channel, &queue.name).await;
        if is_missing(found, &queue.name)? {
            missing.push(queue.name.clone());
            channel = connection.create_channel().await?;
        }
    }
    close(&channel).await;
    Ok(missing)
}

/// Returns whether every exchange and queue exists, with any arguments and bindings.
///
/// This is quick: it involves no queue's leader, and only the last command waits for its answer. The broker answers in
/// order, and a missing object closes the channel.
pub(super) async fn all_exist(connection: &Connection, topology: &Topology) -> bool {
    match declare_passively(connection, topology).await {
        Ok(()) => true,
        Err(error) => {
            tracing::debug!(%error, "an exchange or a queue does not exist");
            false
        }
    }
}

async fn declare_passively(connection: &Connection, topology: &Topology) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    for queue in &topology.queues {
        let options = QueueDeclareOptions {
            passive: true,
            nowait: true,
            ..Default::default()
        };
        channel
            .queue_declare(queue.name.as_str().into(), options, FieldTable::default())
            .await?;
    }
    let last = topology.exchanges.len().saturating_sub(1);
    for (index, exchange) in topology.exchanges.iter().enumerate() {
        let options = ExchangeDeclareOptions {
            passive: true,
            nowait: index < last,
            ..Default::default()
        };
        let (name, kind) = (exchange.name.as_str(), exchange.kind.to_lapin());
        channel
            .exchange_declare(name.into(), kind, options, FieldTable::default())
            .await?;
    }
    close(&channel).await;
    Ok(())
}

/// Binds every queue again, the dead-letter queue last. If it were first, a message that is published in between would
/// become a dead letter, although its queue is bound a moment later.
///
/// Only the last command waits for its answer: the broker answers in order, and an error closes the channel.
pub(super) async fn bind_all(connection: &Connection, topology: &Topology) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    let of_queue = |queue: &'_ Queue| queue.bindings.len();
    let mut left: usize = topology.queues.iter().map(of_queue).sum();
    for queue in topology.queues.iter().rev() {
        for binding in &queue.bindings {
            left -= 1;
            let options = QueueBindOptions { nowait: left > 0 };
            bind(&channel, &queue.name, binding, options).await?;
        }
    }
    close(&channel).await;
    Ok(())
}

/// Returns the number of ready messages of a queue, or `None` if the queue does not exist.
///
/// # Errors
///
/// Fails if the broker cannot be reached.
pub async fn queue_depth(connection: &Connection, name: &str) -> Result<Option<u32>, DeclareError> {
    let channel = connection.create_channel().await?;
    match message_count(&channel, name).await {
        Ok(count) => {
            close(&channel).await;
            Ok(Some(count))
        }
        Err(error) if reply_code(&error) == Some(NOT_FOUND) => Ok(None),
        Err(source) => Err(object(name, source)),
    }
}

/// Returns the number of consumers of a queue. What they have and have not acknowledged is not among its ready messages.
///
/// # Errors
///
/// Fails if the broker cannot be reached or the queue does not exist.
pub async fn consumer_count(connection: &Connection, name: &str) -> Result<u32, DeclareError> {
    let channel = connection.create_channel().await?;
    let counts = queue_counts(&channel, name).await;
    let counts = counts.map_err(|source| object(name, source))?;
    close(&channel).await;
    Ok(counts.consumers)
}

/// Returns the number of ready messages of a queue. An error closes the channel.
pub(super) async fn message_count(channel: &Channel, queue: &str) -> lapin::Result<u32> {
    Ok(queue_counts(channel, queue).await?.messages)
}

/// What a passive declaration of a queue returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueCounts {
    /// The ready messages.
    pub messages: u32,
    /// The consumers.
    pub consumers: u32,
}

/// Returns the counts of a queue. An error closes the channel.
pub(super) async fn queue_counts(channel: &Channel, queue: &str) -> lapin::Result<QueueCounts> {
    let options = QueueDeclareOptions {
        passive: true,
        ..Default::default()
    };
    let declared = channel.queue_declare(queue.into(), options, FieldTable::default());
    let declared = declared.await?;
    Ok(QueueCounts {
        messages: declared.message_count(),
        consumers: declared.consumer_count(),
    })
}

/// Reply codes "access-refused", "not-found" and "precondition-failed" (AMQP 0-9-1 §1.1). Each closes the channel.
pub(super) const ACCESS_REFUSED: u16 = 403;
pub(super) const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;

pub(super) fn reply_code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}

fn object(name: &str, source: lapin::Error) -> DeclareError {
    DeclareError::Object {
        name: name.to_owned(),
        source,
    }
}

/// Returns whether a passive declaration found nothing, which has closed the channel.
fn is_missing<T>(found: lapin::Result<T>, name: &str) -> Result<bool, DeclareError> {
    match found {
        Ok(_) => Ok(false),
        Err(error) if reply_code(&error) == Some(NOT_FOUND) => Ok(true),
        Err(source) => Err(object(name, source)),
    }
}

async fn declare_exchange(
    channel: &Channel,
    exchange: &Exchange,
    passive: bool,
) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions {
        durable: true,
        passive,
        ..Default::default()
    };
    channel
        .exchange_declare(
            exchange.name.as_str().into(),
            exchange.kind.to_lapin(),
            options,
            exchange.arguments(),
        )
        .await
}

async fn declare_queue(channel: &Channel, queue: &Queue) -> lapin::Result<()> {
    let options = QueueDeclareOptions::durable();
    channel
        .queue_declare(queue.name.as_str().into(), options, queue.arguments())
        .await
        .map(|_| ())
}

async fn bind(
    channel: &Channel,
    queue: &str,
    binding: &Binding,
    options: QueueBindOptions,
) -> lapin::Result<()> {
    let mut arguments = FieldTable::default();
    let (exchange, key) = match binding {
        Binding::Header { exchange, channel } => {
            arguments = header_binding_arguments(channel);
            (exchange, "")
        }
        Binding::Key { exchange, key } => (exchange, key.as_str()),
        Binding::All { exchange } => (exchange, ""),
    };
    channel
        .queue_bind(
            queue.into(),
            exchange.as_str().into(),
            key.into(),
            options,
            arguments,
        )
        .await
}

/// The arguments of a binding by the header `channel`.
pub(super) fn header_binding_arguments(channel: &str) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-match".into(), AMQPValue::LongString("all".into()));
    arguments.insert("channel".into(), AMQPValue::LongString(channel.into()));
    arguments
}

/// Closes a channel. If this fails, the connection has ended, and its next use fails too.
pub(super) async fn close(channel: &Channel) {
    if let Err(error) = channel.close(200, "done".into()).await {
        tracing::debug!(%error, "closing a channel failed");
    }
}
