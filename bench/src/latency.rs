use std::time::Duration;

use serde::Serialize;

/// How long something took, many times: every single time is kept, so the figures are exact.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Notes one time. Kept in microseconds, up to 71 minutes.
    pub fn note(&mut self, took: Duration) {
        self.0
            .push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    /// Adds the times that another has kept.
    pub fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The figures; `None` where nothing was noted.
    #[must_use]
    pub fn summary(mut self) -> Option<Summary> {
        self.0.sort_unstable();
        let max = *self.0.last()?;
        let at = |per_mille: usize| {
            // The smallest time that at least this share of all do not exceed (nearest rank).
            let rank = (self.0.len() * per_mille).div_ceil(1000).max(1);
            millis(self.0[rank - 1])
        };
        Some(Summary {
            p50: at(500),
            p90: at(900),
            p99: at(990),
            p999: at(999),
            max: millis(max),
        })
    }
}

fn millis(micros: u32) -> f64 {
    f64::from(micros) / 1000.0
}

/// Percentiles by nearest rank, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Half of all took at most this long.
    pub p50: f64,
    /// 90 % did.
    pub p90: f64,
    /// 99 % did.
    pub p99: f64,
    /// 99.9 % did.
    pub p999: f64,
    /// All did.
    pub max: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_noted() {
        let mut latencies = Latencies::default();
        for millis in (1..=1000).rev() {
            latencies.note(Duration::from_millis(millis));
        }
        let summary = latencies.summary().expect("noted");
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
    fn one_time_is_every_percentile_and_none_has_no_figures() {
        let mut one = Latencies::default();
        one.note(Duration::from_micros(1500));
        let summary = one.summary().expect("noted");
        assert_eq!(
            [summary.p50, summary.max].map(|ms| ms.to_string()),
            ["1.5"; 2]
        );
        assert!(Latencies::default().summary().is_none());
    }
}
