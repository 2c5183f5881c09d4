//! `tidings-bench destinations`.

use clap::value_parser;

use crate::args::ProgramArgs;
use crate::destinations::{DestinationsPlan, DestinationsResults, GoodDeliveries, measure};
use crate::output::MeasurementResult;
use crate::settings::servers;
use crate::table::table;
use crate::targets::{PerformanceTarget, targets_table};

/// Arguments of `destinations`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Number of rounds; the result is the median over the rounds
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u64).range(1..))]
    rounds: u64,
    /// Webhooks in each run, to each destination in turn
    #[arg(long, default_value_t = 40_000, value_parser = value_parser!(u64).range(1..))]
    count: u64,
    /// Destinations, each an address of the loopback network
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u32).range(2..=1_000_000))]
    destinations: u32,
    /// Of so many destinations, one accepts connections and never answers
    #[arg(long, value_name = "DESTINATIONS", default_value_t = 100, value_parser = value_parser!(u32).range(2..))]
    hang_every: u32,
    /// Webhooks that the worker sends at once (`WEBHOOK_CONCURRENCY`)
    #[arg(long, default_value_t = 64, value_parser = value_parser!(u16).range(1..=1000))]
    concurrency: u16,
    /// Bytes of each payload
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    payload_bytes: usize,
    #[command(flatten)]
    programs: ProgramArgs,
}

/// Measures. Fails the measurement if a target is missed.
pub async fn run(args: Args) -> anyhow::Result<MeasurementResult> {
    let (broker, database) = servers()?;
    let plan = DestinationsPlan {
        rounds: usize::try_from(args.rounds)?,
        count: args.count,
        destinations: args.destinations,
        hang_every: args.hang_every,
        concurrency: args.concurrency,
        payload_bytes: args.payload_bytes,
        programs: args.programs.read()?,
    };
    let results = measure(&plan, &broker, &database).await?;
    let targets = results.targets();
    let all_met = targets.iter().all(PerformanceTarget::is_met);
    MeasurementResult::new(text(&results, &targets), &results, all_met)
}

fn text(results: &DestinationsResults, targets: &[PerformanceTarget]) -> String {
    let runs = results.rounds.iter();
    let runs = runs.flat_map(|round| {
        [
            line("none", &round.none_hangs),
            line(&results.hanging.to_string(), &round.some_hang),
        ]
    });
    let columns = [
        "HANG",
        "WEBHOOKS/S",
        "ACCEPTED",
        "EXPECTED",
        "ARRIVED",
        "RECORDED",
        "REPEATED",
        "WORKER MIB",
    ];
    format!(
        "{}\n{} destinations; webhooks to those that hang in no run, by round:\n{}",
        targets_table(targets),
        results.destinations,
        table(columns, &runs.collect::<Vec<_>>()),
    )
}

fn line(hanging: &str, run: &GoodDeliveries) -> [String; 8] {
    [
        hanging.to_owned(),
        format!("{:.0}", run.delivered_per_second),
        run.accepted.to_string(),
        run.expected.to_string(),
        run.arrived.to_string(),
        run.recorded.to_string(),
        run.repeated.to_string(),
        run.worker_peak_mib
            .map_or_else(|| "-".to_owned(), |mib| format!("{mib:.1}")),
    ]
}
