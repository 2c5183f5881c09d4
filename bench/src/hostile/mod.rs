//! What hostile clients take from good ones: the rate of good clients alone and beside thousands of connections that
//! are silent, slow, deaf or large.

mod clients;
mod liveness;
mod results;

use anyhow::{Context, ensure};
use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;

pub use clients::HostileClients;
pub use liveness::LivenessProbe;
pub use results::HostileResults;

use crate::environment::{Environment, SystemUnderLoad};
use crate::load::{LoadPlan, PostedLoad};
use crate::pipeline::MeasuredInstallation;
use crate::process_usage::UsageMonitor;
use crate::progress::bar;
use crate::recorded_rows;
use crate::statistics::per_second;
use crate::test_users::TestUsers;

/// Rows whose list is a long response, and their payloads. Below the default of `MAX_BODY_BYTES`.
const LONG_ROWS: u64 = 200;
const LONG_PAYLOAD: usize = 60_000;

/// What to measure.
#[derive(Clone, Debug)]
pub struct HostilePlan {
    /// Notifications of the good clients, in each part.
    pub count: u64,
    /// The hostile clients.
    pub hostile: HostileClients,
    /// The programs, and the load of the good clients.
    pub system: SystemUnderLoad,
}

/// Measures in a new database and new queues, which it deletes.
///
/// # Errors
///
/// Returns an error if a server or a program fails.
pub async fn measure(
    plan: &HostilePlan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
) -> anyhow::Result<HostileResults> {
    let environment = Environment::create(broker, database).await?;
    let measured = run(&environment, plan).await;
    environment.delete().await?;
    measured
}

async fn run(environment: &Environment, plan: &HostilePlan) -> anyhow::Result<HostileResults> {
    let programs = &plan.system.programs;
    let api = environment.api(&programs.api, &programs.logs).await?;
    let worker = environment.worker(&programs.worker, &programs.logs).await?;
    let installation = environment.installation(&api, &programs.token, Vec::new());
    record_long_rows(&installation).await?;

    let alone_before = good_rate(&installation, plan).await?;
    let usage = UsageMonitor::start(&[api.watched(), worker.watched()]);
    let liveness = LivenessProbe::start(api.address);
    let hostile = plan.hostile.start(api.address, &programs.token).await;
    let open = hostile.open();
    let users = TestUsers::create(&installation.database).await?;
    let beside = post(&installation, plan, &users).await?;
    let (opened, slowest_live) = (hostile.stop(), liveness.stop());
    wait_for_rows(&installation, &users, &beside).await?;
    let peak_mib = usage.stop();
    let alone_after = good_rate(&installation, plan).await?;

    worker.stop().await?;
    api.stop().await?;
    let accepted = beside.accepted.len() as u64;
    Ok(HostileResults {
        alone_before,
        beside: per_second(accepted, beside.took),
        alone_after,
        refused: beside.refused,
        unanswered: beside.unanswered,
        hostile_opened: opened,
        hostile_open: open,
        slowest_live_seconds: slowest_live,
        peak_mib: peak_mib
            .into_iter()
            .map(|(name, used)| (name, used.peak_mib))
            .collect(),
    })
}

async fn record_long_rows(installation: &MeasuredInstallation) -> anyhow::Result<()> {
    let users = TestUsers::create(&installation.database).await?;
    let load = LoadPlan {
        count: LONG_ROWS,
        connections: 4,
        batch: 1,
        rate: None,
    };
    let posted = installation.post(load, LONG_PAYLOAD, &users).await?;
    ensure!(
        posted.refused + posted.unanswered == 0,
        "the long rows were not accepted"
    );
    wait_for_rows(installation, &users, &posted).await
}

/// The rate at which the API accepts the notifications of the good clients, without others.
async fn good_rate(installation: &MeasuredInstallation, plan: &HostilePlan) -> anyhow::Result<f64> {
    let users = TestUsers::create(&installation.database).await?;
    let posted = post(installation, plan, &users).await?;
    let missing = posted.refused + posted.unanswered;
    ensure!(missing == 0, "{missing} notifications were not accepted");
    wait_for_rows(installation, &users, &posted).await?;
    users.delete(&installation.database).await?;
    Ok(per_second(plan.count, posted.took))
}

async fn post(
    installation: &MeasuredInstallation,
    plan: &HostilePlan,
    users: &TestUsers,
) -> anyhow::Result<PostedLoad> {
    let load = LoadPlan {
        count: plan.count,
        connections: plan.system.connections,
        batch: 1,
        rate: None,
    };
    installation
        .post(load, plan.system.payload_bytes, users)
        .await
}

async fn wait_for_rows(
    installation: &MeasuredInstallation,
    users: &TestUsers,
    posted: &PostedLoad,
) -> anyhow::Result<()> {
    let accepted = posted.accepted.len() as u64;
    let progress = bar(accepted, "recording");
    recorded_rows::wait(&installation.database, users, accepted, &progress)
        .await
        .context("accepted notifications were not recorded")?;
    progress.finish_and_clear();
    Ok(())
}
