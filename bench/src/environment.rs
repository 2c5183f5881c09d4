//! A scratch database and scratch queues, and the programs that use them.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use tidings_broker::BrokerSettings;
use tidings_db::{DatabaseSettings, TemporaryDatabase};

use crate::pipeline::MeasuredInstallation;
use crate::process_usage::WatchedProcess;
use crate::programs::{EnvVars, RunningProgram};
use crate::scratch_topology;

/// The programs that a measurement starts, and the servers that they use.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `tidings-api`.
    pub api: PathBuf,
    /// `tidings-worker`.
    pub worker: PathBuf,
    /// The folder for their logs.
    pub logs: PathBuf,
    /// A token that the API accepts.
    pub token: String,
    /// The servers whose CPU and memory to measure.
    pub servers: Vec<WatchedProcess>,
}

/// The programs of a measurement, and the load that they get.
#[derive(Clone, Debug)]
pub struct SystemUnderLoad {
    /// The programs.
    pub programs: Programs,
    /// Connections of the load.
    pub connections: usize,
    /// Bytes of each payload.
    pub payload_bytes: usize,
}

/// A database and queues for one measurement, and the settings with which programs use them.
pub struct Environment {
    /// The broker, with names for the queues that nothing else uses.
    pub broker: BrokerSettings,
    /// The database.
    pub scratch: TemporaryDatabase,
    settings: EnvVars,
}

impl Environment {
    /// Creates the database. The programs declare the queues.
    ///
    /// # Errors
    ///
    /// Returns an error if PostgreSQL is unavailable or refuses.
    pub async fn create(
        broker: &BrokerSettings,
        database: &DatabaseSettings,
    ) -> anyhow::Result<Self> {
        let broker = scratch_topology::with_unique_names(broker);
        let scratch = TemporaryDatabase::create(database).await?;
        let url = scratch.settings.url.expose_secret();
        let settings = [
            ("QUEUE_NAME", broker.names.queue.as_str()),
            ("DLQ_NAME", &broker.names.dlq),
            ("EXCHANGE_NAME", &broker.names.exchange),
            ("DATABASE_URL", url),
            // The queue to drain may be longer than the default limit.
            ("QUEUE_MAX_LENGTH", "0"),
        ];
        let settings = settings.map(|(name, value)| (name, value.to_owned()));
        Ok(Self {
            settings: settings.into_iter().collect(),
            broker,
            scratch,
        })
    }

    /// Adds settings for the programs.
    pub fn set(&mut self, settings: EnvVars) {
        self.settings.extend(settings);
    }

    /// Deletes the database and the queues.
    ///
    /// # Errors
    ///
    /// Returns an error if a server is unavailable.
    pub async fn delete(self) -> anyhow::Result<()> {
        scratch_topology::delete(&self.broker).await?;
        Ok(self.scratch.discard().await?)
    }

    /// Starts the API and waits until it is ready.
    ///
    /// # Errors
    ///
    /// Returns an error if the program does not start.
    pub async fn api(&self, path: &Path, logs: &Path) -> anyhow::Result<RunningProgram> {
        RunningProgram::start("api", path, "API_PORT", &self.settings, logs).await
    }

    /// Starts an API with more settings, and waits until it is ready. `name` is that of its log.
    ///
    /// # Errors
    ///
    /// Returns an error if the program does not start.
    pub async fn api_with(
        &self,
        name: &'static str,
        more: &EnvVars,
        path: &Path,
        logs: &Path,
    ) -> anyhow::Result<RunningProgram> {
        let mut settings = self.settings.clone();
        settings.extend(more.clone());
        RunningProgram::start(name, path, "API_PORT", &settings, logs).await
    }

    /// Starts the worker and waits until it is ready.
    ///
    /// # Errors
    ///
    /// Returns an error if the program does not start.
    pub async fn worker(&self, path: &Path, logs: &Path) -> anyhow::Result<RunningProgram> {
        RunningProgram::start("worker", path, "WORKER_PORT", &self.settings, logs).await
    }

    /// Starts a worker that serves only these stages (`WORKER_CHANNELS`), and waits until it is ready.
    ///
    /// # Errors
    ///
    /// Returns an error if the program does not start.
    pub async fn worker_of(
        &self,
        stages: &str,
        path: &Path,
        logs: &Path,
    ) -> anyhow::Result<RunningProgram> {
        let mut settings = self.settings.clone();
        settings.insert("WORKER_CHANNELS", stages.to_owned());
        RunningProgram::start("worker", path, "WORKER_PORT", &settings, logs).await
    }

    /// The installation behind `api`. Measurements also watch `processes`.
    pub fn installation(
        &self,
        api: &RunningProgram,
        token: &str,
        processes: Vec<WatchedProcess>,
    ) -> MeasuredInstallation {
        MeasuredInstallation {
            api: api.address,
            token: token.to_owned(),
            database: self.scratch.database.clone(),
            processes,
        }
    }
}
