//! Builds and runs the worker.

use std::net::{IpAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;

use anyhow::Context;
use tidings_broker::{BrokerSettings, ConsumerConnections, Publisher, WakePublisher};
use tidings_db::processes::ThisProcess;
use tidings_db::statistics::StatsWriter;
use tidings_db::{ControlState, Database};
use tidings_domain::notification::DeliveredChannel;
use tidings_runtime::health::Health;
use tidings_runtime::tasks::{TaskError, Tasks};
use tidings_runtime::telemetry::Metrics;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::connectivity::Connectivity;
use crate::consumers::{Consumers, StartConsumer};
use crate::delivery::Deliveries;
use crate::settings::WorkerSettings;
use crate::{
    endpoint_secrets_check, metrics_export, probe_requests, probes, schema, sending_stops,
};

/// A worker that has bound its port but does not consume yet.
pub struct App {
    settings: WorkerSettings,
    metrics: Metrics,
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    database: Database,
    deliveries: Deliveries,
    wakes: Option<WakePublisher>,
}

impl App {
    /// Binds the port of the probes and creates the connection pool. Connects to no server; [`App::run`]
    /// waits for servers that are down.
    ///
    /// # Errors
    ///
    /// Fails if the port is in use or a provider cannot be built.
    pub fn build(settings: WorkerSettings, metrics: Metrics) -> anyhow::Result<Self> {
        let address = settings.probes.address;
        let listener = listen(address, settings.probes.port)?;
        let metrics_listener = settings.probes.metrics_port;
        let metrics_listener = metrics_listener.map(|port| listen(address, port));
        let metrics_listener = metrics_listener.transpose()?;
        let database = Database::with_generic_plans(&settings.database, "tidings-worker")?;
        let providers = settings.providers.clone();
        let deliveries = Deliveries::build(
            &database,
            settings.delivery.clone(),
            settings.broker.max_retries,
            providers,
            &settings.secret_keys,
            settings.unsubscribe.clone(),
        )?;
        Ok(Self {
            settings,
            metrics,
            listener,
            metrics_listener,
            database,
            deliveries,
            wakes: None,
        })
    }

    /// Replaces the publisher of wakes.
    #[must_use]
    pub fn with_wakes(self, wakes: WakePublisher) -> Self {
        Self {
            wakes: Some(wakes),
            ..self
        }
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
    /// Fails if the probes cannot be served, if a task panics, and in production if there are webhook endpoints and no
    /// `SECRETS_KEY`.
    #[expect(clippy::too_many_lines, reason = "the start of each part, in order")]
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        tracing::info!(port = self.port()?, "listening");
        let health = Arc::new(Health::default());
        let connectivity = Arc::new(Connectivity::new(Arc::clone(&health)));
        let channels = probes::ChannelStates(self.deliveries.states());
        let mut tasks = Tasks::default();
        metrics_export::sample(&self.metrics, self.database.clone(), Arc::clone(&health));
        let metrics_server =
            metrics_export::serve(self.metrics_listener.take(), &self.metrics, &mut tasks)?;
        let probes = probes::serve(
            self.listener,
            Arc::clone(&health),
            channels,
            Arc::clone(&connectivity),
            metrics_server.is_none().then_some(self.metrics),
        )?;
        let probes_handle = probes.handle();
        tasks.spawn_fallible("probes", probes);
        // The tasks stop after the consumers, which publish until their end.
        let stop_tasks = CancellationToken::new();
        let watching = tidings_db::monitor_health(self.database.clone(), Arc::clone(&health));
        spawn_until(&mut tasks, "database watch", &stop_tasks, watching);
        let publisher_connectivity = Arc::clone(&connectivity);
        let (publisher, publishing) = Publisher::start(
            self.settings.broker.clone(),
            "tidings-worker: publishing",
            move |connected| publisher_connectivity.set_publisher(connected),
            stop_tasks.clone(),
        );
        tasks.spawn_fallible("publisher", publishing);
        let statistics = StatsWriter::new(self.database.clone());
        tasks.spawn("statistics", statistics.run(stop_tasks.clone()));
        if self.settings.stages.scheduler {
            let exporting = tidings_db::overview::export_metrics(self.database.clone());
            spawn_until(
                &mut tasks,
                "metrics of the installation",
                &stop_tasks,
                exporting,
            );
        }
        let control = Arc::new(ControlState::default());
        let switches = sending_stops::watch(
            Arc::clone(&control),
            self.database.clone(),
            self.settings.control_poll,
            self.deliveries.states(),
        );
        spawn_until(&mut tasks, "control state", &stop_tasks, switches);
        let requests = probe_requests::watch(
            self.database.clone(),
            self.settings.control_poll,
            self.deliveries.states(),
        );
        spawn_until(&mut tasks, "probe requests", &stop_tasks, requests);
        let process = ThisProcess {
            id: Uuid::new_v4(),
            program: "worker",
            version: env!("CARGO_PKG_VERSION"),
            stages: self.settings.stages.names(),
        };
        let states = self.deliveries.states();
        let reporting =
            process.report_until(self.database.clone(), stop_tasks.clone(), move || {
                states.iter().map(|state| state.report()).collect()
            });
        tasks.spawn("process report", reporting);
        let policies = tokio::spawn(check_policies(
            publisher.clone(),
            self.settings.broker.clone(),
        ));
        let connections = Arc::new(ConsumerConnections::new(
            self.settings.broker.clone(),
            "tidings-worker: consuming",
        ));
        let wakes = self.wakes.unwrap_or_else(|| {
            let broker = &self.settings.broker;
            let (wakes, publishing) = WakePublisher::start(publisher.clone(), broker);
            spawn_until(&mut tasks, "publishing of wakes", &stop_tasks, publishing);
            wakes
        });
        let consumers = Consumers {
            broker: &self.settings.broker,
            connections: Arc::clone(&connections),
            publisher,
            wakes,
            connectivity,
            control: Arc::clone(&control),
        };
        let consumers = consumers.all(&self.settings, &self.database, self.deliveries);

        // Cancelled by `stop`, and by a task that ends by itself.
        let stop_consuming = stop.child_token();
        let consuming = async {
            let prepared = prepare(&self.database, &self.settings);
            let Some(prepared) = stop_consuming.run_until_cancelled(prepared).await else {
                return Ok(());
            };
            prepared?;
            // No consumer may start before the gates of stopped channels are closed.
            let known = stop_consuming.run_until_cancelled(control.until_known());
            if known.await.is_none() {
                return Ok(());
            }
            health.set_initialised();
            Ok(run_consumers(consumers, &stop_consuming, &health).await?)
        };
        let mut consuming = pin!(consuming);
        let result: anyhow::Result<()> = tokio::select! {
            result = &mut consuming => result,
            failure = tasks.until_one_ends() => {
                tracing::error!(%failure, "stopping: a task that must run until the end has ended");
                health.set_draining();
                stop_consuming.cancel();
                // Without a signal nothing else limits the time.
                let _ = tokio::time::timeout(self.settings.shutdown.timeout, consuming).await;
                Err(failure.into())
            }
        };
        connections.close().await;
        policies.abort();
        stop_tasks.cancel();
        probes_handle.stop(true).await;
        if let Some(server) = metrics_server {
            server.stop().await;
        }
        let ended = tasks.join_all().await;
        result?;
        Ok(ended?)
    }
}

fn listen(address: IpAddr, port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((address, port)).with_context(|| format!("cannot listen on {address}:{port}"))
}

/// Runs a task that can be dropped at any time until `stop` is cancelled.
fn spawn_until<T>(
    tasks: &mut Tasks,
    name: &'static str,
    stop: &CancellationToken,
    task: impl Future<Output = T> + Send + 'static,
) {
    let stop = stop.clone();
    tasks.spawn(name, async move {
        stop.run_until_cancelled(task).await;
    });
}

/// Waits until the database is ready for messages.
async fn prepare(database: &Database, settings: &WorkerSettings) -> anyhow::Result<()> {
    schema::wait_until_current(database, settings.schema, &settings.secret_keys).await;
    if settings
        .stages
        .channels
        .contains(&DeliveredChannel::Webhook)
    {
        endpoint_secrets_check::require_key(database, &settings.secret_keys).await?;
    }
    Ok(())
}

/// Runs the consumers until `stop` is cancelled and all of them have drained.
async fn run_consumers(
    consumers: Vec<StartConsumer>,
    stop: &CancellationToken,
    health: &Health,
) -> Result<(), TaskError> {
    let mut running = Tasks::default();
    for consumer in consumers {
        running.spawn("consumer", consumer(stop.clone()));
    }
    let failure = tokio::select! {
        biased;
        () = stop.cancelled() => None,
        failure = running.until_one_ends() => Some(failure),
    };
    health.set_draining();
    match failure {
        None => running.join_all().await,
        // What the others hold returns to its queue with their connections.
        Some(failure) => {
            tracing::error!(%failure, "stopping: a consumer has ended");
            Err(failure)
        }
    }
}

/// Looks once for policies of RabbitMQ that harm the queues, as soon as the queues are declared.
async fn check_policies(publisher: Publisher, settings: BrokerSettings) {
    publisher.until_connected().await;
    tidings_broker::warn_of_harmful_policies(&settings).await;
}
