//! A table that grows, and its measurements.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use tidings_db::notifications;
use tokio::time::Instant;

use super::{GrowthPlan, SAMPLES};
use crate::environment::Environment;
use crate::latency::Latencies;
use crate::limits::insert;
use crate::load::{LoadPlan, RequestBodies};
use crate::pipeline::MeasuredInstallation;
use crate::programs::RunningProgram;
use crate::statistics::per_second;
use crate::test_users::TestUsers;

/// Pages per sample.
const PAGES: usize = 100;

/// Rows per page.
const PAGE_ROWS: u32 = 50;

/// A table, and the programs that fill it.
pub(super) struct GrowingTable {
    pub(super) rows: u64,
    users: TestUsers,
    bodies: RequestBodies,
    installation: MeasuredInstallation,
    api: RunningProgram,
    worker: RunningProgram,
}

impl GrowingTable {
    /// Starts the programs. `name` is the folder for their logs.
    pub(super) async fn start(
        plan: &GrowthPlan,
        environment: &Environment,
        name: &str,
    ) -> anyhow::Result<Self> {
        let programs = &plan.system.programs;
        let logs: PathBuf = programs.logs.join(name);
        tokio::fs::create_dir_all(&logs).await?;
        let api = environment.api(&programs.api, &logs).await?;
        let worker = environment.worker(&programs.worker, &logs).await?;
        let installation = environment.installation(&api, &programs.token, Vec::new());
        let users = TestUsers::create(&installation.database).await?;
        Ok(Self {
            rows: 0,
            bodies: RequestBodies::new(users.ids(), plan.system.payload_bytes),
            users,
            installation,
            api,
            worker,
        })
    }

    /// Fills the table, leaving room for the rows of the samples.
    pub(super) async fn fill_to(
        &mut self,
        rows: u64,
        plan: &GrowthPlan,
        progress: &ProgressBar,
    ) -> anyhow::Result<()> {
        let samples = 2 * SAMPLES as u64 * plan.sample;
        let missing = rows.saturating_sub(self.rows + samples);
        self.insert(missing, progress).await.map(drop)
    }

    /// Inserts rows. Returns the rate.
    pub(super) async fn insert(
        &mut self,
        count: u64,
        progress: &ProgressBar,
    ) -> anyhow::Result<f64> {
        let database = &self.installation.database;
        let took = insert(database, &self.bodies, count, progress).await?;
        self.rows += count;
        Ok(per_second(count, took))
    }

    /// Posts a sample through the pipeline. Returns the rate of recording.
    pub(super) async fn record(
        &mut self,
        plan: &GrowthPlan,
        progress: &ProgressBar,
    ) -> anyhow::Result<f64> {
        let load = LoadPlan {
            count: plan.sample,
            connections: plan.system.connections,
            batch: 1,
            rate: None,
        };
        // Their rows stay: the table must grow. The whole database is deleted at the end.
        let users = TestUsers::create(&self.installation.database).await?;
        let report = self
            .installation
            .measure_with(&users, load, plan.system.payload_bytes)
            .await?;
        ensure!(
            report.recorded == plan.sample && report.lost == 0,
            "{} were posted, but there are {} rows",
            plan.sample,
            report.recorded
        );
        self.rows += plan.sample;
        progress.inc(plan.sample);
        Ok(report.recorded_per_second)
    }

    /// Reads pages: for each user the first one and the one after it.
    pub(super) async fn read_pages(&self, latencies: &mut Latencies) -> anyhow::Result<()> {
        let database = &self.installation.database;
        for nth in 0..PAGES / 2 {
            let filter = notifications::NotificationFilter {
                user_id: Some(self.users.ids()[nth % self.users.ids().len()]),
                ..notifications::NotificationFilter::default()
            };
            let mut after = None;
            for _ in 0..2 {
                let began = Instant::now();
                let (rows, next) = database
                    .run(async |client| {
                        notifications::list(client, &filter, after, PAGE_ROWS).await
                    })
                    .await
                    .context("PostgreSQL is unavailable")?;
                latencies.record(began.elapsed());
                ensure!(!rows.is_empty(), "a page is empty");
                after = next;
            }
        }
        Ok(())
    }

    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.worker.stop().await?;
        self.api.stop().await
    }
}
