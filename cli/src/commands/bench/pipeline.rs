use std::fmt::Write;
use std::net::SocketAddr;

use anyhow::Context;
use tidings_bench::{Installation, Load, Summary, Watched};
use tidings_db::{Database, DatabaseSettings};

use super::{api_address, api_token};
use crate::output::Report;
use crate::settings;

/// What `bench pipeline` can be told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Notifications to post
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Keep-alive connections, each with one request under way
    #[arg(long, default_value_t = 64, value_parser = 1..=10_000)]
    connections: i64,
    /// Bytes of each payload
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    payload_bytes: usize,
    /// Notifications a second, whether answers come or not; without it as fast as answers come
    #[arg(long, value_name = "PER_SECOND")]
    rate: Option<f64>,
    /// Notifications a request; more than 1 go to the batch endpoint
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    batch: u64,
    /// Where the API listens [default: 127.0.0.1 and `API_PORT`]
    #[arg(long, value_name = "ADDRESS:PORT")]
    api: Option<SocketAddr>,
    /// A token that may send to anyone [default: one signed with `JWT_SECRET`]
    #[arg(long)]
    token: Option<String>,
    /// A process whose CPU and memory are to be measured; can be given more than once
    #[arg(long = "pid", value_name = "NAME=PID")]
    processes: Vec<Watched>,
}

/// Measures and reports.
pub async fn run(args: Args) -> anyhow::Result<Report> {
    let database = settings::read(DatabaseSettings::read)?;
    let installation = Installation {
        api: api_address(args.api)?,
        token: api_token(args.token)?,
        database: Database::new(&database, "tidings bench")?,
        processes: args.processes,
    };
    let load = Load {
        count: args.count,
        connections: usize::try_from(args.connections)?,
        batch: args.batch,
        rate: args.rate,
    };
    let measured = installation
        .measure(load, args.payload_bytes)
        .await
        .context("cannot measure the pipeline")?;
    let text = text(&measured);
    let json = serde_json::to_value(&measured)?;
    let fine = measured.lost + measured.doubled == 0;
    Ok(Report::fine(text, json)?.fine_if(fine))
}

fn text(measured: &tidings_bench::Report) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<22} {value}");
    };
    line(
        "accepted a second",
        format!("{:.0}", measured.accepted_per_second),
    );
    line(
        "recorded a second",
        format!("{:.0}", measured.recorded_per_second),
    );
    line(
        "accepted, recorded",
        format!("{}, {}", measured.accepted, measured.recorded),
    );
    line(
        "lost, doubled, refused, unanswered",
        format!(
            "{}, {}, {}, {}",
            measured.lost, measured.doubled, measured.refused, measured.unanswered
        ),
    );
    line("POST to 202", latency(measured.accepted_ms));
    line("POST to processed_at", latency(measured.processed_ms));
    for (name, used) in &measured.processes {
        let value = format!(
            "{:.3} s of CPU for 1,000 notifications, peak memory {:.1} MiB",
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
