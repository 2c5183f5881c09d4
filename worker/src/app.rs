//! Builds and runs the worker.

use std::net::TcpListener;
use std::sync::Arc;

use anyhow::Context;
use tidings_broker::{BrokerSettings, ConsumerConnections, Publisher};
use tidings_db::Database;
use tidings_runtime::health::Health;
use tidings_runtime::telemetry::Metrics;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::connectivity::Connectivity;
use crate::consumers::Consumers;
use crate::delivery::Deliveries;
use crate::settings::WorkerSettings;
use crate::{probes, schema};

/// A worker that has bound its port but does not consume yet.
pub struct App {
    settings: WorkerSettings,
    metrics: Metrics,
    listener: TcpListener,
    database: Database,
    deliveries: Deliveries,
}

impl App {
    /// Binds the port of the probes and creates the connection pool. Connects to no server; [`App::run`]
    /// waits for servers that are down.
    ///
    /// # Errors
    ///
    /// Fails if the port is in use or a provider cannot be built.
    pub fn build(settings: WorkerSettings, metrics: Metrics) -> anyhow::Result<Self> {
        let address = (settings.probes.address, settings.probes.port);
        let listener = TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {}:{}", address.0, address.1))?;
        let database = Database::new(&settings.database, "tidings-worker")?;
        let providers = settings.providers.clone();
        let deliveries = Deliveries::build(
            &database,
            settings.delivery,
            settings.broker.max_retries,
            providers,
        )?;
        Ok(Self {
            settings,
            metrics,
            listener,
            database,
            deliveries,
        })
    }

    /// The port that the probes listen on.
    ///
    /// # Errors
    ///
    /// Fails if the operating system does not return the address.
    pub fn port(&self) -> std::io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Runs until `stop` is cancelled and all messages in progress are finished.
    ///
    /// # Errors
    ///
    /// Fails if the probes cannot be served, or if a task panics.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        tracing::info!(port = self.port()?, "listening");
        let health = Arc::new(Health::default());
        let connectivity = Arc::new(Connectivity::new(Arc::clone(&health)));
        let channels = probes::ChannelStates(self.deliveries.states());
        let probes = probes::serve(
            self.listener,
            Arc::clone(&health),
            channels,
            Arc::clone(&connectivity),
            self.metrics,
        )?;
        let (probes_handle, probes) = (probes.handle(), tokio::spawn(probes));
        let watch = tokio::spawn(tidings_db::monitor_health(
            self.database.clone(),
            Arc::clone(&health),
        ));

        // Cancelled after the consumers have ended, because they publish until then.
        let publishing = CancellationToken::new();
        let publisher_connectivity = Arc::clone(&connectivity);
        let (publisher, publisher_task) = Publisher::start(
            self.settings.broker.clone(),
            "tidings-worker: publishing",
            move |connected| publisher_connectivity.set_publisher(connected),
            publishing.clone(),
        );
        let policies = tokio::spawn(check_policies(
            publisher.clone(),
            self.settings.broker.clone(),
        ));
        let connections = Arc::new(ConsumerConnections::new(
            self.settings.broker.clone(),
            "tidings-worker: consuming",
        ));
        let consumers = Consumers {
            broker: &self.settings.broker,
            connections: Arc::clone(&connections),
            publisher,
            connectivity,
        };
        let consumers = consumers.all(&self.settings, &self.database, self.deliveries);

        let schema = schema::wait_until_current(&self.database, self.settings.schema);
        if stop.run_until_cancelled(schema).await.is_some() {
            health.set_initialised();
            let draining = Arc::clone(&health);
            let signal = stop.clone();
            tokio::spawn(async move {
                signal.cancelled().await;
                draining.set_draining();
            });
            let mut running = JoinSet::new();
            for consumer in consumers {
                running.spawn(consumer(stop.clone()));
            }
            while let Some(ended) = running.join_next().await {
                ended.context("a consumer panicked")?;
            }
        }
        connections.close().await;
        publishing.cancel();
        publisher_task.await.context("the publisher panicked")?;
        watch.abort();
        policies.abort();
        probes_handle.stop(true).await;
        probes
            .await
            .context("the probes panicked")?
            .context("the probes failed")
    }
}

/// Looks once for policies of RabbitMQ that harm the queues, as soon as the queues are declared.
async fn check_policies(publisher: Publisher, settings: BrokerSettings) {
    publisher.until_connected().await;
    tidings_broker::warn_of_harmful_policies(&settings).await;
}
