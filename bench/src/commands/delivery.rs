//! `tidings-bench delivery`.

use std::time::Duration;

use clap::value_parser;

use crate::args::SystemArgs;
use crate::delivery::{
    DeliveryPlan, DeliveryReport, DeliveryResults, DeliveryRound, MeasuredChannel, measure,
};
use crate::output::MeasurementResult;
use crate::settings::servers;
use crate::table::table;
use crate::targets::{PerformanceTarget, targets_table};

/// Arguments of `delivery`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The channel
    #[arg(long, value_enum, default_value_t = MeasuredChannel::Webhook)]
    channel: MeasuredChannel,
    /// Number of rounds; the results are medians over the rounds
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u64).range(1..))]
    rounds: u64,
    /// Messages for each part and phase of a round
    #[arg(long, default_value_t = 40_000, value_parser = value_parser!(u64).range(1..))]
    count: u64,
    /// Messages in the quiet system, one at a time
    #[arg(long, default_value_t = 1000, value_parser = value_parser!(u64).range(1..))]
    quiet: u64,
    /// Seconds for which the transactions of the idle system are counted
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = value_parser!(u64).range(1..))]
    idle: u64,
    /// Destinations of the webhooks; one gets at most half of the sends at once
    #[arg(long, default_value_t = 2, value_parser = value_parser!(u32).range(1..=1000))]
    destinations: u32,
    /// Messages that the worker sends at once (`WEBHOOK_CONCURRENCY`, `EMAIL_CONCURRENCY`)
    #[arg(long, default_value_t = 64, value_parser = value_parser!(u16).range(1..=1000))]
    concurrency: u16,
    #[command(flatten)]
    system: SystemArgs,
}

/// Measures. Fails the measurement if a target is missed.
pub async fn run(args: Args) -> anyhow::Result<MeasurementResult> {
    let (broker, database) = servers()?;
    let plan = DeliveryPlan {
        channel: args.channel,
        rounds: usize::try_from(args.rounds)?,
        count: args.count,
        quiet: args.quiet,
        idle: Duration::from_secs(args.idle),
        destinations: args.destinations,
        concurrency: args.concurrency,
        system: args.system.read()?,
    };
    let results = measure(&plan, &broker, &database).await?;
    let targets = results.targets();
    let all_met = targets.iter().all(PerformanceTarget::is_met);
    MeasurementResult::new(text(&results, &targets), &results, all_met)
}

fn text(results: &DeliveryResults, targets: &[PerformanceTarget]) -> String {
    let rates: Vec<_> = results.rounds.iter().map(rates).collect();
    let columns = [
        "C",
        "S",
        "U",
        "IDEAL",
        "FULL QUEUE",
        "ACCEPTED",
        "LOAD",
        "P50 MS",
        "P99 MS",
    ];
    let counts: Vec<_> = results
        .rounds
        .iter()
        .flat_map(|round| {
            [
                counts("full queue", &round.full_queue),
                counts("load", &round.load.delivery),
            ]
        })
        .collect();
    let count_columns = [
        "PHASE",
        "ACCEPTED",
        "ARRIVED",
        "RECORDED",
        "LOST",
        "REPEATED",
        "FOREIGN",
        "TRANSACTIONS",
        "CPU MS: API",
        "WORKER",
        "RABBITMQ",
        "POSTGRES",
        "BENCH",
    ];
    format!(
        "{}\nMessages a second, by round:\n{}\nBy round and phase; transactions and CPU for each message:\n{}\
         \nTransactions of the idle system: {} at its start, {:.1} a second\n",
        targets_table(targets),
        table(columns, &rates),
        table(count_columns, &counts),
        results.idle_transactions.start,
        results.idle_transactions.per_second,
    )
}

fn rates(round: &DeliveryRound) -> [String; 9] {
    let rate = |rate: f64| format!("{rate:.0}");
    let (p50, p99) = round
        .quiet_ms
        .map_or((f64::NAN, f64::NAN), |ms| (ms.p50, ms.p99));
    [
        rate(round.parts.consume),
        rate(round.parts.send),
        rate(round.parts.update),
        rate(round.ideal),
        rate(round.full_queue.delivered_per_second),
        rate(round.load.accepted_per_second),
        rate(round.load.delivery.delivered_per_second),
        format!("{p50:.2}"),
        format!("{p99:.2}"),
    ]
}

fn counts(phase: &str, report: &DeliveryReport) -> [String; 13] {
    let cpu = |name: &str| {
        let used = report.processes.get(name);
        // Seconds per thousand are milliseconds for each.
        used.map_or_else(
            || "-".to_owned(),
            |used| format!("{:.3}", used.cpu_seconds_per_1000),
        )
    };
    [
        phase.to_owned(),
        report.count.to_string(),
        report.arrived.to_string(),
        report.recorded.to_string(),
        report.differences.lost.to_string(),
        report.differences.repeated.to_string(),
        report.differences.foreign.to_string(),
        format!("{:.3}", report.transactions_each),
        cpu("api"),
        cpu("worker"),
        cpu("rabbitmq"),
        cpu("postgres"),
        cpu("bench"),
    ]
}
