use std::path::PathBuf;

use serde_json::json;
use tidings_bench::growth::{Plan, Step, measure};

use super::{ProgramArgs, servers, write_figures};
use crate::output::{Report, table};

/// How much a figure of the last step may be worse than that of the first.
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
    let steps = measure(&plan, &broker, &database).await?;
    write_figures(args.figures.as_deref(), &json!({ "steps": steps }))?;
    let fine = falls(&steps).iter().all(|(_, fall)| *fall <= FALL);
    Ok(Report::fine(text(&steps), json!({ "steps": steps }))?.fine_if(fine))
}

/// By how much each figure is worse in the last step than in the first, as a share of the first.
fn falls(steps: &[Step]) -> Vec<(&'static str, f64)> {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
        return Vec::new();
    };
    let page = |step: &Step| step.page_ms.map_or(f64::NAN, |ms| ms.p50);
    vec![
        (
            "inserted a second",
            1.0 - last.inserted_per_second / first.inserted_per_second,
        ),
        (
            "recorded a second",
            1.0 - last.recorded_per_second / first.recorded_per_second,
        ),
        ("a page at p50", page(last) / page(first) - 1.0),
    ]
}

fn text(steps: &[Step]) -> String {
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
    rows.extend(steps.iter().map(|step| {
        let page = |of: fn(&tidings_bench::Summary) -> f64| {
            step.page_ms
                .map_or_else(|| "-".to_owned(), |ms| format!("{:.2}", of(&ms)))
        };
        vec![
            step.rows.to_string(),
            format!("{:.0}", step.inserted_per_second),
            format!("{:.0}", step.recorded_per_second),
            page(|ms| ms.p50),
            page(|ms| ms.p99),
        ]
    }));
    let mut changes = vec![["WORSE BY", "", "AT MOST"].map(str::to_owned).to_vec()];
    changes.extend(falls(steps).into_iter().map(|(what, fall)| {
        vec![
            what.to_owned(),
            format!("{:.1} %", fall * 100.0),
            format!("{:.0} %", FALL * 100.0),
        ]
    }));
    table(&rows) + "\n" + &table(&changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fall_is_a_share_of_the_first_step() {
        let step = |rate| Step {
            rows: 1,
            inserted_per_second: rate,
            recorded_per_second: rate,
            page_ms: None,
        };
        let falls = falls(&[step(100.0), step(1.0), step(80.0)]);
        assert!((falls[0].1 - 0.2).abs() < 1e-9 && (falls[1].1 - 0.2).abs() < 1e-9);
        assert!(falls[2].1.is_nan(), "no pages were read");
    }
}
