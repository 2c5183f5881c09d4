//! Measures rates and reading times as the table grows.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use serde::Serialize;
use tidings_broker::BrokerSettings;
use tidings_db::{DatabaseSettings, notifications};
use tokio::time::Instant;

use crate::environment::{Environment, Programs};
use crate::latency::{Latencies, Summary};
use crate::limits::insert;
use crate::load::{Load, RequestBodies};
use crate::pipeline::Installation;
use crate::programs::Program;
use crate::progress::bar;
use crate::statistics::{median, per_second};
use crate::test_users::TestUsers;

/// Pages per sample.
const PAGES: usize = 100;

/// Rows per page.
const PAGE_ROWS: u32 = 50;

/// Samples per step; the results are their medians.
const SAMPLES: usize = 5;

/// What to measure.
#[derive(Clone, Debug)]
pub struct GrowthPlan {
    /// Rows after the last step.
    pub rows: u64,
    /// Steps, each of the same number of rows.
    pub steps: u64,
    /// Rows, and notifications through the pipeline, in each sample.
    pub sample: u64,
    /// Connections.
    pub connections: usize,
    /// Bytes of each payload.
    pub payload_bytes: usize,
    /// The programs.
    pub programs: Programs,
}

/// The results for one size of the table.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StepResult {
    /// Rows in the table.
    pub rows: u64,
    /// Rows per second by the INSERT of the intake.
    pub inserted_per_second: f64,
    /// Notifications per second through the whole pipeline.
    pub recorded_per_second: f64,
    /// How long reading a page of a user's notifications takes, in milliseconds.
    pub page_ms: Option<Summary>,
}

/// The results.
#[derive(Clone, Debug, Serialize)]
pub struct GrowthReport {
    /// The results for each size.
    pub steps: Vec<StepResult>,
    /// A table that stayed at the size of the first step, measured in turn with the last step, because a
    /// shared machine is not equally fast all the time.
    pub first_again: StepResult,
    /// How much worse the last step is than that table.
    pub worse: Degradation,
}

/// How much worse a table is than another one, as fractions: 0.1 is 10 %. Medians over samples in turn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Degradation {
    /// Rows per second by the INSERT of the intake.
    pub inserted: f64,
    /// Notifications per second through the whole pipeline.
    pub recorded: f64,
    /// Time to read a page, at p50.
    pub page: f64,
}

/// Fills a table step by step and measures at each step, in new databases and queues, which it deletes.
///
/// # Errors
///
/// Returns an error if a server or a program fails, or a notification is lost.
pub async fn measure(
    plan: &GrowthPlan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
) -> anyhow::Result<GrowthReport> {
    let unchanged = Environment::create(broker, database).await?;
    let growing = Environment::create(broker, database).await?;
    let measured = grow(plan, &unchanged, &growing).await;
    growing.delete().await?;
    unchanged.delete().await?;
    measured
}

async fn grow(
    plan: &GrowthPlan,
    unchanged: &Environment,
    growing: &Environment,
) -> anyhow::Result<GrowthReport> {
    let mut unchanged = GrowingTable::start(plan, unchanged, "unchanged").await?;
    let mut growing = GrowingTable::start(plan, growing, "growing").await?;
    let a_step = plan.rows / plan.steps;
    let progress = bar(plan.rows + a_step, "filling the tables");
    unchanged.fill_to(a_step, plan, &progress).await?;
    let mut steps = Vec::new();
    for nth in 1..plan.steps {
        growing.fill_to(a_step * nth, plan, &progress).await?;
        let [samples] = sample([&mut growing], plan, &progress).await?;
        steps.push(samples.step(growing.rows));
    }
    growing.fill_to(plan.rows, plan, &progress).await?;
    let [last, first] = sample([&mut growing, &mut unchanged], plan, &progress).await?;
    steps.push(last.step(growing.rows));
    progress.finish_and_clear();
    let growth = GrowthReport {
        steps,
        first_again: first.step(unchanged.rows),
        worse: last.worse_than(&first),
    };
    unchanged.stop().await?;
    growing.stop().await?;
    Ok(growth)
}

/// A table, and the programs that fill it.
struct GrowingTable {
    rows: u64,
    users: TestUsers,
    bodies: RequestBodies,
    installation: Installation,
    api: Program,
    worker: Program,
}

impl GrowingTable {
    /// Starts the programs. `name` is the folder for their logs.
    async fn start(
        plan: &GrowthPlan,
        environment: &Environment,
        name: &str,
    ) -> anyhow::Result<Self> {
        let programs = &plan.programs;
        let logs: PathBuf = programs.logs.join(name);
        tokio::fs::create_dir_all(&logs).await?;
        let api = environment.api(&programs.api, &logs).await?;
        let worker = environment.worker(&programs.worker, &logs).await?;
        let installation = environment.installation(&api, &programs.token, Vec::new());
        let users = TestUsers::create(&installation.database).await?;
        Ok(Self {
            rows: 0,
            bodies: RequestBodies::new(users.ids(), plan.payload_bytes),
            users,
            installation,
            api,
            worker,
        })
    }

    /// Fills the table, leaving room for the rows of the samples.
    async fn fill_to(
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
    async fn insert(&mut self, count: u64, progress: &ProgressBar) -> anyhow::Result<f64> {
        let database = &self.installation.database;
        let took = insert(database, &self.bodies, count, progress).await?;
        self.rows += count;
        Ok(per_second(count, took))
    }

    /// Posts a sample through the pipeline. Returns the rate of recording.
    async fn record(&mut self, plan: &GrowthPlan, progress: &ProgressBar) -> anyhow::Result<f64> {
        let load = Load {
            count: plan.sample,
            connections: plan.connections,
            batch: 1,
            rate: None,
        };
        // Their rows stay: the table must grow. The whole database is deleted at the end.
        let users = TestUsers::create(&self.installation.database).await?;
        let report = self
            .installation
            .measure_with(&users, load, plan.payload_bytes)
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
    async fn read_pages(&self, latencies: &mut Latencies) -> anyhow::Result<()> {
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
                    .run(async |client| notifications::list(client, filter, after, PAGE_ROWS).await)
                    .await
                    .context("PostgreSQL is unavailable")?;
                latencies.record(began.elapsed());
                ensure!(!rows.is_empty(), "a page is empty");
                after = next;
            }
        }
        Ok(())
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.worker.stop().await?;
        self.api.stop().await
    }
}

/// The samples of a table at one size.
#[derive(Debug, Default)]
struct Samples {
    inserted: Vec<f64>,
    recorded: Vec<f64>,
    pages: Latencies,
}

/// Measures tables in turn, so that other load on the machine affects them equally.
async fn sample<const N: usize>(
    mut tables: [&mut GrowingTable; N],
    plan: &GrowthPlan,
    progress: &ProgressBar,
) -> anyhow::Result<[Samples; N]> {
    let mut samples = std::array::from_fn(|_| Samples::default());
    for _ in 0..SAMPLES {
        for (table, samples) in tables.iter_mut().zip(&mut samples) {
            samples
                .inserted
                .push(table.insert(plan.sample, progress).await?);
        }
        for (table, samples) in tables.iter_mut().zip(&mut samples) {
            samples.recorded.push(table.record(plan, progress).await?);
        }
        for (table, samples) in tables.iter().zip(&mut samples) {
            table.read_pages(&mut samples.pages).await?;
        }
    }
    Ok(samples)
}

impl Samples {
    fn step(&self, rows: u64) -> StepResult {
        StepResult {
            rows,
            inserted_per_second: median(self.inserted.iter().copied()),
            recorded_per_second: median(self.recorded.iter().copied()),
            page_ms: self.pages.clone().summary(),
        }
    }

    fn worse_than(&self, first: &Self) -> Degradation {
        let lower = |last: &[f64], first: &[f64]| {
            1.0 - median(last.iter().zip(first).map(|(last, first)| last / first))
        };
        let page = |samples: &Self| {
            samples
                .pages
                .clone()
                .summary()
                .map_or(f64::NAN, |ms| ms.p50)
        };
        Degradation {
            inserted: lower(&self.inserted, &first.inserted),
            recorded: lower(&self.recorded, &first.recorded),
            page: page(self) / page(first) - 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn samples(rates: [f64; 3], page_ms: u64) -> Samples {
        let mut pages = Latencies::default();
        pages.record(Duration::from_millis(page_ms));
        Samples {
            inserted: rates.to_vec(),
            recorded: rates.map(|rate| rate / 2.0).to_vec(),
            pages,
        }
    }

    #[test]
    fn samples_are_compared_in_the_order_of_measurement() {
        // The machine became three times slower during the samples.
        let (last, first) = (
            samples([90.0, 60.0, 27.0], 12),
            samples([100.0, 75.0, 30.0], 10),
        );
        let worse = last.worse_than(&first);
        assert!((worse.inserted - 0.1).abs() < 1e-9 && (worse.recorded - 0.1).abs() < 1e-9);
        assert!((worse.page - 0.2).abs() < 1e-9);
        let better = first.worse_than(&last);
        assert!(better.inserted < 0.0 && better.page < 0.0);
    }
}
