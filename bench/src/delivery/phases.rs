//! The phases of a round: a full queue, load and delivery at once, and a quiet system.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use jiff::Timestamp;
use tidings_db::delivery_measurements::{self, DeliveredRows};
use tokio::time::{Instant, sleep};

use super::DeliveryPlan;
use super::arrivals::ArrivalLedger;
use super::receiver::Receiver;
use super::results::{DeliveryReport, LoadReport};
use super::transactions::{IdleTransactions, TransactionCounter};
use crate::environment::Environment;
use crate::latency::{Latencies, Summary};
use crate::load::{
    AcceptedNotification, ApiEndpoint, HttpConnection, LoadPlan, PostedLoad, RequestBodies,
    post_one,
};
use crate::pipeline::{MeasuredInstallation, UsagePerThousand};
use crate::process_usage::{UsageMonitor, WatchedProcess};
use crate::programs::RunningProgram;
use crate::progress::bar;
use crate::recorded_rows;
use crate::statistics::per_second;
use crate::test_users::TestUsers;

/// Notifications per batch request, and connections for batch requests, to fill a queue.
const BATCH: u64 = 100;
const BATCH_CONNECTIONS: usize = 8;

/// The pause after each message in a quiet system, so that recording one does not delay the next.
const QUIET_PAUSE: Duration = Duration::from_millis(5);

/// The pause between two counts of delivered rows, and how long no further row may become delivered.
const PAUSE: Duration = Duration::from_millis(100);
const NO_PROGRESS_TIMEOUT: Duration = Duration::from_secs(30);

/// What all phases of a round use.
pub(super) struct Phases<'a> {
    pub(super) plan: &'a DeliveryPlan,
    pub(super) environment: &'a Environment,
    pub(super) receiver: &'a Receiver,
    pub(super) transactions: &'a TransactionCounter,
    pub(super) idle: IdleTransactions,
}

impl Phases<'_> {
    /// Queues notifications for delivery while nothing delivers them, then starts the worker and measures it.
    pub(super) async fn full_queue(&self) -> anyhow::Result<DeliveryReport> {
        let users = TestUsers::create(&self.environment.scratch.database).await?;
        let accepted = self.fill_queue(&users).await?;
        let before = self.transactions.read_after_stop().await?;
        let began = Instant::now();
        let worker = self.worker().await?;
        let watch = self.watch(&[worker.watched()]);
        let (ledger, rows) = self.wait(&users, accepted.len() as u64).await?;
        let used = watch.stop();
        worker.stop().await?;
        let after = self.transactions.read_after_stop().await?;
        let count = accepted.len() as u64;
        Ok(DeliveryReport {
            delivered_per_second: rate(count, ledger.first, rows.last),
            transactions_each: self.idle.each_of(
                count,
                after.saturating_sub(before),
                began.elapsed(),
            ),
            ..DeliveryReport::of(&accepted, rows, &ledger, used)
        })
    }

    /// Measures load and delivery at once, then single messages in a quiet system.
    pub(super) async fn load(&self) -> anyhow::Result<(LoadReport, Option<Summary>)> {
        let users = TestUsers::create(&self.environment.scratch.database).await?;
        let before = self.transactions.read_after_stop().await?;
        let started = Instant::now();
        let api = self.api().await?;
        let worker = self.worker().await?;
        let installation = self.installation(&api);
        let watch = self.watch(&[api.watched(), worker.watched()]);
        let load = LoadPlan {
            count: self.plan.count,
            connections: self.plan.connections,
            batch: 1,
            rate: None,
        };
        let posted = self.post(&installation, load, &users).await?;
        let count = posted.accepted.len() as u64;
        let (ledger, rows) = self.wait(&users, count).await?;
        let used = watch.stop();

        let quiet = self.quiet(&installation, &users).await?;
        worker.stop().await?;
        api.stop().await?;
        let after = self.transactions.read_after_stop().await?;
        let sent = count + self.plan.quiet;
        let each = self
            .idle
            .each_of(sent, after.saturating_sub(before), started.elapsed());
        let accepted = posted.accepted;
        let report = LoadReport {
            accepted_per_second: per_second(count, posted.took),
            delivery: DeliveryReport {
                delivered_per_second: rate(count, posted.began, rows.last),
                transactions_each: each,
                ..DeliveryReport::of(&accepted, rows, &ledger, used)
            },
        };
        Ok((report, quiet))
    }

    /// Transactions a second while the programs run and have nothing to do.
    ///
    /// A connection that is idle adds its transactions to the server's counter with a delay of up to 10 s. The same time
    /// passes once before the measurement, so that the transactions of the start are not counted.
    pub(super) async fn idle(&self) -> anyhow::Result<IdleTransactions> {
        let api = self.api().await?;
        let worker = self.worker().await?;
        let progress = ProgressBar::new_spinner().with_message("measuring the idle system");
        progress.enable_steady_tick(Duration::from_millis(200));
        sleep(self.plan.idle).await;
        let (before, began) = (self.transactions.read().await?, Instant::now());
        sleep(self.plan.idle).await;
        let after = self.transactions.read().await?;
        let per_second = per_second(after.saturating_sub(before), began.elapsed());
        progress.finish_and_clear();
        worker.stop().await?;
        api.stop().await?;
        Ok(IdleTransactions { per_second })
    }

    async fn quiet(
        &self,
        installation: &MeasuredInstallation,
        users: &TestUsers,
    ) -> anyhow::Result<Option<Summary>> {
        let bodies = self.bodies(users);
        let target = ApiEndpoint::new(installation.api, "/api/notifications", &installation.token)?;
        let mut connection = HttpConnection::open(&target).await?;
        let progress = bar(self.plan.quiet, "posting one by one");
        let mut latencies = Latencies::default();
        for number in 0..self.plan.quiet {
            let posted = post_one(&mut connection, bodies.single(number)).await?;
            let arrived = self.receiver.arrivals().wait_for(posted.id).await?;
            let micros = u64::try_from(arrived - posted.began).unwrap_or(0);
            latencies.record(Duration::from_micros(micros));
            progress.inc(1);
            sleep(QUIET_PAUSE).await;
        }
        progress.finish_and_clear();
        self.receiver.arrivals().take();
        Ok(latencies.summary())
    }

    /// Has notifications recorded and queued for their channel, by a worker that delivers nothing.
    async fn fill_queue(&self, users: &TestUsers) -> anyhow::Result<Vec<AcceptedNotification>> {
        let logs = self.logs().join("filling");
        tokio::fs::create_dir_all(&logs).await?;
        let programs = &self.plan.programs;
        let api = self.environment.api(&programs.api, &logs).await?;
        let intake = self
            .environment
            .worker_of("intake", &programs.worker, &logs)
            .await?;
        let installation = self.installation(&api);
        let load = LoadPlan {
            count: self.plan.count,
            connections: BATCH_CONNECTIONS,
            batch: BATCH,
            rate: None,
        };
        let posted = self.post(&installation, load, users).await?;
        let progress = bar(self.plan.count, "recording");
        let database = &self.environment.scratch.database;
        recorded_rows::wait(database, users, self.plan.count, &progress).await?;
        progress.finish_and_clear();
        api.stop().await?;
        // Stops only when everything that is recorded is published.
        intake.stop().await?;
        Ok(posted.accepted)
    }

    async fn post(
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

    /// Waits until `count` messages have arrived and their rows are recorded as delivered. Reads no rows before, so
    /// that reading them does not slow down what is measured.
    async fn wait(
        &self,
        users: &TestUsers,
        count: u64,
    ) -> anyhow::Result<(ArrivalLedger, DeliveredRows)> {
        let progress = bar(count, "delivering");
        self.receiver.arrivals().wait(count, &progress).await;
        progress.finish_and_clear();
        let rows = self.delivered(users, count).await?;
        Ok((self.receiver.arrivals().take(), rows))
    }

    async fn delivered(&self, users: &TestUsers, count: u64) -> anyhow::Result<DeliveredRows> {
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
            if rows.count >= count || since.elapsed() > NO_PROGRESS_TIMEOUT {
                return Ok(rows);
            }
            sleep(PAUSE).await;
        }
    }

    async fn api(&self) -> anyhow::Result<RunningProgram> {
        let api = &self.plan.programs.api;
        self.environment.api(api, self.logs()).await
    }

    async fn worker(&self) -> anyhow::Result<RunningProgram> {
        let worker = &self.plan.programs.worker;
        self.environment.worker(worker, self.logs()).await
    }

    fn installation(&self, api: &RunningProgram) -> MeasuredInstallation {
        let token = &self.plan.programs.token;
        self.environment.installation(api, token, Vec::new())
    }

    fn bodies(&self, users: &TestUsers) -> RequestBodies {
        let payload = self.receiver.payload();
        RequestBodies::of(payload, users.ids(), self.plan.payload_bytes)
    }

    const fn logs(&self) -> &PathBuf {
        &self.plan.programs.logs
    }

    /// Measures these programs, the servers, and this program, which receives.
    fn watch(&self, programs: &[WatchedProcess]) -> UsageMonitor {
        let own = WatchedProcess {
            name: "bench".to_owned(),
            pid: std::process::id(),
        };
        let servers = &self.plan.programs.servers;
        let all: Vec<_> = programs
            .iter()
            .chain(servers)
            .chain([&own])
            .cloned()
            .collect();
        UsageMonitor::start(&all)
    }
}

/// The rate of `count` deliveries from `began`, in microseconds since 1970, to `ended`.
fn rate(count: u64, began: i64, ended: Option<Timestamp>) -> f64 {
    let ended = ended.map_or(began, Timestamp::as_microsecond);
    let micros = u64::try_from(ended - began).unwrap_or(0);
    per_second(count, Duration::from_micros(micros.max(1)))
}

impl DeliveryReport {
    fn of(
        accepted: &[AcceptedNotification],
        rows: DeliveredRows,
        ledger: &ArrivalLedger,
        used: BTreeMap<String, crate::process_usage::ProcessUsage>,
    ) -> Self {
        let count = accepted.len() as u64;
        Self {
            count,
            arrived: ledger.times.len() as u64,
            recorded: rows.count,
            differences: ledger.compare(accepted),
            delivered_per_second: f64::NAN,
            transactions_each: f64::NAN,
            processes: UsagePerThousand::of(used, count),
        }
    }
}
