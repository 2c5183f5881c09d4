//! The API as a whole: built, then run.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{HttpServer, dev::Server};
use anyhow::Context;
use tidings_broker::{Depths, Publisher, Router};
use tidings_db::Database;
use tidings_runtime::health::Health;
use tidings_runtime::telemetry::Metrics;
use tokio_util::sync::CancellationToken;

use crate::auth::Verifier;
use crate::in_flight::InFlight;
use crate::settings::Settings;
use crate::state::AppState;
use crate::{context, farewell, handlers};

/// How long a connection may idle. Longer than the usual 60 s of proxies in front, so that it is
/// they who close.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// The API, listening and not yet serving.
pub struct App {
    settings: Settings,
    metrics: Metrics,
    listener: TcpListener,
    verifier: Verifier,
    database: Database,
    publisher: Option<Publisher>,
}

impl App {
    /// Takes the port and makes the pool. Connects to nobody: servers that are away are waited for
    /// by [`App::run`].
    ///
    /// # Errors
    ///
    /// Where the port is taken or the settings cannot be used.
    pub fn build(settings: Settings, metrics: Metrics) -> anyhow::Result<Self> {
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

    /// The same, publishing by `publisher` instead of one of its own.
    #[must_use]
    pub fn publishing_by(self, publisher: Publisher) -> Self {
        Self {
            publisher: Some(publisher),
            ..self
        }
    }

    /// The port that it listens on.
    ///
    /// # Errors
    ///
    /// Where the operating system does not know it.
    pub fn port(&self) -> std::io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Serves until `stop` is cancelled and every request that was begun is answered.
    ///
    /// # Errors
    ///
    /// Where the port cannot be served.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let port = self.port()?;
        let health = Arc::new(Health::default());
        let in_flight = Arc::new(InFlight::default());
        let backlog = self.listener.try_clone().context("cannot share the port")?;
        backlog.set_nonblocking(true)?;
        let watch = tokio::spawn(tidings_db::monitor_health(
            self.database.clone(),
            Arc::clone(&health),
        ));
        // The publisher outlives the server, whose last requests need it.
        let publishing = CancellationToken::new();
        let telling = Arc::clone(&health);
        let (publisher, publisher_task) = match self.publisher {
            Some(publisher) => {
                telling.set_rabbitmq(true);
                (publisher, tokio::spawn(async {}))
            }
            None => Publisher::start(
                self.settings.broker.clone(),
                "tidings-api: publishing",
                move |up| {
                    telling.set_rabbitmq(up);
                },
                publishing.clone(),
            ),
        };
        let names = self.settings.broker.names.clone();
        let state = AppState {
            verifier: Arc::new(self.verifier),
            depths: Depths::start(publisher.clone(), names, publishing.clone()),
            publisher,
            router: Router::new(&self.settings.broker),
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
        // From now on answers close their connections, and new ones wait in the backlog.
        health.set_draining();
        handle.pause().await;
        in_flight.until_quiet().await;
        handle.stop(true).await;
        farewell::say(backlog).await;
        server
            .await
            .context("the server panicked")?
            .context("the server failed")?;
        publishing.cancel();
        publisher_task.await.context("the publisher panicked")?;
        watch.abort();
        Ok(())
    }
}

fn serve(listener: TcpListener, settings: &Settings, state: AppState) -> anyhow::Result<Server> {
    let state = Data::new(state);
    let mut server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(state.clone())
            .wrap(from_fn(context::wrap))
            .configure(handlers::register)
    });
    if let Some(workers) = settings.http.workers {
        server = server.workers(workers);
    }
    let server = server
        .keep_alive(KEEP_ALIVE)
        // Nor does a connection that has carried nothing yet end before one that has. After the default, 5 s,
        // it would be sent a 408: clients keep a connection or two in reserve, and who was about to post on
        // such a one would take that for the answer.
        .client_request_timeout(KEEP_ALIVE)
        .shutdown_timeout(settings.shutdown.timeout.as_secs())
        .disable_signals()
        .listen(listener)
        .context("cannot serve the port")?;
    Ok(server.run())
}
