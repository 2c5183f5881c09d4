//! `tidings-bench schedule`.

use std::time::Duration;

use clap::value_parser;

use crate::args::SystemArgs;
use crate::latency::Summary;
use crate::output::MeasurementResult;
use crate::schedule::{
    LatenessReport, SchedulePlan, ScheduleResults, ScheduleRound, ScheduledChannel, measure,
};
use crate::settings::servers;
use crate::table::table;
use crate::targets::{PerformanceTarget, targets_table};

/// Arguments of `schedule`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The only channel [default: half in-app notifications, half webhooks]
    #[arg(long, value_enum)]
    channel: Option<ScheduledChannel>,
    /// Number of rounds; the results are medians over the rounds
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u64).range(1..))]
    rounds: u64,
    /// Notifications that are due at once, that a scheduler alone releases, and that are posted while RabbitMQ is away
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u64).range(2..))]
    count: u64,
    /// Single notifications on a quiet system, one at a time
    #[arg(long, default_value_t = 30, value_parser = value_parser!(u32).range(2..=10_000))]
    singles: u32,
    /// Seconds between the first POST and the time at which the notifications are due; all must be recorded before
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = value_parser!(u64).range(1..=3600))]
    ahead: u64,
    #[command(flatten)]
    system: SystemArgs,
}

/// Measures. Fails the measurement if a target is missed.
pub async fn run(args: Args) -> anyhow::Result<MeasurementResult> {
    let (broker, database) = servers()?;
    let plan = SchedulePlan {
        channel: args.channel,
        rounds: usize::try_from(args.rounds)?,
        count: args.count,
        singles: args.singles,
        ahead: Duration::from_secs(args.ahead),
        system: args.system.read()?,
    };
    let results = measure(&plan, &broker, &database).await?;
    let targets = results.targets();
    let all_met = targets.iter().all(PerformanceTarget::is_met);
    MeasurementResult::new(text(&results, &targets), &results, all_met)
}

fn text(results: &ScheduleResults, targets: &[PerformanceTarget]) -> String {
    let rounds = || results.rounds.iter();
    let lateness: Vec<_> = rounds()
        .flat_map(|round| {
            [
                ("due at once", &round.due_at_once.lateness),
                ("single", &round.single),
            ]
        })
        .flat_map(|(phase, report)| lateness(phase, report))
        .collect();
    let counts: Vec<_> = rounds()
        .flat_map(|round| {
            [
                ("due at once", &round.due_at_once.lateness),
                ("single", &round.single),
            ]
        })
        .map(|(phase, report)| counts(phase, report))
        .collect();
    let rates: Vec<_> = rounds().map(rates).collect();
    format!(
        "{}\nMilliseconds after sendAt, by round:\n{}\nBy round:\n{}\nBy round; webhooks released by a scheduler \
         alone, and notifications posted while RabbitMQ is away:\n{}",
        targets_table(targets),
        table(["PHASE", "UNTIL", "P50", "P99", "MAX"], &lateness),
        table(
            [
                "PHASE", "COUNT", "RECORDED", "EARLY", "LOST", "REPEATED", "FOREIGN"
            ],
            &counts
        ),
        table(
            [
                "RELEASED/S",
                "RELEASED",
                "RECORDED",
                "LOST",
                "REPEATED",
                "ACCEPTED/S",
                "P50 MS",
                "P99 MS",
                "ACCEPTED",
                "REFUSED",
                "UNANSWERED",
                "RECORDED",
            ],
            &rates
        ),
    )
}

/// The lines of a phase: one for each event that was measured.
fn lateness(phase: &str, report: &LatenessReport) -> Vec<[String; 5]> {
    let lines = [
        ("in-app processed_at", report.in_app_ms),
        ("webhook arrival", report.webhook_ms),
        ("webhook processed_at", report.webhook_processed_ms),
    ];
    let measured = lines.into_iter().filter_map(|(until, summary)| {
        let ms = summary?;
        let millis = [ms.p50, ms.p99, ms.max].map(|ms| format!("{ms:.0}"));
        let [p50, p99, max] = millis;
        Some([phase.to_owned(), until.to_owned(), p50, p99, max])
    });
    measured.collect()
}

fn counts(phase: &str, report: &LatenessReport) -> [String; 7] {
    let differences = report.differences;
    [
        phase.to_owned(),
        report.count.to_string(),
        report.recorded.to_string(),
        report.early.to_string(),
        differences.lost.to_string(),
        differences.repeated.to_string(),
        differences.foreign.to_string(),
    ]
}

fn rates(round: &ScheduleRound) -> [String; 12] {
    let (release, accepted) = (&round.release, &round.without_broker);
    let millis = |value: fn(Summary) -> f64| {
        let summary = accepted.accepted_ms;
        summary.map_or_else(|| "-".to_owned(), |ms| format!("{:.1}", value(ms)))
    };
    [
        format!("{:.0}", release.released_per_second),
        release.released.to_string(),
        release.recorded.to_string(),
        release.differences.lost.to_string(),
        release.differences.repeated.to_string(),
        format!("{:.0}", accepted.accepted_per_second),
        millis(|ms| ms.p50),
        millis(|ms| ms.p99),
        accepted.accepted.to_string(),
        accepted.refused.to_string(),
        accepted.unanswered.to_string(),
        accepted.recorded.to_string(),
    ]
}
