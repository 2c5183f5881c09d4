//! What becomes of an installation as its table grows.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use serde::Serialize;
use tidings_broker::BrokerSettings;
use tidings_db::{DatabaseSettings, notifications};
use tokio::time::Instant;

use crate::figure::{median, per_second};
use crate::latency::{Latencies, Summary};
use crate::limits::insert;
use crate::load::{Bodies, Load};
use crate::people::People;
use crate::pipeline::Installation;
use crate::programs::Program;
use crate::progress::bar;
use crate::world::{Programs, World};

/// Pages that are read for a sample, and rows a page.
const PAGES: usize = 100;
const PAGE: u32 = 50;

/// How often each figure is measured at a step; the median counts.
const SAMPLES: usize = 5;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Rows in the end.
    pub rows: u64,
    /// Steps on the way there, each of as many rows.
    pub steps: u64,
    /// Rows, and notifications through the pipeline, of each sample.
    pub sample: u64,
    /// Connections.
    pub connections: usize,
    /// Bytes of each payload.
    pub payload_bytes: usize,
    /// The programs.
    pub programs: Programs,
}

/// What was measured at one size.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Step {
    /// Rows in the table, at least.
    pub rows: u64,
    /// Rows a second by the intake's own INSERT.
    pub inserted_per_second: f64,
    /// Notifications a second through the whole pipeline.
    pub recorded_per_second: f64,
    /// How long a page of a user's notifications takes, in milliseconds.
    pub page_ms: Option<Summary>,
}

/// What was measured as the table grew.
#[derive(Clone, Debug, Serialize)]
pub struct Growth {
    /// At each size.
    pub steps: Vec<Step>,
    /// A table that was left at the size of the first step, measured in turn with the last step: a machine
    /// that others share is not as fast now as it was then.
    pub first_again: Step,
    /// By how much the last step is worse than that.
    pub worse: Worse,
}

/// By how much figures are worse, as shares: 0.1 is a tenth. Medians over what was measured in turn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Worse {
    /// Rows a second by the intake's own INSERT.
    pub inserted: f64,
    /// Notifications a second through the whole pipeline.
    pub recorded: f64,
    /// How long a page takes at p50.
    pub page: f64,
}

/// Fills the table step by step and measures at each, in databases and queues of its own.
///
/// # Errors
///
/// Where a server or a program does not do what it should.
pub async fn measure(
    plan: &Plan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
) -> anyhow::Result<Growth> {
    let kept = World::make(broker, database).await?;
    let growing = World::make(broker, database).await?;
    let measured = grow(plan, &kept, &growing).await;
    growing.discard().await?;
    kept.discard().await?;
    measured
}

async fn grow(plan: &Plan, kept: &World, growing: &World) -> anyhow::Result<Growth> {
    let mut kept = Table::start(plan, kept, "kept").await?;
    let mut growing = Table::start(plan, growing, "growing").await?;
    let a_step = plan.rows / plan.steps;
    let progress = bar(plan.rows + a_step, "filling the tables");
    kept.fill_to(a_step, plan, &progress).await?;
    let mut steps = Vec::new();
    for nth in 1..plan.steps {
        growing.fill_to(a_step * nth, plan, &progress).await?;
        let [samples] = sample([&mut growing], plan, &progress).await?;
        steps.push(samples.step(growing.rows));
    }
    growing.fill_to(plan.rows, plan, &progress).await?;
    let [last, first] = sample([&mut growing, &mut kept], plan, &progress).await?;
    steps.push(last.step(growing.rows));
    progress.finish_and_clear();
    let growth = Growth {
        steps,
        first_again: first.step(kept.rows),
        worse: last.worse_than(&first),
    };
    kept.stop().await?;
    growing.stop().await?;
    Ok(growth)
}

/// A table and the programs that fill it.
struct Table {
    rows: u64,
    people: People,
    bodies: Bodies,
    installation: Installation,
    api: Program,
    worker: Program,
}

impl Table {
    /// `name` is the folder of its programs' logs.
    async fn start(plan: &Plan, world: &World, name: &str) -> anyhow::Result<Self> {
        let programs = &plan.programs;
        let logs: PathBuf = programs.logs.join(name);
        tokio::fs::create_dir_all(&logs).await?;
        let api = world.api(&programs.api, &logs).await?;
        let worker = world.worker(&programs.worker, &logs).await?;
        let installation = world.installation(&api, &programs.token, Vec::new());
        let people = People::make(&installation.database).await?;
        Ok(Self {
            rows: 0,
            bodies: Bodies::new(people.ids(), plan.payload_bytes),
            people,
            installation,
            api,
            worker,
        })
    }

    /// Fills it up, but for the rows of the samples to come.
    async fn fill_to(
        &mut self,
        rows: u64,
        plan: &Plan,
        progress: &ProgressBar,
    ) -> anyhow::Result<()> {
        let samples = 2 * SAMPLES as u64 * plan.sample;
        let missing = rows.saturating_sub(self.rows + samples);
        self.insert(missing, progress).await.map(drop)
    }

    /// Rows a second by the intake's own INSERT.
    async fn insert(&mut self, count: u64, progress: &ProgressBar) -> anyhow::Result<f64> {
        let database = &self.installation.database;
        let took = insert(database, &self.bodies, count, progress).await?;
        self.rows += count;
        Ok(per_second(count, took))
    }

    /// Notifications a second through the pipeline.
    async fn record(&mut self, plan: &Plan, progress: &ProgressBar) -> anyhow::Result<f64> {
        let load = Load {
            count: plan.sample,
            connections: plan.connections,
            batch: 1,
            rate: None,
        };
        // Not deleted afterwards, as in life: the database as a whole is.
        let people = People::make(&self.installation.database).await?;
        let report = self
            .installation
            .measure_with(&people, load, plan.payload_bytes)
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

    /// How long pages take, in turn a user's first and the one after it.
    async fn read_pages(&self, latencies: &mut Latencies) -> anyhow::Result<()> {
        let database = &self.installation.database;
        let client = database.client().await.context("PostgreSQL is away")?;
        for nth in 0..PAGES / 2 {
            let filter = notifications::Filter {
                user_id: Some(self.people.ids()[nth % self.people.ids().len()]),
                ..notifications::Filter::default()
            };
            let mut after = None;
            for _ in 0..2 {
                let began = Instant::now();
                let (rows, next) = notifications::list(&*client, filter, after, PAGE).await?;
                latencies.note(began.elapsed());
                ensure!(!rows.is_empty(), "a page is empty");
                after = next;
            }
        }
        client.keep();
        Ok(())
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.worker.stop().await?;
        self.api.stop().await
    }
}

/// What was measured of a table at one size.
#[derive(Debug, Default)]
struct Samples {
    inserted: Vec<f64>,
    recorded: Vec<f64>,
    pages: Latencies,
}

/// Measures tables in turn, so that what else happens on the machine meets them alike.
async fn sample<const N: usize>(
    mut tables: [&mut Table; N],
    plan: &Plan,
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
    fn step(&self, rows: u64) -> Step {
        Step {
            rows,
            inserted_per_second: median(self.inserted.iter().copied()),
            recorded_per_second: median(self.recorded.iter().copied()),
            page_ms: self.pages.clone().summary(),
        }
    }

    fn worse_than(&self, first: &Self) -> Worse {
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
        Worse {
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
        pages.note(Duration::from_millis(page_ms));
        Samples {
            inserted: rates.to_vec(),
            recorded: rates.map(|rate| rate / 2.0).to_vec(),
            pages,
        }
    }

    #[test]
    fn what_was_measured_in_turn_is_compared_in_turn() {
        // The machine got three times as slow meanwhile.
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
