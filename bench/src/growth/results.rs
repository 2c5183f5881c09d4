//! The samples of a measurement and the results that they give.

use serde::Serialize;

use crate::latency::{Latencies, Summary};
use crate::statistics::median;

/// The results for one size of the table.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StepResult {
    /// Rows in the table.
    pub rows: u64,
    /// Rows per second by the INSERT of the intake.
    pub inserted_per_second: f64,
    /// Notifications per second through the whole pipeline.
    pub recorded_per_second: f64,
    /// How long reading a page of a user's notifications takes, in milliseconds.
    pub page_ms: Option<Summary>,
}

/// The results.
#[derive(Clone, Debug, Serialize)]
pub struct GrowthReport {
    /// The results for each size.
    pub steps: Vec<StepResult>,
    /// A table that stayed at the size of the first step, measured in turn with the last step, because a
    /// shared machine is not equally fast all the time.
    pub first_again: StepResult,
    /// How much worse the last step is than that table.
    pub worse: Degradation,
}

/// How much worse a table is than another one, as fractions: 0.1 is 10 %. Medians over samples in turn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Degradation {
    /// Rows per second by the INSERT of the intake.
    pub inserted: f64,
    /// Notifications per second through the whole pipeline.
    pub recorded: f64,
    /// Time to read a page, at p50.
    pub page: f64,
}

/// The samples of a table at one size.
#[derive(Debug, Default)]
pub(super) struct Samples {
    pub(super) inserted: Vec<f64>,
    pub(super) recorded: Vec<f64>,
    pub(super) pages: Latencies,
}

impl Samples {
    pub(super) fn step(&self, rows: u64) -> StepResult {
        StepResult {
            rows,
            inserted_per_second: median(self.inserted.iter().copied()),
            recorded_per_second: median(self.recorded.iter().copied()),
            page_ms: self.pages.clone().summary(),
        }
    }

    pub(super) fn worse_than(&self, first: &Self) -> Degradation {
        let lower = |last: &[f64], first: &[f64]| {
            1.0 - median(last.iter().zip(first).map(|(last, first)| last / first))
        };
        let page = |samples: &Self| {
            samples
                .pages
                .clone()
                .summary()
                .map_or(f64::NAN, |ms| ms.p50)
        };
        Degradation {
            inserted: lower(&self.inserted, &first.inserted),
            recorded: lower(&self.recorded, &first.recorded),
            page: page(self) / page(first) - 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn samples(rates: [f64; 3], page_ms: u64) -> Samples {
        let mut pages = Latencies::default();
        pages.record(Duration::from_millis(page_ms));
        Samples {
            inserted: rates.to_vec(),
            recorded: rates.map(|rate| rate / 2.0).to_vec(),
            pages,
        }
    }

    #[test]
    fn samples_are_compared_in_the_order_of_measurement() {
        // The machine became three times slower during the samples.
        let (last, first) = (
            samples([90.0, 60.0, 27.0], 12),
            samples([100.0, 75.0, 30.0], 10),
        );
        let worse = last.worse_than(&first);
        assert!((worse.inserted - 0.1).abs() < 1e-9 && (worse.recorded - 0.1).abs() < 1e-9);
        assert!((worse.page - 0.2).abs() < 1e-9);
        let better = first.worse_than(&last);
        assert!(better.inserted < 0.0 && better.page < 0.0);
    }
}
