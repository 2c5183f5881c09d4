//! The targets: compares the pipeline with the limits of its parts, measured in the same round.

mod results;
mod target;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;

pub use results::{Round, TargetResults};
pub use target::{PerformanceTarget, targets_table};

use crate::environment::{Environment, SystemUnderLoad};
use crate::limits::{self, ApiWithoutBroker, Limits};
use crate::load::LoadPlan;
use crate::pipeline::{MeasuredInstallation, PipelineReport};
use crate::process_usage::UsageMonitor;
use crate::progress::bar;
use crate::recorded_rows;
use crate::statistics::per_second;
use crate::test_users::TestUsers;

/// Notifications per batch request, and connections for batch requests.
const BATCH: u64 = 100;
const BATCH_CONNECTIONS: usize = 8;

/// What to measure.
#[derive(Clone, Debug)]
pub struct TargetsPlan {
    /// Number of rounds.
    pub rounds: usize,
    /// Notifications for each part of a round.
    pub count: u64,
    /// Messages in the queue to drain.
    pub drain: u64,
    /// The programs and their load.
    pub system: SystemUnderLoad,
    /// The API that accepts without publishing.
    pub unpublished: PathBuf,
}

impl TargetsPlan {
    fn load(&self) -> LoadPlan {
        LoadPlan {
            count: self.count,
            connections: self.system.connections,
            batch: 1,
            rate: None,
        }
    }
}

/// Runs the rounds, each in a new database and new queues, which it deletes.
///
/// # Errors
///
/// Returns an error if a server or a program fails, or a notification is lost.
pub async fn measure(
    plan: &TargetsPlan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
) -> anyhow::Result<TargetResults> {
    let mut rounds = Vec::new();
    for nth in 1..=plan.rounds {
        eprintln!("Round {nth} of {}", plan.rounds);
        let environment = Environment::create(broker, database).await?;
        let measured = round(&environment, plan).await;
        environment.delete().await?;
        rounds.push(measured?);
    }
    TargetResults::of(rounds).context("the number of rounds is 0")
}

async fn round(environment: &Environment, plan: &TargetsPlan) -> anyhow::Result<Round> {
    let limits = limits(environment, plan).await?;
    let programs = &plan.system.programs;
    let api = environment.api(&programs.api, &programs.logs).await?;
    let installation = environment.installation(&api, &programs.token, Vec::new());
    let users = TestUsers::create(&installation.database).await?;
    let (accepted, queued) = accept(&installation, plan, &users).await?;
    let worker = environment.worker(&programs.worker, &programs.logs).await?;
    let drained = drain(&installation, &users, queued).await?;
    users.delete(&installation.database).await?;

    let own = [api.watched(), worker.watched()];
    let watched = own.iter().chain(&programs.servers).cloned().collect();
    let installation = environment.installation(&api, &programs.token, watched);
    let pipeline = run(&installation, plan, plan.load()).await?;
    let batch = LoadPlan {
        batch: BATCH,
        connections: BATCH_CONNECTIONS,
        ..plan.load()
    };
    let batch = run(&installation, plan, batch).await?;
    let alone = LoadPlan {
        count: (plan.count / 20).max(200),
        connections: 1,
        ..plan.load()
    };
    let alone = run(&installation, plan, alone).await?;
    let quarter = quarter(pipeline.recorded_per_second, plan);
    let quarter = run(&installation, plan, quarter).await?;

    let peaks = UsageMonitor::start(&own).stop();
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

async fn limits(environment: &Environment, plan: &TargetsPlan) -> anyhow::Result<Limits> {
    let programs = &plan.system.programs;
    let api = environment.api(&plan.unpublished, &programs.logs).await?;
    let unpublished = ApiWithoutBroker {
        address: api.address,
        token: programs.token.clone(),
    };
    let parts = limits::LimitsPlan {
        count: plan.count,
        payload_bytes: plan.system.payload_bytes,
        connections: plan.system.connections,
    };
    let home = &environment.scratch.settings;
    let limits = limits::measure(parts, &environment.broker, home, Some(&unpublished)).await?;
    api.stop().await?;
    Ok(limits)
}

/// Fills the queue while the worker is stopped. Returns the rate of accepting the first `count`
/// notifications, and the number of all accepted ones.
async fn accept(
    installation: &MeasuredInstallation,
    plan: &TargetsPlan,
    users: &TestUsers,
) -> anyhow::Result<(f64, u64)> {
    let load = plan.load();
    let posted = installation
        .post(load, plan.system.payload_bytes, users)
        .await?;
    // The remaining notifications by batch requests, which are faster.
    let rest = LoadPlan {
        count: plan.drain.saturating_sub(plan.count),
        connections: BATCH_CONNECTIONS,
        batch: BATCH,
        ..load
    };
    let rest = installation
        .post(rest, plan.system.payload_bytes, users)
        .await?;
    for posted in [&posted, &rest] {
        let missing = posted.refused + posted.unanswered;
        ensure!(missing == 0, "{missing} notifications were not accepted");
    }
    let rate = per_second(plan.count, posted.took);
    let queued = posted.accepted.len() + rest.accepted.len();
    Ok((rate, queued as u64))
}

/// The rate at which the worker records the `queued` notifications, from the first row to the last.
async fn drain(
    installation: &MeasuredInstallation,
    users: &TestUsers,
    queued: u64,
) -> anyhow::Result<f64> {
    let progress = bar(queued, "draining the queue");
    recorded_rows::wait(&installation.database, users, queued, &progress).await?;
    progress.finish_and_clear();
    let found = recorded_rows::compare(&installation.database, users, &BTreeMap::new()).await?;
    ensure!(
        found.rows == queued,
        "{queued} were accepted, but there are {} rows",
        found.rows
    );
    let micros = u64::try_from(found.last - found.first).unwrap_or(0);
    Ok(per_second(queued, Duration::from_micros(micros.max(1))))
}

async fn run(
    installation: &MeasuredInstallation,
    plan: &TargetsPlan,
    load: LoadPlan,
) -> anyhow::Result<PipelineReport> {
    let report = installation
        .measure(load, plan.system.payload_bytes)
        .await?;
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

/// A load at a quarter of the highest rate for about ten seconds (open loop).
fn quarter(highest: f64, plan: &TargetsPlan) -> LoadPlan {
    let rate = highest / 4.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of requests"
    )]
    let count = (rate * 10.0) as u64;
    LoadPlan {
        count,
        rate: Some(rate),
        ..plan.load()
    }
}
