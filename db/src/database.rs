use std::time::Duration;

use deadpool_postgres::{Client, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use secrecy::ExposeSecret;

use crate::dedicated_client::DedicatedClient;
use crate::error::DbError;
use crate::settings::{self, DatabaseSettings};
use crate::tls::{self, TlsError};

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
    /// Longer than PostgreSQL's `statement_timeout`, so that this limit ends a statement only if the server
    /// does not answer at all.
    time_limit: Duration,
}

impl Database {
    /// Builds the pool without connecting. `pg_stat_activity` shows `application_name`.
    ///
    /// # Errors
    ///
    /// Returns a [`PoolError`] if a setting is invalid.
    pub fn new(settings: &DatabaseSettings, application_name: &str) -> Result<Self, PoolError> {
        let target = settings::parse(settings.url.expose_secret()).map_err(PoolError::Url)?;
        let connector = tls::connector(target.ssl_mode, target.ssl_root_cert.as_deref())?;
        let mut config = target.config;
        let timeout = format!(
            "-c statement_timeout={}",
            settings.statement_timeout.as_millis()
        );
        let options = config
            .get_options()
            .map_or(timeout.clone(), |own| format!("{own} {timeout}"));
        config
            .application_name(application_name)
            .options(options)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(Duration::from_secs(15))
            .keepalives_idle(Duration::from_secs(15));
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let pool = Pool::builder(Manager::from_config(config, connector, recycling))
            .max_size(settings.pool_size)
            .wait_timeout(Some(CONNECT_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .recycle_timeout(Some(CONNECT_TIMEOUT))
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(Self {
            pool,
            time_limit: settings.statement_timeout + EXTRA_TIME,
        })
    }

    /// Takes a connection out of the pool for this caller alone.
    ///
    /// # Errors
    ///
    /// Returns [`DbError::Unavailable`] if no connection is available within 5 s.
    pub async fn dedicated_client(&self) -> Result<DedicatedClient, DbError> {
        Ok(DedicatedClient::new(self.pool.get().await?))
    }

    /// Runs `work` on a connection of the pool. Each statement is committed by itself, and nothing is
    /// retried: see [`Database::transaction`].
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
        work: impl AsyncFnOnce(&Client) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.limit_time(async {
            let client = self.dedicated_client().await?;
            let result = work(&client).await;
            let usable = result
                .as_ref()
                .err()
                .is_none_or(DbError::leaves_connection_usable);
            if usable {
                client.return_to_pool();
            }
            result
        })
        .await
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
