//! A queue of deliveries that is filled while nothing delivers, and then drained.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use tidings_db::delivery_measurements::{self, DeliveredRows};
use tokio::time::{Instant, sleep};

use super::arrivals::ArrivalLedger;
use super::receiver::Receiver;
use crate::environment::{Environment, Programs};
use crate::load::{AcceptedNotification, LoadPlan, PostedLoad, RequestBodies};
use crate::pipeline::MeasuredInstallation;
use crate::process_usage::{ProcessUsage, UsageMonitor, WatchedProcess};
use crate::programs::RunningProgram;
use crate::progress::bar;
use crate::recorded_rows;
use crate::statistics::per_second;
use crate::test_users::TestUsers;

/// Notifications per batch request, and connections for batch requests, to fill a queue.
const BATCH: u64 = 100;
const BATCH_CONNECTIONS: usize = 8;

/// The pause between two counts of delivered rows, and how long no further row may become delivered.
const PAUSE: Duration = Duration::from_millis(100);
const NO_PROGRESS_TIMEOUT: Duration = Duration::from_secs(30);

/// The programs and the receiver of a measurement.
#[derive(Clone, Copy)]
pub struct DeliveryQueue<'a> {
    /// The database and the queues.
    pub environment: &'a Environment,
    /// The programs.
    pub programs: &'a Programs,
    /// The receiver.
    pub receiver: &'a Receiver,
    /// Bytes of each payload.
    pub payload_bytes: usize,
}

/// Messages that were delivered.
#[derive(Debug)]
pub struct DeliveredMessages {
    /// What arrived.
    pub ledger: ArrivalLedger,
    /// The rows that are recorded as delivered.
    pub rows: DeliveredRows,
    /// What each process used.
    pub used: BTreeMap<String, ProcessUsage>,
}

impl DeliveryQueue<'_> {
    /// Has `count` notifications recorded and queued for their channel, by a worker that delivers nothing.
    ///
    /// # Errors
    ///
    /// Returns an error if a program fails or a notification is not accepted.
    pub async fn fill(
        &self,
        users: &TestUsers,
        count: u64,
    ) -> anyhow::Result<Vec<AcceptedNotification>> {
        let logs = self.programs.logs.join("filling");
        tokio::fs::create_dir_all(&logs).await?;
        let api = self.environment.api(&self.programs.api, &logs).await?;
        let worker = &self.programs.worker;
        let intake = self.environment.worker_of("intake", worker, &logs).await?;
        let installation = self.installation(&api);
        let load = LoadPlan {
            count,
            connections: BATCH_CONNECTIONS,
            batch: BATCH,
            rate: None,
        };
        let posted = self.post(&installation, load, users).await?;
        let progress = bar(count, "recording");
        let database = &self.environment.scratch.database;
        recorded_rows::wait(database, users, count, &progress).await?;
        progress.finish_and_clear();
        api.stop().await?;
        // Stops only when everything that is recorded is published.
        intake.stop().await?;
        Ok(posted.accepted)
    }

    /// Starts the worker, waits until it has delivered `expected` messages, and stops it.
    ///
    /// # Errors
    ///
    /// Returns an error if the worker fails.
    pub async fn drain(
        &self,
        users: &TestUsers,
        expected: u64,
    ) -> anyhow::Result<DeliveredMessages> {
        let worker = self.worker().await?;
        let watch = self.watch(&[worker.watched()]);
        let delivered = self.wait(users, expected, watch).await?;
        worker.stop().await?;
        Ok(delivered)
    }

    /// Posts a load of which everything must be accepted.
    ///
    /// # Errors
    ///
    /// Returns an error if the API is unavailable or does not accept a notification.
    pub async fn post(
        &self,
        installation: &MeasuredInstallation,
        load: LoadPlan,
        users: &TestUsers,
    ) -> anyhow::Result<PostedLoad> {
        let posted = installation.post_bodies(load, self.bodies(users)).await?;
        let missing = posted.refused + posted.unanswered;
        ensure!(missing == 0, "{missing} notifications were not accepted");
        Ok(posted)
    }

    /// Waits until `expected` messages have arrived and their rows are recorded as delivered. Reads no rows before, so
    /// that reading them does not slow down what is measured.
    ///
    /// # Errors
    ///
    /// Returns an error if PostgreSQL is unavailable.
    pub async fn wait(
        &self,
        users: &TestUsers,
        expected: u64,
        watch: UsageMonitor,
    ) -> anyhow::Result<DeliveredMessages> {
        let progress = bar(expected, "delivering");
        self.receiver.arrivals().wait(expected, &progress).await;
        progress.finish_and_clear();
        let rows = self.delivered_rows(users, expected).await?;
        Ok(DeliveredMessages {
            ledger: self.receiver.arrivals().take(),
            rows,
            used: watch.stop(),
        })
    }

    /// Waits until `expected` notifications of `users` are recorded as delivered, or no further one has been recorded
    /// for [`NO_PROGRESS_TIMEOUT`].
    ///
    /// # Errors
    ///
    /// Returns an error if PostgreSQL is unavailable.
    pub async fn delivered_rows(
        &self,
        users: &TestUsers,
        expected: u64,
    ) -> anyhow::Result<DeliveredRows> {
        let database = &self.environment.scratch.database;
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            let rows = database
                .run(async |client| {
                    delivery_measurements::delivered_rows(client, users.ids()).await
                })
                .await
                .context("PostgreSQL is unavailable")?;
            if rows.count > seen {
                (seen, since) = (rows.count, Instant::now());
            }
            if rows.count >= expected || since.elapsed() > NO_PROGRESS_TIMEOUT {
                return Ok(rows);
            }
            sleep(PAUSE).await;
        }
    }

    /// Starts a worker that serves only these stages (`WORKER_CHANNELS`).
    ///
    /// # Errors
    ///
    /// Returns an error if it does not start.
    pub async fn worker_of(&self, stages: &str) -> anyhow::Result<RunningProgram> {
        let worker = &self.programs.worker;
        self.environment
            .worker_of(stages, worker, self.logs())
            .await
    }

    /// Starts the API.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not start.
    pub async fn api(&self) -> anyhow::Result<RunningProgram> {
        self.environment.api(&self.programs.api, self.logs()).await
    }

    /// Starts the worker.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not start.
    pub async fn worker(&self) -> anyhow::Result<RunningProgram> {
        let worker = &self.programs.worker;
        self.environment.worker(worker, self.logs()).await
    }

    /// The installation behind `api`.
    pub fn installation(&self, api: &RunningProgram) -> MeasuredInstallation {
        let token = &self.programs.token;
        self.environment.installation(api, token, Vec::new())
    }

    /// The bodies of notifications for `users` that are sent to the receiver.
    pub fn bodies(&self, users: &TestUsers) -> RequestBodies {
        RequestBodies::of(self.receiver.payload(), users.ids(), self.payload_bytes)
    }

    fn logs(&self) -> &Path {
        &self.programs.logs
    }

    /// Begins to measure these programs, the servers, and this program, which receives.
    pub fn watch(&self, programs: &[WatchedProcess]) -> UsageMonitor {
        let own = WatchedProcess {
            name: "bench".to_owned(),
            pid: std::process::id(),
        };
        let all = programs.iter().chain(&self.programs.servers).chain([&own]);
        UsageMonitor::start(&all.cloned().collect::<Vec<_>>())
    }
}

impl DeliveredMessages {
    /// The rate of `count` deliveries, from `began` to the last recorded row.
    pub fn rate_since(&self, count: u64, began: i64) -> f64 {
        let ended = self.rows.last.map_or(began, Timestamp::as_microsecond);
        let micros = u64::try_from(ended - began).unwrap_or(0);
        per_second(count, Duration::from_micros(micros.max(1)))
    }
}
