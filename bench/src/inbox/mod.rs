//! The inbox: what open streams need and how soon notifications reach them, how long reads of a large inbox take, and what it
//! costs the intake to announce notifications that nobody waits for.

mod intake;
mod live;
mod reading;
mod results;
mod streams;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;

pub use results::InboxResults;
use results::IntakeResults;

use crate::environment::{Environment, SystemUnderLoad};

/// What to measure.
#[derive(Clone, Debug)]
pub struct InboxPlan {
    /// Open streams, each of a user of its own.
    pub streams: u32,
    /// For how long nothing happens on them.
    pub quiet: Duration,
    /// Notifications a second while they are open.
    pub rate: u32,
    /// For how long.
    pub posting: Duration,
    /// Notifications in the large inbox.
    pub rows: u32,
    /// Reads of each kind.
    pub reads: u32,
    /// Rounds of the comparison of the intake.
    pub rounds: usize,
    /// Notifications of each side of the comparison in a round.
    pub count: u64,
    /// The worker to compare with.
    pub compared: ComparedWorker,
    /// The programs, and the load.
    pub system: SystemUnderLoad,
}

/// The worker whose intake is compared with that of the measured one.
#[derive(Clone, Debug)]
pub enum ComparedWorker {
    /// One that announces nothing, on a database without the index of streams.
    WithoutWakes(PathBuf),
    /// One of another version, on a database of that version.
    Before(PathBuf),
}

/// Measures in new databases and new queues, which it deletes.
///
/// # Errors
///
/// Returns an error if a server or a program fails, or a notification is not accepted.
pub async fn measure(
    plan: &InboxPlan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
) -> anyhow::Result<InboxResults> {
    let intake = if plan.rounds == 0 {
        IntakeResults::default()
    } else {
        let measured = intake::measure(plan, broker, database).await;
        measured.context("the intake")?
    };
    let environment = Environment::create(broker, database).await?;
    let measured = with_api(&environment, plan).await;
    environment.delete().await?;
    let (live, reading) = measured?;
    Ok(InboxResults {
        live,
        reading,
        intake,
    })
}

async fn with_api(
    environment: &Environment,
    plan: &InboxPlan,
) -> anyhow::Result<(results::LiveResults, results::ReadingResults)> {
    let programs = &plan.system.programs;
    let worker = environment.worker(&programs.worker, &programs.logs).await?;
    let api = environment.api(&programs.api, &programs.logs).await?;
    let live = live::measure(environment, &api, &worker, plan)
        .await
        .context("streams")?;
    let reading = reading::measure(environment, &api, plan)
        .await
        .context("reading")?;
    api.stop().await?;
    worker.stop().await?;
    Ok((live, reading))
}
