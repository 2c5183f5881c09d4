use std::collections::BTreeMap;

use serde::Serialize;

use crate::latency::Summary;
use crate::statistics::median;
use crate::targets::PerformanceTarget;

/// The results.
#[derive(Clone, Debug, Serialize)]
pub struct DashboardResults {
    /// Notifications in the table before the comparison of the pipeline.
    pub rows: u32,
    /// Clients that made requests at the same time, and open dashboards.
    pub dashboards: u32,
    /// From the request to the last byte, by what is loaded, in milliseconds.
    pub requests_ms: BTreeMap<String, Summary>,
    /// What open dashboards take from the pipeline.
    pub pipeline: PipelineComparison,
    /// The job of replays.
    pub replay: ReplayResults,
}

/// Notifications a second through the whole pipeline, in each round.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PipelineComparison {
    /// With open dashboards.
    pub with: Vec<f64>,
    /// Without.
    pub without: Vec<f64>,
    /// Requests that the dashboards made.
    pub polled: u64,
}

impl PipelineComparison {
    /// The median of the ratios of the rounds.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        let rounds = self.with.iter().zip(&self.without);
        median(rounds.map(|(with, without)| with / without))
    }
}

/// The job of replays.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ReplayResults {
    /// The rate that it was given, per second.
    pub set: u32,
    /// Dead letters that it has replayed.
    pub replayed: u64,
    /// Dead letters that it has skipped or could not replay.
    pub not_replayed: u64,
    /// From its start to its end.
    pub seconds: f64,
}

impl ReplayResults {
    /// Its rate as a share of the rate that it was given.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a rate to print")]
    pub fn ratio(&self) -> f64 {
        self.replayed as f64 / self.seconds / f64::from(self.set)
    }
}

impl DashboardResults {
    /// The targets with the measured values.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a count to compare with 0")]
    pub fn targets(&self) -> Vec<PerformanceTarget> {
        let slowest = self.requests_ms.values().map(|ms| ms.p95);
        vec![
            PerformanceTarget::at_most(
                "the slowest request of the dashboard at p95, ms",
                100.0,
                slowest.reduce(f64::max).unwrap_or(f64::NAN),
            ),
            PerformanceTarget::at_least(
                "recorded a second with open dashboards ÷ without",
                0.97,
                self.pipeline.ratio(),
            ),
            PerformanceTarget::at_least(
                "rate of the job ÷ the rate that was set",
                0.95,
                self.replay.ratio(),
            ),
            PerformanceTarget::at_most(
                "rate of the job ÷ the rate that was set",
                1.05,
                self.replay.ratio(),
            ),
            PerformanceTarget::at_most(
                "dead letters that the job did not replay",
                0.0,
                self.replay.not_replayed as f64,
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_request_and_the_ratios_decide() {
        let summary = |p95| Summary {
            p50: 1.0,
            p90: 2.0,
            p95,
            p99: 900.0,
            p999: 900.0,
            max: 900.0,
        };
        let results = DashboardResults {
            rows: 0,
            dashboards: 5,
            requests_ms: [
                ("a".to_owned(), summary(3.0)),
                ("b".to_owned(), summary(101.0)),
            ]
            .into(),
            pipeline: PipelineComparison {
                with: vec![50.0, 98.0, 200.0],
                without: vec![100.0, 100.0, 100.0],
                polled: 1,
            },
            replay: ReplayResults {
                set: 200,
                replayed: 1000,
                not_replayed: 0,
                seconds: 5.0,
            },
        };
        let met: Vec<bool> = results
            .targets()
            .iter()
            .map(PerformanceTarget::is_met)
            .collect();
        assert_eq!(met, [false, true, true, true, true]);
    }
}
