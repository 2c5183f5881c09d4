//! Latencies and their percentiles.

use std::time::Duration;

use serde::Serialize;

/// Records latencies. Keeps every value, so the percentiles are exact.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Records a latency, in microseconds, up to 71 minutes.
    pub fn record(&mut self, took: Duration) {
        self.0
            .push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    /// Adds all latencies of `other`.
    pub fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The percentiles; `None` if nothing was recorded.
    #[must_use]
    pub fn summary(mut self) -> Option<Summary> {
        self.0.sort_unstable();
        let max = *self.0.last()?;
        let at = |per_mille: usize| {
            // Nearest rank: the smallest latency that at least this share of all latencies do not exceed.
            let rank = (self.0.len() * per_mille).div_ceil(1000).max(1);
            millis(self.0[rank - 1])
        };
        Some(Summary {
            p50: at(500),
            p90: at(900),
            p95: at(950),
            p99: at(990),
            p999: at(999),
            max: millis(max),
        })
    }
}

fn millis(micros: u32) -> f64 {
    f64::from(micros) / 1000.0
}

/// Percentiles (nearest rank), in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// 50th percentile.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_recorded_latencies() {
        let mut latencies = Latencies::default();
        for millis in (1..=1000).rev() {
            latencies.record(Duration::from_millis(millis));
        }
        let summary = latencies.summary().expect("recorded");
        let found = [
            summary.p50,
            summary.p90,
            summary.p99,
            summary.p999,
            summary.max,
        ];
        let found = found.map(|ms| ms.to_string());
        assert_eq!(found, ["500", "900", "990", "999", "1000"]);
    }

    #[test]
    fn a_single_latency_is_every_percentile_and_no_latencies_have_none() {
        let mut one = Latencies::default();
        one.record(Duration::from_micros(1500));
        let summary = one.summary().expect("recorded");
        assert_eq!(
            [summary.p50, summary.max].map(|ms| ms.to_string()),
            ["1.5"; 2]
        );
        assert!(Latencies::default().summary().is_none());
    }
}
