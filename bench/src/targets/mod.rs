//! The targets: what the whole achieves against what its parts can do, in the same run.

mod figures;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;

pub use figures::{Figures, Ratios, Round, Target};

use crate::figure::per_second;
use crate::limits::{self, Limits, Unpublished};
use crate::load::Load;
use crate::people::People;
use crate::pipeline::{Installation, Report};
use crate::progress::bar;
use crate::rows;
use crate::usage::Watch;
use crate::world::{Programs, World};

/// Notifications a request to the batch endpoint, and connections for such requests.
const BATCH: u64 = 100;
const BATCH_CONNECTIONS: usize = 8;

/// What is measured, and by which programs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How often everything is measured.
    pub rounds: usize,
    /// Notifications of each part of a round.
    pub count: u64,
    /// Messages in the queue that is drained.
    pub drain: u64,
    /// Connections.
    pub connections: usize,
    /// Bytes of each payload.
    pub payload_bytes: usize,
    /// The programs.
    pub programs: Programs,
    /// The API with publishing replaced by an immediate yes.
    pub unpublished: PathBuf,
}

impl Plan {
    fn load(&self) -> Load {
        Load {
            count: self.count,
            connections: self.connections,
            batch: 1,
            rate: None,
        }
    }
}

/// Measures everything, in databases and queues of its own, which are gone afterwards.
///
/// # Errors
///
/// Where a server or a program does not do what it should.
pub async fn measure(
    plan: &Plan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
) -> anyhow::Result<Figures> {
    let mut rounds = Vec::new();
    for nth in 1..=plan.rounds {
        eprintln!("Round {nth} of {}", plan.rounds);
        let world = World::make(broker, database).await?;
        let measured = round(&world, plan).await;
        world.discard().await?;
        rounds.push(measured?);
    }
    Figures::of(rounds).context("no round was asked for")
}

async fn round(world: &World, plan: &Plan) -> anyhow::Result<Round> {
    let limits = limits(world, plan).await?;
    let programs = &plan.programs;
    let api = world.api(&programs.api, &programs.logs).await?;
    let installation = world.installation(&api, &programs.token, Vec::new());
    let people = People::make(&installation.database).await?;
    let (accepted, queued) = accept(&installation, plan, &people).await?;
    let worker = world.worker(&programs.worker, &programs.logs).await?;
    let drained = drain(&installation, &people, queued).await?;
    people.delete(&installation.database).await?;

    let own = [api.watched(), worker.watched()];
    let watched = own.iter().chain(&programs.servers).cloned().collect();
    let installation = world.installation(&api, &programs.token, watched);
    let pipeline = run(&installation, plan, plan.load()).await?;
    let batch = Load {
        batch: BATCH,
        connections: BATCH_CONNECTIONS,
        ..plan.load()
    };
    let batch = run(&installation, plan, batch).await?;
    let alone = Load {
        count: (plan.count / 20).max(200),
        connections: 1,
        ..plan.load()
    };
    let alone = run(&installation, plan, alone).await?;
    let quarter = quarter(pipeline.recorded_per_second, plan);
    let quarter = run(&installation, plan, quarter).await?;

    let peaks = Watch::begin(&own).end();
    worker.stop().await?;
    api.stop().await?;
    Ok(Round {
        limits,
        accepted,
        drained,
        pipeline,
        batch,
        alone,
        quarter,
        peak_mib: peaks
            .into_iter()
            .map(|(name, used)| (name, used.peak_mib))
            .collect(),
    })
}

async fn limits(world: &World, plan: &Plan) -> anyhow::Result<Limits> {
    let programs = &plan.programs;
    let api = world.api(&plan.unpublished, &programs.logs).await?;
    let unpublished = Unpublished {
        address: api.address,
        token: programs.token.clone(),
    };
    let parts = limits::Plan {
        count: plan.count,
        payload_bytes: plan.payload_bytes,
        connections: plan.connections,
    };
    let home = &world.scratch.settings;
    let limits = limits::measure(parts, &world.broker, home, Some(&unpublished)).await?;
    api.stop().await?;
    Ok(limits)
}

/// Fills the queue while nobody takes from it. Tells how many of the first were accepted a second, and
/// how many there are in the end.
async fn accept(
    installation: &Installation,
    plan: &Plan,
    people: &People,
) -> anyhow::Result<(f64, u64)> {
    let load = plan.load();
    let posted = installation.post(load, plan.payload_bytes, people).await?;
    // The rest the quick way.
    let rest = Load {
        count: plan.drain.saturating_sub(plan.count),
        connections: BATCH_CONNECTIONS,
        batch: BATCH,
        ..load
    };
    let rest = installation.post(rest, plan.payload_bytes, people).await?;
    for posted in [&posted, &rest] {
        let missing = posted.refused + posted.unanswered;
        ensure!(missing == 0, "{missing} notifications were not accepted");
    }
    let rate = per_second(plan.count, posted.took);
    let queued = posted.accepted.len() + rest.accepted.len();
    Ok((rate, queued as u64))
}

/// How many of the `queued` notifications a second the worker records, from its first row to its last.
async fn drain(installation: &Installation, people: &People, queued: u64) -> anyhow::Result<f64> {
    let progress = bar(queued, "draining the queue");
    rows::wait(&installation.database, people, queued, &progress).await?;
    progress.finish_and_clear();
    let found = rows::compare(&installation.database, people, &BTreeMap::new()).await?;
    ensure!(
        found.rows == queued,
        "{queued} were accepted, but there are {} rows",
        found.rows
    );
    let micros = u64::try_from(found.last - found.first).unwrap_or(0);
    Ok(per_second(queued, Duration::from_micros(micros.max(1))))
}

async fn run(installation: &Installation, plan: &Plan, load: Load) -> anyhow::Result<Report> {
    let report = installation.measure(load, plan.payload_bytes).await?;
    ensure!(
        report.lost + report.doubled + report.refused + report.unanswered == 0,
        "{} lost, {} doubled, {} refused, {} unanswered",
        report.lost,
        report.doubled,
        report.refused,
        report.unanswered
    );
    Ok(report)
}

/// A quarter of the highest rate for about ten seconds, whether answers come or not.
fn quarter(highest: f64, plan: &Plan) -> Load {
    let rate = highest / 4.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of requests"
    )]
    let count = (rate * 10.0) as u64;
    Load {
        count,
        rate: Some(rate),
        ..plan.load()
    }
}
