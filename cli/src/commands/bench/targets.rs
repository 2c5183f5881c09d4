use std::fmt::Write;
use std::path::PathBuf;

use tidings_bench::targets::{Figures, Plan, Target, measure};

use super::{ProgramArgs, servers, write_figures};
use crate::output::{Report, table};

/// What `bench targets` can be told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How often everything is measured; the figures are the medians
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Notifications of each part of a round
    #[arg(long, default_value_t = 40_000, value_parser = clap::value_parser!(u64).range(1000..))]
    count: u64,
    /// Messages in the queue that is drained
    #[arg(long, default_value_t = 200_000)]
    drain: u64,
    /// Connections
    #[arg(long, default_value_t = 64, value_parser = 1..=10_000)]
    connections: i64,
    /// Bytes of each payload
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    payload_bytes: usize,
    /// The programs, and where they log to.
    #[command(flatten)]
    programs: ProgramArgs,
    /// The API with publishing replaced by an immediate yes: the example `unpublished` of tidings-api
    #[arg(long, value_name = "PATH")]
    unpublished: PathBuf,
    /// A file for all figures, as JSON
    #[arg(long, value_name = "FILE")]
    figures: Option<PathBuf>,
}

/// Measures and reports; a target that is missed is a finding.
pub async fn run(args: Args) -> anyhow::Result<Report> {
    let (broker, database) = servers()?;
    let plan = Plan {
        rounds: args.rounds,
        count: args.count,
        drain: args.drain,
        connections: usize::try_from(args.connections)?,
        payload_bytes: args.payload_bytes,
        unpublished: args.unpublished,
        programs: args.programs.read()?,
    };
    let figures = measure(&plan, &broker, &database).await?;
    write_figures(args.figures.as_deref(), &figures)?;
    let targets = figures.targets();
    let all_met = targets.iter().all(Target::is_met);
    Ok(Report::fine(text(&figures, &targets), &figures)?.fine_if(all_met))
}

fn text(figures: &Figures, targets: &[Target]) -> String {
    let row = |target: &Target| {
        let bound = if target.least { "at least" } else { "at most" };
        vec![
            target.what.to_owned(),
            format!("{bound} {}", target.bound),
            format!("{:.2}", target.measured),
            (if target.is_met() { "met" } else { "MISSED" }).to_owned(),
        ]
    };
    let mut rows = vec![
        ["WHAT", "TARGET", "MEASURED", ""]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(targets.iter().map(row));
    let mut text = table(&rows);
    // Writing to a String does not fail.
    let _ = writeln!(text, "\nNotifications a second, by round:");
    let rounds = figures.rounds.iter().map(|round| {
        let limits = &round.limits;
        [
            limits.publish,
            limits.publish_and_consume,
            limits.consume,
            limits.insert,
            limits.http.unwrap_or(f64::NAN),
            round.accepted,
            round.pipeline.recorded_per_second,
            round.batch.recorded_per_second,
            round.drained,
        ]
        .map(|rate| format!("{rate:.0}"))
        .to_vec()
    });
    let names = [
        "P", "Q", "C", "I", "H", "ACCEPTED", "RECORDED", "BATCH", "DRAINED",
    ];
    let mut rows = vec![names.map(str::to_owned).to_vec()];
    rows.extend(rounds);
    text + &table(&rows)
}
