//! The API server: [`App::build`] and [`App::run`].

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{HttpServer, dev::Server};
use anyhow::Context;
use tidings_broker::{Depths, MessageFactory, Publisher};
use tidings_db::Database;
use tidings_runtime::health::Health;
use tidings_runtime::telemetry::Metrics;
use tokio_util::sync::CancellationToken;

use crate::auth::Verifier;
use crate::settings::ApiSettings;
use crate::shutdown::RequestsInFlight;
use crate::state::AppState;
use crate::{handlers, middleware, shutdown};

/// How long an idle connection stays open. Longer than the usual 60 s of reverse proxies, so that the proxy and
/// not the API closes the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// The API server, listening and not yet serving.
pub struct App {
    settings: ApiSettings,
    metrics: Metrics,
    listener: TcpListener,
    verifier: Verifier,
    database: Database,
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
        let address = (settings.http.address, settings.http.port);
        let listener = TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {}:{}", address.0, address.1))?;
        let verifier = Verifier::new(&settings.auth).context("the keys cannot be used")?;
        let database = Database::new(&settings.database, "tidings-api")?;
        Ok(Self {
            settings,
            metrics,
            listener,
            verifier,
            database,
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
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let port = self.port()?;
        let health = Arc::new(Health::default());
        let in_flight = Arc::new(RequestsInFlight::default());
        let backlog_listener = self.listener.try_clone().context("cannot share the port")?;
        backlog_listener.set_nonblocking(true)?;
        let database_watch = tokio::spawn(tidings_db::monitor_health(
            self.database.clone(),
            Arc::clone(&health),
        ));
        // The publisher stops after the server, because the last requests need it.
        let stop_publishing = CancellationToken::new();
        let publisher_health = Arc::clone(&health);
        let (publisher, publisher_task) = match self.publisher {
            Some(publisher) => {
                publisher_health.set_rabbitmq(true);
                (publisher, tokio::spawn(async {}))
            }
            None => Publisher::start(
                self.settings.broker.clone(),
                "tidings-api: publishing",
                move |up| {
                    publisher_health.set_rabbitmq(up);
                },
                stop_publishing.clone(),
            ),
        };
        let names = self.settings.broker.names.clone();
        let state = AppState {
            verifier: Arc::new(self.verifier),
            depths: Depths::start(publisher.clone(), names, stop_publishing.clone()),
            publisher,
            message_factory: MessageFactory::new(&self.settings.broker),
            database: self.database,
            health: Arc::clone(&health),
            in_flight: Arc::clone(&in_flight),
            metrics: self.metrics,
            http: self.settings.http,
            providers: self.settings.providers,
            egress: self.settings.egress.clone(),
        };
        let server = serve(self.listener, &self.settings, state)?;
        let handle = server.handle();
        let server = tokio::spawn(server);
        health.set_initialised();
        tracing::info!(port, "listening");

        stop.cancelled().await;
        // From here on, responses close their connections, and new connections wait in the backlog.
        health.set_draining();
        handle.pause().await;
        in_flight.until_quiet().await;
        handle.stop(true).await;
        shutdown::answer_backlog(backlog_listener).await;
        server
            .await
            .context("the server panicked")?
            .context("the server failed")?;
        stop_publishing.cancel();
        publisher_task.await.context("the publisher panicked")?;
        database_watch.abort();
        Ok(())
    }
}

fn serve(listener: TcpListener, settings: &ApiSettings, state: AppState) -> anyhow::Result<Server> {
    let state = Data::new(state);
    let mut server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(state.clone())
            .wrap(from_fn(middleware::wrap))
            .configure(handlers::register)
    });
    if let Some(workers) = settings.http.workers {
        server = server.workers(workers);
    }
    let server = server
        .keep_alive(KEEP_ALIVE)
        // Applies to connections without a request so far. After the default, 5 s, the server would send 408.
        // Clients keep spare connections, and a client that is about to send a request on one would take the 408
        // for the response.
        .client_request_timeout(KEEP_ALIVE)
        .shutdown_timeout(settings.shutdown.timeout.as_secs())
        .disable_signals()
        .listen(listener)
        .context("cannot serve the port")?;
    Ok(server.run())
}
