//! `tidings-bench access`.

use std::time::Duration;

use clap::value_parser;

use crate::access::{AccessPlan, AccessResults, measure};
use crate::args::SystemArgs;
use crate::output::MeasurementResult;
use crate::settings::servers;
use crate::targets::{PerformanceTarget, targets_table};

/// Arguments of `access`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rounds of posting, each with every kind of caller
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u16).range(1..))]
    rounds: u16,
    /// Notifications of each kind of caller in a round
    #[arg(long, default_value_t = 20_000, value_parser = value_parser!(u64).range(1000..))]
    count: u64,
    /// API keys in the table when the API starts
    #[arg(long, default_value_t = 100_000)]
    keys: u32,
    /// Clients that log in at once
    #[arg(long, default_value_t = 200)]
    clients: usize,
    /// For how long they log in
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    login_secs: u64,
    #[command(flatten)]
    system: SystemArgs,
}

/// Measures. Fails the measurement if a target is missed.
pub async fn run(args: Args) -> anyhow::Result<MeasurementResult> {
    let (broker, database) = servers()?;
    let plan = AccessPlan {
        rounds: args.rounds.into(),
        count: args.count,
        keys: args.keys,
        clients: args.clients,
        logging_in: Duration::from_secs(args.login_secs),
        system: args.system.read()?,
    };
    let results = measure(&plan, &broker, &database).await?;
    let targets = results.targets();
    let all_met = targets.iter().all(PerformanceTarget::is_met);
    MeasurementResult::new(text(&results, &targets), &results, all_met)
}

fn text(results: &AccessResults, targets: &[PerformanceTarget]) -> String {
    let (logins, keys) = (&results.logins, &results.keys);
    format!(
        "{}\nLogins a second: {:.1}; answered 503: {}; peak memory of api, MiB: {:.0}\n\
         With {} keys the API accepts after {:.2} s and uses {:.1} MiB more than without\n",
        targets_table(targets),
        logins.per_second,
        logins.busy,
        logins.peak_mib,
        keys.count,
        keys.usable_after_seconds,
        keys.additional_mib,
    )
}
