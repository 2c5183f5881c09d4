//! `tidings-bench dashboard`.

use clap::value_parser;

use crate::args::SystemArgs;
use crate::dashboard::{DashboardPlan, DashboardResults, measure};
use crate::output::MeasurementResult;
use crate::settings::servers;
use crate::table::table;
use crate::targets::{PerformanceTarget, targets_table};

/// Arguments of `dashboard`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Notifications in the table, of which a fifth are dead letters
    #[arg(long, default_value_t = 5_000_000, value_parser = value_parser!(u32).range(1000..))]
    rows: u32,
    /// Requests of each kind
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u32).range(1..))]
    requests: u32,
    /// Dashboards that are open at the same time
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(1..=100))]
    dashboards: u32,
    /// Rounds of the comparison of the pipeline; the result is the median of their ratios. 0 leaves it out
    #[arg(long, default_value_t = 9)]
    rounds: u16,
    /// Notifications of each side of the comparison in a round
    #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u64).range(100..))]
    count: u64,
    /// The rate of the job of replays, per second. It takes the in-app dead letters, a fiftieth of the notifications
    #[arg(long, default_value_t = 1000, value_parser = value_parser!(u32).range(1..=1000))]
    replay_rate: u32,
    #[command(flatten)]
    system: SystemArgs,
}

/// Measures. Fails the measurement if a target is missed.
pub async fn run(args: Args) -> anyhow::Result<MeasurementResult> {
    let (broker, database) = servers()?;
    let plan = DashboardPlan {
        rows: args.rows,
        requests: args.requests,
        dashboards: args.dashboards,
        rounds: args.rounds.into(),
        count: args.count,
        replay_rate: args.replay_rate,
        system: args.system.read()?,
    };
    let results = measure(&plan, &broker, &database).await?;
    let targets = results.targets();
    let all_met = targets.iter().all(PerformanceTarget::is_met);
    MeasurementResult::new(text(&results, &targets), &results, all_met)
}

fn text(results: &DashboardResults, targets: &[PerformanceTarget]) -> String {
    let mut slowest_first: Vec<_> = results.requests_ms.iter().collect();
    slowest_first.sort_by(|(_, a), (_, b)| b.p95.total_cmp(&a.p95));
    let requests: Vec<_> = slowest_first
        .into_iter()
        .map(|(name, ms)| {
            let [p50, p95, p99, max] =
                [ms.p50, ms.p95, ms.p99, ms.max].map(|ms| format!("{ms:.2}"));
            [name.clone(), p50, p95, p99, max]
        })
        .collect();
    let pipeline = &results.pipeline;
    let rounds: Vec<_> = pipeline
        .with
        .iter()
        .zip(&pipeline.without)
        .map(|(with, without)| {
            [
                format!("{with:.0}"),
                format!("{without:.0}"),
                format!("{:.3}", with / without),
            ]
        })
        .collect();
    let replay = &results.replay;
    format!(
        "{}\n{} rows, {} clients\n{}\nRecorded a second, by round ({} requests of dashboards):\n{}\n\
         {} replayed in {:.1} s at {} a second, {} not replayed",
        targets_table(targets),
        results.rows,
        results.dashboards,
        table(["MILLISECONDS", "P50", "P95", "P99", "MAX"], &requests),
        pipeline.polled,
        table(["WITH", "WITHOUT", "RATIO"], &rounds),
        replay.replayed,
        replay.seconds,
        replay.set,
        replay.not_replayed,
    )
}
