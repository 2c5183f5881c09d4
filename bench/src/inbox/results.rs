use std::collections::BTreeMap;

use serde::Serialize;

use crate::latency::Summary;
use crate::statistics::median;
use crate::targets::PerformanceTarget;

/// The results.
#[derive(Clone, Debug, Serialize)]
pub struct InboxResults {
    /// Open streams.
    pub live: LiveResults,
    /// Reads of a large inbox.
    pub reading: ReadingResults,
    /// The intake while nobody has a stream.
    pub intake: IntakeResults,
}

/// Open streams.
#[derive(Clone, Debug, Serialize)]
pub struct LiveResults {
    /// Streams.
    pub streams: u32,
    /// How long it took to open them, in seconds.
    pub opened_in_seconds: f64,
    /// Peak memory of the API before, in MiB.
    pub idle_mib: f64,
    /// Peak memory of the API until the end of the time in which nothing happens on the streams.
    pub open_mib: f64,
    /// Peak memory of the API until the end of the load.
    pub loaded_mib: f64,
    /// Posted notifications.
    pub posted: u64,
    /// From the first POST to the last response, in seconds.
    pub posted_in_seconds: f64,
    /// Notifications that have reached their stream.
    pub arrived: u64,
    /// Accepted notifications that have not.
    pub lost: u64,
    /// Notifications that have reached it again.
    pub repeated: u64,
    /// How often a stream was told to read the list again.
    pub resets: u64,
    /// Streams that have ended.
    pub ended: u64,
    /// From when a POST was due to the arrival, in milliseconds.
    pub posted_ms: Option<Summary>,
    /// From `processedAt` to the arrival, in milliseconds.
    pub processed_ms: Option<Summary>,
    /// CPU of each process during the load, in seconds.
    pub cpu_seconds: BTreeMap<String, f64>,
}

/// Reads of a large inbox.
#[derive(Clone, Debug, Serialize)]
pub struct ReadingResults {
    /// Notifications in the inbox.
    pub rows: u32,
    /// Clients that read at the same time.
    pub clients: u32,
    /// From the request to the last byte, by what is read, in milliseconds.
    pub reads_ms: BTreeMap<String, Summary>,
}

/// Notifications that a worker records in a second from a full queue, in each round.
#[derive(Clone, Debug, Default, Serialize)]
pub struct IntakeResults {
    /// Whether the other worker is one of a version before.
    pub compared_with_a_version_before: bool,
    /// Those of the worker.
    pub rates: Vec<f64>,
    /// Those of the other one.
    pub compared: Vec<f64>,
}

impl IntakeResults {
    /// The median of the ratios of the rounds.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        median(
            self.rates
                .iter()
                .zip(&self.compared)
                .map(|(rate, other)| rate / other),
        )
    }
}

impl InboxResults {
    /// The targets with the measured values.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts to compare with 0")]
    pub fn targets(&self) -> Vec<PerformanceTarget> {
        let (live, reads) = (&self.live, &self.reading.reads_ms);
        let p99_of = |is_count: bool| {
            let kinds = reads
                .iter()
                .filter(|(name, _)| name.starts_with("counts") == is_count);
            kinds
                .map(|(_, ms)| ms.p99)
                .reduce(f64::max)
                .unwrap_or(f64::NAN)
        };
        let wrong = live.lost + live.resets + live.ended;
        vec![
            PerformanceTarget::at_most(
                "memory of the open streams, MiB",
                64.0,
                live.open_mib - live.idle_mib,
            ),
            PerformanceTarget::at_most(
                "POST → event at its stream at p99, ms",
                250.0,
                live.posted_ms.map_or(f64::NAN, |ms| ms.p99),
            ),
            PerformanceTarget::at_most("lost events, resets and ended streams", 0.0, wrong as f64),
            PerformanceTarget::at_most("a page of a large inbox at p99, ms", 20.0, p99_of(false)),
            PerformanceTarget::at_most("counts of a large inbox at p99, ms", 20.0, p99_of(true)),
            PerformanceTarget::at_least(
                "recorded a second while nobody listens ÷ without",
                0.95,
                self.intake.ratio(),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_of_the_intake_compares_within_rounds() {
        let intake = IntakeResults {
            compared_with_a_version_before: false,
            rates: vec![50.0, 90.0, 200.0],
            compared: vec![100.0, 100.0, 100.0],
        };
        assert!((intake.ratio() - 0.9).abs() < f64::EPSILON);
    }
}
