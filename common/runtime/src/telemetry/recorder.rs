//! The metrics of the process.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::table::{self, MetricKind};
use crate::tasks::vital;

/// Bucket bounds of latency histograms, in seconds.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Bucket bounds of how long notifications wait, in seconds: up to 6 hours.
const LAGS: [f64; 16] = [
    0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 10_800.0,
    21_600.0,
];

/// Bucket bounds of batch size histograms, in messages.
const SIZES: [f64; 11] = [
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0,
];

/// Sets metrics to the values of now.
type Sampler = Box<dyn Fn() + Send>;

/// The metrics of the process, in the text format of Prometheus.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    samplers: Arc<Mutex<Vec<Sampler>>>,
}

impl Metrics {
    fn new(handle: PrometheusHandle) -> Self {
        Self {
            handle,
            samplers: Arc::default(),
        }
    }

    /// Metrics without a process-wide recorder, for tests.
    #[must_use]
    pub fn detached() -> Self {
        Self::new(PrometheusBuilder::new().build_recorder().handle())
    }

    /// Calls `sampler` before each rendering. For values that nobody needs between two of them. Must not block.
    pub fn sample(&self, sampler: impl Fn() + Send + 'static) {
        let mut samplers = self.samplers.lock().unwrap_or_else(PoisonError::into_inner);
        samplers.push(Box::new(sampler));
    }

    /// The body of `GET /metrics`.
    #[must_use]
    pub fn render(&self) -> String {
        let samplers = self.samplers.lock().unwrap_or_else(PoisonError::into_inner);
        for sampler in &*samplers {
            sampler();
        }
        drop(samplers);
        self.handle.render()
    }
}

/// Installs the metrics recorder of the process. The names of histograms must end in `_seconds` or `_size`, which
/// selects the bucket bounds.
///
/// Must be called in a tokio runtime: starts a task that keeps the histograms from growing between scrapes.
///
/// # Errors
///
/// Returns an error if the process has a recorder already.
pub fn install() -> Result<Metrics, BuildError> {
    // Full names come before suffixes.
    let lags = ["tidings_intake_lag_seconds", "tidings_delivery_lag_seconds"];
    let mut builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES)?;
    for name in lags {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), &LAGS)?;
    }
    let handle = builder.install_recorder()?;
    register_help();
    let upkeep = handle.clone();
    tokio::spawn(vital("metrics upkeep", async move {
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        loop {
            tick.tick().await;
            upkeep.run_upkeep();
        }
    }));
    Ok(Metrics::new(handle))
}

/// Registers the help text of every metric.
fn register_help() {
    for metric in table::metrics() {
        let (name, help) = (metric.name, metric.meaning());
        match metric.kind {
            MetricKind::Counter => describe_counter!(name, help),
            MetricKind::Gauge => describe_gauge!(name, help),
            MetricKind::Histogram => describe_histogram!(name, help),
        }
    }
}
