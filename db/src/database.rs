use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool_postgres::{
    Client, Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime,
};
use secrecy::ExposeSecret;

use crate::conflict_retry::retry_conflicts;
use crate::dedicated_client::DedicatedClient;
use crate::error::DbError;
use crate::pool_metrics::PoolMetrics;
use crate::session::{self, Plans, Pooler};
use crate::settings::{self, DatabaseSettings};
use crate::tls::{self, TlsError};
use tokio_postgres::config::ChannelBinding;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The time limit for each of: waiting for the pool, connecting, checking a pooled connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long PostgreSQL may take to answer [`Database::ping`].
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// How much longer than the statement timeout a piece of work may take, waiting for a connection included.
const EXTRA_TIME: Duration = Duration::from_secs(5);

/// Why the pool cannot be built. The cause is always a setting: building the pool connects to no server.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// `DATABASE_URL` is invalid.
    #[error("DATABASE_URL: {0}")]
    Url(String),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A setting of the pool is invalid.
    #[error(transparent)]
    Build(#[from] deadpool_postgres::BuildError),
}

/// A pool of connections to PostgreSQL, which are opened on demand. Clones share the pool.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    metrics: PoolMetrics,
    /// Longer than PostgreSQL's `statement_timeout`, so that this limit ends a statement only if the server
    /// does not answer at all.
    time_limit: Duration,
    /// For connections that do not belong to the pool.
    config: tokio_postgres::Config,
    connector: MakeRustlsConnect,
    pooler: Pooler,
    /// States the settings of a transaction, for a pooler in transaction mode.
    transaction_settings: Arc<str>,
}

impl Database {
    /// Builds the pool without connecting. `pg_stat_activity` shows `application_name`.
    ///
    /// # Errors
    ///
    /// Returns a [`PoolError`] if a setting is invalid.
    pub fn new(settings: &DatabaseSettings, application_name: &str) -> Result<Self, PoolError> {
        Self::planning(Plans::Automatic, settings, application_name)
    }

    /// Like [`Self::new`], for programs that read and write rows by their keys, again and again: each connection plans a
    /// statement once.
    ///
    /// # Errors
    ///
    /// Returns a [`PoolError`] if a setting is invalid.
    pub fn with_generic_plans(
        settings: &DatabaseSettings,
        application_name: &str,
    ) -> Result<Self, PoolError> {
        Self::planning(Plans::Generic, settings, application_name)
    }

    fn planning(
        plans: Plans,
        settings: &DatabaseSettings,
        application_name: &str,
    ) -> Result<Self, PoolError> {
        let target = settings::parse(settings.url.expose_secret()).map_err(PoolError::Url)?;
        let connector = tls::connector(target.ssl_mode, target.ssl_root_cert.as_deref())?;
        let mut config = target.config;
        if settings.channel_binding {
            config.channel_binding(ChannelBinding::Require);
        }
        config
            .application_name(application_name)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(Duration::from_secs(15))
            .keepalives_idle(Duration::from_secs(15));
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let statements = |local| {
            session::statements(
                settings.statement_timeout,
                plans,
                settings.schema.as_deref(),
                local,
            )
        };
        let manager = Manager::from_config(config.clone(), connector.clone(), recycling);
        let builder = Pool::builder(manager)
            .max_size(settings.pool_size)
            .wait_timeout(Some(CONNECT_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .recycle_timeout(Some(CONNECT_TIMEOUT))
            .runtime(Runtime::Tokio1);
        // Not as startup parameter `options`, which poolers refuse. A pooler in transaction mode would apply settings of
        // a session to other clients.
        let builder = match settings.pooler {
            Pooler::Transaction => builder,
            Pooler::None => builder.post_create(session_settings(statements(false))),
        };
        Ok(Self {
            pool: builder.build()?,
            metrics: PoolMetrics::new(application_name),
            time_limit: settings.statement_timeout + EXTRA_TIME,
            config,
            connector,
            pooler: settings.pooler,
            transaction_settings: statements(true).into(),
        })
    }

    /// Whether connections go through a pooler in transaction mode, as the settings say.
    #[must_use]
    pub(crate) const fn pooler(&self) -> Pooler {
        self.pooler
    }

    /// Opens a connection that does not belong to the pool and has no session settings.
    pub(crate) async fn separate_client(&self) -> Result<tokio_postgres::Client, DbError> {
        let connecting = self.config.connect(self.connector.clone());
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
        let (client, connection) = connected.map_err(|_| DbError::TimedOut)??;
        // Ends with the client. The client gets the errors.
        tokio::spawn(connection);
        Ok(client)
    }

    /// The statements that a transaction begins with, if its server connection does not have the settings yet.
    pub(crate) fn transaction_settings(&self) -> Option<&str> {
        match self.pooler {
            Pooler::None => None,
            Pooler::Transaction => Some(&self.transaction_settings),
        }
    }

    /// Takes a connection out of the pool for this caller alone.
    ///
    /// # Errors
    ///
    /// Returns [`DbError::Unavailable`] if no connection is available within 5 s.
    pub async fn dedicated_client(&self) -> Result<DedicatedClient, DbError> {
        let start = Instant::now();
        let taken = self.pool.get().await;
        self.metrics.waited(start.elapsed());
        Ok(DedicatedClient::new(taken?))
    }

    /// Exports how many connections the pool has now.
    pub fn export_pool(&self) {
        self.metrics.show(&self.pool);
    }

    /// Runs `work` on a connection of the pool. Each statement is committed by itself (with a pooler in transaction mode,
    /// all of them together). For statements that belong together, see [`Database::transaction`].
    ///
    /// Runs `work` again at once, at most [`MAX_CONFLICT_RETRIES`](crate::MAX_CONFLICT_RETRIES) times, if PostgreSQL
    /// aborts a statement with a serialization failure (40001) or a deadlock (40P01). So the statements before it must
    /// do no harm if they run twice.
    ///
    /// The connection is closed if `work` panics, is dropped or loses the connection, so that no other caller
    /// waits for a statement that still runs.
    ///
    /// # Errors
    ///
    /// Returns the error of `work`, [`DbError::Unavailable`] if no connection is available, and
    /// [`DbError::TimedOut`] if all of this takes longer than the statement timeout and 5 s.
    pub async fn run<T>(
        &self,
        // Not `AsyncFn`, as for `transaction`.
        work: impl AsyncFnOnce(&Client) -> Result<T, DbError> + Clone,
    ) -> Result<T, DbError> {
        self.limit_time(retry_conflicts(|| self.run_once(work.clone())))
            .await
    }

    async fn run_once<T>(
        &self,
        work: impl AsyncFnOnce(&Client) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let client = self.dedicated_client().await?;
        let result = match self.transaction_settings() {
            None => work(&client).await,
            Some(settings) => pooled(&client, settings, work).await,
        };
        let usable = result
            .as_ref()
            .err()
            .is_none_or(DbError::leaves_connection_usable);
        if usable {
            client.return_to_pool();
        }
        result
    }

    /// Drops `work` if the server does not answer at all.
    pub(crate) async fn limit_time<T>(
        &self,
        work: impl Future<Output = Result<T, DbError>>,
    ) -> Result<T, DbError> {
        tokio::time::timeout(self.time_limit, work)
            .await
            .unwrap_or(Err(DbError::TimedOut))
    }

    /// Checks that PostgreSQL answers within 2 s.
    ///
    /// # Errors
    ///
    /// Returns the reason if PostgreSQL does not answer.
    pub async fn ping(&self) -> Result<(), DbError> {
        let ping = self.run(async |client| {
            client.simple_query("SELECT 1").await?;
            Ok(())
        });
        tokio::time::timeout(PING_TIMEOUT, ping)
            .await
            .unwrap_or(Err(DbError::TimedOut))
    }
}

/// States the settings of every new connection.
fn session_settings(statements: String) -> Hook {
    Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
        let statements = statements.clone();
        Box::pin(async move {
            let stated = client.batch_execute(&statements).await;
            stated.map_err(HookError::Backend)
        })
    })
}

/// Runs `work` in one transaction, so that a pooler in transaction mode keeps its server connection. The prepared
/// statements are closed before the end: the next transaction may get another server connection.
async fn pooled<T>(
    client: &Client,
    settings: &str,
    work: impl AsyncFnOnce(&Client) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED;{settings}");
    client.batch_execute(&begin).await?;
    let result = work(client).await;
    client.statement_cache.clear();
    let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
    match (client.batch_execute(end).await, result) {
        (Err(error), Ok(_)) => Err(error.into()),
        (_, result) => result,
    }
}
