//! Queues and exchanges of a measurement's own.

use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use tidings_broker::{BrokerSettings, Names};
use tidings_broker::{Topology, connect};
use uuid::Uuid;

/// `settings` with names that nobody else uses.
pub fn apart(settings: &BrokerSettings) -> BrokerSettings {
    let prefix = format!("tidings-bench-{}", Uuid::new_v4().simple());
    BrokerSettings {
        names: Names {
            queue: prefix.clone(),
            dlq: format!("{prefix}.dlq"),
            exchange: prefix,
        },
        ..settings.clone()
    }
}

/// Deletes everything that goes by the names of `settings`, messages included.
///
/// # Errors
///
/// Where RabbitMQ is away.
pub async fn delete(settings: &BrokerSettings) -> anyhow::Result<()> {
    let connection = connect(settings, "tidings bench").await?;
    let channel = connection.create_channel().await?;
    let topology = Topology::of(settings);
    for queue in topology.queues {
        let name = queue.name.as_str().into();
        let options = QueueDeleteOptions::default();
        channel.queue_delete(name, options).await?;
    }
    for exchange in topology.exchanges {
        let name = exchange.name.as_str().into();
        let options = ExchangeDeleteOptions::default();
        channel.exchange_delete(name, options).await?;
    }
    // Says that the channel is closing, where it still is.
    let _ = connection.close(200, "done".into()).await;
    Ok(())
}
