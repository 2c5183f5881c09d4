//! `tidings-bench targets`.

use std::path::PathBuf;

use clap::value_parser;

use crate::args::SystemArgs;
use crate::output::MeasurementResult;
use crate::settings::servers;
use crate::table::table;
use crate::targets::{PerformanceTarget, TargetResults, TargetsPlan, measure, targets_table};

/// Arguments of `targets`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Number of rounds; the results are medians over the rounds
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Notifications for each part of a round
    #[arg(long, default_value_t = 40_000, value_parser = value_parser!(u64).range(1000..))]
    count: u64,
    /// Messages in the queue that the worker drains
    #[arg(long, default_value_t = 200_000)]
    drain: u64,
    #[command(flatten)]
    system: SystemArgs,
    /// The API that accepts without publishing: the example `unpublished` of tidings-api
    #[arg(long, value_name = "PATH")]
    unpublished: PathBuf,
}

/// Measures. Fails the measurement if a target is missed.
pub async fn run(args: Args) -> anyhow::Result<MeasurementResult> {
    let (broker, database) = servers()?;
    let plan = TargetsPlan {
        rounds: args.rounds,
        count: args.count,
        drain: args.drain,
        unpublished: args.unpublished,
        system: args.system.read()?,
    };
    let results = measure(&plan, &broker, &database).await?;
    let targets = results.targets();
    let all_met = targets.iter().all(PerformanceTarget::is_met);
    MeasurementResult::new(text(&results, &targets), &results, all_met)
}

fn text(results: &TargetResults, targets: &[PerformanceTarget]) -> String {
    let rounds: Vec<_> = results
        .rounds
        .iter()
        .map(|round| {
            let limits = &round.limits;
            [
                limits.publish,
                limits.publish_and_consume,
                limits.consume,
                limits.insert,
                limits.http.unwrap_or(f64::NAN),
                round.accepted,
                round.pipeline.recorded_per_second,
                round.batch.recorded_per_second,
                round.drained,
            ]
            .map(|rate| format!("{rate:.0}"))
        })
        .collect();
    let columns = [
        "P", "Q", "C", "I", "H", "ACCEPTED", "RECORDED", "BATCH", "DRAINED",
    ];
    format!(
        "{}\nNotifications a second, by round:\n{}",
        targets_table(targets),
        table(columns, &rounds)
    )
}
