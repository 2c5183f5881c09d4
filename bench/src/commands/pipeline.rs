//! `tidings-bench pipeline`.

use std::fmt::Write;
use std::net::SocketAddr;

use anyhow::Context;
use clap::value_parser;
use tidings_db::{Database, DatabaseSettings};

use crate::args::LoadArgs;
use crate::latency::Summary;
use crate::load::LoadPlan;
use crate::output::MeasurementResult;
use crate::pipeline::{MeasuredInstallation, PipelineReport};
use crate::process_usage::WatchedProcess;
use crate::settings::{self, api_address, api_token};

/// Arguments of `pipeline`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Notifications to post
    #[arg(long, default_value_t = 20_000, value_parser = value_parser!(u64).range(1..))]
    count: u64,
    #[command(flatten)]
    load: LoadArgs,
    /// Notifications per second, however fast responses arrive; by default as fast as responses arrive
    #[arg(long, value_name = "PER_SECOND")]
    rate: Option<f64>,
    /// Notifications per request; more than 1 use the batch endpoint
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u64).range(1..=1000))]
    batch: u64,
    /// The address of the API [default: 127.0.0.1 and `API_PORT`]
    #[arg(long, value_name = "ADDRESS:PORT")]
    api: Option<SocketAddr>,
    /// A token without a scope for that API [default: signed with `JWT_SECRET`]
    #[arg(long)]
    token: Option<String>,
    /// A process whose CPU and memory to measure; can be repeated
    #[arg(long = "pid", value_name = "NAME=PID")]
    processes: Vec<WatchedProcess>,
}

/// Measures. Fails the measurement if a notification is lost or recorded twice.
pub async fn run(args: Args) -> anyhow::Result<MeasurementResult> {
    let database = settings::read(DatabaseSettings::read)?;
    let installation = MeasuredInstallation {
        api: api_address(args.api)?,
        token: api_token(args.token)?,
        database: Database::new(&database, "tidings-bench")?,
        processes: args.processes,
    };
    let load = LoadPlan {
        count: args.count,
        connections: args.load.connections(),
        batch: args.batch,
        rate: args.rate,
    };
    let report = installation
        .measure(load, args.load.payload_bytes)
        .await
        .context("cannot measure the pipeline")?;
    let passed = report.lost + report.doubled == 0;
    MeasurementResult::new(text(&report), &report, passed)
}

fn text(report: &PipelineReport) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<34} {value}");
    };
    line(
        "accepted a second",
        format!("{:.0}", report.accepted_per_second),
    );
    line(
        "recorded a second",
        format!("{:.0}", report.recorded_per_second),
    );
    line(
        "accepted, recorded",
        format!("{}, {}", report.accepted, report.recorded),
    );
    line(
        "lost, doubled, refused, unanswered",
        format!(
            "{}, {}, {}, {}",
            report.lost, report.doubled, report.refused, report.unanswered
        ),
    );
    line("POST to 202", latency(report.accepted_ms));
    line("POST to processed_at", latency(report.processed_ms));
    for (name, used) in &report.processes {
        let value = format!(
            "{:.3} s of CPU per 1,000 notifications, peak memory {:.1} MiB",
            used.cpu_seconds_per_1000, used.peak_mib
        );
        line(name, value);
    }
    text
}

fn latency(summary: Option<Summary>) -> String {
    summary.map_or_else(
        || "-".to_owned(),
        |ms| {
            format!(
                "p50 {:.2} ms, p90 {:.2}, p99 {:.2}, p99.9 {:.2}, max {:.2}",
                ms.p50, ms.p90, ms.p99, ms.p999, ms.max
            )
        },
    )
}
