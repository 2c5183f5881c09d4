use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use secrecy::ExposeSecret;

use crate::error::DbError;
use crate::settings::{self, DatabaseSettings};
use crate::tls::{self, TlsError};

/// How long a connection may take to be had, be it from the pool or from the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no pool. Only wrong settings can do this: a server that is away cannot.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// `DATABASE_URL` cannot be used.
    #[error("DATABASE_URL: {0}")]
    Url(String),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The pool's own settings.
    #[error(transparent)]
    Build(#[from] deadpool_postgres::BuildError),
}

/// PostgreSQL behind a pool of connections, made when they are needed. Clones share the pool.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    /// Longer than PostgreSQL's own `statement_timeout`, so that this one ends a query only where
    /// the server does not answer at all.
    patience: Duration,
}

impl Database {
    /// Makes the pool, connecting to nobody yet. `application_name` is what `pg_stat_activity`
    /// shows.
    ///
    /// # Errors
    ///
    /// Where the settings cannot be used.
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
            patience: settings.statement_timeout + Duration::from_secs(5),
        })
    }

    /// A connection.
    ///
    /// # Errors
    ///
    /// Where none can be had in time.
    pub async fn client(&self) -> Result<Client, DbError> {
        Ok(Client {
            object: Some(self.pool.get().await?),
            keep: false,
        })
    }

    /// Runs `work`, giving up when the server does not answer at all. `work` takes its connection by
    /// [`Database::client`], so that giving up also drops that.
    ///
    /// # Errors
    ///
    /// Those of `work`, and [`DbError::TimedOut`].
    pub async fn patiently<T>(
        &self,
        work: impl Future<Output = Result<T, DbError>>,
    ) -> Result<T, DbError> {
        tokio::time::timeout(self.patience, work)
            .await
            .unwrap_or(Err(DbError::TimedOut))
    }

    /// Whether PostgreSQL answers, within two seconds.
    ///
    /// # Errors
    ///
    /// Why not.
    pub async fn ping(&self) -> Result<(), DbError> {
        let asking = async {
            let client = self.client().await?;
            client.simple_query("SELECT 1").await?;
            client.keep();
            Ok(())
        };
        tokio::time::timeout(Duration::from_secs(2), asking)
            .await
            .unwrap_or(Err(DbError::TimedOut))
    }
}

/// A connection of the pool's.
///
/// Dropped without [`Client::keep`], it is closed instead of going back: a query that was given up
/// half-way is still running on it, and the next user would wait for its end.
pub struct Client {
    object: Option<Object>,
    keep: bool,
}

impl Client {
    /// Gives the connection back to the pool, every query on it having ended.
    pub fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(object) = self.object.take()
            && !self.keep
        {
            drop(Object::take(object));
        }
    }
}

#[expect(clippy::expect_used, reason = "the object is there until the drop")]
impl Deref for Client {
    type Target = deadpool_postgres::Client;

    fn deref(&self) -> &Self::Target {
        self.object.as_ref().expect("not dropped yet")
    }
}

#[expect(clippy::expect_used, reason = "the object is there until the drop")]
impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.object.as_mut().expect("not dropped yet")
    }
}
