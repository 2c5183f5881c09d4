//! The dashboard: how long its requests take with very many notifications and dead letters, what open dashboards take from the
//! pipeline, and whether a job of replays keeps its rate.

mod filling;
mod open;
mod replay;
mod requests;
mod results;

use anyhow::Context;
use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;

pub use results::DashboardResults;

use crate::environment::{Environment, SystemUnderLoad};

/// What to measure.
#[derive(Clone, Debug)]
pub struct DashboardPlan {
    /// Notifications in the table, of which a fifth are dead letters.
    pub rows: u32,
    /// Requests of each kind.
    pub requests: u32,
    /// Dashboards that are open at the same time.
    pub dashboards: u32,
    /// Rounds of the comparison of the pipeline.
    pub rounds: usize,
    /// Notifications of each side of the comparison in a round.
    pub count: u64,
    /// The rate of the job of replays, per second; it takes the in-app dead letters.
    pub replay_rate: u32,
    /// The programs, and the load.
    pub system: SystemUnderLoad,
}

/// Measures in a new database and new queues, which it deletes.
///
/// # Errors
///
/// Returns an error if a server or a program fails, or a request is refused.
pub async fn measure(
    plan: &DashboardPlan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
) -> anyhow::Result<DashboardResults> {
    let environment = Environment::create(broker, database).await?;
    let measured = with_programs(&environment, plan).await;
    environment.delete().await?;
    measured
}

async fn with_programs(
    environment: &Environment,
    plan: &DashboardPlan,
) -> anyhow::Result<DashboardResults> {
    filling::fill(&environment.scratch.database, plan.rows)
        .await
        .context("filling the tables")?;
    let programs = &plan.system.programs;
    let worker = environment.worker(&programs.worker, &programs.logs).await?;
    let api = environment.api(&programs.api, &programs.logs).await?;
    let requests_ms = requests::measure(api.address, plan)
        .await
        .context("requests")?;
    let pipeline = open::measure(environment, &api, plan)
        .await
        .context("open dashboards")?;
    let replay = replay::measure(api.address, plan)
        .await
        .context("the job")?;
    api.stop().await?;
    worker.stop().await?;
    Ok(DashboardResults {
        rows: plan.rows,
        dashboards: plan.dashboards,
        requests_ms,
        pipeline,
        replay,
    })
}
