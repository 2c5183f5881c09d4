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

/// Declares the exchanges, queues and bindings that do not exist. Returns the names of the objects that exist with
/// other arguments; they are used as they are.
///
/// # Errors
///
/// Returns [`DeclareError::Object`] if the broker refuses an object, and [`DeclareError::Channel`] if no channel can be
/// opened.
pub async fn declare(
    connection: &Connection,
    topology: &Topology,
) -> Result<Vec<String>, DeclareError> {
    let mut drifted = Vec::new();
    let mut channel = connection.create_channel().await?;
    for exchange in &topology.exchanges {
        let declared = declare_exchange(&channel, exchange).await;
        if !exists_as_declared(declared, &exchange.name)? {
            drifted.push(exchange.name.clone());
            channel = connection.create_channel().await?;
        }
    }
    for queue in &topology.queues {
        let declared = declare_queue(&channel, queue).await;
        if !exists_as_declared(declared, &queue.name)? {
            drifted.push(queue.name.clone());
            channel = connection.create_channel().await?;
        }
        for binding in &queue.bindings {
            bind(&channel, &queue.name, binding)
                .await
                .map_err(|source| object(&queue.name, source))?;
        }
    }
    close(&channel).await;
    Ok(drifted)
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

/// Returns the number of ready messages of a queue, or `None` if the queue does not exist.
///
/// # Errors
///
/// Fails if the broker cannot be reached.
pub async fn queue_depth(connection: &Connection, name: &str) -> Result<Option<u32>, DeclareError> {
    let channel = connection.create_channel().await?;
    let options = QueueDeclareOptions {
        passive: true,
        ..Default::default()
    };
    match channel
        .queue_declare(name.into(), options, FieldTable::default())
        .await
    {
        Ok(queue) => {
            close(&channel).await;
            Ok(Some(queue.message_count()))
        }
        Err(error) if reply_code(&error) == Some(NOT_FOUND) => Ok(None),
        Err(source) => Err(object(name, source)),
    }
}

/// Reply codes "not-found" and "precondition-failed" (AMQP 0-9-1 §1.1). Both close the channel.
const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;

fn reply_code(error: &lapin::Error) -> Option<u16> {
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

/// Returns whether the object exists as declared. `false` means that it exists with other arguments, which has closed
/// the channel.
fn exists_as_declared(declared: lapin::Result<()>, name: &str) -> Result<bool, DeclareError> {
    match declared {
        Ok(()) => Ok(true),
        Err(error) if reply_code(&error) == Some(PRECONDITION_FAILED) => Ok(false),
        Err(source) => Err(object(name, source)),
    }
}

async fn declare_exchange(channel: &Channel, exchange: &Exchange) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions {
        durable: true,
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

async fn bind(channel: &Channel, queue: &str, binding: &Binding) -> lapin::Result<()> {
    let mut arguments = FieldTable::default();
    let (exchange, key) = match binding {
        Binding::Header { exchange, channel } => {
            arguments.insert("x-match".into(), AMQPValue::LongString("all".into()));
            arguments.insert("channel".into(), AMQPValue::LongString((*channel).into()));
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
            QueueBindOptions::default(),
            arguments,
        )
        .await
}

/// Closes a channel. If this fails, the connection has ended, and its next use fails too.
async fn close(channel: &Channel) {
    if let Err(error) = channel.close(200, "done".into()).await {
        tracing::debug!(%error, "closing a channel failed");
    }
}
