//! `tidings-bench limits`.

use std::fmt::Write;
use std::net::SocketAddr;

use clap::value_parser;

use crate::args::LoadArgs;
use crate::limits::{ApiWithoutBroker, Limits, LimitsPlan, measure};
use crate::output::MeasurementResult;
use crate::settings::{api_token, servers};

/// Arguments of `limits`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Messages, rows and requests for each part
    #[arg(long, default_value_t = 40_000, value_parser = value_parser!(u64).range(1000..))]
    count: u64,
    #[command(flatten)]
    load: LoadArgs,
    /// An API that accepts without publishing, for the limit of HTTP: the example `unpublished` of tidings-api
    #[arg(long, value_name = "ADDRESS:PORT")]
    unpublished_api: Option<SocketAddr>,
    /// A token without a scope for that API [default: signed with `JWT_SECRET`]
    #[arg(long)]
    token: Option<String>,
}

/// Measures.
pub async fn run(args: Args) -> anyhow::Result<MeasurementResult> {
    let (broker, database) = servers()?;
    let unpublished = match args.unpublished_api {
        Some(address) => Some(ApiWithoutBroker {
            address,
            token: api_token(args.token)?,
        }),
        None => None,
    };
    let plan = LimitsPlan {
        count: args.count,
        payload_bytes: args.load.payload_bytes,
        connections: args.load.connections(),
    };
    let limits = measure(plan, &broker, &database, unpublished.as_ref()).await?;
    MeasurementResult::new(text(&limits), limits, true)
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
        ("(i) INSERTs of the intake", Some(limits.insert)),
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
