//! What access control costs: API keys, caller limits, audited changes and logins.

mod calls;
mod keys;
mod logins;
mod posting;
mod results;

use std::time::Duration;

use anyhow::Context;
use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;

pub use results::AccessResults;

use crate::environment::{Environment, SystemUnderLoad};

/// What to measure.
#[derive(Clone, Debug)]
pub struct AccessPlan {
    /// Rounds of posting.
    pub rounds: usize,
    /// Notifications of each kind of caller in a round.
    pub count: u64,
    /// API keys in the table when the API starts.
    pub keys: u32,
    /// Clients that log in at once.
    pub clients: usize,
    /// For how long they log in.
    pub logging_in: Duration,
    /// The programs, and the load of each caller.
    pub system: SystemUnderLoad,
}

/// Measures in a new database and new queues, which it deletes.
///
/// # Errors
///
/// Returns an error if a server or a program fails, or a notification is not accepted.
pub async fn measure(
    plan: &AccessPlan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
) -> anyhow::Result<AccessResults> {
    let environment = Environment::create(broker, database).await?;
    let measured = run(&environment, plan).await;
    environment.delete().await?;
    measured
}

async fn run(environment: &Environment, plan: &AccessPlan) -> anyhow::Result<AccessResults> {
    let programs = &plan.system.programs;
    // It creates the tables.
    let worker = environment.worker(&programs.worker, &programs.logs).await?;
    let posting = posting::measure(environment, plan)
        .await
        .context("posting")?;
    let logins = logins::measure(environment, plan).await.context("logins")?;
    let keys = keys::measure(environment, plan).await.context("keys")?;
    worker.stop().await?;
    Ok(AccessResults {
        posting,
        logins,
        keys,
    })
}
