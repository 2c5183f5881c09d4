use std::path::PathBuf;

use serde_json::json;
use tidings_bench::growth::{Growth, Plan, Step, Worse, measure};

use super::{ProgramArgs, servers, write_figures};
use crate::output::{Report, table};

/// How much a figure of the last step may be worse than that of a table of the first step's size.
const FALL: f64 = 0.15;

/// What `bench growth` can be told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rows in the end
    #[arg(long, default_value_t = 5_000_000)]
    rows: u64,
    /// Steps on the way there
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(2..))]
    steps: u64,
    /// Rows, and notifications through the pipeline, of each of five samples at a step
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1000..))]
    sample: u64,
    /// Connections
    #[arg(long, default_value_t = 64, value_parser = 1..=10_000)]
    connections: i64,
    /// Bytes of each payload
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    payload_bytes: usize,
    /// The programs, and where they log to.
    #[command(flatten)]
    programs: ProgramArgs,
    /// A file for all figures, as JSON
    #[arg(long, value_name = "FILE")]
    figures: Option<PathBuf>,
}

/// Measures and reports; a figure that falls too far is a finding.
pub async fn run(args: Args) -> anyhow::Result<Report> {
    let (broker, database) = servers()?;
    let plan = Plan {
        rows: args.rows,
        steps: args.steps,
        sample: args.sample,
        connections: usize::try_from(args.connections)?,
        payload_bytes: args.payload_bytes,
        programs: args.programs.read()?,
    };
    let growth = measure(&plan, &broker, &database).await?;
    write_figures(args.figures.as_deref(), &json!(growth))?;
    let fine = falls(growth.worse).iter().all(|(_, fall)| *fall <= FALL);
    Ok(Report::fine(text(&growth), json!(growth))?.fine_if(fine))
}

const fn falls(worse: Worse) -> [(&'static str, f64); 3] {
    [
        ("inserted a second", worse.inserted),
        ("recorded a second", worse.recorded),
        ("a page at p50", worse.page),
    ]
}

fn text(growth: &Growth) -> String {
    let mut rows = vec![
        [
            "ROWS",
            "INSERTED/S",
            "RECORDED/S",
            "PAGE P50 MS",
            "PAGE P99 MS",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    rows.extend(growth.steps.iter().map(|step| line(step, "")));
    rows.push(line(&growth.first_again, " *"));
    let mut changes = vec![["WORSE BY", "", "AT MOST"].map(str::to_owned).to_vec()];
    changes.extend(falls(growth.worse).into_iter().map(|(what, fall)| {
        vec![
            what.to_owned(),
            format!("{:.1} %", fall * 100.0),
            format!("{:.0} %", FALL * 100.0),
        ]
    }));
    format!(
        "{}* a table left at the size of the first step, measured in turn with the last\n\n{}",
        table(&rows),
        table(&changes)
    )
}

fn line(step: &Step, mark: &str) -> Vec<String> {
    let page = |of: fn(&tidings_bench::Summary) -> f64| {
        step.page_ms
            .map_or_else(|| "-".to_owned(), |ms| format!("{:.2}", of(&ms)))
    };
    vec![
        format!("{}{mark}", step.rows),
        format!("{:.0}", step.inserted_per_second),
        format!("{:.0}", step.recorded_per_second),
        page(|ms| ms.p50),
        page(|ms| ms.p99),
    ]
}
