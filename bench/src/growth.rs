//! What becomes of an installation as its table grows.

use anyhow::{Context, ensure};
use serde::Serialize;
use tidings_common::settings::BrokerSettings;
use tidings_db::{Database, DatabaseSettings, notifications};
use tokio::time::Instant;

use crate::figure::{median, per_second};
use crate::latency::{Latencies, Summary};
use crate::limits::insert;
use crate::load::{Bodies, Load};
use crate::people::People;
use crate::pipeline::Installation;
use crate::progress::bar;
use crate::world::{Programs, World};

/// Pages that are read at each step, and rows a page.
const PAGES: usize = 500;
const PAGE: u32 = 50;

/// How often each rate is measured at a step; the median counts.
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

/// Fills the table step by step and measures at each, in a database and queues of its own.
///
/// # Errors
///
/// Where a server or a program does not do what it should.
pub async fn measure(
    plan: &Plan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
) -> anyhow::Result<Vec<Step>> {
    let world = World::make(broker, database).await?;
    let measured = steps(plan, &world).await;
    world.discard().await?;
    measured
}

async fn steps(plan: &Plan, world: &World) -> anyhow::Result<Vec<Step>> {
    let programs = &plan.programs;
    let api = world.api(&programs.api, &programs.logs).await?;
    let worker = world.worker(&programs.worker, &programs.logs).await?;
    let installation = world.installation(&api, &programs.token, Vec::new());
    let database = &installation.database;
    let people = People::make(database).await?;
    let bodies = Bodies::new(people.ids(), plan.payload_bytes);
    let progress = bar(plan.rows, "filling the table");
    let mut measured = Vec::new();
    let mut rows = 0;
    for step in 1..=plan.steps {
        let samples = plan.sample * SAMPLES as u64;
        let fill = (plan.rows * step / plan.steps).saturating_sub(rows + samples);
        insert(database, &bodies, fill, &progress).await?;
        let mut inserted = Vec::new();
        for _ in 0..SAMPLES {
            let took = insert(database, &bodies, plan.sample, &progress).await?;
            inserted.push(per_second(plan.sample, took));
        }
        rows += fill + samples;
        let recorded = recorded(&installation, plan).await?;
        measured.push(Step {
            rows,
            inserted_per_second: median(inserted),
            recorded_per_second: recorded,
            page_ms: pages(database, &people).await?,
        });
    }
    progress.finish_and_clear();
    worker.stop().await?;
    api.stop().await?;
    Ok(measured)
}

/// How many notifications a second the pipeline records at the table's size.
async fn recorded(installation: &Installation, plan: &Plan) -> anyhow::Result<f64> {
    let load = Load {
        count: plan.sample,
        connections: plan.connections,
        batch: 1,
        rate: None,
    };
    let mut rates = Vec::new();
    for _ in 0..SAMPLES {
        // Not deleted afterwards, as in life: the database as a whole is.
        let people = People::make(&installation.database).await?;
        let report = installation
            .measure_with(&people, load, plan.payload_bytes)
            .await?;
        ensure!(
            report.recorded == plan.sample && report.lost == 0,
            "{} were posted, but there are {} rows",
            plan.sample,
            report.recorded
        );
        rates.push(report.recorded_per_second);
    }
    Ok(median(rates))
}

/// How long pages take, in turn a user's first and the one after it.
async fn pages(database: &Database, people: &People) -> anyhow::Result<Option<Summary>> {
    let client = database.client().await.context("PostgreSQL is away")?;
    let mut latencies = Latencies::default();
    for nth in 0..PAGES / 2 {
        let filter = notifications::Filter {
            user_id: Some(people.ids()[nth % people.ids().len()]),
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
    Ok(latencies.summary())
}
