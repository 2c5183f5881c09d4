//! Measures rates and reading times as the table grows.

mod results;
mod table;

use indicatif::ProgressBar;
use tidings_broker::BrokerSettings;
use tidings_db::DatabaseSettings;

pub use results::{Degradation, GrowthReport, StepResult};

use results::Samples;
use table::GrowingTable;

use crate::environment::{Environment, SystemUnderLoad};
use crate::progress::bar;

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
    /// The programs and their load.
    pub system: SystemUnderLoad,
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
