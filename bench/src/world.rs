use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use tidings_broker::BrokerSettings;
use tidings_db::{DatabaseSettings, Scratch};

use crate::pipeline::Installation;
use crate::programs::{Program, Settings};
use crate::topology;
use crate::usage::Watched;

/// The programs of an installation that is started for a measurement.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `tidings-api`.
    pub api: PathBuf,
    /// `tidings-worker`.
    pub worker: PathBuf,
    /// The folder that they log to.
    pub logs: PathBuf,
    /// A token that the API takes.
    pub token: String,
    /// The servers, to be watched with them.
    pub servers: Vec<Watched>,
}

/// A database and queues of a measurement's own, and the settings under which programs use them.
pub struct World {
    /// The queues.
    pub broker: BrokerSettings,
    /// The database.
    pub scratch: Scratch,
    settings: Settings,
}

impl World {
    /// Makes the database; the queues are declared by the programs.
    ///
    /// # Errors
    ///
    /// Where PostgreSQL is away or refuses.
    pub async fn make(
        broker: &BrokerSettings,
        database: &DatabaseSettings,
    ) -> anyhow::Result<Self> {
        let broker = topology::apart(broker);
        let scratch = Scratch::create(database).await?;
        let url = scratch.settings.url.expose_secret();
        let settings = [
            ("QUEUE_NAME", broker.names.queue.as_str()),
            ("DLQ_NAME", &broker.names.dlq),
            ("EXCHANGE_NAME", &broker.names.exchange),
            ("DATABASE_URL", url),
            // The queue that is drained may be longer than an installation allows.
            ("QUEUE_MAX_LENGTH", "0"),
        ];
        let settings = settings.map(|(name, value)| (name, value.to_owned()));
        Ok(Self {
            settings: settings.into_iter().collect(),
            broker,
            scratch,
        })
    }

    /// Deletes all that.
    ///
    /// # Errors
    ///
    /// Where a server is away.
    pub async fn discard(self) -> anyhow::Result<()> {
        topology::delete(&self.broker).await?;
        Ok(self.scratch.discard().await?)
    }

    /// The API, ready.
    ///
    /// # Errors
    ///
    /// Where it does not start.
    pub async fn api(&self, path: &Path, logs: &Path) -> anyhow::Result<Program> {
        Program::start("api", path, "API_PORT", &self.settings, logs).await
    }

    /// The worker, ready.
    ///
    /// # Errors
    ///
    /// Where it does not start.
    pub async fn worker(&self, path: &Path, logs: &Path) -> anyhow::Result<Program> {
        Program::start("worker", path, "WORKER_PORT", &self.settings, logs).await
    }

    /// The installation that `api` is the door to, watching `processes`.
    pub fn installation(
        &self,
        api: &Program,
        token: &str,
        processes: Vec<Watched>,
    ) -> Installation {
        Installation {
            api: api.address,
            token: token.to_owned(),
            database: self.scratch.database.clone(),
            processes,
        }
    }
}
