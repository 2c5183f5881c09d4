use std::fmt::Write;
use std::net::SocketAddr;

use tidings_bench::limits::{Limits, Plan, Unpublished, measure};

use super::{api_token, servers};
use crate::output::Report;

/// What `bench limits` can be told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Messages, rows and requests for each part
    #[arg(long, default_value_t = 40_000, value_parser = clap::value_parser!(u64).range(1000..))]
    count: u64,
    /// Publishes that wait for their confirm at once, and connections of the load
    #[arg(long, default_value_t = 64, value_parser = 1..=10_000)]
    connections: i64,
    /// Bytes of each payload
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    payload_bytes: usize,
    /// An API whose publishing is replaced by an immediate yes, as `./dev bench` starts one
    #[arg(long, value_name = "ADDRESS:PORT")]
    unpublished_api: Option<SocketAddr>,
    /// A token for it that may send to anyone [default: one signed with `JWT_SECRET`]
    #[arg(long)]
    token: Option<String>,
}

/// Measures and reports.
pub async fn run(args: Args) -> anyhow::Result<Report> {
    let (broker, database) = servers()?;
    let unpublished = match args.unpublished_api {
        Some(address) => Some(Unpublished {
            address,
            token: api_token(args.token)?,
        }),
        None => None,
    };
    let plan = Plan {
        count: args.count,
        payload_bytes: args.payload_bytes,
        connections: usize::try_from(args.connections)?,
    };
    let limits = measure(plan, &broker, &database, unpublished.as_ref()).await?;
    Report::fine(text(&limits), serde_json::to_value(limits)?)
}

fn text(limits: &Limits) -> String {
    let mut text = String::new();
    let number =
        |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.0}"));
    for (what, rate) in [
        ("(p) confirmed publishes", Some(limits.publish)),
        (
            "(q) publishing and consuming at once",
            Some(limits.publish_and_consume),
        ),
        ("(c) consuming and acknowledging", Some(limits.consume)),
        ("(i) the intake's INSERT", Some(limits.insert)),
        ("(h) HTTP without the broker", limits.http),
        ("ideal of accepting", limits.accepting()),
        ("ideal of the pipeline", limits.recording()),
        ("ideal of the batch endpoint", Some(limits.batches())),
        ("ideal of draining a queue", Some(limits.draining())),
    ] {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{what:<38} {:>10} a second", number(rate));
    }
    let _ = writeln!(
        text,
        "{:<38} {:>10.3} ms at p50",
        "one confirmed publish", limits.publish_p50_ms
    );
    text
}
