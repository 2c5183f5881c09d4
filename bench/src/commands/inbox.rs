//! `tidings-bench inbox`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::value_parser;

use crate::args::SystemArgs;
use crate::inbox::{ComparedWorker, InboxPlan, InboxResults, measure};
use crate::output::MeasurementResult;
use crate::settings::servers;
use crate::table::table;
use crate::targets::{PerformanceTarget, targets_table};

/// Arguments of `inbox`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Open streams, each of a user of its own
    #[arg(long, default_value_t = 5000, value_parser = value_parser!(u32).range(1..=7500))]
    streams: u32,
    /// For how long nothing happens on the open streams: longer than the time between two looks and keep-alives
    #[arg(long, value_name = "SECONDS", default_value_t = 35)]
    quiet_secs: u64,
    /// Notifications a second while the streams are open
    #[arg(long, default_value_t = 2000, value_parser = value_parser!(u32).range(1..))]
    rate: u32,
    /// For how long they are posted
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u64).range(1..))]
    posting_secs: u64,
    /// Notifications in the large inbox
    #[arg(long, default_value_t = 1_000_000, value_parser = value_parser!(u32).range(1000..))]
    rows: u32,
    /// Reads of each kind
    #[arg(long, default_value_t = 2000, value_parser = value_parser!(u32).range(1..))]
    reads: u32,
    /// Rounds of the comparison of the intake; the result is the median of their ratios. 0 leaves it out
    #[arg(long, default_value_t = 7)]
    rounds: u16,
    /// Notifications of each side of the comparison in a round
    #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u64).range(100..))]
    count: u64,
    /// Compare the intake with that of this worker, which publishes no wakes: the example `without_wakes`
    #[arg(long, value_name = "PATH", required_unless_present = "worker_before")]
    without_wakes: Option<PathBuf>,
    /// Compare the intake with that of this worker, of a version before, instead of `--without-wakes`
    #[arg(long, value_name = "PATH")]
    worker_before: Option<PathBuf>,
    #[command(flatten)]
    system: SystemArgs,
}

/// Measures. Fails the measurement if a target is missed.
pub async fn run(args: Args) -> anyhow::Result<MeasurementResult> {
    let (broker, database) = servers()?;
    let before = args.worker_before.map(ComparedWorker::Before);
    let without_wakes = args.without_wakes.map(ComparedWorker::WithoutWakes);
    let plan = InboxPlan {
        streams: args.streams,
        quiet: Duration::from_secs(args.quiet_secs),
        rate: args.rate,
        posting: Duration::from_secs(args.posting_secs),
        rows: args.rows,
        reads: args.reads,
        rounds: args.rounds.into(),
        count: args.count,
        compared: before
            .or(without_wakes)
            .context("there is no worker to compare with")?,
        system: args.system.read()?,
    };
    let results = measure(&plan, &broker, &database).await?;
    let targets = results.targets();
    let all_met = targets.iter().all(PerformanceTarget::is_met);
    MeasurementResult::new(text(&results, &targets), &results, all_met)
}

fn text(results: &InboxResults, targets: &[PerformanceTarget]) -> String {
    let (live, intake) = (&results.live, &results.intake);
    let latencies = [
        ("POST → event", live.posted_ms),
        ("processedAt → event", live.processed_ms),
    ];
    let latencies = latencies
        .into_iter()
        .filter_map(|(name, ms)| Some((name.to_owned(), ms?)));
    let reads = results.reading.reads_ms.iter();
    let reads = reads.map(|(name, ms)| (name.clone(), *ms));
    let rows: Vec<_> = latencies
        .chain(reads)
        .map(|(name, ms)| {
            let [p50, p90, p99, max] =
                [ms.p50, ms.p90, ms.p99, ms.max].map(|ms| format!("{ms:.2}"));
            [name, p50, p90, p99, max]
        })
        .collect();
    let compared = if intake.compared_with_a_version_before {
        "BEFORE"
    } else {
        "WITHOUT"
    };
    let rates: Vec<_> = intake
        .rates
        .iter()
        .zip(&intake.compared)
        .map(|(rate, other)| {
            [
                format!("{rate:.0}"),
                format!("{other:.0}"),
                format!("{:.3}", rate / other),
            ]
        })
        .collect();
    format!(
        "{}\n{} streams opened in {:.1} s. Peak memory of api, MiB: {:.1} without, {:.1} with open streams, {:.1} after the load\n\
         {} posted in {:.1} s: {} arrived, {} lost, {} repeated; {} resets, {} streams ended\n\n{}\nRecorded a second, by round:\n{}",
        targets_table(targets),
        live.streams,
        live.opened_in_seconds,
        live.idle_mib,
        live.open_mib,
        live.loaded_mib,
        live.posted,
        live.posted_in_seconds,
        live.arrived,
        live.lost,
        live.repeated,
        live.resets,
        live.ended,
        table(["MILLISECONDS", "P50", "P90", "P99", "MAX"], &rows),
        table(["NOBODY LISTENS", compared, "RATIO"], &rates),
    )
}
