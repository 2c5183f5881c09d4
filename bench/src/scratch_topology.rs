//! Names for the queues and exchanges of one measurement, and their deletion.

use tidings_broker::raw::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use tidings_broker::{BrokerSettings, TopologyNames};
use tidings_broker::{Topology, connect, disconnect};
use uuid::Uuid;

/// `settings` with unique names for queues and exchanges.
pub fn with_unique_names(settings: &BrokerSettings) -> BrokerSettings {
    let prefix = format!("tidings-bench-{}", Uuid::new_v4().simple());
    BrokerSettings {
        names: TopologyNames {
            queue: prefix.clone(),
            dlq: format!("{prefix}.dlq"),
            exchange: prefix,
        },
        ..settings.clone()
    }
}

/// Deletes the queues and exchanges of `settings`, with their messages.
///
/// # Errors
///
/// Returns an error if RabbitMQ is unavailable.
pub async fn delete(settings: &BrokerSettings) -> anyhow::Result<()> {
    let connection = connect(settings, "tidings-bench").await?;
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
    disconnect(&connection).await;
    Ok(())
}
