//! The API server: [`App::build`] and [`App::run`].

use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use metrics::gauge;
use tidings_broker::{Depths, MessageFactory, Publisher, WakePublisher};
use tidings_db::processes::ThisProcess;
use tidings_db::sending_switches::SendingSwitches;
use tidings_db::statistics::StatsWriter;
use tidings_db::{ControlState, Database, DatabaseSettings};
use tidings_domain::notification::DeliveredChannel;
use tidings_http::ByteBudget;
use tidings_runtime::health::Health;
use tidings_runtime::open_files;
use tidings_runtime::tasks::Tasks;
use tidings_runtime::telemetry::Metrics;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::acceptance::Acceptance;
use crate::accounts::AccountsState;
use crate::auth::Verifier;
use crate::auth::keys::ApiKeys;
use crate::connection_limit::max_grpc_connections;
use crate::grpc::{GrpcListener, GrpcServer};
use crate::handlers::notifications;
use crate::idempotency::Idempotency;
use crate::inbox::{Inboxes, InboxesSettings};
use crate::page_turn::PageTurn;
use crate::rate_limit::RateLimits;
use crate::serving::{max_client_connections, serve};
use crate::settings::ApiSettings;
use crate::shutdown::RequestsInFlight;
use crate::state::AppState;
use crate::system_checks::SystemChecks;
use crate::{dashboard, metrics_export, shutdown};

/// The API server, listening and not yet serving.
pub struct App {
    settings: ApiSettings,
    metrics: Metrics,
    listener: TcpListener,
    grpc_listener: Option<GrpcListener>,
    metrics_listener: Option<TcpListener>,
    verifier: Verifier,
    accounts: Option<Arc<AccountsState>>,
    database: Database,
    /// The connections that record notifications while RabbitMQ is away. Readers must not take them.
    accepting_database: Database,
    /// The connection that shares rate limits with other processes. Readers must not take it.
    limiting_database: Database,
    /// The connection that looks for what is new in inboxes, for all streams. Streams do not wait for readers of lists.
    looking_database: Database,
    publisher: Option<Publisher>,
}

impl App {
    /// Binds the port and creates the connection pool. Does not connect to RabbitMQ and PostgreSQL:
    /// [`App::run`] waits until they are available.
    ///
    /// # Errors
    ///
    /// Returns an error if the port is in use or the settings are not usable.
    pub fn build(settings: ApiSettings, metrics: Metrics) -> anyhow::Result<Self> {
        let address = settings.http.address;
        let listener = listen(address, settings.http.port)?;
        let metrics_listener = settings.http.metrics_port;
        let metrics_listener = metrics_listener.map(|port| listen(address, port));
        let metrics_listener = metrics_listener.transpose()?;
        let grpc_listener = settings.grpc.as_ref().map(GrpcListener::bind);
        let grpc_listener = grpc_listener.transpose()?;
        let database = Database::new(&settings.database, "tidings-api")?;
        let accounts = settings.accounts.clone();
        let accounts = accounts.map(|accounts| AccountsState::new(accounts, database.clone()));
        let accounts = accounts.transpose()?.map(Arc::new);
        let verifier = Verifier::new(&settings.auth).context("the keys cannot be used")?;
        let verifier = verifier.with_accounts(accounts.clone());
        let accepting = DatabaseSettings {
            pool_size: settings.acceptance.connections,
            ..settings.database.clone()
        };
        let accepting_database =
            Database::with_generic_plans(&accepting, "tidings-api: accepting")?;
        let limiting = DatabaseSettings {
            pool_size: 1,
            ..settings.database.clone()
        };
        let limiting_database =
            Database::with_generic_plans(&limiting, "tidings-api: rate limits")?;
        let looking = DatabaseSettings {
            pool_size: 1,
            ..settings.database.clone()
        };
        let looking_database = Database::with_generic_plans(&looking, "tidings-api: inboxes")?;
        Ok(Self {
            settings,
            metrics,
            listener,
            grpc_listener,
            metrics_listener,
            verifier,
            accounts,
            database,
            accepting_database,
            limiting_database,
            looking_database,
            publisher: None,
        })
    }

    /// Replaces the publisher.
    #[must_use]
    pub fn with_publisher(self, publisher: Publisher) -> Self {
        Self {
            publisher: Some(publisher),
            ..self
        }
    }

    /// The port on which the server listens.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system.
    pub fn port(&self) -> std::io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Serves until `stop` is cancelled and every request that has begun is answered.
    ///
    /// # Errors
    ///
    /// Returns an error if the server cannot start, fails or panics.
    #[expect(clippy::too_many_lines, reason = "the start of each part, in order")]
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let port = self.port()?;
        let health = Arc::new(Health::default());
        let in_flight = Arc::new(RequestsInFlight::default());
        let backlog_listener = self.listener.try_clone().context("cannot share the port")?;
        backlog_listener.set_nonblocking(true)?;
        // The tasks stop after the server, because the last requests need them.
        let stop_tasks = CancellationToken::new();
        let mut tasks = Tasks::default();
        self.watch_database(&health, &mut tasks, &stop_tasks);
        let pools = [
            &self.database,
            &self.accepting_database,
            &self.limiting_database,
            &self.looking_database,
        ];
        metrics_export::sample_pools(&self.metrics, pools.map(Database::clone));
        let queue_max_length = self.settings.http.queue_max_length;
        let database = self.database.clone();
        metrics_export::export(queue_max_length, database, &mut tasks, &stop_tasks);
        let metrics_server =
            metrics_export::serve(self.metrics_listener.take(), &self.metrics, &mut tasks)?;
        let statistics = StatsWriter::new(self.database.clone());
        tasks.spawn("statistics", statistics.run(stop_tasks.clone()));
        let process = ThisProcess {
            id: Uuid::new_v4(),
            program: "api",
            version: env!("CARGO_PKG_VERSION"),
            stages: Vec::new(),
        };
        let reporting = process.report_until(self.database.clone(), stop_tasks.clone(), Vec::new);
        tasks.spawn("process report", reporting);
        let control = self.watch_control_state(&mut tasks, &stop_tasks);
        let poll = self.settings.control_poll;
        let api_keys = ApiKeys::start(&self.database, poll, &mut tasks, &stop_tasks);
        self.watch_sessions(&mut tasks, &stop_tasks);
        self.maintain_logins(&mut tasks, &stop_tasks);
        if self.settings.providers.webhook.is_some() && !self.settings.secret_keys.can_seal() {
            tracing::warn!("SECRETS_KEY is not set: webhook endpoints cannot be created");
        }
        let publisher_health = Arc::clone(&health);
        let publisher = if let Some(publisher) = self.publisher {
            publisher_health.set_rabbitmq(true);
            publisher
        } else {
            let (publisher, task) = Publisher::start(
                self.settings.broker.clone(),
                "tidings-api: publishing",
                move |up| {
                    publisher_health.set_rabbitmq(up);
                },
                stop_tasks.clone(),
            );
            tasks.spawn_fallible("publisher", task);
            publisher
        };
        let (wakes, publishing) = WakePublisher::start(publisher.clone(), &self.settings.broker);
        let token = stop_tasks.clone();
        tasks.spawn("publishing of wakes", async move {
            token.run_until_cancelled(publishing).await;
        });
        let max_connections = max_client_connections(&self.settings)?;
        let inbox = InboxesSettings {
            max_streams: InboxesSettings::max_streams(max_connections),
            broker: self.settings.broker.clone(),
            poll: self.settings.inbox_poll,
            default_timezone: self.settings.default_timezone.clone(),
            shutdown_timeout: self.settings.shutdown.timeout,
        };
        let inbox = Inboxes::start(
            &inbox,
            &self.looking_database,
            wakes,
            &mut tasks,
            &stop_tasks,
        );
        let broker = self.settings.broker.clone();
        let (depths, asking) = Depths::start(publisher.clone(), broker, stop_tasks.clone());
        tasks.spawn_fallible("queue depths", asking);
        let acceptance = Acceptance::start(
            publisher,
            &self.accepting_database,
            self.settings.acceptance,
            &inbox,
            &mut tasks,
            &stop_tasks,
        );
        let readiness = (Arc::clone(&health), acceptance.clone());
        metrics_export::sample_readiness(&self.metrics, readiness.0, readiness.1);
        let limits = self.settings.rate_limits;
        let limiting = self.limiting_database;
        let rate_limits = RateLimits::start(limiting, limits, &mut tasks, &stop_tasks);
        let idempotency = Idempotency::start(
            &self.database,
            self.settings.idempotency,
            &mut tasks,
            &stop_tasks,
        );
        let state = AppState {
            verifier: Arc::new(self.verifier),
            api_keys,
            accounts: self.accounts,
            deletions: self.settings.deletions.clone(),
            trusted_proxies: self.settings.trusted_proxies.clone().into(),
            depths,
            acceptance,
            idempotency,
            rate_limits,
            message_factory: MessageFactory::new(&self.settings.broker),
            database: self.database,
            secret_keys: self.settings.secret_keys.clone(),
            health: Arc::clone(&health),
            control,
            in_flight: Arc::clone(&in_flight),
            metrics: metrics_server.is_none().then_some(self.metrics),
            request_bytes: ByteBudget::new(self.settings.http.max_request_bytes_in_flight),
            inbox: inbox.clone(),
            stream_tickets: Arc::new(self.settings.stream_tickets()),
            page_turns: Arc::new(PageTurn::semaphore(self.settings.database.pool_size)),
            statistics: Arc::default(),
            figures: Arc::default(),
            csv_files: Arc::new(notifications::csv::semaphore()),
            unsubscribe: self.settings.unsubscribe.clone(),
            http: self.settings.http,
            providers: self.settings.providers,
            egress: self.settings.egress.clone(),
            dashboard: self.settings.dashboard.clone(),
            trace_url: self.settings.trace_url.clone(),
            system_checks: Arc::new(SystemChecks::new(Arc::clone(&self.settings.sources))),
        };
        let grpc_settings = self.settings.grpc.as_ref().zip(self.grpc_listener);
        let grpc = grpc_settings.map(|(settings, listener)| {
            let connections = max_grpc_connections(open_files::limit());
            GrpcServer::start(listener, settings, state.clone(), connections, &mut tasks)
        });
        let grpc = grpc.transpose()?;
        let server = serve(self.listener, &self.settings, max_connections, state)?;
        let handle = server.handle();
        tasks.spawn_fallible("HTTP server", server);
        health.set_initialised();
        tracing::info!(port, "listening");

        let failure = tokio::select! {
            () = stop.cancelled() => None,
            failure = tasks.until_one_ends() => Some(failure),
        };
        if let Some(failure) = &failure {
            tracing::error!(%failure, "stopping: a task that must run until the end has ended");
        }
        let stopping = async {
            // From here on, responses close their connections, and new connections wait in the backlog.
            health.set_draining();
            handle.pause().await;
            if let Some(grpc) = &grpc {
                grpc.stop().await;
            }
            // No other stream is opened meanwhile.
            tokio::join!(in_flight.until_quiet(), inbox.end_streams());
            handle.stop(true).await;
            shutdown::answer_backlog(backlog_listener, &self.settings.origins).await;
            if let Some(server) = metrics_server {
                server.stop().await;
            }
            stop_tasks.cancel();
            tasks.join_all().await
        };
        match failure {
            None => Ok(stopping.await?),
            Some(failure) => {
                // Without a signal nothing else limits the time.
                let _ = tokio::time::timeout(self.settings.shutdown.timeout, stopping).await;
                Err(failure.into())
            }
        }
    }
}

impl App {
    /// Keeps the health of the database up to date.
    fn watch_database(&self, health: &Arc<Health>, tasks: &mut Tasks, stop: &CancellationToken) {
        let watching = tidings_db::monitor_health(self.database.clone(), Arc::clone(health));
        let stop = stop.clone();
        tasks.spawn("database watch", async move {
            stop.run_until_cancelled(watching).await;
        });
    }

    /// Keeps up to date which sessions of users have ended.
    fn watch_sessions(&self, tasks: &mut Tasks, stop: &CancellationToken) {
        let Some(accounts) = self.accounts.clone() else {
            return;
        };
        let poll = self.settings.control_poll;
        let (watching, watching_stop) = (Arc::clone(&accounts), stop.clone());
        tasks.spawn("ended sessions", async move {
            let watching = watching.watch_sessions(poll);
            watching_stop.run_until_cancelled(watching).await;
        });
        let stop = stop.clone();
        tasks.spawn("maintenance of accounts", async move {
            stop.run_until_cancelled(accounts.maintain()).await;
        });
    }

    /// Forgets old attempts to log in to the dashboard.
    fn maintain_logins(&self, tasks: &mut Tasks, stop: &CancellationToken) {
        let (maintaining, stop) = (dashboard::maintain(self.database.clone()), stop.clone());
        tasks.spawn("maintenance of logins", async move {
            stop.run_until_cancelled(maintaining).await;
        });
    }

    /// Returns what operators have stopped, which is kept up to date.
    fn watch_control_state(
        &self,
        tasks: &mut Tasks,
        stop: &CancellationToken,
    ) -> Arc<ControlState> {
        let control = Arc::new(ControlState::default());
        let switches = watch_switches(
            Arc::clone(&control),
            self.database.clone(),
            self.settings.control_poll,
        );
        let stop = stop.clone();
        tasks.spawn("control state", async move {
            stop.run_until_cancelled(switches).await;
        });
        control
    }
}

fn listen(address: IpAddr, port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((address, port)).with_context(|| format!("cannot listen on {address}:{port}"))
}

/// Keeps `control` and its metrics up to date. Never ends.
async fn watch_switches(control: Arc<ControlState>, database: Database, poll: Duration) {
    let apply =
        |switches: &SendingSwitches| {
            for channel in DeliveredChannel::ALL {
                let is_stopped = switches.stop_of(channel).is_some();
                gauge!("tidings_sending_stopped", "channel" => channel.as_str())
                    .set(if is_stopped { 1.0 } else { 0.0 });
            }
        };
    control.watch(&database, poll, apply).await;
}
