use std::time::Duration;

use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Bounds of the latency histograms, in seconds.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Bounds of the histograms of batch sizes, in messages.
const SIZES: [f64; 11] = [
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0,
];

/// The process's metrics, in the text format that Prometheus reads.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Metrics that belong to no recorder of the process: what a test renders.
    #[must_use]
    pub fn detached() -> Self {
        Self(PrometheusBuilder::new().build_recorder().handle())
    }

    /// The body of `GET /metrics`.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }
}

/// Installs the process's recorder. Histograms whose names end in `_seconds` or `_size` get bounds
/// that fit them.
///
/// Must be called within a tokio runtime: a task of its own keeps the histograms from growing while
/// nobody asks for them.
///
/// # Errors
///
/// Where the process has a recorder already.
pub fn install() -> Result<Metrics, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES)?
        .install_recorder()?;
    describe();
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        loop {
            tick.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(Metrics(handle))
}

/// What every figure means, in one place.
fn describe() {
    describe_counter!(
        "tidings_http_requests_total",
        "Requests answered, by method, path and status"
    );
    describe_histogram!(
        "tidings_http_request_seconds",
        "From a request's head to its answer"
    );
    describe_counter!(
        "tidings_notifications_accepted_total",
        "Notifications answered with 202, by type"
    );
    describe_gauge!("tidings_queue_depth", "Messages ready in a work queue");
    describe_histogram!(
        "tidings_batch_size",
        "Messages that were processed together"
    );
    describe_counter!("tidings_intake_recorded_total", "Rows made");
    describe_counter!(
        "tidings_intake_duplicates_total",
        "Messages whose notification was recorded before"
    );
    describe_counter!(
        "tidings_messages_retried_total",
        "Messages sent up the ladder, by reason"
    );
    describe_counter!(
        "tidings_messages_deferred_total",
        "Messages put off without counting an attempt"
    );
    describe_counter!(
        "tidings_messages_dead_lettered_total",
        "Messages given up, by reason"
    );
    describe_counter!(
        "tidings_delivery_attempts_total",
        "Sends, by channel, provider and outcome"
    );
    describe_histogram!(
        "tidings_delivery_seconds",
        "How long a send took, by channel and provider"
    );
    describe_gauge!(
        "tidings_provider_away",
        "1 while a channel's provider is away and the channel takes no messages"
    );
    describe_gauge!(
        "tidings_channel_paused",
        "1 while a channel pauses because its provider asked for patience"
    );
    describe_gauge!(
        "tidings_webhook_destinations_away",
        "Webhook destinations (host and port) that are away"
    );
}
