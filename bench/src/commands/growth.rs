//! `tidings-bench growth`.

use clap::value_parser;

use crate::args::SystemArgs;
use crate::growth::{Degradation, GrowthPlan, GrowthReport, StepResult, measure};
use crate::latency::Summary;
use crate::output::MeasurementResult;
use crate::settings::servers;
use crate::table::table;

/// How much worse the last step may be than a table that stayed at the size of the first step.
const MAX_DEGRADATION: f64 = 0.15;

/// Arguments of `growth`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rows after the last step
    #[arg(long, default_value_t = 5_000_000)]
    rows: u64,
    /// Steps, each of the same number of rows
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u64).range(2..))]
    steps: u64,
    /// Rows, and notifications through the pipeline, in each of the five samples of a step
    #[arg(long, default_value_t = 20_000, value_parser = value_parser!(u64).range(1000..))]
    sample: u64,
    #[command(flatten)]
    system: SystemArgs,
}

/// Measures. Fails the measurement if a rate or reading time gets worse by more than the bound.
pub async fn run(args: Args) -> anyhow::Result<MeasurementResult> {
    let (broker, database) = servers()?;
    let plan = GrowthPlan {
        rows: args.rows,
        steps: args.steps,
        sample: args.sample,
        system: args.system.read()?,
    };
    let growth = measure(&plan, &broker, &database).await?;
    let degradations = degradations(growth.worse);
    let passed = degradations.iter().all(|(_, by)| *by <= MAX_DEGRADATION);
    MeasurementResult::new(text(&growth), &growth, passed)
}

const fn degradations(worse: Degradation) -> [(&'static str, f64); 3] {
    [
        ("inserted a second", worse.inserted),
        ("recorded a second", worse.recorded),
        ("a page at p50", worse.page),
    ]
}

fn text(growth: &GrowthReport) -> String {
    let mut steps: Vec<_> = growth.steps.iter().map(|step| line(step, "")).collect();
    steps.push(line(&growth.first_again, " *"));
    let percent = |share: f64, digits: usize| format!("{:.digits$} %", share * 100.0);
    let worse = degradations(growth.worse)
        .map(|(what, by)| [what.to_owned(), percent(by, 1), percent(MAX_DEGRADATION, 0)]);
    format!(
        "{}* a table of the size of the first step, measured in turn with the last step\n\n{}",
        table(
            [
                "ROWS",
                "INSERTED/S",
                "RECORDED/S",
                "PAGE P50 MS",
                "PAGE P99 MS"
            ],
            &steps
        ),
        table(["WORSE BY", "", "AT MOST"], &worse)
    )
}

fn line(step: &StepResult, mark: &str) -> [String; 5] {
    let page = |percentile: fn(&Summary) -> f64| {
        step.page_ms
            .map_or_else(|| "-".to_owned(), |ms| format!("{:.2}", percentile(&ms)))
    };
    [
        format!("{}{mark}", step.rows),
        format!("{:.0}", step.inserted_per_second),
        format!("{:.0}", step.recorded_per_second),
        page(|ms| ms.p50),
        page(|ms| ms.p99),
    ]
}
