//! What it costs the intake to announce in-app notifications while nobody has a stream.
//!
//! Two workers record the same notifications in turn, each from a full queue, so that nothing but recording counts. The one to
//! compare with differs by nothing but the wakes, which it does not publish, and by the index that only streams read, which its
//! database does not have. Or it is the worker of a version before, on a database of that version.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use tidings_broker::BrokerSettings;
use tidings_db::{DatabaseSettings, inbox};

use super::results::IntakeResults;
use super::{ComparedWorker, InboxPlan};
use crate::environment::Environment;
use crate::load::LoadPlan;
use crate::programs::RunningProgram;
use crate::progress::bar;
use crate::recorded_rows;
use crate::statistics::per_second;
use crate::test_users::TestUsers;

/// Notifications per batch request, and connections for batch requests.
const BATCH: u64 = 100;
const CONNECTIONS: usize = 8;

/// The only stage of the workers.
const STAGES: &str = "intake";

/// One side of the comparison.
struct Side<'a> {
    environment: &'a Environment,
    logs: PathBuf,
    api: RunningProgram,
    worker: &'a Path,
    rates: Vec<f64>,
}

/// Measures both sides in new databases and new queues, which it deletes.
pub async fn measure(
    plan: &InboxPlan,
    broker: &BrokerSettings,
    database: &DatabaseSettings,
) -> anyhow::Result<IntakeResults> {
    let with = Environment::create(broker, database).await?;
    let without = Environment::create(broker, database).await?;
    let measured = run(plan, [&with, &without]).await;
    with.delete().await?;
    without.delete().await?;
    measured
}

/// Measures both sides in each round, in an order that changes from round to round.
async fn run(plan: &InboxPlan, environments: [&Environment; 2]) -> anyhow::Result<IntakeResults> {
    let [with, without] = environments;
    let (compared, is_before) = match &plan.compared {
        ComparedWorker::WithoutWakes(path) => (path, false),
        ComparedWorker::Before(path) => (path, true),
    };
    let mut sides = [
        Side::start("intake", with, &plan.system.programs.worker, plan).await?,
        Side::start("intake-compared", without, compared, plan).await?,
    ];
    if !is_before {
        let database = &without.scratch.database;
        let dropped = database.run(async |client| inbox::bench::drop_stream_index(client).await);
        dropped.await?;
    }
    for nth in 1..=plan.rounds {
        eprintln!("Round {nth} of {}", plan.rounds);
        let [one, other] = &mut sides;
        let mut order = [one, other];
        order.rotate_left(nth % 2);
        for side in order {
            let rate = side.rate(plan).await?;
            side.rates.push(rate);
        }
    }
    let [with, without] = sides;
    with.api.stop().await?;
    without.api.stop().await?;
    Ok(IntakeResults {
        compared_with_a_version_before: is_before,
        rates: with.rates,
        compared: without.rates,
    })
}

impl<'a> Side<'a> {
    /// Starts the API. `name` is the folder for the logs.
    async fn start(
        name: &str,
        environment: &'a Environment,
        worker: &'a Path,
        plan: &InboxPlan,
    ) -> anyhow::Result<Self> {
        let logs = plan.system.programs.logs.join(name);
        tokio::fs::create_dir_all(&logs).await?;
        // It creates the tables.
        let first = environment.worker_of(STAGES, worker, &logs).await?;
        first.stop().await?;
        Ok(Self {
            api: environment.api(&plan.system.programs.api, &logs).await?,
            environment,
            logs,
            worker,
            rates: Vec::new(),
        })
    }

    /// The rate at which the worker records a full queue, from the first row to the last.
    async fn rate(&self, plan: &InboxPlan) -> anyhow::Result<f64> {
        let programs = &plan.system.programs;
        let environment = self.environment;
        let installation = environment.installation(&self.api, &programs.token, Vec::new());
        let users = TestUsers::create(&installation.database).await?;
        let load = LoadPlan {
            count: plan.count,
            connections: CONNECTIONS,
            batch: BATCH,
            rate: None,
        };
        let posted = installation
            .post(load, plan.system.payload_bytes, &users)
            .await?;
        let missing = posted.refused + posted.unanswered;
        ensure!(missing == 0, "{missing} notifications were not accepted");
        let worker = environment
            .worker_of(STAGES, self.worker, &self.logs)
            .await?;
        let progress = bar(plan.count, "recording");
        recorded_rows::wait(&installation.database, &users, plan.count, &progress).await?;
        progress.finish_and_clear();
        let none = BTreeMap::new();
        let found = recorded_rows::compare(&installation.database, &users, &none).await?;
        ensure!(
            found.rows == plan.count,
            "{} were accepted, but there are {} rows",
            plan.count,
            found.rows
        );
        worker.stop().await?;
        users.delete(&installation.database).await?;
        let micros = u64::try_from(found.last - found.first).unwrap_or(0);
        Ok(per_second(plan.count, Duration::from_micros(micros.max(1))))
    }
}
