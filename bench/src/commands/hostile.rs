//! `tidings-bench hostile`.

use clap::value_parser;

use crate::args::SystemArgs;
use crate::hostile::{HostileClients, HostilePlan, HostileResults, measure};
use crate::output::MeasurementResult;
use crate::settings::servers;
use crate::targets::{PerformanceTarget, targets_table};

/// Arguments of `hostile`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Notifications of the good clients, alone and beside the hostile ones
    #[arg(long, default_value_t = 40_000, value_parser = value_parser!(u64).range(1000..))]
    count: u64,
    /// Connections that send nothing
    #[arg(long, default_value_t = 5000)]
    silent: usize,
    /// Connections that ask for long responses and read nothing
    #[arg(long, default_value_t = 500)]
    deaf: usize,
    /// Connections that send a byte a second: half of them a request head, half of them a body
    #[arg(long, default_value_t = 200)]
    slow: usize,
    /// Connections that send a body of the largest size each second
    #[arg(long, default_value_t = 4)]
    large: usize,
    #[command(flatten)]
    system: SystemArgs,
}

/// Measures. Fails the measurement if a target is missed.
pub async fn run(args: Args) -> anyhow::Result<MeasurementResult> {
    let (broker, database) = servers()?;
    let plan = HostilePlan {
        count: args.count,
        hostile: HostileClients {
            silent: args.silent,
            deaf: args.deaf,
            slow: args.slow,
            large: args.large,
        },
        system: args.system.read()?,
    };
    let results = measure(&plan, &broker, &database).await?;
    let targets = results.targets();
    let all_met = targets.iter().all(PerformanceTarget::is_met);
    MeasurementResult::new(text(&results, &targets), &results, all_met)
}

fn text(results: &HostileResults, targets: &[PerformanceTarget]) -> String {
    format!(
        "{}\nAccepted a second: alone {:.0}, beside hostile clients {:.0}, alone again {:.0}\n\
         Of the good clients' notifications beside hostile ones: {} refused, {} unanswered\n\
         Hostile connections opened: {}, open at once: {}\n",
        targets_table(targets),
        results.alone_before,
        results.beside,
        results.alone_after,
        results.refused,
        results.unanswered,
        results.hostile_opened,
        results.hostile_open,
    )
}
